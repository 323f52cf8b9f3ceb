"""How much memory a model asks for before it has seen any input, estimated by arithmetic on its shapes.

An 83-byte file can declare 14 GB, which the checker passes and a runtime allocates. This follows shapes and
small constants through the graph as far as the graph alone says them; what depends on inputs counts as one
element. So it is a lower bound: it refuses no model for what it might do, and the limits of the process that
runs it catch the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

import onnx

from core.export.finding import mebibytes
from core.export.graph import DEFAULT_DOMAIN
from core.export.shapes import UNKNOWN, Size, bits_of, compute, of_input, of_shape, of_tensor

MAX_DECLARED_BYTES: Final = 256 * 2**20
"""How much memory the constants of a model may declare together, and any one of its values."""
MAX_TRIPS: Final = 1_000_000
"""How often a loop whose count is constant may run its body; for loops in loops, the product."""
MAX_FRAMES: Final = 64
"""How deep subgraphs and calls of local functions may lie in one another."""

_MAKERS: Final = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})
"""What makes large values of small ones: they count as constants whatever they get."""

Key: TypeAlias = tuple[str, str, str]
"""What a local function is called by: domain, name and overload."""


class BoundError(ValueError):
    """A model that asks for more than the bounds allow. The text is one line for a visitor.

    Attributes:
        advice: what to do.
        where: the node or value.
    """

    def __init__(self, what: str, advice: str, where: str = "") -> None:
        super().__init__(what)
        self.advice = advice
        self.where = where


@dataclass
class _Frame:
    """The values that a graph or a function's body sees, and what its attributes stand for."""

    values: dict[str, Size] = field(default_factory=dict)
    attributes: Mapping[str, onnx.AttributeProto] = field(default_factory=dict)
    outer: _Frame | None = None
    depth: int = 0
    trips: int = 1

    def __getitem__(self, name: str) -> Size:
        frame: _Frame | None = self
        while frame is not None:
            if name in frame.values:
                return frame.values[name]
            frame = frame.outer
        return UNKNOWN

    def attribute(self, node: onnx.NodeProto, name: str) -> onnx.AttributeProto | None:
        """A node's attribute; where a function's body refers to one of the call, that one."""
        for each in node.attribute:
            if each.name == name:
                return self.attributes.get(each.ref_attr_name) if each.ref_attr_name else each
        return None


def key_of(node: onnx.NodeProto) -> Key:
    """What a node would call a local function by."""
    return (node.domain or DEFAULT_DOMAIN, node.op_type, node.overload)


