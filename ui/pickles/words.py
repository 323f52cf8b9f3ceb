"""The four verdicts as they look and read: each has a sign, a shape and a sentence, never a color alone."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.pickles import Verdict
from core.pickles.member import shown
from ui.text import with_code

MOST_LETTERS: Final = 160
"""Characters of a text from a file that are in sight at once."""


@dataclass(frozen=True)
class Look:
    """How a verdict looks.

    Attributes:
        sign: what stands for it in a table or on a chip.
        kind: its class in the style sheet.
        means: what it says of a file, in one sentence.
    """

    sign: str
    kind: str
    means: str


LOOKS: Final[Mapping[Verdict, Look]] = MappingProxyType({
    Verdict.DATA_ONLY: Look("✓", "data", "It makes values, and nothing of its own runs."),
    Verdict.NEEDS_TRUST: Look("!", "trust", "It runs code that it only names: as good as whoever made it."),
    Verdict.COULD_NOT_READ: Look("?", "unread", "Not all of it was understood: the rest may do anything."),
    Verdict.DANGEROUS: Look("✗", "danger", "Loading it runs what nobody needs to load a model."),
})  # fmt: skip


def chip(verdict: Verdict) -> str:
    """A verdict as one word with its sign, as HTML."""
    look = LOOKS[verdict]
    return f"<span class='uth-pk-chip {look.kind}'><b>{look.sign}</b> {verdict}</span>"


def headline(verdict: Verdict, about: str = "", means: str = "") -> str:
    """A verdict as the line that a stage begins with, as HTML.

    Args:
        verdict: of a file.
        about: the file's title; may be empty.
        means: the sentence below it; by default the one that all files of this verdict have.
    """
    look = LOOKS[verdict]
    of = f"{html.escape(about)}: " if about else ""
    return (
        f"<div class='uth-verdict uth-pk-verdict {look.kind}'><div class='what'>{look.sign} "
        f"{of}{verdict}</div>"
        f"<div class='why'>{with_code(means or look.means)}</div></div>"
    )


def line(verdict: Verdict, words: str, why: str) -> str:
    """A line that looks like a verdict and says something else, as HTML."""
    look = LOOKS[verdict]
    return (
        f"<div class='uth-verdict uth-pk-verdict {look.kind}'>"
        f"<div class='what'>{look.sign} {html.escape(words)}</div>"
        f"<div class='why'>{with_code(why)}</div></div>"
    )


def text_of(value: str, limit: int = MOST_LETTERS) -> str:
    """A text that a file gave, as HTML: nothing in it acts, and it is not long."""
    return html.escape(shown(value, limit))


def several(count: int, noun: str) -> str:
    """A number with its noun: `1 call`, `12 calls`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
