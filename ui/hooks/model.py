"""The model tab: its layers as a table, and the visitor's own chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from core.builder import LAYERS, BuilderError, fitting
from core.hooks.layers import Layer, total_parameters
from core.hooks.plan import CHAIN, Plan
from core.hooks.run import Report
from ui.hooks.inputs import MODELS, STARTING_CHAIN, read_chain
from ui.messages import trouble

_OWN: Final = next(title for title, name in MODELS.items() if name == CHAIN)


def show_model(plan: Plan | None, report: Report | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open: what computes, and how often, is told later."""
    if st.session_state.model == _OWN:
        _show_builder()
    if report is None or plan is None:
        st.caption("The table of layers is here once the inputs above can be used.")
        return
    made = plan.build()
    if not hidden:
        st.markdown(f"**{made.title}.** {made.about}")
    st.dataframe(
        [_row(layer, hidden=hidden) for layer in report.layers],
        hide_index=True,
        key="layers",
        on_select=_select(report.layers),
        selection_mode="single-row",
        height="content",
        alt="The layers of the model: type, output shape, parameters",
    )
    total = total_parameters(made.module)
    trainable = sum(item.numel() for item in made.module.parameters() if item.requires_grad)
    st.caption(
        f"{total:,} parameters, {trainable:,} trainable, {4 * total:,} bytes. Output shapes are those of "
        "model(x) without hooks. Choose a row, and “Register a hook” begins with that layer."
    )


def _select(layers: tuple[Layer, ...]) -> Callable[[], None]:
    def chosen() -> None:
        """Callback: the row's layer goes into the form."""
        rows = st.session_state["layers"].selection.rows
        if rows:
            st.session_state["new:layer"] = layers[rows[0]].name

    return chosen


def _row(layer: Layer, *, hidden: bool) -> dict[str, object]:
    note = f"shares parameters with {layer.shared_with}" if layer.shared_with else ""
    if layer.calls != 1:
        note = "never called" if layer.calls == 0 else f"computes {layer.calls} times"
    if hidden:
        note = "hidden until you have guessed"
    return {
        "layer": "\N{NO-BREAK SPACE}" * 4 * layer.depth + layer.label,
        "type": layer.type,
        "output shape": "?" if hidden else layer.output or "none",
        "parameters": layer.parameters,
        "its own": ", ".join(layer.parameter_names),
        "note": note,
    }


def _show_builder() -> None:
    text, shapes = st.columns([1, 1.6], gap="medium")
    with text:
        st.text_area(
            "Your layers, one per line", STARTING_CHAIN, key="chain", height=220,
            help=f"`Input(8)`, `Input(3, 16, 16)`, and then any of {', '.join(LAYERS)}, as PyTorch spells "
            "them",
        )  # fmt: skip
    chain = read_chain()
    with shapes:
        if isinstance(chain, BuilderError):
            trouble(chain.message, chain.excerpt())
            return
        st.dataframe(
            [
                {
                    "line": step.line,
                    "layer": step.text,
                    "gets": _shape(step.input_shape),
                    "gives": _shape(step.output_shape),
                    "parameters": step.parameters,
                }
                for step in chain.steps
            ],
            hide_index=True,
            alt="Your layers with the shapes that go in and come out",
        )
    fits = {
        layer: line for layer in LAYERS if (line := fitting(layer, chain.steps[-1].output_shape)) is not None
    }
    with text:
        st.selectbox(
            "Add a layer that fits", list(fits.values()), index=None, key="chain:add",
            placeholder="Add a layer that fits …", label_visibility="collapsed", on_change=_append,
        )  # fmt: skip


def _append() -> None:
    """Callback: adds the chosen layer at the end."""
    chosen = st.session_state["chain:add"]
    if chosen:
        st.session_state.chain = f"{str(st.session_state.chain).rstrip()}\n{chosen}"
        st.session_state["chain:add"] = None


def _shape(shape: tuple[int, ...]) -> str:
    return f"(N, {', '.join(map(str, shape))})"
