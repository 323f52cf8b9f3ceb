"""Three judges on the same bytes: this scanner, picklescan, and torch's own list, each in its own process."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core.pickles.lab.judges import ABOUT, Hearing, Judge, Judgement
from core.process import ProcessError
from core.units import duration
from ui.job import POLL_SECONDS
from ui.messages import trouble
from ui.pickles.subject import Subject
from ui.pickles.words import text_of
from ui.places import my_place, queued
from ui.text import with_code
from ui.visit import at_end

_HEARD: Final = "pickles:hearing"
_MOST: Final = 6
_NAMES: Final = {Judge.OURS: "This scanner", Judge.PICKLESCAN: "picklescan", Judge.TORCH: "torch's list"}


@dataclass(frozen=True)
class Heard:
    """What the judges were asked, and how far they are.

    Attributes:
        key: the file's.
        hearing: the judges at work.
    """

    key: str
    hearing: Hearing


def show_judges(subject: Subject) -> None:
    """Draws what the three say of a file; they are asked as soon as somebody looks."""
    heard: Heard | None = st.session_state.get(_HEARD)
    if heard is None or heard.key != subject.key:
        stop_judges()
        try:
            heard = Heard(subject.key, Hearing(subject.data, subject.name, place=my_place()))
        except (ProcessError, OSError) as error:
            busy = isinstance(error, ProcessError)
            trouble(str(error) if busy else "The judges could not be started on this server now.")
            st.button("Ask them", key="pickles:judges:again", icon=":material/play_arrow:")
            return
        st.session_state[_HEARD] = heard
        at_end(_HEARD, heard.hearing.stop)
    if heard.hearing.finished:
        _show(heard.hearing.judgements)
        _show_difference(heard.hearing.judgements)
    else:
        _wait()


def stop_judges() -> None:
    """Ends those that are at work, and forgets what they said; also for callbacks."""
    heard: Heard | None = st.session_state.pop(_HEARD, None)
    if heard is not None:
        heard.hearing.stop()
        at_end(_HEARD, _nothing)


def _nothing() -> None:
    """Nobody is left to be stopped when the visit ends."""


@st.fragment(run_every=POLL_SECONDS)
def _wait() -> None:
    heard: Heard | None = st.session_state.get(_HEARD)
    if heard is None or heard.hearing.finished:
        st.rerun()
    _show(heard.hearing.judgements)
    position = heard.hearing.position
    now = queued(position) if position else "Each reads the file in a process of its own"
    st.markdown(f":material/hourglass_top: {now} …")


def _show(judgements: tuple[Judgement | None, ...]) -> None:
    columns = "".join(_column(judge, found) for judge, found in zip(Judge, judgements, strict=True))
    st.html(f"<div class='uth-pk-judges' aria-live='polite'>{columns}</div>")


def _column(judge: Judge, found: Judgement | None) -> str:
    version = (
        f" <span class='uth-plain'>{text_of(found.version, 30)}</span>" if found and found.version else ""
    )
    head = f"<h4>{html.escape(_NAMES[judge])}{version}</h4>"
    about = f"<div class='uth-plain'>{with_code(ABOUT[judge])}</div>"
    if found is None:
        return f"<div>{head}<span class='uth-pk-chip unread'>…</span>{about}</div>"
    listed = "".join(f"<li>{text_of(each, 200)}</li>" for each in found.findings[:_MOST])
    left = len(found.findings) - _MOST
    more = f"<li>and {left} more</li>" if left > 0 else ""
    problem = f"<li>{text_of(found.problem, 300)}</li>" if found.problem else ""
    took = f" <span class='uth-plain'>in {duration(found.seconds)}</span>" if found.seconds else ""
    return f"<div>{head}{_chip(found)}{took}<ul>{problem}{listed}{more}</ul>{about}</div>"


def _chip(found: Judgement) -> str:
    if found.clean is None:
        sign, kind, says = "?", "unread", "has said nothing"
    elif found.clean:
        sign, kind, says = "✓", "data", "lets it pass"
    else:
        sign, kind, says = "✗", "danger", "stops it"
    return f"<span class='uth-pk-chip {kind}'><b>{sign}</b> {says}: {text_of(found.words, 60)}</span>"


def _show_difference(judgements: tuple[Judgement | None, ...]) -> None:
    said = {judge: found for judge, found in zip(Judge, judgements, strict=True) if found is not None}
    ours = said.get(Judge.OURS)
    if ours is None:
        return
    others = [_NAMES[judge] for judge, found in said.items() if judge is not Judge.OURS and found.clean]
    silent = [
        _NAMES[judge] for judge, found in said.items() if judge is not Judge.OURS and found.clean is None
    ]
    lines = []
    if others and ours.clean is not True:
        lines.append(f"{' and '.join(others)} would let it pass. Whoever asks only there loads it.")
    if silent:
        lines.append(
            f"{' and '.join(silent)} could not read it. A tool chain that takes silence for a pass would "
            f"load it."
        )
    if not lines:
        lines.append("Nobody would let it pass by mistake here: try another payload or container.")
    if ours.clean and not others:
        lines = ["Only values for this scanner; the others know less of what a container may hold."]
    if ours.clean and others and not silent:
        lines = ["All who can read it let it pass."]
    st.html("".join(f"<p class='uth-reason'>{html.escape(line)}</p>" for line in lines))
