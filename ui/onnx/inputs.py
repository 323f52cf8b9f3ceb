"""The inputs of the ONNX lab: from the address and the widgets to a plan."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.export.plan import MAX_BATCH, Exporter, ExportError, ExportPlan, axes
from core.export.presets import PRESETS
from core.export.specimens import build, titles
from ui.benchmark import best, fair, question, roof
from ui.benchmark import inputs as benchmark_inputs
from ui.links import (
    Parameter,
    choice_complaint,
    forget_notices,
    reset,
    switch_complaint,
    whole_number_complaint,
)

PAGE: Final = "onnx"
TABS: Final = ("Why?", "What if?", "Where does it break?", "Where it runs", "Benchmark", "Take it away")
WHY_VIEWS: Final = ("What is in the file", "Same numbers?", "Layer by layer")
BENCH_VIEWS: Final = ("Who is faster?", "Is it fair?", "Best here", "Roofline", "Per operator")
PLACES: Final = ("In this browser", "On this server", "Elsewhere")

OWN_FILE: Final = "Your own .onnx file"
MODELS: Final = {title: name for name, title in titles().items()}
"""What a menu and the address say, and the model's name."""
SOURCES: Final = (*MODELS, OWN_FILE)
WORKED: Final = ExportPlan()
WORKED_MODEL: Final = titles()[WORKED.model]
BATCH_AXES: Final = "batch"
NO_AXES: Final = "none"
ALL_AXES: Final = "all"
LANGUAGES: Final = ("Python", "JavaScript", "C++", "Rust", "Java", "TensorRT", "Core ML")
MAX_SEED: Final = 2**31 - 1


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("predict", False, switch_complaint),
        Parameter("model", WORKED_MODEL, choice_complaint(SOURCES)),
        Parameter("exporter", WORKED.exporter.value, choice_complaint(tuple(Exporter))),
        Parameter("opset", WORKED.opset, whole_number_complaint(0, 10**6)),
        Parameter("batch", WORKED.batch, whole_number_complaint(0, 10**6)),
        Parameter("seed", WORKED.seed, whole_number_complaint(0, MAX_SEED)),
        Parameter("axes", BATCH_AXES, _any_text, free=True),
        Parameter("optimize", WORKED.optimize, switch_complaint),
        Parameter("training", WORKED.training, switch_complaint),
        Parameter("external", WORKED.external_data, switch_complaint),
        Parameter("inputs", "", _any_text, free=True),
        Parameter("outputs", "", _any_text, free=True),
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("view", WHY_VIEWS[0], choice_complaint(WHY_VIEWS)),
        Parameter("where", PLACES[0], choice_complaint(PLACES)),
        Parameter("language", LANGUAGES[0], choice_complaint(LANGUAGES)),
        Parameter("bench", BENCH_VIEWS[0], choice_complaint(BENCH_VIEWS)),
        *benchmark_inputs.parameters(),
        *question.parameters(),
        *fair.parameters(),
        *best.parameters(),
        *roof.parameters(),
        Parameter("preset", PRESETS[0].title, choice_complaint(tuple(item.title for item in PRESETS))),
    )


def start_again() -> None:
    """Callback: the worked example, in every input; the visitor stays on the same tab."""
    reset({item.key: item.default for item in parameters() if item.key != "tab"})
    forget_notices("frame", PAGE)


def from_file() -> bool:
    """Whether the model is a file of the visitor's."""
    return bool(st.session_state.model == OWN_FILE)


def chosen_model() -> str:
    """The short name of the model on the stage."""
    return MODELS[st.session_state.model or WORKED_MODEL]


def chosen_seed() -> int:
    """The seed on the stage; the worked example's where it is none."""
    seed = st.session_state.seed
    return int(seed) if seed is not None and 0 <= seed <= MAX_SEED else WORKED.seed


def read_plan() -> ExportPlan:
    """The plan that the inputs describe.

    Raises:
        ExportError: for one that cannot be.
    """
    state = st.session_state
    model = chosen_model()
    seed = _whole("seed", "seed")
    if seed > MAX_SEED:
        raise ExportError(f"The seed is {seed}: choose 0 to {MAX_SEED}.")
    plan = ExportPlan(
        model=model,
        seed=seed,
        batch=_whole("batch", "batch"),
        exporter=Exporter(state.exporter or Exporter.DYNAMO),
        opset=_whole("opset", "opset"),
        dynamic=_axes(model, str(state.axes or "")),
        optimize=bool(state.optimize),
        training=bool(state.training),
        external_data=bool(state.external) and state.exporter != Exporter.LEGACY,
        input_names=_names(state.inputs),
        output_names=_names(state.outputs),
    )
    plan.build()
    return plan


