"""How far a model's local functions expand, counted without expanding them.

A function that calls another twice, 40 levels deep, is a small file and 2^40 nodes once a runtime puts the
bodies in place of the calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import onnx

from core.export.finding import mebibytes
from core.export.graph import DEFAULT_DOMAIN
from core.export.sizes import MAX_DECLARED_BYTES, BoundError, Key, graphs_of, key_of

MAX_NODES: Final = 20_000
"""How many nodes a model may have, subgraphs and expanded functions included."""
MAX_ITEMS: Final = 1_000_000
"""How many inputs, outputs and attributes those nodes may have in all."""
MAX_DEPTH: Final = 32
"""How deep subgraphs may lie in one another, and calls of local functions."""


@dataclass(frozen=True)
class _Weight:
    """What a body becomes when every call in it is expanded."""

    nodes: int
    items: int
    bytes: int
    depth: int


def functions_of(model: onnx.ModelProto) -> dict[Key, onnx.FunctionProto]:
    """A model's local functions by what they are called by.

    Raises:
        BoundError: if two have the same name: which of them is meant is not clear.
    """
    found: dict[Key, onnx.FunctionProto] = {}
    for function in model.functions:
        key = (function.domain or DEFAULT_DOMAIN, function.name, function.overload)
        if key in found:
            raise BoundError("Two local functions have the same name.", "Rename one of them.", function.name)
        found[key] = function
    return found


def check_expansion(model: onnx.ModelProto, functions: Mapping[Key, onnx.FunctionProto]) -> None:
    """Counts the nodes that a model has once its functions are expanded.

    Raises:
        BoundError: if they are too many or too deep, if a function calls itself, or if a subgraph is handed
            to one, which could copy it as often as it likes.
    """
    expansion = _Expansion(functions, {})
    for key, function in functions.items():
        if any(attribute.HasField("g") or attribute.graphs for attribute in function.attribute_proto):
            raise _handed(function.name)
        expansion.function(key, ())
    expansion.weigh(model.graph.node, ())


@dataclass(frozen=True)
class _Expansion:
    functions: Mapping[Key, onnx.FunctionProto]
    known: dict[Key, _Weight]

    def weigh(self, nodes: Iterable[onnx.NodeProto], callers: tuple[Key, ...]) -> _Weight:
        calls: Counter[Key] = Counter()
        own = items = size = 0
        waiting = [nodes]
        while waiting:
            for node in waiting.pop():
                own += 1
                items += len(node.input) + len(node.output) + len(node.attribute)
                size += _constant_bytes(node)
                key = key_of(node)
                for graph in graphs_of(node):
                    if key in self.functions:
                        raise _handed(node.name or node.op_type)
                    items += len(graph.input) + len(graph.output) + len(graph.sparse_initializer)
                    items += len(graph.initializer)
                    size += sum(tensor.ByteSize() for tensor in graph.initializer)
                    waiting.append(graph.node)
                if key in self.functions:
                    calls[key] += 1
        depth = 0
        for key, times in calls.items():
            inner = self.function(key, callers)
            own += times * inner.nodes
            items += times * inner.items
            size += times * inner.bytes
            depth = max(depth, 1 + inner.depth)
            if len(callers) + depth > MAX_DEPTH:
                raise BoundError(
                    f"Its local functions call one another more than {MAX_DEPTH} levels deep.",
                    "Inline them with onnx.inliner before uploading.",
                    key[1],
                )
            if items > MAX_ITEMS:
                raise BoundError(
                    f"Its local functions expand to more than {MAX_ITEMS:,} inputs, outputs and attributes.",
                    "Upload a smaller model.",
                    key[1],
                )
            if own > MAX_NODES:
                raise BoundError(
                    f"Its local functions expand to more than {MAX_NODES:,} nodes.",
                    "Upload a smaller model.",
                    key[1],
                )
            if size > MAX_DECLARED_BYTES:
                raise BoundError(
                    f"Its local functions' constants expand to more than {mebibytes(MAX_DECLARED_BYTES)}.",
                    "Make the constants initializers of the graph, and hand them to the function.",
                    key[1],
                )
        return _Weight(own, items, size, depth)

    def function(self, key: Key, callers: tuple[Key, ...]) -> _Weight:
        if key in callers:
            raise BoundError("A local function calls itself.", "Write it as a Loop.", key[1])
        if len(callers) >= MAX_DEPTH:
            raise BoundError(
                f"Its local functions call one another more than {MAX_DEPTH} levels deep.",
                "Inline them with onnx.inliner before uploading.",
                key[1],
            )
        if key not in self.known:
            function = self.functions[key]
            items = len(function.input) + len(function.output) + len(function.attribute_proto)
            inner = self.weigh(function.node, (*callers, key))
            self.known[key] = replace(inner, items=inner.items + items)
        return self.known[key]


def _handed(where: str) -> BoundError:
    return BoundError(
        "A subgraph is handed to a local function, which could copy it as often as it likes.",
        "Inline that function with onnx.inliner before uploading.",
        where,
    )


def _constant_bytes(node: onnx.NodeProto) -> int:
    """The size of what a node carries, without its subgraphs: their nodes are counted by themselves."""
    return sum(
        attribute.ByteSize()
        for attribute in node.attribute
        if not attribute.HasField("g") and not attribute.graphs
    )
