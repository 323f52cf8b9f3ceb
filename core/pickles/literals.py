"""Numbers and strings that protocol 0 writes as lines of text, read as CPython's two unpicklers read them.

The C unpickler reads the number in a line with C's own functions, which differ from Python's: `010` is 8
there and an error in `pickle.py`, `1e999` the other way round. A value that one of them reads is taken, and
the stream goes on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from core.pickles.errors import UnreadableError
from core.pickles.value import Value

_C_INT: Final = re.compile(rb"[ \t\n\v\f\r]*[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|([\\'\"abfnrtv\n])|(.)|\Z)", re.DOTALL)
_SINGLE: Final = {
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r",
    b"t": b"\t", b"v": b"\v", b"\n": b"",
}  # fmt: skip
_INFINITE: Final = re.compile(rb"[+-]?(inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Literal:
    """What a line says.

    Attributes:
        value: as the unpickler has it that reads it at all; the C unpickler if both do.
        refused: why the C unpickler stops here; empty if it does not.
    """

    value: Value
    refused: str = ""


def int_of(line: bytes) -> Literal:
    """The argument of INT: a bool if it has two characters and is 0 or 1."""
    text = _until_nul(line)
    if line and not text:
        # C reads no digits before a zero byte as 0.
        return Literal(False if len(line) == 2 else 0)
    found = _C_INT.fullmatch(text)
    if found is None:
        return Literal(_int(text, 0))
    digits = found[1]
    octal = len(digits) > 1 and digits[:1] == b"0" and digits[1:2] not in b"xX"
    value = _int(digits, 8 if octal else 0)
    value = -value if b"-" in text else value
    if not -(2**63) <= value < 2**63 and octal:
        # Too long for C, which then asks Python; and for Python this is no number.
        raise UnreadableError("a number with a leading zero")
    return Literal(bool(value) if len(line) == 2 and value in (0, 1) else value)


def long_of(line: bytes) -> Literal:
    """The argument of LONG: a number, with or without an L behind it."""
    return Literal(_int(_until_nul(line.removesuffix(b"L")), 0))


def index_of(line: bytes) -> int:
    """The argument of GET and PUT: a place in the memo."""
    return _int(_until_nul(line), 10)


def float_of(line: bytes) -> Literal:
    """The argument of FLOAT."""
    text = _until_nul(line)
    try:
        value = float(text)
    except ValueError as error:
        raise UnreadableError("a number that is none") from error
    refused = ""
    if math.isinf(value) and not _INFINITE.fullmatch(text.strip()):
        refused = "a number that is too large for C"
    elif b"_" in text or text != text.strip():
        refused = "a number with signs that C does not read"
    if refused and text != line:
        # C reads as far as the NUL, and pickle.py reads no number with one.
        raise UnreadableError("a number that is none")
    return Literal(value, refused)


def string_of(line: bytes) -> bytes:
    """The argument of STRING: in quotes, with escapes as in Python 2's source."""
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise UnreadableError("a string that is not quoted")
    return _ESCAPE.sub(_unescaped, line[1:-1])


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, single, other = found.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if single is not None:
        return _SINGLE[single]
    if other is None or other == b"x":
        raise UnreadableError("a string with an escape that is cut short")
    return found[0]


def _int(text: bytes, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise UnreadableError("a number that is none, or has too many digits") from error


def _until_nul(line: bytes) -> bytes:
    """A line as C sees it: it ends at the first zero byte."""
    return line.partition(b"\0")[0]
