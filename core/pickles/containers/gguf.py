"""GGUF: metadata and tensors, as llama.cpp reads them. The layout is that of its specification, version 3."""

from __future__ import annotations

import math
import struct
from typing import Final

from core.pickles.formats import Format
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING: Final = 8
_ARRAY: Final = 9
_VERSIONS: Final = frozenset({2, 3})
_LONGEST_KEY: Final = 65_535
_MAX_DIMENSIONS: Final = 8
_U32: Final = 4
_ALIGNMENT: Final = "general.alignment"
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    27: (1, 8), 28: (1, 8), 30: (1, 2),
}  # fmt: skip
"""Elements and bytes of a block, by ggml's number of the type, for the usual ones."""
_TEMPLATE: Final = "tokenizer.chat_template"


class GgufError(ValueError):
    """Bytes that are no GGUF file. The text is one line."""


class _Cursor:
    def __init__(self, span: Span, walk: Walk) -> None:
        self._span = span
        self._walk = walk
        self.position = 4
        self.alignment = 32
        self.least = 0
        self._items = 0

    def number(self, layout: str) -> int:
        size = struct.calcsize(layout)
        raw = self._span.read(self.position, size)
        if len(raw) < size:
            raise GgufError("it is cut off")
        self.position += size
        return int(struct.unpack(layout, raw)[0])

    def skip(self, size: int) -> None:
        if size > len(self._span) - self.position:
            raise GgufError("it is cut off")
        self.position += size

    def key(self) -> str:
        size = self.number("<Q")
        if size > _LONGEST_KEY:
            raise GgufError("a name is too long")
        raw = self._span.read(self.position, size)
        self.skip(size)
        return raw.decode("utf-8", errors="replace")

    def value(self, kind: int, depth: int = 0) -> None:
        self.count()
        if kind == _STRING:
            self.skip(self.number("<Q"))
        elif kind == _ARRAY:
            if depth > 8:
                raise GgufError("its arrays lie too deep in each other")
            inner, count = self.number("<I"), self.number("<Q")
            if inner in _SIZES:
                self.skip(_SIZES[inner] * count)
                return
            for _ in range(min(count, len(self._span))):
                self.value(inner, depth + 1)
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise GgufError(f"a value has the type {kind}")

    def count(self) -> None:
        self._items += 1
        if self._items > 100 * self._walk.bounds.members or (self._items % 4096 == 0 and self._walk.late):
            raise GgufError("it holds more than the bounds of this scan allow")


def read(part: Part, walk: Walk) -> Format:
    """Reads the metadata and the list of tensors."""
    cursor = _Cursor(part.span, walk)
    try:
        _read(cursor, part, walk)
    except GgufError as error:
        walk.unread(part, cursor.position, len(part.span), f"no GGUF header: {error}")
        return Format.GGUF
    walk.read(part, 0, cursor.position, "GGUF metadata and list of tensors")
    start = -(-cursor.position // cursor.alignment) * cursor.alignment
    if cursor.least and start + cursor.least > len(part.span):
        walk.unread(part, cursor.position, len(part.span), "the numbers of its tensors are cut off")
        return Format.GGUF
    walk.raw(part, cursor.position, len(part.span), "numbers of tensors")
    return Format.GGUF


def _read(cursor: _Cursor, part: Part, walk: Walk) -> None:
    version = cursor.number("<I")
    if version not in _VERSIONS:
        raise GgufError(f"version {version} is not known")
    tensors, entries = cursor.number("<Q"), cursor.number("<Q")
    for _ in range(entries):
        place = cursor.position
        key = cursor.key()
        kind = cursor.number("<I")
        if key == _ALIGNMENT and kind == _U32:
            cursor.alignment = max(1, cursor.number("<I"))
            continue
        cursor.value(kind)
        if key.startswith(_TEMPLATE):
            walk.find(
                part,
                place,
                "it carries a chat template: a Jinja program that the loader runs",
                Verdict.NEEDS_TRUST,
                subject=_TEMPLATE,
            )
    for _ in range(tensors):
        cursor.count()
        cursor.key()
        dimensions = cursor.number("<I")
        if dimensions > _MAX_DIMENSIONS:
            raise GgufError(f"a tensor has {dimensions} dimensions")
        elements = math.prod(cursor.number("<Q") for _ in range(dimensions))
        per_block, block_bytes = _BLOCKS.get(cursor.number("<I"), (1, 0))
        size = -(-elements // per_block) * block_bytes
        cursor.least = max(cursor.least, cursor.number("<Q") + size)
