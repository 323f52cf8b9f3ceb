"""Training repeats bit for bit, its hooks see every step, and what goes wrong is found and named."""

import copy
import dataclasses
import gc
import math
import re
from typing import Any

import pytest
import torch

from core.hooks.events import Event, Log, Observed
from core.hooks.plan import Plan
from core.hooks.recorder import HookRecorder
from core.hooks.spec import HookError, parse_spec
from core.hooks.training import (
    Finding,
    FindingKind,
    Optimizer,
    Reading,
    Step,
    Training,
    TrainingError,
    train,
)
from core.hooks.traps import WARNINGS
from core.zoo import InputKind, build, names

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]


def plan(model: str, *hooks: str, **settings: Any) -> Plan:  # noqa: ANN401
    return Plan(model, hooks=tuple(parse_spec(hook) for hook in hooks), **{"batch": 16, **settings})


def run(model: str, *hooks: str, batch: int = 16, **settings: Any) -> list[Step]:  # noqa: ANN401
    return list(train(Training(plan(model, *hooks, batch=batch), **settings)))


def findings(steps: list[Step]) -> list[Finding]:
    return [finding for step in steps for finding in step.findings]


@pytest.mark.parametrize("optimizer", Optimizer)
def test_it_learns(optimizer: Optimizer) -> None:
    steps = run("mlp", optimizer=optimizer, learning_rate=0.05 if optimizer is Optimizer.SGD else 0.01)
    assert [step.number for step in steps] == list(range(1, 201))
    assert steps[-1].loss < 0.3 * steps[0].loss
    assert findings(steps) == []
    assert steps[-1].ended == ""


@pytest.mark.parametrize("model", names())
def test_every_model_trains(model: str) -> None:
    steps = run(model, "model forward", steps=3)
    assert len(steps) == 3
    assert steps[-1].ended == ""
    # A model of ten ReLU layers with large weights explodes at once, though no number is lost so soon.
    assert all(math.isfinite(step.loss) for step in steps) or model == "deep_relu"


def test_the_numbers_are_those_of_the_same_loop_by_hand() -> None:
    training = Training(
        plan("mlp", "fc1 forward", "fc1 parameter", batch=64, seed=3), steps=2, learning_rate=0.1, gain=2
    )
    first, second = train(training)
    made = build("mlp", 3)
    module = made.module
    (x,) = made.example_inputs(64, InputKind.NORMAL, 3)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 2:
                parameter.mul_(2)
    generator = torch.Generator().manual_seed(3)
    x = x[torch.randperm(64, generator=generator)]
    weights = torch.randn(8, 16, generator=torch.Generator().manual_seed(3)) / math.sqrt(8)
    seen: list[torch.Tensor] = []
    module.get_submodule("fc1").register_forward_hook(lambda _module, _args, output: seen.append(output))
    loss = (module(x) - (x @ weights)[:, :4]).pow(2).mean()
    loss.backward()
    gradient = module.get_parameter("fc1.weight").grad
    assert gradient is not None
    output = seen[0].detach().double()
    assert first.loss == pytest.approx(loss.item(), rel=1e-6)
    assert [(reading.hook, reading.role) for reading in first.readings] == [(0, "output"), (1, "gradient")]
    assert first.readings[0].mean == pytest.approx(output.mean().item(), rel=1e-6)
    assert first.readings[0].std == pytest.approx(output.std(correction=0).item(), rel=1e-6)
    assert first.readings[0].maximum == output.max().item()
    assert first.readings[0].minimum == output.min().item()
    assert first.readings[1].norm == pytest.approx(gradient.norm().item(), rel=1e-5)
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.1 * parameter.grad)
    x = made.example_inputs(64, InputKind.NORMAL, 3)[0][torch.randperm(64, generator=generator)]
    assert second.loss == pytest.approx((module(x) - (x @ weights)[:, :4]).pow(2).mean().item(), rel=1e-5)


