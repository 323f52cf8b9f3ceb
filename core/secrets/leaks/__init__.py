"""Finds secrets in programs, notebooks and `.env` texts, and takes them out.

Rules of our own know what providers' keys look like; what has no form of its own is found by the name that
it is given to (`password`) or by its entropy. Placeholders, digests and references are no secrets. No key is
ever tried at its provider, and none is shown: what a leak says of it is dots.
"""

from core.secrets.leaks.examples import EXAMPLES, Example
from core.secrets.leaks.fixing import fix
from core.secrets.leaks.guessing import guess, language_of_file
from core.secrets.leaks.leak import (
    MAX_BYTES,
    MAX_LEAKS,
    MAX_LINES,
    Confidence,
    Fix,
    Language,
    Leak,
    LeakError,
    LeakScan,
)
from core.secrets.leaks.rules import RULES
from core.secrets.leaks.scanning import find_leaks, scan

__all__ = [
    "EXAMPLES",
    "MAX_BYTES",
    "MAX_LEAKS",
    "MAX_LINES",
    "RULES",
    "Confidence",
    "Example",
    "Fix",
    "Language",
    "Leak",
    "LeakError",
    "LeakScan",
    "find_leaks",
    "fix",
    "guess",
    "language_of_file",
    "scan",
]
