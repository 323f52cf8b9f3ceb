"""The programs that the lab gives away: to load a file with a list of what is allowed, and to convert it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reference:
    """A global in a program.

    Attributes:
        module, name: where it is imported from.
        written: its full name in the file, where the object calls itself otherwise; empty if it does not.
    """

    module: str
    name: str
    written: str = ""

    @property
    def in_file(self) -> tuple[str, str]:
        """Module and name as the file has them."""
        if not self.written:
            return self.module, self.name
        module, _, name = self.written.rpartition(".")
        return module, name


_TAKEN: Final = frozenset({
    "torch", "pickle", "value", "file", "ALLOWED", "Restricted", "save_file", "tensors_in", "tensors",
    "print", "type", "open", "isinstance", "str", "dict", "list", "tuple", "enumerate", "len",
    "example", "state",
})  # fmt: skip
"""Names that the programs use themselves."""
_TORCH_LOAD: Final = """\
import torch
{imports}
{allow}value = torch.load({file!r}, map_location="cpu", weights_only=True)
print(type(value))
"""

_BARE_LOAD: Final = """\
import pickle
{imports}
ALLOWED = {{{allowed}}}


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{{module}}.{{name}} is not allowed")
        return ALLOWED[module, name]


with open({file!r}, "rb") as file:
    value = Restricted(file).load()
print(type(value))
"""

_TO_SAFETENSORS: Final = """

from safetensors.torch import save_file


def tensors_in(value, name=""):
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if type(value).__name__ == "ndarray":
        value = torch.from_numpy(value)
    if isinstance(value, torch.Tensor):
        return {name or "tensor": value.detach().clone().contiguous()}
    if isinstance(value, dict):
        pairs = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [(str(index), part) for index, part in enumerate(value)]
    else:
        return {}  # safetensors holds tensors only
    found = {}
    for key, part in pairs:
        found |= tensors_in(part, f"{name}.{key}" if name else key)
    return found


tensors = tensors_in(value)
save_file(tensors, «OUT»)
print(len(tensors), "tensors")
"""

_TO_ONNX: Final = """

example = torch.randn(«SHAPE»)  # a batch of 2; the shape is the model's, no file says it
torch.onnx.export(
    value.eval(), (example,), «OUT», input_names=["input"], output_names=["output"],
    dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True, external_data=False,
)
"""

_LOAD_STATE: Final = """

«IMPORT»

state = value
value = «MODEL»
value.load_state_dict(state)
"""


def torch_load(file_name: str, references: Sequence[Reference]) -> str:
    """Loads a checkpoint with exactly these globals allowed besides torch's own."""
    lines, names = imports(references)
    shown = [
        f"({name}, {each.written!r})" if each.written else name
        for each, name in zip(references, names, strict=True)
    ]
    allow = ""
    if shown:
        inner = ", ".join(shown)
        if len(inner) > 60:
            inner = "\n    " + ",\n    ".join(shown) + ",\n"
        allow = f"with torch.serialization.safe_globals([{inner}]):\n    "
    return _TORCH_LOAD.format(imports=_block(lines), allow=allow, file=file_name)


def bare_load(file_name: str, references: Sequence[Reference]) -> str:
    """Loads a bare pickle with an unpickler that gives exactly these globals."""
    lines, names = imports(references)
    pairs = "".join(f"    {each.in_file!r}: {name},\n" for each, name in zip(references, names, strict=True))
    allowed = f"\n{pairs}" if pairs else ""
    return _BARE_LOAD.format(imports=_block(lines), allowed=allowed, file=file_name)


def to_safetensors(load: str, out: str) -> str:
    """A program that loads a file and writes its tensors as safetensors.

    Args:
        load: the program that loads it.
        out: the name of the new file.
    """
    return _with_torch(load) + _TO_SAFETENSORS.replace("«OUT»", repr(out))


def to_onnx(load: str, out: str, shape: Sequence[int], model: str = "", source: str = "") -> str:
    """A program that loads a file and exports the module as ONNX.

    Args:
        load: the program that loads it.
        out: the name of the new file.
        shape: of one example of its input, without the batch.
        model: the expression that makes the module, where the file has its weights only; empty if it has it.
        source: the import that the expression needs.
    """
    program = _with_torch(load)
    if model:
        program += _LOAD_STATE.replace("«IMPORT»", source).replace("«MODEL»", model)
    sizes = ", ".join(str(size) for size in (2, *shape))
    return program + _TO_ONNX.replace("«SHAPE»", sizes).replace("«OUT»", repr(out))


def imports(references: Sequence[Reference]) -> tuple[list[str], list[str]]:
    """The import statements for some globals, and what each is called then: no two alike."""
    lines: list[str] = []
    names: list[str] = []
    for each in references:
        name, number = each.name, 2
        while name in names or name in _TAKEN:
            name, number = f"{each.name}_{number}", number + 1
        names.append(name)
        renamed = f" as {name}" if name != each.name else ""
        lines.append(f"from {each.module} import {each.name}{renamed}")
    return lines, names


def _block(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _with_torch(program: str) -> str:
    return program if "import torch\n" in program else f"import torch\n{program}"
