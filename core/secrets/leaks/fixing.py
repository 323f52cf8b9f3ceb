"""A text with its secrets taken out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from core.secrets.leaks import notebook
from core.secrets.leaks.copies import Copies
from core.secrets.leaks.detect import shown_name
from core.secrets.leaks.document import Document, Section, read
from core.secrets.leaks.edits import Edit, apply
from core.secrets.leaks.env_source import Entry
from core.secrets.leaks.guessing import guess
from core.secrets.leaks.leak import Fix, Language, LeakError, check_size
from core.secrets.leaks.naming import NEUTRAL, Names
from core.secrets.leaks.python_fix import fix_python
from core.secrets.leaks.scanning import Spot, spots_of

ROUNDS: Final = 8
"""How often a text is searched again: a secret within an f-string within another takes a round of its own."""
CALLS: Final = 4
"""In how many rounds calls are written; then only names, which change nothing around them."""
REVOKE: Final = (
    "Revoke or change every key that stood here: whoever saw this text has it, and git keeps its history."
)
SET: Final = (
    "Set the variables in the environment, or in a .env that git ignores: one that is not set is None."
)
KEEP_OUT: Final = (
    "Keep this file out of git: name .env in .gitignore, and commit the names alone as .env.example."
)
NOTHING: Final = "There is nothing to take out."
MARKED: Final = "In plain text a key's name stands in its place."


@dataclass
class _Notes:
    """What is left to do, each thing said once."""

    said: list[str] = field(default_factory=list)

    def add(self, *notes: str) -> None:
        self.said += [note for note in dict.fromkeys(notes) if note not in self.said]


def fix(text: str, language: Language | None = None) -> Fix:
    """A text in which the environment's variables take the secrets' places; scanned again, it has no leak.

    A program asks for them by `os.getenv`; a notebook also loses the outputs that showed one; of a `.env`,
    where secrets belong, the fix is the text of its `.env.example`.

    Raises:
        LeakError: the text is too large, or should be a notebook and is none.
    """
    check_size(text)
    language = language or guess(text)
    document = read(text, language)
    if language is Language.ENV:
        return _fix_env(text, document)
    names, notes, copies = Names(), _Notes(), Copies()
    found = spots_of(document, copies)
    if not found:
        return Fix(text, (), "", (*document.notes, NOTHING))
    for number in range(ROUNDS):
        names.hide(spot.found.value for spot in found)
        text = _fix_once(document, found, names, notes, words=number >= CALLS)
        document = read(text, language)
        found = spots_of(document, copies)
        if not found:
            text = _covered(text, document, copies, names)
            variables = names.all()
            example = "".join(f"{name}=\n" for name in variables)
            said = (REVOKE, SET) if variables else (REVOKE,)
            return Fix(text, variables, example, (*said, *notes.said, *document.notes))
    raise LeakError(
        f"Got a text in which new keys appear where others are taken out ({len(found)} are left), expected "
        "one that can be mended: take them out by hand."
    )


def _covered(text: str, document: Document, copies: Copies, names: Names) -> str:
    """A text without the copies that nobody reads as text: a key of a notebook's JSON, an escape."""
    if document.notebook is None:
        return copies.covered(text, names)
    notebook.change(document.notebook, lambda each: copies.covered(each, names))
    return notebook.dump(document.notebook)


def _fix_once(document: Document, found: Sequence[Spot], names: Names, notes: _Notes, *, words: bool) -> str:
    """The text after one round."""
    spots: dict[int, list[Spot]] = {}
    for spot in found:
        spots.setdefault(spot.section, []).append(spot)
    if document.notebook is not None:
        return _fix_notebook(document, spots, names, notes, words=words)
    section = document.sections[0]
    return _fix_section(section, spots.get(0, []), names, notes, words=words)[0]


def _fix_section(
    section: Section, spots: Sequence[Spot], names: Names, notes: _Notes, *, words: bool, has_os: bool = False
) -> tuple[str, bool]:
    """The source of a section, and whether `os` is imported from there on."""
    if section.python:
        is_cell = section.slot is not None
        fixed = fix_python(section.python, spots, names, has_os=has_os, notebook=is_cell, words=words)
        notes.add(*fixed.notes)
        return fixed.text, fixed.has_os
    notes.add(*[MARKED] if spots else [])
    edits = [Edit(spot.start, spot.end, f"<{names.of(spot.found)}>") for spot in spots]
    return apply(section.text, edits), has_os


def _fix_notebook(
    document: Document, spots: dict[int, list[Spot]], names: Names, notes: _Notes, *, words: bool
) -> str:
    """The JSON of a notebook with its sources mended, and without the outputs that showed a secret."""
    parsed = document.notebook or {}
    cleared: dict[int, set[int]] = {}
    has_os = False
    for number, section in enumerate(document.sections):
        its, slot = spots.get(number, []), section.slot
        if slot is None or not (its or section.python):
            continue
        if slot.output is not None and slot.cell is not None:
            cleared.setdefault(slot.cell, set()).add(slot.output)
            continue
        text, has_os = _fix_section(section, its, names, notes, words=words, has_os=has_os)
        if its:
            slot.put(text)
    for cell, outputs in cleared.items():
        holder = parsed["cells"][cell - 1]
        holder["outputs"] = [each for index, each in enumerate(holder["outputs"]) if index not in outputs]
    if cleared:
        cells = ", ".join(str(cell) for cell in sorted(cleared)[:10])
        notes.add(f"Outputs that showed a key are gone (cell {cells}): run these cells again.")
    return notebook.dump(parsed)


def _fix_env(text: str, document: Document) -> Fix:
    """What to put into `.env.example`: the names without their values, and the comments."""
    section = document.sections[0]
    entries = section.env.entries if section.env else ()
    names, copies = Names(), Copies()
    edits: dict[int, list[Edit]] = {}
    found = spots_of(document, copies)
    names.hide(spot.found.value for spot in found)
    for spot in found:
        edits.setdefault(spot.found.passage, []).append(
            Edit(spot.start, spot.end, f"<{names.of(spot.found)}>")
        )
    shown = _env_names(entries, copies)
    lines, dropped = [], 0
    for entry in entries:
        if entry.name:
            lines.append(f"{'export ' if entry.exported else ''}{shown[entry.name]}=")
        elif entry.kept:
            its = [edit for number in entry.passages for edit in edits.get(number, [])]
            moved = [Edit(edit.start - entry.start, edit.end - entry.start, edit.text) for edit in its]
            lines.append(apply(text[entry.start : entry.end], moved).rstrip())
        else:
            dropped += 1
    variables = tuple(dict.fromkeys(shown.values()))
    notes = [KEEP_OUT]
    if dropped:
        notes.append(f"{dropped} lines are left out, which are no NAME=value.")
    example = "".join(f"{line}\n" for line in lines)
    if spots_of(read(example, Language.ENV), copies):
        # A comment from which a key cannot be taken is worth less than the key.
        example = "".join(f"{name}=\n" for name in variables)
    return Fix(example, variables, "".join(f"{name}=\n" for name in variables), tuple(notes))


def _env_names(entries: Iterable[Entry], copies: Copies) -> dict[str, str]:
    """What each name of a `.env` is called in its example: as it is, or neutrally if it may be a key."""
    given = dict.fromkeys(entry.name for entry in entries if entry.name)
    shown = {name: name for name in given if shown_name(name) and not any(copies.places(name))}
    made = (f"{NEUTRAL}_{number}" for number in count(1))
    free = (name for name in made if name not in shown)
    return {name: shown.get(name) or next(free) for name in given}
