"""Each call on descriptors: what it does, and what it says to what it cannot do."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno, Fdflags, Filetype, Rights, Whence
from core.sandbox.process import OutputFull
from core.sandbox.wasi_fd import MAX_BUFFERS
from core.sandbox.wasi_files import MAX_REPORT
from tests.core.sandbox.doubles import Host

DATA = b"0123456789"
FILES = {"data.txt": DATA, "sub/x": b""}
WRITE = int(Rights.FD_WRITE)
END = 65_536
OUT = 50_000


def read(host: Host, fd: int, *lengths: int) -> tuple[int, bytes]:
    """Reads into buffers that follow each other."""
    starts = [1000 + sum(lengths[:index]) for index in range(len(lengths))]
    errno = host.call("fd_read", fd, *host.buffers(0, *zip(starts, lengths, strict=True)), OUT)
    return errno, host.memory.read(1000, host.number(OUT)) if errno == 0 else b""


def write(host: Host, fd: int, data: bytes) -> int:
    return host.call("fd_write", fd, *host.buffers(0, host.put(1000, data)), OUT)


def test_a_file_is_read_from_where_the_last_read_ended() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    assert read(host, fd, 2, 3) == (0, b"01234")
    assert read(host, fd, 100) == (0, b"56789")
    assert read(host, fd, 100) == (0, b"")
    assert host.call("fd_pread", fd, *host.buffers(0, (1000, 3)), 4, OUT) == 0
    assert host.memory.read(1000, 3) == b"456"
    assert host.call("fd_pread", fd, *host.buffers(0, (1000, 3)), 2**64 - 1, OUT) == 0
    assert host.number(OUT) == 0


def test_stdin_is_at_its_end() -> None:
    assert read(Host(), 0, 100) == (0, b"")


@pytest.mark.parametrize(
    ("fd", "errno"), [(1, Errno.BADF), (2, Errno.BADF), (3, Errno.ISDIR), (9, Errno.BADF)]
)
def test_what_cannot_be_read_is_not(fd: int, errno: Errno) -> None:
    assert read(Host(), fd, 10)[0] == errno


def test_prints_go_to_their_streams() -> None:
    host = Host()
    assert write(host, 1, b"out") == 0
    assert host.number(OUT) == 3
    assert write(host, 2, b"err") == 0
    assert (bytes(host.output.stdout), bytes(host.output.stderr)) == (b"out", b"err")


@given(limit=st.integers(0, 40), lengths=st.lists(st.integers(0, 20), max_size=8))
def test_printing_stops_exactly_at_the_limit(limit: int, lengths: list[int]) -> None:
    host = Host(output_bytes=limit)
    host.put(1000, bytes(range(200)))
    buffers = host.buffers(0, *((1000, length) for length in lengths))
    expected = b"".join(bytes(range(length)) for length in lengths)
    if len(expected) > limit:
        with pytest.raises(OutputFull):
            host.call("fd_write", 1, *buffers, OUT)
    else:
        assert host.call("fd_write", 1, *buffers, OUT) == 0
        assert host.number(OUT) == len(expected)
    assert host.output.stdout == expected[:limit]


def test_a_thousand_buffers_that_are_all_the_memory_copy_no_more_than_fits() -> None:
    host = Host(output_bytes=10)
    host.buffers(0, *[(0, END)] * MAX_BUFFERS)
    with pytest.raises(OutputFull):
        host.call("fd_write", 1, 0, MAX_BUFFERS, OUT)
    assert len(host.output.stdout) == 10


@pytest.mark.parametrize("count", [MAX_BUFFERS + 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("name", ["fd_read", "fd_write"])
def test_too_many_buffers_are_refused(name: str, count: int) -> None:
    assert Host().call(name, 1 if name == "fd_write" else 0, 0, count, OUT) == Errno.INVAL


@pytest.mark.parametrize("buffer", [(END, 1), (END - 1, 2), (0, END + 1), (2**32 - 1, 2**32 - 1), (2**31, 1)])
@pytest.mark.parametrize(("name", "fd"), [("fd_read", 0), ("fd_write", 1)])
def test_a_buffer_that_is_not_in_the_memory_is_a_fault_and_nothing_is_done(
    name: str, fd: int, buffer: tuple[int, int]
) -> None:
    host = Host()
    before = bytes(host.memory.bytes[1000:])
    assert host.call(name, fd, *host.buffers(0, (1000, 5), buffer), OUT) == Errno.FAULT
    assert host.memory.bytes[1000:] == before
    assert not host.output.stdout


def test_a_list_of_buffers_that_is_not_in_the_memory_is_a_fault() -> None:
    for start in (END, END - 7, 2**32 - 8):
        assert Host().call("fd_write", 1, start, 1, OUT) == Errno.FAULT
    host = Host()
    assert host.call("fd_write", 1, *host.buffers(0, host.put(1000, b"x")), END - 3) == Errno.FAULT
    assert not host.output.stdout


def test_buffers_may_overlap_each_other_and_their_own_list() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    assert host.call("fd_read", fd, *host.buffers(0, (0, 4), (2, 4), (1000, 2)), OUT) == 0
    assert host.memory.read(0, 6) == b"014567"
    assert host.memory.read(1000, 2) == b"89"


def test_the_report_takes_what_is_written() -> None:
    host = Host()
    fd = host.open(b"report", rights=WRITE)
    assert write(host, fd, b"abc") == 0
    assert write(host, fd, b"def") == 0
    assert host.call("fd_seek", fd, 2**64 - 2, Whence.CUR, OUT) == 0
    assert write(host, fd, b"EF") == 0
    assert host.call("fd_pwrite", fd, *host.buffers(0, host.put(1000, b"A")), 0, OUT) == 0
    assert host.tree.report.data == b"AbcdEF"
    assert host.call("fd_filestat_set_size", fd, 2) == 0
    assert host.tree.report.data == b"Ab"
    assert read(host, fd, 5)[0] == Errno.BADF


def test_appending_goes_to_the_end_wherever_one_stands() -> None:
    host = Host()
    fd = host.open(b"report", rights=WRITE, fdflags=Fdflags.APPEND)
    assert write(host, fd, b"ab") == 0
    assert host.call("fd_seek", fd, 0, Whence.SET, OUT) == 0
    assert write(host, fd, b"cd") == 0
    assert host.tree.report.data == b"abcd"


@pytest.mark.parametrize("offset", [MAX_REPORT - 1, MAX_REPORT, 2**40, 2**64 - 1])
def test_the_report_does_not_grow_beyond_its_limit(offset: int) -> None:
    host = Host()
    fd = host.open(b"report", rights=WRITE)
    pair = host.buffers(0, host.put(1000, b"xy"))
    assert host.call("fd_pwrite", fd, *pair, offset, OUT) == Errno.NOSPC
    assert host.call("fd_filestat_set_size", fd, MAX_REPORT + 1) == Errno.NOSPC
    assert host.tree.report.data == b""


def test_a_thousand_buffers_do_not_fill_the_host_through_the_report() -> None:
    host = Host()
    fd = host.open(b"report", rights=WRITE)
    host.buffers(0, *[(0, END)] * MAX_BUFFERS)
    assert host.call("fd_write", fd, 0, MAX_BUFFERS, OUT) == Errno.NOSPC
    assert host.tree.report.data == b""


def test_given_files_cannot_be_written() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    assert write(host, fd, b"x") == Errno.BADF
    assert host.call("fd_pwrite", fd, *host.buffers(0, host.put(1000, b"x")), 0, OUT) == Errno.BADF
    assert host.call("fd_filestat_set_size", fd, 0) == Errno.BADF
    assert host.call("fd_filestat_set_times", fd, 0, 0, 0) == Errno.ROFS
    assert host.call("fd_allocate", fd, 0, 10) == Errno.NOTSUP
    assert read(host, fd, 100) == (0, DATA)


def test_seeking_moves_and_tells_where() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")

    def seek(offset: int, whence: int) -> tuple[int, int]:
        return host.call("fd_seek", fd, offset % 2**64, whence, OUT), host.number(OUT, 8)

    assert seek(4, Whence.SET) == (0, 4)
    assert seek(2, Whence.CUR) == (0, 6)
    assert seek(-1, Whence.END) == (0, 9)
    assert read(host, fd, 5) == (0, b"9")
    assert host.call("fd_tell", fd, OUT) == 0
    assert host.number(OUT, 8) == 10
    assert seek(1000, Whence.SET) == (0, 1000)
    assert read(host, fd, 5) == (0, b"")
    assert seek(-1, Whence.SET)[0] == Errno.INVAL
    assert seek(2**63 - 1, Whence.CUR)[0] == Errno.INVAL
    assert seek(0, 3)[0] == Errno.INVAL
    assert seek(0, 2**32 - 1)[0] == Errno.INVAL


def test_streams_and_folders_have_no_position() -> None:
    host = Host(FILES)
    for fd, errno in ((0, Errno.SPIPE), (1, Errno.SPIPE), (3, Errno.ISDIR), (8, Errno.BADF)):
        assert host.call("fd_seek", fd, 0, 0, OUT) == errno
        assert host.call("fd_tell", fd, OUT) == errno
        assert host.call("fd_advise", fd, 0, 0, 0) == errno
        assert host.call("fd_pread", fd, *host.buffers(0, (1000, 1)), 0, OUT) == errno


def entries(host: Host, fd: int, size: int, cookie: int) -> tuple[list[tuple[int, str, int]], int]:
    """Cookie, name and filetype of the entries that one call gives whole, and its length."""
    assert host.call("fd_readdir", fd, 2000, size, cookie, OUT) == 0
    used = host.number(OUT)
    raw = host.memory.read(2000, used)
    found = []
    while len(raw) >= 24:
        following, _, length, kind = struct.unpack_from("<QQIB", raw)
        if len(raw) < 24 + length:
            break
        found.append((following, raw[24 : 24 + length].decode(), kind))
        raw = raw[24 + length :]
    return found, used


def test_a_folder_is_listed() -> None:
    host = Host(FILES)
    found, used = entries(host, 3, 4096, 0)
    assert [name for _, name, _ in found] == [".", "..", "data.txt", "program.py", "report", "sub"]
    assert [kind for _, _, kind in found] == [3, 3, 4, 4, 4, 3]
    assert used < 4096


@pytest.mark.parametrize("size", [40, 50, 64, 100, 4096])
def test_a_folder_is_listed_whole_through_any_buffer_that_holds_an_entry(size: int) -> None:
    host = Host({f"{number:03}": b"" for number in range(100)})
    names: list[str] = []
    cookie = 0
    while True:
        found, used = entries(host, 3, size, cookie)
        names += [name for _, name, _ in found]
        if used < size:
            break
        cookie = found[-1][0]
    assert names == [".", "..", *(f"{number:03}" for number in range(100)), "program.py", "report"]


def test_listing_needs_a_folder_and_writes_no_more_than_asked() -> None:
    host = Host(FILES)
    assert host.call("fd_readdir", 0, 2000, 100, 0, OUT) == Errno.NOTDIR
    assert host.call("fd_readdir", host.open(b"data.txt"), 2000, 100, 0, OUT) == Errno.NOTDIR
    assert host.call("fd_readdir", 3, END - 10, 4096, 0, OUT) == Errno.FAULT
    assert entries(host, 3, 0, 0) == ([], 0)
    assert entries(host, 3, 100, 2**64 - 1) == ([], 0)


def test_each_kind_of_thing_says_what_it_is() -> None:
    host = Host(FILES)
    opened = {
        0: Filetype.UNKNOWN,
        1: Filetype.UNKNOWN,
        3: Filetype.DIRECTORY,
        host.open(b"data.txt"): Filetype.REGULAR_FILE,
        host.open(b"report", rights=WRITE): Filetype.REGULAR_FILE,
    }
    for fd, kind in opened.items():
        assert host.call("fd_fdstat_get", fd, 100) == 0
        assert host.memory.bytes[100] == kind
        assert host.call("fd_filestat_get", fd, 200) == 0
        assert host.memory.bytes[216] == kind
    assert host.call("fd_filestat_get", 4, 200) == 0
    assert host.number(232, 8) == len(DATA)


def test_rights_say_what_can_be_done() -> None:
    host = Host(FILES)

    def rights(fd: int) -> tuple[Rights, Rights]:
        assert host.call("fd_fdstat_get", fd, 100) == 0
        return Rights(host.number(108, 8)), Rights(host.number(116, 8))

    assert Rights.FD_READ in rights(0)[0]
    assert Rights.FD_WRITE not in rights(0)[0]
    assert Rights.FD_WRITE in rights(1)[0]
    assert Rights.FD_SEEK not in rights(1)[0]
    assert Rights.FD_WRITE not in rights(host.open(b"data.txt"))[0]
    base, inheriting = rights(3)
    assert Rights.PATH_OPEN in base
    assert not base & (Rights.PATH_CREATE_FILE | Rights.PATH_SYMLINK | Rights.PATH_UNLINK_FILE)
    assert inheriting & Rights.FD_READ


def test_flags_can_be_set_as_far_as_they_mean_anything() -> None:
    host = Host()
    assert host.call("fd_fdstat_set_flags", 1, Fdflags.APPEND | Fdflags.NONBLOCK) == 0
    assert host.call("fd_fdstat_get", 1, 100) == 0
    assert host.number(102, 2) == Fdflags.APPEND | Fdflags.NONBLOCK
    assert host.call("fd_fdstat_set_flags", 1, Fdflags.SYNC) == Errno.NOTSUP
    for unnamed in (2**32 - 1, 2**5, 2**16, 2**31):
        assert host.call("fd_fdstat_set_flags", 1, unnamed) == Errno.NOTSUP
    assert host.call("fd_fdstat_get", 1, 100) == 0
    assert host.call("fd_fdstat_set_flags", 9, 0) == Errno.BADF


def test_there_is_one_folder_from_the_start_and_it_is_the_root() -> None:
    host = Host(FILES)
    assert host.call("fd_prestat_get", 3, 100) == 0
    assert (host.memory.bytes[100], host.number(104)) == (0, 1)
    assert host.call("fd_prestat_dir_name", 3, 200, 1) == 0
    assert host.memory.read(200, 2) == b"/\0"
    assert host.call("fd_prestat_dir_name", 3, 200, 0) == Errno.NAMETOOLONG
    for fd in (0, 1, 2, 4, 2**32 - 1):
        assert host.call("fd_prestat_get", fd, 100) == Errno.BADF
        assert host.call("fd_prestat_dir_name", fd, 200, 1) == Errno.BADF
    assert host.call("fd_close", 3) == 0
    assert host.call("fd_prestat_get", 3, 100) == Errno.BADF


def test_what_is_opened_in_place_of_the_root_is_not_taken_for_it() -> None:
    host = Host(FILES)
    below = host.open(b"sub", rights=0)
    assert host.call("fd_close", 3) == 0
    address, length = host.put(100, b"x")
    assert host.call("path_open", below, 0, address, length, 0, 2, 0, 0, OUT) == 0
    assert host.number(OUT) == 3
    assert host.call("fd_prestat_get", 3, 100) == Errno.BADF


def test_closed_is_closed() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    assert host.call("fd_close", fd) == 0
    assert host.call("fd_close", fd) == Errno.BADF
    assert read(host, fd, 5)[0] == Errno.BADF
    assert host.call("fd_close", 1) == 0
    assert write(host, 1, b"x") == Errno.BADF


def test_syncing_is_done_at_once() -> None:
    host = Host()
    assert host.call("fd_sync", 1) == host.call("fd_datasync", 1) == 0
    assert host.call("fd_sync", 9) == host.call("fd_datasync", 9) == Errno.BADF


def test_advice_is_taken_politely() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    assert host.call("fd_advise", fd, 0, 2**64 - 1, 5) == 0
    assert host.call("fd_advise", fd, 0, 0, 6) == Errno.INVAL
