"""The trace says how every layer computed, and leaves neither wrapper nor change behind."""

# PyTorch has no types for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.hooks.calls import CallTrace, ForcedError, Shape
from tests.core.hooks.test_preserve import bits, loss_of, picture


def watched(model: str) -> list[str]:
    """The layers in the order in which plain forward hooks see them end."""
    made, seen = zoo.build(model), []
    names: dict[int, str] = {}
    for name, module in made.module.named_modules():
        names[id(module)] = name
        module.register_forward_hook(lambda module, *_: seen.append(names[id(module)]))
    loss_of(made)
    return seen


@pytest.mark.parametrize("model", zoo.names())
def test_the_calls_are_those_that_plain_hooks_see_in_the_same_order(model: str) -> None:
    made = zoo.build(model)
    with CallTrace(made.module) as trace:
        loss_of(made)
    assert [call.layer for call in trace.calls] == watched(model)
    assert all(call.through_call for call in trace.calls)
    assert all(
        (call.phase, call.grad_enabled, call.training, call.raised) == ("forward", True, True, "")
        for call in trace.calls
    )


@pytest.mark.parametrize("model", zoo.names())
def test_tracing_changes_no_bit_and_leaves_the_model_as_it_was(model: str) -> None:
    alone, traced = zoo.build(model), zoo.build(model)
    before = picture(traced.module)
    keys = [list(vars(module)) for module in traced.module.modules()]
    torch.manual_seed(0)
    expected = loss_of(alone)
    expected.backward()
    torch.manual_seed(0)
    with CallTrace(traced.module):
        found = loss_of(traced)
    assert [list(vars(module)) for module in traced.module.modules()] == keys
    assert {key: fact for key, fact in picture(traced.module).items() if "tensor" not in key[1]} == {
        key: fact for key, fact in before.items() if "tensor" not in key[1]
    }
    assert bits(found) == bits(expected)
    found.backward()
    for one, two in zip(alone.module.parameters(), traced.module.parameters(), strict=True):
        assert one.grad is None or two.grad is None or bits(one.grad) == bits(two.grad)


class Caller(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner.forward(x)
        y: Tensor = self.inner(x)
        return y


def test_who_ran_a_layer_and_whether_by_a_call_is_known() -> None:
    model = Caller()
    with CallTrace(model) as trace:
        model(torch.ones(1, 2))
        model.forward(torch.ones(1, 2))
    once = [
        ("inner.0", True, "inner"),
        ("inner.1", True, "inner"),
        ("inner", False, ""),
        ("inner.0", True, "inner"),
        ("inner.1", True, "inner"),
        ("inner", True, ""),
    ]
    assert [(call.layer, call.through_call, call.caller) for call in trace.calls] == [
        *once,
        ("", True, None),
        *once,
        ("", False, None),
    ]
    assert len(trace.of("inner")) == 4


@pytest.mark.parametrize(
    "register",
    [
        lambda module: module.register_forward_hook(lambda *_: None),
        lambda module: module.register_forward_hook(lambda *_: None, always_call=True),
        lambda module: module.register_forward_pre_hook(lambda *_: None),
        lambda module: module.register_full_backward_hook(lambda *_: None),
    ],
)
def test_a_call_is_a_call_with_hooks_as_well(register: Callable[[nn.Module], object]) -> None:
    model = nn.Linear(2, 2)
    register(model)
    with CallTrace(model) as trace:
        model(torch.ones(1, 2, requires_grad=True))
        model.forward(torch.ones(1, 2))
    assert [call.through_call for call in trace.calls] == [True, False]


def test_outputs_are_described_wherever_they_are() -> None:
    made = zoo.build("dict_output")
    with CallTrace(made.module) as trace:
        loss_of(made)
    (root,) = trace.of("")
    assert root.output_kind == "a dict"
    assert root.outputs == (
        Shape("output['class']", (4, 3), "float32"),
        Shape("output['value']", (4, 1), "float32"),
    )
    assert (root.differentiable, root.reachable) == (True, False)
    (trunk,) = trace.of("trunk")
    assert (trunk.output_kind, trunk.differentiable, trunk.reachable) == ("a tensor", True, True)


@pytest.mark.parametrize(
    ("output", "reachable"),
    [
        (lambda x: x, True),
        (lambda x: (x, None), True),
        (lambda x: (None, x), True),
        (lambda x: [x], False),
        (lambda x: ((x,),), False),
        (lambda x: {"x": x}, False),
        (lambda x: (x.detach(), [x]), False),
    ],
)
@pytest.mark.filterwarnings("ignore:For backward hooks to be called")
def test_reachable_is_whether_a_full_backward_hook_fires(
    output: Callable[[Tensor], object], reachable: bool
) -> None:
    class Gives(nn.Module):
        def forward(self, x: Tensor) -> object:
            return output(x * 2)

    model, fired = Gives(), []
    model.register_full_backward_hook(lambda *_: fired.append(1))
    with CallTrace(model) as trace:
        found = model(torch.ones(2, requires_grad=True))
    assert (trace.calls[0].reachable, trace.calls[0].differentiable) == (reachable, True)
    while not isinstance(found, Tensor) or not found.requires_grad:
        found = next(
            item
            for item in (found.values() if isinstance(found, dict) else found)
            if item is not None and not (isinstance(item, Tensor) and not item.requires_grad)
        )
    found.sum().backward()
    assert bool(fired) is reachable


def test_autograd_and_the_mode_of_the_layer_are_those_at_the_time() -> None:
    model = nn.Linear(1, 1)
    with CallTrace(model) as trace:
        model(torch.ones(1, 1))
        model.eval()
        with torch.no_grad():
            model(torch.ones(1, 1))
        trace.phase = "backward"
        model.requires_grad_(False)(torch.ones(1, 1))
    assert [(call.grad_enabled, call.training, call.differentiable, call.phase) for call in trace.calls] == [
        (True, True, True, "forward"),
        (False, False, False, "forward"),
        (True, False, False, "backward"),
    ]


def test_a_layer_told_to_fail_raises_after_it_has_computed_and_everything_is_put_back() -> None:
    made = zoo.build("mlp")
    with CallTrace(made.module, fail_in="fc2") as trace, pytest.raises(ForcedError) as caught:
        loss_of(made)
    assert str(caught.value) == "An exception in the middle, raised by `fc2`."
    assert [call.layer for call in trace.calls] == ["fc1", "relu", "fc2", ""]
    assert [bool(call.raised) for call in trace.calls] == [False, False, True, True]
    assert trace.calls[2].raised == f"ForcedError: {caught.value}"
    assert trace.calls[2].outputs == (Shape("output", (4, 16), "float32"),)
    assert trace.running == []
    loss_of(made)


def test_an_error_of_the_layer_itself_is_noted_on_one_line_and_comes_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 3))
    with CallTrace(model) as trace, pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        model(torch.ones(1, 2))
    assert [(call.layer, "shapes" in call.raised, "\n" in call.raised) for call in trace.calls] == [
        ("0", False, False),
        ("1", True, False),
        ("", True, False),
    ]


