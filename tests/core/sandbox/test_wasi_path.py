"""Each call on paths: what can be opened, and that nothing can be made, moved or removed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno, Fdflags, Oflags, Rights
from core.sandbox.process import MAX_DESCRIPTORS
from core.sandbox.wasi_files import MAX_PATH
from tests.core.sandbox.doubles import Host

READ, WRITE = int(Rights.FD_READ), int(Rights.FD_WRITE)
FILES = {"data.txt": b"0123456789", "sub/x": b"X"}
OUT = 50_000
END = 65_536


def opened(host: Host, path: bytes, oflags: int = 0, rights: int = READ, fd: int = 3) -> int:
    return host.call("path_open", fd, 1, *host.put(100, path), oflags, rights, 0, 0, OUT)


@pytest.mark.parametrize(
    ("path", "oflags", "rights", "errno"),
    [
        (b"data.txt", 0, READ, Errno.SUCCESS),
        (b"sub/x", 0, READ, Errno.SUCCESS),
        (b"sub/../data.txt", 0, READ, Errno.SUCCESS),
        (b"./sub//x", 0, READ, Errno.SUCCESS),
        (b".", 0, 0, Errno.SUCCESS),
        (b"sub", Oflags.DIRECTORY, READ, Errno.SUCCESS),
        (b"report", 0, WRITE, Errno.SUCCESS),
        (b"report", Oflags.CREAT | Oflags.TRUNC, WRITE, Errno.SUCCESS),
        (b"data.txt", Oflags.CREAT, READ, Errno.SUCCESS),
        (b"nothing", 0, READ, Errno.NOENT),
        (b"", 0, READ, Errno.NOENT),
        (b"nothing", Oflags.CREAT, WRITE, Errno.ROFS),
        (b"data.txt", 0, WRITE, Errno.ROFS),
        (b"data.txt", 0, READ | WRITE, Errno.ROFS),
        (b"data.txt", Oflags.TRUNC, READ, Errno.ROFS),
        (b"data.txt", Oflags.CREAT | Oflags.EXCL, WRITE, Errno.EXIST),
        (b"report", Oflags.CREAT | Oflags.EXCL, WRITE, Errno.EXIST),
        (b"report", 0, READ, Errno.ACCES),
        (b"report", 0, READ | WRITE, Errno.ACCES),
        (b"report", 0, 0, Errno.ACCES),
        (b".error", 0, READ, Errno.ACCES),
        (b"sub", 0, WRITE, Errno.ISDIR),
        (b"data.txt", Oflags.DIRECTORY, READ, Errno.NOTDIR),
        (b"data.txt/x", 0, READ, Errno.NOTDIR),
        (b"..", 0, READ, Errno.NOTCAPABLE),
        (b"../etc/passwd", 0, READ, Errno.NOTCAPABLE),
        (b"sub/../../etc/passwd", 0, READ, Errno.NOTCAPABLE),
        (b"/etc/passwd", 0, READ, Errno.NOTCAPABLE),
        (b"/data.txt", 0, READ, Errno.NOTCAPABLE),
        (b"data.txt\0", 0, READ, Errno.INVAL),
        (b"\xff\xfe", 0, READ, Errno.ILSEQ),
        (b"\xed\xa0\x80", 0, READ, Errno.ILSEQ),
        (b"a" * (MAX_PATH + 1), 0, READ, Errno.NAMETOOLONG),
    ],
)
def test_a_path_opens_or_says_why_not(path: bytes, oflags: int, rights: int, errno: Errno) -> None:
    assert opened(Host(FILES), path, oflags, rights) == errno


def test_a_folder_opens_only_what_is_below_it() -> None:
    host = Host(FILES)
    below = host.open(b"sub", rights=0)
    assert opened(host, b"x", fd=below) == 0
    assert opened(host, b"../data.txt", fd=below) == Errno.NOTCAPABLE
    assert opened(host, b"..", fd=below) == Errno.NOTCAPABLE


@pytest.mark.parametrize("fd", [0, 1, 2, 4])
def test_paths_start_at_folders(fd: int) -> None:
    host = Host(FILES)
    assert host.open(b"data.txt") == 4
    assert opened(host, b"x", fd=fd) == Errno.NOTDIR
    assert opened(host, b"x", fd=9) == Errno.BADF


def test_truncating_empties_the_report() -> None:
    host = Host()
    host.tree.report.write(0, b"old")
    assert opened(host, b"report", 0, WRITE) == 0
    assert host.tree.report.data == b"old"
    assert opened(host, b"report", Oflags.TRUNC, WRITE) == 0
    assert host.tree.report.data == b""


def test_flags_are_kept() -> None:
    host = Host()
    fd = host.open(b"report", rights=WRITE, fdflags=Fdflags.APPEND | Fdflags.SYNC)
    assert host.call("fd_fdstat_get", fd, 200) == 0
    assert host.number(202, 2) == Fdflags.APPEND


def test_a_bad_place_for_the_number_opens_nothing() -> None:
    host = Host(FILES)
    for place in (END, END - 3, 2**32 - 1):
        errno = host.call("path_open", 3, 0, *host.put(100, b"data.txt"), 0, READ, 0, 0, place)
        assert errno == Errno.FAULT
    assert host.open(b"data.txt") == 4


def test_only_so_much_can_be_open() -> None:
    host = Host(FILES)
    while opened(host, b"data.txt") == 0:
        assert host.number(OUT) < MAX_DESCRIPTORS
    assert opened(host, b"data.txt") == Errno.MFILE


def test_it_is_known_whether_the_program_was_opened() -> None:
    host = Host(FILES)
    host.open(b"data.txt")
    assert not host.tree.opened
    host.open(b"program.py")
    assert host.tree.opened


def test_size_and_kind_of_a_path() -> None:
    host = Host(FILES)
    assert host.call("path_filestat_get", 3, 1, *host.put(100, b"data.txt"), 200) == 0
    assert (host.memory.bytes[216], host.number(232, 8)) == (4, 10)
    assert host.call("path_filestat_get", 3, 1, *host.put(100, b"sub"), 200) == 0
    assert host.memory.bytes[216] == 3
    assert host.call("path_filestat_get", 3, 1, *host.put(100, b"no"), 200) == Errno.NOENT
    assert host.call("path_filestat_get", 3, 1, *host.put(100, b"sub"), END - 63) == Errno.FAULT


@pytest.mark.parametrize(
    ("path", "made", "moved"),
    [
        (b"data.txt", Errno.EXIST, Errno.ROFS),
        (b"sub", Errno.EXIST, Errno.ROFS),
        (b"new", Errno.ROFS, Errno.NOENT),
        (b"../new", Errno.NOTCAPABLE, Errno.NOTCAPABLE),
        (b"/etc/new", Errno.NOTCAPABLE, Errno.NOTCAPABLE),
        (b"data.txt/new", Errno.NOTDIR, Errno.NOTDIR),
        (b"\xff", Errno.ILSEQ, Errno.ILSEQ),
    ],
)
def test_nothing_can_be_made_moved_or_removed(path: bytes, made: Errno, moved: Errno) -> None:
    host = Host(FILES)
    here = host.put(100, path)
    old = host.put(5000, b"data.txt")
    assert host.call("path_create_directory", 3, *here) == made
    assert host.call("path_symlink", *old, 3, *here) == made
    assert host.call("path_link", 3, 0, *old, 3, *here) == made
    assert host.call("path_remove_directory", 3, *here) == moved
    assert host.call("path_unlink_file", 3, *here) == moved
    assert host.call("path_rename", 3, *here, 3, *old) == moved
    assert host.call("path_filestat_set_times", 3, 0, *here, 0, 0, 0) == moved
    assert host.call("path_filestat_get", 3, 1, *old, 200) == 0


def test_there_are_no_links_to_read() -> None:
    host = Host(FILES)
    assert host.call("path_readlink", 3, *host.put(100, b"data.txt"), 200, 100, OUT) == Errno.INVAL
    assert host.call("path_readlink", 3, *host.put(100, b"no"), 200, 100, OUT) == Errno.NOENT


@given(path=st.binary(max_size=40), oflags=st.integers(0, 2**32 - 1), rights=st.integers(0, 2**64 - 1))
def test_whatever_is_opened_was_given(path: bytes, oflags: int, rights: int) -> None:
    host = Host(FILES)
    if opened(host, path, oflags, rights) == 0:
        fd = host.number(OUT)
        node = host.process.descriptors[fd].node
        known = [
            host.tree.root,
            *(host.tree.find(host.tree.root, name) for name in ("sub", "sub/x", "data.txt")),
        ]
        assert any(node is one for one in (*known, host.tree.program, host.tree.report, host.tree.error))
