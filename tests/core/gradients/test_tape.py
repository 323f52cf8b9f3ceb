"""The tape, against hooks and retained gradients of plain PyTorch programs."""

import gc
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from core.gradients.expression import Builder
from core.gradients.operations import dtype_of
from core.gradients.tape import NodeKind, Tape, TapeNode, record, trace
from tests.core.gradients.strategies import DTYPES, Point, Tree, smooth_problems, text

LOSS = "(w*x + b - y)**2"
VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


def named(tape: Tape, operation: str) -> TapeNode:
    (found,) = [node for node in tape.nodes if node.operation == operation]
    return found


def check_soundness(tape: Tape) -> None:
    assert [node.id for node in tape.nodes] == list(range(len(tape.nodes)))
    for edge in tape.edges:
        assert 0 <= edge.source < edge.target < len(tape.nodes)
        if edge.carries_gradient:
            assert tape.nodes[edge.source].grad_fn is not None
            assert tape.nodes[edge.target].grad_fn is not None
    assert len({(edge.source, edge.target) for edge in tape.edges}) == len(tape.edges)
    turns = [tape.nodes[index].turn for index in tape.backward_order]
    assert turns == sorted(set(turns), key=lambda turn: turn or 0)
    for edge in tape.edges:
        early, late = tape.nodes[edge.target].turn, tape.nodes[edge.source].turn
        if edge.carries_gradient and early is not None and late is not None:
            assert early < late


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_worked_example_is_pytorchs_graph_with_retained_gradients(dtype: str) -> None:
    tape = record(LOSS, VALUES, ["w", "b"], dtype)
    w, x, b, y = (
        torch.tensor(VALUES[name], dtype=dtype_of(dtype), requires_grad=name in "wb") for name in "wxby"
    )
    product = w * x
    shifted = product + b
    error = shifted - y
    loss = error**2
    for tensor in (product, shifted, error, loss):
        tensor.retain_grad()
    torch.autograd.backward(loss)
    check_soundness(tape)
    assert tape.loss == float(loss.detach())
    for operation, tensor in (("mul", product), ("add", shifted), ("sub", error), ("pow", loss)):
        node = named(tape, operation)
        assert tensor.grad_fn is not None
        assert tensor.grad is not None
        assert node.grad_fn == tensor.grad_fn.name()
        assert node.value == (float(tensor.detach()),)
        assert node.gradient == (float(tensor.grad),)
    for name, leaf in (("w", w), ("b", b)):
        assert leaf.grad is not None
        assert tape.leaf(name).gradient == (float(leaf.grad),)
        assert tape.leaf(name).grad_fn == "AccumulateGrad"
        assert tape.leaf(name).kind is NodeKind.LEAF
    for name in ("x", "y"):
        leaf_without = tape.leaf(name)
        assert (leaf_without.grad_fn, leaf_without.gradient, leaf_without.turn) == (None, None, None)
    with pytest.raises(KeyError):
        tape.leaf("z")


def test_edges_say_where_the_gradient_flows() -> None:
    tape = record(LOSS, VALUES, ["w", "b"], "float64")
    place = {node.label if node.kind is NodeKind.LEAF else node.operation: node.id for node in tape.nodes}
    found = {(edge.source, edge.target): edge.carries_gradient for edge in tape.edges}
    expected = {
        ("w", "mul"): True,
        ("x", "mul"): False,
        ("mul", "add"): True,
        ("b", "add"): True,
        ("add", "sub"): True,
        ("y", "sub"): False,
        ("sub", "pow"): True,
    }
    assert found == {(place[source], place[target]): flows for (source, target), flows in expected.items()}


def test_saved_tensors_are_pytorchs_own_with_their_versions() -> None:
    tape = record("tanh(w*x)**3 / y", {"w": 0.5, "x": 2.0, "y": 4.0}, ["w", "x", "y"], "float64")
    saved = {
        node.operation: {item.name: item for item in node.saved} for node in tape.nodes if node.operation
    }
    assert saved["mul"]["self"].values == (0.5,)
    assert saved["mul"]["other"].values == (2.0,)
    assert saved["tanh"]["result"].values == (math.tanh(1.0),)
    assert saved["pow"]["exponent"].values == (3.0,)
    assert saved["pow"]["exponent"].version is None
    assert saved["pow"]["self"].values == (math.tanh(1.0),)
    assert saved["div"]["other"].values == (4.0,)
    assert {item.version for items in saved.values() for item in items.values()} <= {0, None}


