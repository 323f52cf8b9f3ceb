"""Reads lines, texts and bytes from a stream, and copies of them only what is short."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from core.pickles.bounds import Bounds
from core.pickles.errors import TruncatedError, UnreadableError
from core.pickles.keys import KeyWork
from core.pickles.value import Long, Value

SHORT: Final = 256
"""Texts and bytes up to this size are always kept."""

_LINE_END: Final = re.compile(b"\n")
_KEPT_BYTES: Final = 2**26


@dataclass
class Budget:
    """What is left for all streams that are read together.

    Attributes:
        opcodes: how many more may be run.
        deadline: when the time is up, in seconds of the monotonic clock.
        room: bytes of texts, bytes and numbers that may still be kept.
        depth: how deep files may still lie within the stream.
        keys: what all keys may still cost.
    """

    opcodes: int
    deadline: float
    room: int = _KEPT_BYTES
    depth: int = 4
    keys: KeyWork = field(default_factory=KeyWork)

    @classmethod
    def of(cls, bounds: Bounds) -> Budget:
        """All that bounds allow, from now on."""
        return cls(bounds.opcodes, monotonic() + bounds.seconds)


class Reader:
    """A stream that is read at offsets.

    Args:
        data: the stream. If it is a memoryview, what is long in it is never copied.
        bounds: how large things may get.
        budget: what is left to be used.

    Attributes:
        size: of the stream, in bytes.
    """

    def __init__(self, data: bytes | memoryview, bounds: Bounds, budget: Budget) -> None:
        self.data = data
        self.size = len(data)
        self.bounds = bounds
        self.budget = budget

    def span(self, start: int, size: int) -> int:
        """The offset behind so many bytes.

        Raises:
            TruncatedError: they are not there.
        """
        if size > self.size - start:
            raise TruncatedError
        return start + size

    def line(self, start: int) -> tuple[bytes, int, bool]:
        """A line without its end, the offset behind it, and whether the end is there.

        Of a line that the end of the stream cuts off, `pickle.py` drops the last character, and goes on.
        """
        end = self.find_line(start)
        if end < 0:
            return bytes(self.data[start : max(self.size - 1, start)][: self.bounds.text]), self.size, False
        if end - start > self.bounds.text:
            raise UnreadableError(f"a line of {end - start:,} bytes")
        return bytes(self.data[start:end]), end + 1, True

    def whole_line(self, start: int) -> tuple[bytes, int]:
        """A line without its end, and the offset behind it.

        Raises:
            TruncatedError: the stream ends in it.
        """
        line, end, whole = self.line(start)
        if not whole:
            raise TruncatedError
        return line, end

    def find_line(self, start: int) -> int:
        """The offset of the end of a line; -1 if the stream ends before."""
        if isinstance(self.data, bytes):
            return self.data.find(b"\n", start)
        found = _LINE_END.search(self.data, start)
        return found.start() if found else -1

    def text(self, start: int, size: int) -> Value:
        """A text in UTF-8, or where it lies if it is too long."""
        end = self.span(start, size)
        if self.keeps(size):
            return str(self.data[start:end], "utf-8", "surrogatepass")
        return Long("str", start, size)

    def raw(self, start: int, size: int, kind: str = "bytes") -> Value:
        """Bytes, or where they lie if they are too many."""
        end = self.span(start, size)
        if not self.keeps(size):
            return Long(kind, start, size)
        data = bytes(self.data[start:end])
        return bytearray(data) if kind == "bytearray" else data

    def keeps(self, size: int) -> bool:
        """Whether so many bytes may be copied; if so they are counted."""
        if size <= SHORT:
            return True
        if size > self.bounds.text or size > self.budget.room:
            return False
        self.budget.room -= size
        return True
