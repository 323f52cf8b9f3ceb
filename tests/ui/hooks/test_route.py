"""The picture of the way through the model: the hooks in PyTorch's order, fired and silent told apart."""

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import zoo
from core.hooks import parse_spec
from core.hooks.plan import Mode, Plan
from core.hooks.run import Firing, Report, run
from core.hooks.traps import WARNINGS
from ui.hooks.route import MAX_CHIPS

# What PyTorch remarks on some of the hooks.
pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(said)}") for said in WARNINGS]


def page(report: object, hidden: bool) -> None:
    import streamlit as st

    from core.hooks.run import Report
    from ui.hooks.route import show_route

    assert isinstance(report, Report)
    st.text(str(show_route(report, hidden=hidden)))


def drawn(report: Report, *, hidden: bool = False) -> str:
    """The picture as HTML; empty if there is none."""
    app = AppTest.from_function(page, args=(report, hidden)).run()
    assert not app.exception
    assert app.text[0].value == str(bool(app.html))
    return str(app.html[0].value) if app.html else ""


def ran(*hooks: str, model: str = "mlp", mode: Mode = Mode.CALL, layer: str = "") -> Report:
    return run(Plan(model=model, hooks=tuple(map(parse_spec, hooks)), mode=mode, layer=layer))


def lanes(html: str) -> dict[str, list[str]]:
    found = re.findall(r"<div class='lane'><code>(.*?)</code><div class='way'>(.*?)</div>", html)
    return {
        unescape(code): [
            unescape(text) for text in re.findall(r">([^<>]+)</span>", way) if text not in {"→", "←"}
        ]
        for code, way in found
    }


def test_a_usual_run_is_one_lane_and_any_other_is_beside_it() -> None:
    assert list(lanes(drawn(ran("model forward")))) == ["model(x)"]
    assert list(lanes(drawn(ran("model forward", mode=Mode.FORWARD)))) == ["model(x)", "model.forward(x)"]
    both = lanes(drawn(ran("fc1 full_backward", mode=Mode.BACKWARD)))
    assert list(both) == ["model(x), loss.backward()"]


def test_the_hooks_stand_in_the_order_in_which_pytorch_calls_them() -> None:
    hooks = ["model forward", "fc2 forward_pre", "relu forward", "model forward_pre", "fc2 forward"]
    made = zoo.build("mlp")
    order: list[str] = []
    for text in hooks:
        layer, kind = text.split()
        module = made.module.get_submodule("" if layer == "model" else layer)
        if kind == "forward":
            module.register_forward_hook(lambda *_, text=text: order.append(text))
        else:
            module.register_forward_pre_hook(lambda *_, text=text: order.append(text))
    made.module(*made.example_inputs(1))
    (way,) = lanes(drawn(ran(*hooks))).values()
    shown = [item.removeprefix("✓ ") for item in way if item.startswith("✓")]
    assert shown == [text.replace(" forward_pre", " pre hook").replace(" forward", " hook") for text in order]


def test_the_way_back_stands_after_the_way_there_from_the_last_layer_to_the_first() -> None:
    report = ran("fc1 full_backward", "fc3 full_backward", "fc2 full_backward", "fc1 forward",
                 mode=Mode.BACKWARD)  # fmt: skip
    (way,) = lanes(drawn(report)).values()
    assert [item for item in way if item.startswith("✓")] == [
        "✓ fc1 hook", "✓ fc3 backward", "✓ fc2 backward", "✓ fc1 backward",
    ]  # fmt: skip


def test_fired_and_silent_differ_by_a_sign_and_not_by_colour_alone() -> None:
    html = drawn(ran("model forward", "fc1 forward", mode=Mode.FORWARD))
    assert re.findall(r"class='hook (\w+)'>(.) ", html) == [
        ("fired", "✓"), ("fired", "✓"), ("fired", "✓"), ("silent", "✗"),
    ]  # fmt: skip


def test_how_often_is_told() -> None:
    html = drawn(ran("step forward", "activation forward", "head forward", model="reused"))
    assert {"✓ step hook ×2", "✓ activation hook ×3", "✓ head hook"} <= set(*lanes(html).values())


def test_a_text_says_what_fired_and_what_did_not() -> None:
    html = drawn(ran("model forward", "fc1 forward", mode=Mode.FORWARD))
    assert "aria-label='The way through the model. Fired: fc1. Silent: model'" in html


@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.NO_GRAD, Mode.COPY])
def test_what_is_hidden_is_nowhere(mode: Mode) -> None:
    hooks = ["model forward", "fc1 forward", "fc2 full_backward"]
    html = drawn(ran(*hooks, mode=mode), hidden=True)
    *_, way = lanes(html).values()
    assert [item for item in way if item.endswith(" hook")] == [
        "? fc1 hook", "? model hook",
    ]  # fmt: skip
    assert "silent" not in html
    assert "✗" not in html
    assert "Fired" not in html


def test_there_is_no_picture_without_hooks_for_the_state_or_of_too_many() -> None:
    assert drawn(ran()) == ""
    assert drawn(ran("model forward", "fc1 state_dict")) == ""
    many = [f"model forward scale={number}" for number in range(MAX_CHIPS)]
    assert drawn(ran(*many)) != ""
    assert drawn(ran(*many, "fc1 forward")) == ""


@pytest.mark.parametrize("name", zoo.names())
def test_every_layer_of_every_model_is_on_the_way_once(name: str) -> None:
    names = [name for name, _ in zoo.build(name).module.named_modules()][:MAX_CHIPS]
    report = ran(*(f"{layer or 'model'} forward" for layer in names), model=name)
    (way,) = lanes(drawn(report)).values()
    chips = [item for item in way if re.match("[✓✗] ", item)]
    assert sorted(re.sub(r"^. | hook.*$", "", item) for item in chips) == sorted(
        layer or "model" for layer in names
    )


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=30).filter(lambda text: len(text.split()) == 1 and "\x00" not in text))
def test_a_name_is_never_markup(name: str) -> None:
    report = ran("model forward")
    (firing,) = report.firings
    odd = parse_spec("model forward")
    object.__setattr__(odd, "layer", name)
    found = Firing(0, odd, firing.expected, firing.usual, 1, None, "")
    object.__setattr__(report, "firings", (found,))
    html = drawn(report)
    plain = drawn(ran("fc1 forward"))
    assert set(re.findall(r"<(\w+)", html)) <= set(re.findall(r"<(\w+)", plain))
    assert html.count("'") <= plain.count("'") + 8
