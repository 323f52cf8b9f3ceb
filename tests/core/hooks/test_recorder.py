"""The recorder writes down every firing, changes only what it is told to, and leaves the model as it came."""

# PyTorch has no types for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

import copy
import gc
import math
import re
import threading
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.modules import module as torch_module
from torch.utils.checkpoint import checkpoint

from core import zoo
from core.hooks import Action, Event, HookError, HookKind, HookRecorder, HookSpec
from core.hooks.actions import HookRaisedError
from core.hooks.plan import Mode, Plan
from core.hooks.run import run
from core.hooks.statistics import EXACT, Statistics
from core.hooks.traps import WARNINGS
from core.zoo import ZooModel
from tests.core.hooks.test_preserve import RUNS, WRITES, Deed, bits, go_back, loss_of, picture, train

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]

ON_PARAMETER = (HookKind.PARAMETER, HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD)
ON_STATE = (
    HookKind.STATE_DICT_PRE,
    HookKind.STATE_DICT,
    HookKind.LOAD_STATE_DICT_PRE,
    HookKind.LOAD_STATE_DICT,
)
ADDS_NO_NODE = (HookKind.FORWARD_PRE, HookKind.FORWARD, HookKind.OUTPUT_TENSOR, *ON_PARAMETER, *ON_STATE)
IN_THE_GRAPH = (
    HookKind.FORWARD_PRE,
    HookKind.FORWARD,
    HookKind.FULL_BACKWARD_PRE,
    HookKind.FULL_BACKWARD,
    HookKind.OUTPUT_TENSOR,
    *ON_PARAMETER,
)


def own_parameters(module: nn.Module) -> list[str]:
    return [name for name, parameter in module._parameters.items() if parameter is not None]


def everywhere(
    model: nn.Module, kinds: Sequence[HookKind], action: Action = Action.OBSERVE
) -> list[HookSpec]:
    """A hook of every kind on every layer that has a place for it."""
    return [
        HookSpec(name, kind, action)
        for name, module in model.named_modules()
        for kind in kinds
        if kind not in ON_PARAMETER or own_parameters(module)
    ]


def actions_of(kind: HookKind) -> list[Action]:
    if kind in ON_STATE:
        return [Action.OBSERVE, Action.CAPTURE, Action.RAISE]
    return [each for each in Action if (kind, each) != (HookKind.POST_ACCUMULATE_GRAD, Action.WRONG_SHAPE)]


@st.composite
def some_specs(draw: st.DrawFn, model: str) -> list[HookSpec]:
    layers = dict(zoo.build(model).module.named_modules(remove_duplicate=False))
    specs = []
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(st.sampled_from(sorted(layers)))
        has_parameters = bool(own_parameters(layers[layer]))
        kind = draw(
            st.sampled_from([each for each in HookKind if has_parameters or each not in ON_PARAMETER])
        )
        specs.append(
            HookSpec(
                layer,
                kind,
                draw(st.sampled_from(actions_of(kind))),
                prepend=draw(st.booleans()) if kind in IN_THE_GRAPH[:4] else False,
                with_kwargs=draw(st.booleans()) if kind in IN_THE_GRAPH[:2] else False,
                always_call=draw(st.booleans()) if kind is HookKind.FORWARD else False,
                once=draw(st.booleans()),
            )
        )
    return specs


def save_and_load(made: ZooModel) -> None:
    made.module.load_state_dict(made.module.state_dict())


def stop(_made: ZooModel) -> None:
    raise KeyboardInterrupt


def with_hooks_of_others(model: nn.Module) -> None:
    for module in model.modules():
        module.register_forward_hook(lambda *_: None)
        module.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
        module.register_forward_hook(lambda *_: None, prepend=True, always_call=True)
        module.register_state_dict_pre_hook(lambda *_: None)
    for parameter in model.parameters():
        parameter.register_hook(lambda _gradient: None)
        parameter.register_post_accumulate_grad_hook(lambda _parameter: None)


MODELS_AND_SPECS = st.sampled_from(zoo.names()).flatmap(
    lambda model: st.tuples(st.just(model), some_specs(model), some_specs(model))
)


@given(
    drawn=MODELS_AND_SPECS,
    deeds=st.lists(st.sampled_from((*RUNS, save_and_load, *WRITES, stop)), min_size=1, max_size=4),
    training=st.booleans(),
    others=st.booleans(),
    with_gradients=st.booleans(),
)
@settings(max_examples=100)
def test_whatever_happens_inside_the_model_is_afterwards_as_it_came(
    drawn: tuple[str, list[HookSpec], list[HookSpec]],
    deeds: list[Deed],
    training: bool,
    others: bool,
    with_gradients: bool,
) -> None:
    model, specs, _ = drawn
    made = zoo.build(model)
    made.module.train(training)
    if with_gradients:
        go_back(made)
    if others:
        with_hooks_of_others(made.module)
    before = picture(made.module)
    recorder = HookRecorder(made.module, specs)
    # What a hook of wrong shape breaks is PyTorch's to say, in whatever way.
    with suppress(Exception, KeyboardInterrupt), recorder:
        for deed in deeds:
            deed(made)
    assert picture(made.module) == before
    assert recorder.live == (False,) * len(specs)


@given(drawn=MODELS_AND_SPECS, outer_leaves_first=st.booleans(), training=st.booleans())
@settings(max_examples=60)
def test_recorders_may_overlap_and_leave_in_any_order(
    drawn: tuple[str, list[HookSpec], list[HookSpec]], outer_leaves_first: bool, training: bool
) -> None:
    model, specs, other_specs = drawn
    made = zoo.build(model)
    made.module.train(training)
    before = picture(made.module)
    outer, inner = HookRecorder(made.module, specs), HookRecorder(made.module, other_specs)
    outer.__enter__()
    with suppress(Exception):
        train(made)
    inner.__enter__()
    with suppress(Exception):
        go_back(made)
    first, second = (outer, inner) if outer_leaves_first else (inner, outer)
    first.__exit__(None, None, None)
    with suppress(Exception):
        made.module.requires_grad_(True)
        go_back(made)
    second.__exit__(None, None, None)
    if not outer_leaves_first:
        assert picture(made.module) == before
    assert {key: fact for key, fact in picture(made.module).items() if "tensor" not in key[1]} == {
        key: fact for key, fact in before.items() if "tensor" not in key[1]
    }