def test_a_tensor_changed_in_place_shows_its_version() -> None:
    def program(w: Tensor) -> Tensor:
        product = w * 1.0
        product.mul_(2.0)
        return product * product

    tape = trace(program, {"w": torch.tensor(3.0, requires_grad=True)})
    last = tape.nodes[-1]
    assert {item.version for item in last.saved} == {1}
    assert tape.leaf("w").gradient == (24.0,)


def order_by_hooks(loss: Tensor) -> list[str]:
    """The names of the nodes in the order in which a plain backward pass visits them."""
    order: list[str] = []
    pending: list[Any] = [loss.grad_fn]
    seen: set[Any] = set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)

        def note(*_: object, name: str = node.name()) -> None:
            order.append(name.rsplit("::", 1)[-1])

        node.register_prehook(note)
        pending.extend(child for child, _ in node.next_functions)
    torch.autograd.backward(loss)
    return order


PROGRAMS: list[tuple[str, Callable[..., Tensor]]] = [
    (LOSS, lambda w, x, b, y: (w * x + b - y) ** 2),
    ("tanh(w*x) + exp(b)*y", lambda w, x, b, y: torch.tanh(w * x) + torch.exp(b) * y),
    ("(w*w + b)*(x - w)/y", lambda w, x, b, y: (w * w + b) * (x - w) / y),
    ("max(w, x)*min(b, y)", lambda w, x, b, y: torch.maximum(w, x) * torch.minimum(b, y)),
]


@pytest.mark.parametrize(("formula", "program"), PROGRAMS)
def test_turns_are_the_order_in_which_backward_went(formula: str, program: Callable[..., Tensor]) -> None:
    tape = record(formula, VALUES, list("wxby"), "float64")
    order = [node.label for node in tape.nodes if node.kind is NodeKind.LEAF]
    leaves = {name: torch.tensor(VALUES[name], dtype=torch.float64, requires_grad=True) for name in order}
    check_soundness(tape)
    assert [tape.nodes[index].grad_fn for index in tape.backward_order] == order_by_hooks(program(**leaves))
    traced = trace(program, {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()})
    check_soundness(traced)
    assert [(node.grad_fn, node.value, node.gradient, node.turn) for node in traced.nodes] == [
        (node.grad_fn, node.value, node.gradient, node.turn) for node in tape.nodes
    ]


@settings(max_examples=60, deadline=None)
@given(smooth_problems())
def test_the_tape_of_any_formula_is_sound_and_tells_autograds_gradients(case: tuple[Tree, Point]) -> None:
    tree, point = case
    tape = record(text(tree), point, sorted(point), "float64")
    check_soundness(tape)
    visited = [node for node in tape.nodes if node.turn is not None]
    assert sorted(node.turn or 0 for node in visited) == list(range(len(visited)))
    reached = {edge.source for edge in tape.edges if edge.carries_gradient}
    assert all(node.id in reached or node is visited[-1] for node in visited), (
        "every node but the loss is read"
    )


def test_a_variable_used_twice_is_one_leaf_that_gets_the_sum() -> None:
    tape = record("w*w + w", {"w": 3.0}, ["w"], "float64")
    assert [node.label for node in tape.nodes] == ["w", "×", "+"]
    assert tape.leaf("w").gradient == (7.0,)
    assert {(edge.source, edge.target) for edge in tape.edges} == {(0, 1), (0, 2), (1, 2)}


def test_nodes_say_which_part_of_the_formula_they_are() -> None:
    tape = record("2*w + 1/x", {"w": 3.0, "x": 2.0}, ["w", "x"], "float64")
    for node in tape.nodes:
        assert node.source is not None
    assert {node.label for node in tape.nodes} == {"w", "x", "2 ×", "1 ÷", "+"}


def test_the_reciprocal_that_pytorch_hides_in_one_over_x_is_shown_and_connected() -> None:
    tape = trace(lambda x: 1 / x * 3, {"x": torch.tensor(2.0, dtype=torch.float64, requires_grad=True)})
    check_soundness(tape)
    hidden = named(tape, "reciprocal")
    assert hidden.grad_fn == "ReciprocalBackward0"
    assert hidden.value == (0.5,)
    connected = {edge.source for edge in tape.edges} | {edge.target for edge in tape.edges}
    assert connected == {node.id for node in tape.nodes}
    assert tape.leaf("x").gradient == (-0.75,)


