"""Settings that make a comparison of two engines unfair, or answer another question than was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from core import machine
from core.benchmark.configuration import Configuration, Maker
from core.benchmark.fairness.around import Beside, Converting
from core.benchmark.worker import Runs
from core.engines.catalog import title
from core.engines.engine import EngineKind, Optimization, Spin
from core.engines.ort import PROVIDERS


class Setting(StrEnum):
    """How a pair of engines is measured."""

    FAIR = "fair"
    FAIR_THREADS = "fair-threads"
    SPIN = "spin"
    FIRST_THREADS = "first-threads"
    SECOND_THREADS = "second-threads"
    FIRST_COPIES = "first-copies"
    SECOND_COPIES = "second-copies"
    GRADIENTS = "gradients"
    OPTIMIZATION = "optimization"
    COLD = "cold"
    NEIGHBOR = "neighbor"
    SMALL_BATCH = "small-batch"
    LARGE_BATCH = "large-batch"


OTHER_BATCHES: Final[Mapping[Setting, int]] = MappingProxyType({
    Setting.SMALL_BATCH: 1,
    Setting.LARGE_BATCH: 64,
})  # fmt: skip
"""Settings that change what is computed, by their batch; all others only change how it is measured."""

Pair: TypeAlias = tuple[Runs, Runs]


class DoesNotApplyError(ValueError):
    """A setting that this pair, or this machine, does not have: why, in one line."""


@dataclass(frozen=True)
class Duel:
    """Two engines that are compared fairly, and what makes a contender of them.

    Attributes:
        first, second: the engines as a fair comparison has them, with equal threads and batches.
        make: makes contenders.
        calls: over how many the cold mean is taken.
        block_seconds: how long a block takes.
    """

    first: Configuration
    second: Configuration
    make: Maker
    calls: int
    block_seconds: float

    @property
    def few(self) -> int:
        """The smaller number of threads of an unequal pair."""
        return 1

    @property
    def many(self) -> int:
        """The larger number of threads of an unequal pair."""
        return max(2, self.first.options.threads)

    @property
    def own_threads(self) -> bool:
        """Whether the fair comparison has the larger number of threads already."""
        return self.first.options.threads == self.many

    def pair(self, setting: Setting) -> Pair:
        """What is compared under a setting.

        Raises:
            DoesNotApplyError: if this pair or this machine does not have it.
        """
        return _PAIRS[setting](self)

    def reference(self, setting: Setting) -> Setting | None:
        """The fair setting that differs in nothing else; None for the fair one itself."""
        if setting is Setting.FAIR:
            return None
        return Setting.FAIR_THREADS if setting is Setting.SPIN and not self.own_threads else Setting.FAIR

    def title(self, setting: Setting) -> str:
        """The setting in a few words."""
        return self._filled(_TITLES[setting])

    def about(self, setting: Setting) -> str:
        """What is unfair in it, in one sentence."""
        return self._filled(_ABOUT[setting])

    def with_threads(self, first: int, second: int) -> Pair:
        """The pair with other numbers of threads.

        Raises:
            DoesNotApplyError: if this machine has not so many cores.
        """
        cores = machine.logical_cores()
        if max(first, second) > cores:
            raise DoesNotApplyError(
                f"It takes {max(first, second)} cores, and {_cores(cores)} may be used here."
            )
        numbers = zip((self.first, self.second), (first, second), strict=True)
        one, two = (replace(each, options=replace(each.options, threads=count)) for each, count in numbers)
        return self.make(one), self.make(two)

    def with_batch(self, batch: int) -> Pair:
        """The pair with another batch.

        Raises:
            DoesNotApplyError: if it is the fair one's batch.
        """
        if batch == self.first.batch:
            raise DoesNotApplyError(f"The fair comparison has a batch of {batch} already.")
        return self.make(replace(self.first, batch=batch)), self.make(replace(self.second, batch=batch))

    def changed(
        self,
        applies: Callable[[EngineKind], bool],
        change: Callable[[Configuration], Configuration],
        why: str,
    ) -> Pair:
        """The pair with those engines changed that a setting applies to.

        Raises:
            DoesNotApplyError: with the reason, if it applies to neither.
        """
        if not any(applies(each.kind) for each in (self.first, self.second)):
            raise DoesNotApplyError(why)
        one, two = (change(each) if applies(each.kind) else each for each in (self.first, self.second))
        if one.kind is two.kind:
            raise DoesNotApplyError("It would make the two engines one.")
        return self.make(one), self.make(two)

    def _filled(self, text: str) -> str:
        return text.format(
            first=title(self.first.kind),
            second=title(self.second.kind),
            few=self.few,
            many=self.many,
            threads=f"{self.first.options.threads} thread{'' if self.first.options.threads == 1 else 's'}",
            batch=self.first.batch,
            calls=self.calls,
        )


def _fair(duel: Duel) -> Pair:
    return duel.make(duel.first), duel.make(duel.second)


def _fair_threads(duel: Duel) -> Pair:
    if duel.own_threads:
        raise DoesNotApplyError(f"The fair comparison has {duel.many} threads already.")
    return duel.with_threads(duel.many, duel.many)


def _spin(duel: Duel) -> Pair:
    def spinning(each: Configuration) -> Configuration:
        return replace(each, options=replace(each.options, threads=duel.many, spin=Spin.DEFAULT))

    duel.with_threads(duel.many, duel.many)  # refuses where there are not so many cores
    threads = replace(duel.first.options, threads=duel.many)
    first, second = (replace(each, options=threads) for each in (duel.first, duel.second))
    one, two = replace(duel, first=first, second=second).changed(
        _is_ort, spinning, "Neither engine is ONNX Runtime's, whose threads spin."
    )
    return Beside(one, two, duel.block_seconds), Beside(two, one, duel.block_seconds)


def _gradients(duel: Duel) -> Pair:
    return duel.changed(
        lambda kind: kind is EngineKind.EAGER,
        lambda each: replace(each, kind=EngineKind.EAGER_GRAD),
        "Neither engine is eager PyTorch, which alone can record gradients here.",
    )


def _optimization(duel: Duel) -> Pair:
    return duel.changed(
        _is_ort,
        lambda each: replace(each, options=replace(each.options, optimization=Optimization.DISABLE)),
        "Neither engine is ONNX Runtime's, whose graph optimizations can be turned off.",
    )


def _copies(duel: Duel, *, first: bool) -> Pair:
    one, two = _fair(duel)
    return (Converting(one), two) if first else (one, Converting(two))


def _is_ort(kind: EngineKind) -> bool:
    return kind in PROVIDERS


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


_PAIRS: Final[Mapping[Setting, Callable[[Duel], Pair]]] = MappingProxyType({
    Setting.FAIR: _fair,
    Setting.FAIR_THREADS: _fair_threads,
    Setting.SPIN: _spin,
    Setting.FIRST_THREADS: lambda duel: duel.with_threads(duel.many, duel.few),
    Setting.SECOND_THREADS: lambda duel: duel.with_threads(duel.few, duel.many),
    Setting.FIRST_COPIES: lambda duel: _copies(duel, first=True),
    Setting.SECOND_COPIES: lambda duel: _copies(duel, first=False),
    Setting.GRADIENTS: _gradients,
    Setting.OPTIMIZATION: _optimization,
    Setting.COLD: _fair,
    Setting.NEIGHBOR: _fair,
    Setting.SMALL_BATCH: lambda duel: duel.with_batch(OTHER_BATCHES[Setting.SMALL_BATCH]),
    Setting.LARGE_BATCH: lambda duel: duel.with_batch(OTHER_BATCHES[Setting.LARGE_BATCH]),
})  # fmt: skip

_TITLES: Final[Mapping[Setting, str]] = MappingProxyType({
    Setting.FAIR: "Fair: {threads} each",
    Setting.FAIR_THREADS: "Fair, but {many} threads each",
    Setting.SPIN: "Both in one process, threads spinning",
    Setting.FIRST_THREADS: "{many} threads for {first}, {few} for {second}",
    Setting.SECOND_THREADS: "{few} thread for {first}, {many} for {second}",
    Setting.FIRST_COPIES: "Only {first} converts inputs and outputs",
    Setting.SECOND_COPIES: "Only {second} converts inputs and outputs",
    Setting.GRADIENTS: "Inference mode forgotten",
    Setting.OPTIMIZATION: "Graph optimizations off",
    Setting.COLD: "No warm-up: the first {calls} calls",
    Setting.NEIGHBOR: "One after the other, a neighbor half way",
    Setting.SMALL_BATCH: "Batch 1, said of batch {batch}",
    Setting.LARGE_BATCH: "Batch 64, said of batch {batch}",
})  # fmt: skip

_ABOUT: Final[Mapping[Setting, str]] = MappingProxyType({
    Setting.FAIR: (
        "Nothing: each engine has its own process, which is stopped while the other is timed, and {threads}, "
        "ONNX Runtime's threads spin for a millisecond, and the inputs lie ready on both sides."
    ),
    Setting.FAIR_THREADS: (
        "Nothing: both have {many} threads instead of {threads}; whoever says only one of the two numbers "
        "leaves out half of the answer."
    ),
    Setting.SPIN: (
        "Both engines take turns in one process, as in a script, and after its turn ONNX Runtime's idle "
        "threads go on spinning as they do by default, on cores that the other one needs."
    ),
    Setting.FIRST_THREADS: "{first} computes with {many} threads and {second} with {few}.",
    Setting.SECOND_THREADS: "{second} computes with {many} threads and {first} with {few}.",
    Setting.FIRST_COPIES: (
        "The calls of {first} copy and convert its inputs and outputs; those of {second} find them prepared."
    ),
    Setting.SECOND_COPIES: (
        "The calls of {second} copy and convert its inputs and outputs; those of {first} find them prepared."
    ),
    Setting.GRADIENTS: (
        "PyTorch records what a backward pass would need, which nobody will ask for: its inference mode was "
        "forgotten."
    ),
    Setting.OPTIMIZATION: (
        "ONNX Runtime runs the graph as it was exported: its optimizations are turned off, as for debugging."
    ),
    Setting.COLD: (
        "The mean is over the first {calls} calls of a new process, so that what only the first ones cost "
        "stands for all that follow."
    ),
    Setting.NEIGHBOR: (
        "All blocks of {first} come before all of {second}, and in between others begin to use this machine: "
        "here a process per core, started for it, that does nothing but count time."
    ),
    Setting.SMALL_BATCH: (
        "One example at a time shows what a call costs beside the arithmetic, and says little about a batch "
        "of {batch}."
    ),
    Setting.LARGE_BATCH: (
        "64 examples at a time show the arithmetic, and say little about a batch of {batch}, where what a "
        "call costs beside it counts."
    ),
})  # fmt: skip
