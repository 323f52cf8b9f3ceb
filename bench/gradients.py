"""How long `compare` and `record` take, per operation and against TorchLens, and whether they keep memory."""

import gc
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import psutil
import torch
from torch import Tensor

from bench.expressions import CHAIN_VALUES, WORKED, WORKED_VALUES, chain
from bench.measure import percentile, ratio, timed
from bench.registry import Cell, Table, Target
from core.gradients import compare
from core.gradients.tape import record

TOGETHER_MS: Final = 2.0
FLAT: Final = 1.5
FASTER: Final = 10.0
GROWTH_MIB: Final = 1.0

_MIB: Final = 2**20


def run(
    rounds: int = 300,
    chain_rounds: int = 5,
    lengths: tuple[int, ...] = (10, 100, 1_000, 10_000),
    torchlens_rounds: int = 20,
    repeats: int = 1_000,
) -> list[Table]:
    """Measure; the counts are smaller in a test."""
    return [
        _worked_example(rounds),
        _chains(chain_rounds, lengths),
        _against_torchlens(torchlens_rounds),
        _memory(repeats),
    ]


def _worked_example(rounds: int) -> Table:
    ours = (WORKED.loss, WORKED.values, WORKED.wrt)
    actions: dict[str, Callable[[], object]] = {
        "bare forward and backward": _worked_bare,
        "compare": lambda: compare(*ours),
        "record": lambda: record(*ours),
        "compare and record": lambda: (compare(*ours), record(*ours)),
    }
    seconds = timed(actions, rounds, warm_up=20)
    bare = seconds["bare forward and backward"]
    together = statistics.median(seconds["compare and record"]) * 1e3
    return Table(
        title=f"The worked example, {WORKED.loss}, float32, by w and b",
        columns=("what", "median ms", "p90 ms", "times bare (95% interval)"),
        rows=tuple(
            (name, statistics.median(times) * 1e3, percentile(times, 90) * 1e3, str(ratio(times, bare)))
            for name, times in seconds.items()
        ),
        notes=(
            f"{rounds} interleaved rounds of one call each; from the text of the loss to the result.",
            "bare: the same loss and loss.backward() in plain PyTorch, on new leaves.",
        ),
        targets=(
            Target(
                f"compare and record together at most {TOGETHER_MS:g} ms at the median: {together:.2f} ms",
                met=together <= TOGETHER_MS,
            ),
        ),
    )


def _worked_bare() -> Tensor:
    w, x, b, y = (
        torch.tensor(value, requires_grad=name in WORKED.wrt) for name, value in WORKED_VALUES.items()
    )
    loss = (w * x + b - y) ** 2
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def _chain_bare(operations: int) -> Tensor:
    w, x, b = (torch.tensor(value, requires_grad=name != "x") for name, value in CHAIN_VALUES.items())
    value = x
    for position in range(operations):
        value = value + b if position % 2 else value * w
    value.backward()  # type: ignore[no-untyped-call]
    return value


def _chains(rounds: int, lengths: tuple[int, ...]) -> Table:
    actions: dict[str, Callable[[], object]] = {}
    for length in lengths:
        expression = chain(length)
        actions[f"bare {length}"] = partial(_chain_bare, length)
        actions[f"record {length}"] = partial(record, expression, CHAIN_VALUES, ("w", "b"))
        actions[f"compare {length}"] = partial(compare, expression, CHAIN_VALUES, ("w", "b"))
    title = "Chains of operations: microseconds per operation"
    columns = ("operations", "bare", "record", "compare", "record / bare", "compare / bare")
    try:
        seconds = timed(actions, rounds)
    except RecursionError:
        return Table(title, columns, (), targets=(Target("no recursion limit: RecursionError", met=False),))

    def each(what: str, length: int) -> list[float]:
        return [taken / length * 1e6 for taken in seconds[f"{what} {length}"]]

    rows: list[tuple[Cell, ...]] = []
    for length in lengths:
        bare, recorded, compared = (each(what, length) for what in ("bare", "record", "compare"))
        medians = (statistics.median(times) for times in (bare, recorded, compared))
        rows.append((length, *medians, str(ratio(recorded, bare)), str(ratio(compared, bare))))
    # Ten operations are mostly what a call costs whatever its length.
    base, longest = lengths[min(1, len(lengths) - 1)], lengths[-1]
    targets = [
        Target(
            f"no recursion limit: {longest:,} operations deep, Python's is {sys.getrecursionlimit():,}",
            met=True,
        )
    ]
    for what in ("record", "compare"):
        growth = ratio(each(what, longest), each(what, base))
        text = f"{what}: an operation of {longest:,} takes at most {FLAT:g} times one of {base:,}: {growth}"
        targets.append(Target(text, met=growth.value <= FLAT))
    return Table(
        title,
        columns,
        tuple(rows),
        notes=(f"{rounds} interleaved rounds of one call each; medians. {chain.__doc__}",),
        targets=tuple(targets),
    )


def _against_torchlens(rounds: int) -> Table:
    # In a process of its own: TorchLens leaves PyTorch's functions wrapped, which would slow all else here.
    # A plain one: it refuses to run in a child of multiprocessing.
    answer = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.tracing", str(rounds)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    measured: dict[str, dict[str, list[float]]] = json.loads(answer.stdout)
    rows: list[tuple[Cell, ...]] = []
    targets = []
    for example, seconds in measured.items():
        recorded = seconds["record"]
        for what, times in seconds.items():
            over = ratio(times, recorded)
            rows.append(
                (example, what, statistics.median(times) * 1e3, percentile(times, 90) * 1e3, str(over))
            )
        faster = ratio(seconds["TorchLens, forward only"], recorded)
        text = f"{example}: record at least {FASTER:g} times faster than TorchLens's forward alone: {faster}"
        targets.append(Target(text, met=faster.value >= FASTER))
    return Table(
        title="Against TorchLens, the same expression in the same process",
        columns=("expression", "what", "median ms", "p90 ms", "times record (95% interval)"),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds of one call each.",
            "record: forward, backward, and per node its value, gradient, saved tensors and turn.",
            "TorchLens, forward only: torchlens.trace: each operation's value and metadata, no gradient.",
            "TorchLens, with gradients: save_grads=True and log_backward: each operation's gradient as well.",
            "TorchLens leaves PyTorch's functions wrapped, which slows record in this process: against ours.",
        ),
        targets=tuple(targets),
    )


def _memory(repeats: int) -> Table:
    def batch() -> None:
        for _ in range(repeats):
            compare(WORKED.loss, WORKED.values, WORKED.wrt)
            record(WORKED.loss, WORKED.values, WORKED.wrt)

    process = psutil.Process()
    batch()
    gc.collect()
    before, blocks = process.memory_info().rss, sys.getallocatedblocks()
    batch()
    gc.collect()
    growth, kept = (process.memory_info().rss - before) / _MIB, sys.getallocatedblocks() - blocks
    return Table(
        title=f"Memory over {repeats:,} calls of compare and record",
        columns=("what", "before", "growth"),
        rows=(
            ("resident memory, MiB", before / _MIB, growth),
            ("blocks that Python holds", blocks, kept),
        ),
        notes=(f"After {repeats:,} unmeasured calls, which fill the caches.",),
        targets=(
            Target(f"at most {GROWTH_MIB:g} MiB of growth: {growth:.2f} MiB", met=growth <= GROWTH_MIB),
        ),
    )
