"""Train live: a small training run elsewhere, whose hooks stream their statistics while one looks on."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from core.hooks.ablation import watch_all
from core.hooks.child import read_steps, start_training
from core.hooks.plan import Plan
from core.hooks.run import Report
from core.hooks.training import MAX_STEPS, Finding, Reading, Step, Training, TrainingError
from ui.figures import show_figure
from ui.job import POLL_SECONDS, Job, current_job, start_button, stop_job
from ui.messages import trouble
from ui.places import my_place, queued
from ui.style import theme_colour
from ui.text import with_code

KEY: Final = "hooks:training"
MEASURES: Final = ("norm", "mean", "std", "zeros")
SIDES: Final = ("outputs", "gradients")
MAX_LINES: Final = 24
MAX_FINDINGS: Final = 3
MAX_POINTS: Final = 300


@dataclass(frozen=True)
class Preset:
    """A training in which something goes wrong: what the menu says, and the inputs."""

    title: str
    model: str
    gain: float
    rate: float
    nan_at: int


PRESETS: Final = (
    Preset("Gradients vanish", "Vanishing gradients", 1.0, 0.05, 0),
    Preset("Gradients explode", "Exploding gradients", 1.0, 1e-6, 0),
    Preset("ReLUs die", "Multilayer perceptron", 1.0, 2.0, 0),
    Preset("A NaN appears", "Multilayer perceptron", 1.0, 0.05, 20),
)


def show_live(plan: Plan, report: Report, *, projector: bool) -> None:
    """Draws the view."""
    training = _draw_controls(plan, report)
    if training is None:
        return
    job = current_job(KEY, repr(training))
    if job is None:
        start_button(
            "Start", key=KEY, about=repr(training), start=lambda: start_training(training, place=my_place()),
            note=f"{training.steps:,} steps on 64 examples, in a process of its own; "
            f"{len(training.plan.hooks)} hooks report every step.",
        )  # fmt: skip
        return
    if job.listen():
        _watch(training, projector=projector)
    else:
        _show_run(job, training, projector=projector)


def _draw_controls(plan: Plan, report: Report) -> Training | None:
    state = st.session_state
    st.pills(
        "What goes wrong", [preset.title for preset in PRESETS], key="preset", on_change=_choose_preset,
        help="Sets the model and the numbers below so that it happens",
    )  # fmt: skip
    steps, rate, gain, nan_at, optimizer = st.columns(5, gap="small", vertical_alignment="bottom")
    steps.number_input("Steps", 1, MAX_STEPS, 200, step=50, key="steps", bind="query-params")
    rate.number_input("Learning rate", value=0.05, format="%g", key="rate", bind="query-params")
    gain.number_input(
        "Weights times", value=1.0, format="%g", key="gain", bind="query-params",
        help="What the initial weights are multiplied by",
    )  # fmt: skip
    nan_at.number_input("A NaN at step", 0, MAX_STEPS, 0, key="nan_at", bind="query-params", help="0: never")
    optimizer.segmented_control(
        "Optimizer", ["sgd", "adam"], default="sgd", key="optimizer", bind="query-params"
    )
    st.toggle(
        "Watch the output and the gradient of every layer, in place of the hooks above",
        key="every_layer", bind="query-params",
    )  # fmt: skip
    hooks = watch_all(plan, report.layers).hooks if state.every_layer else plan.hooks
    try:
        return Training(
            plan=replace(plan, hooks=hooks, batch=max(plan.batch, 8)),
            steps=int(state.steps or 0),
            learning_rate=float(state.rate or 0),
            gain=float(state.gain or 0),
            optimizer=state.optimizer or "sgd",
            nan_at=int(state.nan_at) if state.nan_at else None,
        )
    except TrainingError as error:
        trouble(str(error))
        return None


def _choose_preset() -> None:
    """Callback: the inputs of a preset; its hooks are those on every layer."""
    state = st.session_state
    preset = next((item for item in PRESETS if item.title == state.preset), None)
    if preset is None:
        return
    if state.model != preset.model:
        state.model = preset.model
        state.hook = ["model forward observe"]
    state.update(gain=preset.gain, rate=preset.rate, nan_at=preset.nan_at, every_layer=True)


@st.fragment(run_every=POLL_SECONDS)
def _watch(training: Training, *, projector: bool) -> None:
    job: Job | None = st.session_state.get(KEY)
    if job is None or not job.listen():
        st.rerun()
    if job.process.position:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/hourglass_top: {queued(job.process.position)} …")
            st.button("Stop", key="live:leave", icon=":material/stop:", on_click=stop_job, args=(KEY,))
        return
    course = _course(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        command = "resume" if course.paused else "pause"
        icon = ":material/play_arrow:" if course.paused else ":material/pause:"
        st.button(command.capitalize(), key=f"live:{command}", icon=icon, on_click=_tell, args=(command,))
        st.button("Stop", key="live:stop", icon=":material/stop:", on_click=_tell, args=("stop",))
    _show_run(job, training, projector=projector, running=True)


def _tell(command: str) -> None:
    """Callback: a command to the running process."""
    job: Job | None = st.session_state.get(KEY)
    if job is not None:
        job.process.send({"command": command})


def _show_run(job: Job, training: Training, *, projector: bool, running: bool = False) -> None:
    course = _course(job)
    done = 0 if course.last is None else course.last.number
    last = "" if course.last is None else f", loss {course.last.loss:.4g}"
    st.progress(done / training.steps, f"step {done:,} of {training.steps:,}{last}")
    if not running:
        if job.process.error:
            trouble(job.process.error)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Run again", key="live:again", icon=":material/replay:", on_click=stop_job, args=(KEY,))
            if course.last is not None and course.last.ended:
                st.caption(course.last.ended)
    for finding in course.findings[:MAX_FINDINGS]:
        _show_finding(finding)
    if len(course.findings) > MAX_FINDINGS:
        st.caption(f"… and {len(course.findings) - MAX_FINDINGS} more of the same run.")
    if course.steps:
        left, right = st.columns(2)
        both = {hook.the_kind.is_backward for hook in training.plan.hooks} == {True, False}
        side = left.segmented_control("Of", SIDES, default=SIDES[1], key="live:side") if both else None
        measure = right.segmented_control("Over the steps", MEASURES, default=MEASURES[0], key="live:measure")
        _draw(course, training, side, measure or MEASURES[0], projector=projector)


@dataclass
class _Course:
    """A training so far, in bounded memory: every finding, and of the steps as many as a picture shows."""

    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    last: Step | None = None
    every: int = 1
    paused: bool = False

    def add(self, step: Step) -> None:
        """Takes in the next step."""
        self.last = step
        self.findings += step.findings
        if (step.number - 1) % self.every == 0:
            self.steps.append(step)
        if len(self.steps) > 2 * MAX_POINTS:
            self.every *= 2
            self.steps = self.steps[::2]


def _course(job: Job) -> _Course:
    """The training so far; what has been read of the process's lines is let go."""
    course: _Course = job.made or _Course()
    for line in job.lines:
        for step in read_steps(line):
            course.add(step)
        if "state" in line:
            course.paused = line["state"] == "paused"
    job.lines.clear()
    job.made = course
    return course


