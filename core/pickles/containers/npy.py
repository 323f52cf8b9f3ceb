"""npy files: the header by a reader of our own, then numbers, or a pickle where the array holds objects.

The format is that of NumPy's NEP 1: a magic number, a version, the header's length, and a Python literal.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.pickles.containers.stream import appended
from core.pickles.formats import Format
from core.pickles.span import Span
from core.pickles.walk import Part, Walk

Literal: TypeAlias = "str | bool | int | tuple[Literal, ...] | dict[str, Literal] | None"

MAX_HEADER: Final = 1_000_000
_MAX_DEPTH: Final = 20
_MAX_TOKENS: Final = 100_000
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<word>True|False|None)"
    r"|(?P<number>0|[1-9]\d{0,18})L?(?![\w.])|(?P<sign>[][(){},:]))"
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.ASCII)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_SIMPLE: Final = re.compile(r"[<>|=]?(?:[biufcSUVa?](\d{0,9})|[mM]8(?:\[[^\]]{0,40}\])?)")
_OBJECT: Final = re.compile(r"O|object", re.IGNORECASE)
_UNICODE_BYTES: Final = 4
MOST_DIMENSIONS: Final = 64
"""Neither NumPy nor torch allows more. The product of very many sizes takes a long time."""


class HeaderError(ValueError):
    """A header that is none. The text is one line."""


@dataclass(frozen=True)
class Header:
    """What an npy header says.

    Attributes:
        data: where the array's data begins.
        shape: the array's shape.
        item_bytes: the size of one element; None if it is not known.
        objects: whether elements are Python objects, and so a pickle follows.
        understood: whether the type is one that this reader knows.
    """

    data: int
    shape: tuple[int, ...]
    item_bytes: int | None
    objects: bool
    understood: bool


def read(part: Part, walk: Walk) -> Format:
    """Reads the header, and the pickle of an array of objects."""
    try:
        header = read_header(part.span)
    except HeaderError as error:
        walk.unread(part, 0, len(part.span), f"no npy header: {error}")
        return Format.NPY
    walk.read(part, 0, header.data, "npy header")
    if header.objects:
        walk.note("An array of Python objects is a pickle: numpy.load refuses it unless allow_pickle=True.")
        found = walk.pickle(part, header.data)
        if found.values:
            walk.read(part, header.data, found.end, "the pickle of an array of objects, opcode by opcode")
            appended(part, walk, found.end, Format.NPY)
        else:
            walk.unread(part, found.end, len(part.span), "the pickle of the array has no end")
        return Format.NPY
    if not header.understood or header.item_bytes is None:
        walk.unread(part, header.data, len(part.span), "the array's type is not known")
        return Format.NPY
    end = header.data + math.prod(header.shape) * header.item_bytes
    if end > len(part.span):
        walk.unread(part, header.data, len(part.span), "the array is cut off")
        return Format.NPY
    walk.raw(part, header.data, end, "numbers of an array")
    appended(part, walk, end, Format.NPY)
    return Format.NPY


def read_header(span: Span) -> Header:
    """The header of an npy file.

    Raises:
        HeaderError: if it is none.
    """
    start = span.read(0, 12)
    if not start.startswith(b"\x93NUMPY") or len(start) < 10:
        raise HeaderError("the magic number is missing")
    major = start[6]
    if major not in {1, 2, 3}:
        raise HeaderError(f"version {major}.{start[7]} is not known")
    width = 2 if major == 1 else 4
    size = int.from_bytes(start[8 : 8 + width], "little")
    data = 8 + width + size
    if size > MAX_HEADER or data > len(span):
        raise HeaderError(f"it says {size:,} bytes for itself")
    raw = span.read(8 + width, size)
    try:
        said = parse_literal(raw.decode("utf-8" if major == 3 else "latin-1"))
    except UnicodeDecodeError:
        raise HeaderError("it is not UTF-8") from None
    if not isinstance(said, dict) or set(said) != {"descr", "fortran_order", "shape"}:
        raise HeaderError("it does not hold descr, fortran_order and shape alone")
    shape = said["shape"]
    if not isinstance(shape, tuple):
        raise HeaderError("the shape is no tuple")
    sizes = tuple(each for each in shape if isinstance(each, int) and not isinstance(each, bool))
    if len(sizes) != len(shape) or len(sizes) > MOST_DIMENSIONS:
        raise HeaderError("the shape holds something other than numbers")
    item, objects, understood = describe(said["descr"])
    return Header(data, sizes, item, objects, understood)


def describe(descr: Literal) -> tuple[int | None, bool, bool]:
    """What a dtype's description says: bytes per element, whether it has objects, and is understood."""
    if isinstance(descr, str):
        simple = _SIMPLE.fullmatch(descr)
        if simple is None:
            return None, bool(_OBJECT.search(descr)), False
        kind = descr.lstrip("<>|=")[0]
        size = int(simple[1] or 0) if kind not in "mM" else 8
        if kind == "?":
            size = 1
        elif not simple[1] and kind not in "mM":
            return None, False, False
        return size * (_UNICODE_BYTES if kind == "U" else 1), False, True
    if not isinstance(descr, tuple):
        return None, False, False
    if len(descr) == 2 and not all(isinstance(field, tuple) for field in descr):
        # A subarray: (dtype, shape).
        return _times(describe(descr[0]), descr[1])
    total: int | None = 0
    objects, understood = False, True
    for field in descr:
        if not isinstance(field, tuple) or len(field) not in {2, 3}:
            return None, objects or _mentions_object(descr), False
        item, has_objects, known = describe(field[1])
        if len(field) == 3:
            item, has_objects, known = _times((item, has_objects, known), field[2])
        objects, understood = objects or has_objects, understood and known
        total = None if item is None or total is None else total + item
    return total, objects, understood


