"""The other calls, and all of them under hostile arguments."""

import logging
import struct

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno
from core.sandbox.process import CLOCK_STARTS_NS, MAX_RANDOM, Broken, Exited, OutputFull
from core.sandbox.wasi import MAX_SUBSCRIPTIONS
from core.sandbox.wasi_files import MAX_ERROR, MAX_REPORT
from tests.core.sandbox.doubles import Host

END = 65_536
OUT = 50_000
FILES = {"data.txt": b"0123456789", "sub/x": b"X"}

# How many parameters each call has, and which of them are 64 bits wide: from the specification.
SIGNATURES = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
    "clock_res_get": "ii", "clock_time_get": "iIi", "fd_advise": "iIIi", "fd_allocate": "iII",
    "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii",
    "fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi",
    "fd_pread": "iiiIi", "fd_prestat_get": "ii", "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi",
    "fd_read": "iiii", "fd_readdir": "iiiIi", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii",
    "fd_write": "iiii", "path_create_directory": "iii", "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii", "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
    "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i",
    "sched_yield": "", "random_get": "ii", "sock_accept": "iii", "sock_recv": "iiiiii",
    "sock_send": "iiiii", "sock_shutdown": "ii",
}  # fmt: skip

SMALL = st.integers(0, 70)
WIDE = st.one_of(
    SMALL,
    st.sampled_from([END - 64, END - 8, END - 1, END, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1]),
    st.integers(0, 2**32 - 1),
)
WIDER = st.one_of(WIDE, st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[int]]:
    name = draw(st.sampled_from(sorted(SIGNATURES)))
    return name, [draw(WIDER if kind == "I" else WIDE) for kind in SIGNATURES[name]]


def test_every_import_of_the_interpreter_has_a_call_and_no_call_is_for_nothing(
    module: wasmtime.Module,
) -> None:
    imported = {}
    for wanted in module.imports:
        assert isinstance(wanted.type, wasmtime.FuncType)
        assert wanted.module == "wasi_snapshot_preview1"
        kinds = {"i32": "i", "i64": "I"}
        imported[wanted.name] = "".join(kinds[str(parameter)] for parameter in wanted.type.params)
    assert imported == SIGNATURES
    assert Host().wasi.names() == set(SIGNATURES)


@given(contents=st.binary(min_size=64, max_size=4096), sequence=st.lists(calls(), max_size=30))
def test_no_call_does_anything_but_answer_whatever_it_is_given(
    contents: bytes, sequence: list[tuple[str, list[int]]]
) -> None:
    host = Host(FILES, output_bytes=100)
    host.memory.write(0, contents)
    ended: list[str] = []
    for name, arguments in sequence:
        try:
            errno = host.call(name, *arguments)
        except Exited:
            ended.append("proc_exit")
        except OutputFull:
            ended.append("fd_write")
        if ended:
            assert ended == [name]
            break
        assert errno in set(Errno)
        assert host.memory.size() == END
        assert len(host.output.stdout) + len(host.output.stderr) <= 100
        assert len(host.tree.report.data) <= MAX_REPORT
        assert len(host.tree.error.data) <= MAX_ERROR


ABOUT_DESCRIPTORS = sorted(name for name in SIGNATURES if name.startswith(("fd_", "path_")))


@given(st.sampled_from(ABOUT_DESCRIPTORS), st.sampled_from([0, 1, 3]), st.integers(END, 2**32 - 1))
def test_no_address_beyond_the_memory_is_ever_used(name: str, fd: int, start: int) -> None:
    host = Host(FILES)
    before = bytes(host.memory.bytes)
    first = start if name == "path_symlink" else fd
    assert host.call(name, first, *[start] * (len(SIGNATURES[name]) - 1)) in set(Errno)
    assert host.memory.bytes == before
    assert not host.output.stdout


@pytest.mark.parametrize("name", ["fd_renumber", "path_exec", "call", "", "_now", "__init__", "names"])
def test_what_is_no_call_is_answered(name: str) -> None:
    assert Host().call(name, 1, 2, 3) == Errno.NOSYS


def test_a_mistake_of_the_host_ends_the_run_and_goes_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host()

    def fail(*_: object) -> None:
        raise RuntimeError("a detail of the host")

    monkeypatch.setattr(host.tree, "find", fail)
    with caplog.at_level(logging.ERROR), pytest.raises(Broken) as broken:
        host.call("path_unlink_file", 3, *host.put(0, b"x"))
    assert "detail" not in str(broken.value)
    assert "a detail of the host" in caplog.text


def test_arguments_arrive_and_there_is_no_environment() -> None:
    host = Host(argv=(b"python", "é".encode(), b""))
    assert host.call("args_sizes_get", 0, 4) == 0
    assert (host.number(0), host.number(4)) == (3, 11)
    assert host.call("args_get", 100, 200) == 0
    assert host.memory.read(200, 11) == b"python\0\xc3\xa9\0\0"
    assert [host.number(100 + 4 * index) for index in range(3)] == [200, 207, 210]
    assert host.call("environ_sizes_get", 0, 4) == 0
    assert (host.number(0), host.number(4)) == (0, 0)
    assert host.call("environ_get", 100, 200) == 0
    assert host.call("args_get", END - 4, 200) == Errno.FAULT
    assert host.call("args_get", 100, END - 8) == Errno.FAULT


