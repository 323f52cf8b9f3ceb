"""Where an ONNX file and its module part: the output of every layer in both, in the order of execution.

Both exporters write down which module a node came from: the newer one into the node's metadata, the legacy
one into its name. Where that tells a layer's value, it is taken, whatever its numbers; where it does not, the
numbers decide, and only if they agree.

Inside a model a sum of large numbers may nearly cancel, and what is left keeps the rounding of its parts. So
two tensors also agree if no difference is above `ABSOLUTE` times the largest number in the eager one.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.export.parity import ABSOLUTE, Array, Deviation, Session, compare_output
from core.hooks.nested import tensors_in
from core.hooks.preserve import Preserved
from core.zoo import InputKind, ZooModel

SCOPE: Final = "scope"
VALUES: Final = "values"
MAX_VALUES: Final = 2000
"""How many of a graph's values are looked at."""
MAX_BYTES: Final = 128 * 2**20
"""How much memory the values of either side may take; a value beyond it is left out."""

_SCOPES: Final = "pkg.torch.onnx.name_scopes"
_QUOTED: Final = re.compile(r"'([^']*)'")
_FOLDED: Final = "The exporter folded `{}` into it: only the result of both is in the graph."
_NOWHERE: Final = (
    "No value in the graph has its numbers: the exporter merged it with its neighbors or left it out, or a "
    "drift came before."
)
_TOO_LARGE: Final = "Its output is too large to be kept."
_LEFT: Final = "{} of the graph's values were not looked at: they are too many or too large."
_NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class LayerParity:
    """One tensor that one call of a layer gave, in both.

    Attributes:
        layer: its name among `named_modules()`; empty for the model itself.
        call: which call of this layer, from 1.
        output: which of its tensors: `output`, `output[0]`, `output['class']`.
        type: the name of the layer's class.
        value: what the graph calls the tensor; empty if it was not found.
        node, op_type: what computes it in the graph.
        how: `scope` if the exporter's own record, or its being an output of the graph, tells which value it
            is, `values` if its numbers do; empty if neither does.
        shape: of the eager tensor.
        deviation: None if there is nothing to compare, and then `problem` says why.
    """

    layer: str
    call: int
    output: str
    type: str
    value: str
    node: str
    op_type: str
    how: str
    shape: tuple[int, ...]
    deviation: Deviation | None
    problem: str = ""

    @property
    def drifts(self) -> bool:
        """Whether its value in the graph was found and is another: in numbers, shape or dtype."""
        return bool(self.value) and not _agree(self.deviation)


@dataclass(frozen=True)
class LayersReport:
    """A comparison layer by layer.

    Attributes:
        rows: in the order in which eager PyTorch finished the calls; empty if the runtime refused to run.
        first_drift: the first row that drifts; None if none does.
        problem: why there are no rows, or why some values were not looked at.
    """

    rows: tuple[LayerParity, ...]
    first_drift: LayerParity | None
    problem: str = ""


@dataclass(frozen=True)
class _Output:
    """A tensor of a call; `value` is None if there was no room for it."""

    role: str
    shape: tuple[int, ...]
    value: Array | None


@dataclass(eq=False)
class _Call:
    """One call of a layer; `path` is where it ran, as the legacy exporter writes it."""

    layer: str
    type: str
    number: int
    path: str
    feeder: _Call | None = None
    inner: list[_Call] = field(default_factory=list)
    outputs: list[_Output] = field(default_factory=list)


def compare_layers(
    made: ZooModel,
    data: bytes,
    *,
    batch: int = 2,
    seed: int = 0,
    kind: InputKind | str = InputKind.NORMAL,
    optimize: bool = False,
) -> LayersReport:
    """Runs a model in evaluation mode and its ONNX file on the same inputs, and compares every layer.

    The hooks that it needs make PyTorch leave its fused path through a `TransformerEncoderLayer`, so that the
    inner layers run. The model is left as it came.

    Args:
        made: the model.
        data: its file.
        batch: of the inputs, at which the file may never have been seen.
        seed: of their numbers.
        kind: of their numbers too: `normal`, `zeros` and so on.
        optimize: whether the runtime may optimise the graph, as far as it can with every value asked for.

    Raises:
        ZooError: if there are no such inputs.
    """
    inputs = made.example_inputs(batch, kind, seed)
    calls = _record(made.module, *made.arguments(inputs))
    graph = _Graph(onnx.load_model_from_string(data), calls)
    names, problem = graph.choose(inputs)
    try:
        session = Session(graph.showing(names), optimize=optimize)
        if len(session.inputs) != len(inputs):
            said = f"The graph has {len(session.inputs)} inputs, the model {len(inputs)}."
            return LayersReport((), None, said)
        arrays = (tensor.numpy(force=True) for tensor in inputs)
        found = session.run(dict(zip(session.inputs, arrays, strict=True)))
    except ValueError as error:
        return LayersReport((), None, str(error))
    values = dict(zip(session.outputs, found, strict=True))
    rows = tuple(_row(graph, values, call, place) for call in calls for place in range(len(call.outputs)))
    return LayersReport(rows, next((row for row in rows if row.drifts), None), problem)


