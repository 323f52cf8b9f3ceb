"""The inputs of the hooks lab: from the address and the widgets to a plan."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import zoo
from core.builder import BuilderError, Chain, parse_chain
from core.hooks import Action, HookError, HookKind, HookSpec, parse_spec
from core.hooks.plan import CHAIN, MAX_HOOKS, Mode, Plan
from core.hooks.spec import AMOUNTS, ROOT_NAME
from core.hooks.traps import TRAPS
from core.zoo import MAX_BATCH, InputKind
from ui.links import (
    Parameter,
    choice_complaint,
    forget_notices,
    positive_complaint,
    reset,
    switch_complaint,
    whole_number_complaint,
)

PAGE: Final = "hooks"
TABS: Final = ("Why?", "What if?", "Where does it break?", "Take it away", "The model")
WHY_VIEWS: Final = ("Why did it not fire?", "Timeline", "Layer by layer", "In plain Python")
WHAT_IF_VIEWS: Final = ("Ablate", "Train live", "What watching costs")
BREAK_VIEWS: Final = ("Traps", "Leaks")

NO_HOOKS: Final = "none"
"""What the address says when there are no hooks: saying nothing means the worked example."""
WORKED_HOOKS: Final = ("model forward_pre observe", "model forward observe")
STARTING_CHAIN: Final = "Input(8)\nLinear(8, 16)\nReLU()\nLinear(16, 4)"
MODELS: Final = {**{title: name for name, title in zoo.titles().items()}, "Your own chain of layers": CHAIN}
"""What a menu and the address say, and the model's name."""
WORKED_RUN: Final = "model.forward(x)"
WORKED_MODEL: Final = next(iter(MODELS))

MODES: Final = {
    "model(x)": Mode.CALL,
    "model.forward(x)": Mode.FORWARD,
    "a layer by its .forward(x)": Mode.INNER,
    "model(x), loss.backward()": Mode.BACKWARD,
    "an exception in the middle": Mode.EXCEPTION,
    "checkpointed, with backward": Mode.CHECKPOINT,
    "under torch.no_grad()": Mode.NO_GRAD,
    "hooks added while it runs": Mode.LATE,
    "a copy in another thread": Mode.COPY,
    "state_dict(), load_state_dict()": Mode.SAVE_LOAD,
    "hooks, then torch.compile": Mode.COMPILED,
    "torch.compile, then hooks": Mode.COMPILED_FIRST,
}
ABLATIONS: Final = (Action.ZERO, Action.MEAN, Action.NOISE, Action.SCALE, Action.CLIP)
MAX_SEED: Final = 2**31 - 1


def _hook_complaint(text: str) -> str:
    try:
        if text != NO_HOOKS:
            parse_spec(text)
    except HookError as error:
        message = str(error).rstrip(".")
        # It begins with the text itself, and so does the notice.
        said = (
            message.partition("`: " if "`: " in message else "is no hook: ")[2]
            if message[0] == "`"
            else message
        )
        return f"is no hook: {said}"
    return ""


def _chain_complaint(text: str) -> str:
    try:
        parse_chain(text)
    except BuilderError as error:
        return f"is no chain: {error.message.rstrip('.')}"
    return ""


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    layers = tuple(layer_label(name) for name in layers_of_link())
    return (
        Parameter("predict", False, switch_complaint),
        Parameter("model", WORKED_MODEL, choice_complaint(tuple(MODELS))),
        Parameter("chain", STARTING_CHAIN, _chain_complaint, free=True),
        Parameter("run", WORKED_RUN, choice_complaint(tuple(MODES))),
        Parameter("layer", layers[-1], choice_complaint(layers)),
        Parameter("training", True, switch_complaint),
        Parameter("seed", 0, whole_number_complaint(0, MAX_SEED)),
        Parameter("batch", 1, whole_number_complaint(1, MAX_BATCH)),
        Parameter("input", InputKind.EXAMPLE.value, choice_complaint(tuple(InputKind))),
        Parameter("input_grad", False, switch_complaint),
        Parameter("hook", list(WORKED_HOOKS), _hook_complaint),
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("view", WHY_VIEWS[0], choice_complaint(WHY_VIEWS)),
        Parameter("explore", WHAT_IF_VIEWS[0], choice_complaint(WHAT_IF_VIEWS)),
        Parameter("broken", BREAK_VIEWS[0], choice_complaint(BREAK_VIEWS)),
        Parameter("trap", TRAPS[0].title, choice_complaint(tuple(item.title for item in TRAPS))),
        Parameter("step", 1, whole_number_complaint(1)),
        Parameter("ablate", ABLATIONS[0].value, choice_complaint(tuple(ABLATIONS))),
        Parameter("steps", 200, whole_number_complaint(1, 2_000)),
        Parameter("rate", 0.05, positive_complaint),
        Parameter("gain", 1.0, positive_complaint),
        Parameter("nan_at", 0, whole_number_complaint(0, 2_000)),
        Parameter("optimizer", "sgd", choice_complaint(("sgd", "adam"))),
        Parameter("every_layer", False, switch_complaint),
    )


