"""The tape: PyTorch's own graph of one run, with the value, the gradient and the saved tensors of each node.

The graph is read from PyTorch, not drawn from the formula: it starts at the loss's `grad_fn`, follows
`next_functions`, and a hook on every node notes its gradient and its turn in the backward pass. The forward
operations, which that graph does not keep, are laid beside it. All loops are iterative, so a graph may be
as deep as memory allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode

from core.gradients.evaluation import Value, evaluate, numbers
from core.gradients.expression import CONSTANT, VARIABLE, Expression
from core.gradients.operations import OPERATIONS
from core.gradients.problem import Problem, problem

Numbers = tuple[float, ...]


class NodeKind(StrEnum):
    """What a node of the tape is."""

    LEAF = "leaf"
    OPERATION = "operation"


@dataclass(frozen=True)
class Saved:
    """A tensor or number that a node keeps for the backward pass.

    Attributes:
        name: PyTorch's name for it without `_saved_`, such as `self`, `other`, `exponent`, `result`.
        values: its numbers.
        version: how often the tensor had been changed in place when it was read; None for plain numbers.
    """

    name: str
    values: Numbers
    version: int | None


@dataclass(frozen=True)
class TapeNode:
    """One tensor of the run: a leaf or the result of an operation.

    Attributes:
        id: position in `Tape.nodes`; inputs come before outputs.
        kind: leaf or operation.
        label: the variable's name, or the operation as a reader writes it, such as `×`, `( )^2`.
        operation: the operation's name, such as `mul`; empty for a leaf.
        grad_fn: PyTorch's name, such as `MulBackward0` or `AccumulateGrad`; None if no gradient flows here.
        value: the forward value, one number or a batch.
        gradient: the derivative of the loss by this value; None if no gradient reached it.
        saved: what the node keeps for the backward pass.
        turn: its turn in the backward pass, from 0; None if backward did not visit it.
        source: index of the node in the loss's expression, if the tape was recorded from one.
    """

    id: int
    kind: NodeKind
    label: str
    operation: str
    grad_fn: str | None
    value: Numbers
    gradient: Numbers | None
    saved: tuple[Saved, ...]
    turn: int | None
    source: int | None


@dataclass(frozen=True)
class Edge:
    """A value that flows from one node into another; `carries_gradient` if the gradient flows back."""

    source: int
    target: int
    carries_gradient: bool


@dataclass(frozen=True)
class Tape:
    """One run: its nodes in forward order, its edges, and the loss."""

    nodes: tuple[TapeNode, ...]
    edges: tuple[Edge, ...]
    loss: float

    @cached_property
    def backward_order(self) -> tuple[int, ...]:
        """Ids of the nodes in the order in which the backward pass visited them."""
        visited = [node for node in self.nodes if node.turn is not None]
        return tuple(node.id for node in sorted(visited, key=lambda node: node.turn or 0))

    def leaf(self, name: str) -> TapeNode:
        """The leaf called `name`.

        Raises:
            KeyError: if there is none.
        """
        for node in self.nodes:
            if node.kind is NodeKind.LEAF and node.label == name:
                return node
        raise KeyError(name)


@dataclass(frozen=True)
class _Step:
    """A forward operation as it was seen: what it did, on what, and its result."""

    operation: str
    label: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    source: int | None = None


def record(
    loss: str | Expression,
    values: Mapping[str, float | Sequence[float]],
    wrt: Sequence[str],
    dtype: str = "float32",
    reduction: str = "mean",
) -> Tape:
    """Runs the loss once, forward and backward, and returns PyTorch's graph of that run.

    Args: as `core.gradients.problem`.

    Raises:
        ExpressionError, ProblemError: as `core.gradients.problem`.
    """
    return record_problem(problem(loss, values, wrt, dtype, reduction))


def record_problem(given: Problem) -> Tape:
    """`record` for a problem that was already checked."""
    leaves = given.tensors(requires_grad=True)
    expression = given.expression
    results = evaluate(expression, leaves)
    steps: list[_Step] = []
    sources: dict[str, int] = {}
    for index, node in enumerate(expression.nodes):
        if node.op == VARIABLE:
            sources[node.name] = index
            continue
        output = results[index]
        if node.op == CONSTANT or not isinstance(output, Tensor):
            continue
        operands = [results[position] for position in node.inputs]
        tensors = tuple(value for value in operands if isinstance(value, Tensor))
        steps.append(_Step(node.op, write(node.op, operands), tensors, output, index))
    return _tape(leaves, steps, results[-1], sources)


def trace(program: Callable[..., Tensor], leaves: Mapping[str, Tensor]) -> Tape:
    """Runs any program on named leaves, once forward and once backward, and returns its graph.

    Args:
        program: called with the leaves as keyword arguments; returns a loss of shape ().
        leaves: its tensors, by name; the `.grad` of those that require grad receives the gradient.
    """
    with _Recorder() as recorder:
        loss = program(**leaves)
    return _tape(leaves, _ancestors(recorder.steps, loss), loss, {})


def _ancestors(steps: Sequence[_Step], loss: Tensor) -> list[_Step]:
    """The steps that the loss was computed from; a comparison that only chose a branch is not one."""
    needed = {id(loss)}
    kept: list[_Step] = []
    for step in reversed(steps):
        if id(step.output) in needed:
            needed.update(id(value) for value in step.inputs)
            kept.append(step)
    return kept[::-1]


class _Recorder(TorchFunctionMode):
    """Notes every operation that returns a floating-point tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[_Step] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.is_floating_point():
            operands = [value for value in args if isinstance(value, Tensor | int | float)]
            tensors = tuple(value for value in operands if isinstance(value, Tensor))
            name = func.__name__.strip("_")
            if name in _REFLECTED:
                name = name.removeprefix("r")
                operands.reverse()
            name = _SYNONYMS.get(name, name)
            self.steps.append(_Step(name, write(name, operands), tensors, result))
        return result


