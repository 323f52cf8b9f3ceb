"""PyTorch's two exporters against each other: what they cost, what they wrote, and where the graphs part."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import onnx
from onnx import numpy_helper

from core.export.child import Answer
from core.export.exporter import ExportedModel
from core.export.graph import DEFAULT_DOMAIN, Value, describe, dtype_name
from core.export.parity import ABSOLUTE, RELATIVE

Side: TypeAlias = Literal["", "first", "second"]
"""One of two; empty for neither, or for both."""

MAX_CELLS: Final = 1_000_000
"""Up to how large a product of the two numbers of nodes the graphs are laid side by side."""
_NEAR: Final = 0.1
"""Times and memory that differ by less than this share say nothing: each was measured once."""
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
        """Whether nothing that is compared differs, but for names of nodes; not known to be if not aligned."""
        weights = self.weights
        return self.aligned and not (
            self.added or self.removed or self.changed or self.inputs or self.outputs
            or any(row.only or row.attributes for row in self.rows)
            or self.opsets[0] != self.opsets[1]
            or weights.renamed or weights.changed or weights.only_first or weights.only_second
        )  # fmt: skip


@dataclass(frozen=True)
class DuelRow:
    """One thing by which two exports are compared.

    Attributes:
        what: it is.
        first, second: as a table says it.
        winner: which is better; empty where neither is, or the difference says nothing.
        note: how to read it; often empty.
    """

    what: str
    first: str
    second: str
    winner: Side
    note: str = ""


@dataclass(frozen=True)
class Duel:
    """Two exports beside each other.

    Attributes:
        rows: one per thing compared.
        diff: of the graphs; None if one of the two was refused.
    """

    rows: tuple[DuelRow, ...]
    diff: GraphDiff | None


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


def duel(first: Answer, second: Answer) -> Duel:
    """Compares what came out of two exports."""
    one, other = first.exported, second.exported
    refused = [
        (each.refusal, 1.0) if each.exported is None else ("exports it", 0.0) for each in (first, second)
    ]
    rows = [_row("the exporter", refused[0], refused[1])]
    rows += [_row(what, read(first), read(second), near, note) for what, read, near, note in _OF_RUNS]
    for what, look, near, note in _OF_FILES:
        found = [look(each, each.exported) if each.exported else _NOTHING for each in (first, second)]
        rows.append(_row(what, found[0], found[1], near, note))
    return Duel(tuple(rows), None if one is None or other is None else diff(one.data, other.data))


# What the rows are made of.

_Reading: TypeAlias = tuple[str, float | None]
"""What a table says, and a number of which less is better; None if there is nothing to compare."""
_NOTHING: Final[_Reading] = ("none", None)


def _row(what: str, first: _Reading, second: _Reading, near: float = 0.0, note: str = "") -> DuelRow:
    one, other = first[1], second[1]
    if one is None or other is None or one == other or abs(one - other) <= near * max(one, other):
        return DuelRow(what, first[0], second[0], "", note)
    return DuelRow(what, first[0], second[0], "first" if one < other else "second", note)


def _memory(answer: Answer) -> _Reading:
    # Where the system does not say, it is 0.
    return (f"{answer.peak_bytes / 2**20:.0f} MiB", answer.peak_bytes) if answer.peak_bytes else ("?", None)


def _open_axes(answer: Answer, exported: ExportedModel) -> _Reading:
    made = answer.plan.build()
    names = dict(zip(made.input_names, answer.plan.names_of_inputs(made), strict=True))
    asked = [(names[name], place) for name, axes in answer.plan.dynamic_axes(made).items() for place in axes]
    if not asked:
        return "none asked for", None
    shapes = {each.name: each.shape or () for each in exported.graph.inputs}
    # A size that is not known is open too.
    lost = [
        f"{name}:{place}"
        for name, place in asked
        if place >= len(shapes.get(name, ())) or isinstance(shapes[name][place], int)
    ]
    said = f"{len(asked) - len(lost)} of {len(asked)}"
    return said + (f", not {', '.join(lost)}" if lost else ""), len(lost)


def _worst(answer: Answer, _: ExportedModel) -> _Reading:
    for case in answer.cases:
        problem = case.parity.problem or next(
            (each.problem for each in case.parity.outputs if each.problem), ""
        )
        if problem or math.isnan(case.parity.absolute):
            return f"batch {case.batch}: {problem or 'not a number'}", math.inf
    worst = max(answer.cases, key=lambda case: case.parity.absolute)
    # Within the tolerance all are equally good.
    agree = all(case.parity.agree for case in answer.cases)
    return f"{worst.parity.absolute:.3g} at batch {worst.batch}", 0.0 if agree else worst.parity.absolute


def _agreeing(answer: Answer, _: ExportedModel) -> _Reading:
    agree = sum(case.parity.agree for case in answer.cases)
    return f"{agree} of {len(answer.cases)}", 1 - agree / len(answer.cases)


_OF_RUNS: Final[tuple[tuple[str, Callable[[Answer], _Reading], float, str], ...]] = (
    (
        "import", lambda answer: (f"{answer.import_seconds:.2f} s", answer.import_seconds), _NEAR,
        "Of onnxscript, which is loaded before either export.",
    ),
    ("peak memory", _memory, _NEAR, "Of the whole process, with PyTorch in it."),
)  # fmt: skip
_OF_FILES: Final[tuple[tuple[str, Callable[[Answer, ExportedModel], _Reading], float, str], ...]] = (
    (
        "export", lambda _, exported: (f"{exported.seconds:.2f} s", exported.seconds), _NEAR,
        f"Measured once: a difference of up to {_NEAR:.0%} says nothing.",
    ),
    ("bytes", lambda _, exported: (f"{exported.graph.size:,}", exported.graph.size), 0, ""),
    (
        "nodes", lambda _, exported: (str(exported.graph.nodes), exported.graph.nodes), 0,
        "Fewer are easier to read; whether they run faster is for a measurement to say.",
    ),
    (
        "opset",
        lambda answer, exported: (
            f"{exported.opset}, asked for {answer.plan.opset}", exported.opset != answer.plan.opset
        ),
        0, "",
    ),
    ("open axes kept", _open_axes, 0, ""),
    (
        "ONNX's checker", lambda answer, _: (answer.checker or "finds nothing wrong", bool(answer.checker)),
        0, "",
    ),
    (
        "largest difference", _worst, 0,
        f"From eager PyTorch. Within {ABSOLUTE:g} + {RELATIVE:g} of the number neither is better.",
    ),
    ("cases that agree", _agreeing, 0, "Of all batches, seeds, kinds of input and runtimes tried."),
    (
        "remarks", lambda _, exported: (str(len(exported.remarks)), None), 0,
        "What the exporter warned of. Fewer are no sign of a better file.",
    ),
)  # fmt: skip


# What the difference of two graphs is made of.


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
