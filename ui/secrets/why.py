"""The Why? tab: one key, every source that has it, and why the first of them wins."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.secrets import KeyState, KeyStatus, MissingKeyError, Rung, require
from ui.messages import remarks, trouble
from ui.secrets.result import SIGNS
from ui.secrets.sources import Found


def show_why(found: Sequence[KeyStatus], looked: Found, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    if not found:
        st.caption("Nothing to look at yet.")
        return
    by_name = {each.key.name: each for each in found}
    names = list(by_name)
    name = st.selectbox("Key", names, key="key", bind="query-params", width=420)
    status = by_name.get(str(name), found[0])
    ladder, says = st.columns([1.7, 1], gap="medium")
    with ladder:
        st.markdown("**The ladder**: the first source that has the name wins, even with an empty value")
        st.dataframe(
            [
                {
                    "": "◆ wins" if rung.source is status.winner else "",
                    "source": str(rung.source),
                    "state": SIGNS[rung.state],
                    "value": "" if rung.masked is None else rung.masked.text,
                    "length": "" if rung.masked is None else rung.masked.length,
                    "beside the winner": ""
                    if rung.same is None
                    else "= same"
                    if rung.same
                    else "≠ different",
                }
                for rung in status.rungs
            ],
            hide_index=True,
            height="content",
            alt=f"What each source has for {status.key.name}, without its value",
        )
        told = (*(said for rung in status.rungs for said in _said(rung)), *status.warnings)
        remarks(f"⚠ {said}" for said in told)
        if status.key.expected:
            st.caption(f"What {status.key.title} looks like: {status.key.expected}.")
    with says:
        st.markdown("**An app that needs it says at its start**")
        try:
            require(status.key.name, looked.sources)
            st.markdown("Nothing: it starts.")
        except MissingKeyError as error:
            trouble(str(error))
        st.code(f'require("{status.key.name}", sources)', language="python")
    if looked.problems:
        st.markdown("**In the text**")
        st.dataframe(
            [{"line": problem.line or "", "what": problem.said} for problem in looked.problems],
            hide_index=True,
            height="content",
            alt="What in the text will not do what it looks like",
        )
    st.caption(
        "Two values are compared by their HMAC under a random key of this one look: nothing that could be "
        "compared later leaves it. Streamlit copies the top level of `st.secrets` into the environment of "
        "the app as soon as it is used: so this page reads the file by itself."
    )


def _said(rung: Rung) -> list[str]:
    return [f"{rung.source}: {said}" for said in rung.warnings] if rung.state is not KeyState.NOT_SET else []
