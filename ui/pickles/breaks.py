"""The Where does it break? tab: known ways past scanners. Guess what a scan says, then scan."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.pickles import Verdict, scan
from core.pickles.lab.payloads import build, container_of, kind_of
from core.pickles.lab.samples import titles
from ui.cards import show_cards, verdict
from ui.pickles.evasions import Evasion
from ui.pickles.inputs import BUILT, EVASION_TITLES
from ui.pickles.program import program_of
from ui.pickles.result import show_findings
from ui.pickles.subject import OURS, Subject, key_of, our_sample
from ui.pickles.tape import show_tape
from ui.pickles.words import headline
from ui.text import with_code

_QUESTION: Final = "What does the scan say?"
_SCANNED: Final = "pickles:evasion"
_ROWS: Final = 8
_MOST: Final = 4


def show_breaks() -> None:
    """Draws the tab; nothing is scanned until the visitor has guessed and asks for it."""
    names = list(EVASION_TITLES)
    st.markdown("**Ways past a scanner**, and one that only looks like it. Guess first, then scan.")
    title = st.pills(
        "File", names, default=names[0], key="evasion", bind="query-params", label_visibility="collapsed",
        required=True,
    )  # fmt: skip
    evasion = EVASION_TITLES.get(str(title), EVASION_TITLES[names[0]])
    asked, told = st.columns([1, 1.5], gap="medium")
    with asked:
        st.html(f"<p class='uth-reason'>{with_code(evasion.shows)}</p>")
        guess = st.radio(_QUESTION, list(Verdict), index=None, key=f"pickles:guess:{evasion.name}")
        with st.container(horizontal=True):
            st.button(
                "Scan it", key="pickles:evasion:scan", icon=":material/search:", disabled=guess is None,
                help=None if guess is not None else "Guess first: then scan it",
                on_click=_scan, args=(evasion.name,),
            )  # fmt: skip
            st.button(
                "Look at it above", key="pickles:evasion:look", icon=":material/arrow_upward:",
                on_click=_look, args=(evasion,),
            )  # fmt: skip
    if st.session_state.get(_SCANNED) == evasion.name and guess is not None:
        with told:
            _show_answer(evasion, Verdict(guess))


def _scan(name: str) -> None:
    st.session_state[_SCANNED] = name


def _look(evasion: Evasion) -> None:
    """Callback: puts the file on the stage, where it can be stepped through and judged."""
    if evasion.sample:
        st.session_state["file"] = titles()[evasion.sample]
        return
    st.session_state["file"] = BUILT
    st.session_state["payload"] = kind_of(evasion.payload).title
    st.session_state["container"] = container_of(evasion.container).title


def _file_of(evasion: Evasion) -> Subject:
    if evasion.sample:
        return our_sample(evasion.sample)
    made = build(evasion.payload, evasion.container)
    report = scan(made.data, made.file_name, OURS)
    return Subject(
        key_of(made.data, made.file_name), evasion.title, made.file_name, made.data, made.says, report
    )


def _show_answer(evasion: Evasion, guess: Verdict) -> None:
    subject = _file_of(evasion)
    found = subject.report.verdict
    right = guess is found
    words = f"right: {found}" if right else f"not quite: {found}"
    show_cards(verdict("✓" if right else "✗", words, ""), headline(found))
    program = program_of(subject)
    if program is not None:
        show_tape(
            program.cells,
            program.stop,
            rows=_ROWS,
            total=program.total,
            hidden=False,
            before=program.first,
        )
    show_findings(subject.report, most=_MOST, places=True)
    st.html(f"<p class='uth-reason'><b>Why?</b> {with_code(evasion.why)}</p>")
