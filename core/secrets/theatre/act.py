"""The acts of the leak theatre: what each is called, its two programs, and what it teaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PROGRAMS: Final = Path(__file__).parent / "programs"

# Remarks for the linter, which no learner needs.
_NOQA: Final = re.compile(r"  # noqa: .*$", re.MULTILINE)


@dataclass(frozen=True)
class Act:
    """A classic leak.

    Attributes:
        name: short name for a link.
        title: what a menu says.
        wrong: the program that leaks, as text.
        right: the program that does the same and does not.
        lesson: why, and what to do, in one to three sentences.
    """

    name: str
    title: str
    wrong: str
    right: str
    lesson: str


@cache
def acts() -> tuple[Act, ...]:
    """All acts, in the order in which a class would see them."""
    return tuple(
        Act(name, title, _program(f"{name}_wrong"), _program(f"{name}_right"), lesson)
        for name, title, lesson in _WORDS
    )


def _program(name: str) -> str:
    return _NOQA.sub("", (PROGRAMS / f"{name}.py").read_text(encoding="utf-8"))


_WORDS: Final = (
    (
        "print",
        "A print for debugging",
        (
            "What is printed goes to the log of every run, and logs are kept, copied and searched. "
            "Print whether a key is set, never what it is."
        ),
    ),
    (
        "exception",
        "The text of an exception",
        (
            "Many errors quote the value that they refuse, and error pages and logs keep their text. "
            "Check a key before use, and raise an error that names the variable."
        ),
    ),
    (
        "repr",
        "The repr of an object",
        (
            "A dataclass shows all its fields, so does every print, log and debugger that shows it. "
            "Declare a secret field with repr=False, or give it a type that hides its value."
        ),
    ),
    (
        "logging",
        "A log file",
        (
            "Who logs a whole request, response or environment logs the keys in it. "
            "Log the few things that you have chosen."
        ),
    ),
    (
        "fstring",
        "An f-string in a message",
        (
            "An f-string puts the value into a text that goes on to other people. "
            "A type such as pydantic's SecretStr shows stars wherever it is formatted."
        ),
    ),
    (
        "notebook",
        "The output of a notebook",
        (
            "A notebook saves what its cells showed beside their code, and git keeps it. "
            "Never end a cell with a secret, and clear all outputs before you commit."
        ),
    ),
    (
        "cache",
        "A cached call",
        (
            "A cache keeps the arguments of a call as well as its result, for whoever can read the file. "
            "Keep a key out of the arguments: fetch it where it is used."
        ),
    ),
    (
        "pickle",
        "Pickled settings",
        (
            "pickle saves every attribute, also one that print hides: SecretStr is plain text in the file. "
            "Say by __reduce__ or __getstate__ what may be saved, and let the reader bring the key."
        ),
    ),
    (
        "url",
        "A key in a URL",
        (
            "Servers, proxies and browsers write down every address that is asked for, with its query. "
            "Send a key in a header."
        ),
    ),
)