def test_a_block_that_is_left_by_a_closed_generator_is_cleaned_up() -> None:
    model = nn.Linear(2, 2)
    before = picture(model)

    def steps() -> Generator[Tensor]:
        with HookRecorder(model, everywhere(model, tuple(HookKind))):
            while True:
                yield model(torch.ones(1, 2)).sum()

    running = steps()
    next(running).backward()
    assert picture(model) != before
    running.close()
    assert picture(model) == before


def test_an_error_in_the_block_comes_out_as_it_was() -> None:
    model = nn.Linear(2, 2)
    before, error = picture(model), ZeroDivisionError("mine")
    with pytest.raises(ZeroDivisionError) as caught, HookRecorder(model, [HookSpec("", "forward")]):
        raise error
    assert caught.value is error
    assert picture(model) == before


def test_hooks_of_others_keep_their_order_and_fire_around_the_recorders() -> None:
    model, order = nn.Identity(), []
    handles = [
        model.register_forward_hook(lambda *_, name=name: order.append(name)) for name in ("first", "second")
    ]
    with HookRecorder(model, [HookSpec("", "forward"), HookSpec("", "forward", prepend=True)]) as recorder:
        late = model.register_forward_hook(lambda *_: order.append("third"))
        places = list(model._forward_hooks)
        model(torch.ones(1))
    assert places.index(handles[0].id) == 1  # behind the prepended one
    assert order == ["first", "second", "third"]
    assert list(model._forward_hooks) == [handles[0].id, handles[1].id, late.id]
    assert recorder.firings == (1, 1)
    assert [event.index for event in recorder.events] == [1, 0]


def test_only_without_restoring_is_training_kept() -> None:
    alone, kept, put_back = (zoo.build("mlp") for _ in range(3))
    train(alone)
    with HookRecorder(kept.module, everywhere(kept.module, tuple(HookKind)), restore=False):
        train(kept)
    with HookRecorder(put_back.module, everywhere(put_back.module, tuple(HookKind))):
        train(put_back)
    for one, two, three, new in zip(
        *(made.module.parameters() for made in (alone, kept, put_back, zoo.build("mlp"))), strict=True
    ):
        assert bits(one) == bits(two) != bits(three) == bits(new)
        assert one.grad is not None
        assert two.grad is not None
        assert bits(one.grad) == bits(two.grad)
        assert three.grad is None
    assert not any(module._forward_hooks or module._backward_hooks for module in kept.module.modules())


@pytest.mark.parametrize("rng", [False, True])
def test_random_numbers_are_put_back_only_if_asked(rng: bool) -> None:
    model, state = nn.Dropout(), torch.random.get_rng_state()
    with HookRecorder(model, [], rng=rng):
        model(torch.ones(9))
    assert torch.equal(torch.random.get_rng_state(), state) is rng


def test_noise_draws_from_a_generator_of_its_own() -> None:
    model, state = nn.Identity(), torch.random.get_rng_state()
    x = torch.ones(10_000)
    found = []
    for seed in (1, 1, 2):
        with HookRecorder(model, [HookSpec("", "forward", "noise", 0.25)], seed=seed):
            found.append(model(x))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    # The standard error of a deviation of 0.25 over 10,000 draws is 0.0018, of the mean 0.0025.
    assert abs(float((found[0] - x).std()) - 0.25) < 0.01
    assert abs(float((found[0] - x).mean())) < 0.0125