def _record(model: nn.Module, args: Sequence[Tensor], kwargs: dict[str, Tensor]) -> list[_Call]:
    """The calls of all layers, in the order in which they finish, with copies of what they give."""
    calls: list[_Call] = []
    running: list[_Call] = []
    counts: dict[str, int] = defaultdict(int)
    # By identity of the tensor; each is held, so that no other takes its identity.
    makers: dict[int, tuple[Tensor, _Call]] = {}
    room = MAX_BYTES

    def enter(name: str, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        counts[name] += 1
        path = f"{running[-1].path}/{_segment(name)}" if running else ""
        call = _Call(name, type(layer).__name__, counts[name], path)
        if isinstance(layer, _NORMS) and inputs and id(inputs[0]) in makers:
            call.feeder = makers[id(inputs[0])][1]
        if running:
            running[-1].inner.append(call)
        running.append(call)

    def leave(_layer: nn.Module, _inputs: object, output: object) -> None:
        nonlocal room
        call = running.pop()
        for role, tensor in tensors_in(output, "output"):
            value = None
            if tensor.nbytes <= room:
                room -= tensor.nbytes
                # A copy: a layer that works in place overwrites what it was given.
                value = tensor.numpy(force=True).copy()
                if not call.inner:
                    makers[id(tensor)] = (tensor, call)
            call.outputs.append(_Output(role, tuple(tensor.shape), value))
        calls.append(call)

    preserved, handles = Preserved(model), []
    try:
        model.eval()
        for name, layer in model.named_modules():
            handles.append(layer.register_forward_pre_hook(partial(enter, name)))
            handles.append(layer.register_forward_hook(leave))
        with torch.no_grad():
            model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        preserved.restore()
    return calls


def _segment(name: str) -> str:
    """What the legacy exporter calls a layer: its name from the last part on that is no number."""
    parts = name.split(".")
    words = [place for place, part in enumerate(parts) if not part.isdecimal()]
    return ".".join(parts[words[-1] if words else 0 :])


@dataclass(frozen=True)
class _Origin:
    """Where a node came from: the layers around it, outermost first, and a number that tells calls apart."""

    names: tuple[str, ...]
    number: int


class _Graph:
    """An ONNX graph, and which of its nodes came from which call.

    Attributes:
        nodes: of the main graph.
        outputs: their names.
        makers: by name of a value, the place of the node that computes it.
        moving: the values that depend on the inputs, in the graph's order.
        scoped: whether the exporter has written down where its nodes came from.
        folded: by call of a layer, the normalisation that the exporter folded into it.
    """

    def __init__(self, model: onnx.ModelProto, calls: Sequence[_Call]) -> None:
        self._model = model
        self._calls = calls
        self.nodes = list(model.graph.node)
        self.outputs = [each.name for each in model.graph.output]
        self.makers = {name: place for place, node in enumerate(self.nodes) for name in node.output if name}
        self.moving: list[str] = []
        weights = {tensor.name for tensor in model.graph.initializer}
        self._given = [each.name for each in model.graph.input if each.name not in weights]
        self._users: dict[str, set[int]] = defaultdict(set)
        moved = set(self._given)
        for place, node in enumerate(self.nodes):
            read = _read(node)
            for name in read:
                self._users[name].add(place)
            if read & moved:
                self.moving += filter(None, node.output)
                moved.update(node.output)
        self._by_path = not any(entry.key == _SCOPES for node in self.nodes for entry in node.metadata_props)
        self._origins = self._read_origins()
        self.scoped = any(self._origins)
        self.folded: dict[_Call, str] = {}
        self._places: dict[_Call, set[int] | None] = {}
        for call in calls:
            self._places[call] = self._find(call)
        for call in calls:
            self._join(call)

    def leaving(self, call: _Call) -> list[str]:
        """The values of a call's nodes that others read, or the outside, in the graph's order."""
        places = self._places[call] or set()
        return [
            name
            for place in sorted(places)
            for name in self.nodes[place].output
            if name in self.outputs or self._users.get(name, set()) - places
        ]

    def choose(self, inputs: Sequence[Tensor]) -> tuple[list[str], str]:
        """The values to look at beside the outputs, and what to say of those that are too many or too large.

        What is known to have the dtype and shape of no layer's output is not looked at.
        """
        eager = [output.value for call in self._calls for output in call.outputs if output.value is not None]
        alike = {(value.dtype, value.shape) for value in eager}
        largest = max((value.nbytes for value in eager), default=0)
        known = self._infer(inputs)
        wanted = dict.fromkeys(name for call in self._calls for name in self.leaving(call))
        chosen: list[str] = []
        room, left = MAX_BYTES, 0
        for name in wanted | dict.fromkeys(self.moving):
            if name in self.outputs or (name in known and known[name] not in alike):
                continue
            dtype, shape = known.get(name, (np.dtype(np.uint8), (largest,)))
            size = math.prod(shape) * dtype.itemsize
            if size > room or len(chosen) == MAX_VALUES:
                left += 1
            else:
                room -= size
                chosen.append(name)
        return chosen, _LEFT.format(left) if left else ""

    def showing(self, names: Sequence[str]) -> bytes:
        """The file with more outputs, whose types the runtime infers."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        return bytes(model.SerializeToString())

    def _infer(self, inputs: Sequence[Tensor]) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """The dtypes and shapes that follow from those of the inputs, as far as they do."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        del model.graph.value_info[:]
        declared = {each.name: each.type.tensor_type.shape for each in model.graph.input}
        for name, tensor in zip(self._given, inputs, strict=False):
            for dimension, size in zip(declared[name].dim, tensor.shape, strict=False):
                dimension.dim_value = size
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
            return {}
        known = {}
        for info in inferred.graph.value_info:
            tensor_type = info.type.tensor_type
            sizes = [each.dim_value if each.HasField("dim_value") else -1 for each in tensor_type.shape.dim]
            if tensor_type.elem_type and tensor_type.HasField("shape") and min(sizes, default=0) >= 0:
                dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor_type.elem_type)
                known[info.name] = (dtype, tuple(sizes))
        return known

    def _read_origins(self) -> list[_Origin | None]:
        paths = {call.path for call in self._calls}
        if self._by_path:
            return [_origin_of_name(node.name, paths) for node in self.nodes]
        found: list[_Origin | None] = []
        before: tuple[str, ...] = ()
        stretch = 0
        for node in self.nodes:
            names = _names(node)
            # The newer exporter does not number calls: each stretch of nodes of one layer is one.
            if names and names != before:
                before, stretch = names, stretch + 1
            found.append(_Origin(names, stretch) if names else None)
        return found

    def _key(self, call: _Call) -> str:
        return call.path if self._by_path else call.layer

    def _find(self, call: _Call) -> set[int] | None:
        """The places of a call's nodes; None if they cannot be told from another call's."""
        key = self._key(call)
        same = [each for each in self._calls if self._key(each) == key]
        origins = [(place, origin) for place, origin in enumerate(self._origins) if origin]
        if len(same) == 1:
            return {place for place, origin in origins if key in origin.names}
        numbered: dict[int, set[int]] = defaultdict(set)
        for place, origin in origins:
            if origin.names[-1] == key:
                numbered[origin.number].add(place)
        found: set[int] = set()
        if numbered:
            if len(numbered) != len(same):
                return None
            found |= numbered[sorted(numbered)[same.index(call)]]
        for inner in call.inner:
            places = self._places[inner]
            if places is None:
                return None
            found |= places
        return found

    def _join(self, call: _Call) -> None:
        """Where of a normalisation and the layer before it only one has nodes, these compute both.

        They then belong to the normalisation and to what is around it, and no longer to the layer before.
        """
        feeder = call.feeder
        before, after = (self._places[feeder], self._places[call]) if feeder else (None, None)
        if feeder is None or before is None or after is None or bool(before) == bool(after):
            return
        self.folded[feeder] = call.layer
        for each in self._calls:
            places = self._places[each]
            if places is not None and _is_in(feeder, each) and not _is_in(call, each):
                self._places[each] = places - before
            elif places is not None and _is_in(call, each) and not _is_in(feeder, each):
                self._places[each] = places | before


