"""Several runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from core.benchmark.history import HistoryError, Run, RunLine
from core.benchmark.side_by_side import MAX_RUNS, Cell, Row, SideBySide, side_by_side
from core.units import duration
from core.zoo import titles
from ui.benchmark.desk import the_desk
from ui.benchmark.words import age, name_of
from ui.figures import follow_theme, show_figure
from ui.messages import trouble
from ui.numbers import times
from ui.runs.inputs import choose_runs, chosen_runs, run_complaint
from ui.runs.listing import label
from ui.text import plain

KEY = "runs:compare"


def show_side_by_side(lines: Sequence[RunLine], *, projector: bool) -> None:
    """Draws the choice and the comparison."""
    chosen = chosen_runs()
    labels = {line.id: label(line) for line in lines}
    # A link may name runs that are not in the visitor's list: who has the number may see the run.
    labels |= {run: f"the run {run[:8]}" for run in chosen if run not in labels}
    st.session_state[KEY] = chosen
    st.multiselect(
        f"Runs to set side by side, 2 to {MAX_RUNS}",
        list(labels),
        format_func=lambda run: labels.get(run, run),
        key=KEY,
        placeholder="Choose runs",
        on_change=lambda: choose_runs(st.session_state[KEY]),
    )
    if len(chosen) < 2:
        st.caption("Choose at least two.")
        return
    try:
        found = {run: None if run_complaint(run) else the_desk().history.get(run) for run in chosen}
        runs = [run for run in found.values() if run is not None]
        if len(runs) < len(chosen):
            gone = ", ".join(run[:8] for run, there in found.items() if there is None)
            trouble(f"Not here: {gone}. They may have been deleted, or the link is not complete.")
        compared = side_by_side(runs)
    except HistoryError as error:
        trouble(str(error))
        return
    follow_theme()
    _draw(compared, runs, projector=projector)


def _draw(compared: SideBySide, runs: Sequence[Run], *, projector: bool) -> None:
    names = {run.id: f"{number}: {age(run.started)}" for number, run in enumerate(runs, 1)}
    said = [f"⚠ {each}" for each in compared.differences] or [
        "✓ The same machine, libraries, weights and method."
    ]
    st.html(f"<ul class='uth-said'>{''.join(f'<li>{plain(each)}</li>' for each in said)}</ul>")
    if not compared.rows:
        st.caption("They have no engine of the same model, batch and threads in common.")
        return
    _figure(compared, runs, names, projector=projector)
    st.dataframe(
        [
            {
                "model": titles().get(row.model, row.model),
                "batch": row.batch,
                "threads": row.threads,
                "engine": name_of(row.engine),
                **{names[run.id]: _words(cell) for run, cell in zip(runs, row.cells, strict=True)},
                "": "✗ intervals apart" if row.apart else "≈ intervals meet" if _judged(row.cells) else "",
            }
            for row in compared.rows
        ],
        hide_index=True,
        height="content",
        alt="Every engine that two or more of the runs have, with its median and its ratio in each",
    )
    if compared.alone:
        st.caption(f"{compared.alone} more are in one of the runs only.")


def _figure(compared: SideBySide, runs: Sequence[Run], names: Mapping[str, str], *, projector: bool) -> None:
    judged = [row for row in compared.rows if _judged(row.cells)]
    if not judged:
        return
    figure = go.Figure()
    for number, run in enumerate(runs):
        points = [
            (_where(row), cell)
            for row in judged
            if (cell := row.cells[number]) is not None and cell.ratio is not None
        ]
        figure.add_scatter(
            x=[cell.ratio for _, cell in points],
            y=[where for where, _ in points],
            mode="markers",
            name=names[run.id],
            marker={"size": 11, "symbol": number},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [(cell.high or 0) - (cell.ratio or 0) for _, cell in points],
                "arrayminus": [(cell.ratio or 0) - (cell.low or 0) for _, cell in points],
            },
        )
    figure.update_xaxes(title="times as fast as the baseline of its own run", type="log")
    figure.update_yaxes(autorange="reversed")
    show_figure(
        figure,
        key="runs:beside",
        projector=projector,
        height=140 + 46 * len(judged),
        alt="The ratios of the chosen runs, with their intervals",
        download="side-by-side",
    )


def _where(row: Row) -> str:
    threads = f"{row.threads} thread{'s' if row.threads > 1 else ''}"
    return f"{name_of(row.engine)}, {titles().get(row.model, row.model)}, batch {row.batch}, {threads}"


def _judged(cells: Sequence[Cell | None]) -> bool:
    return sum(cell is not None and cell.ratio is not None for cell in cells) > 1


def _words(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.median is None:
        return cell.verdict
    ratio = (
        ""
        if cell.ratio is None
        else f" · {times(cell.ratio)} ({times(cell.low or 0)} to {times(cell.high or 0)})"
    )
    return f"{duration(cell.median)}{ratio}{' ✗ other numbers' if cell.agrees is False else ''}"
