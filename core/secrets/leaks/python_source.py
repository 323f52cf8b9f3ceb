"""A Python program as passages: what its literals say and are given to, its comments and its code.

`ast` tells what belongs to what (the variable, the keyword, the dictionary's key, the docstring), and our own
reader of literals where each character stands.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, TypeAlias

from core.secrets.leaks.literals import Literal, LiteralError, decode, hollow, read_literals
from core.secrets.leaks.names import Named, children
from core.secrets.leaks.passage import Lines, Passage, Role, Run, plain

Leaf: TypeAlias = tuple[Literal, ...]
"""Literals that stand side by side and are one string."""

_GAP: Final = "\x00"
# A line of IPython's own: %magic, !command, ?help, help?, and what is assigned from the first two.
_MAGIC: Final = re.compile(
    r"^(?P<indent>[ \t]*)(?:[%!?][^\r\n]*|[\w.]+\?{1,2}[ \t]*$|(?P<assigned>[\w, .]+=[ \t]*)[%!][^\r\n]*)",
    re.MULTILINE,
)
_CELL: Final = re.compile(r"\s*%%(?P<name>\w+)")
_PYTHON_CELLS: Final = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "debug"})


@dataclass(frozen=True)
class Group:
    """The literals of one expression, whose texts are read as one.

    Attributes:
        start: where the expression stands in the source.
        end: where it ends.
        leaves: its literals; between two leaves stands a `+`.
        role: what it is.
    """

    start: int
    end: int
    leaves: tuple[Leaf, ...]
    role: Role


@dataclass(frozen=True)
class PythonSource:
    """A program that was read.

    Attributes:
        text: the source.
        shell: the source, hollow: what `tree` is of.
        tree: its syntax; the strings in it are hollow.
        lines: its lines.
        passages: what it says.
        groups: its literals, which passages name by their number.
        first: where an import may stand: behind a cell's magic.
    """

    text: str = field(repr=False)
    shell: str = field(repr=False)
    tree: ast.Module = field(repr=False)
    lines: Lines = field(repr=False)
    passages: tuple[Passage, ...]
    groups: tuple[Group, ...]
    first: int = 0


def read_python(text: str, *, notebook: bool = False) -> PythonSource | None:
    """A program as passages; None if it is none, or one that Python cannot read.

    Args:
        text: the source.
        notebook: whether it is a cell's, which may have lines that IPython reads.
    """
    # Where a byte order mark stands, Python lets a form feed stand.
    source = "\f" + text[1:] if text.startswith("\ufeff") else text
    try:
        return _read(text, source, [])
    except _UNREADABLE:
        pass
    cell = _CELL.match(source) if notebook else None
    if not notebook or (cell and cell["name"] not in _PYTHON_CELLS):
        return None
    found = _MAGIC.finditer(source)
    magics = [(each.end("assigned" if each["assigned"] else "indent"), each.end()) for each in found]
    # A line of IPython's is a 0 to Python, with spaces up to its end: nothing else moves.
    parts, position = [], 0
    for start, end in magics:
        parts += [source[position:start], "0".ljust(end - start)]
        position = end
    source = "".join([*parts, source[position:]])
    try:
        return _read(text, source, magics, first=magics[0][1] if cell and magics else 0)
    except _UNREADABLE:
        return None


# What Python 3.11 to 3.13 raise for a text that is no program or is too deep.
_UNREADABLE: Final = (SyntaxError, ValueError, MemoryError, RecursionError, LiteralError)


def _read(text: str, source: str, magics: list[tuple[int, int]], first: int = 0) -> PythonSource:
    literals, comments = read_literals(source)
    shell = hollow(source, literals, comments)
    tree = ast.parse(shell)
    reader = _Reader(source, shell, literals)
    reader.walk(tree)
    passages = reader.passages
    passages += [plain(source[a:b], a, Role.COMMENT) for a, b in comments]
    passages += [plain(text[a:b], a) for a, b in magics]
    passages.append(plain(_code(shell, literals, comments), 0, Role.CODE))
    # In the order of the source, so that what stands beside a key stands beside it here.
    passages.sort(key=lambda each: each.runs[0].source)
    return PythonSource(text, shell, tree, Lines.of(text), tuple(passages), tuple(reader.groups), first)


def _code(shell: str, literals: list[Literal], comments: list[tuple[int, int]]) -> str:
    """The program without its literals and comments, with every character in its place."""
    spans = [(each.start, each.end) for each in literals if not each.depth] + comments
    parts, position = [], 0
    for start, end in sorted(spans):
        parts += [shell[position:start], _GAP * (end - start)]
        position = end
    return "".join([*parts, shell[position:]])


class _Reader:
    """Groups the literals of a program by its syntax."""

    def __init__(self, source: str, shell: str, literals: list[Literal]) -> None:
        self.passages: list[Passage] = []
        self.groups: list[Group] = []
        self._source = source
        self._shell = shell
        self._lines = Lines.of(shell)
        self._columns: dict[int, list[int]] = {}
        self._literals = [each for each in literals if not each.depth]
        self._starts = [each.start for each in self._literals]
        for literal in literals:
            if literal.depth:
                self._add([(literal,)], literal.start, literal.end, Named(role=Role.NESTED))

    def walk(self, tree: ast.Module) -> None:
        """Makes a passage for each string of the program."""
        stack: list[tuple[ast.AST, Named]] = [(tree, Named())]
        grouped: set[int] = set()
        while stack:
            node, named = stack.pop()
            parts = list(_operands(node))
            leaves = [self._leaf(part) if _is_string(part) else None for part in parts]
            if any(leaves):
                grouped.update(literal.start for leaf in leaves for literal in leaf or ())
                self._add(leaves, *self._span(node), named)
            # Within an f-string, the literals' own reader has found what there is.
            if len(parts) > 1:
                stack += [(part, Named()) for part, leaf in zip(parts, leaves, strict=True) if leaf is None]
            elif not _is_string(node):
                stack += children(node, named, self._text)
        for literal in self._literals:
            if literal.start not in grouped:
                self._add([(literal,)], literal.start, literal.end, Named(role=Role.WORDS))

    def _add(self, leaves: Sequence[Leaf | None], start: int, end: int, named: Named) -> None:
        """A passage of the literals of an expression, with a gap for each part that is none."""
        parts: list[str] = []
        runs: list[Run] = []
        length, gaps = 0, False
        for leaf in leaves:
            if leaf is None:
                position = runs[-1].source + runs[-1].width if runs else start
                parts.append(_GAP)
                runs.append(Run(length, 1, position, 1))
                length, gaps = length + 1, True
                continue
            for literal in leaf:
                for index, piece in enumerate(literal.pieces):
                    if index or (literal.is_formatted and piece[0] > _body(literal)):
                        parts.append(_GAP)
                        runs.append(Run(length, 1, piece[0] - 1, 1))
                        length, gaps = length + 1, True
                    text, found = decode(self._source, literal, piece, length)
                    parts.append(text)
                    runs += found
                    length += len(text)
                if literal.is_formatted and (
                    not literal.pieces or literal.pieces[-1][1] < _inner_end(literal)
                ):
                    parts.append(_GAP)
                    runs.append(Run(length, 1, literal.end - 1, 1))
                    length, gaps = length + 1, True
        whole = not gaps and named.role in {Role.VALUE, Role.NESTED}
        if runs:
            kept = tuple(leaf for leaf in leaves if leaf)
            self.groups.append(Group(start, end, kept, named.role))
            self.passages.append(
                Passage(
                    "".join(parts), tuple(runs), named.role, named.name, whole, len(self.groups) - 1,
                    assigned=named.assigned,
                )
            )  # fmt: skip

    def _leaf(self, node: ast.AST) -> Leaf | None:
        """The literals of a string in the syntax."""
        start, end = self._span(node)
        found = tuple(self._literals[bisect_left(self._starts, start) : bisect_left(self._starts, end)])
        return found or None

    def _text(self, node: ast.AST) -> str:
        """What a literal in the syntax says; empty for an f-string or anything else."""
        leaf = self._leaf(node) if isinstance(node, ast.Constant) and _is_string(node) else None
        return "".join(
            decode(self._source, literal, piece, 0)[0] for literal in leaf or () for piece in literal.pieces
        )

    def _span(self, node: ast.AST) -> tuple[int, int]:
        if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
            return 0, 0
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """The place of a character, from `ast`'s line and its column in bytes of UTF-8."""
        start = self._lines.starts[line - 1]
        if line not in self._columns:
            end = self._lines.starts[line] if line < len(self._lines.starts) else len(self._shell)
            row = self._shell[start:end]
            widths = [] if row.isascii() else [len(character.encode()) for character in row]
            self._columns[line] = list(accumulate(widths, initial=0)) if widths else []
        columns = self._columns[line]
        return start + (bisect_left(columns, column) if columns else column)


def _body(literal: Literal) -> int:
    return literal.start + len(literal.prefix) + len(literal.quote)


def _inner_end(literal: Literal) -> int:
    return literal.end - len(literal.quote)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    """What a sum adds, from left to right; a node that is no sum by itself."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            stack += [part.right, part.left]
        else:
            yield part
