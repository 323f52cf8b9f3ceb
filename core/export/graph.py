"""What an ONNX graph holds, counted from its protobuf alone: no runtime sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sized
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import onnx

from core.export.finding import shown

DEFAULT_DOMAIN: Final = "ai.onnx"
"""How the empty domain is written here."""
LISTED: Final = 200
"""How many parts of each kind a brief account of a graph lists."""
_MAX_RANK: Final = 64

Dimension: TypeAlias = int | str | None
"""A fixed size, a symbolic one, or one that is not known."""


@dataclass(frozen=True)
class Value:
    """An input or output of a graph.

    Attributes:
        kind: `tensor`, `sequence`, `optional`, `map`, `sparse_tensor` or `unknown`.
        dtype: the name of its elements' type as ONNX writes it, in small letters: `float`, `int64`; empty if
            it is no tensor.
        shape: None if the rank is not known or it is no tensor.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[Dimension, ...] | None

    @property
    def shape_text(self) -> str:
        """The shape as a table says it: `(batch, 10)`."""
        if self.shape is None:
            return "?"
        inner = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"({inner},)" if len(self.shape) == 1 else f"({inner})"


@dataclass(frozen=True)
class External:
    """A tensor whose numbers lie in another file.

    Attributes:
        tensor: its name.
        location: the file that the model names.
        offset, length: in bytes; None where the model does not say.
    """

    tensor: str
    location: str
    offset: int | None
    length: int | None


@dataclass(frozen=True)
class LeftOut:
    """What a brief account of a graph does not say.

    Attributes:
        opsets, inputs, outputs, operators, domains, external, metadata: how many of them are not listed.
        renamed: whether a listed input or output is not called exactly as in the file.
    """

    opsets: int = 0
    inputs: int = 0
    outputs: int = 0
    operators: int = 0
    domains: int = 0
    external: int = 0
    metadata: int = 0
    renamed: bool = False


@dataclass(frozen=True)
class Graph:
    """What a model's protobuf says about it.

    Attributes:
        size: bytes of the file.
        ir_version: the version of the file format.
        opsets: the operator sets that it imports, the default one first: domain and version.
        producer: the name and version of what wrote it.
        inputs, outputs: of the main graph; inputs without those that an initializer fills.
        nodes: how many, in subgraphs and local functions too.
        depth: how deep subgraphs lie in one another; 0 if there are none.
        operators: how often each occurs, the most frequent first; `domain::name` outside the default domain.
        domains: of the nodes.
        functions: how many local functions it defines.
        initializers: how many.
        numbers: how many numbers the initializers hold; of sparse ones, those that are not zero.
        external: tensors that lie in other files, or say where they did.
        metadata: key and value.
        left_out: what of all this is not here; nothing unless this is a `brief` account.
    """

    size: int
    ir_version: int
    opsets: tuple[tuple[str, int], ...]
    producer: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: int
    depth: int
    operators: tuple[tuple[str, int], ...]
    domains: tuple[str, ...]
    functions: int
    initializers: int
    numbers: int
    external: tuple[External, ...]
    metadata: tuple[tuple[str, str], ...]
    left_out: LeftOut = LeftOut()

    @property
    def complete(self) -> bool:
        """Whether all inputs and outputs are here by their own names, as a program needs them."""
        return not (self.left_out.inputs or self.left_out.outputs or self.left_out.renamed)

    @property
    def opset(self) -> int | None:
        """The version of the default operator set; None if it imports none."""
        return dict(self.opsets).get(DEFAULT_DOMAIN)


def describe(model: onnx.ModelProto, size: int) -> Graph:
    """Counts a model that has been parsed.

    Args:
        model: any; nothing in it is trusted to be valid.
        size: bytes of the file that it came from.
    """
    graph = model.graph
    filled = {tensor.name for tensor in graph.initializer}
    filled |= {sparse.values.name for sparse in graph.sparse_initializer}
    operators: Counter[str] = Counter()
    domains: set[str] = set()
    depth = nodes = 0
    for node, level in walk(model):
        nodes += 1
        depth = max(depth, level)
        domains.add(node.domain or DEFAULT_DOMAIN)
        default = node.domain in {"", DEFAULT_DOMAIN}
        operators[node.op_type if default else f"{node.domain}::{node.op_type}"] += 1
    return Graph(
        size=size,
        ir_version=model.ir_version,
        opsets=tuple(
            sorted(
                ((each.domain or DEFAULT_DOMAIN, each.version) for each in model.opset_import),
                key=lambda each: (each[0] != DEFAULT_DOMAIN, each),
            )
        ),
        producer=" ".join(part for part in (model.producer_name, model.producer_version) if part),
        inputs=tuple(value(each) for each in graph.input if each.name not in filled),
        outputs=tuple(value(each) for each in graph.output),
        nodes=nodes,
        depth=depth,
        operators=tuple(operators.most_common()),
        domains=tuple(sorted(domains)),
        functions=len(model.functions),
        initializers=len(graph.initializer) + len(graph.sparse_initializer),
        numbers=sum(_numbers(tensor) for tensor in graph.initializer)
        + sum(_numbers(sparse.values) for sparse in graph.sparse_initializer),
        external=tuple(
            _external(tensor)
            for tensor in tensors_of(model)
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
        ),
        metadata=tuple((each.key, each.value) for each in model.metadata_props),
    )


