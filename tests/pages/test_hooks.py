"""The hooks lab's page: what fired, what the page says of it, its inputs, its links, and bad input."""

import copy
import io
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import core.hooks.run
from core import zoo
from core.hooks import parse_spec
from core.hooks.plan import Mode, Plan
from core.hooks.program import hooks_program
from core.hooks.run import Report
from core.hooks.traps import TRAPS, WARNINGS
from core.process import ProcessError
from tests.pages.visit import Visit, open_page
from ui.hooks import compiled, cost, live, what_if
from ui.hooks.inputs import (
    BREAK_VIEWS,
    MODELS,
    MODES,
    STARTING_CHAIN,
    TABS,
    WHAT_IF_VIEWS,
    WHY_VIEWS,
    parameters,
)

# What PyTorch remarks on some of the hooks that the lab shows.
pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(said)}") for said in WARNINGS]

PAGE = "pages/hooks.py"
VIEWS = [
    *({"tab": TABS[0], "view": view} for view in WHY_VIEWS),
    *({"tab": TABS[1], "explore": view} for view in WHAT_IF_VIEWS),
    *({"tab": TABS[2], "broken": view} for view in BREAK_VIEWS),
    {"tab": TABS[3]},
    {"tab": TABS[4]},
]
TITLES = {name: title for title, name in MODELS.items()}
RUNS = {mode: label for label, mode in MODES.items()}
CHAIN = TITLES["chain"]
MLP = TITLES["mlp"]
ON_THE_STAGE = [mode for mode in Mode if not mode.compiles]


def lab(**query: str | list[str]) -> Visit:
    visit = open_page(PAGE, query)
    if visit.app.query_params.pop("tab", None) and query["tab"] in TABS:
        # AppTest does not send the open tab with the next run, as a browser does.
        visit.app.session_state["tab"] = query["tab"]
    return visit


def headline(visit: Visit) -> str:
    """The verdict on the stage, which comes before those of the tabs."""
    return visit.verdicts()[0]


def fired(visit: Visit) -> list[int]:
    """How often each hook fired in this run, as the board says."""
    return [_count(row[3]) for row in visit.board()]


def usually(visit: Visit) -> list[int]:
    """How often each hook fires in `model(x)`, as the board says."""
    return [_count(row[2]) for row in visit.board()]


def _count(text: str) -> int:
    if re.match("✗ silent|never", text):
        return 0
    if re.search("once", text):
        return 1
    found = re.search(r"(\d+) times", text)
    assert found is not None, text
    return int(found[1])


# Plain PyTorch, to compare with.

Log = list[tuple[int, Tensor | None]]
"""The firings in order: which hook, and the tensor that it saw."""


def register(model: nn.Module, hooks: Sequence[str], log: Log) -> None:
    """Registers hooks that only look, by PyTorch's own methods."""
    for index, text in enumerate(hooks):
        layer, kind, *rest = text.split()
        module = model if layer == "model" else model.get_submodule(layer)
        names = [word.removeprefix("parameter=") for word in rest if word.startswith("parameter=")]
        _register_one(module, kind, names[0] if names else "weight", partial(_note, log, index))


def _note(log: Log, index: int, value: object = None) -> None:
    value = value[0] if isinstance(value, tuple) else value
    log.append((index, value.detach().clone() if isinstance(value, Tensor) else None))


def _register_one(
    module: Any,  # noqa: ANN401 - a module; PyTorch's own methods have no types
    kind: str,
    name: str,
    note: Callable[..., None],
) -> None:
    def watch_output(_: nn.Module, __: object, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(note)  # type: ignore[no-untyped-call]

    match kind:
        case "forward_pre":
            module.register_forward_pre_hook(lambda _, args: note(args))
        case "forward":
            module.register_forward_hook(lambda _, __, output: note(output))
        case "full_backward_pre":
            module.register_full_backward_pre_hook(lambda _, grads: note(grads))
        case "full_backward":
            module.register_full_backward_hook(lambda _, __, grad_output: note(grad_output))
        case "output_tensor":
            module.register_forward_hook(watch_output)
        case "parameter":
            module.get_parameter(name).register_hook(note)
        case "post_accumulate_grad":
            module.get_parameter(name).register_post_accumulate_grad_hook(lambda value: note(value.grad))
        case "state_dict_pre":
            module.register_state_dict_pre_hook(lambda *_: note())
        case "state_dict":
            module.register_state_dict_post_hook(lambda *_: note())
        case "load_state_dict_pre":
            module.register_load_state_dict_pre_hook(lambda *_: note())
        case "load_state_dict":
            module.register_load_state_dict_post_hook(lambda *_: note())
        case _:
            raise AssertionError(kind)


def back(output: Tensor) -> Tensor:
    """From the loss of the lab: the mean of the squares."""
    output.pow(2).mean().backward()  # type: ignore[no-untyped-call]
    return output


def inner_forward(model: nn.Module, x: Tensor) -> Tensor:
    """`model(x)` of the multilayer perceptron, whose code says `fc2.forward` in place of `fc2`."""
    fc1, fc2, fc3 = (model.get_submodule(name) for name in ("fc1", "fc2", "fc3"))
    relu, relu2 = model.get_submodule("relu"), model.get_submodule("relu2")
    model.forward = lambda x: fc3(relu2(fc2.forward(relu(fc1(x)))))
    return back(model(x))


def failing(model: nn.Module, x: Tensor) -> None:
    """`model(x)`, and `fc2` raises."""

    def fail(_: Tensor) -> Tensor:
        raise RuntimeError("on purpose")

    model.get_submodule("fc2").forward = fail
    with pytest.raises(RuntimeError, match="on purpose"):
        model(x)


def without_grad(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        output: Tensor = model(x)
        return output


def save_and_load(model: nn.Module, _: Tensor) -> None:
    model.load_state_dict(model.state_dict())


def in_a_thread(model: nn.Module, x: Tensor) -> object:
    given: list[object] = []
    thread = threading.Thread(target=lambda: given.append(model(x)))
    thread.start()
    thread.join()
    return given[0]


GO: dict[Mode, Callable[[nn.Module, Tensor], object]] = {
    Mode.CALL: lambda model, x: model(x),
    Mode.FORWARD: lambda model, x: model.forward(x),
    Mode.INNER: inner_forward,
    Mode.BACKWARD: lambda model, x: back(model(x)),
    Mode.EXCEPTION: failing,
    Mode.CHECKPOINT: lambda model, x: back(checkpoint(model, x, use_reentrant=False)),
    Mode.NO_GRAD: without_grad,
    Mode.SAVE_LOAD: save_and_load,
    Mode.COPY: in_a_thread,
    Mode.LATE: lambda model, x: back(model(x)),
}


def by_pytorch(
    hooks: Sequence[str], mode: Mode, batch: int = 1, model: str = "mlp", train: bool = True
) -> tuple[Log, Any]:
    """The firings of a run of a model of the zoo, and what the run gave."""
    made = zoo.build(model)
    module = made.module.train(train)
    (x,) = made.example_inputs(batch)
    log: Log = []
    forward = module.forward
    match mode:
        case Mode.COPY:
            runs = copy.deepcopy(module)
            register(module, hooks, log)
        case Mode.LATE:
            runs = module

            def registering(value: Tensor) -> Tensor:
                register(module, hooks, log)
                output: Tensor = forward(value)
                return output

            module.forward = registering
        case _:
            runs = module
            register(module, hooks, log)
    torch.manual_seed(0)
    return log, GO[mode](runs, x)


def counts(log: Log, hooks: Sequence[str]) -> list[int]:
    found = Counter(index for index, _ in log)
    return [found[index] for index in range(len(hooks))]


# The stage.


def test_the_worked_example_is_there_without_a_click() -> None:
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 0.5)
    nn.init.constant_(linear.bias, 0.1)
    log: Log = []
    register(linear, ["model forward_pre", "model forward"], log)
    skipping = linear.forward(torch.tensor([[2.0]]))
    assert log == []
    calling = linear(torch.tensor([[2.0]]))
    assert [index for index, _ in log] == [0, 1]
    visit = lab()
    assert visit.numbers() == {
        "hooks that fired": "0 of 2",
        "output of this run": f"{skipping.item():.7g}",
        "model(x) without hooks": f"{calling.item():.7g}",
    }
    assert headline(visit) == "✗ 2 hooks were skipped, and nothing said so"
    assert fired(visit) == [0, 0]
    assert usually(visit) == [1, 1]
    assert all(row[3] == "✗ silent · run by .forward()" for row in visit.board())
    assert "bit for bit" in visit.text()
    assert visit.lanes() == {
        "model(x)": ["x", "→", "✓ model pre hook", "→", "model.forward", "→", "✓ model hook", "→", "1.1"],
        "model.forward(x)": [
            "x", "→", "✗ model pre hook", "→", "model.forward", "→", "✗ model hook", "→", "1.1",
        ],
    }  # fmt: skip
    assert visit.notices() == []
    assert visit.troubles() == []


FORWARD_HOOKS = ("model forward_pre", "model forward", "fc1 forward", "fc2 forward_pre", "fc2 forward")
EVERY_KIND = (
    *FORWARD_HOOKS,
    "model full_backward",
    "fc2 full_backward_pre",
    "fc2 full_backward",
    "fc1 output_tensor",
    "fc3 parameter observe parameter=weight",
    "fc3 post_accumulate_grad observe parameter=bias",
)


@pytest.mark.parametrize("mode", ON_THE_STAGE)
@pytest.mark.parametrize("batch", [1, 3])
def test_every_run_fires_what_pytorch_fires(mode: Mode, batch: int) -> None:
    hooks = [parse_spec(text) for text in EVERY_KIND]
    visit = lab(model=MLP, run=RUNS[mode], layer="fc2", batch=str(batch), hook=[str(hook) for hook in hooks])
    log, output = by_pytorch(EVERY_KIND, mode, batch)
    assert visit.troubles() == []
    assert fired(visit) == counts(log, EVERY_KIND)
    # How often in model(x), with a backward pass for those on the way back.
    assert usually(visit) == counts(by_pytorch(EVERY_KIND, Mode.BACKWARD, batch)[0], EVERY_KIND)
    total = sum(count > 0 for count in counts(log, EVERY_KIND))
    assert visit.numbers()["hooks that fired"] == f"{total} of {len(EVERY_KIND)}"
    if isinstance(output, Tensor):
        shown = ", ".join(f"{number:.2g}" for number in output.flatten()[:2].tolist())
        assert visit.numbers()["output of this run"] == f"{shown} …".replace("-", "−")
    else:
        assert visit.numbers()["output of this run"] == "none"


def test_state_hooks_fire_when_saving_and_loading_and_never_else() -> None:
    hooks = [f"fc1 {kind} observe" for kind in
             ("state_dict_pre", "state_dict", "load_state_dict_pre", "load_state_dict")]  # fmt: skip
    visit = lab(model=MLP, run=RUNS[Mode.SAVE_LOAD], hook=hooks)
    expected = counts(by_pytorch(hooks, Mode.SAVE_LOAD)[0], hooks)
    assert expected == [1, 1, 1, 1]
    assert fired(visit) == expected
    assert usually(visit) == expected
    visit.set(run=RUNS[Mode.BACKWARD])
    assert fired(visit) == [0, 0, 0, 0]


def test_accumulate_grad_fires_when_the_gradient_is_stored() -> None:
    made = zoo.build("mlp")
    weight = made.module.get_parameter("fc1.weight")
    node: Any = weight.view_as(weight).grad_fn
    node = node.next_functions[0][0]
    seen: list[object] = []
    node.register_hook(lambda *_: seen.append(1))
    back(made.module(*made.example_inputs(1)))
    visit = lab(model=MLP, run=RUNS[Mode.BACKWARD], hook=["fc1 accumulate_grad observe"])
    assert fired(visit) == [len(seen)] == [1]
    visit.set(run=RUNS[Mode.CALL])
    assert fired(visit) == [0]


def test_a_hook_that_scales_changes_the_output_as_in_pytorch() -> None:
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 0.5)
    nn.init.constant_(linear.bias, 0.1)
    linear.register_forward_hook(lambda _, __, output: output * 3)
    expected = linear(torch.tensor([[2.0]])).item()
    visit = lab(run="model(x)", hook=["model forward scale=3"])
    assert float(visit.numbers()["output of this run"]) == pytest.approx(expected, rel=1e-6)
    assert visit.numbers()["model(x) without hooks"] == "1.1"
    assert headline(visit) == "✓ every hook fired"
    assert "by up to 2.2" in visit.text()
    visit.set(run="model.forward(x)")
    assert visit.numbers()["output of this run"] == "1.1"