def _is_in(call: _Call, outer: _Call) -> bool:
    return call is outer or any(_is_in(call, each) for each in outer.inner)


def _read(node: onnx.NodeProto) -> set[str]:
    """The values that a node reads, those that its subgraphs take from outside too."""
    names: set[str] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        names.update(each.input)
        for attribute in each.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting += graph.node
                names.update(output.name for output in graph.output)
    return names - {""}


def _names(node: onnx.NodeProto) -> tuple[str, ...]:
    """The layers around a node as the newer exporter writes them down."""
    written = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "")
    # A list of Python's. Its last part is the operation itself; what belongs to no layer, such as the size of
    # the batch, does not begin at the root.
    names = _QUOTED.findall(written)
    return tuple(names[:-1]) if names and names[0] == "" else ()


def _origin_of_name(name: str, paths: Collection[str]) -> _Origin | None:
    """The same from a node's name as the legacy exporter writes it: `/encoder/norm1_1/Add`.

    A number after the last layer's name tells the second call from the first.
    """
    if not name.startswith("/"):
        return None
    path, number = name.rpartition("/")[0], 0
    base, _, suffix = path.rpartition("_")
    if path not in paths and base in paths and suffix.isdecimal():
        path, number = base, int(suffix)
    parts = path.split("/")
    return _Origin(tuple("/".join(parts[: count + 1]) for count in range(len(parts))), number)


