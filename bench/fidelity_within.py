"""The whole method's medians beside those of the Timer and of a bare loop, in the method's own processes.

A measurement as the app makes it: a process per engine, all but one stopped, rounds in random order. In every
other block, what is timed first, at the place where the method's own block begins otherwise, is the same call
by the Timer or the loop. So both have the same process, the same pauses and the same minutes; that two
processes which do the same are often some percent apart plays no part.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torch import Tensor

from bench.fidelity_bare import CALLED, save, session_calls
from bench.fidelity_beside import loop_of, timer_of
from bench.fidelity_medians import ENGINES, WITHIN, Subject
from bench.measure import ratio
from bench.registry import Cell, Table, Target
from core import zoo
from core.benchmark import worker
from core.benchmark.method import compare
from core.benchmark.plan import Contender, Method
from core.benchmark.report import CaseReport
from core.engines.engine import EngineKind, EngineOptions, InferenceEngine
from core.engines.ort import export_onnx

METHOD: Final = Method(least_rounds=40, most_rounds=80, least_seconds=0.0, warm_seconds=0.1, samples=0)
"""As by default, but for how long it goes on: every other round is the others'."""

_WORDS: Final = {EngineKind.EAGER: "the Timer's", EngineKind.ORT: "the loop's"}

Reference = Callable[[int], float]
"""Seconds per call of one block, from its number of calls."""


@dataclass(frozen=True)
class Within:
    """Medians of one engine, seconds per call, one number per process.

    Attributes:
        subject, engine: what ran.
        ours: of the rounds that are the method's own.
        theirs: of the blocks by the Timer or the loop, in the rounds between those.
    """

    subject: Subject
    engine: EngineKind
    ours: Sequence[float]
    theirs: Sequence[float]


@dataclass(frozen=True)
class Watched:
    """A contender in whose process others time the same call in every other block.

    Attributes:
        contender: what the method measures.
        folder: with what the loop reads; each process writes a number per block there: what the others found,
            or 0 where they were not asked.
    """

    contender: Contender
    folder: Path

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.contender.name

    @property
    def threads(self) -> int:
        """How many compute one operator."""
        return self.contender.threads

    def inputs(self) -> tuple[Tensor, ...]:
        """What it computes with."""
        return self.contender.inputs()

    def open(self) -> InferenceEngine:
        """The engine; from now on this process times the others' blocks too."""
        reference, file, timed = self._reference(), self._file(), worker.timed_calls

        def theirs_and_ours(
            call: Callable[[], object], synchronize: Callable[[], object], calls: int, *, settle: bool
        ) -> float:
            if not settle:  # a block of the warm-up
                return timed(call, synchronize, calls, settle=settle)
            with file.open("a+") as lines:
                lines.seek(0)
                theirs = reference(calls) if len(lines.readlines()) % 2 else 0.0
                lines.write(f"{theirs!r}\n")
            return timed(call, synchronize, calls, settle=settle)

        # This process is the comparison's own and ends with it.
        worker.timed_calls = theirs_and_ours
        return self.contender.open()

    def _file(self) -> Path:
        # Processes are started one after the other: the first is the engine's own, another is its twin's.
        return self.folder / f"{self.name}.{time.monotonic_ns()}"

    def _reference(self) -> Reference:
        given = self.contender
        if given.kind is EngineKind.EAGER:
            return timer_of(Subject(given.model, given.batch, given.threads))
        return loop_of(session_calls(self.folder, given.threads)[CALLED])


