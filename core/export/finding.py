"""What an examination finds in an uploaded model: one plain line each, safe to show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SHOWN: Final = 80
"""How many characters of a text from a file are shown."""
MAX_FINDINGS: Final = 40
"""How many findings one file gets; the rest is counted."""
ENOUGH: Final = 1_000
"""How many times something is noted before a file that is refused is looked at no further."""
_PLACES: Final = 3


class Severity(StrEnum):
    """What a finding means for the file."""

    REFUSED = "refused"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """Something in a model that a visitor should know before it runs, or why it does not run at all.

    Attributes:
        severity: whether it is refused for this.
        what: what is in the file, and what that does or would do.
        where: the places in the model; empty if it is the whole file.
        advice: what to do.
    """

    severity: Severity
    what: str
    where: str
    advice: str


class Findings:
    """Collects findings: the same thing in many places becomes one of them."""

    def __init__(self) -> None:
        self._places: dict[tuple[Severity, str, str], list[str]] = {}
        self._counts: dict[tuple[Severity, str, str], int] = {}
        self._more = 0
        self._noted = 0
        self._refused = False

    def refuse(self, what: str, advice: str, where: str = "") -> None:
        """Adds a reason to refuse the file."""
        self._add((Severity.REFUSED, what, advice), where)

    def warn(self, what: str, advice: str, where: str = "") -> None:
        """Adds a warning."""
        self._add((Severity.WARNING, what, advice), where)

    @property
    def enough(self) -> bool:
        """Whether there is so much wrong with the file that it needs no further look."""
        return self._refused and self._noted > ENOUGH

    @property
    def refused(self) -> bool:
        """Whether there is a reason to refuse the file."""
        return self._refused

    def all(self) -> tuple[Finding, ...]:
        """All that was found, the reasons to refuse it first."""
        found = []
        for (severity, what, advice), places in self._places.items():
            more = self._counts[severity, what, advice] - len(places)
            where = ", ".join(place for place in places if place)
            found.append(Finding(severity, what, f"{where} and {more:,} more" if more else where, advice))
        found.sort(key=lambda each: each.severity is Severity.WARNING)
        if self._more:
            found[-1] = replace(found[-1], what=f"{found[-1].what} And {self._more:,} more findings.")
        return tuple(found)

    def _add(self, key: tuple[Severity, str, str], where: str) -> None:
        self._noted += 1
        if key not in self._counts:
            # A reason to refuse it always gets in: there are few kinds, and one of them is enough.
            if len(self._counts) >= MAX_FINDINGS and (key[0] is Severity.WARNING or self._refused):
                self._more += 1
                return
            self._refused = self._refused or key[0] is Severity.REFUSED
            self._counts[key] = 0
            self._places[key] = []
        self._counts[key] += 1
        if len(self._places[key]) < _PLACES:
            self._places[key].append(shown(where, from_end=True))


def shown(text: str | bytes, *, from_end: bool = False) -> str:
    """A text from a file as it may be shown: printable, on one line, at most `SHOWN` characters.

    Args:
        text: bytes where it should have been UTF-8 and is not.
        from_end: whether to keep its end, not its start, if it is too long.
    """
    if isinstance(text, bytes):
        text = text[: 4 * SHOWN].decode(errors="replace")
    part = text[-SHOWN - 1 :] if from_end else text[: SHOWN + 1]
    part = "".join(sign if sign.isprintable() else "\ufffd" for sign in part)
    if len(part) <= SHOWN:
        return part
    return f"…{part[2:]}" if from_end else f"{part[: SHOWN - 1]}…"


def mebibytes(count: int) -> str:
    """A number of bytes in the unit that fits it."""
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return (
                f"{min(count // size, 10**6):,} {unit}"
                if count >= 100 * size
                else f"{count / size:.1f} {unit}"
            )
    return f"{count} bytes"
