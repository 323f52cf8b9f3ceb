"""Lines of Python code, none longer than `WIDTH`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

WIDTH: Final = 110


def layer_code(name: str) -> str:
    """The expression for a layer of `model`."""
    return f"model.get_submodule({json.dumps(name)})" if name else "model"


def function(name: str, takes: Sequence[str], body: Iterable[str]) -> str:
    """A function's definition."""
    return text([f"def {name}({', '.join(takes)}):", *indented(body)])


def text(lines: Iterable[str]) -> str:
    """Lines as one text."""
    return "\n".join(lines)


def indented(lines: Iterable[str]) -> list[str]:
    """Lines one level further in."""
    return [f"    {line}" if line else "" for line in lines]


def call(function: str, arguments: Sequence[str], end: str = "") -> list[str]:
    """A call, on several lines if it is long."""
    line = f"{function}({', '.join(arguments)}){end}"
    if len(line) <= WIDTH - 9:  # so that it fits two levels in, with a comma
        return [line]
    inside = ", ".join(arguments)
    parts = [inside] if len(inside) <= WIDTH - 12 else [f"{argument}," for argument in arguments]
    return [f"{function}(", *indented(parts), f"){end}"]


def listed(opening: str, items: Sequence[Sequence[str]], end: str) -> list[str]:
    """A list of expressions, each of one or more lines."""
    if len(items) == 1 and len(items[0]) == 1 and len(line := f"{opening}{items[0][0]}{end}") <= WIDTH - 4:
        return [line]
    lines = [line for item in items for line in (*item[:-1], f"{item[-1]},")]
    return [opening, *indented(lines), end]


def returned(expression: str) -> list[str]:
    """A return of a comprehension, on several lines if it is long."""
    line = f"return {expression}"
    if len(line) + 4 <= WIDTH:
        return [line]
    opening, inside = expression.removesuffix(")").split("(", 1)
    value, loop = inside.rsplit(" for ", 1)
    return [f"return {opening}(", f"    {value}", f"    for {loop}", ")"]
