"""HDF5: recognized, and looked through for what Keras and PyTables would run."""

from __future__ import annotations

import re
from typing import Final

from core.pickles.formats import Format
from core.pickles.verdict import Verdict
from core.pickles.walk import CHUNK, Part, Walk

_LAMBDA: Final = re.compile(rb"\"class_name\"\s*:\s*\"(?:Lambda|TFOpLambda|SlicingOpLambda)\"")
_OVERLAP: Final = 100
_REASON: Final = (
    "HDF5 is recognized, and its groups and attributes are not read: PyTables may keep pickles in them"
)


def read(part: Part, walk: Walk) -> Format:
    """Looks for Lambda layers; the rest is not read."""
    for start in range(0, len(part.span), CHUNK):
        found = _LAMBDA.search(part.span.read(start, CHUNK + _OVERLAP))
        if found:
            walk.find(
                part,
                start + found.start(),
                "a Keras Lambda layer: its Python bytecode runs when the model is loaded",
                Verdict.NEEDS_TRUST,
                subject="Lambda",
            )
            break
        if walk.late:
            break
    walk.unread(part, 0, len(part.span), _REASON)
    return Format.HDF5
