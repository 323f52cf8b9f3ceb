"""What bytes are, by their content alone; and whether the name says so too."""

from __future__ import annotations

import lzma
import re
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.containers.onnx_wire import MODEL_BEGINNINGS, looks_like_model
from core.pickles.containers.tar_header import BLOCK, is_header
from core.pickles.containers.zip_end import END_SIGNATURE, find_end
from core.pickles.formats import Format
from core.pickles.machine import PickleRun, run
from core.pickles.opcodes import FIXED, OPCODES, Argument
from core.pickles.rules.executors import executor
from core.pickles.span import Span
from core.pickles.verdict import Verdict

OPENING: Final = 400
"""How many opcodes are tried to see whether bytes without a magic number are a pickle."""
CONVINCING: Final = 10
"""How many opcodes in a row are no chance, even where the pickle then breaks off."""

_MAGIC: Final = (
    (b"\x93NUMPY", Format.NPY),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
    (b"\x1f\x8b", Format.GZIP),
    (b"BZh", Format.BZ2),
    (b"\xfd7zXZ\0", Format.XZ),
    (b"\x04\x22\x4d\x18", Format.LZ4),
    (b"GGUF", Format.GGUF),
    (b"\x89HDF\r\n\x1a\n", Format.HDF5),
    (b"\x7fELF", Format.PROGRAM),
    (b"\xcf\xfa\xed\xfe", Format.PROGRAM),
    (b"\xca\xfe\xba\xbe", Format.PROGRAM),
    (b"#!", Format.PROGRAM),
    (b"7z\xbc\xaf\x27\x1c", Format.ARCHIVE),
    (b"Rar!\x1a\x07", Format.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", Format.ARCHIVE),
    *((bytes([first]) + b"\x2a\x4d\x18", Format.ARCHIVE) for first in range(0x50, 0x60)),
    (b"MSCF\0\0\0\0", Format.ARCHIVE),
)
_HEAD: Final = 1_024
_PREFIX: Final = 8_192
BEGINNINGS: Final = frozenset(
    bytes([code])
    for code in b"()]}NIJKLMSTUBCVXFGcP\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)
"""Opcodes that need nothing on the stack: no pickle begins with another one."""
_SIMPLE: Final = (
    "NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 BINFLOAT EMPTY_LIST EMPTY_TUPLE EMPTY_DICT EMPTY_SET MARK "
    "TUPLE TUPLE1 TUPLE2 TUPLE3 POP POP_MARK DUP BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET PROTO"
)
_WIDTHS: Final = tuple(
    0 if opcode is None else 1 + FIXED[opcode.argument] if opcode.name in _SIMPLE.split() else -1
    for opcode in map(OPCODES.get, range(256))
)
"""By its code, how wide a simple opcode is: one that makes or moves plain values. 0: none; -1: others."""
_COUNTED: Final = {
    code: FIXED[opcode.argument]
    for code, opcode in OPCODES.items()
    if opcode.argument in (Argument.COUNTED_4, Argument.COUNTED_8)
}
"""Opcodes with a size in front of their argument: how many bytes the size has."""
_NUMERALS: Final = b"IFL"
_PERSID: Final = ord("P")
_WRITTEN: Final = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\n\v\f\r")
"""Signs that the text of a number may begin with, and many more."""
GLANCE: Final = 64
"""So many bytes are enough for `breaks_off`, nearly always."""
LONG: Final = frozenset(bytes([code]) for code in b"SVILFcipgPTUXBC\x8a\x8b\x8c\x8d\x8e\x96")
"""Opcodes whose argument may reach beyond any prefix."""
_BY_FIRST: Final = {
    first: tuple(each for each in _MAGIC if each[0].startswith(first))
    for first in {magic[:1] for magic, _ in _MAGIC}
}
_TORCH_MAGIC: Final = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_TORCH_MAGIC_TEXT: Final = b"L119547037146038801333356L\n"
_ZLIB_CMF: Final = b"\x78"
ZFILE_HEADER: Final = 21
"""How many bytes come before zlib's in joblib's oldest format; a space may follow."""
_LZMA_LEAST: Final = 14
_LZMA_BYTES: Final = 128 * 2**20
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_WORD: Final = 16
_TEXT_LENGTH: Final = 65_536
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What bytes are.

    Attributes:
        format: what they are first of all.
        also: what other loaders would take them for.
        opening: what a pickle machine makes of their first opcodes; None if it was not asked.
    """

    format: Format
    also: tuple[Format, ...]
    opening: PickleRun | None


def sniff(span: Span, bounds: Bounds = DEFAULT) -> Sniffed:
    """What bytes are, and what else they could be taken for."""
    head = span.read(0, _HEAD)
    if is_word(head) and head[:1] not in BEGINNINGS:
        return Sniffed(Format.TEXT, (), None)
    found = _by_magic(span, head)
    opening: PickleRun | None = None
    if has_protocol(head) and not found:
        found = [_pickle(head)]
    elif head[:1] in BEGINNINGS and not _asks_for_no_id(head):
        opening = try_pickle(span, bounds)
        if is_second(head, opening) if found else is_first(span, opening):
            found = [_pickle(head), *found] if has_protocol(head) else [*found, _pickle(head)]
    # Of something short the head is all there is.
    may_end = len(span) > _HEAD or END_SIGNATURE in head
    if may_end and Format.ZIP not in found and find_end(span) is not None:
        found.append(Format.ZIP)
    # No model begins as pickles do from protocol 2 on.
    first = head[:1]
    if first != b"\x80" and first in MODEL_BEGINNINGS and (not found or found[0] is Format.PICKLE):
        found += [Format.ONNX] if looks_like_model(span, bounds) else []
    if not found:
        found = [_plain(span)]
    return Sniffed(found[0], tuple(dict.fromkeys(found[1:])), opening)


def try_pickle(
    span: Span, bounds: Bounds = DEFAULT, most: int | None = None, *, several: bool = True
) -> PickleRun:
    """The first opcodes, as far as they are opcodes; of a long part at first only those of its beginning.

    Args:
        span: the bytes.
        bounds: of which a few opcodes are taken.
        most: how many bytes are looked at, at most; all if it is None.
        several: whether it reads on after the first pickle.
    """
    few = _few(bounds)
    if len(span) > 2 * _PREFIX:
        with span.part(0, _PREFIX).view() as view:
            opening = run(view, bounds=few, several=several)
        cut = opening.end >= _PREFIX - 16 or span.read(opening.end, 1) in LONG
        if opening.values or opening.opcodes >= few.opcodes or not cut:
            return opening
    with span.part(0, most).view() as view:
        return run(view, bounds=few, several=several)


def breaks_off(head: bytes, size: int) -> bool:
    """Whether a machine is sure to stop in the first bytes of something, before they ask for anything.

    Simple opcodes, and then a byte that is none or an argument that cannot be: so most of a tensor's numbers
    are told from a pickle.

    Args:
        head: the first bytes.
        size: how many there are in all.
    """
    pos = 0
    while pos < len(head):
        code = head[pos]
        width = _WIDTHS[code]
        if width <= 0:
            break
        pos += width
    else:
        return False
    if not width:
        return True
    start = pos + 1
    if code in _COUNTED:
        end = start + _COUNTED[code]
        return end <= len(head) and end + int.from_bytes(head[start:end], "little") > size
    if code == _PERSID:
        return _asks_for_no_id(head, pos)
    return code in _NUMERALS and start < len(head) and head[start] not in _WRITTEN


def _asks_for_no_id(head: bytes, start: int = 0) -> bool:
    """Whether PERSID stands there with an id that is not ASCII, where machines stop: so begin most zips."""
    if head[start] != _PERSID:
        return False
    end = head.find(b"\n", start)
    return not head[start : end if end >= 0 else len(head)].isascii()


@lru_cache(maxsize=8)
def _few(bounds: Bounds) -> Bounds:
    return replace(bounds, opcodes=min(OPENING, bounds.opcodes), seconds=min(1.0, bounds.seconds))


def names_code(opening: PickleRun) -> bool:
    """Whether what may be a pickle by chance names something that a loader could import."""
    return any(
        _IDENTIFIER.fullmatch(use.module) and _IDENTIFIER.fullmatch(use.name) for use in opening.globals
    ) or bool(opening.calls)


def is_first(span: Span, opening: PickleRun) -> bool:
    """Whether bytes without any magic number are a pickle.

    A list of words may begin like one: `cat` and `dog` on two lines are the name `at.dog`.
    """
    if opens_pickle(opening) or opening.calls:
        return True
    known = any(executor(use.module, use.name) for use in opening.globals)
    return names_code(opening) and (known or not is_text(span.read(0, _HEAD), cut=len(span) > _HEAD))


def is_second(head: bytes, opening: PickleRun) -> bool:
    """Whether bytes with the magic number of another format are a pickle too, and not by chance."""
    if opening.opcodes >= OPENING:
        return True
    if head.startswith(b"PK"):
        # A persistent id up to the first line break: what follows may be the words of a text in a zip.
        return opening.verdict is Verdict.DANGEROUS and bool(opening.calls)
    # A whole pickle that names something is no chance, whatever characters the name has.
    return names_code(opening) or bool(opening.values and opening.globals)


def opens_pickle(opening: PickleRun) -> bool:
    """Whether bytes are a pickle, opcode by opcode, up to its end or for so long that it is no chance."""
    return bool(opening.values) or opening.opcodes >= CONVINCING


def has_protocol(head: bytes) -> bool:
    """Whether bytes begin as pickles do from protocol 2 on."""
    return len(head) > 1 and head[0] == 0x80 and head[1] <= 5


def _pickle(head: bytes) -> Format:
    return Format.TORCH_LEGACY if is_torch_legacy(head) else Format.PICKLE


def is_torch_legacy(head: bytes) -> bool:
    """Whether the first pickle is the number by which `torch.load` knows files from before 1.6."""
    return _TORCH_MAGIC in head[:64] or _TORCH_MAGIC_TEXT in head[:64]


def is_word(data: bytes) -> bool:
    """Whether bytes are one short word or number, perhaps with a line break: no format looks like that."""
    return len(data) <= _WORD and data.rstrip(b"\n").isalnum()


def is_text(data: bytes, *, cut: bool = False) -> bool:
    """Whether bytes are UTF-8 without control characters; `cut` if they may end within a character."""
    if not _CONTROLS.isdisjoint(data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return cut and error.start >= len(data) - 3
    return True


def _by_magic(span: Span, head: bytes) -> list[Format]:
    found = [kind for magic, kind in _BY_FIRST.get(head[:1], ()) if head.startswith(magic)]
    if head[:2] == b"MZ" and b"PE\0\0" in head:
        found.append(Format.PROGRAM)
    first = head[:1]
    if first == b"]" and _is_lzma(head):
        found.append(Format.LZMA)
    if first == b"Z" and _is_zfile(head):
        found.append(Format.ZFILE)
    if is_header(head[:BLOCK]):
        found.append(Format.TAR)
    if head[8:9] == b"{" and _is_safetensors(span, head):
        found.append(Format.SAFETENSORS)
    if Format.HDF5 not in found and _hdf5_behind(span):
        found.append(Format.HDF5)
    if first == _ZLIB_CMF and _is_zlib(head):
        found.append(Format.ZLIB)
    return found


def _plain(span: Span) -> Format:
    if not len(span):
        return Format.EMPTY
    text = span.read(0, _TEXT_LENGTH)
    if not is_text(text, cut=len(span) > len(text)):
        return Format.UNKNOWN
    for start in range(_TEXT_LENGTH, len(span), _TEXT_LENGTH):
        if not _CONTROLS.isdisjoint(span.read(start, _TEXT_LENGTH)):
            return Format.UNKNOWN
    return Format.TEXT


def _is_lzma(head: bytes) -> bool:
    """The old lzma format has no magic number: what its encoders write, or what joblib takes for it."""
    if len(head) < _LZMA_LEAST:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    usual = dictionary >= 4096 and dictionary % 4096 == 0
    if usual and (size == 2**64 - 1 or size < 2**40):
        return True
    if head[1]:
        return False
    try:
        return bool(lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_BYTES).decompress(head, 1))
    except lzma.LZMAError:
        return False


def _is_zfile(head: bytes) -> bool:
    """What joblib wrote before 0.10: two letters, a size in hexadecimal digits, and zlib's bytes."""
    if not head.startswith(b"ZF") or len(head) <= ZFILE_HEADER:
        return False
    try:
        return int(head[2:ZFILE_HEADER], 16) >= 0
    except ValueError:
        return False


def _is_zlib(head: bytes) -> bool:
    if len(head) < 2 or int.from_bytes(head[:2], "big") % 31:
        return False
    try:
        zlib.decompressobj().decompress(head, 1)
    except zlib.error:
        return False
    return True


def _is_safetensors(span: Span, head: bytes) -> bool:
    size = int.from_bytes(head[:8], "little")
    return len(head) > 9 and 2 <= size <= len(span) - 8


def _hdf5_behind(span: Span) -> bool:
    """HDF5 allows bytes of others before it: up to the next power of two, from 512 on."""
    start, size, read = 512, len(span), span.read
    while start < size:
        if read(start, 8) == _HDF5:
            return True
        start *= 2
    return False
