"""Takes a compressed member out of a file, in a process of its own: by the scan's readers, within bounds."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.member import Member
from core.pickles.scan import examine
from core.pickles.span import Span
from core.pickles.walk import Part, Walk
from core.places import Place
from core.process import Process

MOST_BYTES: Final = 2**24
"""How large a member may be, unpacked, that is taken out."""
MEMORY_BYTES: Final = 2**30
GRACE_SECONDS: Final = 10.0
"""How much longer than its own bound on time it may take, to start and to answer."""
_MODULE: Final = "core.pickles.lab.unpacking_child"


class _FoundError(BaseException):
    """Ends the walk: the readers of containers keep going after every other exception."""


@dataclass(frozen=True)
class Unpacking:
    """A member that is being taken out.

    Attributes:
        process: where that is done.
        path: where the content will be.
        discard: removes what was written for it; may be called again.
    """

    process: Process
    path: Path
    discard: Callable[[], None]

    def content(self) -> bytes | None:
        """What was taken out; None if there is nothing."""
        try:
            with self.path.open("rb") as file:
                return file.read(MOST_BYTES)
        except OSError:
            return None


def take_out(data: bytes | mmap.mmap, member: str, bounds: Bounds = DEFAULT) -> bytes | None:
    """What a member of a file holds, as the scan would read it; None if it is not found or is too large.

    Args:
        data: the file.
        member: its path through the containers, as the scan's report has it.
        bounds: what it may take.
    """
    found: list[bytes] = []

    def look(part: Part, walk: Walk) -> Member:
        if part.name == member and part.span.unpacked:
            if len(part.span) <= MOST_BYTES:
                found.append(part.span.read(0, len(part.span)))
            raise _FoundError
        return examine(part, walk)

    with suppress(_FoundError):
        Walk(bounds, look).examine(Part("", Span.of(data)))
    return found[0] if found else None


def start(data: bytes, member: str, *, bounds: Bounds = DEFAULT, place: Place | None = None) -> Unpacking:
    """Starts to take a member out of a file.

    Args:
        data: the file, which is written to a folder of its own.
        member: its path through the containers, as the scan's report has it.
        bounds: what it may take.
        place: where it waits for its turn.

    Raises:
        ProcessError: if it can neither start nor wait.
        OSError: if the file cannot be written.
    """
    folder = tempfile.TemporaryDirectory(prefix="under-the-hood-unpack-")
    try:
        path, out = Path(folder.name) / "file", Path(folder.name) / "content"
        path.write_bytes(data)
        process = Process(
            _MODULE,
            {"path": str(path), "out": str(out), "member": member, "bounds": asdict(bounds)},
            seconds=bounds.seconds + GRACE_SECONDS,
            memory_bytes=MEMORY_BYTES,
            place=place,
        )
    except BaseException:
        folder.cleanup()
        raise
    return Unpacking(process, out, folder.cleanup)
