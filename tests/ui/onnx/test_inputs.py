"""What a link of the ONNX lab may hold, and how its texts become a plan and a plan its texts."""

from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.export.plan import MAX_OPSET, MIN_OPSET, Exporter, ExportPlan, axes
from core.export.presets import PRESETS
from core.export.specimens import build, names, titles
from core.zoo import MAX_SEED as ANY_SEED
from ui.onnx import inputs
from ui.onnx.inputs import (
    LANGUAGES,
    MAX_SEED,
    MODELS,
    OWN_FILE,
    PLACES,
    SOURCES,
    TABS,
    WHY_VIEWS,
    WORKED,
    WORKED_MODEL,
    parameters,
)


def test_every_model_is_in_the_menu_once_and_the_file_is_last() -> None:
    assert sorted(MODELS.values()) == sorted(names())
    assert SOURCES[-1] == OWN_FILE
    assert OWN_FILE not in MODELS


@pytest.mark.parametrize("label", [*SOURCES, *TABS, *WHY_VIEWS, *PLACES, *LANGUAGES])
def test_a_label_survives_the_address(label: str) -> None:
    assert unquote_plus(quote_plus(label)) == label
    assert label == label.strip()
    assert "\n" not in label


def test_every_default_can_be_in_a_link() -> None:
    for item in parameters():
        texts = item.default if isinstance(item.default, list) else [str(item.default)]
        assert [item.complaint(text.lower() if text in {"True", "False"} else text) for text in texts] == [
            "" for _ in texts
        ]


def test_no_two_inputs_have_the_same_key() -> None:
    keys = [item.key for item in parameters()]
    assert len(set(keys)) == len(keys)


def test_the_worked_example_is_the_plan_that_nobody_changed() -> None:
    assert ExportPlan() == WORKED
    assert MODELS[WORKED_MODEL] == WORKED.model


def test_a_seed_that_can_be_typed_can_be_linked() -> None:
    (seed,) = [item for item in parameters() if item.key == "seed"]
    assert seed.complaint(str(MAX_SEED)) == ""
    assert seed.complaint(str(MAX_SEED + 1))
    assert MAX_SEED < ANY_SEED


@given(st.text())
def test_any_text_of_a_link_gets_an_answer_on_one_line(text: str) -> None:
    for item in parameters():
        assert "\n" not in item.complaint(text)


@st.composite
def plans(draw: st.DrawFn) -> ExportPlan:
    name = draw(st.sampled_from(names()))
    made = build(name)
    exporter = draw(st.sampled_from(Exporter))
    all_axes = axes(made)
    some = st.lists(st.sampled_from(all_axes), unique=True).map(tuple)
    word = st.text("abcxyz_.:/0123456789", min_size=1, max_size=8)
    count = len(made.inputs)
    given_names = st.lists(word, min_size=count, max_size=count, unique=True).map(tuple)
    return ExportPlan(
        name,
        seed=draw(st.integers(0, MAX_SEED)),
        batch=draw(st.integers(1, 64)),
        exporter=exporter,
        opset=draw(st.integers(MIN_OPSET, 20 if exporter is Exporter.LEGACY else MAX_OPSET)),
        dynamic=draw(st.one_of(st.none(), st.just(()), st.just(all_axes), some)),
        optimize=draw(st.booleans()),
        training=draw(st.booleans()),
        external_data=draw(st.booleans()),
        input_names=draw(st.one_of(st.just(()), given_names)),
        output_names=draw(st.one_of(st.just(()), word.map(lambda each: (each,)))),
    )


@given(plans())
def test_what_a_plan_is_written_as_reads_back_as_the_plan(plan: ExportPlan) -> None:
    assert inputs._axes(plan.model, inputs._axes_text(plan)) == plan.dynamic
    for given_names in (plan.input_names, plan.output_names):
        assert inputs._names(", ".join(given_names)) == given_names


def page(plan: "ExportPlan") -> None:
    import streamlit as st

    from ui.links import open_page
    from ui.onnx.inputs import PAGE, draw_inputs, parameters, read_plan, set_plan

    open_page(PAGE, parameters())
    draw_inputs(compact=False)
    st.button("set", key="set", on_click=set_plan, args=(plan,))
    st.text(repr(read_plan()))


@pytest.mark.parametrize(
    "plan", [each for preset in PRESETS for each in (preset.plan, preset.fixed) if each is not None], ids=repr
)
def test_every_preset_can_be_set(plan: ExportPlan) -> None:
    app = AppTest.from_function(page, args=(plan,)).run()
    assert app.text[0].value == repr(WORKED)
    app.button(key="set").click().run()
    assert not app.exception
    assert app.text[0].value == repr(plan)
    assert app.session_state["model"] == titles()[plan.model]


@pytest.mark.parametrize(
    ("text", "found"),
    [("batch", None), (" batch ", None), ("", ()), (" , ", ()), ("none", ()), ("input:1", ("input:1",)),
     ("all", ("input:0", "input:1")), ("batch, none", ("batch", "none")), ("<b>", ("<b>",))],
)  # fmt: skip
def test_the_words_for_axes(text: str, found: tuple[str, ...] | None) -> None:
    assert inputs._axes("simple_mlp", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, ()), ("", ()), ("  ", ()), ("a", ("a",)), (" a , b ", ("a", "b")), ("a,", ("a", ""))],
)
def test_the_words_for_names(text: str | None, found: tuple[str, ...]) -> None:
    assert inputs._names(text) == found
