"""The Where does it break? tab: known traps, one click each, run as you look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.traps import Observation, Trap


def show_traps(traps: Sequence[Trap], run: Callable[[Trap], Observation]) -> None:
    """Draws the traps: choose one, see its code, what happens, and why.

    Args:
        traps: to choose from; a link names one by its title under `trap`.
        run: runs one.
    """
    by_title = {trap.title: trap for trap in traps}
    title = st.pills(
        "Trap",
        list(by_title),
        default=traps[0].title,
        key="trap",
        bind="query-params",
        label_visibility="collapsed",
    )
    trap = by_title.get(str(title), traps[0])
    observation = run(trap)
    code, outcome = st.columns(2, gap="medium")
    with code:
        st.markdown(f"**{trap.question}**")
        st.code(trap.code, language="python")
    with outcome:
        st.markdown("**What happens**, run just now")
        st.dataframe(
            [{"": line.label, "value": line.value, "note": line.note} for line in observation.lines],
            hide_index=True,
            alt=f"What the code gives: {trap.title}",
        )
        if observation.raised:
            st.markdown(f"PyTorch refuses: `{observation.raised}`")
        st.markdown(f"**Why** {trap.why}")
        st.markdown(f"**Instead** {trap.fix}")
