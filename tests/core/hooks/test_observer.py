"""The observer effect: what is counted is exact, what is timed is plausible, and nothing is left changed."""

import gc
import math
import re
from typing import Any

import pytest
import torch

from core.hooks.observer import Effect, NodeChange, _interval, measure
from core.hooks.plan import Mode, Plan
from core.hooks.spec import HookError, parse_spec
from core.hooks.traps import WARNINGS
from core.zoo import InputKind

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]


def effect(model: str, *hooks: str, rounds: int = 3, **settings: Any) -> Effect:  # noqa: ANN401
    return measure(Plan(model, hooks=tuple(parse_spec(hook) for hook in hooks), **settings), rounds)


def test_a_forward_hook_adds_no_node_and_changes_no_bit() -> None:
    found = effect("mlp", "fc1 forward", "model forward_pre")
    assert (found.bare_nodes, found.hooked_nodes, found.changes) == (14, 14, ())
    assert (found.identical, found.difference, found.backward) == (True, 0.0, False)
    assert found.firings == 2
    assert [(each.hook, each.firing) for each in found.durations] == [(0, 1), (1, 1)]


def test_a_full_backward_hook_adds_a_node_at_each_side_whose_tensor_has_a_gradient() -> None:
    inner = effect("mlp", "fc2 full_backward", mode=Mode.BACKWARD)
    assert inner.changes == (NodeChange("BackwardHookFunctionBackward", 2),)
    assert inner.hooked_nodes == inner.bare_nodes + 2
    assert (inner.backward, inner.firings, inner.identical) == (True, 1, True)
    first = effect("mlp", "fc1 full_backward", mode=Mode.BACKWARD)
    assert first.changes == (NodeChange("BackwardHookFunctionBackward", 1),)
    with_input = effect("mlp", "fc1 full_backward", mode=Mode.BACKWARD, input_grad=True)
    assert with_input.changes == (NodeChange("BackwardHookFunctionBackward", 2),)


def test_the_nodes_are_those_of_the_graph() -> None:
    found = effect("mlp", "fc1 forward scale=2")
    assert found.changes == (NodeChange("MulBackward0", 1),)
    without = effect("mlp", "fc1 forward", mode=Mode.NO_GRAD)
    assert (without.bare_nodes, without.hooked_nodes) == (0, 0)
    # Three additions of a bias and a product each, two ReLUs, a transposed weight each, six leaves.
    assert found.bare_nodes == 3 + 2 + 3 + 6


def test_a_hook_that_changes_the_output_is_measured() -> None:
    found = effect("scalar_linear", "model forward scale=3")
    assert not found.identical
    assert found.difference == pytest.approx(2 * 1.1)
    shape = effect("scalar_linear", "model forward wrong_shape")
    assert not shape.identical
    assert math.isnan(shape.difference)
    lost = effect("scalar_linear", "model forward zero", input_kind=InputKind.NAN)
    assert math.isnan(lost.difference)
    assert effect("mlp", "fc1 forward", input_kind=InputKind.NAN).identical


def test_dropout_is_the_same_on_both_sides() -> None:
    assert effect("dropout", "fc1 forward").identical


def test_firings_are_counted_per_call_and_numbered() -> None:
    found = effect("reused", "step forward", "step parameter", "head forward", mode=Mode.BACKWARD)
    assert found.firings == 4
    assert [(each.hook, each.firing) for each in found.durations] == [(0, 1), (0, 2), (1, 1), (2, 1)]
    assert all(0 < each.seconds < 0.1 for each in found.durations)


def test_the_times_are_those_of_one_call() -> None:
    found = effect("mlp", *["fc1 forward", "fc2 forward", "fc3 forward"] * 10, rounds=9)
    assert found.rounds == 9
    assert found.threads == torch.get_num_threads()
    assert found.calls & (found.calls - 1) == 0
    assert 1e-6 < found.bare_seconds < found.hooked_seconds < 0.1
    assert found.low <= found.ratio <= found.high
    assert found.ratio == pytest.approx(found.hooked_seconds / found.bare_seconds)
    assert found.microseconds_per_firing == pytest.approx(
        (found.hooked_seconds - found.bare_seconds) * 1e6 / 30
    )
    assert 0 < found.reading_seconds < 0.1


def test_without_hooks_nothing_fires() -> None:
    found = effect("simple_mlp")
    assert (found.firings, found.durations) == (0, ())
    assert math.isnan(found.microseconds_per_firing)
    assert found.identical


def test_the_interval_is_that_of_a_ratio_of_medians() -> None:
    assert _interval([1.0] * 10, [2.0] * 10, 0) == (2.0, 2.0)
    low, high = _interval([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], 0)
    assert low == high == 2.0
    noisy = _interval([1.0, 1.1, 0.9, 1.0, 1.2], [2.0, 1.9, 2.3, 2.1, 2.2], 1)
    assert 1.5 < noisy[0] < 2.1 < noisy[1] < 2.6
    assert noisy == _interval([1.0, 1.1, 0.9, 1.0, 1.2], [2.0, 1.9, 2.3, 2.1, 2.2], 1)


def test_it_leaves_the_process_as_it_was() -> None:
    torch.manual_seed(0)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    effect("dropout", "fc1 forward noise")
    assert gc.isenabled()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    with pytest.raises(HookError):
        effect("mlp", "fc1 forward raise")
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("hooks", "settings", "message"),
    [
        (
            ["relu full_backward"],
            {"model": "inplace_relu", "mode": Mode.BACKWARD},
            "With these hooks the model cannot be run, so there is nothing to time: RuntimeError: Output 0",
        ),
        (["fc1 forward raise"], {"model": "mlp"}, "HookRaisedError: The forward hook on fc1 raised"),
        (["fc9 forward"], {"model": "mlp"}, "The model has no layer `fc9`"),
        ([], {"model": "mlp", "rounds": 1}, "Got 1 rounds: an interval needs at least 2."),
    ],
)
def test_what_cannot_be_timed_is_refused_in_one_line(
    hooks: list[str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(HookError) as caught:
        effect(settings.pop("model"), *hooks, **settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
