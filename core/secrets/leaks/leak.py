"""What a leak scan gives: where a secret stands, which rule says so, and never the secret."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_BYTES: Final = 2**20
"""How large a text may be, in bytes of UTF-8."""
MAX_LINES: Final = 20_000
"""How many lines a text may have."""
MAX_LEAKS: Final = 200
"""How many leaks are listed; a note says how many more there are. `fix` takes out all of them."""
DOTS: Final = "•" * 8
"""What stands for a secret: as wide for a short one as for a long one."""


class Language(StrEnum):
    """How a text is read."""

    PYTHON = "Python"
    NOTEBOOK = "notebook"
    ENV = ".env"
    TEXT = "text"


class Confidence(StrEnum):
    """How sure a rule is."""

    HIGH = "certain"
    MEDIUM = "likely"
    LOW = "possible"


class LeakError(ValueError):
    """A text cannot be scanned. The message is one line: what came, what was expected, what to do."""


@dataclass(frozen=True)
class Leak:
    """One place where a secret stands.

    Attributes:
        rule: the rule's short name.
        title: what it is, for a reader.
        confidence: how sure that is.
        line: from 1; in a notebook of the cell's source, or of the output's text.
        column: from 1, in characters (a tab and an emoji are one each, a byte order mark none).
        cell: of a notebook, from 1; None elsewhere.
        variable: the name that the value is given to; empty if there is none.
        masked: dots, after the prefix that every key of its provider has.
        advice: what to do about the key itself.
    """

    rule: str
    title: str
    confidence: Confidence
    line: int
    column: int
    cell: int | None
    variable: str
    masked: str
    advice: str


@dataclass(frozen=True)
class LeakScan:
    """What a scan gives.

    Attributes:
        language: how the text was read.
        leaks: in the order of the text, at most `MAX_LEAKS`.
        notes: what a reader should know about the scan itself, one sentence each.
        lines: how many lines were read.
    """

    language: Language
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    lines: int


@dataclass(frozen=True)
class Fix:
    """A text with every leak taken out.

    Attributes:
        text: the new text. Of a `.env`, what to put into `.env.example`.
        variables: the environment variables that take the secrets' places, in the order of the text.
        env_example: a `NAME=` line for each.
        notes: what is left to do, one sentence each.
    """

    text: str
    variables: tuple[str, ...]
    env_example: str
    notes: tuple[str, ...]


def check_size(text: str) -> None:
    """Raises LeakError if a text is larger than `MAX_BYTES`, has more lines than `MAX_LINES`, or a NUL."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise LeakError(
            f"Got {size:,} bytes, expected at most {MAX_BYTES:,}: paste the part with the keys, "
            "or take the pictures out of the notebook."
        )
    lines = count_lines(text)
    if lines > MAX_LINES:
        raise LeakError(f"Got {lines:,} lines, expected at most {MAX_LINES:,}: paste a part of them.")
    if "\x00" in text:
        raise LeakError("Got NUL characters, expected text: save the file as UTF-8 and take it again.")


def count_lines(text: str) -> int:
    """The number of lines; a last line without an end counts."""
    breaks = text.count("\n") + text.count("\r") - text.count("\r\n")
    return breaks + (bool(text) and text[-1] not in "\r\n")
