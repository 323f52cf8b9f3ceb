"""A question about a `.env` file with its answer, and what the questions are asked about."""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.secrets.git import Git, GitError, Place

MAX_BYTES: Final = 2**20
"""How long a file may be that is read."""
TEMPLATES: Final = ("example", "sample", "template", "dist")
"""The ends of names beside a `.env` that are meant for everybody."""
QUESTIONS: Final[Mapping[str, str]] = MappingProxyType({
    "exists": "Is there a {name} here?",
    "ignored": "Does git ignore it?",
    "tracked": "Does git track it?",
    "history": "Was it ever committed?",
    "mode": "Can other accounts on this machine read it?",
    "example values": "Does {template} hold a real value?",
    "example names": "Does {template} name every variable of {name}?",
    "copies": "Are there copies that git would commit?",
    "docker": "Does .dockerignore keep it out of an image?",
})  # fmt: skip
"""Each check's name and question, in their order."""
_MAX_SHOWN: Final = 10
_MAX_LENGTH: Final = 120


class Answer(StrEnum):
    """The answer to a question about the file."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SafetyCheck:
    """One question, its answer, and what to do.

    Attributes:
        name: short name.
        question: for a reader.
        answer: yes, no or unknown.
        good: whether that is as it should be; None if it is unknown.
        detail: why, in one or two sentences; no value of a variable is in it.
        fix: the commands that mend it, for a shell in the folder; empty if nothing is to be done.
    """

    name: str
    question: str
    answer: Answer
    good: bool | None
    detail: str
    fix: str


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Attributes:
        folder: where the file is, or would be.
        name: what it is called.
        entries: the names of all that is in the folder.
        git: how git is asked.
        place: where in a repository the folder is, or why git does not say.
    """

    folder: Path
    name: str
    entries: tuple[str, ...]
    git: Git
    place: Place | GitError

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def quoted(self) -> str:
        """The file's name for a shell."""
        return shlex.quote(self.name)

    @property
    def pattern(self) -> str:
        """The file's name as a line of an ignore file, for a shell."""
        return shlex.quote(ignore_pattern(self.name))

    @property
    def template(self) -> str | None:
        """The name of the file that shows others which variables there are; None if there is none."""
        return next((name for kind in TEMPLATES if (name := f"{self.name}.{kind}") in self.entries), None)

    def check(
        self, name: str, answer: Answer, *, good: bool | None, detail: str, fix: str = ""
    ) -> SafetyCheck:
        """A check of this file; what is good needs no fix."""
        template = self.template or f"{self.name}.{TEMPLATES[0]}"
        question = QUESTIONS[name].format(name=self.name, template=template)
        return SafetyCheck(name, question, answer, good, detail, "" if good else fix)

    def unknown(self, name: str, reason: str, fix: str = "") -> SafetyCheck:
        """A check without an answer, and why."""
        return self.check(name, Answer.UNKNOWN, good=None, detail=reason, fix=fix)


class UnreadableError(Exception):
    """A file that cannot be read: why, as the second half of a sentence."""


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        UnreadableError: if it is no regular file, too long, not UTF-8, or may not be read.
    """
    try:
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError("it is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UnreadableError(f"it is longer than {MAX_BYTES:,} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(words(error)) from error
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None


def ignore_pattern(name: str) -> str:
    """The line of a `.gitignore` or `.dockerignore` that names a file and no other in its folder."""
    escaped = re.sub(r"([*?\[\\])", r"\\\1", name)
    if name[0] in "#!":
        escaped = f"\\{escaped}"
    return f"{escaped[:-1]}\\ " if name.endswith(" ") else escaped


def words(error: OSError) -> str:
    """What the system says of an error, without the path."""
    return (error.strerror or type(error).__name__).lower()


def printable(text: str) -> str:
    """A name or a rule as one line of bounded length."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return shown if len(shown) <= _MAX_LENGTH else f"{shown[:_MAX_LENGTH]}…"


def listed(names: Iterable[str]) -> str:
    """Names with commas between them, the first few if there are many."""
    known = [printable(name) for name in names]
    rest = len(known) - _MAX_SHOWN
    return ", ".join(known[:_MAX_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def count(number: int, noun: str) -> str:
    """A number of things: `1 commit`, `2 commits`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