def test_a_reused_layer_fires_at_every_call() -> None:
    hooks = ["step forward observe", "activation forward observe", "twin full_backward observe"]
    log, _ = by_pytorch(hooks, Mode.BACKWARD, model="reused")
    assert counts(log, hooks) == [2, 3, 1]
    visit = lab(model=TITLES["reused"], run=RUNS[Mode.BACKWARD], hook=hooks)
    assert fired(visit) == usually(visit) == [2, 3, 1]


def test_a_hook_with_once_fires_once() -> None:
    visit = lab(model=TITLES["reused"], run="model(x)", hook=["activation forward observe once"])
    assert fired(visit) == [1]
    assert usually(visit) == [3]


def test_eval_mode_is_that_of_the_run() -> None:
    (x,) = zoo.build("dropout").example_inputs(1)
    module = zoo.build("dropout").module.eval()
    shown = ", ".join(f"{number:.2g}" for number in module(x).flatten()[:2].tolist()).replace("-", "−")
    hooks = ["model forward observe"]
    evaluating = lab(model=TITLES["dropout"], training="false", run="model(x)", hook=hooks)
    training = lab(model=TITLES["dropout"], run="model(x)", hook=hooks)
    assert evaluating.numbers()["output of this run"] == f"{shown} …"
    assert training.numbers()["output of this run"] != f"{shown} …"


def test_without_hooks_the_run_still_has_its_output() -> None:
    visit = lab()
    visit.set(hook=[])
    assert visit.numbers()["hooks that fired"] == "no hook"
    assert visit.numbers()["output of this run"] == "1.1"
    assert headline(visit) == "✓ no hook is registered"
    assert visit.board() == []
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []


# Everything opens.


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_runs_in_every_way(model: str) -> None:
    visit = lab(model=model)
    for run in [label for label, mode in MODES.items() if not mode.compiles]:
        visit.set(run=run)
        if MODES[run].needs_layer:
            # The last layer of some models is never called: that is one line.
            assert all("is never called" in line for line in visit.troubles())
            visit.set(layer=str(visit.app.selectbox(key="layer").options[0]))
        assert visit.troubles() == []
        assert visit.numbers()["hooks that fired"].endswith("of 2")


@pytest.mark.parametrize(
    "model", ["scalar_linear", "transformer", "lstm", "dict_output", "keywords", "chain"]
)
@pytest.mark.parametrize("projector", ["false", "true"])
def test_every_tab_and_view_opens(model: str, projector: str) -> None:
    visit = lab(model=TITLES[model], projector=projector, run=RUNS[Mode.BACKWARD])
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []
        visit.set(calls=True, every=True)
        assert visit.troubles() == []


@pytest.mark.parametrize(
    "query",
    [
        {"hook": ["nowhere forward observe"]},
        {"model": CHAIN, "chain": STARTING_CHAIN, "batch": "200", "hook": ["model forward wrong_shape"]},
        {"run": "model(x)", "hook": ["model forward raise"]},
        {"hook": [f"model forward scale={number}" for number in range(201)]},
    ],
)
def test_every_tab_and_view_opens_for_a_plan_with_errors(query: dict[str, str | list[str]]) -> None:
    visit = lab(**query)
    for view in VIEWS:
        visit.put(view)
        # The stage's line, perhaps once more by a tab that tries the same.
        assert all("\n" not in line and len(line) < 300 for line in visit.troubles())
    visit.app.button(key="hooks:reset").click()
    visit.run()
    assert visit.numbers()["hooks that fired"] == "0 of 2"


