"""What a program finds in its environment after `load_dotenv()`: which source won, and what was expanded.

python-dotenv's own parser and its own expansion do the work. Where it would look into `os.environ`, they look
at the process variables that were given: never at this server's.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dotenv.variables import Variable, parse_variables

from core.secrets.declared import DECLARED, SecretKind, may_show_name
from core.secrets.env_text import (
    MAX_NAMES,
    EnvProblem,
    EnvTextError,
    Statement,
    bounded,
    decode,
    has_reference,
    problems_of,
    shown_name,
    statements,
)
from core.secrets.mask import Masked, mask
from core.secrets.source import SourceKind

MAX_TEXT: Final = 2**16
"""How large each of the two texts may be, in bytes."""
MAX_EXPANDED: Final = 2**16
"""How long a value may become by expansion; twenty lines that double each other would fill the memory."""
MAX_TOTAL: Final = 2**20
"""How long all values may become together."""
MAX_REFERENCES: Final = 100
"""How many `${` one value may have: python-dotenv's search takes their square in time."""

NOWHERE: Final = "not set"
_DISABLE: Final = "PYTHON_DOTENV_DISABLED"
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y"})
_QUOTE_NOTES: Final = {
    '"': "The double quotes are taken off, and \\n and its like become characters.",
    "'": "The single quotes are taken off.",
}
_BARE: Final = re.compile(r"\$[A-Za-z_]")
_KINDS: Final = {key.name: key.kind for key in DECLARED}


@dataclass(frozen=True)
class Resolved:
    """What one name becomes.

    Attributes:
        name: of the variable, or words for one that must not be shown.
        source: the source that won, as `SourceKind` calls it, or `NOWHERE`.
        masked: the value as it may be shown.
        expands: the names in the `${...}` of the value.
        lines: how many lines the value has; 0 if there is none.
        loser: the source whose value is hidden; empty if there is none.
        note: why it is so, in words.
    """

    name: str
    source: str
    masked: Masked
    expands: tuple[str, ...]
    lines: int
    loser: str
    note: str


@dataclass(frozen=True)
class Resolution:
    """What all names become.

    Attributes:
        rows: the names of the `.env` text in its order, then the other process variables.
        problems: what in the texts will not do what it looks like.
    """

    rows: tuple[Resolved, ...]
    problems: tuple[EnvProblem, ...]


@dataclass(frozen=True, repr=False)
class _Expanded:
    """A value of the file: its statement, what it became, and what became of each name in it."""

    statement: Statement
    value: str | None
    references: Mapping[str, str]


def resolve(env_text: str, process: str, *, override: bool, interpolate: bool) -> Resolution:
    """What `load_dotenv(override=..., interpolate=...)` leaves in the environment of a program.

    Args:
        env_text: the `.env` file.
        process: the variables that the program was started with, a `NAME=value` in each line, taken literally
            as `docker run -e` takes them; blank lines and those that begin with `#` are skipped.
        override: whether the file wins over the process.
        interpolate: whether `${...}` is expanded.

    Raises:
        EnvTextError: a text is too large, is no text, or expands into too much.
    """
    before, problems = _variables(process)
    found = statements(decode(env_text, MAX_TEXT))
    if before.get(_DISABLE, "").casefold() in _TRUE:
        problems.append(EnvProblem(0, f"{_DISABLE} is set, so load_dotenv() does not read the file at all."))
        found = ()
    problems += problems_of(found, expanded=interpolate)
    loaded = _expand(found, before, override=override, interpolate=interpolate)
    # os.environ refuses such a name with an exception, which leaves the names behind it unset.
    wrong = next(
        (name for name, expanded in loaded.items() if "=" in name and expanded.value is not None), None
    )
    if wrong is not None:
        line = loaded[wrong].statement.line
        problems.append(EnvProblem(line, "A name with = in it: load_dotenv() stops here with an exception."))
        names = list(loaded)
        loaded = {name: loaded[name] for name in names[: names.index(wrong)]}
    rows = (
        _row(name, before.get(name), loaded.get(name), override=override, interpolate=interpolate)
        for name in dict.fromkeys((*loaded, *before))
    )
    return Resolution(tuple(rows), bounded(problems))


