"""Our medians beside those of PyTorch's Timer and of a bare loop over ONNX Runtime, in turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.fidelity_bare import BARER, CALLED, save
from bench.measure import ratio, shuffled
from bench.registry import Cell, Table, Target
from core import zoo
from core.benchmark.method import compare
from core.benchmark.plan import Contender, Method
from core.engines.engine import EngineKind, EngineOptions
from core.engines.ort import export_onnx

WITHIN: Final = 0.03
METHOD: Final = Method(
    block_seconds=0.02, least_rounds=20, most_rounds=60, least_seconds=0.0, warm_seconds=0.1, samples=0
)
SECONDS: Final = 0.5
"""For how long the others time a model, each time."""
ENGINES: Final = (EngineKind.EAGER, EngineKind.ORT)

_OURS: Final = "ours"
_WORDS: Final = {EngineKind.EAGER: "Timer", EngineKind.ORT: "loop"}


@dataclass(frozen=True)
class Subject:
    """A model at one batch and one number of threads."""

    model: str
    batch: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Medians:
    """Seconds per call of one engine, one number per turn.

    Attributes:
        subject, engine: what ran.
        ours: by `core.benchmark.method.compare`.
        called: by the Timer or the loop, the same call.
        barer: by the same, with less around the call.
    """

    subject: Subject
    engine: EngineKind
    ours: Sequence[float]
    called: Sequence[float]
    barer: Sequence[float]


def medians(subject: Subject, turns: int, method: Method = METHOD, seconds: float = SECONDS) -> list[Medians]:
    """Measures one subject on both engines, each time in new processes and in an order of its own.

    Args:
        subject: what runs.
        turns: how often each of the three measures.
        method: of ours.
        seconds: how long the others take each time.

    Returns:
        One per engine; turns in which all of our rounds were rejected are left out.
    """
    made = zoo.build(subject.model, 0)
    data = export_onnx(made)
    options = EngineOptions(threads=subject.threads)
    contenders = [
        Contender(kind, subject.model, 0, subject.batch, options, data if kind is EngineKind.ORT else b"")
        for kind in ENGINES
    ]
    found: dict[EngineKind, list[tuple[float, float, float]]] = {kind: [] for kind in ENGINES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        arrays = [each.contiguous().numpy() for each in contenders[0].inputs()]
        save(folder, data, dict(zip(made.input_names, arrays, strict=True)))
        commands = {
            EngineKind.EAGER: ("timer", subject.model, 0, subject.batch, subject.threads, seconds),
            EngineKind.ORT: ("loop", folder, subject.threads, seconds),
        }
        for order in shuffled([_OURS, *ENGINES], turns):
            ours: Mapping[str, float] = {}
            theirs: dict[EngineKind, Mapping[str, float]] = {}
            for name in order:
                if name == _OURS:
                    ours = _ours(contenders, method)
                else:
                    theirs[EngineKind(name)] = _bare(*commands[EngineKind(name)])
            for kind in ENGINES:
                if kind in ours:
                    found[kind].append((ours[kind], theirs[kind][CALLED], theirs[kind][BARER]))
    return [
        Medians(subject, kind, *([each[place] for each in turn] for place in range(3)))
        for kind, turn in found.items()
    ]


def medians_table(found: Sequence[Medians], turns: int, seconds: float) -> Table:
    """The table of what `medians` gave."""
    rows: list[tuple[Cell, ...]] = []
    apart: dict[EngineKind, list[str]] = {kind: [] for kind in ENGINES}
    for each in found:
        subject = each.subject
        head = (subject.model, subject.batch, subject.threads, each.engine.value, len(each.ours))
        if not each.ours:
            rows.append((*head, *(None,) * 5))
            apart[each.engine].append(f"{subject.model} at {subject.batch} (no round counted)")
            continue
        same, barer = ratio(each.ours, each.called), ratio(each.ours, each.barer)
        times = (statistics.median(one) * 1e6 for one in (each.ours, each.called, each.barer))
        rows.append((*head, *times, str(same), str(barer)))
        if abs(same.value - 1) > WITHIN:
            apart[each.engine].append(f"{subject.model} at {subject.batch} ({same.value:.3f})")
    return Table(
        title="Our medians beside PyTorch's Timer and a bare loop over ONNX Runtime, microseconds per call",
        columns=(
            "model", "batch", "threads", "engine", "turns", "ours", "theirs", "theirs, barer",
            "ours / theirs (95%)", "ours / barer (95%)",
        ),
        rows=tuple(rows),
        notes=(
            f"{turns} turns of ours, Timer and loop in random order, in new processes, with equal threads.",
            "theirs, eager: torch.utils.benchmark.Timer; each call enters inference mode, as ours do.",
            "theirs, eager, barer: inference mode is entered once for all calls.",
            "theirs, ort: a loop over session.run with the engine's options, nothing of ours imported.",
            "theirs, ort, barer: run_with_iobinding, inputs bound before, as in onnxruntime_perf_test.",
            "Two processes that do the same often differ by some percent: the interval has that in it.",
            f"{seconds:.0f} s in all.",
        ),
        targets=tuple(
            Target(
                f"{kind}: medians within {WITHIN:.0%} of the {_WORDS[kind]}'s, the same call; "
                f"apart: {', '.join(apart[kind]) or 'none'}",
                met=not apart[kind],
            )
            for kind in ENGINES
        ),
    )  # fmt: skip


def _ours(contenders: Sequence[Contender], method: Method) -> dict[str, float]:
    """Our medians by engine; those of engines that were measured.

    Raises:
        RuntimeError: if an engine could not be.
    """
    case = compare(contenders, method)
    for each in case.engines:
        if each.problem:
            raise RuntimeError(each.problem)
    return {each.name: each.summary.median for each in case.engines if each.summary is not None}


def _bare(*words: object) -> dict[str, float]:
    answer = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.fidelity_bare", *map(str, words)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(answer.stdout)
    return found
