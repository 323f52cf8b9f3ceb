"""What can be asked of an exporter, and the one line for each thing that cannot."""

import dataclasses
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.export import specimens
from core.export.plan import MAX_BATCH, MAX_NAME, Exporter, ExportError, ExportPlan, axes, check_graph_names
from core.zoo import ZooError

MODELS = ", ".join(specimens.names())
LONG = "x" * 500


def test_the_least_that_can_be_asked_is_the_articles_export() -> None:
    plan = ExportPlan()
    made = plan.build()
    assert (plan.model, plan.opset, plan.exporter) == ("simple_mlp", 15, Exporter.DYNAMO)
    assert plan.names_of_inputs(made) == ("input",)
    assert plan.dynamic_axes(made) == {"input": {0: "batch"}}


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"model": "gpt"}, f"There is no model `gpt`: choose one of {MODELS}."),
        ({"model": LONG}, f"There is no model `{LONG[:40]}`: choose one of {MODELS}."),
        ({"batch": 0}, "The example's batch is 0: choose 1 to 64."),
        ({"batch": MAX_BATCH + 1}, "The example's batch is 65: choose 1 to 64."),
        ({"opset": 6}, "Opset 6 is none that the dynamo exporter knows: choose 7 to 23."),
        ({"opset": 24}, "Opset 24 is none that the dynamo exporter knows: choose 7 to 23."),
        (
            {"opset": 21, "exporter": Exporter.LEGACY},
            "Opset 21 is none that the legacy exporter knows: choose 7 to 20.",
        ),
        (
            {"input_names": ("",)},
            "`` cannot be the name of an input: give 1 to 64 characters without spaces.",
        ),
        (
            {"output_names": ("two  words",)},
            "`two words` cannot be the name of an output: give 1 to 64 characters without spaces.",
        ),
        (
            {"input_names": ("a\nb",)},
            "`a b` cannot be the name of an input: give 1 to 64 characters without spaces.",
        ),
        (
            {"input_names": ("\x00",)},
            "`\x00` cannot be the name of an input: give 1 to 64 characters without spaces.",
        ),
        (
            {"input_names": (LONG,)},
            f"`{LONG[:40]}` cannot be the name of an input: give 1 to 64 characters without spaces.",
        ),
        ({"input_names": ("a", "a")}, "Two inputs cannot have one name: a, a."),
        ({"output_names": ("y", "z", "y")}, "Two outputs cannot have one name: y, z, y."),
    ],
)
def test_what_no_exporter_could_do_is_refused_at_once(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(ExportError) as caught:
        ExportPlan(**asked)
    assert str(caught.value) == line


def test_a_seed_that_cannot_be_is_the_zoos_to_refuse() -> None:
    with pytest.raises(ZooError, match=r"^The seed is -1: choose a whole number from 0 to 2\*\*63 - 1\.$"):
        ExportPlan(seed=-1)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            {"input_names": ("a", "b")},
            "2 input names came for a model with 1 inputs (input): give one each.",
        ),
        (
            {"model": "keywords", "input_names": ("a",)},
            "1 input names came for a model with 3 inputs (x, scale, shift): give one each.",
        ),
        ({"dynamic": ("y:0",)}, "`y:0` is no axis of simple_mlp: choose among input:0, input:1."),
        ({"dynamic": ("input:2",)}, "`input:2` is no axis of simple_mlp: choose among input:0, input:1."),
        ({"dynamic": ("input:-1",)}, "`input:-1` is no axis of simple_mlp: choose among input:0, input:1."),
        ({"dynamic": ("",)}, "`` is no axis of simple_mlp: choose among input:0, input:1."),
        (
            {"dynamic": (LONG,)},
            f"`{LONG[:40]}` is no axis of simple_mlp: choose among input:0, input:1.",
        ),
    ],
)
def test_what_does_not_fit_the_model_is_refused_when_it_is_built(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(ExportError) as caught:
        ExportPlan(**asked).build()
    assert str(caught.value) == line


@pytest.mark.parametrize("opset", [7, 15, 20])
@pytest.mark.parametrize("exporter", Exporter)
def test_the_opsets_that_both_know_can_be_asked_for(exporter: Exporter, opset: int) -> None:
    assert ExportPlan(exporter=exporter, opset=opset).opset == opset


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=MAX_NAME))
def test_any_word_can_be_a_name(name: str) -> None:
    plan = ExportPlan(input_names=(name,), output_names=(name,))
    assert plan.names_of_inputs(plan.build()) == (name,)


@given(st.text())
def test_a_name_with_a_space_or_what_cannot_be_seen_is_refused_in_a_line(name: str) -> None:
    assume(not name or name.split() != [name] or not name.isprintable())
    with pytest.raises(ExportError, match=r"^`[^\n]*` cannot be the name of an output") as caught:
        ExportPlan(output_names=(name,))
    assert "\n" not in str(caught.value)


def test_the_axes_of_a_model_are_its_inputs_and_the_batch() -> None:
    assert axes(specimens.build("cnn")) == ("x:0", "x:1", "x:2", "x:3")
    assert axes(specimens.build("keywords")) == (
        "x:0", "x:1", "scale:0", "scale:1", "shift:0", "shift:1",
    )  # fmt: skip


def test_open_axes_are_called_batch_or_by_their_input_and_place() -> None:
    plan = ExportPlan("keywords", dynamic=("x:0", "scale:1", "scale:0"))
    made = plan.build()
    assert plan.dynamic_axes(made) == {"x": {0: "batch"}, "scale": {1: "scale_1", 0: "batch"}}
    assert dataclasses.replace(plan, dynamic=None).dynamic_axes(made) == {
        name: {0: "batch"} for name in ("x", "scale", "shift")
    }
    assert dataclasses.replace(plan, dynamic=()).dynamic_axes(made) == {}


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_in_the_mode_that_the_plan_names(*, training: bool) -> None:
    made = ExportPlan("dropout", training=training).build()
    assert {module.training for module in made.module.modules()} == {training}


def test_a_graph_has_one_name_for_one_thing() -> None:
    module = specimens.build("cnn").module
    check_graph_names(module, ("x",), ("y", "z"))
    with pytest.raises(
        ExportError, match=r"^`y` names an input and an output: give one of them another name\.$"
    ):
        check_graph_names(module, ("x", "y"), ("y",))
    for weight in ("conv1.weight", "bn1.running_mean"):
        line = f"^`{weight}` is the name of a weight: give the graph's value another one\\.$"
        with pytest.raises(ExportError, match=line):
            check_graph_names(module, (weight,), ("y",))
        with pytest.raises(ExportError, match=line):
            check_graph_names(module, ("x",), (weight,))
