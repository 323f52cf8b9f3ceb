"""Questions to git about a folder: no shell, bounded in time, and no program that a repository names is run.

A repository's own settings can name programs. The ones that the questions here could start (a file system
monitor, hooks, a pager, signature checks, transports) are off, and git's variables are not passed on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.process import clean_environment
from core.secrets.command import CommandError, run

SECONDS: Final = 10.0
"""How long git may take for one answer."""

_OPTIONS: Final = (
    "--no-pager", "--no-optional-locks",
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "log.showSignature=false",
    "-c", "safe.bareRepository=explicit",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "init.defaultBranch=main",
)  # fmt: skip
_FIXED: Final[Mapping[str, str]] = {
    "LC_ALL": "C",  # the words of its errors are compared
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # older versions do fetch; a repository's settings cannot undo this
}
# Where git looks for the user's own settings and ignore file.
_HOMES: Final = ("XDG_CONFIG_HOME", "USERPROFILE")


class GitError(RuntimeError):
    """Git gives no answer: why, in one line.

    Attributes:
        fix: the commands that change that; empty if there are none.
    """

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


@dataclass(frozen=True)
class GitAnswer:
    """What git said.

    Attributes:
        code: its exit code.
        text: what it wrote to stdout.
        error: what it wrote to stderr.
    """

    code: int
    text: str
    error: str


@dataclass(frozen=True)
class Place:
    """Where in a repository a folder is.

    Attributes:
        prefix: its path from the top of the working tree, with a slash at the end; empty at the top.
        shallow: whether the repository has a part of the history only.
    """

    prefix: str
    shallow: bool


@dataclass(frozen=True)
class Git:
    """Git in a folder.

    Attributes:
        folder: where it runs.
        seconds: how long one answer may take.
        environment: variables that it gets besides.
    """

    folder: Path
    seconds: float = SECONDS
    environment: Mapping[str, str] = field(default_factory=dict)

    def ask(self, *arguments: str, given: str = "") -> GitAnswer:
        """Git's answer to a command, which reads `given` from stdin.

        Raises:
            GitError: if git is missing, cannot run or takes too long.
        """
        environment = self._variables()
        program = shutil.which("git", path=environment.get("PATH", ""))
        if program is None:
            raise GitError("git is not installed here, or not on the PATH.")
        try:
            finished = run(
                [str(Path(program).absolute()), *_OPTIONS, *arguments],
                folder=self.folder,
                environment=environment,
                seconds=self.seconds,
                given=os.fsencode(given),
            )
        except CommandError as error:
            raise GitError(f"git gave no answer: {error}.") from error
        return GitAnswer(finished.code, os.fsdecode(finished.out), finished.err.decode(errors="replace"))

    def expect(self, *arguments: str, given: str = "", codes: tuple[int, ...] = (0,)) -> GitAnswer:
        """The same, where other exit codes are no answer.

        Raises:
            GitError: if it ends with another code, too.
        """
        answer = self.ask(*arguments, given=given)
        if answer.code not in codes:
            raise GitError(
                f"git ended with code {answer.code}; `git status` there may say why.", "git status"
            )
        return answer

    def place(self) -> Place:
        """Where in its repository the folder is.

        Raises:
            GitError: if git has no answer, or the folder is in no working tree of a repository.
        """
        answer = self.ask("rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-prefix")
        if answer.code:
            raise _refused(answer)
        inside, shallow, prefix, *_ = [*answer.text.split("\n"), "", ""]
        if inside != "true":
            raise GitError("The folder is in a git repository, but not in its working tree.")
        return Place(prefix, shallow == "true")

    def _variables(self) -> dict[str, str]:
        homes = {name: os.environ[name] for name in _HOMES if name in os.environ}
        return {**clean_environment(), **homes, **_FIXED, **self.environment}


def _refused(answer: GitAnswer) -> GitError:
    """Why git does not say where a folder is."""
    if "dubious ownership" in answer.error:
        return GitError(
            "The folder belongs to another account than this app runs under, so git refuses to look at it.",
            'git config --global --add safe.directory "$(pwd)"',
        )
    if "not a git repository" in answer.error:
        return GitError("The folder is in no git repository.", "git init")
    return GitError(f"git ended with code {answer.code}; `git status` there may say why.", "git status")
