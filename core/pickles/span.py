"""A stretch of bytes: where it lies in the file, read in place."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Final

_LITTLE: Final = 2**20
_SMALL: Final = 2**24


class MappedFile(mmap.mmap):
    """A large file, mapped. Small stretches are copied past its pages: to map one takes longer than the copy.

    Of a small file the pages are soon all there, and a slice is faster than a call of the system.
    """

    descriptor: int

    @classmethod
    def of(cls, descriptor: int) -> mmap.mmap:
        """An open file that is not empty; a plain mapping if it is small, or the system has no `pread`."""
        if not hasattr(os, "pread") or os.fstat(descriptor).st_size <= _SMALL:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        mapped = cls(descriptor, 0, access=mmap.ACCESS_READ)
        mapped.descriptor = descriptor
        return mapped


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
        last = last if last < self.end else self.end
        whole = self.whole
        if type(whole) is MappedFile and 0 < last - first <= _LITTLE:
            return os.pread(whole.descriptor, last - first, first)
        return whole[first:last]

    def view(self) -> memoryview:
        """All of its bytes, in place unless they are few. The caller releases it."""
        if type(self.whole) is MappedFile and len(self) <= _LITTLE:
            return memoryview(self.read(0, len(self)))
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
