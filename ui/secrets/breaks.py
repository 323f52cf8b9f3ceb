"""The Where does it break? tab: the leak theatre. A canary is planted, and two programs run for real."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.secrets.theatre import Play, Scene, TheatreError, play
from ui.messages import trouble
from ui.secrets.inputs import ACTS

_PLAYED: Final = "secrets:played"
"""The last play of the visit, so that a rerun of the page does not play it again."""


def show_breaks() -> None:
    """Draws the tab."""
    titles = list(ACTS)
    title = st.pills(
        "Leak",
        titles,
        default=titles[0],
        key="act",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    act = ACTS.get(str(title), ACTS[titles[0]])
    again = st.button("Play again, with a new canary", icon=":material/replay:", key="secrets:again")
    played: Play | None = st.session_state.get(_PLAYED)
    if played is None or played.act.name != act.name or again:
        try:
            played = st.session_state[_PLAYED] = play(act.name)
        except TheatreError as error:
            trouble(str(error))
            return
    st.markdown(f"The key of this run is a canary, made for it: `{played.canary}`")
    wrong, right = st.columns(2, gap="medium")
    with wrong:
        _scene("The wrong way", played.wrong, played.canary)
    with right:
        _scene("The right way", played.right, played.canary)
    st.markdown(f"**Why** {act.lesson}")


def _scene(title: str, scene: Scene, canary: str) -> None:
    said = "✗ the canary is out" if scene.leaked else "✓ the canary is nowhere in it"
    st.markdown(f"**{title}**: {said}")
    st.code(scene.program, language="python")
    st.markdown("What came out, run just now:")
    marked = html.escape(scene.output).replace(html.escape(canary), f"<mark>{html.escape(canary)}</mark>")
    st.html(f"<pre class='uth-output'>{marked}</pre>")
