"""The lab's own files, made when they are asked for. Those that would do something are never loaded."""

from __future__ import annotations

import functools
import io
import pickle
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from core.pickles.lab import safetensors_file, wrappers
from core.pickles.lab.assembler import Assembler, Call, Dictionary, Name, assemble

if TYPE_CHECKING:
    from torch import Tensor, nn

COMMAND: Final = "echo hello from a pickle"
"""What the planted samples would have a shell do."""


class SampleError(ValueError):
    """A sample that does not exist: one line with the names that do."""


@dataclass(frozen=True)
class Sample:
    """A file to look at.

    Attributes:
        name: short name for a link.
        title: what a menu says.
        file_name: what the file is called.
        data: its bytes.
        says: what it is and what to look at, in one or two sentences.
        model: the expression that makes the model whose weights it has; empty if it has more, or none.
        source: the import that the expression needs.
    """

    name: str
    title: str
    file_name: str
    data: bytes
    says: str
    model: str = ""
    source: str = ""


def names() -> list[str]:
    """The short names of all samples."""
    return list(_RECIPES)


def titles() -> dict[str, str]:
    """What a menu says, per short name; makes nothing."""
    return {name: recipe.title for name, recipe in _RECIPES.items()}


@functools.cache
def sample(name: str) -> Sample:
    """A sample, with its bytes.

    Raises:
        SampleError: if there is none of that name.
    """
    recipe = _RECIPES.get(name)
    if recipe is None:
        raise SampleError(f"There is no such sample: choose one of {', '.join(_RECIPES)}.")
    return Sample(
        name, recipe.title, recipe.file_name, recipe.make(), recipe.says, recipe.model, recipe.source
    )


def _model() -> nn.Module:
    from core import zoo

    return zoo.build("simple_mlp").module


def _weights() -> dict[str, Tensor]:
    return dict(_model().state_dict())


def _saved(value: object) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _array() -> bytes:
    import numpy as np

    return pickle.dumps(np.linspace(0.0, 1.0, 6, dtype=np.float32).reshape(2, 3), protocol=4)


def _joblib() -> bytes:
    assembler = Assembler(4)
    assembler.op("EMPTY_DICT")
    assembler.put("coefficients")
    wrappers.joblib_array(assembler, (0.5, -1.25, 3.0))
    assembler.op("SETITEM")
    assembler.stop()
    return zlib.compress(assembler.data, 3)


def _planted() -> bytes:
    return assemble(Call(Name("os", "system"), (COMMAND,)), 2)


def _truncated() -> bytes:
    """A dict of numbers, cut where the second half of its pairs would begin."""
    whole = pickle.dumps({f"layer{number}.bias": number / 8 for number in range(8)}, protocol=4)
    return whole[: len(whole) // 2]


def _renamed() -> bytes:
    value = Dictionary((("weight", 0.5), ("bias", Call(Name("os", "system"), (COMMAND,)))))
    return assemble(value, 4)


def _polyglot() -> bytes:
    """A pickle with a zip behind it: unpicklers begin at the front, zip readers at the end."""
    return _planted() + wrappers.torch_zip(assemble(wrappers.CLEAN, 2))


def _onnx() -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = {name: tensor.numpy() for name, tensor in _weights().items()}
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["input", "linear.weight", "linear.bias"], ["output"], transB=1)],
        "SimpleMLP",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 10])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@dataclass(frozen=True)
class _Recipe:
    title: str
    file_name: str
    make: Callable[[], bytes]
    says: str
    model: str = ""
    source: str = ""


_RECIPES: Final[Mapping[str, _Recipe]] = MappingProxyType({
    "simple_mlp": _Recipe(
        "SimpleMLP, the whole module", "simple_mlp.pt", lambda: _saved(_model()),
        "`torch.save(model)`: the file has the weights and the *names* of the classes, not their code. It "
        "loads only where `core.zoo_modules` can be imported.",
    ),
    "simple_mlp_bare": _Recipe(
        "SimpleMLP by `pickle.dumps`", "simple_mlp.pkl", lambda: pickle.dumps(_model(), protocol=4),
        "The same module as one bare pickle. Each tensor's numbers are a file within the file, which the "
        "unpickler loads by a call.",
    ),
    "state_dict": _Recipe(
        "SimpleMLP, its state_dict", "simple_mlp_state.pt", lambda: _saved(_model().state_dict()),
        "`torch.save(model.state_dict())`: names and tensors only. `torch.load` takes it as it is, with "
        "`weights_only=True`.",
        model="SimpleMLP()", source="from core.zoo_modules import SimpleMLP",
    ),
    "ordered_dict": _Recipe(
        "An OrderedDict of numbers", "config.pkl",
        lambda: pickle.dumps(OrderedDict(learning_rate=0.001, epochs=3, layers=(8, 16, 4)), protocol=4),
        "A call, and still only data: `collections.OrderedDict` is called with nothing and then filled.",
    ),
    "array": _Recipe(
        "A NumPy array", "array.pkl", _array,
        "Two names of NumPy are called to make an empty array; BUILD then gives it shape, type and bytes.",
    ),
    "joblib": _Recipe(
        "joblib, compressed", "model.joblib", _joblib,
        "zlib outside, a pickle inside, and the numbers of an array between its opcodes: `pickletools` "
        "cannot read it.",
    ),
    "planted": _Recipe(
        "A planted command", "planted.pkl", _planted,
        f"45 bytes that no pickler wrote: at REDUCE, loading would have a shell do `{COMMAND}`.",
    ),
    "truncated": _Recipe(
        "Cut off in the middle", "truncated.pkl", _truncated,
        "Half of a download. What was read is harmless; what is missing nobody knows.",
    ),
    "polyglot": _Recipe(
        "A pickle and a zip at once", "model.pt", _polyglot,
        "Unpicklers begin at the first byte and find a command; zip readers begin at the end: numbers.",
    ),
    "renamed": _Recipe(
        "A pickle named .safetensors", "model.safetensors", _renamed,
        "The name promises data only. The content is a pickle, and it has a command in it.",
    ),
    "nested_zip": _Recipe(
        "A zip in a zip", "models.zip", lambda: wrappers.nested_zip(_planted()),
        "A scanner that opens only the outer archive sees two harmless files.",
    ),
    "safetensors": _Recipe(
        "SimpleMLP as safetensors", "simple_mlp.safetensors", lambda: safetensors_file.write(_weights()),
        "A JSON header and numbers: there is no place in it for a name of code.",
    ),
    "onnx": _Recipe(
        "SimpleMLP as ONNX", "simple_mlp.onnx", _onnx,
        "A graph of named operators with its weights: any language can run it, and it holds no Python.",
    ),
})  # fmt: skip
