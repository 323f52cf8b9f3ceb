"""Examines a program's text in this process, which is the examiner's: see `core.contracts.examine`."""

from __future__ import annotations

import ast
import symtable
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.contracts.hierarchy import DefinitionError, Hierarchy, Unknown
from core.contracts.interface import Interface, Pair, interfaces, pairs
from core.contracts.judging import judge
from core.contracts.model import Program
from core.contracts.reading import read
from core.contracts.verdict import MAX_CHARACTERS, MAX_CLASSES, MAX_METHODS, ContractError, Verdict

SANDBOX_PYTHON: Final = "3.12"
"""What runs a program: its texts may be ones that the app's own Python does not read."""
_NAME: Final = "contract.py"
_TOO_DEEP: Final = "It is nested too deeply to be read: use fewer brackets or operators within each other."
_TEXT_LENGTH: Final = 500


@dataclass(frozen=True)
class InterfaceSummary:
    """An interface that was found.

    Attributes:
        name: of the class.
        line: where it stands, from 1; 0 if it is one of the standard library's.
        style: how it asks for its methods, in words.
        required: what it asks for.
    """

    name: str
    line: int
    style: str
    required: tuple[str, ...]


@dataclass(frozen=True)
class Examination:
    """What a program's text says.

    Attributes:
        interfaces: the interfaces in it, in the order of their lines.
        verdicts: four for each class and each interface that it is held to.
    """

    interfaces: tuple[InterfaceSummary, ...]
    verdicts: tuple[Verdict, ...]


def check_text(source: str) -> None:
    """Whether a text can be a program at all: its length and its characters.

    Raises:
        ContractError: if not.
    """
    if len(source) > MAX_CHARACTERS:
        raise ContractError(
            f"It has {len(source):,} characters; at most {MAX_CHARACTERS:,} are examined: give only the "
            "interface and its implementations."
        )
    for position, character in enumerate(source):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            what = (
                "a null byte" if character == "\x00" else "half of a surrogate pair, which no file can hold"
            )
            line = source.count("\n", 0, position) + 1
            column = position - source.rfind("\n", 0, position)
            raise ContractError(f"It holds {what} in line {line}: take it out.", line, column)


def parse(source: str) -> ast.Module:
    """The syntax tree of a program.

    Raises:
        ContractError: if it is none, with the place.
    """
    check_text(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, _NAME)
            symtable.symtable(source, _NAME, "exec")
    except SyntaxError as error:
        raise _syntax_error(error, source) from None
    except (RecursionError, MemoryError):
        raise ContractError(_TOO_DEEP) from None
    except ValueError as error:
        raise ContractError(f"It is no Python program: {error}.") from None
    return tree


def study(source: str) -> tuple[Program, Hierarchy, dict[str, Interface]]:
    """What the other functions ask: the classes, their bases, and the interfaces by name.

    Raises:
        ContractError: if the text cannot be read.
    """
    program = read(parse(source))
    hierarchy = Hierarchy(program)
    found = interfaces(program, hierarchy)
    return program, hierarchy, {each.node.name: each for each in found.values()}


def examine_here(source: str) -> Examination:
    """Examines a program: it parses it and runs nothing of it.

    Raises:
        ContractError: if the text cannot be read.
    """
    try:
        program = read(parse(source))
        hierarchy = Hierarchy(program)
        known = interfaces(program, hierarchy)
        held = pairs(program, hierarchy, known)
        _check_size(known.values(), held)
        verdicts = [verdict for pair in held for verdict in judge(pair, hierarchy)]
    except (RecursionError, MemoryError):
        raise ContractError("Its classes inherit from each other through too many levels.") from None
    summaries = [
        InterfaceSummary(
            each.node.name, getattr(each.node, "line", 0), each.style.value, tuple(each.required)
        )
        for each in known.values()
    ]
    return Examination(tuple(sorted(summaries, key=lambda each: each.line)), tuple(verdicts))


def _check_size(known: Iterable[Interface], held: Sequence[Pair]) -> None:
    for each in known:
        if len(each.required) > MAX_METHODS:
            raise ContractError(
                f"{each.node.name} asks for {len(each.required):,} methods; "
                f"at most {MAX_METHODS} are examined.",
                getattr(each.node, "line", None),
            )
    if len(held) > MAX_CLASSES:
        raise ContractError(
            f"Its classes are to be held to interfaces {len(held):,} times; at most {MAX_CLASSES} are "
            "examined: give fewer of them."
        )


def _syntax_error(error: SyntaxError, source: str) -> ContractError:
    line = error.lineno
    text = ""
    lines = source.splitlines()
    if line is not None and 1 <= line <= len(lines):
        text = lines[line - 1]
    elif error.text:
        text = error.text.rstrip("\n")
    place = "" if line is None else f" in line {line}"
    column = error.offset if error.offset and error.offset > 0 else None
    if len(text) > _TEXT_LENGTH:
        # A caret under a line that nobody can see the end of.
        start = max(0, (column or 1) - _TEXT_LENGTH // 2)
        text = text[start : start + _TEXT_LENGTH]
        column = None if column is None else column - start
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    other = (
        "" if version == SANDBOX_PYTHON else f" The app reads Python {version}; Run tries {SANDBOX_PYTHON}."
    )
    return ContractError(f"This is no Python {version}{place}: {error.msg}.{other}", line, column, text)


__all__ = [
    "DefinitionError",
    "Examination",
    "InterfaceSummary",
    "Unknown",
    "check_text",
    "examine_here",
    "parse",
    "study",
]
