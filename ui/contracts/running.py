"""Runs in the sandbox, by name: a visit has one of each, and a result belongs to the code it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core import sandbox
from core.sandbox import Run
from core.sandbox.result import SandboxError, SandboxResult
from ui.messages import trouble
from ui.sandbox import shown
from ui.visitor import visitor

_PREFIX: Final = "contracts:run:"


@dataclass(frozen=True)
class Attempt:
    """What was asked for.

    Attributes:
        about: the code that the result belongs to, as its editor has it.
        run: the run; None if it could not be asked for.
        refused: why not, in one line.
    """

    about: str
    run: Run | None
    refused: str = ""


def begin(
    name: str, about: str, code: str | bytes | None = None, files: Mapping[str, bytes] | None = None
) -> None:
    """Starts a run, and stops the one of that name that goes on; also for callbacks.

    Args:
        name: of the run, in this visit.
        about: the code that its result belongs to.
        code: what is run; `about` itself if it is not given.
        files: what the program may read.
    """
    stop(name)
    try:
        run = sandbox.start(about if code is None else code, files=files, visitor=visitor())
    except SandboxError as error:
        st.session_state[_PREFIX + name] = Attempt(about, None, str(error))
        return
    st.session_state[_PREFIX + name] = Attempt(about, run)


def stop(name: str) -> None:
    """Ends a run, if it goes on, and forgets it; also for callbacks."""
    attempt: Attempt | None = st.session_state.pop(_PREFIX + name, None)
    if attempt is not None and attempt.run is not None:
        attempt.run.stop()


def stop_all() -> None:
    """Ends all runs of this visit in this lab, and forgets them; for callbacks."""
    for key in [str(key) for key in st.session_state if str(key).startswith(_PREFIX)]:
        stop(key.removeprefix(_PREFIX))


def result_of(name: str, about: str) -> SandboxResult | None:
    """The result that belongs to this code; None if there is none yet, and then the page says why.

    Args:
        name: of the run.
        about: the code as it is now.
    """
    attempt: Attempt | None = st.session_state.get(_PREFIX + name)
    if attempt is None or attempt.about != about:
        return None
    if attempt.run is None:
        trouble(attempt.refused)
        return None
    return shown(attempt.run)


def is_outdated(name: str, about: str) -> bool:
    """Whether a run of that name was for other code than this."""
    attempt: Attempt | None = st.session_state.get(_PREFIX + name)
    return attempt is not None and attempt.about != about


def was_started(name: str, about: str) -> bool:
    """Whether this code was started: it goes on, has ended, or was stopped."""
    attempt: Attempt | None = st.session_state.get(_PREFIX + name)
    return attempt is not None and attempt.about == about and attempt.run is not None


def is_told(name: str, about: str) -> bool:
    """Whether `result_of` says how it is with a run of this code: then nobody else has to."""
    attempt: Attempt | None = st.session_state.get(_PREFIX + name)
    return attempt is not None and attempt.about == about


def result_of_ours(name: str, code: str, files: Mapping[str, bytes] | None = None) -> SandboxResult | None:
    """The result of a program of the lab's own, which is run as one looks; never for a visitor's code."""
    attempt: Attempt | None = st.session_state.get(_PREFIX + name)
    if attempt is None or attempt.about != code:
        begin(name, code, files=files)
    return result_of(name, code)
