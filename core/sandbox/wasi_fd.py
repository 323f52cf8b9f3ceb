"""WASI's calls on descriptors.

Parameters have the names and the order of the specification, and are unsigned. Each method returns an
`Errno`, or raises `FileError`, `MemoryFault` or `Stop`.
"""

from __future__ import annotations

from core.sandbox.abi import (
    DIRENT,
    FDSTAT,
    FILESTAT,
    IOVEC,
    PREOPEN_DIRECTORY,
    PRESTAT,
    U32,
    U64,
    Errno,
    Fdflags,
    Filetype,
    Rights,
    Whence,
)
from core.sandbox.process import CLOCK_STARTS_NS, ROOT, Descriptor, GuestProcess, Stream
from core.sandbox.wasi_files import File, FileError, Folder, Node, Sink, listing

MAX_BUFFERS = 1024
"""Buffers of one call: what Linux takes."""

_FOLDER = (
    Rights.PATH_OPEN
    | Rights.FD_READDIR
    | Rights.PATH_READLINK
    | Rights.PATH_FILESTAT_GET
    | Rights.FD_FILESTAT_GET
)
_READ = Rights.FD_READ | Rights.POLL_FD_READWRITE | Rights.FD_FILESTAT_GET
_WRITE = Rights.FD_WRITE | Rights.POLL_FD_READWRITE | Rights.FD_FILESTAT_GET | Rights.FD_SYNC
_PLACED = Rights.FD_SEEK | Rights.FD_TELL | Rights.FD_ADVISE | Rights.FD_FDSTAT_SET_FLAGS
_RESIZED = Rights.FD_FILESTAT_SET_SIZE | Rights.FD_DATASYNC


def filetype(node: Node | Stream) -> Filetype:
    """What a program sees that something is. A stream is a pipe, for which WASI has no name."""
    if isinstance(node, Stream):
        return Filetype.UNKNOWN
    return Filetype.DIRECTORY if isinstance(node, Folder) else Filetype.REGULAR_FILE


def filestat(node: Node | Stream) -> bytes:
    """Its size and times, as WASI lays them out."""
    size = len(node.data) if isinstance(node, File | Sink) else 0
    inode = 0 if isinstance(node, Stream) else node.inode
    return FILESTAT.pack(1, inode, filetype(node), 1, size, *[CLOCK_STARTS_NS] * 3)