def test_clocks_tell_the_time_of_the_guest() -> None:
    host = Host(fuel_used=50 * 10**6)
    host.clock.sleep(10**9)
    told = []
    for clock in range(4):
        assert host.call("clock_res_get", clock, OUT) == 0
        assert host.number(OUT, 8) == 1
        assert host.call("clock_time_get", clock, 2**64 - 1, OUT) == 0
        told.append(host.number(OUT, 8))
    assert told == [CLOCK_STARTS_NS + 1_050_000_000, 1_050_000_000, 50_000_000, 50_000_000]
    for clock in (4, 2**32 - 1):
        assert host.call("clock_res_get", clock, OUT) == Errno.INVAL
        assert host.call("clock_time_get", clock, 0, OUT) == Errno.INVAL
    assert host.call("clock_time_get", 0, 0, END - 7) == Errno.FAULT


def test_random_bytes_come_until_there_are_no_more() -> None:
    host = Host()
    assert host.call("random_get", 0, 32) == 0
    assert host.memory.read(0, 32) != bytes(32)
    assert host.memory.read(32, 32) == bytes(32)
    assert host.call("random_get", END - 4, 5) == Errno.FAULT
    assert host.call("random_get", 0, 2**32 - 1) == Errno.FAULT
    for _ in range(MAX_RANDOM // END - 1):
        assert host.call("random_get", 0, END) == 0
    assert host.call("random_get", 0, END) == Errno.IO


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 1), (255, 255), (256, 0), (2**32 - 1, 255)])
def test_the_exit_code_is_that_of_a_process(code: int, status: int) -> None:
    with pytest.raises(Exited) as stopped:
        Host().call("proc_exit", code)
    assert stopped.value.code == status


def subscription(mark: int, kind: int, subject: int, timeout: int = 0, flags: int = 0) -> bytes:
    return struct.pack("<QB7xI4xQQH6x", mark, kind, subject, timeout, 0, flags)


def poll(host: Host, *subscriptions: bytes) -> tuple[int, list[tuple[int, int, int]]]:
    """The errno, and the mark, the error and the kind of each event."""
    host.memory.write(0, b"".join(subscriptions))
    errno = host.call("poll_oneoff", 0, 20_000, len(subscriptions), OUT)
    events = [struct.unpack_from("<QHB", host.memory.bytes, 20_000 + 32 * n) for n in range(host.number(OUT))]
    return errno, events if errno == 0 else []


def test_sleeping_moves_the_clock_and_takes_no_time() -> None:
    host = Host(fuel_used=1000)
    assert poll(host, subscription(7, 0, 1, timeout=100 * 10**9)) == (0, [(7, 0, 0)])
    assert host.clock.monotonic() == 100 * 10**9 + 1000


def test_sleeping_until_a_moment_ends_at_it() -> None:
    host = Host(fuel_used=1000)
    assert poll(host, subscription(7, 0, 0, timeout=CLOCK_STARTS_NS + 5000, flags=1)) == (0, [(7, 0, 0)])
    assert host.clock.monotonic() == 5000
    assert poll(host, subscription(8, 0, 0, timeout=1, flags=1)) == (0, [(8, 0, 0)])
    assert host.clock.monotonic() == 5000


def test_the_earliest_of_several_times_wakes() -> None:
    host = Host()
    waits = [subscription(mark, 0, 1, timeout=time) for mark, time in ((1, 500), (2, 30), (3, 30), (4, 31))]
    assert poll(host, *waits) == (0, [(2, 0, 0), (3, 0, 0)])
    assert host.clock.monotonic() == 30


def test_streams_are_always_ready_so_nothing_sleeps() -> None:
    host = Host(FILES)
    fd = host.open(b"data.txt")
    subscriptions = [
        subscription(1, 0, 1, timeout=10**12),
        subscription(2, 1, 0),
        subscription(3, 2, 1),
        subscription(4, 1, 99),
        subscription(5, 1, fd),
    ]
    events = [(2, 0, 1), (3, 0, 2), (4, Errno.BADF, 1), (5, Errno.NOTSUP, 1)]
    assert poll(host, *subscriptions) == (0, events)
    assert host.clock.monotonic() == 0


def test_impossible_waits_are_refused() -> None:
    host = Host()
    assert poll(host)[0] == Errno.INVAL
    assert poll(host, *[subscription(1, 0, 1)] * (MAX_SUBSCRIPTIONS + 1))[0] == Errno.INVAL
    assert poll(host, subscription(1, 3, 0))[0] == Errno.INVAL
    assert poll(host, subscription(1, 0, 9)) == (0, [(1, Errno.INVAL, 0)])
    assert host.call("poll_oneoff", END - 47, 0, 1, OUT) == Errno.FAULT
    assert host.call("poll_oneoff", 0, END - 31, 1, OUT) == Errno.FAULT
    assert host.call("poll_oneoff", 0, 100, 1, END - 3) == Errno.FAULT
    assert host.call("poll_oneoff", 0, 100, 2**32 - 1, OUT) == Errno.INVAL


def test_there_are_no_sockets() -> None:
    host = Host()
    for fd, errno in ((0, Errno.NOTSOCK), (1, Errno.NOTSOCK), (3, Errno.NOTSOCK), (9, Errno.BADF)):
        assert host.call("sock_accept", fd, 0, OUT) == errno
        assert host.call("sock_recv", fd, 0, 1, 0, OUT, OUT) == errno
        assert host.call("sock_send", fd, 0, 1, 0, OUT) == errno
        assert host.call("sock_shutdown", fd, 0) == errno


def test_yielding_goes_on() -> None:
    assert Host().call("sched_yield") == 0