def start_again() -> None:
    """Callback: the worked example, in every input; the visitor stays on the same tab."""
    reset({item.key: item.default for item in parameters() if item.key != "tab"})
    forget_notices("frame", PAGE)


def read_plan() -> Plan:
    """The plan that the inputs describe.

    Raises:
        HookError: for a hook that cannot be, or too many of them.
    """
    state = st.session_state
    mode = chosen_mode()
    return Plan(
        model=MODELS[state.model or WORKED_MODEL],
        chain=str(state.chain or ""),
        hooks=tuple(dict.fromkeys(parse_spec(text) for text in live_hooks())),
        mode=mode,
        layer=layer_name(str(state.layer or "")) if mode.needs_layer else "",
        training=bool(state.training),
        seed=int(state.seed if state.seed is not None else 0),
        batch=int(state.batch if state.batch is not None else 1),
        input_kind=InputKind(state.input or InputKind.EXAMPLE),
        input_grad=bool(state.input_grad),
    )


def live_hooks() -> list[str]:
    """The texts of the hooks."""
    return [text for text in st.session_state.hook or [] if text != NO_HOOKS]


def chosen_mode() -> Mode:
    """How the model is to be run."""
    return MODES[st.session_state.run or WORKED_RUN]


def current_layers() -> dict[str, tuple[str, ...]]:
    """The layers of the chosen model by name, each with its own parameters; the root alone if it has none."""
    return _layers(st.session_state.model, st.session_state.chain)


def layers_of_link() -> dict[str, tuple[str, ...]]:
    """The layers of the model that the address names."""
    return _layers(st.query_params.get("model", WORKED_MODEL), st.query_params.get("chain", STARTING_CHAIN))


def _layers(title: str | None, chain: str | None) -> dict[str, tuple[str, ...]]:
    name = MODELS.get(title or WORKED_MODEL, MODELS[WORKED_MODEL])
    try:
        module = Plan(model=name, chain=chain or "").build().module
    except ValueError:
        return {"": ()}
    return {
        name: tuple(key for key, value in layer._parameters.items() if value is not None)
        for name, layer in module.named_modules()
    }


def draw_inputs(*, projector: bool) -> None:
    """Draws the inputs on the stage."""
    needs_layer = chosen_mode().needs_layer
    widths = [1.1, 2.6, 0.8, 0.7] if needs_layer else [1.2, 1.4, 1, 1]
    columns = st.columns(widths, gap="small", vertical_alignment="bottom") if projector else None
    places: list[DeltaGenerator] = list(columns) if columns else [st.container() for _ in range(4)]
    hidden: Literal["visible", "collapsed"] = "collapsed" if projector else "visible"
    with places[0]:
        st.selectbox(
            "Model", list(MODELS), key="model", bind="query-params", on_change=_model_changed,
            label_visibility=hidden,
        )  # fmt: skip
    layers = current_layers()
    if projector and needs_layer:
        places[1], layer_place = places[1].columns(2, gap="xsmall")
    else:
        layer_place = places[1]
    with places[1]:
        st.selectbox(
            "Run", list(MODES), index=list(MODES).index(WORKED_RUN), key="run", bind="query-params",
            label_visibility=hidden,
        )  # fmt: skip
    if chosen_mode().needs_layer:
        with layer_place:
            _choose_layer(layers)
    with places[2]:
        _register(layers, projector=projector)
    with places[3]:
        _input_options(projector=projector)
    st.multiselect(
        "Live hooks", list(WORKED_HOOKS), default=list(WORKED_HOOKS), key="hook", bind="query-params",
        accept_new_options=True, label_visibility=hidden, on_change=_name_none,
        help="Each is on the model during the run. ✕ calls its handle's `remove()`.",
    )  # fmt: skip


def _model_changed() -> None:
    """Callback: another model has other layers; hooks on layers that it has stay."""
    layers = current_layers()
    hooks = live_hooks()
    if hooks:
        kept = [text for text in hooks if _layer_of(text) in layers]
        st.session_state.hook = kept or list(WORKED_HOOKS)
    if not layer_name(st.session_state.layer) or layer_name(st.session_state.layer) not in layers:
        st.session_state.layer = layer_label(list(layers)[-1])


def _name_none() -> None:
    """Callback: says that there are no hooks, or takes that back."""
    st.session_state.hook = live_hooks() or [NO_HOOKS]


def _layer_of(text: str) -> str | None:
    try:
        return parse_spec(text).layer
    except HookError:
        return None


def layer_label(name: str) -> str:
    """A layer's name for a reader."""
    return name or ROOT_NAME


