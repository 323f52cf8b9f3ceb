"""Figures of a report: ratios with their intervals, distributions, a sweep, what others used meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from core.benchmark import CaseReport
from core.benchmark.report import EngineResult
from ui.benchmark.words import COLOURS, name_of, others
from ui.numbers import times
from ui.style import theme_colour

_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def ratio_figure(case: CaseReport) -> go.Figure:
    """A dot with its interval per engine, over the noise floor; to the right is faster."""
    figure = go.Figure()
    engines = others(case)
    if case.floor is not None:
        claim = 1 + case.floor.least_claim
        figure.add_vrect(
            x0=1 / claim, x1=claim, fillcolor=theme_colour("line"), opacity=0.6, line_width=0, layer="below"
        )
    figure.add_vline(x=1, line={"color": theme_colour("muted"), "dash": "dot"})
    for engine in reversed(engines):
        assert engine.judgement is not None
        found = engine.judgement.ratio
        figure.add_scatter(
            x=[found.value],
            y=[name_of(engine.name)],
            mode="markers+text",
            text=[times(found.value)],
            textposition="top center",
            marker={"size": 13, "color": theme_colour(COLOURS[engine.judgement.verdict])},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [found.high - found.value],
                "arrayminus": [found.value - found.low],
                "thickness": 2.5,
                "width": 7,
            },
            showlegend=False,
            hovertemplate=f"{times(found.value)} ({times(found.low)} to {times(found.high)})<extra></extra>",
        )
    figure.update_xaxes(
        title=f"times as fast as {name_of(case.baseline)}",
        **factor_axis([1.0, *(value for each in engines for value in _interval(each))]),
    )
    # Room above the topmost dot for its number.
    figure.update_yaxes(range=[-0.5, len(engines) - 0.3])
    return figure


def distribution_figure(case: CaseReport, *, single: bool) -> go.Figure:
    """A box with all points per engine.

    Args:
        case: the comparison.
        single: whether of single calls; else of the rounds' means, the rejected ones hollow.
    """
    figure = go.Figure()
    names = [each.name for each in case.engines if any(_times(case, each.name, single=single))]
    scale, unit = _unit(
        [time for name in names for part in _times(case, name, single=single) for time in part]
    )
    if case.twin and not single:
        names.insert(1, case.twin)
    for name in reversed(names):
        counted, rejected = _times(case, name, single=single)
        figure.add_box(
            x=[value * scale for value in counted],
            name=name_of(name),
            boxpoints="all",
            jitter=0.6,
            pointpos=0,
            marker={
                "size": 3 if single else 5,
                "opacity": 0.5 if single else 0.8,
                "color": theme_colour("muted" if name in {case.baseline, case.twin} else "forward"),
            },
            line={"width": 2},
            fillcolor="rgba(0,0,0,0)",
            showlegend=False,
            hoverinfo="x",
        )
        if rejected:
            figure.add_scatter(
                x=[value * scale for value in rejected],
                y=[name_of(name)] * len(rejected),
                mode="markers",
                marker={"symbol": "circle-open", "size": 7, "color": theme_colour("silent")},
                showlegend=False,
                hovertemplate="rejected: %{x}<extra></extra>",
            )
    figure.update_xaxes(
        title=f"{unit} per call, {'single calls' if single else 'mean of each round'}", type="log"
    )
    return figure


def sweep_figure(cases: Sequence[CaseReport]) -> go.Figure:
    """The ratio over the batch, a line per engine and number of threads."""
    figure = go.Figure()
    figure.add_hline(y=1, line={"color": theme_colour("muted"), "dash": "dot"})
    threads = sorted({case.threads for case in cases})
    names = list(dict.fromkeys(each.name for case in cases for each in others(case)))
    for number, name in enumerate(names):
        for dash, count in zip(_DASHES, threads, strict=False):
            points = [
                (case.batch, each.judgement.ratio)
                for case in sorted(cases, key=lambda case: case.batch)
                if case.threads == count
                for each in others(case)
                if each.name == name and each.judgement is not None
            ]
            several = f", {count} threads" if len(threads) > 1 else ""
            figure.add_scatter(
                x=[batch for batch, _ in points],
                y=[found.value for _, found in points],
                mode="lines+markers",
                name=f"{name_of(name)}{several}",
                line={"dash": dash, "width": 2},
                marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 10},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [found.high - found.value for _, found in points],
                    "arrayminus": [found.value - found.low for _, found in points],
                },
            )
    batches = sorted({case.batch for case in cases})
    figure.update_xaxes(title="batch", type="log", tickvals=batches, ticktext=[str(each) for each in batches])
    values = [1.0, *(value for case in cases for each in others(case) for value in _interval(each))]
    figure.update_yaxes(title=f"times as fast as {name_of(cases[0].baseline)}", **factor_axis(values))
    return figure


def foreign_figure(case: CaseReport, most: float) -> go.Figure | None:
    """What others used of the machine in each round; None where that cannot be read.

    Args:
        case: the comparison.
        most: the share above which a round does not count.
    """
    read = [(each.number, each.foreign, each.rejected) for each in case.rounds if each.foreign is not None]
    if not read:
        return None
    figure = go.Figure()
    for rejected, name, colour, pattern in (
        (False, "counts", "fired", ""),
        (True, "rejected", "silent", "/"),
    ):
        these = [(number + 1, share * 100) for number, share, out in read if out is rejected]
        if these:
            figure.add_bar(
                x=[number for number, _ in these],
                y=[share for _, share in these],
                name=name,
                marker={"color": theme_colour(colour), "pattern": {"shape": pattern}},
            )
    figure.add_hline(y=most * 100, line={"color": theme_colour("muted"), "dash": "dash"})
    figure.update_xaxes(title="round")
    figure.update_yaxes(title="% of this machine", rangemode="tozero", nticks=5)
    return figure


def _interval(engine: EngineResult) -> tuple[float, float]:
    assert engine.judgement is not None
    return engine.judgement.ratio.low, engine.judgement.ratio.high


def _times(case: CaseReport, name: str, *, single: bool) -> tuple[list[float], list[float]]:
    """The times that count, and the rejected ones, in seconds."""
    if single:
        return [value for each in case.engines if each.name == name for value in each.samples], []
    rounds = [each for each in case.rounds if name in each.seconds]
    return (
        [each.seconds[name] for each in rounds if not each.rejected],
        [each.seconds[name] for each in rounds if each.rejected],
    )


def _unit(seconds: Sequence[float]) -> tuple[float, str]:
    smallest = min(seconds, default=1.0)
    return next(
        ((scale, unit) for scale, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")) if smallest * scale >= 1),
        (1e6, "µs"),
    )


def factor_axis(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with round factors for its ticks."""
    low, high = min(values) / 1.15, max(values) * 1.15
    ticks = [
        digit * 10.0**power
        for power in range(-4, 5)
        for digit in (1, 1.5, 2, 3, 5, 7)
        if low <= digit * 10.0**power <= high
    ]
    if len(ticks) < 3:
        ticks = [round(low + (high - low) * part / 4, 2) for part in range(5)]
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
