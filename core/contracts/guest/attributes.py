"""What the attributes of classes are, and what the functions behind them do."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Mapping
from inspect import Signature
from typing import Any


def is_demand(value: object, owner: type, bodies: Mapping[int, str]) -> bool:
    """Whether an attribute is abstract, or an empty method of a Protocol."""
    if getattr(value, "__isabstractmethod__", False) is True:
        return True
    return is_protocol(owner) and body_of(value, bodies) in {"empty", "raises"}


def function_of(value: object) -> Any:  # noqa: ANN401 - what a descriptor wraps
    """The function behind a method, a property or a decorator that says what it wraps."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    elif isinstance(value, functools.cached_property):
        value = value.func
    return inspect.unwrap(value) if callable(value) else value


def body_of(value: object, bodies: Mapping[int, str]) -> str:
    """What the function behind an attribute does: `empty`, `raises` or `real`."""
    code = getattr(function_of(value), "__code__", None)
    return bodies.get(getattr(code, "co_firstlineno", 0), "real") if code is not None else "real"


def kind_of(value: object) -> str:
    """What an attribute of a class is to whoever uses it on an object."""
    if isinstance(value, staticmethod):
        return "static method"
    if isinstance(value, classmethod):
        return "class method"
    return "method" if inspect.isroutine(value) or hasattr(value, "__wrapped__") else "value"


def signature_of(value: object) -> Signature | None:
    """The signature of the function behind an attribute; None if it has none."""
    try:
        return inspect.signature(function_of(value))
    except (ValueError, TypeError):
        return None


def is_asynchronous(value: object) -> bool:
    """Whether an attribute is an `async def`."""
    function = function_of(value)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def is_protocol(cls: type) -> bool:
    """Whether a class is a Protocol itself."""
    return vars(cls).get("_is_protocol") is True and cls.__module__ != "typing"


def read(source: str) -> tuple[dict[str, int], dict[int, str]]:
    """The lines of the classes by qualified name, and what the functions do by their first line."""
    lines: dict[str, int] = {}
    bodies: dict[int, str] = {}
    try:
        waiting: list[tuple[ast.AST, str]] = [(ast.parse(source), "")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return lines, bodies
    while waiting:
        node, prefix = waiting.pop()
        inner = prefix
        if isinstance(node, ast.ClassDef):
            name = f"{prefix}{node.name}"
            lines[name] = max(node.lineno, lines.get(name, 0))
            inner = f"{name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            bodies[min([node.lineno, *(each.lineno for each in node.decorator_list)])] = _body(node)
            inner = f"{prefix}{node.name}.<locals>."
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]
    return lines, bodies


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for each in node.body:
        if isinstance(each, ast.Pass) or (
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        ):
            continue
        raised = each.exc if isinstance(each, ast.Raise) else None
        raised = raised.func if isinstance(raised, ast.Call) else raised
        return "raises" if isinstance(raised, ast.Name) and raised.id == "NotImplementedError" else "real"
    return "empty"