@pytest.mark.parametrize("model", ["dropout", "cnn", "transformer"])
def test_the_same_training_gives_the_same_bits(model: str) -> None:
    training = Training(plan(model, "model forward noise", "model forward", seed=5), steps=8)
    once = list(train(training))
    torch.rand(7)
    assert repr(list(train(training))) == repr(once)
    other = dataclasses.replace(training, plan=dataclasses.replace(training.plan, seed=6))
    assert next(train(other)).loss != once[0].loss


def test_the_global_random_generator_is_left_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    drawn = []
    for _ in train(Training(plan("dropout", "fc1 forward noise"), steps=4)):
        drawn.append(torch.rand(1))  # noqa: PERF401 - the steps are made between the draws
    assert torch.equal(torch.cat(drawn), expected)


def test_the_largest_seed_works() -> None:
    steps = list(train(Training(plan("dropout", seed=2**63 - 1), steps=2)))
    assert all(math.isfinite(step.loss) for step in steps)


def test_gradients_vanish_in_a_deep_tanh_network() -> None:
    steps = run("deep_tanh", *(f"linear{number} full_backward_pre" for number in range(1, 11)), steps=3)
    (finding,) = findings(steps)
    assert (finding.kind, finding.layer, finding.step) == (FindingKind.VANISHING, "linear1", 1)
    norms = [reading.norm for reading in steps[0].readings]
    assert norms == sorted(norms, reverse=True)
    assert finding.sentence == (
        f"The norm of grad_output[0] (full_backward_pre) is {norms[-1]:.3g} at `linear1` and {norms[0]:.3g} "
        f"at `linear10`, nearer to the loss: {norms[-1] / norms[0]:.3g} of it, at step 1."
    )


def test_gradients_explode_in_a_deep_relu_network() -> None:
    hooks = [f"linear{number} full_backward_pre" for number in range(1, 11)]
    steps = run("deep_relu", *hooks, steps=3, learning_rate=1e-12)
    (finding,) = findings(steps)
    assert (finding.kind, finding.layer, finding.step) == (FindingKind.EXPLODING, "linear1", 1)
    norms = [reading.norm for reading in steps[0].readings]
    assert norms[-1] > 1e3 * norms[0]
    assert f"{norms[-1]:.3g} at `linear1` and {norms[0]:.3g} at `linear10`, nearer to the loss" in (
        finding.sentence
    )


def test_a_gradient_that_grows_over_the_steps_explodes() -> None:
    steps = run("scalar_linear", "model parameter", learning_rate=3.0, steps=20)
    exploding = [finding for finding in findings(steps) if finding.kind is FindingKind.EXPLODING]
    assert [finding.layer for finding in exploding] == [""]
    found = exploding[0]
    first, then = steps[0].readings[0].norm, steps[found.step - 1].readings[0].norm
    assert then > 1e3 * first
    assert all(step.readings[0].norm <= 1e3 * first for step in steps[: found.step - 1])
    assert found.sentence == (
        f"The norm of gradient at `model` is {then:.3g} at step {found.step}: {then / first:.3g} times that "
        f"of the first step, {first:.3g}."
    )


def test_healthy_training_has_no_findings() -> None:
    hooks = [
        f"{layer} {kind}"
        for layer in ("fc1", "relu", "fc2", "relu2", "fc3")
        for kind in ("forward", "full_backward", "output_tensor")
    ]
    assert findings(run("mlp", *hooks, "fc1 parameter", "fc3 parameter")) == []


def test_weights_of_zero_gradient_do_not_learn() -> None:
    found = findings(run("mlp", "fc2 forward zero", "fc1 parameter", steps=2))
    assert [(finding.kind, finding.layer) for finding in found] == [(FindingKind.VANISHING, "fc1")]
    assert "is 0 at step 1, while the loss is" in found[0].sentence


