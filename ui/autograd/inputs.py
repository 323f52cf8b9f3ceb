"""The inputs of the autograd lab: from the address and the widgets to a checked problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.gradients import Expression, ExpressionError, Problem, ProblemError, parse, problem
from core.gradients.descent import MAX_STEPS
from core.gradients.dynamic import MAX_TURNS, PROGRAMS
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.operations import DTYPES, REDUCTIONS
from core.gradients.problem import MAX_BATCH
from core.gradients.traps import TRAPS
from ui.links import (
    Parameter,
    choice_complaint,
    forget_notices,
    free_text,
    number_complaint,
    positive_complaint,
    reset,
    switch_complaint,
    whole_number_complaint,
)
from ui.number import number

PAGE = "autograd"
WORKED = EXAMPLES[0]
WORKED_NAMES = tuple(WORKED.values)
TABS = ("Why?", "What if?", "Where does it break?", "Take it away")

INPUTS_FIRST = "autograd:inputs-first"
"""Whether the next run draws the inputs before the result."""

INPUTS_PER_PROJECTED_ROW = 4
WHY_VIEWS = ("Step by step", "PyTorch's graph", "Four witnesses", "Your own derivative")
WHAT_IF_VIEWS = ("Landscape and descent", "A new graph in every run")

_TAKEN = frozenset(
    "projector predict tab loss dtype reduction wrt lists view step "  # noqa: SIM905 - reads well
    "all whole digits of own explore across up surface rate steps program pw px turns trap "
    "embed embed_options".split()
)
"""Names in the address that belong to the lab or to Streamlit; a variable so called gets a dot behind it.

Keys of other elements are no identifiers (`lab-stage`, `step:next`), so no variable is called like them."""


@dataclass(frozen=True)
class Inputs:
    """What the visitor asks for, or why that cannot be computed."""

    problem: Problem | None
    message: str = ""
    excerpt: str = ""


def key_of(name: str) -> str:
    """The name of a variable in the address."""
    return f"{name}." if name in _TAKEN else name


def list_key_of(name: str) -> str:
    """The name of a variable's list in the address."""
    return f"{name}[]"


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold, with the variables of the link's own loss."""
    try:
        names = parse(free_text(PAGE, "loss", WORKED.loss)).variables
    except ExpressionError:
        names = WORKED_NAMES
    return _parameters(names)


def _parameters(names: tuple[str, ...]) -> tuple[Parameter, ...]:
    wrt = _default_wrt(names)
    axes = (*wrt, *(name for name in names if name not in wrt), names[0])
    on_stage = (
        Parameter("predict", False, switch_complaint),
        Parameter("loss", WORKED.loss, _loss_complaint, free=True),
        Parameter("dtype", "float32", choice_complaint(DTYPES)),
        Parameter("reduction", "mean", choice_complaint(REDUCTIONS)),
        Parameter("wrt", wrt, choice_complaint(names)),
        Parameter("lists", [], choice_complaint(names)),
        *(Parameter(key_of(name), default_value(name), number_complaint) for name in names),
        *(Parameter(list_key_of(name), _default_list(name), _list_complaint, free=True) for name in names),
    )
    below = (
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("view", WHY_VIEWS[0], choice_complaint(WHY_VIEWS)),
        Parameter("step", 1, whole_number_complaint(1)),
        Parameter("all", False, switch_complaint),
        Parameter("whole", False, switch_complaint),
        Parameter("digits", False, switch_complaint),
        Parameter("of", wrt[0], choice_complaint(names)),
        Parameter("own", "", lambda _: "", free=True),
        Parameter("explore", WHAT_IF_VIEWS[0], choice_complaint(WHAT_IF_VIEWS)),
        Parameter("across", axes[0], choice_complaint(names)),
        Parameter("up", axes[1], choice_complaint(names)),
        Parameter("surface", False, switch_complaint),
        Parameter("rate", 0.02, positive_complaint),
        Parameter("steps", 40, whole_number_complaint(1, MAX_STEPS)),
        Parameter("program", PROGRAMS[0].title, choice_complaint(tuple(item.title for item in PROGRAMS))),
        Parameter("pw", 0.5, number_complaint),
        Parameter("px", 2.0, number_complaint),
        Parameter("turns", 3, whole_number_complaint(0, MAX_TURNS)),
        Parameter("trap", TRAPS[0].title, choice_complaint(tuple(item.title for item in TRAPS))),
    )
    return on_stage + below


def default_value(name: str) -> float:
    """A variable's value before anyone changes it: the worked example's, else 1."""
    return float(WORKED.values.get(name, 1.0))


def start_again() -> None:
    """Callback: the worked example, in every input; the visitor stays on the same tab."""
    reset({item.key: item.default for item in _parameters(WORKED_NAMES) if item.key != "tab"})
    st.session_state[INPUTS_FIRST] = True
    forget_notices("frame", PAGE)


def read_inputs() -> Inputs:
    """The problem that the inputs describe, from the visit's state.

    It needs no widget to be drawn, except in a visit's first run, when only the widgets have read the link:
    so the result can be sent before the inputs are drawn again.
    """
    state = st.session_state
    try:
        formula = parse(str(state.loss or ""))
    except ExpressionError as error:
        return Inputs(None, error.message, error.excerpt())
    values: dict[str, float | list[float]] = {}
    lists = _chosen("lists", formula)
    for name in formula.variables:
        if name in lists:
            complaint, values[name] = _read_list(str(state.get(list_key_of(name), _default_list(name))))
            if complaint:
                return Inputs(None, f"`{name}` {complaint}")
            continue
        value = state.get(key_of(name), default_value(name))
        if value is None:
            return Inputs(None, f"`{name}` holds no number: type a finite number such as 0.5.")
        values[name] = float(value)
    wrt = _chosen("wrt", formula) or _default_wrt(formula.variables)
    try:
        return Inputs(problem(formula, values, wrt, state.dtype or "float32", state.reduction or "mean"))
    except ProblemError as error:
        return Inputs(None, str(error))


