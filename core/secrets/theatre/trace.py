"""Finds a known value in bytes, also in the disguises that programs give it without meaning to."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus


def shows(data: bytes, secret: str) -> bool:
    """Whether a value can be read from some bytes: as it is, URL-encoded, in base64, or escaped.

    Args:
        data: what to look through.
        secret: the value, of 8 characters or more, so that it is not found by chance.
    """
    return any(form in data for form in forms(secret))


def forms(secret: str) -> frozenset[bytes]:
    """What a value looks like as it is and in each disguise, as UTF-8."""
    raw = secret.encode()
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    texts = {
        *quoted,
        *(_lower_percents(text) for text in quoted),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(raw)[2:-1],
    }
    return frozenset({raw, *(text.encode() for text in texts), *_in_base64(raw)})


def _lower_percents(text: str) -> str:
    """A URL-encoded text with small hexadecimal digits: `%c3` for `%C3`."""
    first, *rest = text.split("%")
    return "".join([first, *(f"%{part[:2].lower()}{part[2:]}" for part in rest)])


def _in_base64(raw: bytes) -> set[bytes]:
    """The characters of base64 that only `raw` decides, for each place that it can have in a longer text.

    Three bytes make four characters, so there are three such places.
    """
    found = set()
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            found.add(encode(bytes(before) + raw)[first:end])
    return found
