"""Where `import os` stands in a program, or where it can."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from core.secrets.leaks.edits import Edit
from core.secrets.leaks.python_source import PythonSource

# What must stay in the first two lines: how the file is run, and how it is encoded.
_FIRST: Final = re.compile(r"#!|[ \t\f]*#.*?coding[:=]")
_NEWLINE: Final = re.compile(r"\r\n|[\r\n]")


@dataclass(frozen=True)
class Module:
    """What a program does with the name `os`.

    Attributes:
        os: what to call the module.
        has_os: whether it is imported for the whole program, before anything else needs it.
        at: behind which character its import stands; -1 if there is none.
        text: the source.
        place: where an import can stand.
        inline: whether that is in the middle of a line.
        apart: whether an empty line comes behind it.
    """

    os: str
    has_os: bool
    at: int
    text: str = field(repr=False)
    place: int
    inline: bool
    apart: bool

    def imported(self, first: int) -> list[Edit]:
        """The import for calls from the character `first` on, unless there is one before."""
        if self.has_os and self.at < first:
            return []
        name = "os" if self.os == "os" else f"os as {self.os}"
        found = _NEWLINE.search(self.text)
        newline = found[0] if found else "\n"
        behind = "; " if self.inline else newline * (2 if self.apart else 1)
        return [Edit(self.place, self.place, f"import {name}{behind}")]


def module_of(source: PythonSource, *, has_os: bool = False) -> Module:
    """What a program does with the name `os`.

    Args:
        source: the program.
        has_os: whether `os` is imported already, in an earlier cell.
    """
    imports = [node for node in source.tree.body if isinstance(node, ast.Import) and _binds_os(node)]
    name = "_os" if any(_shadows(node) for node in ast.walk(source.tree)) else "os"
    at = -1 if has_os else source.lines.starts[imports[0].lineno - 1] if imports else -1
    place, inline, apart = _place(source)
    known = (has_os or bool(imports)) and name == "os"
    return Module(name, known, at, source.text, place, inline, apart)


def _binds_os(node: ast.Import) -> bool:
    return any(
        (alias.asname or alias.name.partition(".")[0]) == "os" and _is_os(alias) for alias in node.names
    )


def _is_os(alias: ast.alias) -> bool:
    return alias.name == "os" or (alias.name.startswith("os.") and not alias.asname)


def _shadows(node: ast.AST) -> bool:
    """Whether a node gives the name `os` to anything but the module."""
    return any(name == "os" for name in _bound(node))


def _bound(node: ast.AST) -> Iterator[str | None]:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.arg():
            yield node.arg
        case ast.Import():
            yield from (
                alias.asname or alias.name.partition(".")[0] for alias in node.names if not _is_os(alias)
            )
        case ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in node.names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
            yield node.name
        case ast.MatchAs() | ast.MatchStar():
            yield node.name
        case ast.MatchMapping():
            yield node.rest


def _place(source: PythonSource) -> tuple[int, bool, bool]:
    """Where an import can stand: behind the docstring and the imports from `__future__`, before all else."""
    head: ast.stmt | None = None
    for node in source.tree.body:
        is_head = _is_docstring(node) if head is None else False
        if not is_head and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            start = _start(source, node)
            if start >= source.first:
                return _before(source, node, start, head)
        head = node
    return len(source.text), False, False


def _before(
    source: PythonSource, node: ast.stmt, start: int, head: ast.stmt | None
) -> tuple[int, bool, bool]:
    line, _ = source.lines.place(start)
    row = source.lines.starts[line - 1] + (source.lines.bom if line == 1 else 0)
    if source.text[row:start].strip(" \t\f"):
        return start, True, False
    # Comments right above a statement belong to it.
    last = head.end_lineno or 0 if head else source.lines.place(source.first)[0] if source.first else 0
    while line - 1 > last and _is_comment(source, line - 1):
        line -= 1
    apart = not isinstance(node, ast.Import | ast.ImportFrom)
    return source.lines.starts[line - 1] + (source.lines.bom if line == 1 else 0), False, apart


def _is_comment(source: PythonSource, line: int) -> bool:
    starts = source.lines.starts
    text = source.text[starts[line - 1] : starts[line]].lstrip(" \t\f\ufeff")
    return text.startswith("#") and not (line <= 2 and _FIRST.match(text))


def _start(source: PythonSource, node: ast.stmt) -> int:
    """The first character of a statement, which is its first decorator's @."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    if decorators:
        return source.lines.starts[min(each.lineno for each in decorators) - 1]
    row = source.lines.starts[node.lineno - 1]
    line = _NEWLINE.split(source.shell[row : row + node.col_offset + 1])[0]
    return row + len(
        line.encode("utf-8", "surrogatepass")[: node.col_offset].decode("utf-8", "surrogatepass")
    )


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
