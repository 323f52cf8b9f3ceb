"""What a program in the sandbox has instead of a system: output, a clock, chance and descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from core.sandbox.abi import Errno
from core.sandbox.memory import Memory
from core.sandbox.wasi_files import FileError, FileTree, Folder, Node

CLOCK_STARTS_NS: Final = 1_767_225_600 * 10**9
"""What the guest's calendar says when it starts: 2026-01-01, 00:00 UTC."""
CLOCK_ENDS_NS: Final = 2**62
"""More than that has never passed, however long the guest sleeps."""
MAX_RANDOM: Final = 2**20
"""Random bytes of one run. The host makes them, which neither fuel nor the time limit sees."""
MAX_DESCRIPTORS: Final = 64
ROOT: Final = 3
"""The descriptor of the root folder, the only one that is open from the start but for the streams."""


class Stop(Exception):  # noqa: N818 - it is an end, not an error
    """Ends the run from within a call."""


class Exited(Stop):
    """The guest ended by itself."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class OutputFull(Stop):
    """The guest printed more than it may."""


class Broken(Stop):
    """The host could not answer: one line for a visitor."""


class Stream(Enum):
    """The descriptors that every program has."""

    STDIN = auto()
    STDOUT = auto()
    STDERR = auto()


@dataclass
class Output:
    """What is printed, up to a limit for both streams together."""

    limit: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    @property
    def room(self) -> int:
        """How many bytes more it takes."""
        return self.limit - len(self.stdout) - len(self.stderr)

    def write(self, stream: Stream, data: bytes) -> None:
        """Keeps what fits; `OutputFull` if that is not all."""
        kept = self.stdout if stream is Stream.STDOUT else self.stderr
        room = self.room
        kept += data[:room]
        if len(data) > room:
            raise OutputFull


@dataclass
class Clock:
    """The guest's own time: it starts at a fixed moment, and passes with fuel used and with sleep.

    So nothing of the host's clock can be told from it, and the same program sees the same times. To sleep
    takes no time: the clock moves on and the guest goes on at once.

    Attributes:
        fuel_used: gives the fuel used so far; a unit is a nanosecond.
        slept: nanoseconds slept.
    """

    fuel_used: Callable[[], int]
    slept: int = 0

    def processor(self) -> int:
        """Nanoseconds that it has computed."""
        return min(self.fuel_used(), CLOCK_ENDS_NS)

    def monotonic(self) -> int:
        """Nanoseconds since the start."""
        return min(self.fuel_used() + self.slept, CLOCK_ENDS_NS)

    def realtime(self) -> int:
        """Nanoseconds since 1970 that its calendar shows."""
        return CLOCK_STARTS_NS + self.monotonic()

    def sleep(self, nanoseconds: int) -> None:
        """Lets time pass."""
        self.slept = min(self.slept + max(nanoseconds, 0), CLOCK_ENDS_NS)


@dataclass
class Chance:
    """Random bytes, up to a limit for the whole run."""

    left: int = MAX_RANDOM

    def take(self, length: int) -> bytes:
        """Some of them; `FileError` if there are not as many left."""
        if length > self.left:
            raise FileError(Errno.IO)
        self.left -= length
        return os.urandom(length)


@dataclass
class Descriptor:
    """Something open."""

    node: Node | Stream
    readable: bool = False
    writable: bool = False
    flags: int = 0
    position: int = 0


class Descriptors:
    """What is open, by number."""

    def __init__(self, root: Folder) -> None:
        self._open = {
            0: Descriptor(Stream.STDIN, readable=True),
            1: Descriptor(Stream.STDOUT, writable=True),
            2: Descriptor(Stream.STDERR, writable=True),
            ROOT: Descriptor(root, readable=True),
        }

    def __getitem__(self, number: int) -> Descriptor:
        descriptor = self._open.get(number)
        if descriptor is None:
            raise FileError(Errno.BADF)
        return descriptor

    def add(self, descriptor: Descriptor) -> int:
        """Gives it the lowest number that is free; `FileError` if too much is open."""
        if len(self._open) >= MAX_DESCRIPTORS:
            raise FileError(Errno.MFILE)
        number = next(number for number in range(MAX_DESCRIPTORS) if number not in self._open)
        self._open[number] = descriptor
        return number

    def close(self, number: int) -> None:
        """Forgets it; `FileError` if there is none."""
        if self._open.pop(number, None) is None:
            raise FileError(Errno.BADF)


@dataclass
class GuestProcess:
    """The state of one run, on which its calls work.

    Attributes:
        memory: the guest's, known once it is made.
        argv: its arguments.
        tree: its files.
        output: what it prints.
        clock: its time.
        chance: its randomness.
    """

    memory: Memory
    argv: tuple[bytes, ...]
    tree: FileTree
    output: Output
    clock: Clock
    chance: Chance = field(default_factory=Chance)
    descriptors: Descriptors = field(init=False)

    def __post_init__(self) -> None:
        self.descriptors = Descriptors(self.tree.root)