def test_a_batch_has_its_numbers_at_every_node() -> None:
    tape = record(LOSS, VALUES | {"x": [1.0, 2.0], "y": [0.0, 1.0]}, ["w"], "float64", "mean")
    assert named(tape, "mul").value == (0.5, 1.0)
    assert named(tape, "mean").gradient == (1.0,)
    assert named(tape, "mean").label == "mean"
    assert len(named(tape, "pow").gradient or ()) == 2


def test_a_loss_that_ignores_its_leaf_reaches_nothing() -> None:
    tape = record("w*0 + x", {"w": 1.0, "x": 2.0}, ["w"], "float64")
    assert tape.leaf("w").gradient == (0.0,)
    traced = trace(lambda w: w.detach() * 2, {"w": torch.tensor(1.0, requires_grad=True)})
    assert traced.backward_order == ()
    assert traced.leaf("w").gradient is None
    assert traced.loss == 2.0


def test_constants_alone_make_no_node() -> None:
    tape = record("w*(2 + 3)", {"w": 1.0}, ["w"], "float64")
    assert [(node.label, node.value) for node in tape.nodes] == [("w", (1.0,)), ("× 5", (5.0,))]


def repeated_square(x: Tensor, turns: int) -> Tensor:
    for _ in range(turns):
        x = x * x
    return x


def recursive_power(x: Tensor, depth: int) -> Tensor:
    return x if depth == 0 else x * recursive_power(x, depth - 1)


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_a_loop_makes_as_many_nodes_as_it_has_turns(turns: int) -> None:
    x = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    tape = trace(lambda x: repeated_square(x, turns), {"x": x})
    check_soundness(tape)
    assert [node.operation for node in tape.nodes] == ["", *["mul"] * turns]
    power = 2**turns
    assert tape.leaf("x").gradient == pytest.approx((power * 1.1 ** (power - 1),))
    assert x.grad is not None
    assert tape.leaf("x").gradient == (float(x.grad),)


def test_a_recursion_is_as_deep_as_it_was_called() -> None:
    tape = trace(lambda x: recursive_power(x, 4), {"x": torch.tensor(2.0, requires_grad=True)})
    check_soundness(tape)
    assert [node.operation for node in tape.nodes] == ["", *["mul"] * 4]
    assert (tape.loss, tape.leaf("x").gradient) == (32.0, (80.0,))


@pytest.mark.parametrize(("value", "taken"), [(2.0, "exp"), (-2.0, "neg")])
def test_a_branch_leaves_only_what_was_taken(value: float, taken: str) -> None:
    def program(x: Tensor) -> Tensor:
        return torch.exp(x) if x > 0 else -x

    tape = trace(program, {"x": torch.tensor(value, requires_grad=True)})
    assert [node.operation for node in tape.nodes] == ["", taken]


def test_ten_thousand_operations_need_no_recursion() -> None:
    builder = Builder()
    node = builder.variable("w")
    for _ in range(10_000):
        node = builder.apply("mul", node, builder.variable("x"))
    tape = record(builder.build(node), {"w": 1.0, "x": 1.0}, ["w", "x"], "float64")
    assert len(tape.nodes) == 10_002
    assert tape.leaf("x").gradient == (10_000.0,)
    assert len(tape.backward_order) == 10_002
    traced = trace(
        lambda x: _sum_of_many(x, 10_000), {"x": torch.tensor(1.0, dtype=torch.float64, requires_grad=True)}
    )
    assert traced.leaf("x").gradient == (10_001.0,)


def _sum_of_many(x: Tensor, turns: int) -> Tensor:
    total = x
    for _ in range(turns):
        total = total + x
    return total


def test_200_runs_leave_no_tensor_behind() -> None:
    def alive() -> int:
        gc.collect()
        return sum(1 for item in gc.get_objects() if issubclass(type(item), Tensor))

    tapes = [record(LOSS, VALUES, ["w", "b"])]
    before = alive()
    for _ in range(200):
        tapes.append(record(LOSS, VALUES, ["w", "b"]))
        trace(lambda w: torch.exp(w * w), {"w": torch.tensor(1.0, requires_grad=True)})
    assert alive() == before


def test_nothing_of_pytorchs_state_is_changed() -> None:
    before = (torch.is_grad_enabled(), torch.get_default_dtype())
    generator = torch.get_rng_state()
    record(LOSS, VALUES, ["w"], "float16")
    with pytest.raises(ZeroDivisionError):
        trace(lambda w: w * (1 / 0), {"w": torch.tensor(1.0, requires_grad=True)})
    assert (torch.is_grad_enabled(), torch.get_default_dtype()) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert not torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
