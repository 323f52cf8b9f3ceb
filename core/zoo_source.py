"""The text that builds a model, for programs that are given away and run without the zoo."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
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


def construction(made: ZooModel) -> str:
    """The expression that makes the model's module where `sources` stands above it."""
    return _CALLS.get(made.name, f"{type(made.module).__name__.lstrip('_')}()")


def variable(each: Input) -> str:
    """What a program calls an input: Python's own `input` stays what it is."""
    return "x" if each.name == "input" else each.name


def sources(made: ZooModel, home: ModuleType = zoo_modules) -> tuple[str, ...]:
    """The classes and functions that a model is made of, each once, those first that others use.

    Args:
        made: the model.
        home: the module that has their code; a class that is private there is not in the text.
    """
    name = construction(made).partition("(")[0]
    return _code(home, name if hasattr(home, name) else f"_{name}")


def _code(home: ModuleType, name: str) -> tuple[str, ...]:
    source = re.sub(r"  # noqa: [^\n]*", "", inspect.getsource(vars(home)[name])).rstrip()
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)} - {name}
    inner = [each for each in sorted(used) if _is_model(vars(home).get(each), home)]
    public = source.replace(f"class {name}(", f"class {name.lstrip('_')}(")
    return tuple(dict.fromkeys([*(text for each in inner for text in _code(home, each)), public]))


def _is_model(value: object, home: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == home.__name__
