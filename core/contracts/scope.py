"""What the names of a program stand for, as far as its text says."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections import ChainMap
from collections.abc import Iterator
from typing import Final

from core.contracts import members
from core.contracts.known import outside
from core.contracts.members import Meaning
from core.contracts.model import Class, Outside

_EXTENSIONS: Final = "typing_extensions."
_STARRED: Final = frozenset({"abc", "typing", "collections.abc"})
_LONGEST: Final = 60


class Scope:
    """The names at one place of a program, and those around it.

    Attributes:
        prefix: what stands before the qualified name of a class that is defined here.
        nested: the classes in the bodies of classes, by their own name. All scopes of a program share it.
    """

    def __init__(
        self,
        names: ChainMap[str, Meaning] | None = None,
        prefix: str = "",
        nested: dict[Class, dict[str, Class]] | None = None,
    ) -> None:
        self.prefix = prefix
        self.nested: dict[Class, dict[str, Class]] = {} if nested is None else nested
        self._names: ChainMap[str, Meaning] = ChainMap() if names is None else names

    def inner(self, prefix: str) -> Scope:
        """A scope within this one."""
        return Scope(self._names.new_child(), prefix, self.nested)

    def set(self, name: str, meaning: Meaning) -> Meaning:
        """Says what a name stands for from here on; gives what it stood for before."""
        before = self._names.get(name)
        self._names[name] = meaning
        return before

    def take_imports(self, node: ast.Import | ast.ImportFrom, *, surely: bool) -> None:
        """Binds the names that an import statement binds. One that may not run changes no name."""
        for alias in node.names:
            if alias.name == "*":
                module = node.module if isinstance(node, ast.ImportFrom) and not node.level else ""
                if module in _STARRED:
                    self._names.update(_exported(str(module)))
                continue
            if isinstance(node, ast.Import):
                bound = alias.asname or alias.name.partition(".")[0]
                meaning = alias.name if alias.asname else bound
            else:
                bound = alias.asname or alias.name
                meaning = f"{'.' * node.level}{node.module or ''}.{alias.name}"
            if surely or bound not in self._names:
                self._names[bound] = meaning

    def resolve(self, node: ast.expr) -> Meaning:
        """What an expression stands for, if it is a name or a dotted one, subscripted or not."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Attribute):
                attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        meaning = self._names.get(node.id)
        if node.id not in self._names and hasattr(builtins, node.id):
            meaning = f"builtins.{node.id}"
        for name in reversed(attributes):
            if isinstance(meaning, str):
                meaning = f"{meaning}.{name}"
            elif isinstance(meaning, Class):
                found = meaning.members.get(members.mangled(name, meaning.name))
                meaning = self.nested.get(meaning, {}).get(name) or found
            else:
                return None
        if isinstance(meaning, str) and meaning.startswith(_EXTENSIONS):
            return f"typing.{meaning.removeprefix(_EXTENSIONS)}"
        return meaning

    def base(self, node: ast.expr) -> Class | Outside:
        """The class that an expression stands for, where a base is written."""
        meaning = self.resolve(node)
        if isinstance(meaning, Class | Outside):
            return meaning
        if isinstance(meaning, str):
            found = outside(meaning)
            return found if found.real else Outside(shown(node))
        return Outside(shown(node))


def shown(node: ast.expr) -> str:
    """An expression as it is written, cut to what fits into a sentence."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def called(decorator: ast.expr) -> ast.expr:
    """What a decorator names, whether it is called or not."""
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def blocks(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The blocks of statements within a statement, in order, each with whether it surely runs."""
    match node:
        case ast.With() | ast.AsyncWith():
            yield node.body, True
        case ast.Try() | ast.TryStar():
            yield [*node.body, *node.orelse], True
            for handler in node.handlers:
                yield handler.body, False
            yield node.finalbody, True
        case ast.Match():
            for case in node.cases:
                yield case.body, False
        case ast.If(test=ast.Constant(value=value)):
            yield node.body, bool(value)
            yield node.orelse, not value
        case ast.If() | ast.For() | ast.AsyncFor() | ast.While():
            yield node.body, False
            yield node.orelse, False


def _exported(module: str) -> dict[str, Meaning]:
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None) or [name for name in vars(found) if not name.startswith("_")]
    return {name: f"{module}.{name}" for name in names}
