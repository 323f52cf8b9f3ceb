"""The header of a tar member: POSIX 1003.1 ustar, and what came before it."""

from __future__ import annotations

from typing import Final

BLOCK: Final = 512
_CHECKSUM: Final = slice(148, 156)


def is_header(block: bytes) -> bool:
    """Whether 512 bytes are a tar header: their checksum fits, as `tarfile` tests it."""
    if len(block) < BLOCK:
        return False
    stated = number(block[_CHECKSUM])
    if stated is None or block.count(0) == BLOCK:
        return False
    unsigned = sum(block[:148]) + 8 * 32 + sum(block[156:BLOCK])
    if stated == unsigned:
        return True
    negative = sum(byte > 127 for byte in block[:148]) + sum(byte > 127 for byte in block[156:BLOCK])
    return stated == unsigned - 256 * negative


def number(field: bytes) -> int | None:
    """A number as tar writes it: octal text, or base 256 with the first bit set; None if it is neither."""
    if field[:1] in {b"\x80", b"\xff"}:
        value = int.from_bytes(field[1:], "big")
        return value if field[0] == 0x80 else value - 256 ** (len(field) - 1)
    try:
        # As text, because text and bytes have other ideas of what a space is.
        return int(field.split(b"\0", 1)[0].decode("ascii").strip() or "0", 8)
    except ValueError:
        return None
