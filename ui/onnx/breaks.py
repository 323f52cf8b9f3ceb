"""The Where does it break? tab: what was looked for in this export, and presets that trigger each trap."""

from __future__ import annotations

import streamlit as st

from core.export.child import Answer
from core.export.hazards import Hazard, Severity, checked, detect
from core.export.presets import PRESETS, Preset
from ui.onnx.inputs import set_plan
from ui.text import with_code


def show_breaks(answer: Answer | None, *, own_file: bool, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open; of a visitor's `own_file` there is no export."""
    _choose_preset(hidden=hidden)
    if own_file:
        st.caption("These traps are about PyTorch's exporters. What is in your own file is said above.")
    elif answer is None:
        st.caption("What is wrong with an export is here as soon as there is one.")
    elif hidden:
        st.caption("Hidden until you have made your guess above.")
    else:
        hazards = detect(answer)
        for hazard in hazards:
            _show_hazard(hazard)
        _show_looked_for(answer)


def _choose_preset(*, hidden: bool) -> None:
    by_title = {preset.title: preset for preset in PRESETS}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.selectbox(
            "Trigger a trap", list(by_title), key="preset", bind="query-params", width=420,
            help="Sets the inputs above to an export that goes wrong",
        )  # fmt: skip
        preset: Preset = by_title.get(str(title), PRESETS[0])
        st.button(
            "Set it", key="onnx:preset", icon=":material/warning:", on_click=set_plan, args=(preset.plan,)
        )
        if preset.fixed is not None:
            st.button(
                "Set it without the trap", key="onnx:fixed", icon=":material/check:", on_click=set_plan,
                args=(preset.fixed,),
            )  # fmt: skip
    if not hidden:
        st.caption(preset.words)


def _show_hazard(hazard: Hazard) -> None:
    sign = "!" if hazard.severity is Severity.SURPRISING else "✗"
    with st.container(border=True):
        st.markdown(f"**{sign} {hazard.title}**")
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("What shows it, in this export:")
            st.html(
                "<ul class='uth-evidence'>"
                + "".join(f"<li>{with_code(line)}</li>" for line in hazard.evidence)
                + "</ul>"
            )
        with right:
            st.markdown(f"**Why** {hazard.why}")
            st.markdown(f"**Instead** {hazard.fix}")
            if hazard.fix_code:
                st.code(hazard.fix_code, language="python")


def _show_looked_for(answer: Answer) -> None:
    st.markdown("**All that was looked for**")
    st.dataframe(
        [{"": "found" if found else "not found", "trap": title} for _, title, found in checked(answer)],
        hide_index=True, width="content", height="content",
        alt="Every trap that was looked for in this export",
    )  # fmt: skip
