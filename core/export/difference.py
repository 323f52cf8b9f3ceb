"""What differs between two graphs: operators, nodes, attributes, weights, inputs and outputs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import onnx
from onnx import numpy_helper

from core.export.graph import DEFAULT_DOMAIN, Value, describe, dtype_name

Side: TypeAlias = Literal["", "first", "second"]
"""One of two; empty for neither, or for both."""

MAX_CELLS: Final = 1_000_000
"""Up to how large a product of the two numbers of nodes the graphs are laid side by side."""
_TEXT: Final = 60


@dataclass(frozen=True)
class OpChange:
    """How often an operator occurs in each of two graphs."""

    operator: str
    first: int
    second: int


@dataclass(frozen=True)
class Change:
    """Something with a name that is not the same in both: an attribute, an input, an output.

    Attributes:
        first, second: as each has it; empty where it is not there.
    """

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class NodeRow:
    """A node of one graph, or two that stand for each other.

    Attributes:
        only: which graph has it; empty for both.
        operator: its type.
        first, second: what each graph calls it; empty where it is not there, or has no name.
        attributes: those that differ, of a node that both have.
    """

    only: Side
    operator: str
    first: str
    second: str
    attributes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Weights:
    """The initializers of two graphs, compared by their bits.

    Attributes:
        same: how many have the same name and bits.
        renamed: those with the same bits under another name.
        changed: names of those with other bits, shape or type under the same name.
        only_first, only_second: names of the others.
    """

    same: int
    renamed: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


@dataclass(frozen=True)
class GraphDiff:
    """What is not the same in two graphs.

    Attributes:
        added: operators that only the second has.
        removed: operators that only the first has.
        changed: operators that both have, in other numbers. All three count subgraphs and functions too.
        rows: the nodes of the main graphs as they run, as many of them side by side as the order lets; empty
            if there are more than `MAX_CELLS` allow, and then `aligned` is false.
        aligned: whether the nodes were laid side by side.
        inputs, outputs: those whose type or shape differs, by name.
        opsets: the operator sets of the default domain.
        weights: the initializers.
    """

    added: tuple[OpChange, ...]
    removed: tuple[OpChange, ...]
    changed: tuple[OpChange, ...]
    rows: tuple[NodeRow, ...]
    aligned: bool
    inputs: tuple[Change, ...]
    outputs: tuple[Change, ...]
    opsets: tuple[int | None, int | None]
    weights: Weights

    @property
    def same(self) -> bool:
        """Whether nothing that is compared differs, but for names of nodes; false if not aligned."""
        weights = self.weights
        return self.aligned and not (
            self.added or self.removed or self.changed or self.inputs or self.outputs
            or any(row.only or row.attributes for row in self.rows)
            or self.opsets[0] != self.opsets[1]
            or weights.renamed or weights.changed or weights.only_first or weights.only_second
        )  # fmt: skip


def diff(first: bytes | onnx.ModelProto, second: bytes | onnx.ModelProto) -> GraphDiff:
    """Compares two graphs: operators, order and attributes of nodes, weights; not which value goes where.

    Of weights in other files only the place is compared: none is opened.
    """
    one, other = (
        onnx.load_model_from_string(each) if isinstance(each, bytes) else each for each in (first, second)
    )
    graphs = [describe(model, 0) for model in (one, other)]
    opsets = (graphs[0].opset, graphs[1].opset)
    counts = [dict(graph.operators) for graph in graphs]
    names = sorted({*counts[0], *counts[1]})
    changes = [OpChange(name, counts[0].get(name, 0), counts[1].get(name, 0)) for name in names]
    aligned = len(one.graph.node) * len(other.graph.node) <= MAX_CELLS
    return GraphDiff(
        added=tuple(each for each in changes if not each.first),
        removed=tuple(each for each in changes if not each.second),
        changed=tuple(each for each in changes if each.first and each.second and each.first != each.second),
        rows=_rows(one.graph.node, other.graph.node, (opsets[0] or 0, opsets[1] or 0)) if aligned else (),
        aligned=aligned,
        inputs=_changes(*({each.name: _value(each) for each in graph.inputs} for graph in graphs)),
        outputs=_changes(*({each.name: _value(each) for each in graph.outputs} for graph in graphs)),
        opsets=opsets,
        weights=_weights(one.graph.initializer, other.graph.initializer),
    )


def _changes(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Change, ...]:
    names = [*first, *(name for name in second if name not in first)]
    changes = (Change(name, first.get(name, ""), second.get(name, "")) for name in names)
    return tuple(each for each in changes if each.first != each.second)


def _value(value: Value) -> str:
    return f"{value.dtype} {value.shape_text}" if value.dtype else value.kind


def _operator(node: onnx.NodeProto) -> str:
    default = node.domain in {"", DEFAULT_DOMAIN}
    return node.op_type if default else f"{node.domain}::{node.op_type}"


def _rows(
    first: Sequence[onnx.NodeProto], second: Sequence[onnx.NodeProto], opsets: tuple[int, int]
) -> tuple[NodeRow, ...]:
    """The nodes side by side. Those that one has alone come before the next that both have."""
    one, other = [_operator(node) for node in first], [_operator(node) for node in second]
    # Of several longest ones the choice must not depend on which graph comes first.
    pairs = _common(one, other) if one <= other else [(b, a) for a, b in _common(other, one)]
    rows: list[NodeRow] = []
    at = (0, 0)
    for a, b in [*pairs, (len(one), len(other))]:
        rows += [NodeRow("first", one[each], first[each].name, "") for each in range(at[0], a)]
        rows += [NodeRow("second", other[each], "", second[each].name) for each in range(at[1], b)]
        if a < len(one):
            attributes = _attributes((first[a], second[b]), opsets)
            rows.append(NodeRow("", one[a], first[a].name, second[b].name, attributes))
        at = a + 1, b + 1
    return tuple(rows)


def _common(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence, by the usual table of the lengths of what remains."""
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for a in reversed(range(len(first))):
        row, below = lengths[a], lengths[a + 1]
        for b in reversed(range(len(second))):
            row[b] = below[b + 1] + 1 if first[a] == second[b] else max(below[b], row[b + 1])
    pairs = []
    a = b = 0
    while a < len(first) and b < len(second):
        if first[a] == second[b]:
            pairs.append((a, b))
            a, b = a + 1, b + 1
        elif lengths[a + 1][b] >= lengths[a][b + 1]:
            a += 1
        else:
            b += 1
    return pairs


