"""The names and layouts of WASI, snapshot preview 1: how a WebAssembly program speaks to its host.

Source: github.com/WebAssembly/WASI, tag snapshot-01, `phases/snapshot/docs.md`.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Final


class Errno(IntEnum):
    """What a call returns. Only those that this host gives."""

    SUCCESS = 0
    ACCES = 2
    AGAIN = 6
    BADF = 8
    EXIST = 20
    FAULT = 21
    FBIG = 22
    ILSEQ = 25
    INVAL = 28
    IO = 29
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    NAMETOOLONG = 37
    NOENT = 44
    NOSPC = 51
    NOSYS = 52
    NOTDIR = 54
    NOTSOCK = 57
    NOTSUP = 58
    OVERFLOW = 61
    PERM = 63
    ROFS = 69
    SPIPE = 70
    NOTCAPABLE = 76


class Filetype(IntEnum):
    """What a descriptor or a name stands for."""

    UNKNOWN = 0
    CHARACTER_DEVICE = 2
    DIRECTORY = 3
    REGULAR_FILE = 4


class Rights(IntFlag):
    """What may be done with a descriptor."""

    FD_DATASYNC = 1 << 0
    FD_READ = 1 << 1
    FD_SEEK = 1 << 2
    FD_FDSTAT_SET_FLAGS = 1 << 3
    FD_SYNC = 1 << 4
    FD_TELL = 1 << 5
    FD_WRITE = 1 << 6
    FD_ADVISE = 1 << 7
    FD_ALLOCATE = 1 << 8
    PATH_CREATE_DIRECTORY = 1 << 9
    PATH_CREATE_FILE = 1 << 10
    PATH_LINK_SOURCE = 1 << 11
    PATH_LINK_TARGET = 1 << 12
    PATH_OPEN = 1 << 13
    FD_READDIR = 1 << 14
    PATH_READLINK = 1 << 15
    PATH_RENAME_SOURCE = 1 << 16
    PATH_RENAME_TARGET = 1 << 17
    PATH_FILESTAT_GET = 1 << 18
    PATH_FILESTAT_SET_SIZE = 1 << 19
    PATH_FILESTAT_SET_TIMES = 1 << 20
    FD_FILESTAT_GET = 1 << 21
    FD_FILESTAT_SET_SIZE = 1 << 22
    FD_FILESTAT_SET_TIMES = 1 << 23
    PATH_SYMLINK = 1 << 24
    PATH_REMOVE_DIRECTORY = 1 << 25
    PATH_UNLINK_FILE = 1 << 26
    POLL_FD_READWRITE = 1 << 27
    SOCK_SHUTDOWN = 1 << 28
    SOCK_ACCEPT = 1 << 29


class Fdflags(IntFlag):
    """How a descriptor reads and writes."""

    APPEND = 1
    DSYNC = 2
    NONBLOCK = 4
    RSYNC = 8
    SYNC = 16


class Oflags(IntFlag):
    """How a path is opened."""

    CREAT = 1
    DIRECTORY = 2
    EXCL = 4
    TRUNC = 8


class Whence(IntEnum):
    """From where an offset counts."""

    SET = 0
    CUR = 1
    END = 2


class ClockId(IntEnum):
    """The clocks."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME = 2
    THREAD_CPUTIME = 3


class Eventtype(IntEnum):
    """What `poll_oneoff` can wait for."""

    CLOCK = 0
    FD_READ = 1
    FD_WRITE = 2


PREOPEN_DIRECTORY: Final = 0
"""The only kind of a descriptor that is open from the start."""
LOOKUP_SYMLINK_FOLLOW: Final = 1
SUBSCRIPTION_CLOCK_ABSTIME: Final = 1

IOVEC: Final = struct.Struct("<II")
"""Where a buffer begins, and its length."""
FDSTAT: Final = struct.Struct("<BxHxxxxQQ")
"""Filetype, flags, rights, rights that descriptors opened through it inherit."""
FILESTAT: Final = struct.Struct("<QQB7xQQQQQ")
"""Device, inode, filetype, links, size; times of access, change and status in nanoseconds."""
PRESTAT: Final = struct.Struct("<BxxxI")
"""Kind, length of the name."""
DIRENT: Final = struct.Struct("<QQIB3x")
"""Cookie of the next entry, inode, length of the name that follows, filetype."""
SUBSCRIPTION: Final = struct.Struct("<QB7xI4xQQH6x")
"""The caller's own mark, event type, clock (or descriptor), time, precision, flags."""
EVENT: Final = struct.Struct("<QHB5xQH6x")
"""The caller's own mark, errno, event type; bytes and flags for descriptors."""
U32: Final = struct.Struct("<I")
U64: Final = struct.Struct("<Q")
