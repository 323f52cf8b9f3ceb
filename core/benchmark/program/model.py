"""The text that builds the zoo's models and their inputs, without the zoo."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torch import nn

from core import zoo_modules
from core.zoo import Input, ZooModel

_CALLS: Final[Mapping[str, str]] = MappingProxyType({
    "scalar_linear": "scalar_linear()",
    "inplace_relu": "MLP(lambda: nn.ReLU(inplace=True))",
    "deep_tanh": "deep(nn.Tanh, 0.05)",
    "deep_relu": "deep(nn.ReLU, 1.0)",
})  # fmt: skip
"""How the models are made that are no class called without arguments."""


def sources(made: ZooModel) -> tuple[str, ...]:
    """The classes and functions that a model is made of, those first that others use."""
    return _code(_call(made).partition("(")[0])


def builder(made: ZooModel, seed: int) -> str:
    """Two functions: one makes the model, one its inputs."""
    names = [_variable(each) for each in made.inputs]
    draws = [f"    {name} = {_drawn(each)}" for name, each in zip(names, made.inputs, strict=True)]
    positional = [name for name, each in zip(names, made.inputs, strict=True) if not each.keyword]
    keyword = [
        f'"{each.name}": {name}' for name, each in zip(names, made.inputs, strict=True) if each.keyword
    ]
    return "\n".join([
        f"def make_{made.name}():",
        f'    """{made.title}: the same seed gives the same weights."""',
        f"    torch.manual_seed({seed})",
        f"    return {_call(made)}.eval()",
        "",
        "",
        f"def {made.name}_inputs(batch, seed={seed}):",
        '    """Random numbers for a batch: the arguments by place, and those by name."""',
        "    generator = torch.Generator().manual_seed(seed)",
        *draws,
        f"    return ({', '.join(positional)},), {{{', '.join(keyword)}}}",
    ])  # fmt: skip


def entry(made: ZooModel) -> str:
    """The model's line in the table of models: how it is made, its inputs, and their names."""
    return f'    "{made.name}": (make_{made.name}, {made.name}_inputs, {_names(made)}),'


def dynamic(made: ZooModel) -> str:
    """The model's line in the table of open axes."""
    axes = ", ".join(f'"{name}": {{{axis}: "batch"}}' for name, axis in made.batch_axes.items())
    return f'    "{made.name}": {{{axes}}},'


def _names(made: ZooModel) -> str:
    return f"({', '.join(f'{name!r}'.replace(chr(39), chr(34)) for name in made.input_names)},)"


def _call(made: ZooModel) -> str:
    return _CALLS.get(made.name, f"{type(made.module).__name__}()")


def _variable(each: Input) -> str:
    # Python's own `input` stays what it is.
    return "x" if each.name == "input" else each.name


def _drawn(each: Input) -> str:
    sizes = ", ".join(map(str, ("batch", *each.shape)))
    moved = f".movedim(0, {each.batch_axis}).contiguous()" if each.batch_axis else ""
    return f"torch.randn({sizes}, generator=generator){moved}"


def _code(name: str) -> tuple[str, ...]:
    source = re.sub(r"  # noqa: [^\n]*", "", inspect.getsource(vars(zoo_modules)[name])).rstrip()
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)} - {name}
    inner = [each for each in sorted(used) if _is_model(vars(zoo_modules).get(each))]
    return tuple(dict.fromkeys([*(text for each in inner for text in _code(each)), source]))


def _is_model(value: object) -> bool:
    return (
        isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == zoo_modules.__name__
    )
