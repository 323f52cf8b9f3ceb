"""What a measurement found: every round as it came, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.benchmark.rounds import Round
from core.benchmark.statistics import Summary
from core.benchmark.verdict import Floor, Judgement
from core.benchmark.worker import Memory
from core.engines.engine import Fact


@dataclass(frozen=True)
class Error:
    """How far an engine's numbers are from the baseline's, over all outputs.

    Attributes:
        absolute, relative: the largest differences; nan where one is nan and the other is not.
        agree: whether all numbers are within the tolerance of `core.export.parity`.
        problem: why they cannot be compared; empty if they can.
    """

    absolute: float
    relative: float
    agree: bool
    problem: str = ""


@dataclass(frozen=True)
class EngineResult:
    """One engine in one comparison.

    Attributes:
        name: of it.
        problem: why it was not measured, or not to the end; empty if all went well.
        metadata: the engine's facts.
        load_seconds, first_seconds: what loading and the first call took.
        warm_seconds: what calls took until it was warm, after the first.
        settled: whether its times were steady by then.
        error: its numbers against the baseline's; None for the baseline.
        summary: its times over the rounds that count, a block's mean per round; None if there are none.
        samples: what single calls took after the rounds, in seconds, in the order of their turns.
        latency: the summary of `samples`; None if there are none.
        judgement: against the baseline; None for the baseline.
        memory: of a process with this engine alone, measured apart.
    """

    name: str
    problem: str = ""
    metadata: Mapping[str, Fact] | None = None
    load_seconds: float | None = None
    first_seconds: float | None = None
    warm_seconds: float | None = None
    settled: bool = False
    error: Error | None = None
    summary: Summary | None = None
    samples: tuple[float, ...] = ()
    latency: Summary | None = None
    judgement: Judgement | None = None
    memory: Memory | None = None


@dataclass(frozen=True)
class CaseReport:
    """One comparison.

    Attributes:
        model, seed, batch, threads: what ran, and with what.
        baseline: the engine that the others are compared with; empty if none could be loaded.
        twin: the name under which the baseline ran a second time, for the noise floor.
        engines: in the plan's order, the twin not among them.
        floor: None if no round counts.
        rounds: all of them, the rejected too; the twin's times are in them.
        caveats: what to know before the numbers are believed, a sentence each.
        complete: whether it was measured to the end.
        machine: the one that measured it, by its name in the cluster; empty if it was this one.
    """

    model: str
    seed: int
    batch: int
    threads: int
    baseline: str
    twin: str
    engines: tuple[EngineResult, ...]
    floor: Floor | None
    rounds: tuple[Round, ...]
    caveats: tuple[str, ...]
    complete: bool
    machine: str = ""

    @property
    def rejected(self) -> int:
        """How many rounds do not count."""
        return sum(each.rejected for each in self.rounds)


@dataclass(frozen=True)
class Report:
    """What a plan's measurement found.

    Attributes:
        cases: as far as it came.
        seconds: what all of it took.
        complete: whether every comparison was measured to the end.
    """

    cases: tuple[CaseReport, ...]
    seconds: float
    complete: bool
