"""Small repositories, one for each fate of a `.env`: made for real in a temporary folder, and examined.

They are what the checks run on where nobody may look at the server's own folder.
"""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from core.secrets.env_file import Answer, SafetyCheck, examine
from core.secrets.git import Git, GitError

SECONDS: Final = 5.0
"""How long git may take for one step."""

# The same commits, and so the same hashes, on every machine.
_WHO: Final = ("Ada Example", "ada@example.com", "2026-01-05T09:00:00+00:00")
_NAMES: Final = ("OPENAI_API_KEY", "DATABASE_PASSWORD", "SESSION_SECRET")
_EXAMPLE: Final = "".join(f"{name}=\n" for name in _NAMES)
_GIT_CHECKS: Final = frozenset({"ignored", "tracked", "history", "copies"})


class Sample(StrEnum):
    """What became of the `.env` of a sample."""

    IGNORED = "ignored from the start"
    FORGOTTEN = "nothing ignores it"
    TRACKED = "committed"
    REMOVED = "committed once, then deleted and ignored"
    NO_GIT = "no repository"


class _UncertainError(Exception):
    """Answers that another try may better, so they are not kept."""

    def __init__(self, checks: tuple[SafetyCheck, ...]) -> None:
        super().__init__()
        self.checks = checks


def examine_sample(sample: Sample) -> tuple[SafetyCheck, ...]:
    """What `examine` says of a sample's `.env`. Made and examined once; then the same for everybody.

    Where git is missing or too slow its answers are unknown, and the next call tries again.
    """
    try:
        return _examined(sample)
    except _UncertainError as error:
        return error.checks


@cache
def _examined(sample: Sample) -> tuple[SafetyCheck, ...]:
    with tempfile.TemporaryDirectory(prefix="sample-", ignore_cleanup_errors=True) as made:
        top = Path(made).resolve()
        folder = top / "app"
        git = Git(folder, seconds=SECONDS, environment=_environment(top))
        folder.mkdir()
        trouble = None
        _write(sample, folder)
        try:
            _commit(sample, git)
        except GitError as error:
            # A repository that is half made would give wrong answers.
            trouble = error
        checks = examine(folder, git=git, trouble=trouble)
    certain = sample is Sample.NO_GIT or not any(
        check.answer is Answer.UNKNOWN for check in checks if check.name in _GIT_CHECKS
    )
    if trouble is not None or not certain:
        raise _UncertainError(checks)
    return checks


def _write(sample: Sample, folder: Path) -> None:
    """The files of a sample: a `.env` with values that are worth nothing, and what lies beside it."""
    # Worth nothing, but not placeholders.
    env = "".join(f"{name}={'0123456789' * 3}\n" for name in _NAMES)
    files = {".env": env, ".env.example": _EXAMPLE, "app.py": "import os\n"}
    if sample is Sample.IGNORED:
        files[".gitignore"] = "__pycache__/\n.env\n"
    elif sample is Sample.FORGOTTEN:
        files |= {".gitignore": "__pycache__/\n", ".env.bak": env}
        del files[".env.example"]
    elif sample is Sample.TRACKED:
        files[".env.example"] = env
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    # What an editor makes of it, and what it should be.
    (folder / ".env").chmod(0o644 if sample in {Sample.FORGOTTEN, Sample.TRACKED} else 0o600)


def _commit(sample: Sample, git: Git) -> None:
    """The history of a sample."""
    if sample is Sample.NO_GIT:
        return
    git.expect("init", "--quiet", "--template=")
    first = ["app.py"]
    if sample in {Sample.TRACKED, Sample.REMOVED}:
        first.append(".env")
    git.expect("add", "--", *first)
    git.expect("commit", "--quiet", "--message=First version")
    if sample is Sample.REMOVED:
        (git.folder / ".gitignore").write_text(".env\n", encoding="utf-8", newline="\n")
        git.expect("rm", "--quiet", "--cached", "--", ".env")
        git.expect("add", "--", ".gitignore")
        git.expect("commit", "--quiet", "--message=Take the keys out")


def _environment(top: Path) -> dict[str, str]:
    """Nothing of this machine's: neither settings, nor ignore files, nor a repository further up."""
    name, mail, date = _WHO
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", mail), ("DATE", date))
    }
    return who | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(top),
        "HOME": str(top),
        "XDG_CONFIG_HOME": str(top),
    }