def test_every_trap_renders() -> None:
    visit = lab(tab=TABS[2])
    for trap in TRAPS:
        visit.set(trap=trap.title)
        assert visit.app.code[0].value == trap.code.strip()
        assert len(visit.tables()) == 1
        assert trap.question in visit.text()
        assert visit.troubles() == []


def test_every_chart_and_table_has_a_text() -> None:
    kinds = set()
    for view in VIEWS:
        visit = lab(model=MLP, run=RUNS[Mode.BACKWARD], **view)
        visit.set(calls=True, every=True)
        for element in [*visit.app.dataframe, *visit.app.get("plotly_chart")]:
            assert element.proto.alt.strip(), view
            kinds.add(element.type)
    assert kinds == {"dataframe", "plotly_chart"}


# The form.


def form(visit: Visit, **choices: object) -> Visit:
    """Fills in the form, one choice at a time: some appear with others."""
    for name, value in choices.items():
        of = {"amount": f":{visit.get('new:action')}", "parameter": f":{visit.get('new:layer')}"}
        visit.app.session_state[f"new:{name}{of.get(name, '')}"] = value
        visit.run()
    return visit


def press(visit: Visit, key: str) -> Visit:
    visit.app.button(key=key).click()
    return visit.run()


def complaints(visit: Visit) -> list[str]:
    return [warning.value for warning in visit.app.warning]


def test_a_hook_is_registered_by_the_form() -> None:
    visit = form(lab(model=MLP, run="model(x)"), layer="fc1", kind="forward", action="scale", amount=3.0)
    press(visit, "new:one")
    assert visit.get("hook") == ["model forward_pre observe", "model forward observe", "fc1 forward scale=3"]
    assert fired(visit) == [1, 1, 1]
    made = zoo.build("mlp")
    made.module.get_submodule("fc1").register_forward_hook(lambda _, __, output: 3 * output)
    changed = made.module(*made.example_inputs(1)).flatten()
    shown = ", ".join(f"{number:.2g}" for number in changed[:2].tolist()).replace("-", "−")
    assert visit.numbers()["output of this run"] == f"{shown} …"
    assert complaints(visit) == []


def test_the_form_s_options_and_parameter_end_up_in_the_hook() -> None:
    visit = form(lab(model=MLP), layer="fc2", kind="parameter", parameter="bias", flags=["once"])
    press(visit, "new:one")
    assert visit.get("hook")[-1] == "fc2 parameter observe parameter=bias once"  # type: ignore[index]
    form(visit, flags=[], kind="forward", layer="")
    form(visit, flags=["prepend", "with_kwargs", "always_call"])
    press(visit, "new:one")
    assert visit.get("hook")[-1] == "model forward observe prepend with_kwargs always_call"  # type: ignore[index]
    assert visit.troubles() == []


def test_a_default_amount_is_left_out_of_the_address() -> None:
    visit = form(lab(), kind="forward", action="scale")
    press(visit, "new:one")
    assert visit.get("hook")[-1] == "model forward scale"  # type: ignore[index]


def test_on_every_layer_is_on_every_layer() -> None:
    visit = form(lab(model=MLP, run="model(x)"), kind="forward", action="capture")
    press(visit, "new:all")
    names = [name or "model" for name, _ in zoo.build("mlp").module.named_modules()]
    assert visit.get("hook")[2:] == [f"{name} forward capture" for name in names]  # type: ignore[index]
    assert fired(visit) == [1] * (2 + len(names))


def test_on_every_layer_skips_layers_without_a_parameter() -> None:
    visit = form(lab(model=MLP), layer="fc1", kind="parameter")
    press(visit, "new:all")
    layers = [text.split()[0] for text in visit.get("hook")[2:]]  # type: ignore[index]
    assert layers == ["fc1", "fc2", "fc3"]
    assert complaints(visit) == []


def test_the_form_says_what_cannot_be() -> None:
    visit = form(lab(model=MLP), layer="relu", kind="parameter")
    press(visit, "new:one")
    assert complaints(visit) == ["`relu` has no parameter of its own for this hook."]
    form(visit, layer="", kind="state_dict", action="zero")
    press(visit, "new:one")
    assert "zero does not go with state_dict" in complaints(visit)[0]
    form(visit, kind="forward", action="observe")
    press(visit, "new:one")
    assert complaints(visit) == ["`model forward observe` is registered already."]
    # Said once.
    visit.run()
    assert complaints(visit) == []
    assert visit.get("hook") == ["model forward_pre observe", "model forward observe"]


def test_the_form_refuses_a_negative_size() -> None:
    visit = form(lab(), kind="forward", action="clip", amount=-1.0)
    press(visit, "new:one")
    assert "clip got the amount -1: give 0 or more" in complaints(visit)[0]
    assert len(visit.get("hook")) == 2  # type: ignore[arg-type]


def test_the_form_registers_no_hook_beyond_the_limit() -> None:
    hooks = [f"model forward scale={number}" for number in range(200)]
    visit = lab(hook=hooks)
    assert visit.troubles() == []
    press(form(visit, kind="forward_pre"), "new:one")
    assert "201 hooks are too many: at most 200" in complaints(visit)[0]
    assert visit.get("hook") == hooks


def test_hooks_are_removed_one_and_all() -> None:
    visit = lab(run="model(x)")
    visit.set(hook=["model forward observe"])
    assert [row[1] for row in visit.board()] == ["forward · observe"]
    assert visit.numbers()["hooks that fired"] == "1 of 1"
    visit.set(hook=[])
    assert visit.board() == []


def test_a_row_of_the_layer_table_begins_the_form() -> None:
    visit = lab(model=MLP, tab=TABS[4])
    names = [name for name, _ in zoo.build("mlp").module.named_modules()]
    visit.app.session_state["new:layer"] = names[3]
    assert visit.run().app.selectbox(key="new:layer").value == names[3]


def test_another_model_keeps_what_it_can() -> None:
    visit = lab(model=MLP, hook=["fc1 forward observe", "fc3 forward observe", "relu forward observe"])
    visit.app.selectbox(key="model").set_value(TITLES["dropout"])
    visit.run()
    assert visit.get("hook") == ["fc1 forward observe", "relu forward observe"]
    visit.app.selectbox(key="model").set_value(TITLES["lstm"])
    visit.run()
    # None of them is left: those of the worked example.
    assert visit.get("hook") == ["model forward_pre observe", "model forward observe"]
    assert visit.troubles() == []


def test_another_model_registers_nothing_where_nothing_was() -> None:
    visit = lab(model=MLP)
    visit.set(hook=[])
    visit.app.selectbox(key="model").set_value(TITLES["lstm"])
    assert visit.run().get("hook") == []
    assert visit.numbers()["hooks that fired"] == "no hook"


def test_another_model_keeps_the_layer_of_the_run_if_it_has_it() -> None:
    visit = lab(model=MLP, run=RUNS[Mode.EXCEPTION], layer="relu")
    visit.app.selectbox(key="model").set_value(TITLES["dropout"])
    assert visit.run().get("layer") == "relu"
    visit.app.selectbox(key="model").set_value(TITLES["lstm"])
    assert visit.run().get("layer") == "head"
    assert visit.troubles() == []


def test_a_typed_hook_counts_like_one_of_the_form() -> None:
    visit = lab(run="model(x)")
    visit.app.multiselect(key="hook").set_value(["model forward zero"])
    visit.run()
    assert visit.numbers()["output of this run"] == "0"
    visit.app.multiselect(key="hook").set_value(["model forward zero", "this is no hook"])
    visit.run()
    (line,) = visit.troubles()
    assert "`this is no hook`" in line or "no kind of hook" in line


# Links.