def _row(graph: _Graph, values: dict[str, Array], call: _Call, place: int) -> LayerParity:
    output = call.outputs[place]
    found, problem = None, ""
    name, how = "", ""
    if output.value is None:
        problem = _TOO_LARGE
    elif call in graph.folded:
        problem = _FOLDED.format(graph.folded[call])
    else:
        name, how = _match(graph, values, call, place, output.value)
        problem = _NOWHERE
        if name:
            found, problem = _compare(output.value, values[name])
    node = graph.nodes[graph.makers[name]] if name in graph.makers else onnx.NodeProto()
    return LayerParity(
        call.layer, call.number, output.role, call.type, name, node.name, node.op_type, how, output.shape,
        found, problem,
    )  # fmt: skip


def _match(graph: _Graph, values: dict[str, Array], call: _Call, place: int, eager: Array) -> tuple[str, str]:
    """The value that is a call's output, and how it was told; two empty strings if it was not."""
    if not call.path and len(call.outputs) == len(graph.outputs):
        return graph.outputs[place], SCOPE

    def is_alike(name: str) -> bool:
        value = values.get(name)
        # A sequence comes as a list.
        return isinstance(value, np.ndarray) and (value.shape, value.dtype) == (eager.shape, eager.dtype)

    recorded = [name for name in graph.leaving(call) if is_alike(name)]
    if len(recorded) == 1 or (recorded and len(call.outputs) == 1):
        return recorded[-1], SCOPE
    candidates = [name for name in graph.moving if is_alike(name)]
    found = {name: _compare(eager, values[name])[0] for name in candidates}
    close = min(candidates, key=lambda name: _distance(found[name]), default="")
    if close and (_agree(found[close]) or (len(candidates) == 1 and not graph.scoped)):
        return close, VALUES
    return "", ""


def _compare(eager: Array, other: Array) -> tuple[Deviation | None, str]:
    """How far two tensors are from each other, or why that cannot be said."""
    compared = compare_output("", eager, other)
    found = compared.deviation
    if found is not None and not found.agree:
        finite = np.abs(eager[np.isfinite(eager)])
        found = replace(found, agree=bool(finite.size) and found.absolute <= ABSOLUTE * float(finite.max()))
    return found, compared.problem


def _agree(found: Deviation | None) -> bool:
    return found is not None and found.agree


def _distance(found: Deviation | None) -> float:
    return math.inf if found is None or math.isnan(found.absolute) else found.absolute