def _attributes(nodes: Sequence[onnx.NodeProto], opsets: Sequence[int]) -> tuple[Change, ...]:
    """What differs in two nodes. An attribute that is not written has its default."""
    given = [{each.name: _attribute(each) for each in node.attribute} for node in nodes]
    defaults = [_defaults(node, opset) for node, opset in zip(nodes, opsets, strict=True)]
    changes = _changes(defaults[0] | given[0], defaults[1] | given[1])
    # In one opset there may be an attribute that the other does not know: at its default it changes nothing.
    return tuple(
        each
        for each in changes
        if (each.first or defaults[1].get(each.name)) != (each.second or defaults[0].get(each.name))
    )


def _defaults(node: onnx.NodeProto, opset: int) -> dict[str, str]:
    """An operator's attributes that have a default; none for an operator that ONNX does not define."""
    if not onnx.defs.has(node.op_type, max_inclusive_version=opset, domain=node.domain):
        return {}
    schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
    found = {name: each.default_value for name, each in schema.attributes.items()}
    return {name: _attribute(each) for name, each in found.items() if each.name}


def _attribute(attribute: onnx.AttributeProto) -> str:
    """An attribute as a table says it; other texts for other bits."""
    kinds = onnx.AttributeProto
    match attribute.type:
        case kinds.INT:
            return str(attribute.i)
        case kinds.FLOAT:
            return f"{attribute.f:.9g}"
        case kinds.STRING:
            whole = repr(attribute.s.decode(errors="backslashreplace"))
        case kinds.INTS:
            whole = str(list(attribute.ints))
        case kinds.FLOATS:
            whole = f"[{', '.join(f'{each:.9g}' for each in attribute.floats)}]"
        case kinds.TENSOR:
            tensor = attribute.t
            return f"{dtype_name(tensor.data_type)} {tuple(tensor.dims)} {_bits(tensor)[:8]}"
        case kind:
            known = kind in kinds.AttributeType.values()
            name = kinds.AttributeType.Name(kind).lower() if known else "unknown"
            return f"{name} {_digest(attribute.SerializeToString(deterministic=True))[:8]}"
    return whole if len(whole) <= _TEXT else f"{whole[:_TEXT]}… {_digest(whole.encode())[:8]}"


def _weights(first: Iterable[onnx.TensorProto], second: Iterable[onnx.TensorProto]) -> Weights:
    one, other = ({each.name: _bits(each) for each in tensors} for tensors in (first, second))
    both = [name for name in one if name in other]
    same = {name for name in both if one[name] == other[name]}
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for name in other:
        if name not in same:
            waiting[other[name]].append(name)
    renamed = tuple(
        (name, waiting[bits].pop(0)) for name, bits in one.items() if name not in same and waiting.get(bits)
    )
    paired = [{name for name, _ in renamed} | same, {name for _, name in renamed} | same]
    left = [
        [name for name in names if name not in done] for names, done in zip((one, other), paired, strict=True)
    ]
    changed = tuple(name for name in left[0] if name in left[1])
    return Weights(
        same=len(same),
        renamed=renamed,
        changed=changed,
        only_first=tuple(name for name in left[0] if name not in changed),
        only_second=tuple(name for name in left[1] if name not in changed),
    )


def _bits(tensor: onnx.TensorProto) -> str:
    """A hash of a tensor's type, shape and numbers, however the file holds them."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        data = repr(sorted((each.key, each.value) for each in tensor.external_data)).encode()
    elif tensor.data_type == onnx.TensorProto.STRING:
        data = repr(list(tensor.string_data)).encode()
    else:
        data = numpy_helper.to_array(tensor).tobytes()
    return _digest(f"{tensor.data_type} {list(tensor.dims)} ".encode() + data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