@pytest.mark.parametrize(
    ("hooks", "layer", "sentence"),
    [
        (
            ["fc1 forward_pre", "fc1 forward", "relu forward"],
            "fc1",
            "First seen at step 5: a NaN in the input[0] of `fc1`; no hook saw what came before.",
        ),
        (["fc1 forward", "relu forward"], "fc1", "a NaN in the output of `fc1`; no hook saw"),
        (["fc2 full_backward"], "fc2", "a NaN in the grad_output[0] of `fc2`; no hook saw"),
        ([], "", "The loss is nan at step 5, and no hook has seen why: put hooks on more layers."),
    ],
)
def test_a_planted_nan_is_found_where_it_is_seen_first(hooks: list[str], layer: str, sentence: str) -> None:
    steps = run("mlp", *hooks, nan_at=5, steps=40)
    (finding,) = findings(steps)
    assert (finding.kind, finding.layer, finding.step) == (FindingKind.NOT_FINITE, layer, 5)
    assert sentence in finding.sentence
    assert all(reading.finite for step in steps[:4] for reading in step.readings)
    assert [math.isnan(step.loss) for step in steps] == [False] * 4 + [True] * 11
    assert steps[-1].ended == (
        "The loss has not been finite since step 5, so nothing more is learnt: the run ended at step 15 of "
        "40."
    )


def test_a_layer_that_makes_an_infinity_is_named() -> None:
    hooks = ["fc2 forward_pre scale=1e300", "fc1 forward", "fc2 forward", "fc3 forward"]
    (finding,) = findings(run("mlp", *hooks, steps=2))
    assert (finding.kind, finding.layer, finding.step) == (FindingKind.NOT_FINITE, "fc2", 1)
    assert "in the output of `fc2`; its input was still finite." in finding.sentence
    (finding,) = findings(run("mlp", *hooks[1:], "fc1 forward scale=1e300", steps=1))
    assert "in the output of `fc2`; the output of `fc1`, seen just before, was still finite." in (
        finding.sentence
    )


def test_a_hook_can_keep_a_nan_from_spreading() -> None:
    steps = run("mlp", "fc1 forward_pre", "fc1 forward zero", nan_at=5, steps=40)
    assert len(steps) == 40
    assert all(math.isfinite(step.loss) for step in steps)
    assert [finding.kind for finding in findings(steps)] == [FindingKind.NOT_FINITE]


def test_a_dead_relu_is_found_after_five_steps() -> None:
    steps = run("mlp", "relu forward", "relu2 forward", learning_rate=5.0, steps=30)
    dead = [finding for finding in findings(steps) if finding.kind is FindingKind.DEAD_RELU]
    assert [finding.layer for finding in dead] == ["relu2"]
    shares = [next(reading.zeros for reading in step.readings if reading.hook == 1) or 0.0 for step in steps]
    end = dead[0].step
    assert all(share > 0.99 for share in shares[end - 5 : end])
    assert shares[end - 6] <= 0.99
    assert dead[0].sentence.startswith(
        f"{shares[end - 1]:.1%} of the output of `relu2` is exactly 0 at step {end}"
    )


def test_zeros_of_another_layer_are_no_dead_relu() -> None:
    found = findings(run("deep_tanh", "tanh1 forward", "linear1 forward zero", steps=8))
    assert found == []


def test_hooks_that_change_values_change_the_training() -> None:
    plain = run("mlp", "fc1 forward", steps=5)
    scaled = run("mlp", "fc1 forward scale=3", steps=5)
    frozen = run("mlp", "fc3 post_accumulate_grad zero", "fc3 post_accumulate_grad", steps=5)
    assert scaled[0].loss != plain[0].loss
    assert scaled[0].readings == plain[0].readings
    assert scaled[-1].readings != plain[-1].readings
    assert frozen[0].loss == plain[0].loss
    assert frozen[-1].loss != plain[-1].loss
    assert frozen[-1].readings[-1].norm == 0


