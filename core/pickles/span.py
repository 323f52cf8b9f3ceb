"""A stretch of bytes: where it lies in the file, read in place."""

from __future__ import annotations

import mmap
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Span:
    """Bytes from `start` to `end` of a buffer, without a copy.

    Attributes:
        whole: the file, or what was unpacked from a part of it.
        start: where the stretch begins in `whole`.
        end: where it ends.
        unpacked: whether `whole` was unpacked: then its offsets are not the file's.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.
    """

    whole: bytes | mmap.mmap
    start: int
    end: int
    unpacked: bool = False

    @classmethod
    def of(cls, whole: bytes | mmap.mmap, *, unpacked: bool = False) -> Span:
        """All of a buffer."""
        return cls(whole, 0, len(whole), unpacked)

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def offset(self) -> int | None:
        """Where it begins in the file; None if it was unpacked."""
        return None if self.unpacked else self.start

    def part(self, start: int, end: int | None = None) -> Span:
        """A stretch of this one, cut to what there is; offsets count from its start."""
        first = min(self.start + start, self.end) if start > 0 else self.start
        last = self.end if end is None or self.start + end > self.end else self.start + end
        return Span(self.whole, first, last if last > first else first, self.unpacked)

    def read(self, start: int, size: int) -> bytes:
        """A copy of at most `size` bytes; fewer at the end."""
        first = self.start + start if start > 0 else self.start
        last = first + size
        return self.whole[first : last if last < self.end else self.end]

    def view(self) -> memoryview:
        """All of its bytes in place. The caller releases it."""
        with memoryview(self.whole) as whole:
            return whole[self.start : self.end]

    def find(self, needle: bytes, start: int = 0, end: int | None = None) -> int:
        """Where bytes occur first, from its start; -1 if they do not."""
        last = self.end if end is None else min(self.start + end, self.end)
        found = self.whole.find(needle, min(self.start + max(start, 0), self.end), last)
        return found if found < 0 else found - self.start

    def rfind(self, needle: bytes, start: int = 0) -> int:
        """Where bytes occur last, from its start; -1 if they do not."""
        found = self.whole.rfind(needle, min(self.start + max(start, 0), self.end), self.end)
        return found if found < 0 else found - self.start
