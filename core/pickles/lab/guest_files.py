"""What the rehearsal needs of this app inside the sandbox: its program there, and all that imports."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

PROGRAM: Final = "core.pickles.lab.guest.tripwires"
_ROOT: Final = Path(__file__).parents[3]
_EMPTY: Final = frozenset({"core/__init__.py", "core/pickles/__init__.py", "core/pickles/lab/__init__.py"})
"""Packages that would import what does not run there."""


@functools.cache
def guest_files() -> Mapping[str, bytes]:
    """The modules, by their path: those that the program imports, those that they import, and so on."""
    found: dict[str, bytes] = {}
    wanted = [PROGRAM]
    while wanted:
        path = _path(wanted.pop())
        if path is None or path in found:
            continue
        found[path] = b"" if path in _EMPTY else (_ROOT / path).read_bytes()
        wanted += _imported(found[path])
        folder = path.rpartition("/")[0].removesuffix("/__init__.py")
        wanted += [part.replace("/", ".") for part in (folder, folder.rpartition("/")[0]) if part]
    return MappingProxyType(found)


def _path(module: str) -> str | None:
    """Where a module of ours lies, from the root; None if there is none of that name."""
    base = module.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if (_ROOT / path).is_file()), None)


def _imported(source: bytes) -> Iterator[str]:
    """The modules of ours that a module imports where it is run."""
    body: list[ast.AST] = [ast.parse(source)]
    while body:
        node = body.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                body += node.orelse
                continue
            case ast.Import():
                yield from (each.name for each in node.names if each.name.startswith("core."))
            case ast.ImportFrom(module=str(module)) if module.startswith("core."):
                yield module
                yield from (f"{module}.{each.name}" for each in node.names)
        body += ast.iter_child_nodes(node)