def test_a_full_backward_hook_before_an_in_place_layer_ends_the_run_in_one_line() -> None:
    (step,) = run("inplace_relu", "relu full_backward")
    assert step.ended.startswith("Step 1: RuntimeError: Output 0 of BackwardHookFunction is a view")
    assert "\n" not in step.ended
    assert math.isnan(step.loss)


def test_a_raising_hook_ends_the_run_after_what_was_seen() -> None:
    (step,) = run("mlp", "fc1 forward", "fc2 forward raise")
    assert step.ended == "Step 1: HookRaisedError: The forward hook on fc2 raised, as it was told to."
    assert [reading.hook for reading in step.readings] == [0, 1]


def test_a_large_minibatch_is_all_examples() -> None:
    assert run("mlp", batch=256, steps=1)[0].loss == run("mlp", batch=64, steps=1)[0].loss


def test_zeros_are_a_share() -> None:
    (step,) = run("mlp", "relu forward", "fc1 forward", steps=1)
    assert isinstance(step.readings[0], Reading)
    shares = {reading.hook: reading.zeros for reading in step.readings}
    assert shares[1] == 0
    assert 0.2 < (shares[0] or 0) < 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "Got 0 steps: choose from 1 to 2,000."),
        ({"steps": 2_001}, "Got 2,001 steps: choose from 1 to 2,000."),
        ({"learning_rate": 0.0}, "Got the learning rate 0: give a number above 0."),
        ({"learning_rate": math.inf}, "Got the learning rate inf: give a number above 0."),
        ({"learning_rate": math.nan}, "Got the learning rate nan: give a number above 0."),
        ({"gain": 0.0}, "Got the gain 0: give a number above 0 and up to 100."),
        ({"gain": 101.0}, "Got the gain 101: give a number above 0 and up to 100."),
        ({"gain": math.nan}, "Got the gain nan: give a number above 0 and up to 100."),
        ({"optimizer": "lion"}, "Got the optimizer 'lion': choose one of sgd, adam."),
        ({"nan_at": 0}, "Got a NaN at step 0: choose from 1 to 200."),
        ({"nan_at": 201}, "Got a NaN at step 201: choose from 1 to 200."),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        Training(plan("mlp"), **settings)
    assert str(caught.value) == message


def test_an_unknown_layer_is_refused_at_once() -> None:
    with pytest.raises(HookError, match="no layer `fc9`: the closest is `fc"):
        train(Training(plan("mlp", "fc9 forward")))


def test_the_hooks_go_when_the_run_is_left_early() -> None:
    steps = train(Training(plan("mlp", "fc1 forward")))
    assert next(steps).number == 1
    steps.close()  # type: ignore[attr-defined]
    assert list(steps) == []


def test_memory_does_not_grow_with_the_steps() -> None:
    def alive() -> int:
        return sum(type(found) in {Event, Observed, torch.Tensor} for found in gc.get_objects())

    hooks = ["model forward capture", "fc1 forward capture", "fc2 full_backward", "fc2 output_tensor"]
    steps = train(Training(plan("mlp", *hooks, batch=64), steps=200))
    counts = []
    for step in steps:
        if step.number % 50 == 10:
            gc.collect()
            counts.append(alive())
    assert len(counts) == 4
    assert counts[0] > 0
    assert len(set(counts)) == 1


def test_draining_forgets_and_frees_the_room() -> None:
    module = build("mlp").module
    x = torch.ones(2, 8)
    # Room for one capture of (2, 4) float32 numbers.
    with HookRecorder(module, [parse_spec("model forward capture")], budget_bytes=32) as recorder:
        module(x)
        (first,) = recorder.drain()
        module(x)
        (second,) = recorder.drain()
        assert recorder.drain() == ()
        module(x)
        (third,) = copy.copy(recorder.events)
        assert (first.position, second.position, third.position) == (0, 1, 2)
        assert (first.firing, second.firing, third.firing) == (1, 2, 3)
        assert all(event.observed[0].value is not None for event in (first, second, third))
        assert recorder.stopped == ""
    assert Log(0).drain() == ()
