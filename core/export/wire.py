"""Bytes that should be an ONNX file, before any parser sees them: what they are, and how much they hold.

A parser makes an object of some 200 bytes for two bytes of a file: 20 MiB can ask for gigabytes. So the
structure is counted first, and only as far as the bounds go.
"""

from __future__ import annotations

from typing import Final

import onnx
from google.protobuf.message import DecodeError

MAX_PARTS: Final = 250_000
"""How many messages (nodes, attributes, tensors, types, ...) a file may hold."""
MAX_FIELDS: Final = 2_000_000
"""How many fields they may have in all; a list that is not packed has one per element."""
MAX_NESTING: Final = 100
"""How deep messages may lie in one another: protobuf's own bound."""

_MAGICS: Final = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive, as torch.save, NumPy and Keras write them"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes them"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (4, b"ORTM", "a model in ONNX Runtime's own format"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"version https://git-lfs", "a Git LFS pointer: the name of a model, not the model"),
    (5, b'\0\0\0{"', "a safetensors file: weights without a graph"),
)
_PICKLES: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_TEXT: Final = frozenset(range(32, 127)) | frozenset(b"\t\n\r\f")


class WireError(ValueError):
    """Bytes that are no ONNX file, or one beyond the bounds. The text is one line for a visitor.

    Attributes:
        advice: what to do.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.advice = advice


def parse(data: bytes) -> onnx.ModelProto:
    """Reads a model whose structure is bounded.

    Raises:
        WireError: if it is none, is cut off, or holds more than the bounds allow.
    """
    try:
        measure(data)
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except (DecodeError, RecursionError, MemoryError):
        error = WireError("Protobuf cannot read it.", "Export it again.")
    except WireError as known:
        error = known
    else:
        if model.HasField("graph"):
            return model
        error = WireError("It holds no graph: it is no ONNX model.", "Upload what torch.onnx.export wrote.")
    if kind := kind_of(data):
        error = WireError(f"It is {kind}, no ONNX model.", "Upload the file that torch.onnx.export wrote.")
    raise error


def kind_of(data: bytes) -> str:
    """What bytes look like that could not be read as a model; empty if that is not known."""
    if not data:
        return "an empty file"
    for start, magic, kind in _MAGICS:
        if data.startswith(magic, start):
            return kind
    if data.startswith(_PICKLES):
        return "a pickle, which is a program and not a graph"
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or _TEXT.issuperset(data[:4096]):
        return "a text"
    return "nothing but zeros" if not data[:4096].strip(b"\0") else ""


def measure(data: bytes) -> int:
    """Counts the messages in a model, as a parser would find them, without keeping any.

    Returns:
        how many there are.

    Raises:
        WireError: if it is no ONNX file, is cut off, or holds more than the bounds allow.
    """
    position = parts = fields = 0
    open_ones = [(len(data), onnx.ModelProto.DESCRIPTOR.full_name)]
    while open_ones:
        end, message = open_ones[-1]
        if position == end:
            open_ones.pop()
            continue
        fields += 1
        if fields > MAX_FIELDS:
            raise WireError(
                f"It holds more than {MAX_FIELDS:,} values one by one.", "Upload a smaller model."
            )
        tag, position = _varint(data, position, end)
        number, wire = tag >> 3, tag & 7
        if number == 0 or (fields == 1 and number not in _FIELDS[message]):
            raise _no_onnx()
        if wire == 0:
            _, position = _varint(data, position, end)
        elif wire == 2:
            length, position = _varint(data, position, end)
            if position + length > end:
                raise _cut_off() if len(open_ones) == 1 else _no_onnx()
            if inner := _FIELDS[message].get(number):
                parts += 1
                _check(parts, len(open_ones))
                open_ones.append((position + length, inner))
            else:
                position += length
        elif wire in {1, 5}:
            position += 8 if wire == 1 else 4
            if position > end:
                raise _cut_off() if len(open_ones) == 1 else _no_onnx()
        else:
            raise _no_onnx()
    return parts


def _check(parts: int, nesting: int) -> None:
    if parts > MAX_PARTS:
        raise WireError(f"It holds more than {MAX_PARTS:,} parts.", "Upload a smaller model.")
    if nesting > MAX_NESTING:
        raise WireError(
            f"Its parts lie in one another more than {MAX_NESTING} levels deep.",
            "Flatten its subgraphs: no exporter nests them like that.",
        )


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise _cut_off() if position == len(data) else _no_onnx()


def _cut_off() -> WireError:
    return WireError(
        "It ends in the middle of its content: it was cut off, or is no ONNX file.",
        "Download or export it again, and compare the sizes.",
    )


def _no_onnx() -> WireError:
    return WireError(
        "It is no ONNX file: its bytes are not an ONNX model in protobuf.",
        "Upload what torch.onnx.export wrote.",
    )


def _tables() -> dict[str, dict[int, str]]:
    """For every message of a model: its fields' numbers, each with the message that it holds, if any."""
    tables: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        if message.full_name not in tables:
            tables[message.full_name] = numbers = {field.number: "" for field in message.fields}
            for field in message.fields:
                if field.message_type is not None:
                    numbers[field.number] = field.message_type.full_name
                    waiting.append(field.message_type)
    return tables


_FIELDS: Final = _tables()
