"""The Benchmark tab: is it faster here, is that fair, what is best, and where does the time go?"""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.benchmark import BenchmarkError, BenchmarkPlan
from core.benchmark.desk import Held
from core.benchmark.history import HistoryError, Run
from core.engines import EngineError
from core.units import duration
from core.zoo import ZooError, names, titles
from ui.benchmark.best import show_best
from ui.benchmark.desk import DEMO, THE_SERVER, machine_ids, sees, the_desk
from ui.benchmark.fair import show_fair
from ui.benchmark.inputs import draw_inputs, read_plan
from ui.benchmark.operators import show_operators
from ui.benchmark.report import show_report
from ui.benchmark.roof import show_roof
from ui.benchmark.running import (
    NOT_YET,
    current,
    draw_where,
    show_end,
    show_refusal,
    start_button,
    wait_for,
    wait_for_the_server,
)
from ui.benchmark.take_away import program_button
from ui.benchmark.words import age
from ui.figures import follow_theme
from ui.messages import trouble
from ui.onnx.inputs import BENCH_VIEWS

KEY: Final = "onnx:bench"
_LOOKED_THROUGH: Final = 100
"""In how many runs one with a verdict is looked for."""


def show_benchmark(model: str, seed: int, *, hidden: bool, projector: bool) -> None:
    """Draws the tab, for the model on the stage; `hidden` while a prediction is open."""
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    if model not in names():
        st.caption("This model is here for its export alone. The others are measured: choose one above.")
        return
    follow_theme()
    view = st.segmented_control(
        "Question",
        BENCH_VIEWS,
        default=BENCH_VIEWS[0],
        key="bench",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if view == BENCH_VIEWS[1]:
        show_fair(model, seed, projector=projector)
    elif view == BENCH_VIEWS[2]:
        show_best(model, seed)
    elif view == BENCH_VIEWS[3]:
        show_roof(model, seed, projector=projector)
    elif view == BENCH_VIEWS[4]:
        show_operators(model, seed, projector=projector)
    else:
        _who_is_faster(model, seed, projector=projector)


def _who_is_faster(model: str, seed: int, *, projector: bool) -> None:
    held = current(BenchmarkPlan)
    plan = _ask(model, seed, held, projector=projector)
    if held is not None and held.settled:
        show_end(held)
    if the_desk().history.problem:
        trouble(the_desk().history.problem)
    try:
        run = _run_for(model, held.runs[0] if held is not None and held.settled and held.runs else "")
    except HistoryError as error:
        trouble(str(error))
        return
    if run is not None:
        _show_run(run, plan, projector=projector)
        return
    ahead = current(BenchmarkPlan, THE_SERVER)
    if held is not None and not held.settled:
        st.caption("The result is here when it is measured.")
    elif ahead is not None and not ahead.settled and model in DEMO.models:
        st.caption("The worked example is measured after the server's start, which is now:")
        wait_for(ahead.job, key=f"{KEY}:ahead", mine=False)
    elif model in DEMO.models:
        wait_for_the_server()
    else:
        st.caption(NOT_YET)


def _ask(model: str, seed: int, held: Held | None, *, projector: bool) -> BenchmarkPlan | None:
    """Draws the inputs, and the button or how far the measurement is; gives the plan that they say."""
    place = st.container()
    if projector:
        # One line, so that the result is on the screen too.
        what, place = st.columns([1, 2.6], vertical_alignment="center", gap="small")
        with what.popover("What to measure", icon=":material/tune:", width="stretch"):
            draw_inputs(projector=True)
    else:
        with place:
            draw_inputs(projector=False)
    plan = None
    with place:
        try:
            plan = read_plan(model, seed)
            plan.check()
        except (BenchmarkError, EngineError, ZooError) as error:
            plan = None
            trouble(str(error))
        show_refusal(KEY)
        on = draw_where()
        if held is not None and not held.settled:
            wait_for(held.job, key=KEY)
        elif plan is not None:
            about = duration(round(plan.seconds()))
            note = f"About {about}, alone on the machine. You may leave meanwhile."
            start_button("Measure", plan, key=KEY, on=on, note=note)
    return plan


def _run_for(model: str, mine: str) -> Run | None:
    """The run to show: the visitor's last, if it has this model; else the newest from here with a verdict."""
    history = the_desk().history
    run = history.get(mine) if mine else None
    if run is not None and model in run.plan.models:
        return run
    ids = machine_ids()
    lines = [
        line
        for line in history.runs(sees(), model=model, limit=_LOOKED_THROUGH)
        if line.machine_id in ids and not line.imported
    ]
    line = next((each for each in lines if each.judged), lines[0] if lines else None)
    return None if line is None else history.get(line.id)


def _show_run(run: Run, plan: BenchmarkPlan | None, *, projector: bool) -> None:
    changed = plan not in {None, run.plan}
    when = f"Measured {age(run.started)}{', with other inputs' if changed else ''}."
    if projector:
        show_report(run.report, run.plan.method, key=f"{KEY}:{run.id}", about=when, projector=True)
        _links(run, "")
    else:
        _links(run, " **The inputs above have changed since.**" if changed else "")
        show_report(run.report, run.plan.method, key=f"{KEY}:{run.id}", projector=False)


def _links(run: Run, more: str) -> None:
    """What was measured, when and where, and the ways on from there."""
    with st.container(horizontal=True, vertical_alignment="center"):
        models = ", ".join(titles().get(model, model) for model in run.plan.models)
        st.markdown(f"{models}: measured {age(run.started)} on {run.machine.cpu}.{more}")
        program_button(run.plan, key=f"{KEY}:program")
        st.page_link("pages/runs.py", label="This run, to keep and to compare", query_params={"run": run.id})
