"""The files that a program in the sandbox sees: a tree in memory, read-only but for two that it may write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.sandbox.abi import Errno
from core.sandbox.result import SandboxError

PROGRAM: Final = "program.py"
"""The visitor's program."""
REPORT: Final = "report"
"""What the program may write for whoever started it."""
ERROR: Final = ".error"
"""Where the bootstrap tells the exception that ended the program. Not listed."""
LIBRARY: Final = "lib"
"""The folder of the standard library. Not listed."""
RESERVED: Final = frozenset({
    PROGRAM, REPORT, ERROR, LIBRARY, "usr", "pyvenv.cfg", "pybuilddir.txt", "Modules",
})  # fmt: skip
"""First parts of names that no given file may have: ours, and those where the interpreter looks for its own
when it starts, which would lead it elsewhere."""

MAX_FILES: Final = 256
MAX_BYTES: Final = 16 * 2**20
"""Of all given files together."""
MAX_DEPTH: Final = 16
MAX_PATH: Final = 1024
"""Bytes of a path, also of one that the program asks for."""
MAX_REPORT: Final = 2**20
"""Bytes of the report."""
MAX_ERROR: Final = 2**16
"""Bytes of what the bootstrap tells."""
_HIDDEN: Final = frozenset({ERROR, LIBRARY})


class FileError(Exception):
    """A call that fails: with the error that the guest is told."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


@dataclass(frozen=True)
class File:
    """A file to read."""

    inode: int
    data: bytes


@dataclass
class Sink:
    """A file that can only be written, up to a limit."""

    inode: int
    limit: int
    data: bytearray = field(default_factory=bytearray)

    def write(self, offset: int, data: bytes) -> None:
        """Replaces bytes from `offset` on; what was not written before it is zeros.

        Raises:
            FileError: if it would grow beyond its limit; then nothing is written.
        """
        if offset + len(data) > self.limit:
            raise FileError(Errno.NOSPC)
        if data and offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset : offset + len(data)] = data

    def resize(self, size: int) -> None:
        """Cuts it, or adds zeros; `FileError` beyond its limit."""
        if size > self.limit:
            raise FileError(Errno.NOSPC)
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))


@dataclass(frozen=True)
class Folder:
    """Names, and what they stand for."""

    inode: int
    entries: dict[str, Node] = field(default_factory=dict)


Node = File | Sink | Folder


class FileTree:
    """All files of one run.

    Args:
        files: the given ones by name, absolute or relative to the root; their folders come by themselves.
        program: the visitor's program.
        library: the folder of the standard library, which runs may share.
        report_bytes: how much the report may hold.

    Attributes:
        report: what the program wrote for whoever started it.
        error: what the bootstrap told.
        opened: whether the interpreter came as far as the program.

    Raises:
        SandboxError: for too many or too large files, or a name that cannot be one.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        program: bytes = b"",
        library: Folder | None = None,
        report_bytes: int = MAX_REPORT,
    ) -> None:
        check_files(files)
        self.root = Folder(1)
        self._inodes = 1
        self.report = Sink(self._inode(), report_bytes)
        self.error = Sink(self._inode(), MAX_ERROR)
        self.program = File(self._inode(), program)
        self.opened = False
        self.root.entries[PROGRAM] = self.program
        self.root.entries[REPORT] = self.report
        self.root.entries[ERROR] = self.error
        if library is not None:
            self.root.entries[LIBRARY] = library
        for name, data in files.items():
            self._add(_parts(name), data)

    def find(self, start: Folder, path: str) -> Node:
        """What a path leads to from a folder; never out of it.

        Raises:
            FileError: if it leads nowhere, or out of the folder.
        """
        if path.startswith("/"):
            raise FileError(Errno.NOTCAPABLE)
        if not path:
            raise FileError(Errno.NOENT)
        trail: list[Node] = [start]
        for part in path.split("/"):
            here = trail[-1]
            if not isinstance(here, Folder):
                raise FileError(Errno.NOTDIR)
            if part in {"", "."}:
                continue
            if part == "..":
                if len(trail) == 1:
                    raise FileError(Errno.NOTCAPABLE)
                trail.pop()
                continue
            if part not in here.entries:
                raise FileError(Errno.NOENT)
            trail.append(here.entries[part])
        return trail[-1]

    def _inode(self) -> int:
        self._inodes += 1
        return self._inodes

    def _add(self, parts: list[str], data: bytes) -> None:
        folder = self.root
        for part in parts[:-1]:
            below = folder.entries.setdefault(part, Folder(self._inode()))
            if not isinstance(below, Folder):
                raise SandboxError(f"The file {_shown(part)} is given as a folder too: choose one.")
            folder = below
        if parts[-1] in folder.entries:
            raise SandboxError(f"The file {_shown('/'.join(parts))} is given twice, or as a folder too.")
        folder.entries[parts[-1]] = File(self._inode(), data)


def check_files(files: Mapping[str, bytes]) -> None:
    """Says what is wrong with given files, names apart that only clash with each other.

    Raises:
        SandboxError: in one line.
    """
    if len(files) > MAX_FILES:
        raise SandboxError(f"{len(files):,} files were given; at most {MAX_FILES} can be.")
    for name in files:
        _parts(name)
    total = sum(len(data) for data in files.values())
    if total > MAX_BYTES:
        raise SandboxError(f"The files have {total:,} bytes; at most {MAX_BYTES:,} can be given.")


def listing(folder: Folder) -> Iterator[tuple[str, Node]]:
    """What a program that lists a folder sees, in order."""
    yield ".", folder
    yield "..", folder
    yield from sorted((name, node) for name, node in folder.entries.items() if name not in _HIDDEN)


def _parts(name: str) -> list[str]:
    parts = name.removeprefix("/").split("/")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise SandboxError(f"The file name {_shown(name)} is no text.") from None
    if size > MAX_PATH or len(parts) > MAX_DEPTH:
        raise SandboxError(
            f"The file name {_shown(name)} is too long: at most {MAX_PATH} bytes and {MAX_DEPTH} folders."
        )
    if "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise SandboxError(f"{_shown(name)} is no file name: write it like data/numbers.csv.")
    if parts[0] in RESERVED:
        raise SandboxError(f"The file name {_shown(name)} is taken: choose one outside {parts[0]}.")
    return parts


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 40 else name[:40] + "...")