def set_plan(plan: ExportPlan) -> None:
    """Sets the inputs to a plan; for callbacks."""
    reset(
        {
            "model": titles()[plan.model],
            "exporter": plan.exporter.value,
            "opset": plan.opset,
            "batch": plan.batch,
            "seed": plan.seed,
            "axes": _axes_text(plan),
            "optimize": plan.optimize,
            "training": plan.training,
            "external": plan.external_data,
            "inputs": ", ".join(plan.input_names),
            "outputs": ", ".join(plan.output_names),
        }
    )


def draw_inputs(*, compact: bool) -> None:
    """Draws the inputs on the stage; `compact` for one line without labels."""
    hidden: Literal["visible", "collapsed"] = "collapsed" if compact else "visible"
    columns = st.columns([1.6, 1, 0.8, 1], gap="small", vertical_alignment="center") if compact else None
    places: list[DeltaGenerator] = list(columns) if columns else [st.container() for _ in range(4)]
    with places[0]:
        st.selectbox(
            "Model", SOURCES, index=SOURCES.index(WORKED_MODEL), key="model", bind="query-params",
            label_visibility=hidden,
        )  # fmt: skip
    if from_file():
        return
    with places[1]:
        st.segmented_control(
            "Exporter", [each.value for each in Exporter], default=WORKED.exporter.value, key="exporter",
            bind="query-params", label_visibility=hidden, required=True,
            help="`dynamo` is `torch.onnx.export` of today; `legacy` follows one run (`dynamo=False`)",
        )  # fmt: skip
    with places[2]:
        st.number_input(
            "Opset asked for", value=WORKED.opset, step=1, key="opset", bind="query-params",
            label_visibility=hidden, help="The version of ONNX's operators: newer ones say more",
        )  # fmt: skip
    with places[3]:
        _options(compact=compact)


def _options(*, compact: bool) -> None:
    summary = _summary()
    with st.popover(
        "Options" if compact else summary, icon=":material/tune:", width="stretch", help=f"Now: {summary}",
        key="onnx-options",
    ):  # fmt: skip
        left, right = st.columns(2, gap="small")
        left.number_input(
            "Batch of the example", value=WORKED.batch, step=1, key="batch", bind="query-params",
            help=f"1 to {MAX_BATCH}; with 1 an exporter may take it for constant",
        )  # fmt: skip
        right.number_input("Seed", value=WORKED.seed, step=1, key="seed", bind="query-params")
        st.text_input(
            "Open axes", BATCH_AXES, key="axes",
            help=f"`{BATCH_AXES}`, `{NO_AXES}`, `{ALL_AXES}`, or some of "
            f"{', '.join(f'`{axis}`' for axis in _known_axes())}",
        )  # fmt: skip
        st.text_input(
            "Input names", "", key="inputs", placeholder="the model's own",
            help="What the graph calls its inputs, with commas between",
        )  # fmt: skip
        st.text_input(
            "Output names", "", key="outputs", placeholder="output",
            help="What the graph calls its outputs, with commas between",
        )  # fmt: skip
        st.toggle(
            "Fold constants and simplify", value=True, key="optimize", bind="query-params",
            help="`optimize` of dynamo, `do_constant_folding` of legacy",
        )  # fmt: skip
        st.toggle(
            "Left in training mode", key="training", bind="query-params",
            help="As when `model.eval()` was forgotten",
        )  # fmt: skip
        st.toggle(
            "Weights in a file beside it", key="external", bind="query-params",
            disabled=st.session_state.exporter == Exporter.LEGACY,
            help="`external_data=True`, which is dynamo's default",
        )  # fmt: skip
    if _summary() != summary:
        st.rerun()  # the inputs have taken their values from the link


def _summary() -> str:
    state = st.session_state
    mode = " · train" if state.training else ""
    return f"batch {state.batch} · seed {state.seed} · {str(state.axes or NO_AXES)[:12]} open{mode}"


def _whole(key: str, name: str) -> int:
    value = st.session_state[key]
    if value is None:
        raise ExportError(f"The {name} is empty: give a whole number.")
    return int(value)


def _known_axes() -> tuple[str, ...]:
    return axes(build(MODELS.get(st.session_state.model, WORKED.model)))


def _axes(model: str, text: str) -> tuple[str, ...] | None:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if words == (BATCH_AXES,):
        return None
    if words in {(), (NO_AXES,)}:
        return ()
    return axes(build(model)) if words == (ALL_AXES,) else words


def _axes_text(plan: ExportPlan) -> str:
    if plan.dynamic is None:
        return BATCH_AXES
    if plan.dynamic == axes(build(plan.model)):
        return ALL_AXES
    return ", ".join(plan.dynamic) or NO_AXES


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in str(text or "").split(",")) if str(text or "").strip() else ()


def _any_text(text: str) -> str:
    return "" if len(text) <= 500 else "is longer than 500 characters"
