"""Roofline: how near each engine comes to what this machine can do."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.benchmark import BenchmarkError
from core.benchmark.roofline import Roofline, RooflinePlan
from core.units import duration
from ui.benchmark.inputs import KINDS, WORKED_ENGINES
from ui.benchmark.question import ask, draw_setup, read_setup
from ui.benchmark.words import name_of
from ui.cards import card, show_cards, verdict
from ui.figures import show_figure
from ui.links import Parameter, choice_complaint
from ui.style import theme_colour
from ui.text import plain

KEY: Final = "onnx:roof"
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "star", "pentagon", "hexagon")


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (Parameter("under", list[str](WORKED_ENGINES), choice_complaint(tuple(KINDS))),)


def show_roof(model: str, seed: int, *, projector: bool) -> None:
    """Draws the question."""
    st.multiselect(
        "Engines",
        list(KINDS),
        default=WORKED_ENGINES,
        key="under",
        bind="query-params",
        placeholder="Choose engines",
    )
    draw_setup()

    def make() -> RooflinePlan:
        setup = read_setup()
        engines = tuple(KINDS[each] for each in st.session_state.under or [])
        if not engines:
            raise BenchmarkError("There is no engine: choose one or more.")
        plan = RooflinePlan(model, seed, setup.batch, engines, setup.threads)
        plan.benchmark().check()
        return plan

    held = ask(
        make,
        RooflinePlan,
        key=KEY,
        label="Measure the roof and the engines",
        about="The machine's peak by products of matrices, its bandwidth by copies, then the engines.",
        seconds=lambda plan: 10 + plan.benchmark().seconds(),
    )
    if held is not None and isinstance(held.status.result, Roofline):
        _show(held.status.result, projector=projector)


def _show(found: Roofline, *, projector: bool) -> None:
    work, peak, roof = found.work, found.peak, found.roof
    if work is None or peak is None or roof is None:
        show_cards(verdict("✗", "not measured to the end", "It was stopped before there was a roof."))
        return
    threads = f"float32, {found.threads} thread{'s' if found.threads > 1 else ''}"
    bandwidth = f"{roof.bandwidth / 1e9:.3g} GB/s"
    cards = [
        card("peak of this machine", _flops(peak.flops_per_second), "forward", threads),
        card("bandwidth", bandwidth, "forward", "of a cache" if roof.cached else "of memory"),
        card("the model", f"{work.intensity:.3g} op/byte", "gradient", f"{work.flops:,} operations a call"),
    ]
    if found.points:
        best = max(found.points, key=lambda point: point.share)
        what = f"{name_of(best.engine)}: {best.share:.1%} of the roof"
        cards.append(verdict("✓", what, f"Bound by {best.bound}."))
    show_cards(*cards)
    show_figure(
        _figure(found),
        key=f"{KEY}:figure",
        projector=projector,
        height=420,
        alt="; ".join(f"{name_of(point.engine)}: {point.words}" for point in found.points),
        download="roofline",
    )
    said = [f"{name_of(point.engine)}: {point.words}" for point in found.points]
    said += [f"⚠ {caveat}" for caveat in found.caveats]
    st.html(f"<ul class='uth-said'>{''.join(f'<li>{plain(each)}</li>' for each in said)}</ul>")
    st.dataframe(
        [
            {
                "engine": name_of(point.engine),
                "per call": duration(point.seconds),
                "reached": _flops(point.flops_per_second),
                "of the roof": f"{point.share:.2%}",
                "bound by": point.bound.value,
            }
            for point in found.points
        ],
        hide_index=True,
        height="content",
        alt="Every engine's share of the roof",
    )
    with st.expander("What is counted, and how the roof was measured"):
        st.dataframe(
            [
                {
                    "operator": each.operator,
                    "calls": each.calls,
                    "operations of products": each.products,
                    "other operations": each.elementwise,
                }
                for each in work.operators
            ],
            hide_index=True,
            height="content",
            alt="The model's operations, by PyTorch's operator",
        )
        st.caption(
            f"Bytes: {work.parameters:,} of parameters, {work.buffers:,} of buffers, "
            f"{work.inputs:,} of inputs, {work.outputs:,} of outputs. {peak.rule}"
        )


def _figure(found: Roofline) -> go.Figure:
    work, roof = found.work, found.roof
    assert work is not None
    assert roof is not None
    figure = go.Figure()
    centre = [work.intensity or 1.0, *(each.ridge for each in found.roofs)]
    along = np.geomspace(min(centre) / 10, max(centre) * 10, 200)
    for each in found.roofs:
        mine = each == roof
        figure.add_scatter(
            x=along,
            y=[each.at(intensity) / 1e9 for intensity in along],
            mode="lines",
            name=f"roof of {'a cache' if each.cached else 'memory'}",
            line={
                "color": theme_colour("ink" if mine else "muted"),
                "dash": "solid" if mine else "dot",
                "width": 3 if mine else 2,
            },
        )
    for point, symbol in zip(found.points, _SYMBOLS, strict=False):
        figure.add_scatter(
            x=[work.intensity],
            y=[point.flops_per_second / 1e9],
            mode="markers",
            name=f"{name_of(point.engine)}, {point.share:.1%}",
            marker={"size": 13, "symbol": symbol},
        )
    figure.update_xaxes(
        title="operations per byte that must be moved", type="log", exponentformat="power", dtick=1
    )
    figure.update_yaxes(title="billion operations per second", type="log", exponentformat="power", dtick=1)
    return figure


def _flops(value: float) -> str:
    return f"{value / 1e9:.3g} GFLOP/s"
