"""Run it in the sandbox: CPython's own unpicklers load the file onto tripwires, beside what was foretold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import streamlit as st

from core import sandbox
from core.pickles.lab.rehearsal import Rehearsal, RehearsalError, read_rehearsal, rehearsal_program
from core.pickles.member import shown as plain
from core.sandbox import Run, SandboxError
from ui.cards import show_cards, verdict
from ui.messages import remarks, trouble
from ui.pickles.program import Program
from ui.pickles.words import several
from ui.sandbox import ready, shown
from ui.visitor import visitor

_ATTEMPT: Final = "pickles:rehearsal"
_ABOUT: Final = (
    "The pickle is loaded for once, by the two unpicklers that CPython has: in C and in Python. They run in "
    "the sandbox, which has no files, no network and no shell, and every name that the pickle asks for is a "
    "tripwire: it notes that it was called and does nothing. Their calls are held against those that the "
    "machine foretells."
)
MOST_CALLS: Final = 300


@dataclass(frozen=True)
class Attempt:
    """A rehearsal that was asked for.

    Attributes:
        key: the file's.
        run: in the sandbox; None if it could not be asked for.
        refused: why not, in one line.
    """

    key: str
    run: Run | None
    refused: str = ""


def show_rehearsal(key: str, program: Program | None) -> None:
    """Draws the button, and the result of this file's rehearsal.

    Args:
        key: the file's.
        program: the pickle in it; None if there is none that can be loaded by itself.
    """
    st.caption(_ABOUT)
    if program is None:
        st.caption("There is no pickle in this file that could be handed to an unpickler.")
        return
    can = ready()
    attempt: Attempt | None = st.session_state.get(_ATTEMPT)
    mine = attempt is not None and attempt.key == key
    st.button(
        "Run it again" if mine else "Run it in the sandbox", key="pickles:rehearse",
        icon=":material/play_arrow:", disabled=not can, on_click=_begin,
        args=(key, program.stretch.data),
    )  # fmt: skip
    if program.stretch.arrays:
        st.caption("joblib's loader takes the raw numbers between the opcodes; pickle's own stops there.")
    if attempt is None or not mine:
        if attempt is not None:
            st.caption("The last result was for another file.")
        return
    if attempt.run is None:
        trouble(attempt.refused)
        return
    result = shown(attempt.run)
    if result is not None:
        _show(read_rehearsal(program.stretch.data, result), program)


def stop_rehearsal() -> None:
    """Ends the visit's rehearsal, and forgets it; also for callbacks."""
    attempt: Attempt | None = st.session_state.pop(_ATTEMPT, None)
    if attempt is not None and attempt.run is not None:
        attempt.run.stop()


def _begin(key: str, data: bytes) -> None:
    stop_rehearsal()
    try:
        program, files = rehearsal_program(data)
        run = sandbox.start(program, files=files, visitor=visitor())
    except (RehearsalError, SandboxError) as error:
        st.session_state[_ATTEMPT] = Attempt(key, None, str(error))
        return
    st.session_state[_ATTEMPT] = Attempt(key, run)


def _show(found: Rehearsal, program: Program) -> None:
    # What lies behind an array only joblib's loader comes to.
    beyond = len(program.survey.run.calls) if program.stretch.arrays else 0
    show_cards(_verdict(found, max(len(found.symbolic), beyond)))
    if found.problem:
        trouble(found.problem)
    remarks(plain(line, 400) for line in (*found.differences, *found.notes))
    counts = [account.calls for account in found.accounts]
    foretold = [f"{call.function}{call.arguments}" for call in found.symbolic]
    made = [[f"{call.function}{call.arguments}" for call in calls] for calls in counts]
    rows = list(zip_longest(foretold, *made, fillvalue=""))[:MOST_CALLS]
    if rows:
        heads = [f"CPython's, in {account.unpickler}" for account in found.accounts]
        st.dataframe(
            [
                {
                    "": "= same" if len(set(row)) == 1 else "≠ not the same",
                    "the machine foretells": plain(row[0]),
                    **{head: plain(cell) for head, cell in zip(heads, row[1:], strict=True)},
                }
                for row in rows
            ],
            hide_index=True, height="content" if len(rows) < 12 else 420,
            alt="The calls that the machine foretells beside those that CPython's unpicklers made",
        )  # fmt: skip
    python = f" Python {plain(found.python, 40)}." if found.python else ""
    st.caption(f"Run just now in the sandbox, in {found.result.seconds * 1000:.0f} ms.{python}")


def _verdict(found: Rehearsal, count: int) -> str:
    if found.agree:
        came = min(account.count for account in found.accounts)
        if came < count:
            words = f"they agree as far as they came: {came:,} of {several(count, 'call')}"
            return verdict("✓", words, "Then CPython's unpicklers stopped; the machine follows the rest too.")
        few = ("no call", "the one call", "both calls")
        calls = few[count] if count < len(few) else f"all {count:,} calls"
        words = f"they agree: {calls}, as foretold"
        return verdict("✓", words, "CPython's unpicklers called what the machine said, and nothing else.")
    if found.problem or not found.accounts:
        return verdict("✗", "there is nothing to compare", "The run did not come to its end.")
    return verdict("✗", "they do not agree", "Believe the unpicklers: then the machine is wrong here.")
