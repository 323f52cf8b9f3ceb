"""The Where does it break? tab: what `abc` does not catch. Guess first, then the program runs for real."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.contracts.cases import Case
from core.contracts.verdict import Moment
from core.sandbox import SandboxResult
from ui.cards import show_cards, verdict
from ui.contracts.editor import replace_code
from ui.contracts.inputs import CASE_TITLES, OWN_CLASS, OWN_KEY
from ui.contracts.literal import literal
from ui.contracts.moments import Lane, Look, Mark, failure, is_early, show_moments
from ui.contracts.outcome import show_outcome
from ui.contracts.running import begin, result_of
from ui.text import with_code

_RUN: Final = "case"
_REMEDY: Final = "remedy"


def show_breaks(*, ready: bool) -> None:
    """Draws the tab; nothing runs until the visitor has guessed and asks for it."""
    titles = list(CASE_TITLES)
    st.markdown(
        "**What `abc` does not catch**, and where else it surprises. Guess what happens, then run it."
    )
    title = st.pills(
        "Case", titles, default=titles[0], key="case", bind="query-params", label_visibility="collapsed",
        required=True,
    )  # fmt: skip
    case = CASE_TITLES.get(str(title), CASE_TITLES[titles[0]])
    program, guess = st.columns([1.2, 1], gap="medium")
    with program:
        st.code(case.program, language="python")
        st.button(
            "Open in the editor", key="contracts:case:edit", icon=":material/edit:", on_click=_edit,
            args=(case.program,),
        )  # fmt: skip
        if st.session_state.get(OWN_KEY) == case.program:
            st.caption(f"It is in the editor above, under {OWN_CLASS}.")
    with guess:
        chosen = st.radio(
            literal(case.question), case.choices, index=None, key=f"contracts:guess:{case.name}",
            format_func=literal,
        )  # fmt: skip
        st.button(
            "Run it", key="contracts:case:run", icon=":material/play_arrow:", on_click=_run, args=(case,),
            disabled=chosen is None or not ready,
            help=None if chosen is not None else "Guess first: then run it",
        )  # fmt: skip
        result = result_of(_RUN, case.program) if ready else None
        if result is not None:
            _show_answer(case, chosen, result)
    if result is not None:
        _show_why(case)


def _run(case: Case) -> None:
    begin(_RUN, case.program)
    begin(_REMEDY, case.remedy)


def _edit(program: str) -> None:
    """Callback: takes the program to the stage, where it can be changed and tried."""
    replace_code(OWN_KEY, program)
    st.session_state["show"] = OWN_CLASS


def _show_answer(case: Case, chosen: str | None, result: SandboxResult) -> None:
    if chosen is not None:
        right = chosen == case.answer
        words = f"{'right' if right else 'not quite'}: {case.answer}"
        show_cards(verdict("✓" if right else "✗", words, ""))
    st.markdown("**What came out**, run just now:")
    show_outcome(result)


def _show_why(case: Case) -> None:
    show_moments(_lanes(case), hidden=False)
    st.html(f"<p class='uth-reason'><b>Why</b> {with_code(case.why)}</p>")
    with st.expander("A program that catches it", key="contracts:remedy", on_change="rerun") as shown:
        if shown.open:
            st.code(case.remedy, language="python")
            remedied = result_of(_REMEDY, case.remedy)
            if remedied is not None:
                show_outcome(remedied)


def _lanes(case: Case) -> tuple[Lane, Lane]:
    """When the mistake is found, as the program is and with the remedy."""
    return (
        Lane("As it is", "", (_mark(case.fails),)),
        Lane("With the remedy", "", (_mark(case.caught),)),
    )


def _mark(moment: Moment) -> Mark:
    if moment is Moment.NEVER:
        return Mark(moment, "✗ nobody notices", Look.LATE)
    return failure(moment, "✓ noticed" if is_early(moment) else "✗ noticed late")
