"""Folding a deep graph: its two ends and what is asked for stay; every run between becomes one node."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from core.gradients.tape import Edge, NodeKind, Tape, TapeNode


@dataclass(frozen=True)
class Fold:
    """A run of nodes drawn as one.

    Attributes:
        id: the first member's id, which no shown node has.
        members: ids of the nodes that it holds, in forward order.
        noun: what they are: `operations`, `inputs` or `nodes`.
        summary: what it holds, the commonest first: `12 ×, 12 +, 13 tanh`.
    """

    id: int
    members: tuple[int, ...]
    noun: str
    summary: str

    @property
    def label(self) -> str:
        """Such as `… 37 more operations`."""
        return f"… {len(self.members)} more {self.noun}"


@dataclass(frozen=True)
class Folded:
    """A tape as it is drawn: nodes and folds in forward order, and the edges between them."""

    tape: Tape
    nodes: tuple[TapeNode | Fold, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def hidden(self) -> int:
        """How many nodes are inside folds."""
        return sum(len(node.members) for node in self.nodes if isinstance(node, Fold))

    def shown(self, node: int) -> int:
        """The id of what stands for a node: its own, or its fold's."""
        for fold in self.nodes:
            if isinstance(fold, Fold) and node in fold.members:
                return fold.id
        return node


def loss_id(tape: Tape) -> int | None:
    """The id of the loss: where backward starts, or the last node if it does not. None for an empty tape."""
    for node in reversed(tape.nodes):
        if node.turn == 0:
            return node.id
    return tape.nodes[-1].id if tape.nodes else None


def fold(tape: Tape, limit: int = 24, keep: Collection[int] = ()) -> Folded:
    """Folds a tape so that at most `limit` nodes and folds are drawn.

    Args:
        tape: the run.
        limit: at least 8. What must stay (`keep`, the loss) stays even where that takes more.
        keep: ids to show, such as the stepper's node.
    """
    if len(tape.nodes) <= limit:
        return Folded(tape, tape.nodes, tape.edges)
    kept = _kept(tape, max(limit, 8), keep)
    nodes: list[TapeNode | Fold] = []
    run: list[TapeNode] = []
    for node in tape.nodes:
        # A run never spans inputs and operations, nor a node that stays: nodes are in forward order, so
        # that a run of neighbors can become one node and no cycle comes of it.
        if run and (node.id in kept or node.kind is not run[0].kind):
            nodes.append(_fold(run))
            run = []
        if node.id in kept:
            nodes.append(node)
        else:
            run.append(node)
    if run:
        nodes.append(_fold(run))
    return Folded(tape, tuple(nodes), _edges(tape, nodes))


def _kept(tape: Tape, limit: int, keep: Collection[int]) -> set[int]:
    leaves = [node.id for node in tape.nodes if node.kind is NodeKind.LEAF]
    operations = [node.id for node in tape.nodes if node.kind is not NodeKind.LEAF]
    kept = {node.id for node in tape.nodes if node.id in keep}
    loss = loss_id(tape)
    if loss is not None:
        kept.add(loss)
    room = limit // 2
    kept.update(leaves if len(leaves) <= room else leaves[: room - 1])
    # Every node that stays in the middle may split a run in two: count a fold for each, and one more.
    middle = sum(node in kept for node in operations)
    folds = middle + (len(leaves) > room) + 1
    rest = max(limit - len(kept) - folds, 0)
    head = (rest + 1) // 2
    kept.update(operations[:head])
    kept.update(operations[len(operations) - (rest - head) :])
    return kept


def _fold(run: list[TapeNode]) -> TapeNode | Fold:
    if len(run) == 1:
        return run[0]
    noun = "inputs" if run[0].kind is NodeKind.LEAF else "operations"
    counted = Counter(node.label for node in run).most_common()
    parts = [f"{count} {label}" for label, count in counted[:6]]
    summary = ", ".join([*parts, "…"] if len(counted) > 6 else parts)
    return Fold(run[0].id, tuple(node.id for node in run), noun, summary)


def _edges(tape: Tape, nodes: list[TapeNode | Fold]) -> tuple[Edge, ...]:
    """The tape's edges between what is drawn: one per pair, which carries a gradient if any of it does."""
    stands_for: dict[int, int] = {}
    for node in nodes:
        members = node.members if isinstance(node, Fold) else (node.id,)
        stands_for.update(dict.fromkeys(members, node.id))
    carries: dict[tuple[int, int], bool] = {}
    for edge in tape.edges:
        ends = stands_for[edge.source], stands_for[edge.target]
        if ends[0] != ends[1]:
            carries[ends] = carries.get(ends, False) or edge.carries_gradient
    return tuple(Edge(source, target, flows) for (source, target), flows in carries.items())
