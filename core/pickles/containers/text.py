"""Texts and programs: no loader of models takes them for data that it would run, but Python may."""

from __future__ import annotations

import re
from typing import Final

from core.pickles.containers.compressed import UNPACKED
from core.pickles.containers.configs import named_code
from core.pickles.formats import Format
from core.pickles.member import SEPARATOR
from core.pickles.sniff import is_word
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_OFFSETS: Final = re.compile(
    rb"""[\t \f(\[]*+[bBuUrR]{0,2}(['"])[^\n]*\1[\t \f)]*+,"""
    rb"""(?=[\t \f+-]*+[(\[{])[\t \f(\[{+-]*+(?:\d|True|False)"""
)
"""The first line of a directory of `dbm.dumb`: a key, and where its value lies and how long it is."""
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_IMPORT: Final = re.compile(rb"^import[ \t]", re.MULTILINE)
_PYTHON: Final = (".py", ".pyw", ".ipynb", ".sh", ".bat", ".ps1", ".js")


def read(part: Part, walk: Walk) -> Format:
    """Says whether a text is a program by its name, or names code."""
    name = _called(part, walk)
    if name.endswith(_PYTHON):
        walk.find(part, 0, "the source of a program", Verdict.NEEDS_TRUST)
    words = part.span.read(0, walk.bounds.header_bytes)
    if not is_word(words):
        _find_code(part, walk, name, words)
    if words.startswith(_POINTER):
        reason = "a pointer of Git LFS: the file itself was not fetched"
        walk.unread(part, 0, len(part.span), reason)
        return Format.TEXT
    walk.read(part, 0, len(part.span), "text")
    return Format.TEXT


def _find_code(part: Part, walk: Walk, name: str, words: bytes) -> None:
    for subject, reason in named_code(part.span):
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject=subject)
    if name.endswith(".pth") and _IMPORT.search(words):
        reason = "lines that Python runs when it starts, if the file lies among its packages"
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="import")
    if _OFFSETS.match(words):
        reason = (
            "offsets into a file of pickles, as Python's shelve keeps them: the other file is not looked at"
        )
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="shelve")


def _called(part: Part, walk: Walk) -> str:
    """A text's name in small letters; unpacked from a file, the one that is left of the file's."""
    name = part.name.rpartition(SEPARATOR)[2].lower()
    if part.name and name != UNPACKED:
        return name
    return walk.name.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".lz4")


def read_program(part: Part, walk: Walk) -> Format:
    """Says that a file is a program for a machine or a shell."""
    walk.find(part, 0, "a program: it runs when someone starts it", Verdict.NEEDS_TRUST)
    walk.unread(part, 0, len(part.span), "what a program does is not read")
    return Format.PROGRAM


def read_archive(part: Part, walk: Walk) -> Format:
    """Says that an archive was recognized and not read."""
    walk.unread(part, 0, len(part.span), "an archive or compression that this scanner cannot unpack")
    return Format.ARCHIVE


def read_unknown(part: Part, walk: Walk) -> Format:
    """Says that bytes are of no known format."""
    walk.unread(part, 0, len(part.span), "bytes of no known format")
    return Format.UNKNOWN


def read_empty(part: Part, walk: Walk) -> Format:
    """Says that there is nothing: a member may be empty; a whole file that is was not fetched."""
    if part.depth:
        walk.read(part, 0, 0, "nothing: it is empty")
    else:
        walk.unread(part, 0, 0, "the file is empty")
    return Format.EMPTY
