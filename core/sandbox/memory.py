"""The guest's memory as the host sees it: every access is checked against its bounds."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import wasmtime


class MemoryFault(Exception):  # noqa: N818 - the field's name for it
    """An address that the guest gave lies outside its memory."""


class Memory(Protocol):
    """Bytes by address. Addresses and lengths are unsigned, as the guest means them."""

    def size(self) -> int:
        """How many bytes there are."""

    def check(self, address: int, length: int) -> None:
        """Raises `MemoryFault` if some of them lie outside."""

    def read(self, address: int, length: int) -> bytes:
        """A copy of some of them; `MemoryFault` if they are not all inside."""

    def write(self, address: int, data: bytes) -> None:
        """Replaces some of them; `MemoryFault`, and nothing is changed, if they are not all inside."""


class GuestMemory:
    """The memory of a running instance.

    Only its size can change, and only grow: `guest.engine` does not let it move. So its address is asked for
    once, and its size again whenever an access seems to lie outside.
    """

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._store = store
        self._memory = memory
        self._base = ctypes.addressof(memory.data_ptr(store).contents)
        self._size = memory.data_len(store)

    def size(self) -> int:
        """How many bytes there are."""
        self._size = self._memory.data_len(self._store)
        return self._size

    def check(self, address: int, length: int) -> None:
        """Raises `MemoryFault` if some of them lie outside."""
        if address < 0 or length < 0 or (address + length > self._size and address + length > self.size()):
            raise MemoryFault

    def read(self, address: int, length: int) -> bytes:
        """A copy of some of them; `MemoryFault` if they are not all inside."""
        self.check(address, length)
        return ctypes.string_at(self._base + address, length)

    def write(self, address: int, data: bytes) -> None:
        """Replaces some of them; `MemoryFault`, and nothing is changed, if they are not all inside."""
        self.check(address, len(data))
        ctypes.memmove(self._base + address, data, len(data))