LINK: dict[str, str | list[str]] = {
    "model": CHAIN,
    "chain": "Input(4)\nLinear(4, 3)\nReLU()",
    "run": RUNS[Mode.EXCEPTION],
    "layer": "1",
    "training": "false",
    "seed": "7",
    "batch": "5",
    "input": "ramp",
    "input_grad": "true",
    "hook": ["0 forward scale=2.5", "1 forward observe always_call"],
    "predict": "true",
    "tab": TABS[1],
    "view": WHY_VIEWS[2],
    "explore": WHAT_IF_VIEWS[1],
    "broken": BREAK_VIEWS[1],
    "trap": TRAPS[3].title,
    "step": "2",
    "ablate": "noise",
    "steps": "11",
    "rate": "0.25",
    "gain": "1.5",
    "nan_at": "3",
    "optimizer": "adam",
    "every_layer": "true",
}
"""Another value than the default for every input."""

DRAWN: dict[str, dict[str, str | list[str]]] = {
    "chain": {"tab": TABS[4]},
    "broken": {"tab": TABS[2]},
    "trap": {"tab": TABS[2], "broken": BREAK_VIEWS[0]},
    "view": {"tab": TABS[0]},
    "step": {"tab": TABS[0], "view": WHY_VIEWS[1], "predict": "false"},
    "ablate": {"tab": TABS[1], "explore": WHAT_IF_VIEWS[0], "predict": "false"},
}
"""Where an input is drawn, if not in the tab of the link above."""


def test_the_link_is_of_every_input() -> None:
    assert LINK.keys() == {item.key for item in parameters()}


@pytest.mark.parametrize("key", list(LINK))
def test_every_input_is_taken_from_the_address(key: str) -> None:
    query = {**LINK, "predict": "false", **DRAWN.get(key, {})}
    visit = lab(**{**query, key: LINK[key]})
    assert visit.notices() == []
    value, default = visit.get(key), next(item.default for item in parameters() if item.key == key)
    assert value != default or key == "layer"
    if isinstance(value, bool):
        assert str(value).lower() == LINK[key]
    elif isinstance(value, int | float):
        assert value == float(str(LINK[key]))
    else:
        assert value == LINK[key]


GARBAGE = {
    "model": "Nope",
    "chain": "Linear(",
    "run": "model[x]",
    "layer": "fc9",
    "training": "maybe",
    "seed": "-1",
    "batch": "0",
    "input": "noise",
    "input_grad": "2",
    "hook": "nonsense",
    "predict": "maybe",
    "tab": "Nope",
    "view": "Nope",
    "explore": "Nope",
    "broken": "Nope",
    "trap": "Nope",
    "step": "one",
    "ablate": "raise",
    "steps": "0",
    "rate": "-1",
    "gain": "nan",
    "nan_at": "-1",
    "optimizer": "lion",
    "every_layer": "yes",
}


def test_the_garbage_is_for_every_parameter() -> None:
    assert GARBAGE.keys() == {item.key for item in parameters()}


@pytest.mark.parametrize("key", list(GARBAGE))
@pytest.mark.parametrize("long", [False, True])
def test_garbage_in_a_link_is_said_in_one_line_and_the_rest_is_used(key: str, long: bool) -> None:
    text = GARBAGE[key] * (1 if not long else 500)
    other = {"run": "model(x)"} if key != "run" else {"batch": "1"}
    visit = lab(**{key: text, **other})
    (line,) = visit.notices()
    assert f"{key}={GARBAGE[key]}"[:30] in line
    assert "\n" not in line
    assert len(line) < 500
    assert visit.troubles() == []
    fires = "2" if key != "run" else "0"
    if key != "predict":
        assert visit.numbers()["hooks that fired"] == f"{fires} of 2"
    # Not of a later change, and gone with a reset.
    visit.set(seed=3)
    assert visit.notices() == [line]
    press(visit, "hooks:reset")
    assert visit.notices() == []


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("batch", "257"),
        ("batch", "1000000000"),
        ("batch", "-1"),
        ("batch", "1.5"),
        ("batch", "9" * 5_000),
        ("seed", "2147483648"),
        ("seed", "9" * 5_000),
        ("steps", "2001"),
        ("steps", "1000000000"),
        ("rate", "1e400"),
        ("hook", "model forwards observe"),
        ("hook", "model forward explode"),
        ("hook", "model forward scale=nan"),
        ("hook", "model forward scale=abc"),
        ("hook", "model state_dict zero"),
        ("hook", "model parameter observe prepend"),
        ("hook", "x" * 5_000),
        ("chain", "Input(8)\nLinear(9, 2)"),
        ("chain", ""),
        ("chain", "Input(8)\nLinear(8, 1000000000)"),
    ],
)
def test_a_value_beyond_its_bounds_is_said_too(key: str, text: str) -> None:
    visit = lab(**{key: text, "run": "model(x)"})
    (line,) = visit.notices()
    assert f"`{key}=" in line
    assert len(line) < 500
    assert visit.troubles() == []
    assert visit.numbers()["hooks that fired"] == "2 of 2"


def test_a_partly_bad_list_of_hooks_keeps_its_good_ones() -> None:
    visit = lab(hook=["model forward observe", "model nonsense", "model forward_pre capture"], run="model(x)")
    assert len(visit.notices()) == 1
    assert visit.get("hook") == ["model forward observe", "model forward_pre capture"]
    assert fired(visit) == [1, 1]


def test_much_garbage_is_one_short_line() -> None:
    visit = lab(**{key: text * 50 for key, text in GARBAGE.items()})
    (line,) = visit.notices()
    assert len(line) < 700
    assert visit.numbers()["hooks that fired"] == "0 of 2"


def test_a_hook_on_a_layer_that_there_is_not_is_one_line() -> None:
    visit = lab(model=MLP, hook=["fc9 forward observe"])
    (line,) = visit.troubles()
    assert "fc9" in line
    assert "\n" not in line
    assert visit.numbers() == {}
    visit.set(hook=["fc1 forward observe"])
    assert fired(visit) == [1]


def test_a_hook_on_a_parameter_that_there_is_not_is_one_line() -> None:
    visit = lab(hook=["model parameter observe parameter=gamma"])
    (line,) = visit.troubles()
    assert "gamma" in line
    assert visit.numbers() == {}


@pytest.mark.parametrize("count", [201, 1_000])
def test_too_many_hooks_are_one_line_with_both_numbers(count: int) -> None:
    visit = lab(hook=[f"model forward scale={number}" for number in range(count)])
    assert visit.notices() == []
    assert visit.troubles() == [f"{count:,} hooks are too many for one page: register at most 200."]
    assert visit.numbers() == {}


def test_two_hundred_hooks_are_shown_in_part() -> None:
    hooks = [f"model forward scale={number}" for number in range(1, 201)]
    visit = lab(run="model(x)", hook=hooks)
    assert visit.numbers()["hooks that fired"] == "200 of 200"
    assert 0 < len(visit.board()) < 200
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []


# What is typed.


@pytest.mark.parametrize("batch", [0, -1, 257, 10**9])
@pytest.mark.parametrize("model", [MLP, CHAIN])
def test_a_batch_beyond_its_bounds_is_one_line(batch: int, model: str) -> None:
    visit = lab(model=model)
    visit.app.number_input(key="batch").set_value(batch).run()
    assert not visit.app.exception
    (line,) = visit.troubles()
    assert f"{batch}" in line.replace(",", "")
    assert visit.numbers() == {}
    for view in VIEWS:
        visit.put(view)
        assert len(visit.troubles()) == 1
    visit.app.number_input(key="batch").set_value(256).run()
    assert visit.troubles() == []
    assert visit.numbers()["hooks that fired"] == "0 of 2"


def test_a_batch_that_is_emptied_is_one() -> None:
    visit = lab()
    visit.app.number_input(key="batch").set_value(None).run()
    assert visit.run().numbers()["hooks that fired"] == "0 of 2"


def test_the_largest_seed_runs() -> None:
    visit = lab(model=MLP, seed=str(2**31 - 1))
    assert visit.notices() == []
    other = lab(model=MLP)
    assert visit.numbers()["output of this run"] != other.numbers()["output of this run"]


def chain(text: str, **query: str | list[str]) -> Visit:
    visit = lab(model=CHAIN, tab=TABS[4], **query)
    visit.app.text_area(key="chain").set_value(text).run()
    assert not visit.app.exception
    return visit


