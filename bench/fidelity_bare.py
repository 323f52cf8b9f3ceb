"""What a model takes without anything of `core.benchmark`: PyTorch's own Timer, and ONNX Runtime in a loop.

`python -m bench.fidelity_bare timer MODEL SEED BATCH THREADS SECONDS` and
`python -m bench.fidelity_bare loop FOLDER THREADS SECONDS` print seconds per call, medians over blocks, as
JSON. The loop imports NumPy and ONNX Runtime alone; `FOLDER` has what `save` wrote.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

CALLED: Final = "called"
"""The call that the engine makes: of a module, in inference mode entered each time; of `session.run`."""
BARER: Final = "barer"
"""The same with less around it: inference mode entered once for all; inputs and outputs bound beforehand."""
CALL: Final = "with mode:\n    module(*args, **kwargs)"
"""What the Timer times."""
WARM_SECONDS: Final = 0.1
BLOCK_SECONDS: Final = 0.01

_MODEL: Final = "model.onnx"
_INPUTS: Final = "inputs.npz"


def save(folder: Path, onnx_data: bytes, inputs: Mapping[str, Any]) -> None:
    """Writes what `loop` reads: the file, and arrays by the names of the model's inputs, in its order."""
    (folder / _MODEL).write_bytes(onnx_data)
    np.savez(folder / _INPUTS, **inputs)


def timer(model: str, seed: int, batch: int, threads: int, seconds: float) -> dict[str, float]:
    """A model of the zoo by `torch.utils.benchmark`, each way for so many seconds."""
    from torch.utils.benchmark import Timer

    names = names_of_call(model, seed, batch)

    def median(statement: str) -> float:
        timed = Timer(statement, globals=names, num_threads=threads)
        timed.blocked_autorange(min_run_time=WARM_SECONDS)
        return float(timed.blocked_autorange(min_run_time=seconds).median)

    called = median(CALL)
    with names["mode"]:
        return {CALLED: called, BARER: median("module(*args, **kwargs)")}


def names_of_call(model: str, seed: int, batch: int) -> dict[str, Any]:
    """What the names in `CALL` stand for: a module of the zoo, its example inputs, and inference mode."""
    import torch

    from core import zoo

    made = zoo.build(model, seed)
    args, kwargs = made.arguments(list(made.example_inputs(batch, zoo.InputKind.NORMAL, seed)))
    return {"module": made.module.eval(), "args": args, "kwargs": kwargs, "mode": torch.inference_mode()}


def loop(folder: Path, threads: int, seconds: float) -> dict[str, float]:
    """ONNX Runtime's session with the engine's options, in a loop; blocks of both ways in turn."""
    return _in_turn(session_calls(folder, threads), seconds)


def session_calls(folder: Path, threads: int) -> dict[str, Callable[[], object]]:
    """A call of a session with the engine's options each way, on what `save` wrote."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.spin_duration_us", "1000")
    session = ort.InferenceSession(folder / _MODEL, options, providers=["CPUExecutionProvider"])
    # Our own file; NumPy unpickles nothing unless it is asked to.
    with np.load(folder / _INPUTS) as saved:
        given = dict(saved)
    wanted = [each.name for each in session.get_inputs()]
    # The exporter may have renamed inputs; then their order is the model's.
    feeds = {name: given[name] for name in wanted} if set(wanted) <= set(given) else None
    feeds = feeds or dict(zip(wanted, given.values(), strict=True))
    outputs = [each.name for each in session.get_outputs()]
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
    for name in outputs:
        binding.bind_output(name)
    return {
        CALLED: lambda: session.run(outputs, feeds),
        BARER: lambda: session.run_with_iobinding(binding),
    }


def _in_turn(ways: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Seconds per call of each way, timed in blocks for so many seconds each."""
    blocks: dict[str, list[float]] = {name: [] for name in ways}
    counts = {name: _calls(way) for name, way in ways.items()}
    gc.collect()
    gc.disable()
    end = time.perf_counter() + seconds * len(ways)
    while time.perf_counter() < end or not all(blocks.values()):
        for name, way in ways.items():
            calls = range(counts[name])
            way()
            start = time.perf_counter()
            for _ in calls:
                way()
            blocks[name].append((time.perf_counter() - start) / len(calls))
    return {name: statistics.median(times) for name, times in blocks.items()}


def _calls(way: Callable[[], object]) -> int:
    """How many calls fill a block; it warms up meanwhile."""
    took: list[float] = []
    end = time.perf_counter() + WARM_SECONDS
    while time.perf_counter() < end or len(took) < 2:
        start = time.perf_counter()
        way()
        took.append(time.perf_counter() - start)
    return max(1, round(BLOCK_SECONDS / statistics.median(took)))


def _main(what: str, *words: str) -> dict[str, float]:
    if what == "timer":
        model, *numbers, seconds = words
        seed, batch, threads = map(int, numbers)
        return timer(model, seed, batch, threads, float(seconds))
    folder, count, seconds = words
    return loop(Path(folder), int(count), float(seconds))


if __name__ == "__main__":
    print(json.dumps(_main(*sys.argv[1:])))
