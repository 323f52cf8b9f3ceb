"""What tests of the guest share: a memory of plain bytes, a process on it, and orders with usual limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.sandbox.guest import Order
from core.sandbox.memory import MemoryFault
from core.sandbox.process import Clock, GuestProcess, Output
from core.sandbox.wasi import Wasi
from core.sandbox.wasi_files import FileTree


class ByteMemory:
    """A memory that is a bytearray."""

    def __init__(self, size: int = 65_536) -> None:
        self.bytes = bytearray(size)

    def size(self) -> int:
        return len(self.bytes)

    def check(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > len(self.bytes):
            raise MemoryFault

    def read(self, address: int, length: int) -> bytes:
        self.check(address, length)
        return bytes(self.bytes[address : address + length])

    def write(self, address: int, data: bytes) -> None:
        self.check(address, len(data))
        self.bytes[address : address + len(data)] = data


class Host:
    """The calls of one run on a `ByteMemory`, with what they work on."""

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        argv: tuple[bytes, ...] = (b"python",),
        output_bytes: int = 1000,
        fuel_used: int = 0,
    ) -> None:
        self.memory = ByteMemory()
        self.fuel_used = fuel_used
        self.tree = FileTree(files or {}, b"program")
        self.output = Output(output_bytes)
        self.clock = Clock(lambda: self.fuel_used)
        self.process = GuestProcess(self.memory, argv, self.tree, self.output, self.clock)
        self.wasi = Wasi(self.process)

    def call(self, name: str, *arguments: int) -> int:
        return self.wasi.call(name, *arguments)

    def number(self, address: int, size: int = 4) -> int:
        """A number that the host wrote."""
        return int.from_bytes(self.memory.read(address, size), "little")

    def put(self, address: int, data: bytes) -> tuple[int, int]:
        """Writes a text and gives its address and length, as calls on paths want them."""
        self.memory.write(address, data)
        return address, len(data)

    def buffers(self, address: int, *buffers: tuple[int, int]) -> tuple[int, int]:
        """Writes a list of buffers and gives its address and length."""
        for index, (start, length) in enumerate(buffers):
            pair = start.to_bytes(4, "little") + length.to_bytes(4, "little")
            self.memory.write(address + 8 * index, pair)
        return address, len(buffers)

    def open(self, path: bytes, *, oflags: int = 0, rights: int = 1 << 1, fdflags: int = 0) -> int:
        """Opens a path and gives its descriptor."""
        address, length = self.put(60_000, path)
        errno = self.call("path_open", 3, 1, address, length, oflags, rights, 0, fdflags, 59_000)
        assert errno == 0, errno
        return self.number(59_000)


def order(
    code: str | bytes,
    *,
    fuel: int = 5 * 10**9,
    memory_bytes: int = 128 * 2**20,
    wall_seconds: float = 120.0,
    output_bytes: int = 100_000,
    files: Mapping[str, bytes] | None = None,
    argv: tuple[str, ...] = (),
) -> Order:
    """An order with limits that an ordinary program does not meet."""
    data = code.encode() if isinstance(code, str) else code
    return Order(data, fuel, memory_bytes, wall_seconds, output_bytes, files or {}, argv)