def _variables(text: str) -> tuple[dict[str, str], list[EnvProblem]]:
    """The process variables, and what is wrong with their text."""
    variables: dict[str, str] = {}
    problems = []
    for number, line in enumerate(decode(text, MAX_TEXT).removeprefix("\ufeff").split("\n"), 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        said = ""
        if not equals or name.split() != [name]:
            said = "a line is NAME=value, with no space before the =; this one is left out."
        elif name in variables:
            said = f"{shown_name(name)} is there twice; the later one counts."
        if said:
            problems.append(EnvProblem(number, f"Process variables: {said}"))
        if equals and name.split() == [name]:
            variables[name] = value
    if len(variables) > MAX_NAMES:
        raise EnvTextError(f"The process variables are more than {MAX_NAMES:,}: expected a few.")
    return variables, problems


def _expand(
    found: tuple[Statement, ...], before: Mapping[str, str], *, override: bool, interpolate: bool
) -> dict[str, _Expanded]:
    """The file's values by name, each expanded from what stands before it."""
    outside: dict[str, str | None] = dict(before)
    new: dict[str, str | None] = {}
    # The order of dotenv.main.resolve_variables: with override, the file's names hide those of the process.
    known = ChainMap(new, outside) if override else ChainMap(outside, new)
    expanded: dict[str, _Expanded] = {}
    size = 0
    for statement in found:
        if not statement.name:
            continue
        value, references = statement.value, dict[str, str]()
        if value is not None and interpolate:
            value, references = _interpolate(value, statement.line, known, new)
        size += len(value or "")
        if size > MAX_TOTAL:
            raise EnvTextError(
                f"The values expand to more than {MAX_TOTAL // 2**20} MiB: expected a short .env file."
            )
        new[statement.name] = value
        expanded[statement.name] = _Expanded(statement, value, references)
    return expanded


def _interpolate(
    text: str, line: int, known: ChainMap[str, str | None], new: Mapping[str, str | None]
) -> tuple[str, dict[str, str]]:
    """The value, and for each name in it what became of that."""
    if text.count("${") > MAX_REFERENCES:
        raise EnvTextError(f"The value in line {line:,} has more than {MAX_REFERENCES} times ${{.")
    parts: list[str] = []
    references: dict[str, str] = {}
    size = 0
    for atom in parse_variables(text):
        part = atom.resolve(known)
        size += len(part)
        if size > MAX_EXPANDED:
            raise EnvTextError(
                f"The value in line {line:,} expands to more than {MAX_EXPANDED // 2**10} KiB."
            )
        parts.append(part)
        if isinstance(atom, Variable):
            references[atom.name] = _whence(atom, known, new)
    return "".join(parts), references


def _whence(atom: Variable, known: ChainMap[str, str | None], new: Mapping[str, str | None]) -> str:
    if atom.name not in known:
        return (
            "is not set: its default counts" if atom.default is not None else "is not set: it becomes empty"
        )
    if known[atom.name] is None:
        return "stands there without =: it becomes empty"
    inner = next(each for each in known.maps if atom.name in each)
    return "comes from a line before" if inner is new else f"comes from {SourceKind.PROCESS.phrase}"


def _row(
    name: str, before: str | None, loaded: _Expanded | None, *, override: bool, interpolate: bool
) -> Resolved:
    in_file = loaded is not None and loaded.value is not None
    winner = loaded if in_file and (override or before is None) else None
    value = winner.value if winner else before
    loser = ""
    if in_file and before is not None:
        loser = SourceKind.PROCESS if winner else SourceKind.DOTENV
    source = SourceKind.DOTENV if winner else NOWHERE if value is None else SourceKind.PROCESS
    notes = _file_notes(winner, interpolate=interpolate) if winner else _process_notes(value)
    return Resolved(
        name=shown_name(name),
        source=str(source),
        masked=Masked("", NOWHERE) if value is None else mask(value, kind=_KINDS.get(name, SecretKind.TOKEN)),
        expands=tuple(shown_name(each) for each in winner.references) if winner else (),
        lines=0 if value is None else value.count("\n") + 1,
        loser=str(loser),
        note=" ".join((*_contest(before, loaded, override=override), *notes)),
    )


def _contest(before: str | None, loaded: _Expanded | None, *, override: bool) -> Iterator[str]:
    if loaded is None:
        return
    if loaded.value is None:
        yield "The file has the name without =, which sets nothing."
    elif before is not None and override:
        yield "override=True: the file wins over the process environment."
    elif before is not None:
        empty = "" if before else ", even though it is empty there"
        yield f"override=False: what the process environment has stays{empty}."


def _file_notes(winner: _Expanded, *, interpolate: bool) -> Iterator[str]:
    written, quote = winner.statement.value or "", winner.statement.quote
    if quote:
        yield _QUOTE_NOTES[quote]
    if winner.references and quote == "'":
        yield "python-dotenv expands ${...} in single quotes too; a shell would not."
    for name, whence in winner.references.items():
        yield f"${{{name if may_show_name(name) else '...'}}} {whence}."
    if not interpolate and has_reference(written):
        yield "interpolate=False: ${...} stays as it is."
    if _BARE.search(written):
        yield "$NAME without braces stays as it is."


def _process_notes(value: str | None) -> Iterator[str]:
    if value is None:
        return
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTE_NOTES:
        yield "Its quotes are a part of the value: nobody takes them off a process variable."
    if has_reference(value):
        yield "Nobody expands ${...} in a process variable."