_REFLECTED = frozenset({"radd", "rsub", "rmul", "rdiv", "rtruediv", "rpow"})
_SYNONYMS = MappingProxyType({"truediv": "div", "minimum": "min", "maximum": "max"})


def write(operation: str, operands: Sequence[Value]) -> str:
    """An operation as a graph shows it: its symbol, with its constants and a blank per tensor."""
    symbol = OPERATIONS[operation].symbol if operation in OPERATIONS else operation
    if all(isinstance(value, Tensor) for value in operands) or len(operands) != 2:
        return symbol
    first, second = ("( )" if isinstance(value, Tensor) else f"{value:.4g}" for value in operands)
    if symbol in {"min", "max"}:
        return f"{symbol}({first}, {second})".replace("( )", "·")
    return (
        f"{first}{symbol}{second}"
        if symbol == "^"
        else f"{first} {symbol} {second}".replace("( )", "").strip()
    )


class _Graph:
    """The grad_fn graph below a loss, inputs before outputs, with what a backward pass shows of it."""

    def __init__(self, loss: Tensor) -> None:
        self.nodes: list[Node] = []
        self.gradients: dict[int, Numbers | None] = {}
        self.turns: dict[int, int] = {}
        self.position: dict[Node | None, int] = {}
        root = loss.grad_fn
        if root is None:
            return
        # Depth first with a stack of our own: a node is finished after everything it reads from.
        seen: set[Node] = set()
        pending: list[tuple[Node, bool]] = [(root, False)]
        while pending:
            node, inputs_done = pending.pop()
            if inputs_done:
                self.nodes.append(node)
            elif node not in seen:
                seen.add(node)
                pending.append((node, True))
                pending.extend(
                    (child, False) for child, _ in reversed(node.next_functions) if child is not None
                )
        self.position = {node: index for index, node in enumerate(self.nodes)}

    def backward(self, loss: Tensor) -> None:
        """Runs the backward pass and notes every node's gradient and turn; no hook stays behind."""
        handles = [node.register_prehook(self._note(index)) for index, node in enumerate(self.nodes)]
        try:
            torch.autograd.backward(loss)
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, index: int) -> Callable[[tuple[Tensor | None, ...]], None]:
        gradients, turns = self.gradients, self.turns

        def note(incoming: tuple[Tensor | None, ...]) -> None:
            turns[index] = len(turns)
            gradients[index] = None if incoming[0] is None else numbers(incoming[0])

        return note


