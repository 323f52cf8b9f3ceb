"""The text of a `.env` file, read by python-dotenv's own parser, and what in it surprises.

Nothing is expanded here: `${HOME}` in a visitor's text must not give the server's. No problem quotes the
text, and no name is shown that could be a value in the wrong place.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dotenv.parser import Binding, parse_stream

from core.secrets.declared import is_name, may_show_name
from core.secrets.source import MAX_FILE_BYTES, Source, SourceError, SourceKind

MAX_BYTES: Final = MAX_FILE_BYTES
"""How large a text may be, in UTF-8."""
MAX_NAMES: Final = 2_000
"""How many different names it may have."""
MAX_LINES: Final = 20_000
MAX_SPACES: Final = 200
"""How many spaces may follow each other: python-dotenv's search for a comment takes their square in time."""
MAX_PROBLEMS: Final = 50
"""How many problems are said; the rest is counted."""

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SPACES: Final = re.compile(r"[^\S\n]+")
# The part of python-dotenv's grammar that stands before a value.
_HEAD: Final = re.compile(r"\s*(?:export[^\S\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*")
_QUOTED: Final = {
    "'": re.compile(r"'(?:\\.|[^'\\])*'", re.DOTALL),
    '"': re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL),
}
_ASSIGNMENT: Final = re.compile(r"\n(?:export )?[A-Za-z_][A-Za-z0-9_]{0,99}=")
_COMMENT: Final = re.compile(r"\s#(?=\S)")
_HIDDEN_NAME: Final = "A name that is not shown"


class EnvTextError(SourceError):
    """A text that cannot be read as `.env`: one line that quotes nothing of it."""


@dataclass(frozen=True)
class EnvProblem:
    """Something in a text that will not do what it looks like.

    Attributes:
        line: counted from 1; 0 is the whole text.
        said: what it is and what to do, in one line that quotes no value.
    """

    line: int
    said: str


@dataclass(frozen=True)
class EnvText:
    """What a `.env` text holds.

    Attributes:
        names: the names that may be shown, in the order of the text, each once.
        problems: what in it will not do what it looks like, in the order of the text.
        source: the values by name, not expanded.
    """

    names: tuple[str, ...]
    problems: tuple[EnvProblem, ...]
    source: Source


@dataclass(frozen=True, repr=False)
class Statement:
    """One statement of a `.env` text as python-dotenv reads it. It holds the value: never show or log it.

    Attributes:
        name: empty if the statement is one that python-dotenv drops.
        value: not expanded; None if there is no `=`.
        line: where it begins, counted from 1.
        quote: `'`, `"`, or nothing.
        wrong: why python-dotenv drops it; empty if it does not.
        comment: whether something that looks like a part of the value is read as a comment.
    """

    name: str
    value: str | None
    line: int
    quote: str
    wrong: str = ""
    comment: bool = False


def read_env_text(data: str | bytes, *, max_bytes: int = MAX_BYTES, max_names: int = MAX_NAMES) -> EnvText:
    """Reads a `.env` text as `dotenv_values(interpolate=False)` would, with its problems.

    Args:
        data: the text, or the bytes of the file.
        max_bytes: how large it may be.
        max_names: how many different names it may have.

    Raises:
        EnvTextError: it is too large, has too many names, or is not UTF-8 text.
    """
    found = statements(decode(data, max_bytes), max_names=max_names)
    values = {statement.name: statement.value for statement in found if statement.name}
    names = tuple(name for name in values if may_show_name(name))
    return EnvText(names, problems_of(found, expanded=False), Source(SourceKind.DOTENV, values))


def decode(data: str | bytes, max_bytes: int = MAX_BYTES, *, universal: bool = True) -> str:
    """The text of a `.env` file with line feeds as its line breaks; python-dotenv drops a byte order mark.

    Args:
        data: the text, or the bytes of the file.
        max_bytes: how large it may be.
        universal: whether a carriage return alone breaks a line too, as in the text files that Python opens.

    Raises:
        EnvTextError: it is too large, or is not UTF-8 text.
    """
    problem, text = "", ""
    if len(data) > max_bytes:
        problem = _too_large(max_bytes)
    elif isinstance(data, bytes):
        problem = next(
            (f"The file is {name}: save it as UTF-8." for bom, name in _BOMS if data.startswith(bom)), ""
        )
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            problem = problem or f"The file is not UTF-8 (byte {error.start + 1:,}): save it as UTF-8."
    else:
        text = data
        try:
            problem = _too_large(max_bytes) if len(data.encode()) > max_bytes else ""
        except UnicodeEncodeError:
            problem = "The text has half of a character (a lone surrogate): paste it again, as UTF-8."
    text = text.replace("\r\n", "\n")
    if universal:
        text = text.replace("\r", "\n")
    if not problem and "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problem = f"Line {line:,} has a NUL character, so this is no text: save it as UTF-8."
    # Raised out here so that it carries no error that holds the text.
    if problem:
        raise EnvTextError(problem)
    return text


def statements(text: str, *, max_names: int = MAX_NAMES) -> tuple[Statement, ...]:
    """The statements of a text from `decode`, without comments and blank lines.

    Raises:
        EnvTextError: it has more lines, names or spaces than python-dotenv should be given.
    """
    if text.count("\n") > MAX_LINES:
        raise EnvTextError(f"The text has more than {MAX_LINES:,} lines: expected a short .env file.")
    for run in _SPACES.finditer(text):
        if run.end() - run.start() > MAX_SPACES:
            line = text.count("\n", 0, run.start()) + 1
            raise EnvTextError(f"Line {line:,} has more than {MAX_SPACES} spaces in a row: take them out.")
    found: list[Statement] = []
    names: set[str] = set()
    for statement in _statements(text.removeprefix("\ufeff")):
        if statement.name:
            names.add(statement.name)
        if len(names) > max_names:
            raise EnvTextError(f"The text has more than {max_names:,} names: expected a short .env file.")
        found.append(statement)
    return tuple(found)


