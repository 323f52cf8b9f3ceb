"""Whether a `.env` file is there, and who on this machine may read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from core.secrets.env_file.check import Answer, SafetyCheck, Subject, words

_OTHERS: Final = (
    ("its group", stat.S_IRGRP | stat.S_IWGRP),
    ("everybody", stat.S_IROTH | stat.S_IWOTH),
)


def exists(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether it is there; either answer is good."""
    try:
        mode = subject.path.stat().st_mode
    except FileNotFoundError:
        detail = f"There is no {subject.name}; the other answers say what would happen to one."
        yield subject.check("exists", Answer.NO, good=True, detail=detail)
        return
    except OSError as error:
        yield subject.unknown("exists", f"It cannot be looked at ({words(error)}).")
        return
    detail = "It is a file." if stat.S_ISREG(mode) else "It is there, but it is not a regular file."
    yield subject.check("exists", Answer.YES, good=True, detail=detail)


def mode(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether its mode lets others than its owner read or write it."""
    if os.name == "nt":
        reason = "Windows keeps lists of who may read a file, and those are not read here."
        yield subject.unknown("mode", reason, f'icacls "{subject.name}"')
        return
    try:
        bits = stat.S_IMODE(subject.path.stat().st_mode)
    except FileNotFoundError:
        yield subject.unknown("mode", f"There is no {subject.name} to look at.")
        return
    except OSError as error:
        yield subject.unknown("mode", f"It cannot be looked at ({words(error)}).")
        return
    who = " and ".join(name for name, others in _OTHERS if bits & others)
    if not who:
        yield subject.check(
            "mode", Answer.NO, good=True, detail=f"Its mode is {bits:03o}: for its owner alone."
        )
        return
    detail = f"Its mode is {bits:03o}, which opens it to {who}."
    yield subject.check("mode", Answer.YES, good=False, detail=detail, fix=f"chmod 600 {subject.quoted}")
