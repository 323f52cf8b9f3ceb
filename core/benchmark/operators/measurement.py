"""The whole profile: both sides, the graph, and the modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import onnx

from core.benchmark.errand import run_errand
from core.benchmark.exported import export_timed
from core.benchmark.method import Progress, Stop, Tell
from core.benchmark.operators.eager import EagerPlan, profile_eager
from core.benchmark.operators.graph import ExportedNode, exported_nodes
from core.benchmark.operators.onnx import OnnxPlan, profile_onnx
from core.benchmark.operators.profile import (
    EagerSide,
    GraphNode,
    Kernel,
    ModuleTime,
    NodeState,
    OnnxSide,
    OperatorProfile,
)
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.worker import WorkerError
from core.engines.engine import EngineError, EngineKind, EngineOptions

_FUSED: Final = (
    "PyTorch ran {} without calling the modules inside: compare its time with all that ONNX Runtime took."
)


@dataclass(frozen=True)
class OperatorsPlan:
    """What to profile.

    Attributes:
        model, seed, batch: of the zoo.
        threads: how many compute one operator.
        options: the other settings of ONNX Runtime.
        seconds: about how long the profiled calls take on each side.
    """

    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 1
    threads: int = 1
    options: EngineOptions = field(default_factory=EngineOptions)
    seconds: float = 0.5

    def check(self) -> None:
        """Refuses what cannot be profiled; errors as `BenchmarkPlan.check`."""
        models, batches, threads = (self.model,), (self.batch,), (self.threads,)
        BenchmarkPlan(models, (EngineKind.EAGER,), batches, threads, seed=self.seed).check()


def operators(
    plan: OperatorsPlan, *, tell: Tell = lambda _: None, stop: Stop = lambda: False
) -> OperatorProfile:
    """Profiles a model in PyTorch and in ONNX Runtime, each in a process of its own.

    A side that cannot be profiled is left out, and a caveat says why.

    Args:
        plan: what.
        tell: called as it goes on.
        stop: asked again and again; when it says so, what there is by then is the result.

    Raises:
        BenchmarkError, ZooError: if there is no such model, batch or number of threads.
    """
    plan.check()
    caveats: list[str] = []
    tell(Progress("Profiling PyTorch", 0.1, None))
    eager = _eager(plan, caveats, stop)
    data, side = b"", None
    if not stop():
        tell(Progress("Exporting", 0.4, None))
        try:
            data = export_timed(plan.model, plan.seed).data
        except EngineError as error:
            caveats.append(str(error))
    if data and not stop():
        tell(Progress("Profiling ONNX Runtime", 0.6, None))
        side = _onnx(plan, data, caveats, stop)
    if stop():
        caveats.append("It was stopped before its end.")
    return profile_of(plan, eager, side, data, caveats)


def profile_of(
    plan: OperatorsPlan, eager: EagerSide | None, side: OnnxSide | None, data: bytes, caveats: Iterable[str]
) -> OperatorProfile:
    """Both sides put together.

    Args:
        plan: what was profiled.
        eager: PyTorch's side; None if there is none.
        side: ONNX Runtime's side; None if there is none.
        data: the exported file; empty if there is none.
        caveats: what is known already.
    """
    exported = exported_nodes(onnx.load_model_from_string(data).graph) if data else ()
    kernels = side.kernels if side is not None else ()
    nodes = graph_nodes(exported, kernels) if side is not None else ()
    modules = module_times(eager, kernels, exported, nodes)
    said = list(caveats)
    said += [_FUSED.format(each.module) for each in modules if _is_one_operator(each, modules)]
    said += [f"{name}: {each.clock}" for name, each in (("PyTorch", eager), ("ONNX Runtime", side)) if each]
    return OperatorProfile(
        plan.model,
        plan.batch,
        plan.threads,
        eager,
        side,
        nodes,
        modules,
        sum(each.seconds for each in kernels if each.module is None),
        tuple(said),
        complete=eager is not None and side is not None,
    )


def graph_nodes(exported: Sequence[ExportedNode], kernels: Sequence[Kernel]) -> tuple[GraphNode, ...]:
    """What became of each node of the exported graph."""
    return tuple(_node(each, [one for one in kernels if each.name in one.sources]) for each in exported)


def _node(node: ExportedNode, kernels: Sequence[Kernel]) -> GraphNode:
    names = tuple(each.name for each in kernels)
    seconds: float | None = sum(each.seconds for each in kernels)
    shown = ", ".join(f"`{each.name}` ({each.op_type})" for each in kernels)
    if not kernels:
        state, seconds, words = NodeState.REMOVED, None, "ONNX Runtime removed it: its result is not needed."
    elif any(len(each.sources) > 1 for each in kernels):
        state, seconds = NodeState.FUSED, None
        words = f"ONNX Runtime computes it with its neighbors, in {shown}."
    elif len(kernels) == 1 and kernels[0].op_type == node.op_type:
        state, words = NodeState.RAN, ""
    else:
        state, words = NodeState.REWRITTEN, f"ONNX Runtime runs {shown} in its place."
    return GraphNode(node.name, node.op_type, node.module, state, names, seconds, words, node.inputs)


def module_times(
    eager: EagerSide | None,
    kernels: Sequence[Kernel],
    exported: Sequence[ExportedNode],
    nodes: Sequence[GraphNode],
) -> tuple[ModuleTime, ...]:
    """Each module that ran, on both sides."""
    types: Mapping[str, str] = eager.modules if eager is not None else {}
    one: dict[str, float] = {}
    for row in eager.operators if eager is not None else ():
        one[row.module] = one.get(row.module, 0.0) + row.seconds
    two: dict[str, float] = {}
    for kernel in kernels:
        if kernel.module is not None:
            two[kernel.module] = two.get(kernel.module, 0.0) + kernel.seconds
    names = [*types, *(name for name in two if name not in types)]
    found = [
        ModuleTime(name, types.get(name, ""), one.get(name), two.get(name), _all(one, name), _all(two, name))
        for name in names
    ]
    notes = _notes(kernels, exported, nodes) if kernels else {}
    return tuple(
        replace(each, note=notes.get(each.module, "") if each.onnx is None else "")
        for each in found
        if each.eager_all is not None or each.onnx_all is not None
    )


def _notes(
    kernels: Sequence[Kernel], exported: Sequence[ExportedNode], nodes: Sequence[GraphNode]
) -> dict[str, str]:
    """For modules without a kernel of their own: where their work went."""
    by_name = {each.name: each for each in kernels}
    found: dict[str, str] = {}
    placed = {each.module for each in exported}
    for node in exported:
        for owner in node.owners:
            # The exporter folds one layer into another, and keeps the weight's name.
            if owner not in placed and node.module is not None:
                found.setdefault(owner, f"The exporter merged it with {node.module or 'the model'}.")
    for each in nodes:
        if each.module is None or each.state is NodeState.REWRITTEN:
            continue
        others = [by_name[name].module for name in each.kernels if by_name[name].module != each.module]
        if others and others[0] is not None:
            found.setdefault(each.module, f"ONNX Runtime computes it with {others[0] or 'the model itself'}.")
    return found


def _all(times: Mapping[str, float], name: str) -> float | None:
    """A module's time with those inside of it; None if there is none."""
    inside = [
        seconds for each, seconds in times.items() if not name or each == name or each.startswith(f"{name}.")
    ]
    return sum(inside) if inside else None


