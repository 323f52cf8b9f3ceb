"""What is to be measured: models, engines, batches and threads, and by which method."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Final

from torch import Tensor

from core import machine, zoo
from core.benchmark.exported import Exported, export_if_possible
from core.benchmark.footprint import batch_bytes
from core.benchmark.meter import MOST_FOREIGN
from core.benchmark.rounds import BLOCK_SECONDS, BenchmarkError
from core.engines.catalog import create
from core.engines.engine import EngineError, EngineKind, EngineOptions, InferenceEngine
from core.engines.ort import PROVIDERS

MAX_CASES: Final = 64
"""How many comparisons one plan may ask for."""
_AROUND_SECONDS: Final = 1.5
"""What loading, warming up and weighing one engine takes, about."""
MAX_ENGINES: Final = 8
"""How many engines one comparison may have: a process each."""


@dataclass(frozen=True)
class Method:
    """How engines are compared.

    Attributes:
        block_seconds: how long one engine is timed without a break.
        least_rounds, most_rounds: in each round every engine is timed for a block, in random order.
        least_seconds: how long all rounds together take at least.
        most_foreign: the share of this machine that others may use in a round, beyond what rounding makes
            of nothing; above it the round does not count.
        warm_seconds: how long an engine is called at least before it is timed.
        load_seconds: how long an engine may take to load and to compute for the first time.
        samples: how many single calls of each engine are timed after the rounds, for percentiles; 0 for none.
        sample_seconds: for how long at most, per engine.
        seed: of the order of the engines and of the bootstrap.
    """

    block_seconds: float = BLOCK_SECONDS
    least_rounds: int = 40
    most_rounds: int = 200
    least_seconds: float = 3.0
    most_foreign: float = MOST_FOREIGN
    warm_seconds: float = 0.3
    load_seconds: float = 120.0
    samples: int = 700
    sample_seconds: float = 1.5
    seed: int = 0

    def seconds(self, engines: int) -> float:
        """About how long a comparison of so many engines takes, in seconds, where no round is rejected."""
        # One more, because the baseline runs twice; a fifth more, for what lies between the blocks.
        blocks = self.least_rounds * (engines + 1) * self.block_seconds * 1.2
        samples = engines * self.sample_seconds / 2 if self.samples else 0.0
        return max(blocks, self.least_seconds) + samples + engines * _AROUND_SECONDS


@dataclass(frozen=True)
class Contender:
    """One engine with its settings, running one model of the zoo on one batch.

    Attributes:
        kind: which engine.
        model, seed: of the zoo.
        batch: of the input that it is timed with.
        options: the engine's settings.
        onnx_data: the exported model, so that several engines load the same file; empty if none is needed.
        refusal: why there is no exported model though one is needed; then it cannot be opened.
    """

    kind: EngineKind
    model: str
    seed: int = 0
    batch: int = 1
    options: EngineOptions = field(default_factory=EngineOptions)
    onnx_data: bytes = field(default=b"", repr=False)
    refusal: str = ""

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.kind.value

    @property
    def threads(self) -> int:
        """How many compute one operator."""
        return self.options.threads

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet.

        Raises:
            EngineError: if it cannot be had here.
        """
        if self.refusal:
            raise EngineError(self.refusal)
        return create(self.kind, self._made(), self.options, onnx_data=self.onnx_data or None)

    def inputs(self) -> tuple[Tensor, ...]:
        """What it computes with: the same for every engine of a comparison."""
        return self._made().example_inputs(self.batch, zoo.InputKind.NORMAL, self.seed)

    def _made(self) -> zoo.ZooModel:
        return zoo.build(self.model, self.seed)


def contender(
    kind: EngineKind, model: str, seed: int, batch: int, options: EngineOptions, exported: Exported
) -> Contender:
    """A contender that has the exported model if its engine needs one, or why there is none."""
    if not needs_export(kind):
        return Contender(kind, model, seed, batch, options)
    return Contender(kind, model, seed, batch, options, exported.data, exported.refusal)