def _show_finding(finding: Finding) -> None:
    st.html(
        f"<div class='uth-verdict trouble'><div class='what'>✗ step {finding.step}: "
        f"{html.escape(finding.kind.value)} · {html.escape(finding.layer or 'model')}</div>"
        f"<div class='why'>{with_code(finding.sentence)}</div></div>"
    )


def _draw(course: _Course, training: Training, side: str | None, measure: str, *, projector: bool) -> None:
    """A line per hook over the steps; `side` leaves out the outputs or the gradients."""
    shown = course.steps
    lines: dict[tuple[int, str], tuple[list[int], list[float | None]]] = {}
    for step in shown:
        for reading in step.readings:
            backward = training.plan.hooks[reading.hook].the_kind.is_backward
            if side is not None and backward != (side == SIDES[1]):
                continue
            numbers, values = lines.setdefault((reading.hook, reading.role), ([], []))
            if numbers and numbers[-1] == step.number:
                continue  # a layer that computes more than once in a step: its first
            numbers.append(step.number)
            values.append(_value(reading, measure))
    figure = go.Figure()
    for (hook, role), (numbers, values) in sorted(lines.items())[:MAX_LINES]:
        spec = training.plan.hooks[hook]
        figure.add_scatter(
            x=numbers, y=values, mode="lines", name=f"{spec.where} {_short(role)}",
            line={"dash": "dot" if spec.the_kind.is_backward else "solid", "width": 2},
        )  # fmt: skip
    figure.add_scatter(
        x=[step.number for step in shown], y=[step.loss for step in shown], mode="lines", name="loss",
        line={"width": 3, "color": theme_colour("ink")},
    )  # fmt: skip
    figure.update_xaxes(title="step")
    figure.update_yaxes(
        title=measure,
        type="log" if measure in {"norm", "std"} else "linear",
        exponentformat="power",
        nticks=6,
    )
    alt = f"The {measure} of what each hook saw, and the loss, over {shown[-1].number} steps"
    show_figure(figure, key="live-figure", alt=alt, projector=projector, height=360)
    st.caption(f"{alt}. Solid: forward; dotted: gradients.")


def _value(reading: Reading, measure: str) -> float | None:
    value: Any = getattr(reading, measure)
    return None if value is None or not reading.finite else float(value)


def _short(role: str) -> str:
    return "gradient" if role.startswith(("grad", "gradient")) else role
