"""Hooks that stay behind are found wherever they are, counted rightly, and all taken away."""

# PyTorch has no types for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

import pytest
import torch
from torch import nn

from core import zoo
from core.hooks import HookError, HookKind, HookRecorder, HookSpec
from core.hooks.leak_cases import try_leaks
from core.hooks.leaks import Found, count_hooks, find_hooks, remove_hooks
from core.hooks.plan import CHAIN, Plan
from tests.core.hooks.test_preserve import bits, loss_of, picture

SEEN = tuple(kind for kind in HookKind if kind not in {HookKind.ACCUMULATE_GRAD, HookKind.OUTPUT_TENSOR})


def with_one_of_each(model: nn.Linear) -> list[str]:
    """Registered plainly: what was registered."""
    model.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
    model.register_forward_hook(lambda *_: None, with_kwargs=True, always_call=True)
    model.register_full_backward_pre_hook(lambda *_: None)
    model.register_full_backward_hook(lambda *_: None)
    model.register_state_dict_pre_hook(lambda *_: None)
    model.register_state_dict_post_hook(lambda *_: None)
    model.register_load_state_dict_pre_hook(lambda *_: None)
    model.register_load_state_dict_post_hook(lambda *_: None)
    model.weight.register_hook(lambda _gradient: None)
    model.bias.register_post_accumulate_grad_hook(lambda _parameter: None)
    return [
        "forward_pre",
        "forward",
        "full_backward_pre",
        "full_backward",
        "state_dict_pre",
        "state_dict",
        "load_state_dict_pre",
        "load_state_dict",
        "parameter",
        "post_accumulate_grad",
    ]


def test_hooks_of_every_kind_are_found_whoever_registered_them() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    inner = model.get_submodule("0")
    assert isinstance(inner, nn.Linear)
    registered = with_one_of_each(inner)
    found = find_hooks(model)
    assert [each.kind for each in found] == registered
    assert {each.kind: each.where for each in found[-2:]} == {
        "parameter": "0.weight",
        "post_accumulate_grad": "0.bias",
    }
    assert all(each.where == "0" for each in found[:-2])
    assert count_hooks(model) == len(registered) == sum(each.count for each in found)


def test_removing_leaves_the_model_as_if_nobody_had_hooked_it() -> None:
    model, fresh = nn.Linear(2, 2), nn.Linear(2, 2)
    registered = with_one_of_each(model)
    assert remove_hooks(model) == len(registered)
    assert (count_hooks(model), find_hooks(model), remove_hooks(model)) == (0, (), 0)
    hooks = {key: fact for key, fact in picture(model).items() if "tensor" not in key[1]}
    assert hooks == {key: fact for key, fact in picture(fresh).items() if "tensor" not in key[1]}
    fresh.load_state_dict(model.state_dict())
    x = torch.ones(1, 2)
    assert bits(model(x)) == bits(fresh(x))


@pytest.mark.parametrize("kind", SEEN)
def test_what_the_recorder_registers_is_found_during_the_block_only(kind: HookKind) -> None:
    model = zoo.build("mlp").module
    specs = [HookSpec("fc1", kind), HookSpec("fc1", kind)]
    with HookRecorder(model, specs):
        where = "fc1.weight" if kind.is_on_parameter else "fc1"
        assert find_hooks(model) == (Found(where, kind, 2),)
    assert find_hooks(model) == ()


def test_a_module_and_a_parameter_with_two_names_are_counted_once() -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, shared)
    shared.register_forward_hook(lambda *_: None)
    shared.weight.register_hook(lambda _gradient: None)
    assert [(each.where, each.count) for each in find_hooks(model)] == [("0", 1), ("0.weight", 1)]
    assert remove_hooks(model) == 2


def test_handles_that_are_dropped_add_up_with_every_rerun() -> None:
    hooks = (HookSpec("fc1", "forward"), HookSpec("fc2", "parameter"))
    lost, _, _ = try_leaks(Plan("mlp", hooks=hooks))
    assert [count.hooks for count in lost.counts] == [0, 2, 4, 6, 0]


def test_a_deep_copy_keeps_the_hooks_of_layers_and_the_handles_do_not_reach_them() -> None:
    hooks = (HookSpec("fc1", "forward"), HookSpec("", "full_backward"))
    _, copied, _ = try_leaks(Plan("mlp", hooks=hooks))
    assert [count.hooks for count in copied.counts] == [2, 2, 0, 2, 0]


def test_a_raising_hook_stays_for_every_further_call() -> None:
    _, _, raising = try_leaks(Plan("mlp"))
    assert [count.hooks for count in raising.counts] == [1, 1, 1, 0]
    assert [count.done for count in raising.counts[1:3]] == [
        "model(x) raises: HookRaisedError",
        "model(x) raises again: HookRaisedError",
    ]


@pytest.mark.parametrize("model", zoo.names())
def test_every_case_ends_clean_whatever_the_model_and_hooks(model: str) -> None:
    module = zoo.build(model).module
    hooks = tuple(
        HookSpec(name, kind)
        for name, layer in module.named_modules()
        for kind in HookKind
        if not kind.is_on_parameter or any(value is not None for value in layer._parameters.values())
    )[:200]
    state = torch.random.get_rng_state()
    for chosen in ((), hooks):
        for case in try_leaks(Plan(model, hooks=chosen)):
            assert case.counts[-1].hooks == 0
            assert max(count.hooks for count in case.counts) > 0
            assert "\n" not in case.lesson
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_chain_can_be_tried_and_a_hook_that_does_not_fit_is_refused() -> None:
    assert len(try_leaks(Plan(CHAIN, "Input(4); Linear(4, 2); ReLU()"))) == 3
    with pytest.raises(HookError, match="has no layer `fc9`"):
        try_leaks(Plan("mlp", hooks=(HookSpec("fc9", "forward"),)))


def test_a_model_works_on_after_its_hooks_were_removed_in_the_middle_of_a_graph() -> None:
    made, alone = zoo.build("mlp"), zoo.build("mlp")
    seen: list[int] = []
    made.module.get_submodule("fc2").register_full_backward_hook(lambda *_: seen.append(1))
    loss = loss_of(made)
    remove_hooks(made.module)
    loss.backward()
    loss_of(alone).backward()
    for one, two in zip(made.module.parameters(), alone.module.parameters(), strict=True):
        assert one.grad is not None
        assert two.grad is not None
        assert torch.equal(one.grad, two.grad)