def test_a_chain_is_the_model_that_it_names() -> None:
    visit = chain("Input(3)\nLinear(3, 2)\nTanh()", run="model(x)", hook=["1 forward observe"])
    assert fired(visit) == [1]
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    shapes = visit.tables()[0]
    assert [row["gives"] for row in shapes] == ["(N, 2)", "(N, 2)"]
    assert [row["parameters"] for row in shapes] == [
        sum(value.numel() for value in layer.parameters()) for layer in layers
    ]


def test_a_layer_that_does_not_fit_is_named_with_what_it_gets_and_wants() -> None:
    visit = chain("Input(8)\nLinear(8, 16)\nReLU()\nLinear(17, 4)")
    for line in visit.troubles():
        assert "Line 4" in line or "line 4" in line
        assert "(N, 16)" in line
        assert "(N, 17)" in line
    assert visit.troubles()
    assert visit.excerpt().startswith("Linear(17, 4)")
    assert visit.numbers() == {}
    # The other tabs work, and a repair is enough.
    visit.put(VIEWS[7])
    assert len(visit.tables()) == 1
    visit.set(tab=TABS[4])
    visit.app.text_area(key="chain").set_value("Input(8)\nLinear(8, 16)\nReLU()\nLinear(16, 4)").run()
    assert visit.troubles() == []
    assert visit.numbers()["hooks that fired"] == "0 of 2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty|Input|layer"),
        ("   \n\n", "empty|Input|layer"),
        ("Input(8)", "layer"),
        ("Linear(8, 4)", "Input"),
        ("Input(8)\nLinear(8, 1000000000)", "GiB"),
        ("Input(1000000000)\nReLU()", "GiB"),
        ("Input(8)\n" + "x" * 5_000, "characters|no such layer"),
        ("Input(8)\n" + "ReLU()\n" * 700, "characters|layers|lines"),
        ("Input(8)\n__import__('os').system('ls')", ""),
        ("Input(8)\nLinear(8, 4) + ReLU()", ""),
        ("Input(8)\n<img src=x onerror=alert(1)>", ""),
        ("Input(8)\nLinear(8)", "out_features"),
        ("Input(-1)\nReLU()", ""),
        ("Input(8)\nConv2d(3, 8, 3)", "image|Input"),
        ("Input(8)\nRelu()", "Did you mean ReLU"),
    ],
)
def test_a_chain_that_is_none_is_one_line(text: str, said: str) -> None:
    visit = chain(text)
    lines = visit.troubles()
    assert lines
    for line in lines:
        assert "\n" not in line
        assert len(line) < 300
        assert re.search(said, line)
    assert visit.numbers() == {}
    for view in VIEWS:
        visit.put(view)


def test_a_chain_that_is_large_with_the_batch_is_one_line_with_the_memory() -> None:
    visit = chain("Input(8)\nLinear(8, 65536)\nReLU()")
    visit.app.number_input(key="batch").set_value(256).run()
    (line,) = visit.troubles()
    assert "MiB" in line or "multiplications" in line
    assert visit.numbers() == {}


def test_a_link_s_chain_is_the_model_whatever_tab_is_open() -> None:
    for tab in TABS:
        visit = lab(
            model=CHAIN, chain="Input(3)\nLinear(3, 1)", run="model(x)", hook=["0 forward observe"], tab=tab
        )
        assert visit.notices() == []
        # One number, which only that chain gives.
        assert re.fullmatch(r"-?\d+\.\d+", visit.numbers()["output of this run"]), tab
        assert fired(visit) == [1]


def test_a_layer_that_fits_is_added() -> None:
    visit = chain("Input(8)\nLinear(8, 16)")
    visit.app.selectbox(key="chain:add").set_value("ReLU()")
    visit.run()
    assert visit.get("chain") == "Input(8)\nLinear(8, 16)\nReLU()"
    assert visit.troubles() == []


def test_a_nan_in_the_input_is_shown() -> None:
    visit = lab(model=MLP, input="nan", run=RUNS[Mode.BACKWARD], hook=["model forward observe"])
    assert visit.troubles() == []
    assert "nan" in visit.numbers()["output of this run"]
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []
    visit.put(VIEWS[1])
    assert visit.tables()[0][0]["not finite"] == "4 nan, 0 inf"


def test_a_hook_with_a_wrong_shape_stops_the_run_in_one_line() -> None:
    visit = lab(model=MLP, run="model(x)", hook=["fc1 forward wrong_shape", "fc3 forward observe"])
    assert headline(visit) == "✗ the run ended with an error"
    made = zoo.build("mlp")
    made.module.get_submodule("fc1").register_forward_hook(lambda _, __, y: torch.cat([y, y[..., :1]], -1))
    with pytest.raises(RuntimeError) as raised:
        made.module(*made.example_inputs(1))
    assert " ".join(str(raised.value).split())[:60] in visit.text()
    assert fired(visit) == [1, 0]
    assert "Traceback" not in visit.text()
    for view in VIEWS:
        visit.put(view)


def test_a_hook_that_raises_stops_the_run_in_one_line() -> None:
    visit = lab(model=MLP, run="model(x)", hook=["fc1 forward raise", "fc2 forward observe"])
    assert headline(visit) == "✗ the run ended with an error"
    assert visit.numbers()["output of this run"] == "none"
    assert fired(visit) == [1, 0]
    assert "Traceback" not in visit.text()
    for view in VIEWS:
        visit.put(view)


def test_an_in_place_layer_with_a_full_backward_hook_is_one_line() -> None:
    made = zoo.build("inplace_relu")
    name = next(name for name, layer in made.module.named_modules() if isinstance(layer, nn.ReLU))
    made.module.get_submodule(name).register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        made.module(*made.example_inputs(1))
    visit = lab(model=TITLES["inplace_relu"], run=RUNS[Mode.BACKWARD], hook=[f"{name} full_backward observe"])
    assert headline(visit) == "✗ the run ended with an error"
    assert "is a view and is being modified inplace" in visit.text()
    assert "inplace=False" in visit.text()
    assert "Traceback" not in visit.text()
    for view in VIEWS:
        visit.put(view)
        assert all("\n" not in line for line in visit.troubles())


BAIT = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "query",
    [
        {"hook": [f"{BAIT.replace(' ', '')} forward observe"]},
        {"hook": ["<b>fc1</b> forward observe"]},
        {"hook": [f"model forward {BAIT.replace(' ', '')}"]},
        {"hook": ["model parameter observe parameter=<i>w</i>"]},
        {"model": BAIT},
        {"run": BAIT},
        {"layer": BAIT},
        {"chain": f"Input(8)\n{BAIT}", "model": CHAIN},
        {"tab": BAIT, "view": BAIT, "trap": BAIT},
    ],
)
def test_a_visitor_s_text_is_never_markup(query: dict[str, str | list[str]]) -> None:
    visit = lab(**query)
    for view in VIEWS:
        visit.put(view)
        html = "".join(element.value for element in visit.app.html)
        for tag in ("<img", "<b>fc1", "<i>w"):
            assert tag not in html
        assert not [text.value for text in visit.app.markdown if text.allow_html]


def test_a_chain_s_text_is_never_markup() -> None:
    visit = chain(f"Input(8)\n{BAIT}")
    assert "<img" not in "".join(element.value for element in visit.app.html)
    assert visit.excerpt().startswith("<img")


def test_a_hook_s_text_is_never_markdown() -> None:
    visit = lab(hook=["**x**`[a](http://b) forward observe"])
    for view in VIEWS:
        visit.put(view)
        for text in [*visit.app.markdown, *visit.app.caption]:
            assert "**x**" not in text.value


@pytest.mark.parametrize(
    "query",
    [
        {"hook": "model [a](http://b)"},
        {"hook": "model `[a](http://b)`"},
        {"hook": "model forward `[a](http://b)"},
        {"chain": "Input(8)\n[a](http://b)"},
        {"chain": "Input(8)\n`[a](http://b)"},
        {"model": "`[a](http://b)"},
    ],
)
def test_a_notice_shows_a_link_s_text_as_code_only(query: dict[str, str]) -> None:
    (line,) = lab(**query).notices()
    assert "](" in line
    assert "](" not in re.sub("`[^`]*`", "", line)


