"""From the graph that was exported to the graph that ONNX Runtime ran: which node became what.

The runtime keeps the names of values more than those of nodes. So a node of the optimized graph stands for
the exported nodes that lead to its outputs, back to where another optimized node, an input or a weight takes
over. Where it has changed the names of values too, as where it orders the channels of images in blocks, the
node's name tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onnx import GraphProto, NodeProto

_SCOPES: Final = "pkg.torch.onnx.name_scopes"
_NO_MODULE: Final = "_empty_nn_module_stack_from_metadata_hook"
_QUOTED: Final = re.compile(r"'([^']*)'")
_BLOCKED: Final = "_nchwc"
_FUSED: Final = "fused "
_WEIGHT: Final = ("Conv", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Attention", "Einsum")
_MIDDLE: Final = ("Normalization", "Softmax", "Pool", "Reduce")


@dataclass(frozen=True)
class ExportedNode:
    """A node of the exported graph.

    Attributes:
        name, op_type: in the file.
        module: that it came from; None if the exporter did not write it down.
        owners: modules whose parameters it reads.
        inputs: the nodes whose results it reads, by name.
    """

    name: str
    op_type: str
    module: str | None
    owners: tuple[str, ...]
    inputs: tuple[str, ...] = ()


def exported_nodes(graph: GraphProto) -> tuple[ExportedNode, ...]:
    """The nodes of an exported graph, in its order."""
    weights = {each.name for each in graph.initializer}
    makers = {value: node.name for node in graph.node for value in node.output if value}
    return tuple(
        ExportedNode(
            node.name,
            node.op_type,
            module_of(node),
            tuple(
                dict.fromkeys(
                    name.rpartition(".")[0] for name in node.input if name in weights and "." in name
                )
            ),
            tuple(dict.fromkeys(makers[name] for name in node.input if name in makers)),
        )
        for node in graph.node
    )


def module_of(node: NodeProto) -> str | None:
    """The module whose code made a node, as PyTorch's exporter writes it down; `""` for the model itself."""
    written = next((each.value for each in node.metadata_props if each.key == _SCOPES), None)
    if written is None:
        return None
    # The last is the operator.
    scopes = [each for each in _QUOTED.findall(written)[:-1] if each != _NO_MODULE]
    return scopes[-1] if scopes else ""


def sources(exported: GraphProto, optimized: GraphProto) -> dict[str, tuple[str, ...]]:
    """For each node of the optimized graph the exported nodes that it stands for, in the graph's order."""
    makers = {value: node for node in exported.node for value in node.output if value}
    by_name = {node.name: node for node in exported.node}
    aliases = _aliases(optimized.node)
    # Where a walk back ends: what another optimized node gives.
    given = {aliases.get(value, value) for node in optimized.node for value in node.output if value}
    places = {node.name: place for place, node in enumerate(exported.node)}
    found: dict[str, tuple[str, ...]] = {}
    for node in optimized.node:
        if node.domain.endswith("nchwc") and node.op_type in {"ReorderInput", "ReorderOutput"}:
            found[node.name] = ()
            continue
        ends = [aliases.get(value, value) for value in node.output if value]
        known = [value for value in ends if value in makers]
        names = _behind(known, makers, given) if known else _named(node.name, by_name, makers)
        found[node.name] = tuple(sorted(names, key=places.__getitem__))
    return found


def heaviest(nodes: Sequence[ExportedNode]) -> ExportedNode | None:
    """The node that most of a fused kernel's time is for; None without nodes.

    A product or convolution comes before a normalization, that before the rest; of equals the first.
    """
    return min(nodes, key=lambda node: _lightness(node.op_type), default=None)


def _lightness(op_type: str) -> int:
    if op_type.startswith(_WEIGHT):
        return 0
    return 1 if any(word in op_type for word in _MIDDLE) else 2


def _aliases(nodes: Iterable[NodeProto]) -> dict[str, str]:
    """New names of values that are old ones with their numbers in another order."""
    found = {}
    for node in nodes:
        if node.op_type == "ReorderOutput":
            found[node.input[0]] = node.output[0]
    return found


def _behind(ends: Iterable[str], makers: Mapping[str, NodeProto], given: set[str]) -> set[str]:
    """The exported nodes that lead to these values, as far as no other optimized node does."""
    names: set[str] = set()
    waiting = list(ends)
    while waiting:
        node = makers[waiting.pop()]
        if node.name in names:
            continue
        names.add(node.name)
        waiting += [value for value in node.input if value in makers and value not in given]
    return names


def _named(name: str, by_name: Mapping[str, NodeProto], makers: Mapping[str, NodeProto]) -> set[str]:
    """The exported node that an optimized node is named after: itself, its value, or its name and more."""
    plain = name.removeprefix(_FUSED)
    if plain in by_name:
        return {plain}
    value = plain.removesuffix(_BLOCKED)
    if value in makers:
        return {makers[value].name}
    first = plain.partition("/")[0]
    return {first} if first in by_name else set()
