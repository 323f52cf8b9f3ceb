"""Our blocks beside those of PyTorch's Timer and of a bare loop, in one process, so that they share its luck.

Two processes that do the same are often a few percent apart for as long as they live, whoever times them. In
one process, block by block in random order, only the timing differs.

`python -m bench.fidelity_beside ENGINE MODEL BATCH THREADS BLOCKS SECONDS` prints the medians as JSON.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.fidelity_bare import CALL, CALLED, names_of_call, save, session_calls
from bench.fidelity_medians import ENGINES, WITHIN, Subject
from bench.measure import ratio, shuffled
from bench.registry import Cell, Table, Target
from core import zoo
from core.benchmark.plan import Contender
from core.benchmark.rounds import BLOCK_SECONDS
from core.benchmark.worker import timed_calls
from core.engines.engine import EngineKind, EngineOptions
from core.engines.ort import export_onnx

BLOCKS: Final = 20
SECONDS: Final = BLOCK_SECONDS
"""As long as a measurement's own: the first thousandths of a second after a pause are slower."""
WARM_BLOCKS: Final = 5

_OURS, _THEIRS = "ours", "theirs"
_WORDS: Final = {EngineKind.EAGER: "the Timer's", EngineKind.ORT: "the loop's"}


@dataclass(frozen=True)
class Beside:
    """Medians of one engine, seconds per call, one number per process.

    Attributes:
        subject, engine: what ran.
        ours: by the engine and the timed block of `core`.
        theirs: by the Timer, or by a loop over a session of its own.
    """

    subject: Subject
    engine: EngineKind
    ours: Sequence[float]
    theirs: Sequence[float]


def beside(subject: Subject, processes: int, blocks: int = BLOCKS, seconds: float = SECONDS) -> list[Beside]:
    """Measures one subject on both engines.

    Args:
        subject: what runs.
        processes: how many, one after the other, per engine.
        blocks: of each of the two, in each process.
        seconds: how long a block is.
    """
    found = []
    for kind in ENGINES:
        words = (kind, subject.model, subject.batch, subject.threads, blocks, seconds)
        medians = [_in_a_process(*words) for _ in range(processes)]
        found.append(Beside(subject, kind, *([each[name] for each in medians] for name in (_OURS, _THEIRS))))
    return found


def beside_table(found: Sequence[Beside], seconds: float) -> Table:
    """The table of what `beside` gave."""
    rows: list[tuple[Cell, ...]] = []
    apart: dict[EngineKind, list[str]] = {kind: [] for kind in ENGINES}
    for each in found:
        subject, same = each.subject, ratio(each.ours, each.theirs)
        times = (statistics.median(one) * 1e6 for one in (each.ours, each.theirs))
        head = (subject.model, subject.batch, subject.threads, each.engine.value, len(each.ours))
        rows.append((*head, *times, str(same)))
        if abs(same.value - 1) > WITHIN:
            apart[each.engine].append(f"{subject.model} at {subject.batch} ({same.value:.3f})")
    return Table(
        title="Our blocks beside the Timer's and a bare loop's in one process, microseconds per call",
        columns=("model", "batch", "threads", "engine", "processes", "ours", "theirs", "ours / theirs (95%)"),
        rows=tuple(rows),
        notes=(
            "Block by block in random order, the same number of calls in each, equal threads.",
            "theirs, eager: torch.utils.benchmark.Timer; each call enters inference mode, as ours do.",
            "theirs, ort: a loop over session.run of a session of its own, with the engine's options.",
            f"{seconds:.0f} s in all.",
        ),
        targets=tuple(
            Target(
                f"{kind}: medians within {WITHIN:.0%} of {_WORDS[kind]}, the same call in one process; "
                f"apart: {', '.join(apart[kind]) or 'none'}",
                met=not apart[kind],
            )
            for kind in ENGINES
        ),
    )


def in_turn(
    ours: Callable[[int], float], theirs: Callable[[int], float], blocks: int, seconds: float
) -> dict[str, float]:
    """The medians over blocks of each, in random order.

    Args:
        ours: seconds per call, from a number of calls.
        theirs: likewise.
        blocks: how many of each.
        seconds: how long one is.
    """
    ways = {_OURS: ours, _THEIRS: theirs}
    calls = 1
    for _ in range(WARM_BLOCKS):
        calls = max(1, round(seconds / max(ours(calls), theirs(calls))))
    found: dict[str, list[float]] = {name: [] for name in ways}
    for order in shuffled(list(ways), blocks):
        for name in order:
            found[name].append(ways[name](calls))
    return {name: statistics.median(times) for name, times in found.items()}


def _in_a_process(*words: object) -> dict[str, float]:
    answer = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.fidelity_beside", *map(str, words)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def measure(kind: EngineKind, subject: Subject, blocks: int, seconds: float) -> dict[str, float]:
    """Measures one engine in this process, which it gives the subject's number of threads."""
    import torch

    made = zoo.build(subject.model, 0)
    data = export_onnx(made) if kind is EngineKind.ORT else b""
    # This process measures this subject and ends.
    torch.set_num_threads(subject.threads)
    options = EngineOptions(threads=subject.threads)
    contender = Contender(kind, subject.model, 0, subject.batch, options, data)
    engine, inputs = contender.open(), contender.inputs()
    engine.load()
    call = engine.prepare(inputs)
    # What the exporter left behind is not looked through again before every block.
    gc.collect()
    gc.freeze()

    def ours(calls: int) -> float:
        return timed_calls(call, engine.synchronize, calls, settle=True) / calls

    if kind is EngineKind.EAGER:
        return in_turn(ours, timer_of(subject), blocks, seconds)
    with tempfile.TemporaryDirectory() as folder:
        arrays = [each.contiguous().numpy() for each in inputs]
        save(Path(folder), data, dict(zip(made.input_names, arrays, strict=True)))
        return in_turn(ours, loop_of(session_calls(Path(folder), subject.threads)[CALLED]), blocks, seconds)


def timer_of(subject: Subject) -> Callable[[int], float]:
    """Seconds per call of a model of the zoo by the Timer, from a number of calls."""
    from torch.utils.benchmark import Timer

    names = names_of_call(subject.model, 0, subject.batch)
    timer = Timer(CALL, globals=names, num_threads=subject.threads)
    return lambda calls: float(timer.timeit(calls).median)


def loop_of(way: Callable[[], object]) -> Callable[[int], float]:
    """Seconds per call of anything in a loop, from a number of calls."""

    def block(calls: int) -> float:
        gc.collect()
        gc.disable()
        way()
        start = time.perf_counter()
        for _ in range(calls):
            way()
        took = time.perf_counter() - start
        gc.enable()
        return took / calls

    return block


if __name__ == "__main__":
    _kind, _model, _batch, _threads, _blocks, _seconds = sys.argv[1:]
    _subject = Subject(_model, int(_batch), int(_threads))
    print(json.dumps(measure(EngineKind(_kind), _subject, int(_blocks), float(_seconds))))
