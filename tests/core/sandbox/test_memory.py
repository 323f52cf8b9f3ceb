from collections.abc import Iterator

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.memory import GuestMemory, MemoryFault

PAGE = 65_536
WAT = '(module (memory (export "memory") 1 3) (data (i32.const 8) "hello"))'


def made() -> tuple[wasmtime.Store, wasmtime.Memory, GuestMemory]:
    store = wasmtime.Store(wasmtime.Engine())
    memory = wasmtime.Instance(store, wasmtime.Module(store.engine, WAT), []).exports(store)["memory"]
    assert isinstance(memory, wasmtime.Memory)
    return store, memory, GuestMemory(store, memory)


@pytest.fixture(scope="module")
def memory() -> Iterator[GuestMemory]:
    store, _, memory = made()
    with store:
        yield memory


def test_bytes_are_where_the_program_has_them(memory: GuestMemory) -> None:
    assert memory.size() == PAGE
    assert memory.read(8, 5) == b"hello"
    memory.write(PAGE - 2, b"ab")
    assert memory.read(PAGE - 2, 2) == b"ab"
    assert memory.read(PAGE, 0) == b""


@given(address=st.integers(-(2**33), 2**33), length=st.integers(-(2**33), 2**33))
def test_nothing_outside_can_be_reached(memory: GuestMemory, address: int, length: int) -> None:
    inside = address >= 0 and length >= 0 and address + length <= PAGE
    if inside:
        assert len(memory.read(address, length)) == length
    else:
        with pytest.raises(MemoryFault):
            memory.check(address, length)
        with pytest.raises(MemoryFault):
            memory.read(address, length)


@given(address=st.integers(PAGE - 100, PAGE + 100), data=st.binary(max_size=200))
def test_what_does_not_fit_is_not_written_at_all(memory: GuestMemory, address: int, data: bytes) -> None:
    before = memory.read(0, PAGE)
    if address + len(data) <= PAGE:
        memory.write(address, data)
        assert memory.read(address, len(data)) == data
        assert memory.read(0, address) == before[:address]
    else:
        with pytest.raises(MemoryFault):
            memory.write(address, data)
        assert memory.read(0, PAGE) == before


def test_what_has_grown_can_be_reached() -> None:
    store, exported, memory = made()
    with store:
        with pytest.raises(MemoryFault):
            memory.read(PAGE, 1)
        exported.grow(store, 2)
        assert memory.size() == 3 * PAGE
        memory.write(3 * PAGE - 1, b"x")
        assert memory.read(3 * PAGE - 1, 1) == b"x"
        assert memory.read(8, 5) == b"hello"
