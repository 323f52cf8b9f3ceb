"""Folding a deep graph: nothing is lost, what matters stays, and no cycle comes of it."""

from functools import cache, reduce
from operator import mul

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.gradients.tape import NodeKind, Tape, record, trace
from ui.folding import Fold, Folded, fold, loss_id
from ui.layout import place


@cache
def chain(depth: int) -> Tape:
    loss = "x"
    for turn in range(depth):
        loss = f"sin({loss})" if turn % 2 else f"({loss})*w"
    return record(loss, {"w": 1.0, "x": 1.0}, ["w"])


@cache
def many_inputs(count: int) -> Tape:
    leaves = {f"x{index}": torch.tensor(1.0, requires_grad=True) for index in range(count)}
    return trace(lambda **given: reduce(mul, given.values()) * 1, leaves)


def members(folded: Folded) -> list[int]:
    found: list[int] = []
    for node in folded.nodes:
        found += node.members if isinstance(node, Fold) else [node.id]
    return found


def test_a_small_graph_stays_as_it_is() -> None:
    tape = chain(20)
    folded = fold(tape)
    assert folded.nodes == tape.nodes
    assert folded.edges == tape.edges
    assert folded.hidden == 0


def test_a_chain_keeps_its_beginning_and_its_end() -> None:
    tape = chain(60)
    folded = fold(tape, limit=24)
    (hidden,) = (node for node in folded.nodes if isinstance(node, Fold))
    assert len(folded.nodes) <= 24
    assert hidden.label == f"… {len(hidden.members)} more operations"
    assert folded.hidden == len(hidden.members) == len(tape.nodes) - len(folded.nodes) + 1
    assert hidden.summary == "21 ×, 20 sin"
    assert [node.id for node in folded.nodes[:6]] == list(range(6))
    assert folded.nodes[-1] is tape.nodes[-1]


@given(st.integers(1, 60), st.integers(8, 40), st.sets(st.integers(0, 65), max_size=4), st.booleans())
def test_promises(depth: int, limit: int, keep: set[int], wide: bool) -> None:
    tape = many_inputs(depth) if wide else chain(depth)
    folded = fold(tape, limit=limit, keep=keep)
    ids = [node.id for node in folded.nodes]
    assert members(folded) == [node.id for node in tape.nodes]
    shown = {node.id for node in folded.nodes if not isinstance(node, Fold)}
    assert {node.id for node in tape.nodes} & keep <= shown
    assert loss_id(tape) in shown
    assert len(folded.nodes) <= max(limit, 8) + 2 * len(keep)
    assert len(tape.nodes) > limit or not folded.hidden
    position = {node: index for index, node in enumerate(ids)}
    assert all(position[edge.source] < position[edge.target] for edge in folded.edges)
    assert len({(edge.source, edge.target) for edge in folded.edges}) == len(folded.edges)
    place(ids, [(edge.source, edge.target) for edge in folded.edges])


def test_inputs_and_operations_are_folded_apart() -> None:
    nouns = [node.noun for node in fold(many_inputs(40), limit=12).nodes if isinstance(node, Fold)]
    assert nouns == ["inputs", "operations"]


def test_a_fold_carries_a_gradient_if_one_of_its_edges_does() -> None:
    folded = fold(chain(60))
    (hidden,) = (node for node in folded.nodes if isinstance(node, Fold))
    assert all(edge.carries_gradient for edge in folded.edges if hidden.id in (edge.source, edge.target))


def test_what_stands_for_a_node() -> None:
    folded = fold(chain(60))
    (hidden,) = (node for node in folded.nodes if isinstance(node, Fold))
    assert folded.shown(hidden.members[5]) == hidden.id
    assert folded.shown(0) == 0


@pytest.mark.parametrize("wrt", [["w"], ["w", "x"]])
def test_the_loss_is_where_backward_starts(wrt: list[str]) -> None:
    tape = record("(w*x)**2", {"w": 1.0, "x": 1.0}, wrt)
    assert loss_id(tape) == tape.nodes[-1].id
    assert tape.nodes[-1].kind is NodeKind.OPERATION


def test_an_empty_tape_has_no_loss() -> None:
    assert loss_id(Tape((), (), 1.0)) is None
    assert fold(Tape((), (), 1.0)).nodes == ()
