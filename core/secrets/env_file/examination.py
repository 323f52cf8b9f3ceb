"""All questions about a `.env` file, asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from core.secrets.env_file import docker, example, repository, storage
from core.secrets.env_file.check import QUESTIONS, SafetyCheck, Subject, words
from core.secrets.git import Git, GitError, Place

_MAX_ENTRIES: Final = 10_000
_NAME: Final = re.compile(r"(?!-|\.{1,2}$)[^/\\\x00-\x1f\x7f]{1,200}")
_EXAMINERS: Final[tuple[Callable[[Subject], Iterator[SafetyCheck]], ...]] = (
    storage.exists,
    repository.ignored,
    repository.tracked,
    repository.history,
    storage.mode,
    example.example_values,
    example.example_names,
    repository.copies,
    docker.docker,
)


def examine(
    folder: Path, name: str = ".env", *, git: Git | None = None, trouble: GitError | None = None
) -> tuple[SafetyCheck, ...]:
    """Whether a `.env` file is safe: each question with its answer and the fix. Nothing is changed.

    Args:
        folder: where it is, or would be.
        name: what it is called.
        git: how git is asked; by default as the user of this machine would.
        trouble: why git cannot be asked, if that is known.

    Raises:
        ValueError: if the name is none that a file in the folder can have.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("The name is none that a file in the folder can have: expected one such as .env.")
    git = git or Git(folder)
    try:
        with os.scandir(folder) as found:
            entries = tuple(sorted(entry.name for entry in islice(found, _MAX_ENTRIES)))
    except OSError as error:
        reason = f"The folder cannot be read ({words(error)})."
        subject = Subject(folder, name, (), git, GitError(reason))
        return tuple(subject.unknown(check, reason) for check in QUESTIONS if check != "docker")
    subject = Subject(folder, name, entries, git, trouble or _place(git))
    return tuple(check for examiner in _EXAMINERS for check in examiner(subject))


def _place(git: Git) -> Place | GitError:
    try:
        return git.place()
    except GitError as error:
        return error
