"""This machine's facts for the pages, found once in a while for all visitors."""

from __future__ import annotations

import streamlit as st

from core.machine import Machine, describe


@st.cache_data(ttl=60, max_entries=1, show_spinner=False)
def this_machine() -> Machine:
    """The machine, at most a minute old."""
    return describe()