@pytest.mark.parametrize("model", zoo.names())
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("action", [Action.OBSERVE, Action.CAPTURE])
def test_watching_changes_no_bit_of_output_and_gradients(model: str, training: bool, action: Action) -> None:
    alone, watched = zoo.build(model), zoo.build(model)
    alone.module.train(training)
    watched.module.train(training)
    torch.manual_seed(0)
    expected = loss_of(alone)
    expected.backward()
    specs = everywhere(watched.module, ADDS_NO_NODE, action)
    with HookRecorder(watched.module, specs, restore=False) as recorder:
        torch.manual_seed(0)
        found = loss_of(watched)
        found.backward()
    assert bits(found) == bits(expected)
    for one, two in zip(alone.module.parameters(), watched.module.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        assert one.grad is None or two.grad is None or bits(one.grad) == bits(two.grad)
    assert len(recorder.events) == sum(recorder.firings) > 0


# What each action is to do, written independently of it.
CHANGES: dict[tuple[Action, float | None], Callable[[Tensor], Tensor]] = {
    (Action.SCALE, None): lambda x: x + x,
    (Action.SCALE, -0.25): lambda x: x / -4,
    (Action.CLIP, 0.001): lambda x: torch.where(x > 0.001, 0.001, torch.where(x < -0.001, -0.001, x)),
    (Action.CLIP, 0.0): lambda x: x * 0,
    (Action.ZERO, None): lambda x: x * 0,
    (Action.MEAN, None): lambda x: torch.stack([x.mean(0)] * len(x)),
}


def register_plainly(
    kind: HookKind, layer: nn.Linear, change: Callable[[Tensor], Tensor], held: list[object]
) -> None:
    def each(values: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(change(value) for value in values)

    def watch(_module: nn.Module, _args: object, output: Tensor) -> None:
        output.register_hook(change)

    def rewrite(parameter: Tensor) -> None:
        assert parameter.grad is not None
        parameter.grad = change(parameter.grad)

    match kind:
        case HookKind.FORWARD_PRE:
            layer.register_forward_pre_hook(lambda _module, args: each(args))
        case HookKind.FORWARD:
            layer.register_forward_hook(lambda _module, _args, output: change(output))
        case HookKind.FULL_BACKWARD_PRE:
            layer.register_full_backward_pre_hook(lambda _module, grad_output: each(grad_output))
        case HookKind.FULL_BACKWARD:
            layer.register_full_backward_hook(lambda _module, grad_input, _grad_output: each(grad_input))
        case HookKind.OUTPUT_TENSOR:
            layer.register_forward_hook(watch)
        case HookKind.PARAMETER:
            layer.weight.register_hook(change)
        case HookKind.ACCUMULATE_GRAD:
            node = torch.autograd.graph.get_gradient_edge(layer.weight).node
            node.register_prehook(each)
            held.append(node)  # PyTorch holds it only weakly
        case HookKind.POST_ACCUMULATE_GRAD:
            layer.weight.register_post_accumulate_grad_hook(rewrite)
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("kind", IN_THE_GRAPH)
@pytest.mark.parametrize(("action", "amount"), CHANGES)
def test_an_action_changes_what_the_same_change_in_a_plain_hook_does(
    kind: HookKind, action: Action, amount: float | None
) -> None:
    untouched, plain, recorded = (zoo.build("mlp").module for _ in range(3))
    inputs = [torch.linspace(-2, 3, 32).reshape(4, 8).requires_grad_() for _ in range(3)]
    held: list[object] = []
    fc2 = plain.get_submodule("fc2")
    assert isinstance(fc2, nn.Linear)
    register_plainly(kind, fc2, CHANGES[action, amount], held)
    with HookRecorder(recorded, [HookSpec("fc2", kind, action, amount)], restore=False) as recorder:
        outputs = [model(x) for model, x in zip((untouched, plain, recorded), inputs, strict=True)]
        for output in outputs:
            output.pow(2).sum().backward()
    assert [event.changed for event in recorder.events] == [True]
    results = [
        [output, x.grad, *(parameter.grad for parameter in model.parameters())]
        for output, x, model in zip(outputs, inputs, (untouched, plain, recorded), strict=True)
    ]
    # Means are summed in another order; everything else is exact.
    tolerance = 1e-5 if action is Action.MEAN else 0
    for expected, found in zip(results[1], results[2], strict=True):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    differs = [
        not torch.equal(one, two)
        for one, two in zip(results[0], results[2], strict=True)
        if one is not None and two is not None
    ]
    assert any(differs)
    assert differs[0] is (kind in {HookKind.FORWARD_PRE, HookKind.FORWARD})


@pytest.mark.parametrize("action", [Action.SCALE, Action.ZERO, Action.CLIP, Action.MEAN, Action.NOISE])
def test_an_action_reaches_every_floating_tensor_of_a_nested_value_and_no_other(action: Action) -> None:
    class Nest(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Any]:
            return {"a": [x, (x * 3, torch.arange(3))], "b": "text", "c": None}

    model, x = Nest(), torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    with HookRecorder(model, [HookSpec("", "forward", action)]) as recorder:
        found = model(x)
    assert not torch.equal(found["a"][0], x)
    assert not torch.equal(found["a"][1][0], x * 3)
    assert torch.equal(found["a"][1][1], torch.arange(3))
    assert (found["b"], found["c"]) == ("text", None)
    assert isinstance(found["a"][1], tuple)
    assert [seen.role for seen in recorder.events[0].observed] == [
        "output['a'][0]",
        "output['a'][1][0]",
        "output['a'][1][1]",
    ]


def test_zero_stops_a_nan_and_keeps_the_graph() -> None:
    model, x = nn.Identity(), torch.tensor([torch.nan, torch.inf, 1.0], requires_grad=True)
    with HookRecorder(model, [HookSpec("", "forward", "zero")]):
        output = model(x)
    output.sum().backward()
    assert output.tolist() == [0.0, 0.0, 0.0]
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_wrong_shape_is_one_number_longer() -> None:
    model = nn.Identity()
    with HookRecorder(model, [HookSpec("", "forward", "wrong_shape")]):
        assert model(torch.ones(2, 3)).shape == (2, 4)
        assert model(torch.tensor(1.0)).shape == (2,)


def test_a_capture_is_a_copy_that_no_later_write_changes() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
    x = torch.randn(8, 4)
    before_relu = nn.functional.linear(x, *model[0].parameters()).detach()
    with HookRecorder(model, [HookSpec("0", "forward", "capture"), HookSpec("", "forward", "capture")]) as r:
        output = model(x)
        output.fill_(7.0)
    linear, whole = (event.observed[0] for event in r.events)
    assert linear.value is not None
    assert whole.value is not None
    assert torch.equal(linear.value, before_relu)
    assert float(linear.value.min()) < 0
    assert torch.equal(whole.value, before_relu.clamp(min=0))
    assert not linear.value.requires_grad
    assert linear.statistics is not None
    assert linear.statistics.minimum == float(before_relu.min())


@pytest.mark.parametrize("action", [Action.OBSERVE, Action.CAPTURE, Action.SCALE])
def test_a_hook_notes_what_it_saw_before_anything_changed_it(action: Action) -> None:
    model, x = nn.Identity(), torch.randn(3, 5)
    with HookRecorder(model, [HookSpec("", "forward", action)]) as recorder:
        output = model(x)
        output.zero_()
        x.zero_()
    (seen,) = recorder.events[0].observed
    assert (seen.value is not None) is (action is Action.CAPTURE)
    assert seen.statistics is not None
    assert seen.statistics.zeros == 0


@pytest.mark.parametrize("budget", [0, 100, 200, 450])
def test_without_room_everything_is_still_counted_and_captures_say_where_they_stopped(budget: int) -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    x = torch.randn(5, 10, dtype=torch.float32)  # 200 bytes
    specs = [HookSpec(name, "forward", "capture") for name in ("0", "1", "")]
    with HookRecorder(model, specs, budget_bytes=budget) as recorder:
        model(x)
    assert recorder.firings == (1, 1, 1)
    values = [event.observed[0].value for event in recorder.events]
    fit = budget // 200
    assert [value is not None for value in values] == [place < fit for place in range(3)]
    assert recorder.stopped == (
        f"Captures stopped at firing {fit + 1}: `output` takes 200 bytes, and of the {budget} for copies "
        f"{budget - 200 * fit} are left."
    )
    for event in recorder.events:
        statistics = event.observed[0].statistics
        assert statistics is not None
        numbers = x.numpy().astype(np.float64)
        assert statistics.mean == pytest.approx(numbers.mean(), abs=1e-6)
        assert statistics.std == pytest.approx(numbers.std(), rel=1e-3)
        assert (statistics.minimum, statistics.maximum) == (numbers.min(), numbers.max())


def test_without_room_observers_count_and_nothing_is_said_to_have_stopped() -> None:
    model = nn.Identity()
    with HookRecorder(model, [HookSpec("", "forward")], budget_bytes=0) as recorder:
        model(torch.tensor([1.0, 5.0]))
        model(torch.tensor([1.0, torch.nan]))
    assert recorder.stopped == ""
    first, second = (event.observed[0].statistics for event in recorder.events)
    assert first is not None
    assert second is not None
    assert (first.mean, first.minimum, first.maximum) == (3.0, 1.0, 5.0)
    assert (second.nans, second.mean) == (1, 1.0)


def test_reading_what_was_only_observed_makes_room_again() -> None:
    model = nn.Identity()
    with HookRecorder(
        model, [HookSpec("", "forward"), HookSpec("", "forward", "capture")], budget_bytes=1_000
    ) as recorder:
        for _ in range(2):
            model(torch.ones(100))  # 400 bytes each
            assert recorder.firings[0] == len(recorder.events) // 2
    kept = [event.observed[0].value is not None for event in recorder.events if event.index == 1]
    assert kept == [True, False]
    assert recorder.stopped.startswith("Captures stopped at firing 4: ")


@pytest.mark.parametrize("spec", [HookSpec("", "forward", once=True), HookSpec("", "forward", "raise")])
def test_every_hook_takes_the_room_of_one_copy(spec: HookSpec) -> None:
    capture = HookSpec("", "forward", "capture", prepend=True)
    with HookRecorder(nn.Identity(), [spec, capture], budget_bytes=800) as recorder:
        for _ in range(2):
            with suppress(HookRaisedError):
                recorder.model(torch.ones(100))  # 400 bytes
            assert len(recorder.events) == sum(recorder.firings)
            assert all(event.observed[0].statistics is not None for event in recorder.events)
    kept = [event.observed[0].value is not None for event in recorder.events if event.index == 1]
    assert kept == [True, True]
    assert recorder.stopped == ""


def test_draining_forgets_and_goes_on_counting() -> None:
    model = nn.Identity()
    with HookRecorder(model, [HookSpec("", "forward", "capture")], budget_bytes=400) as recorder:
        drained: list[Event] = []
        for _ in range(3):
            model(torch.ones(100))
            drained += recorder.drain()
            assert recorder.events == ()
        model(torch.ones(100))
        model(torch.ones(100))
    assert [event.position for event in drained] == [0, 1, 2]
    assert [event.position for event in recorder.events] == [3, 4]
    assert [event.firing for event in (*drained, *recorder.events)] == [1, 2, 3, 4, 5]
    assert all(event.observed[0].value is not None for event in drained)
    assert recorder.stopped.startswith("Captures stopped at firing 5: ")


def test_captures_are_freed_with_the_recorder() -> None:
    model = nn.Linear(3, 3)
    recorder = HookRecorder(model, [HookSpec("", "forward", "capture")])
    with recorder:
        model(torch.ones(2, 3))
    value = recorder.events[0].observed[0].value
    assert value is not None
    alive = weakref.ref(value)
    assert alive() is not None
    del recorder, value
    gc.collect()
    assert alive() is None


class Writes(nn.Module):
    """Gives its input back with other numbers in it, past autograd's count of changes."""

    def forward(self, x: Tensor) -> Tensor:
        x.data[0] = 7.0
        return x


@pytest.mark.parametrize("inference", [False, True])
def test_a_large_tensor_that_is_passed_on_is_counted_once_if_nothing_was_written_into_it(
    inference: bool,
) -> None:
    model = nn.Sequential(nn.Dropout(), nn.Identity(), nn.Threshold(1e-9, 0.0, inplace=True), nn.Flatten(0))
    x = torch.linspace(1.0, 2.0, 40_000).reshape(200, 200)
    x[0, :7] = 1e-10  # too small to show in a sum
    specs = everywhere(model.eval(), [HookKind.FORWARD])
    with torch.inference_mode(inference), HookRecorder(model, specs) as recorder:
        model(x.clone())
    found = {event.layer: statistics_of(event) for event in recorder.events}
    assert [found[layer].zeros for layer in ("0", "1", "2", "3", "")] == [0, 0, 7, 7, 7]
    for one, following in (("0", "1"), ("2", "3"), ("3", "")):
        assert (found[one] is found[following]) is not inference
    assert [event.observed[0].shape for event in recorder.events[2:4]] == [(200, 200), (40_000,)]


def test_what_several_layers_give_alike_is_counted_once() -> None:
    model = nn.Sequential(*(nn.Identity() for _ in range(3_000)))
    recorder = HookRecorder(model, [HookSpec(str(place), "forward") for place in range(3_000)])
    with recorder:
        model(torch.arange(1_000.0))
        held = [weakref.ref(copied) for entry in recorder._log._entries for _, copied in entry[3]]
    events = recorder.events
    first = events[0].observed[0].statistics
    assert first is not None
    assert (first.count, first.minimum, first.maximum) == (1_000, 0.0, 999.0)
    assert all(event.observed[0].statistics is first for event in events)
    assert len(held) == len(events)
    assert not any(reference() for reference in held)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [10_000, 20_000])
def test_layers_that_write_into_what_they_pass_on_are_counted_each(size: int, backwards: bool) -> None:
    model = nn.Sequential(nn.Identity(), Writes(), nn.Identity(), nn.Linear(size, 2), nn.Identity())
    with torch.no_grad(), HookRecorder(model, [HookSpec(str(p), "forward") for p in range(5)]) as recorder:
        model(torch.linspace(-1.0, 0.0, size))
    events = recorder.events[::-1] if backwards else recorder.events
    found = {event.layer: statistics_of(event) for event in events}
    assert [found[str(place)].maximum for place in range(3)] == [0.0, 7.0, 7.0]
    assert (found["1"] is found["2"]) is (size > EXACT or not backwards)
    assert [found[str(place)].count for place in (3, 4)] == [2, 2]


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(0, 2),
    "every second": lambda x: x[:, ::2],
    "expanded": lambda x: x[:1].expand(50, -1, -1),
    "with gradient": lambda x: x.clone().requires_grad_() * 2,
    "channels last": lambda x: x[None].contiguous(memory_format=torch.channels_last),
    "negative view": lambda x: torch.complex(x, x).conj().imag,
    "float64": lambda x: x.double(),
    "bfloat16": lambda x: x.bfloat16(),
    "with a nan": lambda x: x.masked_fill(x == x.max(), math.nan),
    "constant": torch.ones_like,
    "tiny": lambda x: x * 1e-30,
    "huge": lambda x: x * 1e30,
    "far from 0": lambda x: x + 1_000.0,
    "parameter": nn.Parameter,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_outputs_are_counted_as_they_were_whatever_is_done_to_them_later(layout: str) -> None:
    x = torch.randn(30, 40, 50, generator=torch.Generator().manual_seed(1))
    seen = LAYOUTS[layout](x)
    expected = seen.detach().double().resolve_neg().clone()
    finite = expected[expected.isfinite()]
    with np.errstate(all="raise"), HookRecorder(nn.Identity(), [HookSpec("", "forward")]) as recorder:
        recorder.model(seen)
    seen.data.fill_(5.0)
    (event,) = recorder.events
    assert event.observed[0].shape == tuple(expected.shape)
    found = statistics_of(event)
    assert (found.count, found.nans) == (expected.numel(), expected.numel() - finite.numel())
    assert (found.minimum, found.maximum) == (float(finite.min()), float(finite.max()))
    scale = float(finite.norm()) / math.sqrt(finite.numel())
    assert found.mean == pytest.approx(float(finite.mean()), abs=1e-5 * scale)
    assert found.std == pytest.approx(float(finite.std(correction=0)), rel=1e-4, abs=1e-12)
    assert found.norm == pytest.approx(float(finite.norm()), rel=1e-4)
    assert found.zeros == int((expected == 0).sum())


def test_large_tensors_without_numbers_are_seen_too() -> None:
    with FakeTensorMode(), HookRecorder(nn.Identity(), [HookSpec("", "forward")]) as recorder:
        recorder.model(torch.ones(200, 200))
    (event,) = recorder.events
    assert (event.observed[0].shape, event.observed[0].statistics) == ((200, 200), None)
    with HookRecorder(nn.Identity(), [HookSpec("", "forward")]) as recorder:
        torch.func.vmap(recorder.model)(torch.ones(3, 200, 200))
    assert len(recorder.events) == 1


def statistics_of(event: Event) -> Statistics:
    found = event.observed[0].statistics
    assert found is not None
    return found


def test_copies_for_counting_are_freed_when_they_are_read() -> None:
    model, held = nn.Identity(), []
    recorder = HookRecorder(model, [HookSpec("", "forward")])
    with recorder:
        model(torch.ones(4))
        held += [weakref.ref(copied) for _, copied in recorder._log._entries[0][3]]
    assert len(held) == 1
    assert held[0]() is not None
    (event,) = recorder.events
    assert held[0]() is not None
    statistics = event.observed[0].statistics
    assert statistics is not None
    assert event.observed[0].statistics is statistics
    gc.collect()
    assert held[0]() is None


def test_the_models_outputs_are_not_kept_alive() -> None:
    model = nn.Linear(3, 3)
    with HookRecorder(model, everywhere(model, IN_THE_GRAPH)) as recorder:
        output = model(torch.ones(1, 3))
        alive = weakref.ref(output)
        output.sum().backward()
        del output
        gc.collect()
        assert alive() is None
    assert sum(recorder.firings) >= 8


@pytest.mark.parametrize("model", zoo.names())
def test_a_graph_made_inside_goes_back_after_the_block_and_no_hook_fires_any_more(model: str) -> None:
    alone, made = zoo.build(model), zoo.build(model)
    torch.manual_seed(0)
    go_back(alone)
    with HookRecorder(made.module, everywhere(made.module, ADDS_NO_NODE)) as recorder:
        torch.manual_seed(0)
        loss = loss_of(made)
        fired = recorder.firings
    loss.backward()
    assert recorder.firings == fired
    for one, two in zip(alone.module.parameters(), made.module.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        assert one.grad is None or two.grad is None or bits(one.grad) == bits(two.grad)


def test_a_graph_with_the_nodes_of_full_backward_hooks_goes_back_after_the_block_too() -> None:
    made = zoo.build("mlp")
    kinds = (HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE)
    with HookRecorder(made.module, everywhere(made.module, kinds)):
        loss = loss_of(made)
    loss.backward()
    assert all(parameter.grad is not None for parameter in made.module.parameters())


def test_a_recorder_is_not_re_entrant_but_can_be_used_again() -> None:
    model = nn.Identity()
    recorder = HookRecorder(model, [HookSpec("", "forward")])
    with recorder:
        model(torch.ones(1))
        with pytest.raises(HookError, match=r"^This recorder is recording already: make another one to nest"):
            recorder.__enter__()
        model(torch.ones(1))
        assert recorder.live == (True,)
    assert recorder.firings == (2,)
    with recorder:
        model(torch.ones(1))
    assert recorder.firings == (1,)
    assert [(event.position, event.firing) for event in recorder.events] == [(0, 1)]


@pytest.mark.parametrize("kind", [*IN_THE_GRAPH, HookKind.STATE_DICT, HookKind.LOAD_STATE_DICT])
def test_once_is_once_and_then_it_is_gone(kind: HookKind) -> None:
    made = zoo.build("mlp")
    before = picture(made.module)
    with HookRecorder(made.module, [HookSpec("fc2", kind, once=True), HookSpec("fc2", kind)]) as recorder:
        for _ in range(3):
            go_back(made)
            save_and_load(made)
        assert recorder.live == (False, True)
    assert recorder.firings == (1, 3)
    assert picture(made.module) == before


def test_a_removed_hook_fires_no_more_not_even_from_a_graph_that_was_there() -> None:
    made = zoo.build("mlp")
    kinds = (HookKind.FORWARD, HookKind.OUTPUT_TENSOR, *ON_PARAMETER)
    with HookRecorder(made.module, [HookSpec("fc1", kind) for kind in kinds]) as recorder:
        loss = loss_of(made)
        for index in (0, 1, 3):
            recorder.remove(index)
        assert recorder.live == (False, False, True, False, True)
        loss.backward()
    assert recorder.firings == (1, 0, 1, 0, 1)


@pytest.mark.parametrize("inner", [nn.Linear(3, 3), nn.Identity(), nn.ReLU(inplace=True)])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_hook_on_an_output_stands_where_register_hook_would_put_it(inner: nn.Module, before: int) -> None:
    x = torch.randn(2, 3)

    def gradients(*hooks: Callable[[nn.Module], object]) -> list[Tensor]:
        """What each of some hooks on the output is given in turn, and what is left at the weight."""
        outer = nn.Linear(3, 3, bias=False)
        with torch.no_grad():
            outer.weight.copy_(torch.arange(9.0).reshape(3, 3) - 3)
        model = nn.Sequential(outer, inner)
        shown.clear()
        removers = [hook(model) for hook in hooks]
        (model(x) * torch.tensor([1.0, 2.0, 4.0])).sum().backward()
        for remove in removers:
            remove.remove()  # type: ignore[attr-defined]
        assert outer.weight.grad is not None
        return [*shown, outer.weight.grad]

    def on_output(change: Callable[[Tensor], Tensor]) -> Callable[[nn.Module], object]:
        def see(gradient: Tensor) -> Tensor:
            shown.append(gradient.clone())
            return change(gradient)

        def put(_module: nn.Module, _args: object, output: Tensor) -> None:
            output.register_hook(see)

        return lambda model: model.register_forward_hook(put)

    class Recorded:
        """The hook under test, among hooks of plain PyTorch."""

        def __init__(self, model: nn.Module) -> None:
            self.recorder = HookRecorder(
                model, [HookSpec("", "output_tensor", Action.SCALE, 3.0)], restore=False
            )
            self.recorder.__enter__()

        def remove(self) -> None:
            shown.append(torch.tensor(float(self.recorder.firings[0])))
            self.recorder.__exit__(None, None, None)

    shown: list[Tensor] = []
    others = [on_output(lambda gradient: gradient + 1), on_output(lambda gradient: gradient * gradient)]
    plain = [*others]
    plain.insert(before, on_output(lambda gradient: gradient * 3))
    expected = gradients(*plain)
    mixed: list[Callable[[nn.Module], object]] = [*others]
    mixed.insert(before, Recorded)
    found = gradients(*mixed)
    del expected[before]
    assert all(torch.equal(one, other) for one, other in zip(found[:2], expected[:2], strict=True))
    assert torch.equal(found[-1], expected[-1])
    assert found[2] == 1


def test_a_hook_on_a_frozen_parameter_is_refused_in_pytorchs_words_and_the_others_work() -> None:
    made = zoo.build("mlp")
    made.module.get_parameter("fc1.weight").requires_grad_(False)
    before = picture(made.module)
    with HookRecorder(
        made.module, [HookSpec("fc1", kind) for kind in ON_PARAMETER] + [HookSpec("fc1", "forward")]
    ) as recorder:
        go_back(made)
    assert set(recorder.refused) == {0, 1, 2}
    with pytest.raises(RuntimeError) as caught:
        made.module.get_parameter("fc1.weight").register_hook(lambda _gradient: None)
    assert recorder.refused[0] == " ".join(str(caught.value).split())
    assert recorder.firings == (0, 0, 0, 1)
    assert picture(made.module) == before


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (HookSpec("fc11", "forward"), "The model has no layer `fc11`: the closest is `fc1`."),
        (
            HookSpec("relu", "parameter"),
            (
                "`relu` has no parameter of its own, so no parameter hook can sit on one: choose a layer "
                "with weights."
            ),
        ),
        (
            HookSpec("fc1", "parameter", parameter="gain"),
            "`fc1` has no parameter `gain`: choose among weight, bias.",
        ),
        (
            HookSpec("", "accumulate_grad"),
            (
                "`model` has no parameter of its own, so no accumulate_grad hook can sit on one: choose a "
                "layer with weights."
            ),
        ),
    ],
)
def test_what_cannot_be_hooked_is_said_before_anything_is_registered(spec: HookSpec, text: str) -> None:
    model = zoo.build("mlp").module
    before = picture(model)
    with pytest.raises(HookError) as caught:
        HookRecorder(model, [HookSpec("", "forward"), spec])
    assert str(caught.value) == text
    assert picture(model) == before


