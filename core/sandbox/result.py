"""What a run in the sandbox gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SandboxError(ValueError):
    """A program that cannot be run at all: one line for a visitor."""


class Limit(StrEnum):
    """Which limit stopped a program."""

    FUEL = "fuel"
    """It executed more instructions than it may."""
    MEMORY = "memory"
    """It asked for more memory than it may have, and did not go on without it. A MemoryError that the program
    raised by itself, and that nobody caught, cannot be told from that."""
    TIME = "time"
    """It took longer than it may."""
    OUTPUT = "output"
    """It printed more than it may."""


@dataclass(frozen=True)
class GuestError:
    """The exception that ended a visitor's program, as the program's interpreter told it: untrusted text.

    Attributes:
        kind: the exception's class, such as `TypeError`.
        message: what `str` gives of it.
        line: the line of the program itself (not of a file that it imports) where it came from, from 1.
        column: the column of that line, from 1.
        text: that line.
    """

    kind: str
    message: str
    line: int | None
    column: int | None
    text: str


@dataclass(frozen=True)
class SandboxResult:
    """What a program did. Every text in it comes from the program: show it as text, never as markup.

    Attributes:
        stdout: what it printed, up to the limit. Of a program that is stopped, a last line without an end is
            missing unless it was flushed. Bytes that are no UTF-8 are replaced; control characters stay.
        stderr: the same, and the traceback of the exception that ended it.
        exit_code: what it ended with, as a process would; None if it was stopped.
        limit: the limit that stopped it.
        fuel_used: the WebAssembly instructions that it took, and what each call of the host costs; with those
            that start the interpreter.
        seconds: how long the run took, without waiting for its turn.
        error: the exception that ended it.
        report: what it wrote to the file `/report`.
        crash: why the interpreter itself broke down, in one line.
    """

    stdout: str
    stderr: str
    exit_code: int | None
    limit: Limit | None
    fuel_used: int
    seconds: float
    error: GuestError | None = None
    report: bytes = b""
    crash: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ran to its end and ended well."""
        return self.exit_code == 0 and self.limit is None and not self.crash
