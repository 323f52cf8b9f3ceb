"""The text of a `.env` as passages: a value for each name, and the comments.

Values are read as they stand: an escape or `${NAME}` in one is not expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from core.secrets.leaks.passage import Passage, Role, plain

_ENTRY: Final = re.compile(
    r"""[^\S\r\n]*(?P<export>export[^\S\r\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[^\S\r\n]*=[^\S\r\n]*"""
    r"""(?:(?:'(?P<single>(?:[^'\\]++|\\[\s\S])*+)'|"(?P<double>(?:[^"\\]++|\\[\s\S])*+)")"""
    r"""[^\S\r\n]*(?P<beside>\#[^\r\n]*)?(?=[\r\n]|\Z)|(?P<bare>[^\r\n]*))"""
)
_LINE: Final = re.compile(r"[^\r\n]*")
_END: Final = re.compile(r"\r\n|[\r\n]")
_REMARK: Final = re.compile(r"(?:^|\s)\#")


@dataclass(frozen=True)
class Entry:
    """One piece of a `.env`.

    Attributes:
        name: of a variable; empty for anything else.
        exported: whether `export` stands before it.
        start: where it begins.
        end: where it ends, without the end of its line.
        passages: the numbers of its passages.
        kept: whether it is a comment or an empty line.
    """

    name: str
    exported: bool
    start: int
    end: int
    passages: tuple[int, ...]
    kept: bool = False


@dataclass(frozen=True)
class EnvSource:
    """A `.env` that was read.

    Attributes:
        entries: its pieces, in order.
        passages: what they say.
    """

    entries: tuple[Entry, ...] = field(repr=False)
    passages: tuple[Passage, ...] = field(repr=False)


def read_env(text: str) -> EnvSource:
    """A `.env` as passages. Whatever is no `NAME=value` is read as text."""
    entries: list[Entry] = []
    passages: list[Passage] = []
    position = int(text.startswith("\ufeff"))
    while position < len(text):
        first = len(passages)
        match = _ENTRY.match(text, position)
        if match:
            passages += _entry(match)
            end = match.end()
        else:
            end = _end(_LINE.match(text, position), position)
            line = text[position:end]
            role = Role.COMMENT if line.lstrip().startswith("#") else Role.TEXT
            passages += [plain(line, position, role)] if line.strip() else []
        numbers = tuple(range(first, len(passages)))
        kept = match is None and all(each.role is Role.COMMENT for each in passages[first:])
        exported = bool(match and match["export"])
        entries.append(Entry(match["name"] if match else "", exported, position, end, numbers, kept))
        position = _end(_END.match(text, end), end)
    return EnvSource(tuple(entries), tuple(passages))


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise


def _entry(match: re.Match[str]) -> list[Passage]:
    """The value of an assignment, and the comment behind it."""
    group = next(each for each in ("single", "double", "bare") if match[each] is not None)
    value, start, remark = match[group], match.start(group), match.start("beside")
    comment = match["beside"] or ""
    found = _REMARK.search(value) if group == "bare" else None
    if found:
        remark = start + found.end() - 1
        value, comment = value[: found.start()], value[found.end() - 1 :]
    value = value.rstrip() if group == "bare" else value
    parts = [plain(value, start, Role.ENTRY, match["name"], whole=True)] if value else []
    return parts + ([plain(comment, remark, Role.COMMENT)] if comment else [])