def graphs_of(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The subgraphs in a node's attributes, without those in them."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def check_sizes(model: onnx.ModelProto, functions: Mapping[Key, onnx.FunctionProto]) -> None:
    """Follows the shapes through a model.

    Args:
        model: its tensors hold what they declare, and its calls expand to a bounded number of nodes.
        functions: its local functions.

    Raises:
        BoundError: if it declares too much memory, or a loop that runs too long or never ends.
    """
    _Walk(functions).graph(model.graph, _Frame(), None)


class _Walk:
    """One pass over a model, each call of a local function expanded."""

    def __init__(self, functions: Mapping[Key, onnx.FunctionProto]) -> None:
        self._functions = functions
        self._declared = 0

    def graph(self, graph: onnx.GraphProto, frame: _Frame, arguments: Sequence[Size] | None) -> list[Size]:
        """The outputs of a graph.

        Args:
            graph: the main one or a subgraph.
            frame: an empty one of its own.
            arguments: for its inputs; None to take what they declare.
        """
        for index, info in enumerate(graph.input):
            given = arguments[index] if arguments is not None and index < len(arguments) else of_input(info)
            self._keep(frame, info.name, given, "An input")
        for tensor in graph.initializer:
            self._keep(frame, tensor.name, of_tensor(tensor), "An initializer", adds=True)
        for sparse in graph.sparse_initializer:
            size = replace(of_shape(sparse.dims, bits_of(sparse.values.data_type)), fixed=True)
            self._keep(frame, sparse.values.name, size, "A sparse initializer", adds=True)
        self._nodes(graph.node, frame)
        return [frame[info.name] for info in graph.output]

    def _nodes(self, nodes: Iterable[onnx.NodeProto], frame: _Frame) -> None:
        if frame.depth > MAX_FRAMES:
            raise BoundError(
                f"Its subgraphs and functions lie in one another more than {MAX_FRAMES} levels deep.",
                "Flatten them: no exporter nests them like that.",
            )
        for node in nodes:
            inputs = [frame[name] if name else UNKNOWN for name in node.input]
            function = self._functions.get(key_of(node))
            adds = False
            if function is not None:
                results = self._call(function, node, inputs, frame)
            elif any(True for _ in graphs_of(node)):
                results = self._control(node, inputs, frame)
            else:
                results = [compute(node, inputs, partial(frame.attribute, node))]
                adds = results[0].fixed or node.op_type in _MAKERS
            for index, name in enumerate(node.output):
                if name:
                    result = results[index] if index < len(results) else UNKNOWN
                    self._keep(frame, name, result, node.op_type, adds=adds)

    def _call(
        self, function: onnx.FunctionProto, node: onnx.NodeProto, inputs: list[Size], frame: _Frame
    ) -> list[Size]:
        attributes = {each.name: each for each in function.attribute_proto}
        for each in node.attribute:
            meant = frame.attributes.get(each.ref_attr_name) if each.ref_attr_name else each
            if meant is not None:
                attributes[each.name] = meant
        values = dict(zip(function.input, inputs, strict=False))
        inner = _Frame(values, attributes, None, frame.depth + 1, frame.trips)
        self._nodes(function.node, inner)
        return [inner[name] for name in function.output]

    def _control(self, node: onnx.NodeProto, inputs: list[Size], frame: _Frame) -> list[Size]:
        graphs = list(graphs_of(node))
        if node.op_type == "Loop" and len(graphs) == 1:
            return self._loop(node, graphs[0], inputs, frame)
        inner = [_Frame({}, frame.attributes, frame, frame.depth + 1, frame.trips) for _ in graphs]
        found = [self.graph(graph, own, None) for graph, own in zip(graphs, inner, strict=True)]
        if node.op_type != "If":
            return []
        return [
            max((each[index] for each in found if index < len(each)), key=lambda size: size.count)
            for index in range(max(len(each) for each in found))
        ]

    def _loop(
        self, node: onnx.NodeProto, body: onnx.GraphProto, inputs: list[Size], frame: _Frame
    ) -> list[Size]:
        limit = inputs[0].numbers if inputs and node.input[0] else None
        trips = max(0, int(limit[0])) if limit else None
        together = frame.trips * max(1, trips or 1)
        start = inputs[1] if len(inputs) > 1 and node.input[1] else Size(numbers=(1,))
        carried = max(0, len(body.input) - 2)
        inner = _Frame({}, frame.attributes, frame, frame.depth + 1)
        inner.trips = together if together <= MAX_TRIPS else frame.trips
        results = self.graph(body, inner, [Size((), bits=64), start, *([UNKNOWN] * carried)])
        # A condition that came in true and is a true constant at the end of the body is true for ever.
        if results and start.is_true and results[0].is_true:
            where = node.name or next(iter(node.output), "")
            if not (node.input and node.input[0]):
                what = "A Loop never ends: it has no trip count and its condition is always true."
                raise BoundError(what, "Give it a trip count.", where)
            if together > MAX_TRIPS:
                times = f"{min(together, 10**20):,} times, loops around it included"
                what = f"A Loop runs its body {times}; at most {MAX_TRIPS:,} may be."
                raise BoundError(what, "Give it a smaller trip count.", where)
        stacked = [Size(None, each.count * (trips or 1), each.bits) for each in results[1 + carried :]]
        return [UNKNOWN] * carried + stacked

    def _keep(self, frame: _Frame, name: str, size: Size, what: str, *, adds: bool = False) -> None:
        frame.values[name] = size
        if adds:
            self._declared += size.bytes
        if size.bytes > MAX_DECLARED_BYTES:
            raise BoundError(
                f"{what} asks for {mebibytes(size.bytes)}; at most {mebibytes(MAX_DECLARED_BYTES)} may.",
                "Use smaller shapes.",
                name,
            )
        if self._declared > MAX_DECLARED_BYTES:
            raise BoundError(
                f"Its constants ask for more than {mebibytes(MAX_DECLARED_BYTES)} together.",
                "Use smaller constants.",
                name,
            )