def within(subject: Subject, comparisons: int, method: Method = METHOD) -> list[Within]:
    """Measures one subject on both engines.

    Args:
        subject: what runs.
        comparisons: how many, in new processes each; the first engine has two in each.
        method: of the comparisons.
    """
    made = zoo.build(subject.model, 0)
    data = export_onnx(made)
    options = EngineOptions(threads=subject.threads)
    found: dict[EngineKind, list[tuple[float, float]]] = {kind: [] for kind in ENGINES}
    for _ in range(comparisons):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            contenders = [
                Contender(
                    kind, subject.model, 0, subject.batch, options, data if kind is EngineKind.ORT else b""
                )
                for kind in ENGINES
            ]
            arrays = [each.contiguous().numpy() for each in contenders[0].inputs()]
            save(folder, data, dict(zip(made.input_names, arrays, strict=True)))
            case = compare([Watched(each, folder) for each in contenders], method)
            for kind in ENGINES:
                found[kind] += _medians(case, kind, folder)
    return [
        Within(subject, kind, *([each[place] for each in pairs] for place in range(2)))
        for kind, pairs in found.items()
    ]


def within_table(found: Sequence[Within], seconds: float) -> Table:
    """The table of what `within` gave."""
    rows: list[tuple[Cell, ...]] = []
    apart: dict[EngineKind, list[str]] = {kind: [] for kind in ENGINES}
    for each in found:
        subject = each.subject
        # Both numbers of a process have its luck.
        ratios = [ours / theirs for ours, theirs in zip(each.ours, each.theirs, strict=True)]
        same = ratio(ratios, [1.0] * len(ratios))
        times = (statistics.median(one) * 1e6 for one in (each.ours, each.theirs))
        head = (subject.model, subject.batch, subject.threads, each.engine.value, len(each.ours))
        rows.append((*head, *times, str(same)))
        if abs(same.value - 1) > WITHIN:
            apart[each.engine].append(f"{subject.model} at {subject.batch} ({same.value:.3f})")
    return Table(
        title="Our medians beside the Timer's and a bare loop's, the whole method, microseconds per call",
        columns=("model", "batch", "threads", "engine", "processes", "ours", "theirs", "ours / theirs (95%)"),
        rows=tuple(rows),
        notes=(
            "Comparisons as the app makes them. In every other round, others time the same call first,",
            "in the same process, with the same number of calls and threads; ours are of the rounds between.",
            "theirs, eager: torch.utils.benchmark.Timer; each call enters inference mode, as ours do.",
            "theirs, ort: a loop over session.run of a session of its own, with the engine's options.",
            "The ratio is the median of the processes' own ratios.",
            f"{seconds:.0f} s in all.",
        ),
        targets=tuple(
            Target(
                f"{kind}: medians within {WITHIN:.0%} of {_WORDS[kind]}, the same call in the same process; "
                f"apart: {', '.join(apart[kind]) or 'none'}",
                met=not apart[kind],
            )
            for kind in ENGINES
        ),
    )


def _medians(case: CaseReport, kind: EngineKind, folder: Path) -> list[tuple[float, float]]:
    """Ours and theirs of each of an engine's processes, over the rounds that were not rejected.

    Raises:
        RuntimeError: if an engine could not be measured, or all rounds were rejected.
    """
    problems = [each.problem for each in case.engines if each.problem]
    if problems:
        raise RuntimeError(problems[0])
    found = []
    # The engine itself, then its twin.
    names = sorted((name for name in case.rounds[0].seconds if name.startswith(kind.value)), key=len)
    files = sorted(folder.glob(f"{kind.value}.*"), key=lambda each: int(each.suffix[1:]))
    for name, file in zip(names, files, strict=True):
        # Some blocks of the warm-up come before the rounds'.
        blocks = [float(line) for line in file.read_text().split()][-len(case.rounds) :]
        both = [(one, theirs) for one, theirs in zip(case.rounds, blocks, strict=True) if not one.rejected]
        kept = [(one.seconds[name], theirs) for one, theirs in both]
        ours = [seconds for seconds, theirs in kept if not theirs]
        others = [theirs for _, theirs in kept if theirs]
        if not ours or not others:
            raise RuntimeError(f"No round of {name} counts: wait until this machine is quiet.")
        found.append((statistics.median(ours), statistics.median(others)))
    return found
