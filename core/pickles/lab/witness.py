"""Loads model files where this app cannot be imported, and says which of them load and compute there.

Run as a script in isolated mode, `python -I witness.py FOLDER`: Python then finds installed packages and
nothing of this app. It reads files that this app has just written, and prints a JSON object per file.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def load_pickle(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """The module, if every name in the file can be imported here."""
    import torch

    allowed: list[Any] = []
    for full in torch.serialization.get_unsafe_globals_in_checkpoint(str(path)):
        module, _, name = full.rpartition(".")
        allowed.append((getattr(importlib.import_module(module), name), full))
    with torch.serialization.safe_globals(allowed):
        return torch.load(path, weights_only=True)


def load_state_dict(path: Path) -> None:
    """Tensors by name: there is nothing in it that could be called."""
    import torch

    torch.load(path, weights_only=True)


def load_safetensors(path: Path) -> None:
    """The same, read with nothing but the standard library and NumPy."""
    import numpy as np

    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    for about in header.values():
        start, end = about["data_offsets"]
        np.frombuffer(data[8 + size + start : 8 + size + end], np.uint8)


def load_torchscript(path: Path) -> Any:  # noqa: ANN401
    """A module of its own, compiled from the program in the file."""
    import torch

    return torch.jit.load(str(path))  # type: ignore[no-untyped-call]


def load_export(path: Path) -> Any:  # noqa: ANN401
    """A module made of the graph in the file."""
    import torch

    return torch.export.load(path).module()


def load_onnx(path: Path) -> Any:  # noqa: ANN401
    """A function that runs the graph in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def call(*args: Any, **kwargs: Any) -> list[Any]:  # noqa: ANN401
        import torch

        values = [each.numpy() for each in (*args, *kwargs.values())]
        feeds = dict(zip((each.name for each in session.get_inputs()), values, strict=True))
        return [torch.from_numpy(each) for each in session.run(None, feeds)]

    return call


LOADERS = {
    "pickle": load_pickle,
    "state_dict": load_state_dict,
    "safetensors": load_safetensors,
    "torchscript": load_torchscript,
    "export": load_export,
    "onnx": load_onnx,
}
"""By the name of the format."""


def computes(loaded: Any, example: Mapping[str, Any]) -> bool:  # noqa: ANN401
    """Whether what was loaded can be called, and gives what it should."""
    import torch

    if not callable(loaded):
        return False
    with torch.no_grad():
        outputs = flat(loaded(*example["args"], **example["kwargs"]))
    expected = example["outputs"]
    return len(outputs) == len(expected) and all(
        torch.allclose(one, other, rtol=1e-4, atol=1e-5) for one, other in zip(outputs, expected, strict=True)
    )


def flat(value: Any) -> list[Any]:  # noqa: ANN401
    """The tensors in what a call gives, in order."""
    if isinstance(value, Mapping):
        return [each for part in value.values() for each in flat(part)]
    if isinstance(value, Sequence):
        return [each for part in value for each in flat(part)]
    return [value]


def testify(folder: Path, files: Mapping[str, str]) -> list[dict[str, object]]:
    """What became of each file: whether it loaded, whether it computes, and the error if it did not load."""
    import torch

    if importlib.util.find_spec("core") is not None:
        raise SystemExit("This app can be imported here: nothing would be shown.")
    example = torch.load(folder / "example.pt", weights_only=True)
    found: list[dict[str, object]] = []
    for kind, name in files.items():
        loaded, ran, said = False, False, ""
        try:
            value = LOADERS[kind](folder / name)
            loaded = True
            ran = computes(value, example)
        except Exception as error:  # noqa: BLE001 - why it does not load is the answer
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        found.append({"format": kind, "loaded": loaded, "ran": ran, "error": said})
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    place = Path(sys.argv[1])
    for line in testify(place, json.loads((place / "files.json").read_text(encoding="utf-8"))):
        sys.stdout.write(json.dumps(line) + "\n")
