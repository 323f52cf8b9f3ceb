"""What a layer is worth is what plain PyTorch gives when that layer's output is replaced by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.hooks import Action, HookKind, HookSpec
from core.hooks.ablation import MAX_LAYERS, Ablation, ablate_each, watch_all
from core.hooks.layers import Layer
from core.hooks.plan import CHAIN, Mode, Plan
from core.hooks.run import run


def layers_of(plan: Plan) -> tuple[Layer, ...]:
    return run(replace(plan, hooks=())).layers


def output_of(plan: Plan, module: nn.Module) -> list[Tensor]:
    made = zoo.build(plan.model)
    args, kwargs = made.arguments(made.example_inputs(plan.batch))
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        output = module(*args, **kwargs)
    return [tensor.detach() for tensor in (output.values() if isinstance(output, dict) else [output])]


def zeros(value: object) -> object:
    if isinstance(value, Tensor):
        return torch.zeros_like(value)
    return tuple(zeros(item) for item in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("model", zoo.names())
def test_the_effect_is_that_of_a_hook_written_by_hand(model: str) -> None:
    plan = Plan(model, batch=3)
    bare = output_of(plan, plan.build().module)
    for ablation in ablate_each(plan, layers_of(plan), Action.ZERO):
        module = plan.build().module
        module.get_submodule(ablation.layer).register_forward_hook(lambda _m, _a, output: zeros(output))
        changed = output_of(plan, module)
        effects = [
            float((one - two).abs().max()) / float(one.abs().max())
            for one, two in zip(bare, changed, strict=True)
        ]
        gaps = [float((one - two).abs().max()) for one, two in zip(bare, changed, strict=True)]
        assert ablation.error == ""
        assert ablation.effect == pytest.approx(effects[gaps.index(max(gaps))], rel=1e-6)


def test_layers_that_never_compute_and_the_model_itself_are_left_out() -> None:
    plan = Plan("containers")
    names = [ablation.layer for ablation in ablate_each(plan, layers_of(plan), Action.ZERO)]
    assert names == ["layers.0", "layers.1", "layers.2", "parts.activation", "parts.head"]


def test_the_plans_own_hooks_and_mode_do_not_matter() -> None:
    plan = Plan("mlp", batch=2)
    hooked = replace(plan, hooks=(HookSpec("fc1", "forward", "zero"),), mode=Mode.COPY)
    layers = layers_of(plan)
    assert ablate_each(plan, layers, Action.MEAN) == ablate_each(hooked, layers, Action.MEAN)


def test_a_change_of_nothing_has_no_effect_and_a_larger_one_has_more() -> None:
    plan = Plan("mlp", batch=2)
    layers = layers_of(plan)
    assert {each.effect for each in ablate_each(plan, layers, Action.SCALE, 1.0)} == {0.0}
    effects = [
        ablate_each(plan, layers, Action.SCALE, amount)[-1].effect for amount in (1.5, 2.0, None, -1.0)
    ]
    assert effects == pytest.approx([0.5, 1.0, 1.0, 2.0], rel=1e-5)


def test_a_model_that_cannot_run_on_says_why_and_has_no_effect_to_show() -> None:
    plan = Plan("mlp")
    found = {each.layer: each for each in ablate_each(plan, layers_of(plan), Action.WRONG_SHAPE)}
    assert found["fc1"].error.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert "\n" not in found["fc1"].error
    assert found["fc1"].difference is None
    assert math.isnan(found["fc1"].effect)
    assert found["fc3"].error == ""
    assert math.isnan(found["fc3"].effect)


def test_at_most_forty_layers_are_tried() -> None:
    plan = Plan(CHAIN, "\n".join(["Input(4)", *["ReLU()"] * 40]))
    layers = layers_of(plan)
    assert len(ablate_each(plan, (*layers, *layers[1:]), Action.ZERO)) == MAX_LAYERS == 40


def test_watching_all_puts_two_hooks_on_every_layer_that_computes() -> None:
    plan = watch_all(Plan("containers"), layers_of(Plan("containers")))
    assert plan.mode is Mode.BACKWARD
    assert [(hook.layer, hook.kind) for hook in plan.hooks] == [
        (name, kind)
        for name in ("", "layers.0", "layers.1", "layers.2", "parts.activation", "parts.head")
        for kind in (HookKind.FORWARD, HookKind.OUTPUT_TENSOR)
    ]
    assert all(firing.fired == firing.expected for firing in run(plan).firings)


def test_without_a_difference_the_effect_is_not_a_number() -> None:
    assert math.isnan(Ablation("fc1", None, "why").effect)


def test_no_further_layer_is_begun_when_the_time_is_up() -> None:
    plan = Plan("mlp")
    every = ablate_each(plan, layers_of(plan), Action.ZERO, seconds=3600)
    assert len(every) > 1
    assert ablate_each(plan, layers_of(plan), Action.ZERO, seconds=0) == every[:1]
