"""WASI's calls on paths. Nothing can be made, moved or removed.

Parameters have the names and the order of the specification, and are unsigned. Each method returns an
`Errno`, or raises `FileError`, `MemoryFault` or `Stop`.
"""

from __future__ import annotations

from core.sandbox.abi import U32, Errno, Fdflags, Oflags, Rights
from core.sandbox.process import Descriptor, GuestProcess
from core.sandbox.wasi_fd import filestat
from core.sandbox.wasi_files import MAX_PATH, File, FileError, Folder, Node, Sink


class PathCalls:
    """The `path_` calls of one run."""

    def __init__(self, process: GuestProcess) -> None:
        self._process = process

    def path_open(  # noqa: PLR0917 - so the specification has it
        self,
        fd: int,
        dirflags: int,
        path: int,
        path_len: int,
        oflags: int,
        rights: int,
        inheriting: int,
        fdflags: int,
        opened: int,
    ) -> Errno:
        """Opens a file or a folder to read, or a sink to write."""
        del dirflags, inheriting
        folder, name = self._folder(fd), self._path(path, path_len)
        node = self._found(folder, name, Oflags(oflags & 15))
        writes = bool(rights & Rights.FD_WRITE)
        reads = bool(rights & Rights.FD_READ)
        if isinstance(node, Folder):
            if writes:
                return Errno.ISDIR
        elif oflags & Oflags.DIRECTORY:
            return Errno.NOTDIR
        elif isinstance(node, File) and (writes or oflags & Oflags.TRUNC):
            return Errno.ROFS
        elif isinstance(node, Sink) and (reads or not writes):
            return Errno.ACCES
        self._process.memory.check(opened, U32.size)
        if isinstance(node, Sink) and oflags & Oflags.TRUNC:
            node.resize(0)
        number = self._process.descriptors.add(
            Descriptor(node, not writes, writes, fdflags & (Fdflags.APPEND | Fdflags.NONBLOCK))
        )
        self._process.memory.write(opened, U32.pack(number))
        if node is self._process.tree.program:
            self._process.tree.opened = True
        return Errno.SUCCESS

    def path_filestat_get(self, fd: int, flags: int, path: int, path_len: int, stat: int) -> Errno:
        """Size and times of what a path leads to."""
        del flags
        node = self._process.tree.find(self._folder(fd), self._path(path, path_len))
        self._process.memory.write(stat, filestat(node))
        return Errno.SUCCESS

    def path_filestat_set_times(  # noqa: PLR0917
        self, fd: int, flags: int, path: int, path_len: int, accessed: int, modified: int, fst_flags: int
    ) -> Errno:
        """Times are fixed."""
        del flags, accessed, modified, fst_flags
        return self._read_only(fd, path, path_len)

    def path_create_directory(self, fd: int, path: int, path_len: int) -> Errno:
        """Nothing can be made."""
        return self._not_made(fd, path, path_len)

    def path_symlink(self, old_path: int, old_len: int, fd: int, path: int, path_len: int) -> Errno:
        """Nothing can be made."""
        self._path(old_path, old_len)
        return self._not_made(fd, path, path_len)

    def path_link(  # noqa: PLR0917
        self, old_fd: int, flags: int, old_path: int, old_len: int, fd: int, path: int, path_len: int
    ) -> Errno:
        """Nothing can be made."""
        del flags
        self._read_only(old_fd, old_path, old_len)
        return self._not_made(fd, path, path_len)

    def path_rename(
        self, old_fd: int, old_path: int, old_len: int, fd: int, path: int, path_len: int
    ) -> Errno:
        """Nothing can be moved."""
        self._folder(fd)
        self._path(path, path_len)
        return self._read_only(old_fd, old_path, old_len)

    def path_remove_directory(self, fd: int, path: int, path_len: int) -> Errno:
        """Nothing can be removed."""
        return self._read_only(fd, path, path_len)

    def path_unlink_file(self, fd: int, path: int, path_len: int) -> Errno:
        """Nothing can be removed."""
        return self._read_only(fd, path, path_len)

    def path_readlink(self, fd: int, path: int, path_len: int, buf: int, buf_len: int, bufused: int) -> Errno:
        """There are no links."""
        del buf, buf_len, bufused
        self._process.tree.find(self._folder(fd), self._path(path, path_len))
        return Errno.INVAL

    def _folder(self, fd: int) -> Folder:
        node = self._process.descriptors[fd].node
        if not isinstance(node, Folder):
            raise FileError(Errno.NOTDIR)
        return node

    def _path(self, address: int, length: int) -> str:
        if length > MAX_PATH:
            raise FileError(Errno.NAMETOOLONG)
        raw = self._process.memory.read(address, length)
        try:
            path = raw.decode()
        except UnicodeDecodeError:
            raise FileError(Errno.ILSEQ) from None
        if "\0" in path:
            raise FileError(Errno.INVAL)
        return path

    def _found(self, folder: Folder, path: str, oflags: Oflags) -> Node:
        try:
            node = self._process.tree.find(folder, path)
        except FileError as error:
            if error.errno is Errno.NOENT and oflags & Oflags.CREAT:
                raise FileError(Errno.ROFS) from None
            raise
        if oflags & Oflags.CREAT and oflags & Oflags.EXCL:
            raise FileError(Errno.EXIST)
        return node

    def _read_only(self, fd: int, path: int, path_len: int) -> Errno:
        self._process.tree.find(self._folder(fd), self._path(path, path_len))
        return Errno.ROFS

    def _not_made(self, fd: int, path: int, path_len: int) -> Errno:
        folder, name = self._folder(fd), self._path(path, path_len)
        try:
            self._process.tree.find(folder, name)
        except FileError as error:
            return Errno.ROFS if error.errno is Errno.NOENT else error.errno
        return Errno.EXIST