def _is_one_operator(module: ModuleTime, modules: Sequence[ModuleTime]) -> bool:
    """Whether PyTorch called none of the modules inside of this one, and ONNX Runtime computes them."""
    if not module.module or module.eager is None:
        return False
    inside = [each for each in modules if each.module.startswith(f"{module.module}.")]
    return bool(inside) and all(each.eager is None for each in inside)


def _eager(plan: OperatorsPlan, caveats: list[str], stop: Stop) -> EagerSide | None:
    given = EagerPlan(plan.model, plan.seed, plan.batch, plan.seconds)
    try:
        return run_errand(
            profile_eager, given, EagerSide, name="PyTorch's profile", threads=plan.threads, stop=stop
        )
    except WorkerError as error:
        caveats.append(str(error))
        return None


def _onnx(plan: OperatorsPlan, data: bytes, caveats: list[str], stop: Stop) -> OnnxSide | None:
    options = replace(plan.options, threads=plan.threads)
    given = OnnxPlan(data, plan.model, plan.seed, plan.batch, options, plan.seconds)
    try:
        return run_errand(
            profile_onnx,
            given,
            OnnxSide,
            name="ONNX Runtime's profile",
            threads=plan.threads,
            stop=stop,
        )
    except WorkerError as error:
        caveats.append(str(error))
        return None
