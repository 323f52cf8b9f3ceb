"""A visitor's code in a link: compressed, in letters that an address may hold, bounded both ways."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import Final

MAX_LETTERS: Final = 6 * 1024
"""Letters that the code may take in an address: proxies and mail programs cut longer ones."""
MAX_BYTES: Final = 64 * 1024
"""Bytes that a link's code may have when it is unpacked, whatever the link says."""

_INSTEAD: Final = "share a part of it, or take it away as a file."
_LETTERS: Final = re.compile(r"[A-Za-z0-9_-]+")


class SharedCodeError(ValueError):
    """Code that does not fit into a link, or a link's code that cannot be read: one line."""


def pack(code: str) -> str:
    """The code for a link: its UTF-8 by zlib (RFC 1950), then base64url without padding (RFC 4648).

    Raises:
        SharedCodeError: if it is too long for a link.
    """
    try:
        data = code.encode()
    except UnicodeEncodeError:
        raise SharedCodeError("The code holds half of a character: take it out to share the code.") from None
    if len(data) > MAX_BYTES:
        raise SharedCodeError(f"The code has {len(data):,} bytes, expected at most {MAX_BYTES:,}: {_INSTEAD}")
    letters = base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")
    if len(letters) > MAX_LETTERS:
        raise SharedCodeError(
            f"The code takes {len(letters):,} letters in a link, expected at most {MAX_LETTERS:,}: {_INSTEAD}"
        )
    return letters


def unpack(letters: str) -> str:
    """The code of a link; gives up at `MAX_BYTES`, so that no small link fills the memory.

    Raises:
        SharedCodeError: if that is no code of a link.
    """
    if len(letters) > MAX_LETTERS:
        raise SharedCodeError(f"has {len(letters):,} letters, expected at most {MAX_LETTERS:,}")
    if not _LETTERS.fullmatch(letters):
        raise SharedCodeError("has other letters than A to Z, a to z, 0 to 9, _ and -")
    try:
        packed = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
        reading = zlib.decompressobj()
        data = reading.decompress(packed, MAX_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise SharedCodeError("is no compressed code") from None
    if len(data) > MAX_BYTES:
        raise SharedCodeError(f"unpacks to more than {MAX_BYTES:,} bytes")
    if not reading.eof or reading.unused_data:
        raise SharedCodeError("is cut off, or goes on after its end")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SharedCodeError("is no text in UTF-8") from None


def code_complaint(letters: str) -> str:
    """What is wrong with the code in a link; empty if it can be used."""
    try:
        unpack(letters)
    except SharedCodeError as error:
        return str(error)
    return ""