def test_a_forward_that_was_set_on_the_instance_is_put_back() -> None:
    model = nn.Linear(1, 1)

    def mine(x: Tensor) -> Tensor:
        return x * 0 + 7

    model.__dict__["forward"] = mine
    with CallTrace(model) as trace:
        assert model(torch.ones(1)).item() == 7
    assert model.__dict__["forward"] is mine
    assert len(trace.calls) == 1


def test_something_can_be_done_once_inside_the_first_call_before_its_code() -> None:
    order: list[str] = []
    model = nn.Sequential(nn.Identity())
    model[0].register_forward_pre_hook(lambda *_: order.append("inner"))
    with CallTrace(model, before_root=lambda: order.append("before")):
        model(torch.ones(1))
        model(torch.ones(1))
    assert order == ["before", "inner", "inner"]


def test_a_module_with_two_names_is_recorded_under_its_first() -> None:
    shared = nn.Identity()
    model = nn.Sequential(shared, shared)
    with CallTrace(model) as trace:
        model(torch.ones(1))
    assert [call.layer for call in trace.calls] == ["0", "0", ""]
    assert "forward" not in shared.__dict__


def test_threads_do_not_mix_up_their_callers() -> None:
    meet = threading.Barrier(3)

    class Waits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            meet.wait(20)  # until all threads are in the middle of the model
            return x

    model = nn.Sequential(nn.Sequential(Waits()), nn.Sequential(Waits()))
    with CallTrace(model) as trace:
        threads = [threading.Thread(target=model, args=(torch.ones(1),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(trace.calls) == 3 * 5
    callers = {(call.layer, call.caller) for call in trace.calls}
    assert callers == {("", None), ("0", ""), ("1", ""), ("0.0", "0"), ("1.0", "1")}


@pytest.mark.parametrize(("training", "grad"), [(False, False), (False, True), (True, False), (True, True)])
def test_the_fast_path_is_noticed_exactly_when_it_is_taken(training: bool, grad: bool) -> None:
    made = zoo.build("transformer")
    made.module.train(training)
    with CallTrace(made.module) as trace, torch.set_grad_enabled(grad):
        made.module(*made.example_inputs())
    taken = not training and not grad
    assert trace.fast_paths == ({"encoder": "aten::_transformer_encoder_layer_fwd"} if taken else {})
    assert bool(trace.of("encoder.linear1")) is not taken
