"""Where the secrets of a text stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.secrets.leaks.copies import Copies
from core.secrets.leaks.detect import Found, detect
from core.secrets.leaks.document import Document, Section, read
from core.secrets.leaks.guessing import guess
from core.secrets.leaks.leak import MAX_LEAKS, Language, Leak, LeakScan, check_size
from core.secrets.leaks.passage import Lines, Passage


@dataclass(frozen=True)
class Spot:
    """A secret, and where it stands. It holds the value, so it stays within this package.

    Attributes:
        found: the secret.
        passage: the passage that it is in.
        section: the number of its section.
        start: where it begins in the section's source.
        end: where it ends there.
    """

    found: Found
    passage: Passage = field(repr=False)
    section: int
    start: int
    end: int


def scan(text: str, language: Language | None = None) -> LeakScan:
    """The leaks of a text.

    Args:
        text: a program, a notebook's JSON, a `.env` or anything else.
        language: which of these; by default it is guessed.

    Raises:
        LeakError: the text is too large, or should be a notebook and is none.
    """
    check_size(text)
    document = read(text, language or guess(text))
    spots = spots_of(document)
    leaks = tuple(_leaks(document, spots[:MAX_LEAKS]))
    more = len(spots) - len(leaks)
    notes = (*document.notes, f"{more:,} more are not listed.") if more else document.notes
    return LeakScan(document.language, leaks, notes, document.lines)


def find_leaks(text: str, language: Language | None = None) -> list[Leak]:
    """The leaks of a text, as `scan` gives them."""
    return list(scan(text, language).leaks)


def spots_of(document: Document, copies: Copies | None = None) -> list[Spot]:
    """All secrets of a document, in the order of its sections and their sources.

    Args:
        document: the document.
        copies: gets the secrets, and gives where else they stand; None to look only where a rule looks.
    """
    passages: list[Passage] = []
    sections: list[int] = []
    for number, section in enumerate(document.sections):
        passages += section.passages
        sections += [number] * len(section.passages)
    spots = []
    all_found = detect(passages)
    if copies:
        copies.add(all_found)
        all_found += _apart(all_found, copies.within(passages))
    for found in all_found:
        passage = passages[found.passage]
        start, end = passage.source(found.start, found.end)
        spots.append(Spot(found, passage, sections[found.passage], start, end))
    return sorted(spots, key=lambda spot: (spot.section, spot.start))


def _apart(found: list[Found], copies: Iterable[Found]) -> list[Found]:
    """The copies that do not overlap with what was found."""
    taken: dict[int, list[tuple[int, int]]] = {}
    for each in found:
        taken.setdefault(each.passage, []).append((each.start, each.end))
    apart = []
    for each in copies:
        spans = taken.get(each.passage, [])
        index = bisect_left(spans, (each.end,)) - 1
        if index < 0 or spans[index][1] <= each.start:
            apart.append(each)
    return apart


def _leaks(document: Document, spots: list[Spot]) -> Iterator[Leak]:
    lines: dict[int, Lines] = {}
    for spot in spots:
        section = document.sections[spot.section]
        line, column = _lines(lines, spot.section, section).place(spot.start)
        found = spot.found
        yield Leak(
            found.rule,
            found.title + _where(section),
            found.confidence,
            line,
            column,
            section.slot.cell if section.slot else None,
            found.variable,
            found.masked,
            found.advice,
        )


def _where(section: Section) -> str:
    """What a reader has to know to find it: that it is not in a cell's source."""
    if section.slot is None or section.slot.source:
        return ""
    return " (in the metadata)" if section.slot.output is None else " (in the output)"


def _lines(known: dict[int, Lines], number: int, section: Section) -> Lines:
    if number not in known:
        known[number] = section.lines()
    return known[number]
