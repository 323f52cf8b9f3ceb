"""What a link of the hooks lab may hold, and what its menus offer."""

from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import zoo
from core.hooks import parse_spec
from core.hooks.plan import Mode, Plan
from core.hooks.spec import AMOUNTS, Action, HookKind, HookSpec
from ui.hooks import inputs
from ui.hooks.inputs import MODELS, MODES, STARTING_CHAIN, WORKED_HOOKS, WORKED_MODEL, WORKED_RUN


def test_every_run_and_every_model_is_in_its_menu_once() -> None:
    assert sorted(MODES.values()) == sorted(Mode)
    assert sorted(MODELS.values()) == sorted([*zoo.names(), "chain"])


@pytest.mark.parametrize("label", [*MODELS, *MODES])
def test_a_label_survives_the_address(label: str) -> None:
    assert unquote_plus(quote_plus(label)) == label
    assert label == label.strip()
    assert "\n" not in label


def test_the_worked_example_runs_without_its_hooks() -> None:
    assert MODES[WORKED_RUN] is Mode.FORWARD
    assert MODELS[WORKED_MODEL] == "scalar_linear"
    assert [parse_spec(text).the_kind for text in WORKED_HOOKS] == [HookKind.FORWARD_PRE, HookKind.FORWARD]


def test_the_starting_chain_is_a_chain() -> None:
    assert inputs._chain_complaint(STARTING_CHAIN) == ""
    Plan(model="chain", chain=STARTING_CHAIN).build()


LAYER = st.sampled_from(["", "fc1", "block.conv1", "layers.0"])
KIND = st.sampled_from(list(HookKind))
ACTION = st.sampled_from([Action.OBSERVE, Action.CAPTURE, Action.RAISE])


@given(LAYER, KIND, ACTION, st.booleans())
def test_every_hook_can_be_linked(layer: str, kind: HookKind, action: Action, once: bool) -> None:
    spec = HookSpec(layer, kind, action, once=once)
    assert inputs._hook_complaint(str(spec)) == ""
    assert parse_spec(str(spec)) == spec


@given(LAYER, st.sampled_from(list(AMOUNTS)), st.floats(0, 1e30))
def test_an_amount_can_be_linked_with_all_its_digits(layer: str, action: Action, amount: float) -> None:
    spec = HookSpec(layer, HookKind.FORWARD, action, amount)
    assert inputs._hook_complaint(str(spec)) == ""
    assert parse_spec(str(spec)).the_amount == amount


@pytest.mark.parametrize(
    "text",
    ["", " ", "fc1", "fc1 backwards", "fc1 forward explode", "fc1 forward scale=x", "fc1 forward zero=1",
     "fc1 state_dict scale", "fc1 parameter observe prepend", "fc1 forward clip=-1", "x" * 5_000],
)  # fmt: skip
def test_what_is_no_hook(text: str) -> None:
    complaint = inputs._hook_complaint(text)
    assert complaint.startswith("is no hook: ")
    assert len(complaint) < 300


@pytest.mark.parametrize("text", ["", "Input(8)\nLinear(9, 4)", "Input(8)\nNope()", "x" * 5_000])
def test_what_is_no_chain(text: str) -> None:
    complaint = inputs._chain_complaint(text)
    assert complaint.startswith("is no chain: ")
    assert len(complaint) < 300


@given(st.text())
@example("\n\n#b")
@example("a\n")
def test_any_text_gets_an_answer_on_one_line(text: str) -> None:
    for complaint in (inputs._hook_complaint(text), inputs._chain_complaint(text)):
        assert "\n" not in complaint


@given(st.text(min_size=1))
def test_a_layer_s_label_leads_back_to_its_name(name: str) -> None:
    assert inputs.layer_label("") == "model"
    assert inputs.layer_name("model") == ""
    if name != "model":
        assert inputs.layer_name(inputs.layer_label(name)) == name


@pytest.mark.parametrize("name", zoo.names())
def test_the_layers_of_a_model_are_pytorch_s_with_their_own_parameters(name: str) -> None:
    title = next(title for title, key in MODELS.items() if key == name)
    module = zoo.build(name).module
    assert inputs._layers(title, None) == {
        key: tuple(own for own, _ in layer.named_parameters(recurse=False))
        for key, layer in module.named_modules()
    }


@pytest.mark.parametrize("chain", ["", "Linear(", "Input(8)\nLinear(9, 4)", None])
def test_a_broken_chain_has_its_root_alone(chain: str | None) -> None:
    title = next(title for title, key in MODELS.items() if key == "chain")
    assert inputs._layers(title, chain) == {"": ()}
    assert len(inputs._layers("no such model", chain)) == 1