def test_a_model_without_layers_says_that_it_has_only_the_root() -> None:
    with pytest.raises(HookError, match=r"^The model has no layer `0`: it has only the root, `model`\.$"):
        HookRecorder(nn.Linear(1, 1), [HookSpec("0", "forward")])


def test_events_say_who_fired_when_and_on_what() -> None:
    model, x = zoo.build("keywords"), torch.ones(1, 8)
    scale, shift = torch.ones(1, 16), torch.zeros(1, 16)
    specs = [
        HookSpec("", "forward_pre"),
        HookSpec("", "forward_pre", with_kwargs=True),
        HookSpec("embed", "forward"),
        HookSpec("embed", "forward", with_kwargs=True),
    ]
    with HookRecorder(model.module, specs) as recorder:
        model.module(x, scale=scale, shift=shift)
    seen = [
        (event.index, event.layer, event.kind, [each.role for each in event.observed], event.note)
        for event in recorder.events
    ]
    assert seen == [
        (0, "", HookKind.FORWARD_PRE, ["input[0]"], ""),
        (
            1,
            "",
            HookKind.FORWARD_PRE,
            ["input[0]", "input['scale']", "input['shift']"],
            "by keyword: scale, shift",
        ),
        (2, "embed", HookKind.FORWARD, ["output"], ""),
        (3, "embed", HookKind.FORWARD, ["output"], "no keyword arguments"),
    ]
    assert [event.position for event in recorder.events] == [0, 1, 2, 3]
    assert [event.at for event in recorder.events] == sorted(event.at for event in recorder.events)
    assert recorder.events[2].observed[0].shape == (1, 16)
    assert recorder.events[2].observed[0].dtype == "float32"


