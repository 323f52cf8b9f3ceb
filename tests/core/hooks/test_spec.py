"""A hook as text and as a value: only what PyTorch offers, and every refusal is one line that helps."""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.hooks import Action, HookError, HookKind, HookSpec, parse_spec
from core.hooks.recorder import HookRecorder

FLAGS = ("prepend", "with_kwargs", "always_call", "once")
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.", min_size=1, max_size=12).filter(
    lambda name: name != "model"
)


@st.composite
def specs(draw: st.DrawFn) -> HookSpec:
    """Every spec that can be made: what is refused is drawn again."""
    while True:
        try:
            return HookSpec(
                draw(st.one_of(st.just(""), NAMES)),
                draw(st.sampled_from(HookKind)),
                draw(st.sampled_from(Action)),
                draw(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))),
                draw(st.one_of(st.just(""), NAMES)),
                **{flag: draw(st.booleans()) for flag in FLAGS},
            )
        except HookError:
            continue


@given(specs())
def test_what_a_spec_is_written_as_is_read_back_as_the_same(spec: HookSpec) -> None:
    assert parse_spec(str(spec)) == spec
    assert "\n" not in str(spec)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("model forward", HookSpec("", "forward")),
        ("  fc1\tforward   scale=2 prepend ", HookSpec("fc1", "forward", "scale", 2.0, prepend=True)),
        ("a.b parameter clip=1e-3 parameter=bias", HookSpec("a.b", "parameter", "clip", 1e-3, "bias")),
        (
            "x forward once always_call with_kwargs",
            HookSpec("x", "forward", "observe", None, "", False, True, True, True),
        ),
        ("x forward noise", HookSpec("x", "forward", "noise")),
    ],
)
def test_a_text_names_layer_kind_action_and_options_in_any_spacing(text: str, spec: HookSpec) -> None:
    assert parse_spec(text) == spec


@given(st.text(max_size=400))
def test_any_text_is_a_hook_or_one_short_line(text: str) -> None:
    try:
        spec = parse_spec(text)
    except HookError as error:
        assert len(str(error)) <= 400  # noqa: PT017
        assert len(str(error).splitlines()) <= 1 + len(text.splitlines())  # noqa: PT017
    else:
        assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`` is no hook: write LAYER KIND ACTION, such as `model forward observe`."),
        ("fc1", "`fc1` is no hook: write LAYER KIND ACTION, such as `model forward observe`."),
        ("fc1 forwards", "'forwards' is no kind of hook: choose one of forward_pre, forward, "),
        ("fc1 forward explode", "`fc1 forward explode`: `explode` is neither an action (observe, capture, "),
        ("fc1 forward scale=two", "`fc1 forward scale=two`: `two` is not a number."),
        ("fc1 forward scale=nan", "scale got the amount nan: give a finite number."),
        ("fc1 forward scale=inf", "scale got the amount inf: give a finite number."),
        ("fc1 forward noise=-1", "noise got the amount -1: give 0 or more."),
        ("fc1 forward observe=2", "observe takes no amount, got 2: leave it out."),
        ("fc1 forward parameter=", "`fc1 forward parameter=`: `parameter=` is neither an action"),
        ("x " * 200, "is no hook"),
    ],
)
def test_a_text_that_is_no_hook_says_what_is_wrong_with_it(text: str, message: str) -> None:
    with pytest.raises(HookError) as caught:
        parse_spec(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "output_tensor", "prepend": True}, "`prepend` does not go with output_tensor: it orders"),
        ({"kind": "full_backward", "with_kwargs": True}, "use forward_pre or forward."),
        (
            {"kind": "forward_pre", "always_call": True},
            "`always_call` does not go with forward_pre: use forward.",
        ),
        (
            {"kind": "forward", "parameter": "w"},
            "`parameter=w` does not go with forward: it sits on the layer.",
        ),
        (
            {"kind": "state_dict", "action": "zero"},
            "zero does not go with state_dict: observe, capture or raise.",
        ),
        ({"kind": "post_accumulate_grad", "action": "wrong_shape"}, "it returns nothing."),
        ({"kind": "forward", "action": "explode"}, "'explode' is no action: choose one of observe, capture"),
        ({"kind": "x" * 99}, f"'{'x' * 40}' is no kind of hook: choose one of "),
    ],
)
def test_a_combination_that_pytorch_does_not_offer_is_refused_in_one_line(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(HookError) as caught:
        HookSpec("", **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


REGISTER = {
    HookKind.FORWARD_PRE: nn.Module.register_forward_pre_hook,
    HookKind.FORWARD: nn.Module.register_forward_hook,
    HookKind.FULL_BACKWARD_PRE: nn.Module.register_full_backward_pre_hook,
    HookKind.FULL_BACKWARD: nn.Module.register_full_backward_hook,
}


@pytest.mark.parametrize("kind", HookKind)
@pytest.mark.parametrize("option", ["prepend", "with_kwargs", "always_call"])
def test_an_option_goes_with_the_kinds_for_which_pytorch_has_it(kind: HookKind, option: str) -> None:
    offered = True
    try:
        REGISTER[kind](nn.Identity(), lambda *_: None, **{option: True})  # type: ignore[operator]
    except (KeyError, TypeError):
        offered = False
    options: dict[str, Any] = {option: True}
    if offered:
        assert getattr(HookSpec("", kind, **options), option)
        return
    with pytest.raises(HookError):
        HookSpec("", kind, **options)


@pytest.mark.parametrize(("kind", "action"), list(itertools.product(HookKind, Action)))
def test_every_combination_that_is_not_refused_can_be_registered(kind: HookKind, action: Action) -> None:
    on_parameter = kind in {HookKind.PARAMETER, HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD}
    try:
        spec = HookSpec("", kind, action)
    except HookError:
        assert action.changes
        assert on_parameter or spec_is_on_state(kind)
        return
    model = nn.Linear(1, 1)
    with HookRecorder(model, [spec]) as recorder:
        assert recorder.live == (True,)
    assert recorder.refused == {}


def spec_is_on_state(kind: HookKind) -> bool:
    return "state_dict" in kind


def test_every_kind_is_of_one_phase() -> None:
    for kind in HookKind:
        assert kind.is_forward + kind.is_backward + kind.is_on_state == 1
        assert kind.is_on_state is spec_is_on_state(kind)
        assert not kind.is_on_parameter or kind.is_backward


def test_the_amount_is_the_actions_own_unless_given() -> None:
    assert HookSpec("", "forward", "scale").the_amount == 2.0
    assert HookSpec("", "forward", "clip").the_amount == 0.5
    assert HookSpec("", "forward", "noise").the_amount == 0.1
    assert HookSpec("", "forward", "scale", -3.0).the_amount == -3.0
    assert HookSpec("", "forward").the_amount == 0.0
    with pytest.raises(HookError, match="give a finite number"):
        HookSpec("", "forward", "scale", math.nan)


def test_where_names_the_layer_and_the_parameter() -> None:
    assert HookSpec("", "forward").where == "model"
    assert HookSpec("fc1", "forward").where == "fc1"
    assert HookSpec("fc1", "parameter", parameter="bias").where == "fc1.bias"
    assert torch.nn.Linear(1, 1).get_parameter("bias") is not None
