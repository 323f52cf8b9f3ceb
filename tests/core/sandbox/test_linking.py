"""Real WebAssembly calls the host: integers without a sign, errors as numbers, ends as ends."""

from collections.abc import Callable

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno
from core.sandbox.linking import link
from core.sandbox.memory import GuestMemory
from core.sandbox.process import Broken, Clock, Exited, GuestProcess, Output, OutputFull
from core.sandbox.result import SandboxError
from core.sandbox.wasi import Wasi
from core.sandbox.wasi_files import FileTree

WAT = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00")
  (data (i32.const 16) "hello")
  (func (export "write") (param i32 i32 i32 i32) (result i32)
    (call $fd_write (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "seek") (param i32 i64 i32 i32) (result i32)
    (call $fd_seek (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "random") (param i32 i32) (result i32) (call $random_get (local.get 0) (local.get 1)))
  (func (export "exit") (param i32) (call $proc_exit (local.get 0)))
  (func (export "renumber") (param i32 i32) (result i32) (call $fd_renumber (local.get 0) (local.get 1))))
"""
SIGNED = st.one_of(st.integers(-5, 70), st.integers(-(2**31), 2**31 - 1))


class Program:
    """An instance of the module above, with a run on it."""

    def __init__(self) -> None:
        engine = wasmtime.Engine()
        module = wasmtime.Module(engine, WAT)
        self.wasi: Wasi | None = None
        linker = wasmtime.Linker(engine)
        link(linker, module, lambda: self.wasi)
        self.store = wasmtime.Store(engine)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        memory = self.exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self.output = Output(100)
        self.memory = GuestMemory(self.store, memory)
        self.process = GuestProcess(self.memory, (), FileTree({}), self.output, Clock(lambda: 0))

    def start(self) -> None:
        self.wasi = Wasi(self.process)

    def call(self, name: str, *arguments: int) -> object:
        function: Callable[..., object] = self.exports[name]  # type: ignore[assignment]
        return function(self.store, *arguments)


@pytest.fixture
def program() -> Program:
    made = Program()
    made.start()
    return made


def test_a_program_prints(program: Program) -> None:
    assert program.call("write", 1, 0, 1, 100) == 0
    assert program.output.stdout == b"hello"
    assert program.memory.read(100, 4) == b"\5\0\0\0"


def test_it_is_stopped_exactly_when_it_printed_too_much(program: Program) -> None:
    for _ in range(20):
        assert program.call("write", 1, 0, 1, 100) == 0
    with pytest.raises(OutputFull):
        program.call("write", 1, 0, 1, 100)
    assert len(program.output.stdout) == 100


def test_negative_numbers_are_large_ones(program: Program) -> None:
    assert program.call("write", 1, -8, 1, 100) == Errno.FAULT
    assert program.call("write", 1, 0, -1, 100) == Errno.INVAL
    assert program.call("write", -1, 0, 1, 100) == Errno.BADF
    assert program.call("random", -1, -1) == Errno.FAULT
    assert program.call("seek", 1, -1, -1, -1) == Errno.SPIPE


@given(
    st.sampled_from([("write", 4), ("random", 2), ("renumber", 2)]), st.lists(SIGNED, min_size=4, max_size=4)
)
def test_no_number_makes_anything_but_an_answer_or_an_end(
    function: tuple[str, int], arguments: list[int]
) -> None:
    program = Program()
    program.start()
    name, count = function
    try:
        assert program.call(name, *arguments[:count]) in set(Errno)
    except OutputFull:
        assert name == "write"


def test_an_end_reaches_the_host_with_its_code(program: Program) -> None:
    with pytest.raises(Exited) as stopped:
        program.call("exit", -1)
    assert stopped.value.code == 255
    assert program.call("write", 1, 0, 1, 100) == 0


def test_what_only_the_specification_has_is_answered(program: Program) -> None:
    assert program.call("renumber", 1, 2) == Errno.NOSYS


def test_nothing_is_answered_before_the_start() -> None:
    with pytest.raises(Broken):
        Program().call("write", 1, 0, 1, 100)


@pytest.mark.parametrize(
    "imported",
    [
        '(import "env" "system" (func (param i32) (result i32)))',
        '(import "wasi_snapshot_preview1" "memory" (memory 1))',
        '(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
    ],
)
def test_a_program_that_wants_something_else_is_refused(imported: str) -> None:
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, f"(module {imported})")
    with pytest.raises(SandboxError, match="not WASI"):
        link(wasmtime.Linker(engine), module, lambda: None)
