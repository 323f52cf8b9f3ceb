"""Looks whether the files of secrets have changed, so that the page follows them without a restart."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui.secrets.inputs import THIS_MACHINE, is_local
from ui.secrets.sources import watched_files

EVERY_SECONDS: Final = 2.0
_SEEN: Final = "secrets:seen"


def follow_files() -> None:
    """Runs the page again as soon as a file that it reads is another; only where it looks at this machine."""
    if not is_local() or st.session_state["from"] != THIS_MACHINE:
        return
    st.session_state[_SEEN] = _stamps()
    _look()


@st.fragment(run_every=EVERY_SECONDS)
def _look() -> None:
    if st.session_state.get(_SEEN) != _stamps():
        st.rerun()


def _stamps() -> tuple[tuple[int, int] | None, ...]:
    """When each file was changed and how large it is; None for one that is not there."""
    found: list[tuple[int, int] | None] = []
    for path in watched_files():
        try:
            about = path.stat()
            found.append((about.st_mtime_ns, about.st_size))
        except OSError:
            found.append(None)
    return tuple(found)
