"""Texts and programs: no loader of models takes them for data that it would run, but Python may."""

from __future__ import annotations

import re
from typing import Final

from core.pickles.containers.hdf5 import has_lambda
from core.pickles.formats import Format
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_OFFSETS: Final = re.compile(
    rb"""[\t \f]*\(?[bBuUrR]{0,2}(['"])[^\n]*\1[ \t]*,[ \t]*[(\[][ \t]*\+?\d[\w]*[ \t]*,[ \t]*\+?\d"""
)
"""The first line of a directory of `dbm.dumb`: a key, and where its value lies and how long it is."""
_PYTHON: Final = (".py", ".pyw", ".ipynb", ".sh", ".bat", ".ps1", ".js")


def read(part: Part, walk: Walk) -> Format:
    """Says whether a text is a program by its name."""
    if (part.name or walk.name).lower().endswith(_PYTHON):
        walk.find(part, 0, "the source of a program", Verdict.NEEDS_TRUST)
    words = part.span.read(0, walk.bounds.header_bytes)
    if has_lambda(words):
        reason = "a Keras Lambda layer: its Python bytecode runs when the model is loaded"
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="Lambda")
    if b"!!python/" in words:
        reason = "a Python tag of YAML: PyYAML's unsafe loaders call what it names"
        walk.find(part, words.index(b"!!python/"), reason, Verdict.NEEDS_TRUST, subject="!!python")
    if _OFFSETS.match(words):
        reason = (
            "offsets into a file of pickles, as Python's shelve keeps them: the other file is not looked at"
        )
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="shelve")
    walk.read(part, 0, len(part.span), "text")
    return Format.TEXT


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