def problems_of(found: tuple[Statement, ...], *, expanded: bool) -> tuple[EnvProblem, ...]:
    """What will not do what it looks like, of the statements of one text.

    Args:
        found: the statements.
        expanded: whether `${...}` is expanded where they are used.
    """
    problems: list[EnvProblem] = []
    lines: dict[str, int] = {}
    for statement in found:
        problems += [EnvProblem(statement.line, said) for said in _said(statement, lines, expanded=expanded)]
        if statement.name:
            lines[statement.name] = statement.line
    return bounded(problems)


def bounded(problems: list[EnvProblem]) -> tuple[EnvProblem, ...]:
    """The first `MAX_PROBLEMS`, and how many more there are."""
    more = len(problems) - MAX_PROBLEMS
    rest = (EnvProblem(0, f"There are {more:,} further problems."),) if more > 0 else ()
    return (*problems[:MAX_PROBLEMS], *rest)


def shown_name(name: str) -> str:
    """The name, or words for one that must not be shown."""
    return name if may_show_name(name) else _HIDDEN_NAME


def _too_large(max_bytes: int) -> str:
    units = ((2**20, "MiB"), (2**10, "KiB"), (1, "bytes"))
    size = next(f"{max_bytes // unit:,} {name}" for unit, name in units if max_bytes % unit == 0)
    return f"The text is larger than {size}: expected a short .env file."


def _statements(text: str) -> Iterator[Statement]:
    at, line = 0, 1
    for binding in parse_stream(io.StringIO(text)):
        # python-dotenv counts some line breaks twice, so they are counted here; its statements tile the text.
        original = binding.original.string
        begin = at + len(original) - len(original.lstrip())
        first = line + text.count("\n", at, begin)
        if binding.error:
            yield Statement("", None, first, "", wrong=_why_dropped(text, begin, original.strip()))
        elif binding.key is not None:
            yield _assignment(binding, first)
        at += len(original)
        line += original.count("\n")


def _assignment(binding: Binding, line: int) -> Statement:
    original = binding.original.string
    head = _HEAD.match(original)
    rest = original[head.end() :] if head and binding.value is not None else ""
    quote = rest[0] if rest and rest[0] in _QUOTED else ""
    hidden = _COMMENT.search(rest) if binding.value else re.match(r"#\S", rest)
    return Statement(binding.key or "", binding.value, line, quote, comment=hidden is not None and not quote)


def _why_dropped(text: str, begin: int, original: str) -> str:
    """Why python-dotenv drops the statement that begins there."""
    if original.startswith("="):
        return "has no name before the ="
    head = _HEAD.match(text, begin)
    pattern = _QUOTED.get(text[head.end() : head.end() + 1]) if head else None
    if head and pattern:
        closed = pattern.match(text, head.end())
        if closed is None:
            return "opens a quote that is never closed"
        lines = closed[0].count("\n") + 1
        return f"goes on after the closing quote{f', {lines:,} lines on' if lines > 1 else ''}"
    if original.startswith("'"):
        return "has a quote around its name that is never closed"
    before, equals, _ = original.partition("\n")[0].partition("=")
    return "has a space in its name" if equals and len(before.split()) > 1 else "is not NAME=value"


def _said(statement: Statement, lines: dict[str, int], *, expanded: bool) -> Iterator[str]:
    if statement.wrong:
        yield f"It {statement.wrong}: python-dotenv drops it, with no more than a warning in the log."
        return
    name, value = statement.name, statement.value
    if not is_name(name):
        yield "A name has only letters, digits and _, and no digit first: a shell cannot export this one."
    elif not may_show_name(name):
        yield "The name looks like a value, so it is not shown: write NAME=value."
    if name in lines:
        yield f"{shown_name(name)} is in line {lines[name]:,} too: the later one counts."
    if value is None:
        # What stands alone may be a value that lost its name.
        yield "A word without =: python-dotenv sets nothing. Write NAME= for an empty value."
        return
    if _ASSIGNMENT.search(value):
        yield "Its value goes over several lines, one of them like NAME=value: is a closing quote missing?"
    if statement.comment:
        yield "What follows the space and # is a comment: put the value in quotes if it belongs to it."
    if not expanded and has_reference(value):
        yield "python-dotenv would expand ${...} from the environment of the program; here it stays as it is."


def has_reference(value: str) -> bool:
    """Whether python-dotenv would expand something in it."""
    begin = value.find("${")
    return begin >= 0 and "}" in value[begin:]


# Put together from parts, so that no scanner takes the source of this file for a leak.
SAMPLE: Final = "\n".join((
    "# A made-up .env: every line shows another state, and no key is real.",
    "OPENAI_API_KEY=sk-" + "proj-" + "-".join(("canary",) * 8),
    "ANTHROPIC_API_KEY=your-key-here",
    "HF_TOKEN=",
    'PINECONE_API_KEY="   "',
    "AWS_ACCESS_KEY_ID=AK" + "IA" + "CANARY" * 2 + "CANA",
    'AWS_SECRET_ACCESS_KEY="not/long+enough "',
    "GOOGLE_API_KEY=sk-" + "ant-" + "-".join(("canary",) * 8),
    "GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/service-account.json",
    "DATABASE_URL=postgresql://app:" + "canary" + "@db.example.com:5432/app",
    "# GITHUB_TOKEN is not here at all.",
    "",
))  # fmt: skip
"""A `.env` text with one key for each state. None of its values is a secret."""
