"""The Take it away tab: a program that checks an app's keys at its start, a template, and a report."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.secrets import DeclaredKey, KeyStatus
from core.secrets.program import env_template, report, startup_program


def show_take_away(keys: Sequence[DeclaredKey], found: Sequence[KeyStatus], *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open, since the report would tell the answer."""
    program = startup_program(keys)
    with st.container(horizontal=True):
        _button("check_keys.py", program, "text/x-python")
        _button(".env.example", env_template(keys), "text/plain")
        if not hidden:
            _button("report.md", report(found), "text/markdown")
    st.caption(
        "`check_keys.py` ends an app's start with one line that names every missing key, and shows none. It "
        "needs python-dotenv. `.env.example` goes into git, with names alone; the report has masks alone."
    )
    st.code(program, language="python")


def _button(name: str, text: str, mime: str) -> None:
    st.download_button(
        name, text, name, mime, icon=":material/download:", on_click="ignore", key=f"secrets:{name}"
    )
