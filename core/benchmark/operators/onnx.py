"""ONNX Runtime's side: its own profile, of a session of its own.

To be run in a process of its own: see `core.benchmark.errand`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core import zoo
from core.benchmark.operators.graph import ExportedNode, exported_nodes, heaviest, sources
from core.benchmark.operators.profile import BETWEEN, BLOCKS, Clock, Kernel, OnnxSide, typical
from core.engines.engine import EngineError, EngineOptions, one_line
from core.engines.ort import session_options

RESOLUTION: Final = (
    "ONNX Runtime's profiler writes whole microseconds, rounded down: a kernel may take up to one more than "
    "its row says, which then stands in the row between them, as does what it takes to note each kernel."
)
LEAST_RUNS: Final = 2 * BLOCKS
MOST_RUNS: Final = 2_000
_WARM_SHARE: Final = 0.2
_SUFFIX: Final = "_kernel_time"


@dataclass(frozen=True)
class OnnxPlan:
    """What to profile.

    Attributes:
        data: the exported file.
        model, seed, batch: of the zoo, for the inputs.
        options: of the session.
        seconds: about how long the profiled calls take together.
    """

    data: bytes = field(repr=False)
    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 1
    options: EngineOptions = field(default_factory=EngineOptions)
    seconds: float = 0.5


def profile_onnx(plan: OnnxPlan) -> OnnxSide:
    """The profile of a model's file.

    Raises:
        EngineError: if ONNX Runtime cannot load or run it.
    """
    made = zoo.build(plan.model, plan.seed)
    tensors = made.example_inputs(plan.batch, zoo.InputKind.NORMAL, plan.seed)
    feeds = {name: tensor.numpy() for name, tensor in zip(made.input_names, tensors, strict=True)}
    try:
        plain, calls = _plain(plan, feeds)
        with tempfile.TemporaryDirectory() as folder:
            runs, optimized = _profiled(plan, feeds, calls, Path(folder))
    except Exception as error:  # it has an exception class per status, none of them public
        raise EngineError(f"ONNX Runtime cannot profile {plan.model}: {one_line(error)}") from error
    return _side(plan.data, optimized, runs, plain)


def kernel_runs(events: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The kernels' times of each run in a profile, in seconds, with `BETWEEN` for the rest of the run.

    Args:
        events: as ONNX Runtime writes them: the nodes of a run before the run itself.

    Raises:
        ValueError: if it is no such profile.
    """
    try:
        found: list[dict[str, float]] = []
        run: dict[str, float] = {}
        for event in events:
            name, seconds = str(event["name"]), float(event.get("dur", 0)) * 1e-6
            if event.get("cat") == "Node" and name.endswith(_SUFFIX):
                kernel = name.removesuffix(_SUFFIX)
                run[kernel] = run.get(kernel, 0.0) + seconds
            elif name == "model_run":
                found.append(run | {BETWEEN: max(0.0, seconds - sum(run.values()))})
                run = {}
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            "This is no profile of ONNX Runtime's: its events have no names or times."
        ) from error
    if not found:
        raise ValueError("ONNX Runtime's profile holds no run.")
    return found


def _plain(plan: OnnxPlan, feeds: Mapping[str, Any]) -> tuple[float, int]:
    """The median of a call without the profiler, and how many calls to profile."""
    session = _open(plan.data, plan.options)
    call = _call(session, feeds)
    end = time.perf_counter() + plan.seconds * _WARM_SHARE
    call()
    while time.perf_counter() < end:
        call()
    times = _times(call, plan.seconds)
    median = statistics.median(times)
    return median, max(LEAST_RUNS, min(MOST_RUNS, round(plan.seconds / median)))


def _profiled(
    plan: OnnxPlan, feeds: Mapping[str, Any], calls: int, folder: Path
) -> tuple[list[dict[str, float]], bytes]:
    """The runs of the profile, warm ones only, and the graph that ran."""
    options = session_options(plan.options)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    session = _open(plan.data, plan.options, options)
    call = _call(session, feeds)
    warm = max(10, round(calls * _WARM_SHARE))
    for _ in range(warm + calls):
        call()
    written = Path(session.end_profiling())
    events = json.loads(written.read_text(encoding="utf-8"))
    return kernel_runs(events)[warm:], (folder / "optimized.onnx").read_bytes()


def _side(data: bytes, optimized: bytes, runs: list[dict[str, float]], plain: float) -> OnnxSide:
    import onnx

    exported = onnx.load_model_from_string(data).graph
    ran = onnx.load_model_from_string(optimized).graph
    nodes = {each.name: each for each in exported_nodes(exported)}
    stand_for = sources(exported, ran)
    op_types = {node.name: node.op_type for node in ran.node}
    times = typical(runs)
    total = sum(times.values())
    kernels = [
        _kernel(
            name, op_types.get(name, ""), [nodes[each] for each in stand_for.get(name, ())], seconds, total
        )
        for name, seconds in times.items()
    ]
    return OnnxSide(Clock(len(runs), total, plain, RESOLUTION), tuple(kernels))


def _kernel(name: str, op_type: str, nodes: list[ExportedNode], seconds: float, total: float) -> Kernel:
    main = heaviest(nodes)
    return Kernel(
        name=name,
        op_type=op_type,
        sources=tuple(each.name for each in nodes),
        module=None if main is None else main.module,
        seconds=seconds,
        share=seconds / total if total else 0.0,
    )


def _open(data: bytes, options: EngineOptions, own: Any = None) -> Any:  # noqa: ANN401 - it ships no types
    import onnxruntime as ort

    return ort.InferenceSession(
        data, own or session_options(options), providers=["CPUExecutionProvider"], enable_fallback=0
    )


def _call(session: Any, feeds: Mapping[str, Any]) -> Callable[[], object]:  # noqa: ANN401 - as above
    # One that does not matter may have left the graph.
    given = {each.name: feeds[each.name] for each in session.get_inputs()}
    return lambda: session.run(None, given)


def _times(call: Callable[[], object], seconds: float) -> list[float]:
    """Single calls for so long, at least `BLOCKS`."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < BLOCKS or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found
