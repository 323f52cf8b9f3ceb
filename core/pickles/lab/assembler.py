"""Writes pickles opcode by opcode, from a description: no object is pickled, no name is imported."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.pickles.opcodes import CODES

PROTOCOLS: Final = (0, 1, 2, 3, 4, 5)
_SHORT: Final = 256


@dataclass(frozen=True)
class Name:
    """A global: a class or a function, by its module and name."""

    module: str
    name: str


@dataclass(frozen=True)
class Extension:
    """A global by its number in the registry of extension codes: its name stands nowhere in the file."""

    code: int


@dataclass(frozen=True)
class Call:
    """What a call gives: written with REDUCE."""

    function: Expression
    args: tuple[Expression, ...]


@dataclass(frozen=True)
class New:
    """An object made without `__init__`: NEWOBJ, and BUILD where there is a state."""

    cls: Name
    args: tuple[Expression, ...] = ()
    state: Expression = None


@dataclass(frozen=True)
class Dictionary:
    """A dict, by its pairs."""

    pairs: tuple[tuple[Expression, Expression], ...] = ()


Expression: TypeAlias = (
    "bool | int | float | str | tuple[Expression, ...] | Name | Extension | Call | New | Dictionary | None"
)
"""What the assembler can write."""

_TUPLES: Final = {0: "EMPTY_TUPLE", 1: "TUPLE1", 2: "TUPLE2", 3: "TUPLE3"}


class Assembler:
    """One stream of opcodes, written from its start.

    Args:
        protocol: 0 to 5; decides which opcodes are used. From 2 on the stream begins with PROTO.

    Attributes:
        lines: every opcode that was written, as `offset  OPCODE argument`.
    """

    def __init__(self, protocol: int) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"There is no protocol {protocol}: choose one of 0 to 5.")
        self.lines: list[str] = []
        self._protocol = protocol
        self._data = bytearray()
        if protocol >= 2:
            self.op("PROTO", bytes((protocol,)), str(protocol))

    def __len__(self) -> int:
        return len(self._data)

    @property
    def data(self) -> bytes:
        """The stream so far."""
        return bytes(self._data)

    def op(self, name: str, argument: bytes = b"", shown: str = "") -> None:
        """Writes one opcode.

        Args:
            name: as in pickletools.
            argument: its bytes.
            shown: the argument, for the listing.
        """
        self.lines.append(f"{len(self._data):>6}  {name}{' ' if shown else ''}{shown}")
        self._data += bytes((CODES[name],)) + argument

    def raw(self, data: bytes, shown: str) -> None:
        """Writes bytes that are no opcode: `shown` says in the listing what they are."""
        self.lines.append(f"{len(self._data):>6}  ({shown}: {len(data):,} bytes)")
        self._data += data

    def put(self, value: Expression) -> None:
        """Writes what leaves a value on the stack."""
        match value:
            case None:
                self.op("NONE")
            case bool():
                self._flag(value)
            case int():
                self._int(value)
            case float():
                self._float(value)
            case str():
                self._text(value)
            case tuple():
                self._tuple(value)
            case Name():
                self._name(value)
            case Extension():
                self.op("EXT1", bytes((value.code,)), str(value.code))
            case Call():
                self.put(value.function)
                self._tuple(value.args)
                self.op("REDUCE")
            case New():
                self._new(value)
            case Dictionary():
                self._dictionary(value)

    def stop(self) -> None:
        """Writes the end of a pickle."""
        self.op("STOP")

    def _flag(self, value: bool) -> None:
        if self._protocol >= 2:
            self.op("NEWTRUE" if value else "NEWFALSE")
        else:
            self.op("INT", b"01\n" if value else b"00\n", str(value))

    def _int(self, value: int) -> None:
        if self._protocol == 0 or not -(2**31) <= value < 2**31:
            self._long(value)
        elif 0 <= value < 2**8:
            self.op("BININT1", bytes((value,)), str(value))
        else:
            self.op("BININT", struct.pack("<i", value), str(value))

    def _long(self, value: int) -> None:
        if self._protocol < 2:
            self.op("LONG", f"{value}L\n".encode(), str(value))
            return
        size = value.bit_length() // 8 + 1
        encoded = value.to_bytes(size, "little", signed=True)
        self.op("LONG1", bytes((size,)) + encoded, str(value))

    def _float(self, value: float) -> None:
        if self._protocol == 0:
            self.op("FLOAT", f"{value!r}\n".encode(), repr(value))
        else:
            self.op("BINFLOAT", struct.pack(">d", value), repr(value))

    def _text(self, value: str) -> None:
        if self._protocol == 0:
            self.op("UNICODE", _escaped(value) + b"\n", repr(value))
            return
        encoded = value.encode("utf-8", "surrogatepass")
        if self._protocol >= 4 and len(encoded) < _SHORT:
            self.op("SHORT_BINUNICODE", bytes((len(encoded),)) + encoded, repr(value))
        else:
            self.op("BINUNICODE", struct.pack("<I", len(encoded)) + encoded, repr(value))

    def _tuple(self, values: tuple[Expression, ...]) -> None:
        short = self._protocol >= (2 if values else 1) and len(values) <= 3
        if not short:
            self.op("MARK")
        for value in values:
            self.put(value)
        self.op(_TUPLES[len(values)] if short else "TUPLE")

    def _name(self, value: Name) -> None:
        if self._protocol >= 4:
            self._text(value.module)
            self._text(value.name)
            self.op("STACK_GLOBAL")
            return
        lines = f"{value.module}\n{value.name}\n".encode()
        self.op("GLOBAL", lines, f"{value.module} {value.name}")

    def _new(self, value: New) -> None:
        if self._protocol >= 2:
            self.put(value.cls)
            self._tuple(value.args)
            self.op("NEWOBJ")
        else:
            self.put(Call(Name("copy_reg", "__newobj__"), (value.cls, *value.args)))
        if value.state is not None:
            self.put(value.state)
            self.op("BUILD")

    def _dictionary(self, value: Dictionary) -> None:
        if self._protocol == 0:
            self.op("MARK")
            self.op("DICT")
        else:
            self.op("EMPTY_DICT")
        for key, item in value.pairs:
            self.put(key)
            self.put(item)
            self.op("SETITEM")


def assemble(value: Expression, protocol: int) -> bytes:
    """A whole pickle of one value."""
    assembler = Assembler(protocol)
    assembler.put(value)
    assembler.stop()
    return assembler.data


def _escaped(text: str) -> bytes:
    """A text as UNICODE has it: in raw-unicode-escape, with what would end the line written out."""
    for sign in "\\\0\n\r\x1a":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode("raw-unicode-escape")
