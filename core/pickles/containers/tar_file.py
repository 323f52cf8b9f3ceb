"""Tars: each member by its content; among them what torch wrote before 0.1.10.

The layout is POSIX's ustar with the long names of GNU and pax, as `tarfile` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.pickles.containers import torch_tar
from core.pickles.containers.stream import is_zeros
from core.pickles.containers.tar_header import BLOCK, is_header, number
from core.pickles.formats import Format
from core.pickles.member import shown
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_FILES: Final = frozenset({b"0", b"\0", b"7"})
_FOLDER: Final = b"5"
_LINKS: Final = frozenset({b"1", b"2"})
_LONG: Final = frozenset({b"L", b"K"})
_PAX: Final = frozenset({b"x", b"g", b"X"})
_GLOBAL: Final = b"g"
_USED: Final = frozenset({"path", "linkpath", "size"})
_RECORD: Final = re.compile(rb"(\d{1,19}) ")
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_LONGEST: Final = 2**20


@dataclass(frozen=True)
class TarEntry:
    """One member of a tar.

    Attributes:
        name: its name, with what long-name records said.
        kind: the header's type flag.
        data: where its data begin.
        size: bytes.
        link: where it points, if it is a link.
    """

    name: str
    kind: bytes
    data: int
    size: int
    link: str


class TarError(ValueError):
    """A header that cannot be read. The text is one line.

    Attributes:
        position: where it is.
    """

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


def read(part: Part, walk: Walk) -> Format:
    """Reads the headers one after another, and examines every file."""
    tensors: dict[str, Part] = {}
    try:
        for position, entry in _entries(part, walk):
            _check(part, walk, position, entry)
            inner = part.inner(entry.name, part.span.part(entry.data, entry.data + entry.size))
            walk.places.append(inner.span)
            if entry.kind in _FILES and entry.name in torch_tar.NAMES:
                # The last one of a name is the one that tarfile gives.
                if entry.name in tensors:
                    walk.examine(tensors[entry.name])
                tensors[entry.name] = inner
            elif entry.kind in _FILES:
                walk.examine(inner)
            elif entry.kind not in _LINKS | {_FOLDER}:
                walk.unread(inner, 0, entry.size, f"its type {entry.kind!r} is not known")
    except TarError as error:
        walk.unread(part, error.position, len(part.span), str(error))
    if set(tensors) >= torch_tar.NAMES:
        torch_tar.read(walk, tensors)
        return Format.TORCH_TAR
    for inner in tensors.values():
        walk.examine(inner)
    return Format.TAR


def _entries(part: Part, walk: Walk) -> Iterator[tuple[int, TarEntry]]:
    """The members with the positions of their headers; what lies after the tar's end is looked at too.

    Raises:
        TarError: where it breaks off.
    """
    position, names, common = 0, set[str](), dict[str, str]()
    while position < len(part.span):
        block = part.span.read(position, BLOCK)
        if not block.strip(b"\0"):
            position += BLOCK
            if is_zeros(part, position):
                walk.raw(part, position - BLOCK, len(part.span), "zeros at the end")
                return
            if is_header(part.span.read(position, BLOCK)):
                reason = "readers of tars disagree: there are members after its end"
                walk.find(part, position, reason, Verdict.NEEDS_TRUST, subject="tar")
            continue
        entry = _entry(part.span, position, common)
        if entry.name in names:
            reason = f"readers of tars disagree: {shown(entry.name)} is there twice"
            walk.find(part, position, reason, Verdict.NEEDS_TRUST, subject="tar")
        names.add(entry.name)
        yield position, entry
        position = entry.data + -(-entry.size // BLOCK) * BLOCK
        if walk.late:
            raise TarError(f"the {walk.bounds.seconds:g} s of this scan were over", position)


def _entry(span: Span, position: int, common: dict[str, str]) -> TarEntry:
    """The member at a position, with the records of long names before it.

    Args:
        span: the tar.
        position: where the member's first header is.
        common: what pax says of all members that follow; it is added to.

    Raises:
        TarError: if there is none.
    """
    said, position = _records(span, position, common)
    kind, size = _header(span, position)
    data = position + BLOCK
    if kind == b"S" or any(_is_sparse(key) for key in [*said, *common]):
        raise TarError("it has sparse files, which are not read", position)
    if "size" in common:
        raise TarError("a pax record states one size for all members: readers disagree", position)
    if "size" in said:
        # tarfile takes what Python's int takes, others do not.
        if not _DIGITS.fullmatch(said["size"]):
            raise TarError("a pax record states a size that is no plain number", position)
        size = int(said["size"])
    said = common | said
    block = span.read(position, BLOCK)
    if kind == b"\0" and _text(block[:100]).endswith("/"):
        # So folders were written before POSIX, and tarfile still reads them.
        kind = _FOLDER
    if kind in _LINKS | {_FOLDER}:
        size = 0
    if data + size > len(span):
        raise TarError("a member ends after the file", position)
    link = said.get("linkpath") or _text(block[157:257])
    return TarEntry(said.get("path") or _name(block), kind, data, size, link)


def _records(span: Span, position: int, common: dict[str, str]) -> tuple[dict[str, str], int]:
    """What the records before a member say of it, and where its own header is.

    Raises:
        TarError: if they cannot be read, or not in one way.
    """
    said: dict[str, str] = {}
    while True:
        kind, size = _header(span, position)
        if kind not in _LONG | _PAX:
            return said, position
        data = position + BLOCK
        if size > _LONGEST or data + size > len(span):
            raise TarError("a record of a long name is too long", position)
        raw = span.read(data, size)
        more = {"path" if kind == b"L" else "linkpath": _text(raw)} if kind in _LONG else _pax(raw, position)
        if kind == _GLOBAL:
            # All of it, looked through again for each member, would take the square of its size.
            common |= {key: value for key, value in more.items() if key in _USED or _is_sparse(key)}
        elif any(said.get(key, value) != value for key, value in more.items()):
            raise TarError("two records of one member say different things", position)
        else:
            said |= more
        position = data + -(-size // BLOCK) * BLOCK


def _is_sparse(key: str) -> bool:
    return key.startswith("GNU.sparse")


def _header(span: Span, position: int) -> tuple[bytes, int]:
    """The type flag and the size in a header."""
    block = span.read(position, BLOCK)
    if not is_header(block):
        raise TarError("there is no header where the next member should be", position)
    size = number(block[124:136])
    if size is None or size < 0:
        raise TarError("a header's size is no number", position)
    return block[156:157], size


def _name(block: bytes) -> str:
    posix = block[257:263] == b"ustar\0"
    prefix = _text(block[345:500]) if posix else ""
    return f"{prefix}/{_text(block[:100])}" if prefix else _text(block[:100])


def _check(part: Part, walk: Walk, position: int, entry: TarEntry) -> None:
    parts = entry.name.replace("\\", "/").split("/")
    target = entry.link.replace("\\", "/").split("/")
    if not entry.name.isprintable():
        reason = f"the name {shown(entry.name)} is no text: other loaders may read another format there"
        walk.find(part, position, reason, Verdict.NEEDS_TRUST, subject="tar")
    if ".." in parts:
        reason = f"{shown(entry.name)} would be extracted outside of its folder"
        walk.find(part, position, reason, Verdict.DANGEROUS, subject=shown(entry.name))
    elif parts[0] == "":
        reason = f"{shown(entry.name)} would be extracted to an absolute path"
        walk.find(part, position, reason, Verdict.NEEDS_TRUST, subject=shown(entry.name))
    if entry.kind in _LINKS and (".." in target or target[0] == ""):
        reason = f"{shown(entry.name)} is a link to {shown(entry.link)}, outside of its folder"
        walk.find(part, position, reason, Verdict.NEEDS_TRUST, subject=shown(entry.name))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", errors="backslashreplace")


def _pax(raw: bytes, where: int) -> dict[str, str]:
    """The records of a pax header: a length, a space, key=value and a line break each.

    Raises:
        TarError: if they are something else, with the header's position.
    """
    said: dict[str, str] = {}
    position = 0
    while position < len(raw) and raw[position]:
        start = _RECORD.match(raw, position)
        end = position + int(start[1]) if start else 0
        if not start or not start.end() < end <= len(raw) or raw[end - 1 : end] != b"\n":
            raise TarError("a pax record cannot be read", where)
        key, equals, value = raw[start.end() : end - 1].partition(b"=")
        if not key or not equals:
            raise TarError("a pax record cannot be read", where)
        said[key.decode("utf-8", errors="replace")] = value.decode("utf-8", errors="backslashreplace")
        position = end
    return said