def brief(graph: Graph) -> Graph:
    """A graph as a page may show it, whatever it holds: `LISTED` parts of each kind, their texts `shown`."""
    inputs = tuple(map(_brief, graph.inputs[:LISTED]))
    outputs = tuple(map(_brief, graph.outputs[:LISTED]))
    return replace(
        graph,
        opsets=tuple((shown(domain), version) for domain, version in graph.opsets[:LISTED]),
        producer=shown(graph.producer),
        inputs=inputs,
        outputs=outputs,
        operators=tuple((shown(name), count) for name, count in graph.operators[:LISTED]),
        domains=tuple(map(shown, graph.domains[:LISTED])),
        external=tuple(
            replace(each, tensor=shown(each.tensor), location=shown(each.location))
            for each in graph.external[:LISTED]
        ),
        metadata=tuple((shown(key), shown(text)) for key, text in graph.metadata[:LISTED]),
        left_out=LeftOut(
            opsets=_beyond(graph.opsets),
            inputs=_beyond(graph.inputs),
            outputs=_beyond(graph.outputs),
            operators=_beyond(graph.operators),
            domains=_beyond(graph.domains),
            external=_beyond(graph.external),
            metadata=_beyond(graph.metadata),
            renamed=inputs + outputs != graph.inputs[:LISTED] + graph.outputs[:LISTED],
        ),
    )


def value(info: onnx.ValueInfoProto) -> Value:
    """An input or output as ONNX declares it."""
    kind = info.type.WhichOneof("value") or "unknown"
    if kind not in {"tensor_type", "sparse_tensor_type"}:
        return Value(info.name, kind.removesuffix("_type"), "", None)
    tensor = getattr(info.type, kind)
    return Value(
        info.name,
        kind.removesuffix("_type"),
        dtype_name(tensor.elem_type),
        tuple(_dimension(each) for each in tensor.shape.dim) if tensor.HasField("shape") else None,
    )


def dtype_name(element: int) -> str:
    """ONNX's name of an element type, in small letters; `unknown` for a number that it does not have."""
    known = onnx.TensorProto.DataType.values()
    return str(onnx.TensorProto.DataType.Name(element)).lower() if element in known else "unknown"


def walk(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, int]]:
    """Every node with the depth of its subgraph: those of local functions too. Without recursion."""
    waiting = [(node, 0) for node in model.graph.node]
    waiting += [(node, 0) for function in model.functions for node in function.node]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                waiting += [(each, depth + 1) for each in inner.node]


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor: initializers, sparse ones' parts, attributes; of subgraphs and local functions too."""
    graphs = [model.graph]
    graphs += [graph for info in model.training_info for graph in (info.initialization, info.algorithm)]
    nodes = [node for function in model.functions for node in function.node]
    attributes = [attribute for function in model.functions for attribute in function.attribute_proto]
    while graphs or nodes or attributes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield sparse.values
                yield sparse.indices
            nodes += graph.node
        elif nodes:
            attributes += nodes.pop().attribute
        else:
            attribute = attributes.pop()
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            sparse_ones = (attribute.sparse_tensor, *attribute.sparse_tensors)
            for sparse in sparse_ones if attribute.HasField("sparse_tensor") else attribute.sparse_tensors:
                yield sparse.values
                yield sparse.indices
            graphs += (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs


def _brief(each: Value) -> Value:
    if each.shape is None:
        return replace(each, name=shown(each.name))
    shape = tuple(shown(size) if isinstance(size, str) else size for size in each.shape[:_MAX_RANK])
    return replace(each, name=shown(each.name), shape=(*shape, "…") if each.shape[_MAX_RANK:] else shape)


def _beyond(parts: Sized) -> int:
    return max(0, len(parts) - LISTED)


def _external(tensor: onnx.TensorProto) -> External:
    said = {entry.key: entry.value for entry in tensor.external_data}
    return External(
        tensor.name, said.get("location", ""), _whole(said.get("offset")), _whole(said.get("length"))
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 20 else None


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> Dimension:
    if dimension.HasField("dim_value"):
        # A negative one is some exporters' way to say that it is not known.
        return int(dimension.dim_value) if dimension.dim_value >= 0 else None
    return str(dimension.dim_param) or None


def _numbers(tensor: onnx.TensorProto) -> int:
    if len(tensor.dims) > _MAX_RANK:
        return 0
    count = 1
    for size in tensor.dims:
        count *= max(0, size)
    return count
