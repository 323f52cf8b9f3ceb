"""What a search for the fastest configuration chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core import machine, zoo
from core.benchmark.configuration import Configuration, default_threads
from core.benchmark.plan import MAX_CASES, Method, check_batch
from core.benchmark.rounds import BenchmarkError
from core.engines.catalog import available
from core.engines.engine import EngineKind, EngineOptions, Optimization, Spin
from core.engines.ort import PROVIDERS

BASELINE: Final = EngineKind.EAGER
FEWER_BITS: Final = frozenset({
    EngineKind.BFLOAT16, EngineKind.FLOAT16, EngineKind.ORT_INT8_DYNAMIC, EngineKind.ORT_INT8_STATIC,
    EngineKind.ORT_FLOAT16,
})  # fmt: skip
"""Engines that trade numbers for speed: tried only if an error is allowed."""
LEAST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 3600.0

_ON_PROCESSOR: Final = frozenset(kind for kind, name in PROVIDERS.items() if name == "CPUExecutionProvider")
_OFF_PROCESSOR: Final = frozenset({EngineKind.CUDA, EngineKind.MPS, *PROVIDERS}) - _ON_PROCESSOR
"""Engines whose speed does not hang on the processor's threads."""


@dataclass(frozen=True)
class SearchPlan:
    """What to search, for how long, and what it may cost.

    Attributes:
        model, seed: of the zoo.
        batches: how many examples at once; the first is the baseline's. With more than one, what counts is
            the time per example.
        engines: which; empty for all that can be had here.
        max_error: how far outputs may be from the baseline's, as a share of the largest of these; 0 allows
            only float32 engines, which must agree within the tolerance of `core.export.parity`.
        seconds: how long all of it may take, but for the engine that loads when they are over.
        method: of the last comparison, which decides.
    """

    model: str = "mlp"
    seed: int = 0
    batches: tuple[int, ...] = (1,)
    engines: tuple[EngineKind, ...] = ()
    max_error: float = 0.0
    seconds: float = 120.0
    method: Method = field(default_factory=Method)

    def check(self) -> None:
        """Refuses what cannot be searched.

        Raises:
            BenchmarkError: if there is no batch or one twice, or a bound that is none.
            ZooError: if there is no such model or batch.
        """
        if not 1 <= len(set(self.batches)) == len(self.batches) <= MAX_CASES:
            raise BenchmarkError(
                f"Got the batches {', '.join(map(str, self.batches)) or 'none'}: expected 1 to {MAX_CASES}, "
                "each once."
            )
        if not 0 <= self.max_error < 1:
            raise BenchmarkError(f"Got {self.max_error:g} as the error allowed, expected 0 to less than 1.")
        if not LEAST_SECONDS <= self.seconds <= MOST_SECONDS:
            raise BenchmarkError(
                f"Got {self.seconds:g} s for the search, expected {LEAST_SECONDS:g} to {MOST_SECONDS:,.0f}."
            )
        model = zoo.build(self.model, self.seed)
        for batch in self.batches:
            check_batch(model, batch)

    @property
    def baseline(self) -> Configuration:
        """Eager PyTorch in inference mode, with the threads that it takes by default."""
        return default(BASELINE, self.batches[0])


@dataclass(frozen=True)
class Excluded:
    """What was not tried, or could not be measured.

    Attributes:
        name: of the engine or the configuration.
        reason: why, in one line.
    """

    name: str
    reason: str


def choices(plan: SearchPlan) -> tuple[tuple[EngineKind, ...], tuple[Excluded, ...]]:
    """The engines to try, and those that are left out with the reason; the baseline's is always tried."""
    infos = {each.kind: each for each in available()}
    tried, excluded = [BASELINE], []
    for kind in plan.engines or tuple(infos):
        if kind in tried:
            continue
        if not infos[kind].available:
            excluded.append(Excluded(kind, infos[kind].reason))
        elif kind in FEWER_BITS and not plan.max_error:
            excluded.append(Excluded(kind, "It computes with fewer bits, and no error is allowed."))
        else:
            tried.append(kind)
    return tuple(tried), tuple(excluded)


def default(kind: EngineKind, batch: int) -> Configuration:
    """An engine as it is used here if nothing else is said."""
    return Configuration(kind, EngineOptions(threads=default_threads()), batch)


def defaults(kinds: Iterable[EngineKind], batch: int) -> tuple[Configuration, ...]:
    """Every engine with its default settings; ONNX Runtime's with the spin of the library's default too."""
    found = []
    for kind in kinds:
        found.append(default(kind, batch))
        if kind in _ON_PROCESSOR and default_threads() > 1:
            options = replace(found[-1].options, spin=Spin.DEFAULT)
            found.append(replace(found[-1], options=options))
    return tuple(found)


def other_threads(kinds: Iterable[EngineKind], batch: int) -> tuple[Configuration, ...]:
    """The same engines with 1, 2, 4 and so on threads up to all cores, but for those that are default.

    An engine on another device has no threads to speak of, and one that records gradients is never the
    fastest: both are tried as they are.
    """
    cores = machine.logical_cores()
    counts = sorted({cores, *(2**power for power in range(cores.bit_length()))} - {default_threads()})
    alone = _OFF_PROCESSOR | {EngineKind.EAGER_GRAD}
    return tuple(
        Configuration(kind, EngineOptions(threads=threads), batch)
        for threads in counts
        for kind in kinds
        if kind not in alone
    )


def variations(best: Sequence[Configuration]) -> tuple[Configuration, ...]:
    """Configurations of ONNX Runtime with one other setting each: optimization, or spin if it has threads."""
    found: list[Configuration] = []
    for each in best:
        if each.kind not in PROVIDERS:
            continue
        options = each.options
        changed = [replace(options, optimization=level) for level in Optimization]
        if options.threads > 1 and each.kind in _ON_PROCESSOR:
            changed += [replace(options, spin=spin) for spin in Spin]
        found += [replace(each, options=one) for one in changed]
    return tuple(one for one in dict.fromkeys(found) if one not in best)