class DescriptorCalls:
    """The `fd_` calls of one run."""

    def __init__(self, process: GuestProcess) -> None:
        self._process = process

    def fd_advise(self, fd: int, offset: int, length: int, advice: int) -> Errno:
        """Nothing here is faster for good advice."""
        del offset, length
        self._placed(fd)
        return Errno.SUCCESS if advice <= 5 else Errno.INVAL

    def fd_allocate(self, fd: int, offset: int, length: int) -> Errno:
        """There is no disk."""
        del offset, length
        self._at(fd)
        return Errno.NOTSUP

    def fd_close(self, fd: int) -> Errno:
        """Closes it."""
        self._process.descriptors.close(fd)
        return Errno.SUCCESS

    def fd_datasync(self, fd: int) -> Errno:
        """All is where it belongs at any time."""
        self._at(fd)
        return Errno.SUCCESS

    def fd_sync(self, fd: int) -> Errno:
        """The same."""
        return self.fd_datasync(fd)

    def fd_fdstat_get(self, fd: int, stat: int) -> Errno:
        """What it is, and what can be done with it."""
        descriptor = self._at(fd)
        base, inheriting = _rights(descriptor)
        self._process.memory.write(
            stat, FDSTAT.pack(filetype(descriptor.node), descriptor.flags, base, inheriting)
        )
        return Errno.SUCCESS

    def fd_fdstat_set_flags(self, fd: int, flags: int) -> Errno:
        """Whether it appends; that it never waits is so anyway."""
        descriptor = self._at(fd)
        # As a number: the complement of flags has only those that have a name.
        if flags & ~int(Fdflags.APPEND | Fdflags.NONBLOCK):
            return Errno.NOTSUP
        descriptor.flags = flags
        return Errno.SUCCESS

    def fd_filestat_get(self, fd: int, stat: int) -> Errno:
        """Size and times."""
        self._process.memory.write(stat, filestat(self._at(fd).node))
        return Errno.SUCCESS

    def fd_filestat_set_size(self, fd: int, size: int) -> Errno:
        """Cuts or extends a file that can be written."""
        self._sink(self._at(fd)).resize(size)
        return Errno.SUCCESS

    def fd_filestat_set_times(self, fd: int, accessed: int, modified: int, flags: int) -> Errno:
        """Times are fixed."""
        del accessed, modified, flags
        self._at(fd)
        return Errno.ROFS

    def fd_prestat_get(self, fd: int, prestat: int) -> Errno:
        """The one folder that is open from the start."""
        if fd != ROOT or not isinstance(self._at(fd).node, Folder):
            return Errno.BADF
        self._process.memory.write(prestat, PRESTAT.pack(PREOPEN_DIRECTORY, 1))
        return Errno.SUCCESS

    def fd_prestat_dir_name(self, fd: int, path: int, path_len: int) -> Errno:
        """Its name."""
        if fd != ROOT or not isinstance(self._at(fd).node, Folder):
            return Errno.BADF
        if path_len < 1:
            return Errno.NAMETOOLONG
        self._process.memory.write(path, b"/")
        return Errno.SUCCESS

    def fd_read(self, fd: int, iovs: int, iovs_len: int, nread: int) -> Errno:
        """Reads from where it stands, into several buffers."""
        descriptor = self._at(fd)
        count = self._scatter(descriptor, iovs, iovs_len, descriptor.position, nread)
        descriptor.position += count
        return Errno.SUCCESS

    def fd_pread(self, fd: int, iovs: int, iovs_len: int, offset: int, nread: int) -> Errno:
        """Reads from `offset`, without moving."""
        self._scatter(self._placed(fd), iovs, iovs_len, offset, nread)
        return Errno.SUCCESS

    def fd_write(self, fd: int, iovs: int, iovs_len: int, nwritten: int) -> Errno:
        """Writes several buffers to where it stands, or prints them."""
        descriptor = self._at(fd)
        memory = self._process.memory
        if not descriptor.writable:
            return Errno.BADF
        buffers = self._buffers(iovs, iovs_len)
        memory.write(nwritten, U32.pack(sum(length for _, length in buffers) & 0xFFFF_FFFF))
        if isinstance(descriptor.node, Stream):
            # One byte more than fits says that it was too much; no more of it is copied.
            data = self._gather(buffers, self._process.output.room + 1)
            self._process.output.write(descriptor.node, data)
            return Errno.SUCCESS
        sink = self._sink(descriptor)
        data = self._gather(buffers, sink.limit + 1)
        start = len(sink.data) if descriptor.flags & Fdflags.APPEND else descriptor.position
        sink.write(start, data)
        descriptor.position = start + len(data)
        return Errno.SUCCESS

    def fd_pwrite(self, fd: int, iovs: int, iovs_len: int, offset: int, nwritten: int) -> Errno:
        """Writes to `offset`, without moving."""
        sink = self._sink(self._placed(fd))
        data = self._gather(self._buffers(iovs, iovs_len), sink.limit + 1)
        self._process.memory.write(nwritten, U32.pack(len(data)))
        sink.write(offset, data)
        return Errno.SUCCESS

    def fd_readdir(self, fd: int, buf: int, buf_len: int, cookie: int, bufused: int) -> Errno:
        """As many entries as there is room for; the last may be cut, which tells that there are more."""
        folder = self._at(fd).node
        if not isinstance(folder, Folder):
            return Errno.NOTDIR
        written = bytearray()
        for number, (name, node) in enumerate(listing(folder)):
            if number < cookie:
                continue
            encoded = name.encode()
            written += DIRENT.pack(number + 1, node.inode, len(encoded), filetype(node)) + encoded
            if len(written) >= buf_len:
                break
        del written[buf_len:]
        self._process.memory.write(buf, bytes(written))
        self._process.memory.write(bufused, U32.pack(len(written)))
        return Errno.SUCCESS

    def fd_seek(self, fd: int, offset: int, whence: int, newoffset: int) -> Errno:
        """Moves; beyond the end too."""
        descriptor = self._placed(fd)
        if whence not in set(Whence):
            return Errno.INVAL
        node = descriptor.node
        starts = {
            Whence.SET: 0,
            Whence.CUR: descriptor.position,
            Whence.END: len(node.data) if isinstance(node, File | Sink) else 0,
        }
        position = starts[Whence(whence)] + (offset - 2**64 if offset >= 2**63 else offset)
        if not 0 <= position < 2**63:
            return Errno.INVAL
        self._process.memory.write(newoffset, U64.pack(position))
        descriptor.position = position
        return Errno.SUCCESS

    def fd_tell(self, fd: int, offset: int) -> Errno:
        """Where it stands."""
        self._process.memory.write(offset, U64.pack(self._placed(fd).position))
        return Errno.SUCCESS

    def _at(self, fd: int) -> Descriptor:
        return self._process.descriptors[fd]

    def _placed(self, fd: int) -> Descriptor:
        """One with a position."""
        descriptor = self._at(fd)
        if isinstance(descriptor.node, Stream):
            raise FileError(Errno.SPIPE)
        if isinstance(descriptor.node, Folder):
            raise FileError(Errno.ISDIR)
        return descriptor

    def _sink(self, descriptor: Descriptor) -> Sink:
        if not descriptor.writable or not isinstance(descriptor.node, Sink):
            raise FileError(Errno.BADF)
        return descriptor.node

    def _buffers(self, iovs: int, count: int) -> list[tuple[int, int]]:
        """Addresses and lengths, all inside the memory; they may overlap."""
        if count > MAX_BUFFERS:
            raise FileError(Errno.INVAL)
        memory = self._process.memory
        buffers = list(IOVEC.iter_unpack(memory.read(iovs, count * IOVEC.size)))
        for address, length in buffers:
            memory.check(address, length)
        return buffers

    def _gather(self, buffers: list[tuple[int, int]], at_most: int) -> bytes:
        parts = bytearray()
        for address, length in buffers:
            parts += self._process.memory.read(address, min(length, at_most - len(parts)))
        return bytes(parts)

    def _scatter(self, descriptor: Descriptor, iovs: int, count: int, offset: int, nread: int) -> int:
        buffers = self._buffers(iovs, count)
        if isinstance(descriptor.node, Folder):
            raise FileError(Errno.ISDIR)
        if not descriptor.readable:
            raise FileError(Errno.BADF)
        data = descriptor.node.data if isinstance(descriptor.node, File) else b""
        memory = self._process.memory
        start = offset
        for address, length in buffers:
            part = bytes(data[offset : offset + length])
            memory.write(address, part)
            offset += len(part)
        memory.write(nread, U32.pack(offset - start))
        return offset - start


def _rights(descriptor: Descriptor) -> tuple[Rights, Rights]:
    """What may be done with it, and with what is opened through it."""
    if isinstance(descriptor.node, Folder):
        return _FOLDER, _FOLDER | _READ | _WRITE | _PLACED | _RESIZED
    rights = Rights(0)
    if descriptor.readable:
        rights |= _READ
    if descriptor.writable:
        rights |= _WRITE
    if not isinstance(descriptor.node, Stream):
        rights |= _PLACED
    if isinstance(descriptor.node, Sink):
        rights |= _RESIZED
    return rights, Rights(0)
