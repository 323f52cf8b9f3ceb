"""A text as sections of passages, whatever its language."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from core.secrets.leaks import notebook
from core.secrets.leaks.env_source import EnvSource, read_env
from core.secrets.leaks.leak import Language, count_lines
from core.secrets.leaks.notebook import Slot
from core.secrets.leaks.passage import Lines, Passage, plain
from core.secrets.leaks.python_source import PythonSource, read_python

NOT_PYTHON: Final = (
    "Python cannot read it, so it was read as plain text: what a value is given to is guessed from its line."
)


@dataclass(frozen=True)
class Section:
    """A part of a text with lines of its own: all of it, or a cell's source, or an output.

    Attributes:
        text: its source.
        passages: what it says.
        python: how Python read it; None if it is no program.
        env: how it was read as a `.env`; None if it is none.
        slot: where in a notebook it is; None elsewhere.
    """

    text: str = field(repr=False)
    passages: tuple[Passage, ...]
    python: PythonSource | None = None
    env: EnvSource | None = None
    slot: Slot | None = None

    def lines(self) -> Lines:
        """The lines of its source."""
        return Lines.of(self.text)


@dataclass(frozen=True)
class Document:
    """A text that was read.

    Attributes:
        language: as what.
        sections: its parts, in order.
        notes: what a reader should know.
        lines: how many lines its parts have.
        notebook: a notebook's JSON; None of anything else.
    """

    language: Language
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    lines: int
    notebook: dict[str, Any] | None = field(default=None, repr=False)


def read(text: str, language: Language) -> Document:
    """Reads a text in a language.

    Raises:
        LeakError: it should be a notebook and is none.
    """
    if language is Language.NOTEBOOK:
        return _notebook(text)
    notes: tuple[str, ...] = ()
    section = Section(text, (plain(text),))
    if language is Language.ENV:
        env = read_env(text)
        section = Section(text, env.passages, env=env)
    elif language is Language.PYTHON:
        program = read_python(text)
        if program:
            section = Section(text, program.passages, program)
        else:
            notes = (NOT_PYTHON,)
    return Document(language, (section,), notes, count_lines(text))


def _notebook(text: str) -> Document:
    parsed = notebook.parse(text)
    is_python = notebook.is_python(parsed)
    sections, unread = [], []
    for slot in notebook.slots(parsed):
        program = read_python(slot.text, notebook=True) if slot.code and is_python else None
        if slot.code and is_python and program is None and not slot.text.lstrip().startswith("%%"):
            unread.append(str(slot.cell))
        passages = program.passages if program else (notebook.printed(slot),)
        its = tuple(replace(each, cell=slot.cell, output=slot.output is not None) for each in passages)
        sections.append(Section(slot.text, its, program, slot=slot))
    notes = (
        [f"Cell {', '.join(unread[:5])}{' and more' if len(unread) > 5 else ''}: {NOT_PYTHON}"]
        if unread
        else []
    )
    lines = sum(count_lines(section.text) for section in sections if section.slot and section.slot.source)
    return Document(Language.NOTEBOOK, tuple(sections), tuple(notes), lines, parsed)