@dataclass(frozen=True)
class Case:
    """One comparison: a model at one batch and one number of threads, on several engines.

    Attributes:
        model, seed, batch, threads: what all of them run, and with what.
        contenders: the engines; the first is what the others are compared with.
    """

    model: str
    seed: int
    batch: int
    threads: int
    contenders: tuple[Contender, ...]


@dataclass(frozen=True)
class BenchmarkPlan:
    """Models by batches by threads, each on all engines.

    Attributes:
        models: of the zoo.
        engines: the first is what the others are compared with.
        batches: how many examples at once.
        threads: how many compute one operator.
        options: the other settings of ONNX Runtime's engines.
        seed: of the weights and the inputs.
        method: how they are compared.
    """

    models: tuple[str, ...] = ("simple_mlp",)
    engines: tuple[EngineKind, ...] = (EngineKind.EAGER, EngineKind.ORT)
    batches: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    options: EngineOptions = field(default_factory=EngineOptions)
    seed: int = 0
    method: Method = Method()

    def seconds(self) -> float:
        """About how long it takes, in seconds, where no round is rejected."""
        count = len(self.models) * len(self.batches) * len(self.threads)
        return count * self.method.seconds(len(self.engines))

    def cases(self) -> tuple[Case, ...]:
        """The comparisons, in order: what does not need an exported model comes without one.

        Raises:
            BenchmarkError: if there is nothing to compare, too much, or more threads than this machine has.
            ZooError: if there is no such model or batch.
        """
        self.check()
        found = []
        for model in self.models:
            exported = self._exported(model)
            for batch, threads in itertools.product(self.batches, self.threads):
                options = replace(self.options, threads=threads)
                contenders = tuple(
                    contender(kind, model, self.seed, batch, options, exported) for kind in self.engines
                )
                found.append(Case(model, self.seed, batch, threads, contenders))
        return tuple(found)

    def check(self) -> None:
        """Whether it can be measured, without exporting anything.

        Raises:
            BenchmarkError, ZooError: as `cases` does.
        """
        count = len(self.models) * len(self.batches) * len(self.threads)
        if not count or not self.engines:
            raise BenchmarkError(
                "The plan is empty: choose at least one model, engine, batch and number of threads."
            )
        if count > MAX_CASES:
            raise BenchmarkError(
                f"The plan has {count} comparisons and at most {MAX_CASES} are measured at once: "
                "take fewer models, batches or numbers of threads."
            )
        if len(self.engines) > MAX_ENGINES or len(set(self.engines)) < len(self.engines):
            raise BenchmarkError(
                f"Got {len(self.engines)} engines, expected at most {MAX_ENGINES}, each once: leave some out."
            )
        cores = machine.logical_cores()
        if not all(1 <= each <= cores for each in self.threads):
            raise BenchmarkError(
                f"Got {', '.join(map(str, self.threads))} threads, expected 1 to {cores}, "
                "as this machine has."
            )
        for model in self.models:
            made = zoo.build(model, self.seed)
            for batch in self.batches:
                check_batch(made, batch)

    def _exported(self, model: str) -> Exported:
        needed = any(map(needs_export, self.engines))
        return export_if_possible(model, self.seed) if needed else Exported()


def check_batch(model: zoo.ZooModel, batch: int) -> None:
    """Refuses a batch that is none, or too large.

    Raises:
        BenchmarkError: if it is too large, with the memory that it would take.
        ZooError: if it is none.
    """
    if batch > zoo.MAX_BATCH:
        raise BenchmarkError(_too_large(model, batch))
    model.example_inputs(batch)


def _too_large(model: zoo.ZooModel, batch: int) -> str:
    needed, free = batch_bytes(model, batch) / 2**30, machine.memory_bytes()[1] / 2**30
    return (
        f"The batch is {batch:,}: its inputs and layers would take about {needed:,.3g} GiB in {model.title}, "
        f"and {free:,.3g} GiB are free here. Choose 1 to {zoo.MAX_BATCH}."
    )


def needs_export(kind: EngineKind) -> bool:
    """Whether an engine runs the exported model."""
    return kind in PROVIDERS