def draw_inputs(head: DeltaGenerator, *, projector: bool) -> None:
    """Draws the inputs.

    Args:
        head: the place in the head line; there the loss goes for the projector.
        projector: whether the inputs are drawn in one row.
    """
    variables = st.container()
    below = head.container(horizontal=True, gap="small") if projector else st.container()
    with below:
        if not projector:
            _example_menu()
        st.text_input(
            "Loss L",
            WORKED.loss,
            key="loss",
            label_visibility="collapsed" if projector else "visible",
            help="Any names as variables; `+ - * / **`, parentheses, numbers and "
            "`exp log sqrt sin cos tan tanh sigmoid relu softplus abs min max pow`",
        )
    # While the loss cannot be read, the inputs of the last one that could stay.
    try:
        st.session_state["autograd:formula"] = parse(str(st.session_state.loss or ""))
    except ExpressionError:
        st.session_state.setdefault("autograd:formula", parse(WORKED.loss))
    formula: Expression = st.session_state["autograd:formula"]
    with below:
        _options(formula, projector=projector)
    with variables:
        _variable_inputs(formula, projector=projector)


def _chosen(key: str, formula: Expression) -> list[str]:
    """The variables chosen in a menu, as far as the formula has them."""
    return [name for name in st.session_state.get(key) or [] if name in formula.variables]


def _example_menu() -> None:
    st.selectbox(
        "Example",
        [example.title for example in EXAMPLES],
        index=None,
        placeholder="Start from an example …",
        key="autograd:example",
        on_change=_choose_example,
        label_visibility="collapsed",
    )


def _choose_example() -> None:
    chosen = st.session_state["autograd:example"]
    example = next((item for item in EXAMPLES if item.title == chosen), None)
    if example is not None:
        _start(example)


def _start(example: Example) -> None:
    numbers = {key_of(name): float(value) for name, value in example.values.items()}
    reset({"loss": example.loss, "wrt": list(example.wrt), "lists": [], **numbers})
    st.session_state[INPUTS_FIRST] = True


def _options(formula: Expression, *, projector: bool) -> None:
    names = formula.variables
    state = st.session_state
    state.wrt = _chosen("wrt", formula) or _default_wrt(names)
    state.lists = _chosen("lists", formula)
    state.dtype = state.dtype or "float32"
    state.reduction = state.reduction or "mean"
    summary = f"{state.dtype} · {', '.join(f'∂{name}' for name in state.wrt)}"
    width: Literal["content", "stretch"] = "content" if projector else "stretch"
    with st.popover(
        "" if projector else summary, icon=":material/tune:", width=width, help=f"Now: {summary}"
    ):
        if projector:
            _example_menu()
        st.segmented_control(
            "Number format (dtype)", DTYPES, default="float32", key="dtype", bind="query-params"
        )
        st.pills(
            "Differentiate by", names, selection_mode="multi", key="wrt", bind="query-params",
            default=_default_wrt(names),
            help="These variables get `requires_grad=True`",
        )  # fmt: skip
        st.pills(
            "Several examples at once", names, selection_mode="multi", key="lists", bind="query-params",
            help=f"A variable chosen here holds a list of up to {MAX_BATCH} numbers: a batch",
        )  # fmt: skip
        if state.lists:
            st.segmented_control(
                "The losses of a batch become one by",
                REDUCTIONS,
                default="mean",
                key="reduction",
                bind="query-params",
            )


def _variable_inputs(formula: Expression, *, projector: bool) -> None:
    names = formula.variables
    per_row = min(len(names), INPUTS_PER_PROJECTED_ROW) if projector else 2
    # Row by row, so that the tab key and a narrow screen take the inputs in the order of the formula.
    for first in range(0, len(names), per_row):
        for name, column in zip(
            names[first : first + per_row], st.columns(per_row, gap="small"), strict=False
        ):
            with column.container(gap="xxsmall"):
                if name in st.session_state.lists:
                    _list_input(name)
                else:
                    number(name, key=key_of(name), default=default_value(name))


def _list_input(name: str) -> None:
    key = list_key_of(name)
    st.session_state.setdefault(key, _default_list(name))
    st.text_input(
        f"{name} (list)",
        _default_list(name),
        key=key,
        help="Numbers with commas between them",
    )


def _read_list(text: str) -> tuple[str, list[float]]:
    """The numbers of a comma-separated list, and what is wrong with it or an empty string."""
    numbers: list[float] = []
    for part in text.split(","):
        if number_complaint(part):
            shown = " ".join(part.split())[:20]
            return f"has the entry `{shown}`, which is no finite number: write numbers such as 1, 2, 3.5.", []
        numbers.append(float(part))
    if len(numbers) > MAX_BATCH:
        return f"has {len(numbers)} numbers: give 1 to {MAX_BATCH}.", []
    return "", numbers


def _list_complaint(text: str) -> str:
    return _read_list(text)[0]


def _default_list(name: str) -> str:
    first = default_value(name)
    return ", ".join(f"{first + offset:g}" for offset in (0, 1, 2))


def _default_wrt(names: tuple[str, ...]) -> list[str]:
    return [name for name in WORKED.wrt if name in names] or list(names[:1])


def _loss_complaint(text: str) -> str:
    try:
        parse(text)
    except ExpressionError as error:
        return f"is no formula: {error.message.rstrip('.')}"
    return ""
