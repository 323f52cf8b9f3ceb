"""One run: where it was measured and how, all that was found, and files to keep."""

from __future__ import annotations

import streamlit as st

from core.benchmark.history import HistoryError, Run, write_csv, write_json
from core.units import duration
from core.zoo import titles
from ui.benchmark.desk import sees, the_desk
from ui.benchmark.report import show_report
from ui.benchmark.take_away import program_button
from ui.benchmark.words import age
from ui.messages import trouble
from ui.runs.inputs import start_again


def show_run(run: Run, *, projector: bool) -> None:
    """Draws a run."""
    models = ", ".join(titles().get(model, model) for model in run.plan.models)
    claim = " · **from a file: what it says of its machine is its sender's claim**" if run.imported else ""
    st.markdown(
        f"**{models}** · measured {age(run.started)} ({run.started:%Y-%m-%d %H:%M} UTC) "
        f"on {run.machine.cpu}, {run.machine.logical_cores} threads{claim}"
    )
    if run.note:
        st.text(run.note)
    _tools(run)
    if run.report.cases:
        show_report(run.report, run.plan.method, key=f"run:{run.id}", projector=projector)
    with st.expander("How and where it was measured"):
        st.table(facts(run), alt="The settings, the machine, the libraries and the weights of this run")


def facts(run: Run) -> dict[str, list[str]]:
    """Everything that tells whether another run may be compared with this one."""
    machine, method, versions = run.machine, run.plan.method, run.machine.versions
    rows = {
        "Machine": f"{machine.cpu}, {machine.physical_cores} cores, {machine.logical_cores} threads, "
        f"{machine.memory_total_bytes / 2**30:.1f} GiB; fingerprint {run.machine_id}",
        "GPU": ", ".join(gpu.name for gpu in machine.gpus) or f"none: {machine.no_gpu_because}",
        "System": machine.system,
        "Libraries": f"Python {versions.python}, torch {versions.torch}, onnx {versions.onnx}, "
        f"onnxruntime {versions.onnxruntime}; fingerprint {run.versions_id}",
        "Weights": ", ".join(f"{model}: {hashed}" for model, hashed in run.model_ids.items()),
        "Plan": f"batches {', '.join(map(str, run.plan.batches))}; threads "
        f"{', '.join(map(str, run.plan.threads))}; seed {run.plan.seed}; "
        f"idle threads {run.plan.options.spin}; graph optimizations {run.plan.options.optimization}",
        "Method": f"a process per engine, the idle ones stopped; blocks of {duration(method.block_seconds)} "
        f"in random order; at least {method.least_rounds} rounds that count and "
        f"{duration(method.least_seconds)}; a round does not count when others used more than "
        f"{method.most_foreign:.0%} of the machine; {method.samples} single calls after the rounds",
        "Took": duration(run.report.seconds),
        "Number": run.id,
    }
    return {"fact": list(rows), "value": list(rows.values())}


def _tools(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All runs", icon=":material/arrow_back:", on_click=start_again, key="runs:back")
        st.download_button(
            "JSON",
            lambda: write_json(run),
            f"run-{run.id}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            help="All of it, with every round; it can be brought in again, here or elsewhere",
        )
        st.download_button(
            "CSV",
            lambda: write_csv(run),
            f"run-{run.id}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="A line per engine and round",
        )
        program_button(run.plan, key="runs:program")
        if sees() in {None, run.owner}:
            with st.popover("Delete", icon=":material/delete:"):
                st.caption("It is gone for everyone who has its link.")
                st.button("Delete this run", on_click=_delete, args=(run.id,), key="runs:delete")
    said = st.session_state.pop("runs:trouble", "")
    if said:
        trouble(said)


def _delete(run: str) -> None:
    try:
        the_desk().history.delete(run, sees())
    except HistoryError as error:
        st.session_state["runs:trouble"] = str(error)
        return
    start_again()
