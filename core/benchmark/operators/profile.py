"""What a profile of both sides holds: rows per operator, nodes of the graph, and modules."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

BLOCKS: Final = 9
"""In how many blocks the runs are looked at: a time is the median over blocks of a block's mean.

A median over single runs would say 2 or 3 where the clock counts whole microseconds.
"""
PYTHON: Final = "(Python)"
"""The row of a module's own code between the operators."""
BETWEEN: Final = "(between kernels)"
"""The row of what ONNX Runtime does between the nodes."""

_Key = TypeVar("_Key", bound=Hashable)


class NodeState(StrEnum):
    """What became of a node of the exported graph when ONNX Runtime optimized it."""

    RAN = "ran"
    REWRITTEN = "rewritten"
    FUSED = "fused"
    REMOVED = "removed"


@dataclass(frozen=True)
class Kernel:
    """What ONNX Runtime ran: a node of the optimized graph.

    Attributes:
        name: in the optimized graph; `BETWEEN` for what lies between the nodes.
        op_type: what computes it.
        sources: the nodes of the exported graph that it stands for; () if it has no counterpart.
        module: the one that it belongs to, `""` for the model itself; None if that is not known. Of several
            sources the heaviest says it.
        seconds: of one call of the model.
        share: of all kernels' and what lies between.
    """

    name: str
    op_type: str
    sources: tuple[str, ...]
    module: str | None
    seconds: float
    share: float


@dataclass(frozen=True)
class Part:
    """What an operator of PyTorch is made of: another one, without what that calls in turn."""

    operator: str
    seconds: float


@dataclass(frozen=True)
class Operator:
    """What PyTorch ran: all calls of one operator that one module makes itself.

    Attributes:
        operator: its name; `PYTHON` for the module's own code.
        module: among `named_modules()`, `""` for the model itself.
        calls: in one call of the model.
        seconds: of all of them together.
        share: of all operators' and Python's.
        parts: the operators inside, itself among them, the longest first; their times add up to its own.
    """

    operator: str
    module: str
    calls: float
    seconds: float
    share: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class GraphNode:
    """A node of the exported graph: what the picture of it shows.

    Attributes:
        name, op_type: in the file.
        module: that it came from, `""` for the model itself; None if the exporter did not write it down.
        state: what became of it.
        kernels: what ran in its place.
        seconds: of one call; None if it was removed, or runs in a kernel with others.
        words: the state in a sentence; empty if it ran as it is.
        inputs: the nodes whose results it reads, by name.
    """

    name: str
    op_type: str
    module: str | None
    state: NodeState
    kernels: tuple[str, ...]
    seconds: float | None
    words: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """How a side was timed, and what profiling itself costs.

    Attributes:
        runs: how many calls were profiled, warm.
        total: the sum of all rows, in seconds per call.
        plain: the median of a call without profiling.
        resolution: what the profiler's clock can tell, in words.
    """

    runs: int
    total: float
    plain: float
    resolution: str

    @property
    def overhead(self) -> float:
        """How much longer a profiled call takes: 0.5 is half as long again; a little below 0 is noise."""
        return self.total / self.plain - 1

    def __str__(self) -> str:
        """The overhead in a sentence."""
        times = f"{self.total * 1e6:.3g} µs with the profiler and {self.plain * 1e6:.3g} µs without"
        return f"A call takes {times} ({self.overhead:+.0%}). {self.resolution}"


@dataclass(frozen=True)
class OnnxSide:
    """ONNX Runtime's own profile; its kernels in the order in which they ran."""

    clock: Clock
    kernels: tuple[Kernel, ...]


@dataclass(frozen=True)
class EagerSide:
    """PyTorch's own profile; its operators in the order in which they first ran.

    Attributes:
        modules: the class of each, by its name, in the order of `named_modules()`.
    """

    clock: Clock
    operators: tuple[Operator, ...]
    modules: Mapping[str, str]


@dataclass(frozen=True)
class ModuleTime:
    """One module on both sides, in seconds of one call of the model.

    Attributes:
        module, type: its name, `""` for the model itself, and its class.
        eager, onnx: of itself; None if nothing of it ran there.
        eager_all, onnx_all: with the modules inside; to be compared where one side has them as one.
        note: why a side has nothing, where that is known.
    """

    module: str
    type: str
    eager: float | None
    onnx: float | None
    eager_all: float | None
    onnx_all: float | None
    note: str = ""


@dataclass(frozen=True)
class OperatorProfile:
    """Both sides of one model.

    Attributes:
        model, batch, threads: what ran, and with what.
        eager, onnx: None if a side could not be profiled; a caveat says why.
        nodes: of the exported graph, in its order.
        modules: in the order of `named_modules()`.
        unplaced: what ONNX Runtime spent where no module is known, in seconds of one call.
        caveats: what to know before this is believed, a sentence each.
        complete: whether both sides were profiled.
    """

    model: str
    batch: int
    threads: int
    eager: EagerSide | None
    onnx: OnnxSide | None
    nodes: tuple[GraphNode, ...]
    modules: tuple[ModuleTime, ...]
    unplaced: float
    caveats: tuple[str, ...]
    complete: bool


def typical(runs: Sequence[Mapping[_Key, float]]) -> dict[_Key, float]:
    """For each key the median over `BLOCKS` blocks of runs of its mean; a run without it counts as 0.

    Raises:
        ValueError: if there is no run.
    """
    if not runs:
        raise ValueError("No run was profiled: at least 1 is needed.")
    keys = dict.fromkeys(key for run in runs for key in run)
    count = min(BLOCKS, len(runs))
    blocks = [runs[len(runs) * place // count : len(runs) * (place + 1) // count] for place in range(count)]
    return {
        key: statistics.median(statistics.fmean(run.get(key, 0.0) for run in block) for block in blocks)
        for key in keys
    }
