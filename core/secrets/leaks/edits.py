"""Changes of a text at given places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """What stands from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str


def apply(source: str, edits: Iterable[Edit]) -> str:
    """A text with its edits made. One that lies within another is left out."""
    parts, position = [], 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end > each.start, -each.end)):
        if edit.start >= position:
            parts += [source[position : edit.start], edit.text]
            position = max(edit.end, position)
    return "".join([*parts, source[position:]])
