"""Python's string literals and comments, read from the source.

A reader of our own, since none of Python's will do: `ast` has no comments and no place for each character
of a literal, and `tokenize` cuts f-strings into other tokens from one version to the next. See "Lexical
analysis" in the Python reference.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from core.secrets.leaks.passage import Run

MAX_DEPTH: Final = 50
"""How deep f-strings may lie in one another."""
MAX_LITERALS: Final = 50_000
"""How many literals are read."""

_STRING: Final = re.compile(
    r"""(?P<prefix>(?:(?<!\w)(?:[rR][bBfF]?|[bBfF][rR]?|[uU]))?)(?P<quote>'''|\"\"\"|'|\")|(?P<comment>\#[^\r\n]*)"""
)
_WITHIN: Final = re.compile(_STRING.pattern + r"|(?P<bracket>[(\[{)\]}])|(?P<colon>:)")
_CODE, _LITERAL, _FIELD, _FORMAT = range(4)

_SIMPLE: Final = dict(
    zip("\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v", strict=True),
)
_ESCAPE: Final = re.compile(
    r"""\\(?:(?P<join>\r\n|[\r\n])|(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9a-fA-F]{2})|(?P<simple>[\\'"abfnrtv])"""
    r"""|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|N\{(?P<named>[^{}]{1,100})\})"""
    r"""|(?P<newline>\r\n?)|(?P<brace>\{\{|\}\})|\\"""
)
_FILL: Final = re.compile(r"\\(?![\r\n])|[^\\\r\n]")


class LiteralError(ValueError):
    """The source is no Python: a literal does not end, or a brace is alone."""


@dataclass(frozen=True)
class Literal:
    """A string literal.

    Attributes:
        start: where its prefix or quote stands.
        end: behind its last quote.
        prefix: such as `rb`, in lower case.
        quote: one of `'`, `"` and their triples.
        pieces: start and end of what stands between its quotes, without an f-string's expressions.
        depth: in how many f-strings it lies.
    """

    start: int
    end: int
    prefix: str
    quote: str
    pieces: tuple[tuple[int, int], ...]
    depth: int

    @property
    def is_bytes(self) -> bool:
        """Whether it gives bytes."""
        return "b" in self.prefix

    @property
    def is_formatted(self) -> bool:
        """Whether it is an f-string."""
        return "f" in self.prefix

    @property
    def is_raw(self) -> bool:
        """Whether backslashes are only backslashes."""
        return "r" in self.prefix


@dataclass
class _Open:
    """A literal that has not ended yet, and where in it the reader is."""

    start: int
    prefix: str
    quote: str
    mode: int = _LITERAL
    brackets: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)


def read_literals(source: str) -> tuple[list[Literal], list[tuple[int, int]]]:
    """The literals of a source in the order of their starts, and start and end of each comment.

    Raises:
        LiteralError: a literal does not end where it must.
    """
    literals: list[Literal] = []
    comments: list[tuple[int, int]] = []
    stack: list[_Open] = []
    position = 0
    while True:
        current = stack[-1] if stack else None
        if current and current.mode in {_LITERAL, _FORMAT}:
            position = _in_text(source, position, current)
            if source.startswith(current.quote, position) and current.mode == _LITERAL:
                stack.pop()
                position += len(current.quote)
                literals.append(_closed(current, position, len(stack)))
            continue
        match = (_WITHIN if current else _STRING).search(source, position)
        if match is None:
            break
        position = match.end()
        if match["comment"]:
            comments.append(match.span())
        elif match["quote"]:
            if len(stack) >= MAX_DEPTH or len(literals) >= MAX_LITERALS:
                raise LiteralError("too many literals, or too deep in one another")
            stack.append(_Open(match.start(), match["prefix"].lower(), match["quote"]))
        elif current:
            _in_field(current, match[0])
    if stack:
        raise LiteralError("a literal does not end")
    return sorted(literals, key=lambda each: each.start), comments


def _closed(literal: _Open, end: int, depth: int) -> Literal:
    pieces = tuple(piece for piece in literal.pieces if piece[0] < piece[1])
    return Literal(literal.start, end, literal.prefix, literal.quote, pieces, depth)


def _in_text(source: str, position: int, literal: _Open) -> int:
    """Reads text between quotes and braces: gives where it stops, which is at a quote, or behind a brace."""
    formatted = "f" in literal.prefix
    match = _text(literal.quote, formatted, "r" in literal.prefix, literal.mode == _FORMAT).match(
        source, position
    )
    stop = match.end() if match else position
    literal.pieces.append((position, stop))
    if literal.mode == _LITERAL and source.startswith(literal.quote, stop):
        return stop
    if formatted and source.startswith("{", stop):
        literal.brackets.append(0)
        # A field within a format goes back to the format; one within the text, to the text.
        literal.mode = _FIELD
        return stop + 1
    if literal.mode == _FORMAT and source.startswith("}", stop):
        _end_field(literal)
        return stop + 1
    raise LiteralError("a literal does not end where it must")


def _in_field(literal: _Open, sign: str) -> None:
    """Counts the brackets of an f-string's expression, to see where it ends."""
    if sign in "([{":
        literal.brackets[-1] += 1
    elif sign in ")]" or (sign == "}" and literal.brackets[-1]):
        literal.brackets[-1] = max(0, literal.brackets[-1] - 1)
    elif sign == "}":
        _end_field(literal)
    elif not literal.brackets[-1]:
        literal.brackets[-1] = -1
        literal.mode = _FORMAT


def _end_field(literal: _Open) -> None:
    literal.brackets.pop()
    # What is left are fields whose format this one was a part of.
    literal.mode = _FORMAT if literal.brackets else _LITERAL


@cache
def _text(quote: str, formatted: bool, raw: bool, in_format: bool) -> re.Pattern[str]:
    """What may stand in a literal before its end, or before a brace that opens or closes an expression."""
    mark = quote[0]
    lines = "" if len(quote) == 3 else r"\r\n"
    alone = rf"|{mark}(?!{mark}{mark})" if len(quote) == 3 else ""
    if not formatted:
        return re.compile(rf"(?:[^\\{mark}{lines}]++|\\(?:\r\n|[\s\S]){alone})*+")
    named = "" if raw else r"N\{[^{}\r\n]*\}|"
    doubled = "" if in_format else r"|\{\{|\}\}"
    return re.compile(
        rf"(?:[^\\{{}}{mark}{lines}]++|\\(?:{named}\r\n|[^{{}}])|\\(?=[{{}}]){doubled}{alone})*+"
    )


def decode(source: str, literal: Literal, piece: tuple[int, int], start: int) -> tuple[str, list[Run]]:
    """The text of a piece of a literal, and its runs, the first of which begins at `start` of the passage."""
    parts: list[str] = []
    runs: list[Run] = []
    at, position = start, piece[0]
    for match in _ESCAPE.finditer(source, *piece):
        character = _unescaped(match, literal)
        if character is None:
            continue
        if match.start() > position:
            parts.append(source[position : match.start()])
            runs.append(Run(at, match.start() - position, position, match.start() - position))
            at += match.start() - position
        if character:
            parts.append(character)
            runs.append(Run(at, 1, match.start(), match.end() - match.start()))
            at += 1
        position = match.end()
    if piece[1] > position:
        parts.append(source[position : piece[1]])
        runs.append(Run(at, piece[1] - position, position, piece[1] - position))
    return "".join(parts), runs


def _unescaped(match: re.Match[str], literal: Literal) -> str | None:
    """The character that an escape stands for, empty for a joined line; None if it is no escape here."""
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    if kind == "newline":
        return "\n"
    if kind == "brace":
        return text[0] if literal.is_formatted else None
    if literal.is_raw or kind is None:
        return None
    if kind == "join":
        return ""
    if kind == "simple":
        return _SIMPLE[text]
    if kind == "octal":
        return chr(int(text, 8) & (0xFF if literal.is_bytes else 0x1FF))
    if kind == "hex":
        return chr(int(text, 16))
    if literal.is_bytes:
        return None
    try:
        return unicodedata.lookup(text) if kind == "named" else chr(int(text, 16))
    except (KeyError, ValueError, OverflowError):
        return None


def hollow(source: str, literals: list[Literal], comments: list[tuple[int, int]]) -> str:
    """The source with an x for each character within quotes, and comments of #, for `ast`.

    It has the same places, and neither escapes that Python would warn of nor characters that it cannot
    encode.
    """
    spans = [(*piece, True) for literal in literals for piece in literal.pieces]
    spans += [(*comment, False) for comment in comments]
    parts, position = [], 0
    for start, end, quoted in sorted(spans):
        parts.append(source[position:start])
        parts.append(_FILL.sub("x", source[start:end]) if quoted else "#" * (end - start))
        position = end
    return "".join([*parts, source[position:]])
