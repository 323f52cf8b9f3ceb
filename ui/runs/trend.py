"""One engine over time, run after run."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.benchmark.history import RunLine, Series, TrendPoint
from core.units import duration
from core.zoo import titles
from ui.benchmark.desk import sees, the_desk
from ui.benchmark.words import name_of
from ui.figures import follow_theme, show_figure
from ui.numbers import times
from ui.style import theme_colour


def show_trend(lines: Sequence[RunLine], *, projector: bool) -> None:
    """Draws the choice and the course."""
    found = series_of(lines)
    if not found:
        st.caption("There is nothing yet to follow over time.")
        return
    several = len({each.machine_id for each in found}) > 1
    machines = {line.machine_id: line.machine.cpu for line in lines}
    series = st.selectbox(
        "Engine, model, batch and threads",
        found,
        format_func=lambda each: _label(each) + (f", {machines[each.machine_id]}" if several else ""),
        key="runs:series",
    )
    points = the_desk().history.trend(sees(), series)
    follow_theme()
    _draw(points, projector=projector)
    st.dataframe(
        [
            {
                "open": f"/runs?run={point.run}",
                "measured": point.started,
                "median": "" if point.result.median is None else duration(point.result.median),
                "times as fast as the baseline": ""
                if point.result.ratio is None
                else f"{times(point.result.ratio)} ({times(point.result.low or 0)} to "
                f"{times(point.result.high or 0)})",
                "verdict": point.result.verdict or point.result.problem or "the baseline",
                "torch": point.versions.torch,
                "onnxruntime": point.versions.onnxruntime,
            }
            for point in reversed(points)
        ],
        hide_index=True,
        column_config={
            "open": st.column_config.LinkColumn(display_text="open"),
            "measured": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
        alt="The points of the figure, the newest first",
    )


def series_of(lines: Sequence[RunLine]) -> list[Series]:
    """What can be followed, the most frequent first."""
    counts: dict[Series, int] = {}
    for line in lines:
        for each in line.results:
            if each.median is not None:
                key = Series(
                    each.model,
                    each.engine,
                    each.batch,
                    each.threads,
                    line.machine_id,
                    each.machine,
                    each.seed,
                )
                counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda each: -counts[each])


def _draw(points: Sequence[TrendPoint], *, projector: bool) -> None:
    known = [(number, point) for number, point in enumerate(points, 1) if point.result.median is not None]
    figure = go.Figure()
    figure.add_scatter(
        x=[number for number, _ in known],
        y=[(point.result.median or 0) * 1e6 for _, point in known],
        mode="lines+markers",
        marker={"size": 9, "color": theme_colour("forward")},
        line={"color": theme_colour("forward")},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [
                ((point.result.upper_quartile or 0) - (point.result.median or 0)) * 1e6 for _, point in known
            ],
            "arrayminus": [
                ((point.result.median or 0) - (point.result.lower_quartile or 0)) * 1e6 for _, point in known
            ],
        },
        hovertext=[f"{point.started:%Y-%m-%d %H:%M} UTC" for _, point in known],
        showlegend=False,
    )
    before = None
    for number, point in known:
        if before is not None and point.versions_id != before:
            figure.add_vline(x=number - 0.5, line={"dash": "dot", "color": theme_colour("gradient")})
        before = point.versions_id
    figure.update_xaxes(
        title="run, the oldest first; dotted: other library versions from here on",
        tick0=1,
        dtick=max(1, len(points) // 10),
    )
    figure.update_yaxes(title="µs per call, median and quartiles", rangemode="tozero")
    medians = [point.result.median for _, point in known if point.result.median is not None]
    alt = (
        f"{len(medians)} runs, medians from {duration(min(medians))} to {duration(max(medians))}"
        if medians
        else "No runs"
    )
    show_figure(figure, key="runs:trend", projector=projector, height=330, alt=alt, download="trend")


def _label(series: Series) -> str:
    model = titles().get(series.model, series.model)
    threads = f"{series.threads} thread{'s' if series.threads > 1 else ''}"
    return f"{name_of(series.engine)}: {model}, batch {series.batch}, {threads}" + (
        f", on {series.machine}" if series.machine else ""
    )