def parse_literal(text: str) -> Literal:
    """The Python literal that a header is: dicts, tuples, lists, texts, whole numbers, True, False and None.

    Raises:
        HeaderError: if it is anything else. Nothing is evaluated.
    """
    tokens: list[re.Match[str]] = []
    position = 0
    end = len(text.rstrip("\0 \n\t"))
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None or len(tokens) >= _MAX_TOKENS:
            raise HeaderError("it is no plain literal")
        tokens.append(token)
        position = token.end()
    value, after = _value(tokens, 0, 0)
    if after != len(tokens):
        raise HeaderError("something follows its literal")
    return value


def _value(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[Literal, int]:
    if at >= len(tokens) or depth > _MAX_DEPTH:
        raise HeaderError("it is no plain literal")
    token = tokens[at]
    if token["text"] is not None:
        return _ESCAPE.sub(_unescaped, token["text"][1:-1]), at + 1
    if token["word"] is not None:
        return {"True": True, "False": False, "None": None}[token["word"]], at + 1
    if token["number"] is not None:
        return int(token["number"]), at + 1
    if token["sign"] == "{":
        return _dict(tokens, at + 1, depth + 1)
    if token["sign"] in {"(", "["}:
        return _sequence(tokens, at + 1, depth + 1, ")" if token["sign"] == "(" else "]")
    raise HeaderError("it is no plain literal")


def _unescaped(found: re.Match[str]) -> str:
    """What an escape stands for, as `repr` writes it; numpy writes no others."""
    code = found[1] or found[2] or found[3]
    if code is not None:
        if int(code, 16) > 0x10FFFF:
            raise HeaderError("a text has an escape of no character")
        return chr(int(code, 16))
    if found[4] not in _ESCAPES:
        raise HeaderError("a text has an unusual escape")
    return _ESCAPES[found[4]]


def _sequence(tokens: list[re.Match[str]], at: int, depth: int, close: str) -> tuple[Literal, int]:
    items: list[Literal] = []
    comma = False
    while at < len(tokens) and tokens[at]["sign"] != close:
        if items and not comma:
            raise HeaderError("a comma is missing")
        item, at = _value(tokens, at, depth)
        items.append(item)
        comma = at < len(tokens) and tokens[at]["sign"] == ","
        at += comma
    if at >= len(tokens):
        raise HeaderError("a bracket is not closed")
    # What is in parentheses without a comma is no tuple.
    alone = close == ")" and len(items) == 1 and not comma
    return (items[0] if alone else tuple(items)), at + 1


def _dict(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[Literal, int]:
    items: dict[str, Literal] = {}
    while at < len(tokens) and tokens[at]["sign"] != "}":
        key, at = _value(tokens, at, depth)
        if not isinstance(key, str) or at >= len(tokens) or tokens[at]["sign"] != ":" or key in items:
            raise HeaderError("a key is no text, or there twice")
        items[key], at = _value(tokens, at + 1, depth)
        if at < len(tokens) and tokens[at]["sign"] == ",":
            at += 1
        elif at < len(tokens) and tokens[at]["sign"] != "}":
            raise HeaderError("a comma is missing")
    if at >= len(tokens):
        raise HeaderError("a bracket is not closed")
    return items, at + 1


def _times(item: tuple[int | None, bool, bool], shape: Literal) -> tuple[int | None, bool, bool]:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if len(sizes) > MOST_DIMENSIONS:
        return None, item[1], False
    numbers = [each for each in sizes if isinstance(each, int) and not isinstance(each, bool)]
    if len(numbers) != len(sizes):
        return None, item[1], False
    return (None if item[0] is None else item[0] * math.prod(numbers)), item[1], item[2]


def _mentions_object(descr: Literal) -> bool:
    if isinstance(descr, str):
        return bool(_OBJECT.search(descr))
    return isinstance(descr, tuple) and any(_mentions_object(each) for each in descr)
