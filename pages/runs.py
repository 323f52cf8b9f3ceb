"""All measurements: what was measured, when and where; one of them, several side by side, or over time."""

import streamlit as st

from core.benchmark.history import HistoryError
from ui.benchmark.desk import sees, the_desk
from ui.lab import head
from ui.links import open_page
from ui.messages import trouble
from ui.runs.beside import show_side_by_side
from ui.runs.elsewhere import show_import, show_machines
from ui.runs.inputs import PAGE, RUN, VIEWS, parameters, run_complaint, start_again
from ui.runs.listing import show_list
from ui.runs.one import show_run
from ui.runs.trend import show_trend

MOST = 200

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())
head(
    PAGE,
    "Runs",
    "Every measurement, with all its rounds: to keep, to compare, to repeat.",
    hides="",
    projector=projector,
    on_reset=start_again,
)

history = the_desk().history
wanted = str(st.query_params.get(RUN, ""))
run = None
if wanted:
    try:
        run = history.get(wanted) if not run_complaint(wanted) else None
        if run is None:
            trouble("There is no such run here: it may have been deleted, or the link is not complete.")
    except HistoryError as error:
        trouble(str(error))
if history.problem:
    trouble(history.problem)

if run is not None:
    show_run(run, projector=projector)
else:
    lines = history.runs(sees(), limit=MOST)
    view = st.segmented_control(
        "View",
        VIEWS,
        default=VIEWS[0],
        key="view",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if view == VIEWS[1]:
        show_side_by_side(lines, projector=projector)
    elif view == VIEWS[2]:
        show_trend(lines, projector=projector)
    elif view == VIEWS[3]:
        show_machines()
    elif view == VIEWS[4]:
        show_import()
    else:
        show_list(lines, projector=projector)
