"""Pickles one after another: a plain pickle file, and joblib's with raw arrays between the opcodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.pickles.containers.joblib_arrays import Arrays
from core.pickles.evidence import code_in
from core.pickles.formats import COMPRESSED, Format
from core.pickles.globals import GlobalUse
from core.pickles.ledger import Reading
from core.pickles.machine import PickleRun
from core.pickles.sniff import BEGINNINGS, has_protocol, names_code, opens_pickle, sniff, try_pickle
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_READ: Final = "a pickle, opcode by opcode"
_WINDOW: Final = 2**13
_ZEROS: Final = 2**20
_CALLING: Final = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"})
_NOTHING: Final = frozenset({Format.UNKNOWN, Format.EMPTY, Format.TEXT})


def is_whole(opening: PickleRun, size: int) -> bool:
    """Whether the opcodes that were tried are one pickle that fills all bytes: there is no more to read."""
    return bool(opening.values) and opening.end == size and not any(map(_is_joblib, opening.globals))


def adopt_whole(part: Part, walk: Walk, opening: PickleRun) -> Format:
    """Keeps the pickle that sniffing has read already."""
    walk.adopt_opening(part, opening)
    walk.read(part, 0, len(part.span), _READ)
    return Format.PICKLE


def read(part: Part, walk: Walk) -> Format:
    """Reads every pickle of a stream, and looks at what follows the last one."""
    position, joblib = 0, False
    runs: list[PickleRun] = []
    while True:
        arrays = Arrays(part, walk)
        found = _short(part, walk, position) or walk.try_pickle(part, position, after_build=arrays)
        walk.adopt(part, found)
        runs.append(found)
        if arrays.found:
            joblib = True
            _read_without_arrays(part, walk, position, found, arrays)
        if not found.values:
            _cut_short(part, walk, position, found)
            break
        walk.read(part, position, found.end, _READ)
        position = found.end
        if position >= len(part.span):
            break
        if not _goes_on(part, walk, position):
            appended(part, walk, position, Format.PICKLE)
            break
        if walk.late or not walk.opcodes_left:
            walk.unread(part, position, len(part.span), "the bounds of this scan were reached")
            break
    if runs[0].values and runs[0].end < len(part.span) and not joblib:
        _read_as_one(part, walk, runs)
    return Format.JOBLIB if joblib else Format.PICKLE


def _short(part: Part, walk: Walk, position: int) -> PickleRun | None:
    """A short pickle behind others, read without a look at all that follows; None if it is not one.

    Otherwise many short ones would take the time of the square of their number.
    """
    if not position or len(part.span) - position <= 2 * _WINDOW:
        return None
    window = replace(part, span=part.span.part(position, position + _WINDOW))
    found = walk.try_pickle(window, base=position)
    if not found.values or found.findings or any(map(_is_joblib, found.globals)):
        return None
    return replace(found, end=position + found.end)


def _read_as_one(part: Part, walk: Walk, runs: Sequence[PickleRun]) -> None:
    """What a loader that keeps its memo from one pickle to the next would find besides."""
    known = {(finding.offset, finding.reason) for run in runs for finding in run.findings}
    for finding in walk.try_pickle(part, several=True).findings:
        if finding.verdict is Verdict.DANGEROUS and (finding.offset, finding.reason) not in known:
            walk.keep(finding)


def _is_joblib(use: GlobalUse) -> bool:
    return use.module.startswith("joblib")


def _read_without_arrays(part: Part, walk: Walk, start: int, found: PickleRun, arrays: Arrays) -> None:
    """What `pickle.load` would run where `joblib.load` reads the numbers of an array."""
    plain = walk.try_pickle(part, start)
    known = {(finding.offset, finding.reason) for finding in found.findings}
    objects = any(
        entry.start == arrays.first and entry.member == part.name and entry.reading is Reading.READ
        for entry in walk.entries
    )
    for finding in code_in(plain, arrays.first, named_alone=True):
        # The pickle of an array of objects has a memo of its own: with the outer one its names are others.
        # There a call of a value, such as a tuple, is chance too: any name that it reaches is told of.
        of_value = finding.opcode in _CALLING and not finding.subject
        chance = objects and (finding.verdict is not Verdict.DANGEROUS or of_value)
        if not chance and (finding.offset, finding.reason) not in known:
            reason = f"where joblib reads an array, pickle reads opcodes: {finding.reason}"
            walk.keep(replace(finding, reason=reason))


def _goes_on(part: Part, walk: Walk, position: int) -> bool:
    """Whether another pickle begins at an offset."""
    rest = part.span.part(position)
    head = rest.read(0, 2)
    if has_protocol(head) or head[:1] not in BEGINNINGS:
        return has_protocol(head)
    opening = try_pickle(rest, walk.bounds, several=False)
    return opens_pickle(opening) or names_code(opening)


def _cut_short(part: Part, walk: Walk, start: int, found: PickleRun) -> None:
    end = min(max(found.end, start), len(part.span))
    walk.read(part, start, end, "a pickle, opcode by opcode, up to where it cannot go on")
    walk.unread(part, end, len(part.span), "the pickle has no end: it is cut off, broken or too long")


def appended(part: Part, walk: Walk, position: int, first: Format) -> None:
    """What follows the format that a file begins with: another format makes two of the file.

    No loader of the first looks at it, but that of another may.
    """
    start, position = position, zeros_end(part, position)
    if position > start:
        walk.raw(part, start, position, f"zeros after the {first.value}")
    if position >= len(part.span):
        return
    rest = part.span.part(position)
    kind = sniff(rest, walk.bounds).format
    if kind in COMPRESSED | _NOTHING:
        walk.unread(part, position, len(part.span), f"bytes after the {first.value}, of no known format")
        return
    if kind is not first:
        reason = f"it is {first.value} and then {kind.value}: loaders disagree about what it is"
        walk.find(part, position, reason, Verdict.DANGEROUS, subject="polyglot")
    walk.examine(part.inner(f"+{position}", rest))


def zeros_end(part: Part, start: int) -> int:
    """Where the zeros end that begin at an offset, if there are any."""
    for position in range(start, len(part.span), _ZEROS):
        piece = part.span.read(position, _ZEROS)
        if other := piece.lstrip(b"\0"):
            return position + len(piece) - len(other)
    return len(part.span)


def is_zeros(part: Part, start: int) -> bool:
    """Whether all bytes from an offset on are zeros."""
    return zeros_end(part, start) == len(part.span)