def test_saving_and_loading_fires_the_hooks_on_the_state_with_the_layers_own_entries() -> None:
    made = zoo.build("cnn")
    with HookRecorder(made.module, [HookSpec("bn1", kind, "capture") for kind in ON_STATE]) as recorder:
        save_and_load(made)
    assert recorder.firings == (1, 1, 1, 1)
    saving, saved, loading, loaded = recorder.events
    own = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert saving.note == "saving under `bn1.`"
    assert [seen.role for seen in saved.observed] == own
    assert [seen.role for seen in loading.observed] == own
    assert loaded.note == "loaded; 0 keys missing, 0 unexpected"


# The pitfalls.


def fired(model: nn.Module, specs: Sequence[HookSpec], use: Callable[[], object]) -> list[str]:
    """`layer kind` of every firing, in order."""
    with HookRecorder(model, specs) as recorder:
        use()
    return [f"{event.layer or 'model'} {event.kind}" for event in recorder.events]


def test_forward_skips_only_the_layers_own_hooks() -> None:
    hooks = tuple(everywhere(zoo.build("mlp").module, IN_THE_GRAPH))
    report = run(Plan("mlp", hooks=hooks, mode=Mode.INNER, layer="fc2", input_grad=True))
    silent = {(firing.spec.layer, firing.spec.kind) for firing in report.skipped}
    assert silent == {
        ("fc2", kind)
        for kind in (
            HookKind.FORWARD_PRE,
            HookKind.FORWARD,
            HookKind.FULL_BACKWARD_PRE,
            HookKind.FULL_BACKWARD,
            HookKind.OUTPUT_TENSOR,
        )
    }