def layer_name(label: str) -> str:
    """The name that `named_modules` has for a label."""
    return "" if label == ROOT_NAME else label


def _choose_layer(layers: dict[str, tuple[str, ...]]) -> None:
    labels = [layer_label(name) for name in layers]
    if st.session_state.layer not in labels:
        st.session_state.layer = labels[-1]
    st.selectbox(
        "Which layer", labels, index=len(labels) - 1, key="layer", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip


def _input_options(*, projector: bool) -> None:
    summary = _summary()
    with st.popover(
        "Input" if projector else summary, icon=":material/tune:", width="stretch", help=f"Now: {summary}"
    ):
        st.toggle(
            "Training mode", value=True, key="training", bind="query-params", help="Off: `model.eval()`"
        )
        st.segmented_control(
            "Input x", [kind.value for kind in InputKind], default=InputKind.EXAMPLE.value, key="input",
            bind="query-params", help="`nan`: one NaN planted in normal numbers",
        )  # fmt: skip
        st.toggle("x requires a gradient", key="input_grad", bind="query-params")
        st.number_input("Batch", value=1, step=1, key="batch", bind="query-params")
        st.number_input("Seed", 0, MAX_SEED, 0, step=1, key="seed", bind="query-params")
    if _summary() != summary:
        st.rerun()  # the inputs have taken their values from the link


def _summary() -> str:
    state = st.session_state
    kind = "" if state.input in {None, InputKind.EXAMPLE} else f" · {state.input}"
    return f"{'train' if state.training else 'eval'} · batch {state.batch} · seed {state.seed}{kind}"


def _register(layers: dict[str, tuple[str, ...]], *, projector: bool) -> None:
    state = st.session_state
    if state.get("new:layer") not in layers:
        state["new:layer"] = next(iter(layers))
    with st.popover("Register" if projector else "Register a hook", icon=":material/add:", width="stretch"):
        left, right = st.columns(2, gap="small")
        name = left.selectbox("Layer", list(layers), format_func=layer_label, key="new:layer")
        kind = HookKind(
            right.selectbox("Kind of hook", [kind.value for kind in HookKind], index=1, key="new:kind")
        )
        action = Action(left.selectbox("What it does", [action.value for action in Action], key="new:action"))
        if action in AMOUNTS:
            right.number_input("Amount", value=AMOUNTS[action], step=0.1, key=f"new:amount:{action}")
        own = layers[name]
        if kind.is_on_parameter and own:
            right.selectbox("Parameter", own, key=f"new:parameter:{name}")
        elif kind.is_on_parameter:
            right.caption("This layer has no parameter of its own.")
        flags = [
            flag
            for flag, fits in (
                ("prepend", kind.is_forward or kind in {HookKind.FULL_BACKWARD_PRE, HookKind.FULL_BACKWARD}),
                ("with_kwargs", kind.is_forward),
                ("always_call", kind is HookKind.FORWARD),
                ("once", True),
            )
            if fits
        ]
        st.pills("Options", flags, selection_mode="multi", key="new:flags")
        one, every = st.columns(2)
        one.button("Register", key="new:one", on_click=_add, args=((name,),), width="stretch")
        every.button("On every layer", key="new:all", on_click=_add, args=(tuple(layers),), width="stretch")
        complaint = state.pop("new:complaint", "")
        if complaint:
            st.warning(complaint)


def _add(names: tuple[str, ...]) -> None:
    """Callback: registers the hook that the form describes on each of the layers."""
    state = st.session_state
    action = Action(state["new:action"])
    kind = HookKind(state["new:kind"])
    layers = current_layers()
    texts = live_hooks()
    for name in names:
        if kind.is_on_parameter and not layers[name]:
            if len(names) == 1:
                state["new:complaint"] = f"`{layer_label(name)}` has no parameter of its own for this hook."
            continue
        amount = state.get(f"new:amount:{action}")
        chosen = state.get(f"new:parameter:{name}") if kind.is_on_parameter else None
        try:
            spec = HookSpec(
                name, kind, action,
                None if amount is None or amount == AMOUNTS.get(action) else float(amount),
                str(chosen or ""),
                **dict.fromkeys(state.get("new:flags") or [], True),
            )  # fmt: skip
        except (HookError, TypeError) as error:
            state["new:complaint"] = str(error)
            return
        if str(spec) not in texts:
            texts.append(str(spec))
        elif len(names) == 1:
            state["new:complaint"] = f"`{spec}` is registered already."
    if len(texts) > MAX_HOOKS:
        state["new:complaint"] = f"{len(texts)} hooks are too many: at most {MAX_HOOKS} at once."
        return
    state.hook = texts


def read_chain() -> Chain | BuilderError:
    """The visitor's chain of layers, or what is wrong with it."""
    try:
        return parse_chain(str(st.session_state.chain or ""))
    except BuilderError as error:
        return error
