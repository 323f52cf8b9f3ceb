"""The ledger: which bytes of a file were read, which were not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reading(StrEnum):
    """What became of a stretch of bytes.

    `RAW` are bytes that no loader takes for a program, such as a tensor's numbers. `UNREAD` could be
    anything: a file with such bytes is never data-only.
    """

    READ = "read"
    RAW = "raw data"
    UNREAD = "not read"


@dataclass(slots=True)
class Entry:
    """A stretch of a member, and what became of it.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.

    Attributes:
        member: the member's name; empty for the file itself.
        start: its first byte, from the member's start.
        end: the byte after its last one.
        reading: what became of it.
        reason: why, in one line.
    """

    member: str
    start: int
    end: int
    reading: Reading
    reason: str


@dataclass(frozen=True)
class Ledger:
    """All entries of a scan, in the order in which they were made.

    Attributes:
        entries: at most as many as the bounds on findings allow.
        left_out: how many more there were.
        unread: how many of all could be anything.
    """

    entries: tuple[Entry, ...] = ()
    left_out: int = 0
    unread: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing was left that could be anything."""
        return not self.unread