def test_children_still_fire_when_the_model_is_run_by_forward() -> None:
    hooks = tuple(everywhere(zoo.build("mlp").module, (HookKind.FORWARD_PRE, HookKind.FORWARD)))
    report = run(Plan("mlp", hooks=hooks, mode=Mode.FORWARD))
    assert {firing.spec.layer for firing in report.skipped} == {""}
    assert report.difference is not None
    assert report.difference.identical


def test_the_hooks_of_the_state_do_not_care_how_the_model_is_called() -> None:
    made = zoo.build("mlp")
    specs = [HookSpec("fc1", kind) for kind in ON_STATE]
    assert fired(made.module, specs, lambda: made.module.forward(torch.ones(1, 8))) == []
    assert len(fired(made.module, specs, lambda: save_and_load(made))) == 4


def test_backward_hooks_fire_in_pytorchs_order() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    specs = [HookSpec("0", kind) for kind in reversed(IN_THE_GRAPH)]
    x = torch.ones(1, 2, requires_grad=True)
    assert fired(model, specs, lambda: model(x).sum().backward()) == [
        "0 forward_pre",
        "0 forward",
        "0 full_backward_pre",
        "0 output_tensor",
        "0 parameter",
        "0 accumulate_grad",
        "0 post_accumulate_grad",
        "0 full_backward",
    ]


