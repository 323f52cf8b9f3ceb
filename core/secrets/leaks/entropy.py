"""Strings that look drawn by chance.

Shannon's entropy of a string is that of the frequencies of its own characters,

    H = -Σ p(c) log2 p(c)    in bits per character,

which is 0 for one character repeated, and at most log2(n) for n characters. A base64 string over 4.5 bits
per character and a hexadecimal one over 3.0, of 20 characters or more, are taken for random: the first
truffleHog had these limits, and detect-secrets has them as its defaults. English lies below (about 4.1 bits
per letter); names from code come close, so that a digit and letters of both cases are asked for, too.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

BASE64_LIMIT: Final = 4.5
"""Bits per character from which a base64 string looks random."""
HEX_LIMIT: Final = 3.0
"""Bits per character from which a hexadecimal string looks random."""
SHORTEST: Final = 20
LONGEST: Final = 128
"""What is longer is data: a picture, a model, a certificate."""

_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
# MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512 in hexadecimal.
_DIGESTS: Final = frozenset({32, 40, 56, 64, 96, 128})
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_INTEGRITY: Final = re.compile(
    r"(?:sha(?:1|224|256|384|512)|md5|blake2b)[-:=][A-Za-z0-9+/=_-]+", re.IGNORECASE
)


def entropy(text: str) -> float:
    """Shannon's entropy of a string, in bits per character; 0 of an empty one."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) if text else 0.0


def is_fingerprint(text: str) -> bool:
    """Whether a string has the form of a digest, a commit, a UUID or a subresource integrity value."""
    return bool(
        (len(text) in _DIGESTS and _HEX.fullmatch(text))
        or _UUID.fullmatch(text)
        or _INTEGRITY.fullmatch(text)
    )


def looks_random(text: str) -> bool:
    """Whether a string looks like a secret that was drawn by chance, and is no fingerprint."""
    if not SHORTEST <= len(text) <= LONGEST or is_fingerprint(text):
        return False
    if _HEX.fullmatch(text):
        return not text.isdigit() and entropy(text) > HEX_LIMIT
    kinds = (str.isdigit, str.isupper, str.islower)
    if _BASE64.fullmatch(text) is None or not all(any(map(kind, text)) for kind in kinds):
        return False
    return entropy(text) > BASE64_LIMIT
