"""A stretch of bytes: where it lies in the file, read in place."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Final

_LITTLE: Final = 2**20
_SMALL: Final = 2**24


class LargeFile:
    """A file of which mostly little is looked at: that is copied, and only for more it is mapped.

    To map a page takes longer than to copy it. Of a small file the pages are soon all there, and a slice is
    faster than a call of the system.

    Attributes:
        descriptor: the open file. Whoever opened it closes it.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self._size = size
        self._mapped: mmap.mmap | None = None

    @classmethod
    def of(cls, descriptor: int, size: int) -> mmap.mmap | LargeFile:
        """An open file that is not empty; a mapping at once if it is small, or the system has no `pread`."""
        if size > _SMALL and hasattr(os, "pread"):
            return cls(descriptor, size)
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)

    @property
    def mapped(self) -> mmap.mmap:
        """All of it in place."""
        if self._mapped is None:
            self._mapped = mmap.mmap(self.descriptor, self._size, access=mmap.ACCESS_READ)
        return self._mapped

    def __len__(self) -> int:
        return self._size

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Where bytes occur first; -1 if they do not."""
        return self.mapped.find(needle, start, end)

    def rfind(self, needle: bytes, start: int, end: int) -> int:
        """Where bytes occur last; -1 if they do not."""
        return self.mapped.rfind(needle, start, end)

    def close(self) -> None:
        """Ends the mapping.

        Raises:
            BufferError: something still looks at it.
        """
        if self._mapped is not None:
            self._mapped.close()


@dataclass(slots=True, eq=False)
class Span:
    """Bytes from `start` to `end` of a buffer, without a copy.

    Attributes:
        whole: the file, or what was unpacked from a part of it.
        start: where the stretch begins in `whole`.
        end: where it ends.
        unpacked: whether `whole` was unpacked: then its offsets are not the file's.
        head: its first bytes, as many as have been read already.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.
    """

    whole: bytes | mmap.mmap | LargeFile
    start: int
    end: int
    unpacked: bool = False
    head: bytes = b""

    @classmethod
    def of(cls, whole: bytes | mmap.mmap | LargeFile, *, unpacked: bool = False) -> Span:
        """All of a buffer."""
        return cls(whole, 0, len(whole), unpacked)

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def offset(self) -> int | None:
        """Where it begins in the file; None if it was unpacked."""
        return None if self.unpacked else self.start

    def part(self, start: int, end: int | None = None, head: bytes = b"") -> Span:
        """A stretch of this one, cut to what there is; offsets count from its start."""
        first = min(self.start + start, self.end) if start > 0 else self.start
        last = self.end if end is None or self.start + end > self.end else self.start + end
        return Span(self.whole, first, last if last > first else first, self.unpacked, head)

    def read(self, start: int, size: int) -> bytes:
        """A copy of at most `size` bytes; fewer at the end."""
        first = self.start + start if start > 0 else self.start
        last = first + size
        last = last if last < self.end else self.end
        if last - self.start <= len(self.head):
            return self.head[first - self.start : last - self.start]
        whole = self.whole
        if not isinstance(whole, LargeFile):
            return whole[first:last]
        if last - first > _LITTLE:
            return whole.mapped[first:last]
        return os.pread(whole.descriptor, last - first, first) if first < last else b""

    def view(self) -> memoryview:
        """All of its bytes, in place unless they are few. The caller releases it."""
        whole = self.whole
        if isinstance(whole, LargeFile):
            if len(self) <= _LITTLE:
                return memoryview(self.read(0, len(self)))
            whole = whole.mapped
        with memoryview(whole) as view:
            return view[self.start : self.end]

    def find(self, needle: bytes, start: int = 0, end: int | None = None) -> int:
        """Where bytes occur first, from its start; -1 if they do not."""
        last = self.end if end is None else min(self.start + end, self.end)
        found = self.whole.find(needle, min(self.start + max(start, 0), self.end), last)
        return found if found < 0 else found - self.start

    def rfind(self, needle: bytes, start: int = 0) -> int:
        """Where bytes occur last, from its start; -1 if they do not."""
        found = self.whole.rfind(needle, min(self.start + max(start, 0), self.end), self.end)
        return found if found < 0 else found - self.start