@pytest.mark.parametrize("input_grad", [False, True])
def test_a_full_backward_hook_fires_before_the_weight_has_its_gradient(input_grad: bool) -> None:
    hooks = (HookSpec("", "full_backward"), HookSpec("", "post_accumulate_grad"))
    report = run(Plan("scalar_linear", hooks=hooks, mode=Mode.BACKWARD, input_grad=input_grad))
    order = [event.kind for event in report.events]
    early = [HookKind.FULL_BACKWARD, HookKind.POST_ACCUMULATE_GRAD]
    assert order == (early[::-1] if input_grad else early)
    (event,) = [event for event in report.events if event.kind is HookKind.FULL_BACKWARD]
    assert event.note == ("" if input_grad else "grad_input[0] is None: that input needs no gradient")


def test_always_call_sees_none_when_the_layer_raises() -> None:
    hooks = (HookSpec("fc2", "forward"), HookSpec("fc2", "forward", always_call=True))
    report = run(Plan("mlp", hooks=hooks, mode=Mode.EXCEPTION, layer="fc2"))
    assert [firing.fired for firing in report.firings] == [0, 1]
    assert report.events[0].note == "no output: the layer raised"
    assert report.events[0].observed == ()


def test_a_hook_that_is_called_always_and_once_lets_the_error_of_the_layer_through() -> None:
    hooks = (
        HookSpec("fc2", "forward", always_call=True, once=True),
        HookSpec("fc2", "forward", always_call=True),
    )
    report = run(Plan("mlp", hooks=hooks, mode=Mode.EXCEPTION, layer="fc2"))
    assert report.error == "An exception in the middle, raised by `fc2`."
    assert [firing.fired for firing in report.firings] == [1, 1]


@pytest.mark.parametrize("with_kwargs", [False, True])
@pytest.mark.parametrize("always_call", [False, True])
@pytest.mark.parametrize("action", ["observe", "scale"])
def test_a_layer_that_gives_none_is_not_said_to_have_raised(
    with_kwargs: bool, always_call: bool, action: str
) -> None:
    class Nothing(nn.Module):
        def forward(self, x: Tensor) -> None:
            del x

    spec = HookSpec("", "forward", action, with_kwargs=with_kwargs, always_call=always_call)
    with HookRecorder(Nothing(), [spec]) as recorder:
        recorder.model(torch.ones(1))
    (event,) = recorder.events
    assert event.note.endswith("the layer gave None")
    assert "raised" not in event.note


def test_a_plain_hook_does_not_see_what_was_passed_by_name() -> None:
    hooks = (HookSpec("", "forward_pre"), HookSpec("", "forward_pre", with_kwargs=True))
    report = run(Plan("keywords", hooks=hooks))
    assert [len(event.observed) for event in report.events] == [1, 3]


def test_a_full_backward_hooks_change_goes_to_the_layers_before_and_not_to_its_weight() -> None:
    norms = {}
    for kind in (None, "full_backward", "full_backward_pre"):
        made = zoo.build("mlp")
        specs = [] if kind is None else [HookSpec("fc2", kind, "scale", 10.0)]
        with HookRecorder(made.module, specs, restore=False):
            go_back(made)
        gradients = [made.module.get_parameter(f"{name}.weight").grad for name in ("fc3", "fc2", "fc1")]
        norms[kind] = [float(gradient.norm()) for gradient in gradients if gradient is not None]
    factors = {
        kind: [round(one / two, 3) for one, two in zip(found, norms[None], strict=True)]
        for kind, found in norms.items()
    }
    assert factors["full_backward"] == [1.0, 1.0, 10.0]
    assert factors["full_backward_pre"] == [1.0, 10.0, 10.0]


def test_in_place_relu_with_a_full_backward_hook_is_explained() -> None:
    for layer in ("relu", "fc1"):
        hooks = (HookSpec(layer, "full_backward"),)
        report = run(Plan("inplace_relu", hooks=hooks, mode=Mode.BACKWARD, input_grad=True))
        assert "is a view and is being modified inplace" in report.error
        assert "`inplace=False`" in report.advice
        assert "tensor hook" in report.advice
    tensor_hook = (HookSpec("relu", "output_tensor"), HookSpec("fc1", "output_tensor"))
    report = run(Plan("inplace_relu", hooks=tensor_hook, mode=Mode.BACKWARD))
    assert report.error == ""


def test_a_forward_hook_behind_an_in_place_layer_sees_its_input_overwritten() -> None:
    made = zoo.build("inplace_relu")
    seen: list[bool] = []
    relu = made.module.get_submodule("relu")
    relu.register_forward_hook(lambda _module, args, output: seen.append(torch.equal(args[0], output)))
    specs = [HookSpec("fc1", "forward"), HookSpec("relu", "forward_pre"), HookSpec("relu", "forward")]
    with HookRecorder(made.module, specs) as recorder:
        loss_of(made)
    linear, before, after = (event.observed[0].statistics for event in recorder.events)
    assert seen == [True]
    assert linear == before
    assert linear is not None
    assert after is not None
    assert linear.minimum < 0 == after.minimum


def test_full_backward_hooks_insert_nodes_and_tensor_hooks_do_not() -> None:
    model, x = nn.Sequential(nn.Identity()), torch.ones(2, requires_grad=True) * 1
    for kind in ADDS_NO_NODE:
        if kind not in ON_PARAMETER:
            with HookRecorder(model, [HookSpec("0", kind)]):
                assert model(x) is x
    for kind in (HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE):
        with HookRecorder(model, [HookSpec("0", kind)]):
            assert model(x) is not x
    assert model(x) is x


