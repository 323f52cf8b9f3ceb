"""A program whose secrets come from the environment."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from core.secrets.leaks.edits import Edit, apply
from core.secrets.leaks.literals import Literal
from core.secrets.leaks.naming import Names
from core.secrets.leaks.passage import Role
from core.secrets.leaks.python_import import Module, module_of
from core.secrets.leaks.python_source import Group, Leaf, PythonSource, read_python
from core.secrets.leaks.scanning import Spot

KEPT: Final = (
    "Where no call can stand (a docstring, a comment, a case of match), a key's name stands in its place."
)
BARE: Final = (
    "A key stood in the program outside of quotes: its name stands there now, and has to be given a value."
)

_BRACES: Final = re.compile(r"(\\N\{[^{}]*\})|([{}])")
_RAW_BRACES: Final = re.compile(r"()([{}])")
_BESIDE: Final = re.compile(r"""[rRbBuUfF]{0,2}['"]""")


@dataclass(frozen=True)
class FixedPython:
    """A program without its secrets.

    Attributes:
        text: the program.
        has_os: whether `os` is imported in it, or was before it.
        notes: what is left to do.
    """

    text: str
    has_os: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cut:
    """A part of a literal that goes, and the variable that comes; empty if an earlier literal has it."""

    start: int
    end: int
    name: str


def fix_python(
    source: PythonSource,
    spots: Sequence[Spot],
    names: Names,
    *,
    has_os: bool = False,
    notebook: bool = False,
    words: bool = False,
) -> FixedPython:
    """A program with `os.getenv` for each secret.

    Args:
        source: the program.
        spots: its secrets.
        names: gives them their variables.
        has_os: whether `os` is imported already, in an earlier cell.
        notebook: whether it is a cell's.
        words: whether each secret becomes its variable's name within its literal, without a call.
    """
    module = module_of(source, has_os=has_os)
    fixer = _Fixer(source, names, module, words=words)
    edits = list(fixer.edits(spots))
    if fixer.calls:
        edits += module.imported(min(edit.start for edit in edits))
    text = apply(source.text, edits)
    if read_python(text, notebook=notebook) is None:
        # A program that Python reads is worth more than one that has the calls.
        fixer = _Fixer(source, names, module, words=True)
        text = apply(source.text, fixer.edits(spots))
    notes = tuple(note for note, said in ((KEPT, fixer.kept), (BARE, fixer.bare)) if said)
    known = has_os or module.has_os or (fixer.calls and module.os == "os")
    return FixedPython(text, known, notes)


class _Fixer:
    """Makes the edits of one program.

    Attributes:
        calls: whether one of them calls `os.getenv`.
        kept: whether in one of them a name stands for a key.
        bare: whether one of them is outside of literals and comments.
    """

    def __init__(self, source: PythonSource, names: Names, module: Module, *, words: bool = False) -> None:
        self.calls = self.kept = self.bare = False
        self._source = source
        self._text = source.text
        self._names = names
        self._module = module
        self._words = words

    def edits(self, spots: Sequence[Spot]) -> Iterator[Edit]:
        """The edits for some secrets."""
        ordered = sorted(spots, key=lambda spot: (spot.found.passage, spot.start))
        for _, its in groupby(ordered, key=lambda spot: spot.found.passage):
            beside = list(its)
            passage = beside[0].passage
            if passage.group >= 0:
                yield from self._group(self._source.groups[passage.group], beside)
                continue
            for spot in beside:
                name = self._names.of(spot.found)
                if passage.role is Role.CODE:
                    self.bare = True
                    yield Edit(spot.start, spot.end, name)
                else:
                    self.kept = True
                    yield Edit(spot.start, spot.end, f"<{name}>")

    def _group(self, group: Group, spots: Sequence[Spot]) -> Iterator[Edit]:
        """The edits for the secrets of one expression."""
        passage, first = spots[0].passage, spots[0].found
        literals = [literal for leaf in group.leaves for literal in leaf]
        words = self._words or group.role is Role.WORDS
        if group.role is Role.NESTED:
            words = words or self._has_neighbor(literals[0])
        if passage.whole and not words and (first.start, first.end) == (0, len(passage.text)):
            name = self._names.of(first, assigned=passage.assigned)
            quote = literals[0].quote[0] if group.role is Role.NESTED else '"'
            yield self._edit(group.start, group.end, self._call(name, quote, literals[0]))
            return
        named = [(spot, self._names.of(spot.found)) for spot in sorted(spots, key=lambda spot: spot.start)]
        for leaf in group.leaves:
            cuts = {literal: _cuts(literal, named) for literal in leaf}
            if not any(cuts.values()):
                continue
            nested = group.role is Role.NESTED
            if words or (nested and leaf[0].is_formatted):
                self.kept = True
                yield from (
                    Edit(cut.start, cut.end, cut.name and f"<{cut.name}>") for cut in _all(cuts.values())
                )
            elif nested or leaf[0].is_bytes:
                yield self._edit(leaf[0].start, leaf[-1].end, self._sum(leaf, cuts))
            else:
                for literal in leaf:
                    if cuts[literal]:
                        yield self._edit(literal.start, literal.end, self._formatted(literal, cuts[literal]))

    def _edit(self, start: int, end: int, text: str) -> Edit:
        """An edit whose text does not run into the word before it."""
        before = self._text[start - 1 : start]
        return Edit(start, end, f" {text}" if before.isalnum() or before == "_" else text)

    def _call(self, name: str, quote: str, literal: Literal, otherwise: bool = False) -> str:
        self.calls = True
        default = f", {quote}{quote}" if otherwise or literal.is_bytes else ""
        call = f"{self._module.os}.getenv({quote}{name}{quote}{default})"
        return f"{call}.encode()" if literal.is_bytes else call

    def _formatted(self, literal: Literal, cuts: Sequence[_Cut]) -> str:
        """A literal as an f-string that asks for its secrets."""
        quote = "'" if literal.quote[0] == '"' else '"'
        parts, position = [], _body(literal)
        for cut in cuts:
            parts.append(self._braced(literal, position, cut.start))
            parts.append(f"{{{self._call(cut.name, quote, literal)}}}" if cut.name else "")
            position = cut.end
        parts.append(self._braced(literal, position, literal.end - len(literal.quote)))
        kept = any(cut.name for cut in cuts) or literal.is_formatted
        prefix = ("r" if literal.is_raw else "") + ("f" if kept else "")
        if not kept:
            # Nothing comes in here, so nothing has to be doubled either.
            parts = [self._text[a:b] for a, b in _between(literal, cuts)]
        return f"{prefix}{literal.quote}{''.join(parts)}{literal.quote}"

    def _braced(self, literal: Literal, start: int, end: int) -> str:
        text = self._text[start:end]
        if literal.is_formatted:
            return text
        braces = _RAW_BRACES if literal.is_raw else _BRACES
        return braces.sub(lambda match: match[1] or match[2] * 2, text)

    def _sum(self, leaf: Leaf, cuts: dict[Literal, list[_Cut]]) -> str:
        """Literals as a sum with calls: of bytes, which have no f-strings, or in an f-string's braces."""
        parts = []
        for literal in leaf:
            names = [cut.name for cut in cuts[literal]]
            for index, (start, end) in enumerate(_between(literal, cuts[literal])):
                text = self._text[start:end]
                if text:
                    parts.append(f"{literal.prefix}{literal.quote}{text}{literal.quote}")
                if index < len(names) and names[index]:
                    parts.append(self._call(names[index], literal.quote[0], literal, otherwise=True))
        return f"({' + '.join(parts)})"

    def _has_neighbor(self, literal: Literal) -> bool:
        """Whether another literal stands beside it, with which it is one."""
        before = self._text[: literal.start].rstrip(" ")[-1:]
        after = self._text[literal.end :][:200].lstrip(" ")
        return before in {"'", '"'} or _BESIDE.match(after) is not None


def _cuts(literal: Literal, named: Sequence[tuple[Spot, str]]) -> list[_Cut]:
    """What goes out of a literal. A secret's variable comes where it begins."""
    cuts = []
    # They are in order and apart from one another, so only these can lie in the literal.
    first_in = bisect_right(named, literal.start, key=lambda each: each[0].end)
    last_in = bisect_left(named, literal.end, key=lambda each: each[0].start)
    for spot, name in named[first_in:last_in]:
        piece = bisect_right(literal.pieces, spot.start, key=lambda each: each[1])
        for start, end in literal.pieces[piece:]:
            if start >= spot.end:
                break
            first, last = max(start, spot.start), min(end, spot.end)
            if first < last:
                cuts.append(_Cut(first, last, name if first == spot.start else ""))
    return cuts


def _all(cuts: Iterable[list[_Cut]]) -> Iterator[_Cut]:
    for each in cuts:
        yield from each


def _body(literal: Literal) -> int:
    return literal.start + len(literal.prefix) + len(literal.quote)


def _between(literal: Literal, cuts: Sequence[_Cut]) -> list[tuple[int, int]]:
    """What stays of a literal: before, between and behind its cuts."""
    starts = [_body(literal), *(cut.end for cut in cuts)]
    ends = [*(cut.start for cut in cuts), literal.end - len(literal.quote)]
    return list(zip(starts, ends, strict=True))
