"""The limits of a plan, and the line of code that says what a run does."""

from dataclasses import replace

import pytest
import torch

from core import zoo
from core.builder import BuilderError
from core.hooks import HookError, HookSpec
from core.hooks.plan import CHAIN, MAX_HOOKS, Mode, Plan
from core.zoo import ZooError


def test_two_hundred_hooks_are_allowed_and_one_more_is_not() -> None:
    hook = HookSpec("", "forward")
    assert len(Plan(hooks=(hook,) * MAX_HOOKS).hooks) == MAX_HOOKS == 200
    with pytest.raises(HookError) as caught:
        replace(Plan(), hooks=(hook,) * 1_234)
    assert str(caught.value) == "1,234 hooks are too many for one page: register at most 200."


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("model", [*zoo.names(), CHAIN])
def test_a_plan_builds_a_new_model_in_its_mode_every_time(model: str, training: bool) -> None:
    plan = Plan(model, "Input(4); Linear(4, 8); Dropout(0.5)", training=training, seed=3)
    one, two = plan.build().module, plan.build().module
    assert one is not two
    assert all(module.training is training for module in one.modules())
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert first is not second
        assert torch.equal(first, second)


def test_the_seed_decides_the_weights() -> None:
    one, two = (next(Plan("mlp", seed=seed).build().module.parameters()) for seed in (0, 1))
    assert not torch.equal(one, two)


def test_a_model_that_does_not_exist_is_said_so_when_it_is_built() -> None:
    with pytest.raises(ZooError, match=r"^There is no model 'gpt': choose one of scalar_linear, "):
        Plan("gpt").build()
    with pytest.raises(BuilderError):
        Plan(CHAIN, "").build()
    with pytest.raises(ZooError, match="The seed is -1"):
        Plan("mlp", seed=-1).build()


@pytest.mark.parametrize("mode", Mode)
def test_the_line_of_code_says_what_the_mode_does(mode: Mode) -> None:
    plan = Plan("mlp", mode=mode, layer="fc2")
    assert mode.has_backward or "backward()" not in plan.code
    assert ("fc2" in plan.code) is mode.needs_layer
    assert ("compile" in plan.code) is mode.compiles
    assert "\n" not in plan.code
    assert "`" not in plan.code


def test_no_two_modes_are_written_the_same_and_the_root_has_a_name() -> None:
    assert len({Plan("mlp", mode=mode).code for mode in Mode}) == len(Mode)
    assert Plan("mlp", mode=Mode.EXCEPTION).code == "model(x), and model raises"


@pytest.mark.parametrize(
    "chain",
    ["Input(1, 1000, 1000)\nAvgPool2d(500, stride=1)", "Input(1, 300, 300)\nMaxPool2d(150, stride=1)"],
)
def test_a_pool_that_reads_its_input_thousands_of_times_is_refused(chain: str) -> None:
    with pytest.raises(HookError, match="multiplications; the limit here is 200,000,000"):
        Plan(CHAIN, chain).build()


def test_the_input_counts_as_memory_too() -> None:
    chain = "Input(1, 1000, 1000)\nAdaptiveAvgPool2d(1)"
    Plan(CHAIN, chain).build()
    with pytest.raises(HookError, match="977 MiB of numbers"):
        Plan(CHAIN, chain, batch=256).build()