def test_a_dict_output_hides_backward_hooks() -> None:
    hooks = tuple(
        HookSpec("", kind) for kind in ("full_backward", "full_backward_pre", "output_tensor", "forward")
    )
    report = run(Plan("dict_output", hooks=hooks, mode=Mode.BACKWARD, input_grad=True))
    assert [firing.fired for firing in report.firings] == [0, 0, 2, 1]
    roles = [seen.role for event in report.events for seen in event.observed]
    assert sorted(roles) == [
        "gradient of output['class']",
        "gradient of output['value']",
        "output['class']",
        "output['value']",
    ]


def test_a_reused_module_fires_twice() -> None:
    hooks = tuple(HookSpec("step", kind) for kind in IN_THE_GRAPH)
    report = run(Plan("reused", hooks=hooks, mode=Mode.BACKWARD, input_grad=True))
    found = {firing.spec.kind: (firing.fired, firing.expected) for firing in report.firings}
    assert found == {kind: (1, 1) if kind in ON_PARAMETER else (2, 2) for kind in IN_THE_GRAPH}


def test_checkpointing_fires_again() -> None:
    hooks = tuple(HookSpec(name, "forward") for name in ("fc1", "relu", "fc2", "relu2", "fc3"))
    report = run(Plan("mlp", hooks=hooks, mode=Mode.CHECKPOINT))
    assert {firing.expected for firing in report.firings} == {1}
    assert [firing.fired for firing in report.firings[:4]] == [2, 2, 2, 2]
    assert all(firing.reason is None for firing in report.firings)
    made, plain = zoo.build("mlp"), []
    for name in ("fc1", "relu", "fc2", "relu2", "fc3"):
        made.module.get_submodule(name).register_forward_hook(lambda *_, name=name: plain.append(name))
    x = made.example_inputs(1)[0]
    checkpoint(made.module, x, use_reentrant=False).pow(2).mean().backward()
    assert [event.layer for event in report.events] == plain


def test_out_proj_and_containers_never_fire() -> None:
    for model, names in (
        ("transformer", ["encoder.self_attn.out_proj"]),
        ("containers", ["layers", "parts"]),
    ):
        hooks = tuple(HookSpec(name, kind) for name in names for kind in ("forward", "full_backward"))
        report = run(Plan(model, hooks=hooks, mode=Mode.BACKWARD, input_grad=True))
        assert [firing.fired for firing in report.firings] == [0] * len(hooks)
    report = run(
        Plan(
            "transformer",
            hooks=(HookSpec("encoder.self_attn.out_proj", "parameter"),),
            mode=Mode.BACKWARD,
        )
    )
    assert [firing.fired for firing in report.firings] == [1]


@pytest.mark.parametrize(("kind", "runs"), [("full_backward", 0), ("parameter", 0), ("forward", 1)])
def test_a_forward_hook_turns_off_the_fast_path(kind: str, runs: int) -> None:
    hooks = (HookSpec("encoder.linear2", kind),)
    report = run(Plan("transformer", hooks=hooks, mode=Mode.NO_GRAD, training=False))
    assert len([call for call in report.calls if call.layer == "encoder.linear1"]) == runs


def test_a_raising_hook_ends_the_call_and_goes_with_the_recorder() -> None:
    model = nn.Identity()
    with HookRecorder(model, [HookSpec("", "forward", "raise")]) as recorder:
        for _ in range(2):
            with pytest.raises(
                HookRaisedError, match=r"^The forward hook on model raised, as it was told to"
            ):
                model(torch.ones(1))
        assert recorder.live == (True,)
    assert recorder.firings == (2,)
    assert torch.equal(model(torch.ones(1)), torch.ones(1))


def test_a_copy_made_inside_keeps_the_hook_and_the_model_does_not() -> None:
    model = nn.Identity()
    with HookRecorder(model, [HookSpec("", "forward")]) as recorder:
        copied = copy.deepcopy(model)
        model(torch.ones(1))
        copied(torch.ones(1))
    assert recorder.firings == (1,)
    assert (len(model._forward_hooks), len(copied._forward_hooks)) == (0, 1)


def test_a_hook_registered_while_the_layer_runs_is_not_seen_in_that_call() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()
            self.stack = ExitStack()

        def forward(self, x: Tensor) -> Tensor:
            self.stack.enter_context(recorder)
            y: Tensor = self.inner(x)
            return y

    model = Late()
    recorder = HookRecorder(model, [HookSpec("", "forward"), HookSpec("inner", "forward")])
    model(torch.ones(1))
    assert recorder.firings == (0, 1)
    model.stack.close()


def test_no_hook_is_global_so_other_models_and_threads_fire_nothing() -> None:
    made, other = zoo.build("mlp"), zoo.build("mlp")
    places = [name for name in vars(torch_module) if re.fullmatch(r"_global_.*_hooks", name)]
    assert len(places) >= 4
    with HookRecorder(made.module, everywhere(made.module, tuple(HookKind))) as recorder:
        assert [len(getattr(torch_module, name)) for name in places] == [0] * len(places)
        thread = threading.Thread(target=go_back, args=(other,))
        thread.start()
        thread.join()
        go_back(other)
    assert sum(recorder.firings) == 0
    assert other.module.get_parameter("fc1.weight").grad is not None


def test_a_hook_on_a_shared_weight_fires_once_with_the_sum_of_its_uses() -> None:
    made = zoo.build("reused")
    specs = [HookSpec(name, "parameter", "capture", parameter="weight") for name in ("step", "twin")]
    with HookRecorder(made.module, specs, restore=False) as recorder:
        go_back(made)
    assert recorder.firings == (1, 1)
    gradient = made.module.get_parameter("step.weight").grad
    for event in recorder.events:
        assert event.observed[0].value is not None
        assert gradient is not None
        assert torch.equal(event.observed[0].value, gradient)


class _GivesItsParameter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.weight


def test_a_hook_on_an_output_that_is_a_leaf_leaves_nothing_on_it() -> None:
    model, x = _GivesItsParameter(), torch.ones(2, requires_grad=True)
    for module, leaf in ((model, model.weight), (nn.Identity(), x)):
        with HookRecorder(module, [HookSpec("", "output_tensor")]) as recorder:
            module(x).sum().backward()
        assert recorder.firings == (1,)
        assert leaf._backward_hooks is None
