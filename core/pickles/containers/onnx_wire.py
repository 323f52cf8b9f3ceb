"""An ONNX file's structure, read from protobuf's wire format alone and only as far as the bounds go.

The numbers of the fields are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.pickles.bounds import Bounds
from core.pickles.span import Span

MAX_PARTS: Final = 250_000
"""How many messages a file may hold."""
MAX_NESTING: Final = 60
_WINDOW: Final = 65_536
_MOST_TAG: Final = 2**32 - 1


class WireError(ValueError):
    """Bytes that are no such structure, or one beyond the bounds. The text is one line."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: a number, or the stretch of bytes that it holds."""

    number: int
    value: int
    start: int
    end: int
    is_bytes: bool


# Message -> field -> the message that it holds.
MESSAGES: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType({
    "model": {7: "graph", 8: "opset", 14: "entry", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph", 3: "entry", 4: "entry"},
    "function": {7: "node", 8: "_", 9: "opset", 11: "attribute", 12: "_", 14: "entry"},
    "graph": {1: "node", 5: "tensor", 11: "_", 12: "_", 13: "_", 14: "_", 15: "sparse", 16: "entry"},
    "node": {5: "attribute", 9: "entry"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "_", 15: "_", 22: "sparse",
                  23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external", 16: "entry"},
})  # fmt: skip
"""Which fields of which message hold messages that are looked into; `_` are types and shapes."""
TEXTS: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        "opset": {1: "domain"},
        "node": {4: "operator", 7: "domain"},
        "function": {1: "name", 10: "domain"},
        "external": {1: "key", 2: "value"},
        "tensor": {8: "name"},
    }
)
"""Which fields are texts that are kept."""
_MODEL_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
MODEL_BEGINNINGS: Final = frozenset(
    bytes([tag]) for tag in range(256) if tag > 127 or (tag >> 3 in _MODEL_FIELDS and tag & 7 in {0, 1, 2, 5})
)
"""First bytes that a field of a model may have: others need no look."""


class Reader:
    """Reads fields from a span through a window, so that a large file is not copied."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._from = 0
        self._window = b""

    def field(self, position: int, end: int) -> tuple[Field, int]:
        """The field at a position, and where the next one begins.

        Raises:
            WireError: if there is none.
        """
        tag, position = self._varint(position, end)
        if tag > _MOST_TAG:
            # Some readers drop the bits above it, and find another field.
            raise WireError("a field's number is too large")
        number, wire = tag >> 3, tag & 7
        if not number:
            raise WireError("a field has the number 0")
        if wire == 0:
            value, after = self._varint(position, end)
            return Field(number, value, position, after, is_bytes=False), after
        if wire == 2:
            length, start = self._varint(position, end)
            if start + length > end:
                raise WireError("a field ends after its message")
            return Field(number, 0, start, start + length, is_bytes=True), start + length
        if wire in {1, 5}:
            after = position + (8 if wire == 1 else 4)
            if after > end:
                raise WireError("a field ends after its message")
            return Field(number, 0, position, after, is_bytes=False), after
        raise WireError(f"a field has the wire type {wire}")

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while position < end and shift < 70:
            byte = self._byte(position)
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, position
            shift += 7
        raise WireError("a number is cut off")

    def _byte(self, position: int) -> int:
        place = position - self._from
        if not 0 <= place < len(self._window):
            self._from, place = position, 0
            self._window = self._span.read(position, _WINDOW)
        return self._window[place]


def looks_like_model(span: Span, bounds: Bounds) -> bool:
    """Whether all bytes are the fields of a model, a graph among them."""
    reader, position, fields = Reader(span), 0, 0
    graph = False
    try:
        while position < len(span):
            field, position = reader.field(position, len(span))
            fields += 1
            if field.number not in _MODEL_FIELDS or fields > min(MAX_PARTS, bounds.members * 10):
                return False
            graph = graph or (field.number == 7 and field.is_bytes and field.end > field.start)
    except WireError:
        return False
    return graph
