"""How much this server lets its visitors ask for."""

from __future__ import annotations

import streamlit as st

from core import settings
from core.limits import Limits
from core.settings import Mode


def mode() -> Mode:
    """The mode in force."""
    return settings.load().resolve_mode(st.get_option("server.address"))


@st.cache_resource(show_spinner=False)
def limits() -> Limits:
    """The limits in force, read once."""
    return settings.load().limits(mode())
