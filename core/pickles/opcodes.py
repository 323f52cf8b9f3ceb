"""The opcodes of pickle protocols 0 to 5: their names and how their arguments are written.

Source: PEP 3154, PEP 574 and the comments of CPython's `Lib/pickletools.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Argument(StrEnum):
    """How an opcode's argument is written behind it."""

    NONE = "none"
    BYTE = "1 byte"
    TWO = "2 bytes"
    FOUR = "4 bytes"
    EIGHT = "8 bytes"
    LINE = "a line"
    LINES = "two lines"
    COUNTED_1 = "1 byte of size, then so many bytes"
    COUNTED_4 = "4 bytes of size, then so many bytes"
    COUNTED_8 = "8 bytes of size, then so many bytes"


FIXED: Final = {
    Argument.NONE: 0,
    Argument.BYTE: 1,
    Argument.TWO: 2,
    Argument.FOUR: 4,
    Argument.EIGHT: 8,
    Argument.LINE: 1,
    Argument.LINES: 2,
    Argument.COUNTED_1: 1,
    Argument.COUNTED_4: 4,
    Argument.COUNTED_8: 8,
}
"""How many bytes at least stand behind an opcode whose argument is written so."""


@dataclass(frozen=True)
class Opcode:
    """One instruction of the pickle machine.

    Attributes:
        code: its byte.
        name: as in pickletools.
        argument: how its argument is written.
        protocol: the first that has it.
        literal: whether it does nothing but push what its argument says.
    """

    code: int
    name: str
    argument: Argument
    protocol: int
    literal: bool = False


def _table() -> dict[int, Opcode]:
    none, line = Argument.NONE, Argument.LINE
    literals = (
        ("I", "INT", line, 0), ("L", "LONG", line, 0), ("S", "STRING", line, 0),
        ("V", "UNICODE", line, 0), ("F", "FLOAT", line, 0), ("J", "BININT", Argument.FOUR, 1),
        ("K", "BININT1", Argument.BYTE, 1), ("M", "BININT2", Argument.TWO, 1),
        ("G", "BINFLOAT", Argument.EIGHT, 1), ("T", "BINSTRING", Argument.COUNTED_4, 1),
        ("U", "SHORT_BINSTRING", Argument.COUNTED_1, 1), ("X", "BINUNICODE", Argument.COUNTED_4, 1),
        ("\x8a", "LONG1", Argument.COUNTED_1, 2), ("\x8b", "LONG4", Argument.COUNTED_4, 2),
        ("B", "BINBYTES", Argument.COUNTED_4, 3), ("C", "SHORT_BINBYTES", Argument.COUNTED_1, 3),
        ("\x8c", "SHORT_BINUNICODE", Argument.COUNTED_1, 4),
        ("\x8d", "BINUNICODE8", Argument.COUNTED_8, 4), ("\x8e", "BINBYTES8", Argument.COUNTED_8, 4),
        ("\x96", "BYTEARRAY8", Argument.COUNTED_8, 5),
    )  # fmt: skip
    others = (
        ("N", "NONE", none, 0), ("]", "EMPTY_LIST", none, 1), ("a", "APPEND", none, 0),
        ("e", "APPENDS", none, 1), ("l", "LIST", none, 0), (")", "EMPTY_TUPLE", none, 1),
        ("t", "TUPLE", none, 0), ("\x85", "TUPLE1", none, 2), ("\x86", "TUPLE2", none, 2),
        ("\x87", "TUPLE3", none, 2), ("}", "EMPTY_DICT", none, 1), ("d", "DICT", none, 0),
        ("s", "SETITEM", none, 0), ("u", "SETITEMS", none, 1), ("\x8f", "EMPTY_SET", none, 4),
        ("\x90", "ADDITEMS", none, 4), ("\x91", "FROZENSET", none, 4), ("0", "POP", none, 0),
        ("2", "DUP", none, 0), ("(", "MARK", none, 0), ("1", "POP_MARK", none, 1), ("g", "GET", line, 0),
        ("h", "BINGET", Argument.BYTE, 1), ("j", "LONG_BINGET", Argument.FOUR, 1), ("p", "PUT", line, 0),
        ("q", "BINPUT", Argument.BYTE, 1), ("r", "LONG_BINPUT", Argument.FOUR, 1),
        ("\x94", "MEMOIZE", none, 4), ("\x82", "EXT1", Argument.BYTE, 2),
        ("\x83", "EXT2", Argument.TWO, 2), ("\x84", "EXT4", Argument.FOUR, 2),
        ("c", "GLOBAL", Argument.LINES, 0), ("\x93", "STACK_GLOBAL", none, 4), ("R", "REDUCE", none, 0),
        ("b", "BUILD", none, 0), ("i", "INST", Argument.LINES, 0), ("o", "OBJ", none, 1),
        ("\x81", "NEWOBJ", none, 2), ("\x92", "NEWOBJ_EX", none, 4), ("\x80", "PROTO", Argument.BYTE, 2),
        (".", "STOP", none, 0), ("\x95", "FRAME", Argument.EIGHT, 4), ("P", "PERSID", line, 0),
        ("Q", "BINPERSID", none, 1), ("\x88", "NEWTRUE", none, 2), ("\x89", "NEWFALSE", none, 2),
        ("\x97", "NEXT_BUFFER", none, 5), ("\x98", "READONLY_BUFFER", none, 5),
    )  # fmt: skip
    opcodes = [Opcode(ord(sign), name, how, first, literal=True) for sign, name, how, first in literals]
    opcodes += [Opcode(ord(sign), name, how, first) for sign, name, how, first in others]
    return {opcode.code: opcode for opcode in opcodes}


OPCODES: Final = _table()
"""Every opcode by its byte."""
CODES: Final = {opcode.name: opcode.code for opcode in OPCODES.values()}
"""Every opcode's byte by its name."""
NO_FRAME: Final = 2**63
"""The end of a frame where there is none: behind everything."""


_COUNTED: Final = frozenset({Argument.COUNTED_1, Argument.COUNTED_4, Argument.COUNTED_8})


def argument_end(data: bytes | memoryview, offset: int, opcode: Opcode) -> int:
    """The offset behind an opcode's argument, or more than the size of the data if it is not all there."""
    start = offset + 1
    end = start + FIXED[opcode.argument]
    if opcode.argument in _COUNTED:
        return end + int.from_bytes(data[start:end], "little")
    lines = {Argument.LINE: 1, Argument.LINES: 2}.get(opcode.argument, 0)
    if not lines:
        return end
    found = re.compile(rb"(?:[^\n]*\n){%d}" % lines).match(data, start)
    return found.end() if found else len(data) + 1


def name_of(code: int) -> str:
    """The name of an opcode; of a byte that is none, its value: `0x7f`."""
    opcode = OPCODES.get(code)
    return opcode.name if opcode else f"0x{code:02x}"
