"""The real thing tab: two interfaces of this very app, and an incomplete class that each refuses, live."""

from __future__ import annotations

import streamlit as st

from core.contracts.own import refuse
from ui.cards import card, show_cards, verdict
from ui.contracts.inputs import OWN_NAMES


def show_real_thing(*, projector: bool) -> None:
    """Draws the tab."""
    names = list(OWN_NAMES)
    name = st.segmented_control(
        "Interface", names, default=names[0], key="real", bind="query-params", label_visibility="collapsed",
        required=True,
    )  # fmt: skip
    own = OWN_NAMES.get(str(name), OWN_NAMES[names[0]])
    source, tried = st.columns([1.2, 1], gap="medium")
    with source:
        st.markdown(f"**`{own.module}.{own.name}`**, as this app runs it")
        st.code(own.source, language="python", height=300 if projector else 480)
    with tried:
        st.markdown("**A class that is incomplete**, tried on it just now")
        st.code(own.incomplete, language="python")
        refusal = refuse(own)
        show_cards(
            verdict("✓", "refused at instantiation", refusal.message),
            card("methods missing", str(len(refusal.missing)), "fired", ", ".join(refusal.missing)),
        )
        st.caption(
            f"It took {refusal.seconds * 1e6:.0f} µs, in the process of this server: the class is the app's "
            "own, so it needs no sandbox."
        )
        st.markdown(f"Abstract: {', '.join(f'`{each}`' for each in own.abstract)}.")