# Predict first.


@contextmanager
def another_truth(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it every run gives another result: what fired did not, and the other way round."""
    run = core.hooks.run.run

    def turned(plan: Plan, *, budget_bytes: int = 2**26) -> Report:
        report = run(plan, budget_bytes=budget_bytes)
        firings = tuple(
            replace(item, fired=0 if item.fired else 3, reason=None, sentence="") for item in report.firings
        )
        return replace(report, firings=firings, events=(), calls=(), output=None, difference=None, live=0)

    with monkeypatch.context() as context:
        context.setattr(core.hooks.run, "run", turned)
        yield


HIDING = {
    "forward": {"run": "model.forward(x)"},
    "inner": {"run": RUNS[Mode.INNER], "layer": "fc2"},
    "backward": {"run": RUNS[Mode.BACKWARD]},
    "exception": {"run": RUNS[Mode.EXCEPTION], "layer": "fc2"},
    "copy": {"run": RUNS[Mode.COPY]},
}
GUESSED = ["model forward observe", "fc1 forward observe", "fc2 full_backward observe"]


@pytest.mark.parametrize("query", HIDING.values(), ids=list(HIDING))
@pytest.mark.parametrize("projector", ["false", "true"])
def test_before_the_guess_nothing_depends_on_what_fires(
    query: dict[str, str], projector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(predict: str) -> list[bytes]:
        visit = lab(model=MLP, hook=GUESSED, predict=predict, projector=projector, **query)
        return [visit.put(view).everything() for view in VIEWS]

    truth, shown = opened("true"), opened("false")
    with another_truth(monkeypatch):
        assert opened("true") == truth
        # The same search finds it where it is shown.
        assert opened("false")[0] != shown[0]


@pytest.mark.parametrize("mode", [Mode.CALL, Mode.BACKWARD])
@pytest.mark.parametrize("projector", ["false", "true"])
def test_what_is_usual_tells_nothing_of_a_usual_run(
    mode: Mode, projector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = ["model forward observe", "fc1 forward observe"]
    hooks += ["fc2 full_backward observe"] * (mode is Mode.BACKWARD)

    def opened() -> list[bytes]:
        visit = lab(model=MLP, hook=hooks, run=RUNS[mode], predict="true", projector=projector)
        return [visit.put(view).everything() for view in VIEWS]

    run = core.hooks.run.run

    def turned(plan: Plan, *, budget_bytes: int = 2**26) -> Report:
        report = run(plan, budget_bytes=budget_bytes)
        firings = tuple(replace(item, fired=0, usual=0) for item in report.firings)
        return replace(report, firings=firings, events=(), calls=(), output=None, difference=None, live=0)

    truth = opened()
    monkeypatch.setattr(core.hooks.run, "run", turned)
    assert opened() == truth


@pytest.mark.parametrize(
    ("model", "hook", "told"),
    [("containers", "layers forward observe", "never called"), ("reused", "step forward observe", "2 times")],
)
def test_the_table_of_layers_does_not_tell_either(model: str, hook: str, told: str) -> None:
    visit = lab(model=TITLES[model], hook=[hook], run="model(x)", tab=TABS[4])
    assert told in str(visit.tables())
    visit.set(predict=True)
    assert told not in str(visit.tables())
    assert told not in visit.text()


def guess(visit: Visit, index: int, text: str) -> Visit:
    fields = [field for field in visit.app.text_input if field.label.startswith("Your guess for ")]
    fields[index].set_value(text)
    return visit.run()


def test_one_guess_tells_nothing_of_the_other_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened() -> Visit:
        return guess(lab(model=MLP, hook=GUESSED, predict="true"), 0, "no")

    visit = opened()
    assert [line[0] for line in visit.said()] == ["✓"]
    assert {row[3] for row in visit.board()} == {"?"}
    assert visit.hover_titles() == []
    assert "uth-verdict" not in visit.text().split("<style>")[0]
    run = core.hooks.run.run

    def turned(plan: Plan, *, budget_bytes: int = 2**26) -> Report:
        report = run(plan, budget_bytes=budget_bytes)
        first, *others = report.firings
        turned = [replace(item, fired=0 if item.fired else 3, reason=None, sentence="") for item in others]
        return replace(report, firings=(first, *turned), events=(), output=None, difference=None)

    truth = [visit.put(view).everything() for view in VIEWS]
    monkeypatch.setattr(core.hooks.run, "run", turned)
    other = opened()
    assert [other.put(view).everything() for view in VIEWS] == truth


@pytest.mark.parametrize(
    ("run", "text", "sign"),
    [
        ("model(x)", "yes", "✓"),
        ("model(x)", "1", "✓"),
        ("model(x)", "Once", "✓"),
        ("model(x)", " Y ", "✓"),
        ("model(x)", "no", "✗"),
        ("model(x)", "twice", "✗"),
        ("model(x)", "0", "✗"),
        ("model.forward(x)", "no", "✓"),
        ("model.forward(x)", "never", "✓"),
        ("model.forward(x)", "0", "✓"),
        ("model.forward(x)", "yes", "✗"),
        ("model.forward(x)", "1", "✗"),
    ],
)
def test_a_guess_is_judged(run: str, text: str, sign: str) -> None:
    visit = guess(lab(run=run, predict="true"), 0, text)
    (line,) = visit.said()
    assert line.startswith(sign)


def test_a_count_is_judged_exactly() -> None:
    for text, sign in (("yes", "✓"), ("3", "✓"), ("2", "✗"), ("once", "✗")):
        visit = lab(
            model=TITLES["reused"], run="model(x)", predict="true", hook=["activation forward observe"]
        )
        assert guess(visit, 0, text).said()[0].startswith(sign)


@pytest.mark.parametrize("text", ["perhaps", "-1", "1.5", "²", "9" * 5_000, BAIT, "yes no"])
def test_a_guess_that_is_none_is_one_line_and_tells_nothing(text: str) -> None:
    visit = guess(lab(predict="true"), 0, text)
    (line,) = visit.troubles()
    assert "\n" not in line
    assert len(line) < 150
    assert visit.said() == []
    assert {row[3] for row in visit.board()} == {"?"}
    assert "<img" not in "".join(element.value for element in visit.app.html)


def test_all_is_revealed_after_the_last_guess_and_forgotten_with_the_plan() -> None:
    visit = guess(guess(lab(predict="true"), 0, "no"), 1, "yes")
    assert [line[0] for line in visit.said()] == ["✓", "✗"]
    assert headline(visit) == "✗ 2 hooks were skipped, and nothing said so"
    assert fired(visit) == [0, 0]
    assert "hidden until" not in visit.text().lower()
    for change in ({"run": "model(x)"}, {"seed": 4}, {"hook": ["model forward observe"]}, {"batch": 2}):
        visit.put(change)
        assert visit.said() == []
        assert {row[3] for row in visit.board()} == {"?"}
    visit.set(predict=False)
    assert visit.numbers()["hooks that fired"] == "1 of 1"


def test_two_hooks_alike_in_layer_and_kind_are_two_questions() -> None:
    visit = lab(run="model(x)", predict="true", hook=["model forward observe", "model forward scale"])
    fields = [field for field in visit.app.text_input if field.label.startswith("Your guess for ")]
    assert len(fields) == 2
    guess(guess(visit, 0, "yes"), 1, "no")
    assert [line[0] for line in visit.said()] == ["✓", "✗"]


def test_without_hooks_there_is_nothing_to_guess() -> None:
    visit = lab(predict="true")
    visit.set(hook=[])
    assert visit.numbers()["hooks that fired"] == "no hook"


@pytest.mark.parametrize("projector", ["false", "true"])
def test_twenty_hooks_can_be_guessed(projector: str) -> None:
    hooks = [f"model forward scale={number}" for number in range(20)]
    visit = lab(predict="true", projector=projector, hook=hooks)
    fields = [field for field in visit.app.text_input if field.label.startswith("Your guess for ")]
    for index in range(len(fields)):
        assert "0 of 20" not in visit.text()
        guess(visit, index, "no")
    assert headline(visit) == "✗ 20 hooks were skipped, and nothing said so"


# Reset.


def test_reset_restores_the_worked_example_in_every_input() -> None:
    start = lab()
    visit = lab(
        model=CHAIN, chain="Input(4)\nLinear(4, 3)", run=RUNS[Mode.EXCEPTION], layer="0", training="false",
        seed="7", batch="5", input="ramp", input_grad="true", hook="0 forward observe", predict="true",
        view=WHY_VIEWS[2], explore=WHAT_IF_VIEWS[1], broken=BREAK_VIEWS[1], tab=TABS[3],
    )  # fmt: skip
    keys = [item.key for item in parameters() if item.key not in {"tab", "layer"}]
    press(visit, "hooks:reset")
    assert {key: visit.get(key) for key in keys} == {key: start.get(key) for key in keys}
    assert visit.numbers() == start.numbers()
    assert visit.get("tab") == TABS[3]
    assert visit.troubles() == []


def test_reset_mends_a_broken_chain() -> None:
    visit = chain("Input(8)\nLinear(9, 4)")
    press(visit, "hooks:reset")
    assert visit.troubles() == []
    assert visit.numbers()["hooks that fired"] == "0 of 2"


def test_inputs_survive_a_visit_to_the_home_page() -> None:
    visit = lab(model=MLP, batch="3", hook=["fc1 forward observe"])
    visit.app.switch_page("pages/home.py")
    visit.run()
    visit.app.switch_page(PAGE)
    visit.run()
    assert visit.get("model") == MLP
    assert visit.get("hook") == ["fc1 forward observe"]
    assert visit.get("batch") == 3


def test_the_autograd_lab_keeps_its_tab_and_this_one_keeps_its_own() -> None:
    visit = lab(batch="2").set(tab=TABS[3])
    visit.app.switch_page("pages/autograd.py")
    visit.app.query_params.clear()
    visit.run()
    assert visit.numbers() == {"∂L/∂w": "-15.6000", "∂L/∂b": "-7.8000"}
    visit.set(tab="What if?", rate=0.5, steps=9)
    visit.app.switch_page(PAGE)
    visit.app.query_params.clear()
    visit.run()
    assert visit.get("tab") == TABS[3]
    assert (visit.get("rate"), visit.get("steps")) == (0.05, 200)
    assert visit.get("batch") == 2
    assert visit.troubles() == []
    assert visit.notices() == []


# The tabs.


def number_in(cell: object) -> float:
    return float(str(cell).replace("−", "-"))


def test_the_timeline_has_the_events_of_plain_pytorch_in_their_order() -> None:
    hooks = ("model forward_pre", "fc1 forward", "fc2 forward_pre", "model forward", "fc3 full_backward_pre",
             "fc2 full_backward_pre", "fc1 output_tensor", "fc1 post_accumulate_grad")  # fmt: skip
    log, _ = by_pytorch(hooks, Mode.BACKWARD, batch=3)
    visit = lab(
        model=MLP, run=RUNS[Mode.BACKWARD], batch="3", view=WHY_VIEWS[1],
        hook=[str(parse_spec(text)) for text in hooks],
    )  # fmt: skip
    visit.set(every=True)
    *_, rows = visit.tables()
    assert [(row["layer"], row["kind"]) for row in rows] == [tuple(hooks[index].split()) for index, _ in log]
    assert [row["pass"] for row in rows] == ["forward"] * 4 + ["backward"] * 4
    for row, (_, tensor) in zip(rows, log, strict=True):
        assert tensor is not None
        assert row["shape"] == str(tuple(tensor.shape))
        assert number_in(row["mean"]) == pytest.approx(float(tensor.mean()), rel=1e-3, abs=1e-6)
        assert number_in(row["min"]) == pytest.approx(float(tensor.min()), rel=1e-3)
        assert number_in(row["max"]) == pytest.approx(float(tensor.max()), rel=1e-3)
        assert number_in(row["norm"]) == pytest.approx(float(tensor.norm()), rel=1e-3)
    # The stepper shows the same, one at a time.
    for position, (index, tensor) in enumerate(log, 1):
        visit.set(step=position)
        assert tensor is not None
        shown = next(text.value for text in visit.app.markdown if f"**{position}.**" in text.value)
        assert f"`{hooks[index].split()[0]}`" in shown
        assert number_in(visit.tables()[0][0]["mean"]) == pytest.approx(
            float(tensor.mean()), rel=1e-3, abs=1e-6
        )


def test_the_timeline_shows_captured_numbers() -> None:
    visit = lab(run="model(x)", view=WHY_VIEWS[1], hook=["model forward capture"])
    assert visit.tables()[0][0]["captured"] == "1.1"


def test_the_timeline_s_stepper_stays_within_a_shorter_run() -> None:
    visit = lab(model=MLP, run="model(x)", view=WHY_VIEWS[1],
                hook=[f"fc{number} forward observe" for number in (1, 2, 3)], step="3")  # fmt: skip
    assert visit.app.button(key="step:next").disabled
    visit.set(hook=["fc1 forward observe", "fc2 forward observe"])
    assert visit.app.slider(key="step").value == 2
    visit.set(hook=["fc1 forward observe"])
    assert not visit.app.slider
    visit.set(run="model.forward(x)", hook=["model forward observe"])
    assert "No hook fired" in visit.captions()


def test_every_silent_hook_has_its_reason() -> None:
    visit = lab(model=MLP, run=RUNS[Mode.EXCEPTION], layer="fc2",
                hook=["fc1 forward observe", "fc2 forward observe", "model forward observe"])  # fmt: skip
    lines = visit.verdicts()[1:]
    assert [line.split(" · ")[0] for line in lines] == ["✗ fc2", "✗ model"]
    assert all("an exception" in line or "not reached" in line for line in lines)
    visit.set(calls=True)
    assert [row["layer"] for row in visit.tables()[0]] == ["fc1", "relu", "fc2", "model"]


def test_layer_by_layer_is_what_plain_hooks_see() -> None:
    made = zoo.build("mlp")
    outputs: dict[str, Tensor] = {}
    for name, layer in made.module.named_modules():
        layer.register_forward_hook(
            lambda _, __, output, name=name: outputs.setdefault(name or "model", output.detach().clone())
        )
    made.module(*made.example_inputs(1))
    visit = lab(model=MLP, view=WHY_VIEWS[2])
    rows = {row["layer"]: row for row in visit.tables()[0] if row[""] == "output"}
    assert rows.keys() == outputs.keys()
    for name, output in outputs.items():
        assert number_in(rows[name]["mean"]) == pytest.approx(float(output.mean()), rel=1e-3)
        assert number_in(rows[name]["max"]) == pytest.approx(float(output.max()), rel=1e-3)


def test_an_ablation_that_takes_long_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "ABLATION_SECONDS", 0)
    visit = lab(model=MLP, batch="4", tab=TABS[1])
    assert re.search(r"The first 1 of \d layers: more would take longer than 0 s.", visit.captions())
    assert len(visit.tables()[-1]) == 1


@pytest.mark.parametrize("action", ["zero", "scale", "clip"])
def test_an_ablation_is_what_it_is_by_hand(action: str) -> None:
    change: dict[str, Callable[[Tensor], Tensor]] = {
        "zero": torch.zeros_like,
        "scale": lambda output: 2 * output,
        "clip": lambda output: output.clamp(-0.5, 0.5),
    }
    visit = lab(model=MLP, batch="4", tab=TABS[1], ablate=action)
    rows = visit.tables()[0]
    made = zoo.build("mlp")
    inputs = made.example_inputs(4)
    whole = made.module(*inputs).detach()
    assert [row["layer"] for row in rows] == [name for name, _ in made.module.named_modules() if name]
    for row in rows:
        handle = made.module.get_submodule(str(row["layer"])).register_forward_hook(
            lambda _, __, output: change[action](output)
        )
        largest = float((made.module(*inputs).detach() - whole).abs().max())
        handle.remove()
        assert row["largest change of the output"] == pytest.approx(largest, rel=1e-5, abs=1e-7)
        relative = largest / float(whole.abs().max())
        assert row["relative to its largest number"] == pytest.approx(relative, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", [name for name in MODELS.values() if name != "chain"])
def test_the_layer_table_counts_the_model_s_parameters(name: str) -> None:
    module = zoo.build(name).module
    visit = lab(model=TITLES[name], tab=TABS[4])
    (rows,) = visit.tables()
    modules = dict(module.named_modules())
    assert [str(row["layer"]).strip("\N{NO-BREAK SPACE}") for row in rows] == [
        key.rpartition(".")[2] or "model" for key in modules
    ]
    assert [row["type"] for row in rows] == [type(layer).__name__ for layer in modules.values()]
    assert [row["parameters"] for row in rows] == [
        sum(value.numel() for value in layer.parameters(recurse=False)) for layer in modules.values()
    ]
    total = sum(value.numel() for value in module.parameters())
    assert f"{total:,} parameters" in visit.captions()


def test_leaks_are_counted_as_pytorch_has_them() -> None:
    linear = nn.Linear(1, 1)
    for _ in range(3):
        register(linear, ["model forward_pre", "model forward"], [])
    left = len(linear._forward_hooks) + len(linear._forward_pre_hooks)
    visit = lab(tab=TABS[2], broken=BREAK_VIEWS[1])
    lost, copied, raising = visit.tables()
    assert [row["hooks"] for row in lost] == [0, 2, 4, left, 0]
    assert [row["hooks"] for row in copied] == [2, 2, 0, 2, 0]
    assert [row["hooks"] for row in raising] == [1, 1, 1, 0]


def test_leaks_are_those_of_the_hooks_above() -> None:
    visit = lab(model=MLP, hook=["fc1 forward observe"] * 1 + ["fc2 parameter observe"], tab=TABS[2],
                broken=BREAK_VIEWS[1])  # fmt: skip
    assert [row["hooks"] for row in visit.tables()[0]] == [0, 2, 4, 6, 0]


@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.BACKWARD, Mode.COMPILED])
def test_the_program_that_is_taken_away_is_the_plan_s(mode: Mode) -> None:
    visit = lab(model=MLP, run=RUNS[mode], hook=["fc1 forward scale=3"], seed="2", batch="2", tab=TABS[3])
    (code,) = [code.value for code in visit.app.code]
    plan = Plan(
        model="mlp", chain=STARTING_CHAIN, hooks=(parse_spec("fc1 forward scale=3"),), mode=mode, seed=2,
        batch=2,
    )  # fmt: skip
    assert code.strip() == hooks_program(plan).strip()


def test_the_program_prints_what_the_page_shows() -> None:
    visit = lab(run="model(x)", tab=TABS[3])
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(visit.app.code[0].value, {"__name__": "__main__"})  # noqa: S102 - our own program
    lines = printed.getvalue().splitlines()
    assert len([line for line in lines if re.match(r"\d+\. model forward", line)]) == 2
    assert any("1.1" in line for line in lines if line.startswith("output"))


# Jobs.


def test_who_waits_for_a_training_is_told_the_position_and_may_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waits(Ended):
        finished = False
        position = 3

    process = Waits()
    monkeypatch.setattr(live, "start_training", lambda *_, **__: process)
    visit = press(lab(tab=TABS[1], explore=WHAT_IF_VIEWS[1]), "hooks:training:start")
    assert any("Busy: position 3 in the queue" in each.value for each in visit.app.markdown)
    press(visit, "live:leave")
    assert process.stopped == 1
    assert "hooks:training:start" in {str(button.key) for button in visit.app.button}


JOBS = [
    ("hooks:training", {"tab": TABS[1], "explore": WHAT_IF_VIEWS[1]}, (live, "start_training")),
    ("hooks:measured", {"tab": TABS[1], "explore": WHAT_IF_VIEWS[2]}, (cost, "start_measure")),
    ("hooks:compiled", {"run": RUNS[Mode.COMPILED]}, (compiled, "start_run")),
    ("hooks:compiled", {"run": RUNS[Mode.COMPILED_FIRST]}, (compiled, "start_run")),
]


class Ended:
    """A process that has ended without saying anything."""

    finished = True

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.stopped = 0

    def lines(self) -> list[dict[str, Any]]:
        return []

    def send(self, command: Mapping[str, Any]) -> None:
        pass

    def stop(self) -> None:
        self.stopped += 1


@pytest.mark.parametrize(("key", "query", "starts"), JOBS)
def test_a_start_that_is_refused_is_one_line(
    key: str, query: dict[str, str], starts: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ProcessError("Busy: 50 runs wait for a place already; try again in a moment.")

    monkeypatch.setattr(*starts, refuse)
    visit = lab(**query)
    assert visit.troubles() == []
    press(visit, f"{key}:start")
    assert visit.troubles() == ["Busy: 50 runs wait for a place already; try again in a moment."]
    # Said once; the button is still there.
    assert visit.run().troubles() == []
    assert not visit.app.button(key=f"{key}:start").disabled


@pytest.mark.parametrize(("key", "query", "starts"), JOBS)
def test_a_job_without_a_result_says_why_and_one_for_other_inputs_is_outdated(
    key: str, query: dict[str, str], starts: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Ended("It took longer than 120 s and was ended.")
    monkeypatch.setattr(*starts, lambda *_, **__: process)
    visit = lab(**query)
    press(visit, f"{key}:start")
    visit.run()
    assert visit.troubles() == ["It took longer than 120 s and was ended."]
    visit.set(seed=5)
    assert visit.troubles() == []
    assert "The inputs have changed since the last result." in visit.captions()
    assert process.stopped == 1
    assert not visit.app.button(key=f"{key}:start").disabled


@pytest.mark.parametrize("mode", [Mode.COMPILED, Mode.COMPILED_FIRST])
def test_a_run_that_compiles_waits_for_a_click_and_the_other_tabs_work(mode: Mode) -> None:
    visit = lab(run=RUNS[mode])
    assert visit.numbers() == {}
    assert visit.app.button(key="hooks:compiled:start").label == "Compile and run"
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []


@pytest.mark.parametrize(
    ("values", "said"),
    [({"rate": 0.0}, "rate"), ({"rate": -1.0}, "rate"), ({"gain": 0.0}, "gain|weights|initial")],
)
def test_a_training_that_cannot_be_is_one_line(values: dict[str, float], said: str) -> None:
    visit = lab(tab=TABS[1], explore=WHAT_IF_VIEWS[1])
    visit.put(values)
    (line,) = visit.troubles()
    assert re.search(said, line)
    assert visit.numbers()["hooks that fired"] == "0 of 2"


@pytest.mark.parametrize("preset", live.PRESETS, ids=lambda preset: preset.title)
def test_a_preset_sets_the_model_and_the_numbers(preset: live.Preset) -> None:
    visit = lab(tab=TABS[1], explore=WHAT_IF_VIEWS[1])
    next(group for group in visit.app.button_group if group.key == "preset").set_value(preset.title).run()
    assert not visit.app.exception
    assert visit.get("model") == preset.model
    assert (visit.get("gain"), visit.get("rate"), visit.get("nan_at")) == (
        preset.gain, preset.rate, preset.nan_at,
    )  # fmt: skip
    assert visit.get("every_layer") is True
    assert visit.troubles() == []


@pytest.mark.parametrize(("key", "query", "starts"), JOBS[:2])
def test_a_job_waits_for_the_guess(key: str, query: dict[str, str], starts: tuple[Any, str]) -> None:
    """What it streams tells which hooks fire."""
    visit = lab(predict="true", **query)
    assert f"{key}:start" not in [button.key for button in visit.app.button]
    guess(guess(visit, 0, "no"), 1, "no")
    assert not visit.app.button(key=f"{key}:start").disabled
    assert callable(getattr(*starts))