def _tape(
    leaves: Mapping[str, Tensor], steps: Sequence[_Step], result: Value, sources: Mapping[str, int]
) -> Tape:
    if not isinstance(result, Tensor):
        return Tape((), (), float(result))
    graph = _Graph(result)
    saved = [_saved(node) for node in graph.nodes]
    if graph.nodes:
        graph.backward(result)
    builder = _TapeBuilder(graph, saved)
    for name, leaf in leaves.items():
        builder.leaf(name, leaf, sources.get(name))
    for step in steps:
        builder.operation(step)
    return Tape(tuple(builder.nodes), tuple(builder.edges), float(result.detach()))


class _TapeBuilder:
    """Lays forward operations beside the nodes of the grad_fn graph."""

    def __init__(self, graph: _Graph, saved: Sequence[tuple[Saved, ...]]) -> None:
        self.nodes: list[TapeNode] = []
        self.edges: list[Edge] = []
        self._graph = graph
        self._saved = saved
        self._accumulators = {
            id(node.variable): index for index, node in enumerate(graph.nodes) if hasattr(node, "variable")
        }
        self._positions = graph.position
        self._known: dict[int, int] = {}
        self._made: dict[int, int] = {}

    def leaf(self, name: str, leaf: Tensor, source: int | None) -> None:
        self._add(leaf, NodeKind.LEAF, name, "", self._accumulators.get(id(leaf)), source)

    def operation(self, step: _Step) -> None:
        if id(step.output) in self._known:
            return
        backward = self._positions.get(step.output.grad_fn)
        if backward is not None:
            self._add_hidden(backward)
        target = self._add(step.output, NodeKind.OPERATION, step.label, step.operation, backward, step.source)
        sources = {self._known[id(value)] for value in step.inputs if id(value) in self._known}
        for source in sorted(sources):
            if backward is None or self.nodes[source].turn is None:
                self.edges.append(Edge(source, target, carries_gradient=False))

    def _add_hidden(self, backward: int) -> None:
        """Nodes that PyTorch put between an operation and its inputs, such as the reciprocal of `1/x`."""
        for child, _ in self._graph.nodes[backward].next_functions:
            position = self._positions.get(child)
            if child is None or position is None or position in self._made or hasattr(child, "variable"):
                continue
            name = child.name().removesuffix("0").removesuffix("Backward").lower()
            values = next((item.values for item in self._saved[position] if item.name == "result"), ())
            self._append(NodeKind.OPERATION, name, name, position, values, None)

    def _add(
        self,
        tensor: Tensor,
        kind: NodeKind,
        label: str,
        operation: str,
        backward: int | None,
        source: int | None,
    ) -> int:
        self._known[id(tensor)] = self._append(kind, label, operation, backward, numbers(tensor), source)
        return self._known[id(tensor)]

    def _append(
        self,
        kind: NodeKind,
        label: str,
        operation: str,
        backward: int | None,
        value: Numbers,
        source: int | None,
    ) -> int:
        node = TapeNode(
            id=len(self.nodes),
            kind=kind,
            label=label,
            operation=operation,
            grad_fn=None if backward is None else self._graph.nodes[backward].name().rsplit("::", 1)[-1],
            value=value,
            gradient=None if backward is None else self._graph.gradients.get(backward),
            saved=() if backward is None else self._saved[backward],
            turn=None if backward is None else self._graph.turns.get(backward),
            source=source,
        )
        self.nodes.append(node)
        if backward is not None:
            self._made[backward] = node.id
            children = {self._positions.get(child) for child, _ in self._graph.nodes[backward].next_functions}
            for made in sorted(self._made[child] for child in children if child in self._made):
                self.edges.append(Edge(made, node.id, carries_gradient=True))
        return node.id


def _saved(node: Node) -> tuple[Saved, ...]:
    found: list[Saved] = []
    for attribute in _saved_attributes(type(node)):
        value = getattr(node, attribute)
        name = attribute.removeprefix("_saved_")
        if isinstance(value, Tensor) and value.is_floating_point():
            found.append(Saved(name, numbers(value), value._version))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(Saved(name, (float(value),), None))
    return tuple(found)


@lru_cache(maxsize=256)
def _saved_attributes(kind: type) -> tuple[str, ...]:
    return tuple(name for name in dir(kind) if name.startswith("_saved_"))
