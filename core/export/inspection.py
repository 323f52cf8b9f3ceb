"""Every message of a model, one by one: what it refers to, declares and is called."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from core.export import operators, tensors
from core.export.bounds import MAX_NODES
from core.export.finding import Findings, mebibytes, shown

MAX_NAME: Final = 1_000
"""How many characters the name of anything may have."""
MAX_TEXT: Final = 2**20
"""How many characters a description may have, and all metadata of the model together."""

_Fields: TypeAlias = "Sequence[tuple[FieldDescriptor, Any]]"
_Path: TypeAlias = "tuple[_Path, str, int] | None"
_BODIES: Final = (onnx.NodeProto, onnx.GraphProto, onnx.FunctionProto)
_PROSE: Final = frozenset({"doc_string", "value"})
_MARKUP: Final = re.compile(r"<[a-zA-Z/!?]")
_EXPORT: Final = "Upload what torch.onnx.export wrote."
_ONE_FILE: Final = "Export it with external_data=False, so that one file holds all of it."


def inspect(model: onnx.ModelProto, findings: Findings) -> bool:
    """Looks at every message of a model.

    Args:
        model: of a bounded number of messages.
        findings: gets what there is to say.

    Returns:
        whether all of it was looked at and its texts are texts, so that it can be described.
    """
    readable = True
    bodies: list[tuple[Message, _Path]] = []
    for message, path, fields in _walk(model):
        readable = _texts(message, path, fields, findings) and readable
        if isinstance(message, onnx.TensorProto):
            _tensor(message, path, findings)
        elif isinstance(message, onnx.SparseTensorProto):
            if (wrong := tensors.shape_problem(message.dims)) is not None:
                findings.refuse(f"In it {wrong}", _EXPORT, _place(message, path))
        elif isinstance(message, _BODIES):
            bodies.append((message, path))
        if findings.enough:
            return False
    nodes = sum(isinstance(message, onnx.NodeProto) for message, _ in bodies)
    if nodes > MAX_NODES:
        findings.refuse(f"It has {nodes:,} nodes; at most {MAX_NODES:,} may be.", "Upload a smaller model.")
        return False
    if readable:
        functions = {(function.domain, function.name) for function in model.functions}
        for message, path in bodies:
            _body(message, path, functions, findings)
            if findings.enough:
                return False
        draws = any(isinstance(each, onnx.NodeProto) and _is_random(each) for each, _ in bodies)
        _model(model, draws, findings)
    return readable


def _walk(model: onnx.ModelProto) -> Iterator[tuple[Message, _Path, _Fields]]:
    """Every message and the way to it, by protobuf's own account of the fields: none is forgotten."""
    waiting: deque[tuple[Message, _Path]] = deque([(model, None)])
    while waiting:
        message, path = waiting.popleft()
        fields = message.ListFields()
        yield message, path, fields
        for field, value in fields:
            if field.message_type is not None:
                inner = value if field.is_repeated else (value,)
                waiting.extend((each, (path, field.name, index)) for index, each in enumerate(inner))


def _place(message: Message, path: _Path) -> str:
    """Where a message is: the way to it, and its name or what it computes."""
    steps = []
    while path is not None:
        path, name, index = path
        steps.append(f"{name}[{index}]")
    name = getattr(message, "name", "") or getattr(message, "op_type", "") or getattr(message, "key", "")
    return " ".join(part for part in (".".join(reversed(steps)), shown(name)) if part)


def _texts(message: Message, path: _Path, fields: _Fields, findings: Findings) -> bool:
    """Whether a message's texts are texts; what they are is noted."""
    readable = True
    for field, value in fields:
        if field.type != FieldDescriptor.TYPE_STRING:
            continue
        limit = MAX_TEXT if field.name in _PROSE else MAX_NAME
        for text in value if field.is_repeated else (value,):
            # Protobuf hands over the bytes of a text that is not UTF-8.
            if isinstance(text, bytes):
                findings.refuse("A text in it is not UTF-8.", _EXPORT, _place(message, path))
                readable = False
            elif len(text) > limit:
                findings.refuse(
                    f"A text in it has more than {limit:,} characters.",
                    "Shorten it.",
                    f"{_place(message, path)}.{field.name}",
                )
            elif field.name not in _PROSE and (not text.isprintable() or _MARKUP.search(text)):
                findings.warn(
                    "A name has control characters or looks like HTML; it is shown as plain text.",
                    "Nothing to do, unless you do not know the file.",
                    shown(text),
                )
    return readable


def _tensor(tensor: onnx.TensorProto, path: _Path, findings: Findings) -> None:
    """Refuses a tensor that refers to another file, or does not hold what it declares."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        said = {entry.key: entry.value for entry in tensor.external_data}
        findings.refuse(
            f"A tensor's numbers lie in another file, {shown(said.get('location', '')) or 'unnamed'}, "
            "which would be read from this server.",
            _ONE_FILE,
            _place(tensor, path),
        )
    elif (wrong := tensors.problem(tensor)) is not None:
        findings.refuse(f"In it {wrong}", _EXPORT, _place(tensor, path))
    elif tensor.data_type == onnx.TensorProto.STRING:
        findings.warn(
            "It holds texts as a tensor; no numbers can be compared there.",
            "Expect a comparison of the other outputs only.",
            _place(tensor, path),
        )


def _body(message: Message, path: _Path, functions: set[tuple[str, str]], findings: Findings) -> None:
    """What a node, a graph or a local function means; its texts are readable."""
    if isinstance(message, onnx.NodeProto):
        _node(message, path, functions, findings)
    elif isinstance(message, onnx.GraphProto):
        inputs = [info.name for info in message.input]
        initializers = [tensor.name for tensor in message.initializer]
        initializers += [sparse.values.name for sparse in message.sparse_initializer]
        _once({*inputs, *initializers}, message, path, findings)
        _unique(inputs, "inputs", path, message, findings)
        _unique((info.name for info in message.output), "outputs", path, message, findings)
        _unique(initializers, "initializers", path, message, findings)
    elif isinstance(message, onnx.FunctionProto):
        _once(set(message.input), message, path, findings)
        if operators.is_reserved(message.domain):
            findings.refuse(
                "A local function is called like an operator of a runtime: which of them runs is not clear.",
                "Give it a domain of its own.",
                _place(message, path),
            )
        own = {operators.domain_of(domain) for domain, _ in functions}
        _imports(message.opset_import, own, _place(message, path), findings)


def _node(node: onnx.NodeProto, path: _Path, functions: set[tuple[str, str]], findings: Findings) -> None:
    domain = operators.domain_of(node.domain)
    if (node.domain, node.op_type) in functions:
        return
    if operators.is_standard(node):
        if node.op_type in operators.BRANCHING:
            findings.warn(
                f"It has {node.op_type}, which runs a part of the graph: its time can depend on the inputs.",
                "Expect it to be ended if it takes too long.",
                _place(node, path),
            )
        elif _is_random(node):
            findings.warn(
                f"It has {node.op_type}, which draws random numbers: two runs give different outputs.",
                "Expect no parity.",
                _place(node, path),
            )
    elif operators.is_contrib(node):
        findings.warn(
            f"It has {shown(node.op_type)}, an operator of ONNX Runtime: no other runtime has to know it.",
            "Export without optimising for ONNX Runtime if it should run elsewhere.",
            _place(node, path),
        )
    else:
        name = shown(f"{domain}::{node.op_type}")
        findings.refuse(
            f"It has the operator {name}, which ONNX does not define or the lab does not allow.",
            f"Use operators of ai.onnx, ai.onnx.ml and the arithmetic ones of {operators.CONTRIB_DOMAIN}.",
            _place(node, path),
        )


def _is_random(node: onnx.NodeProto) -> bool:
    return node.op_type in operators.RANDOM and operators.is_standard(node)


def _once(
    given: set[str], message: onnx.GraphProto | onnx.FunctionProto, path: _Path, findings: Findings
) -> None:
    """Refuses a graph or a function in which a value is computed twice."""
    results = Counter(name for node in message.node for name in node.output if name)
    for name, times in results.items():
        if times > 1 or name in given:
            findings.refuse(
                "Two values have the same name: which of them is meant is not clear.",
                _EXPORT,
                f"{_place(message, path)} {shown(name)}",
            )


def _unique(names: Iterable[str], what: str, path: _Path, message: Message, findings: Findings) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            findings.refuse(
                f"Two {what} have the same name.", _EXPORT, f"{_place(message, path)} {shown(name)}"
            )


def _model(model: onnx.ModelProto, draws: bool, findings: Findings) -> None:
    """What concerns a model as a whole; whether it `draws` random numbers is known."""
    if not 1 <= model.ir_version <= onnx.IR_VERSION:
        findings.refuse(
            f"Its format has version {model.ir_version}; versions 1 to {onnx.IR_VERSION} can be read.",
            "Export it with this or an older ONNX.",
        )
    if model.ir_version >= 3 and not model.opset_import:
        findings.refuse("It does not say which operator set it uses.", "Export it with an opset.")
    locals_ = {operators.domain_of(function.domain) for function in model.functions}
    _imports(model.opset_import, locals_, "", findings)
    if model.training_info:
        findings.refuse(
            "It holds graphs for training, which a runtime for inference has no use for.",
            "Export it in evaluation mode.",
            "training_info",
        )
    metadata = sum(len(entry.key) + len(entry.value) for entry in model.metadata_props)
    if metadata > MAX_TEXT:
        findings.refuse(
            f"Its metadata have {mebibytes(metadata)}; at most {mebibytes(MAX_TEXT)} may be.", "Remove some."
        )
    _interface(model.graph, draws, findings)


def _imports(
    imports: Iterable[onnx.OperatorSetIdProto], own: set[str], where: str, findings: Findings
) -> None:
    versions: dict[str, int] = {}
    for each in imports:
        domain = operators.domain_of(each.domain)
        newest = operators.newest(domain)
        if versions.setdefault(domain, each.version) != each.version:
            findings.refuse("It imports one operator set in two versions.", _EXPORT, shown(domain))
        if newest is None:
            if domain not in own:
                findings.warn(
                    "It imports operator sets whose operators the lab does not allow.",
                    "Nothing to do if no node uses them: some tools import all that they know.",
                    " ".join(part for part in (where, shown(domain)) if part),
                )
        elif not 1 <= each.version <= newest:
            findings.refuse(
                f"It uses {domain} in version {each.version}; the newest known here is {newest}.",
                f"Export it with opset {newest} or older.",
                where,
            )


def _interface(graph: onnx.GraphProto, draws: bool, findings: Findings) -> None:
    """The inputs and outputs of the main graph: the lab fills the former and compares the latter."""
    filled = {tensor.name for tensor in graph.initializer}
    filled |= {sparse.values.name for sparse in graph.sparse_initializer}
    inputs = [info for info in graph.input if info.name not in filled]
    for info in inputs:
        kind = (info.type.WhichOneof("value") or "").removesuffix("_type").replace("_", " ")
        element = info.type.tensor_type.elem_type
        if kind != "tensor":
            findings.refuse(
                f"An input is {f'of the kind {kind}' if kind else 'of no kind'}; the lab fills only tensors.",
                "Export the model with tensors as inputs.",
                shown(info.name),
            )
        elif element == onnx.TensorProto.STRING:
            findings.refuse(
                "An input takes texts; the lab fills only numbers.",
                "Export the part behind the text processing.",
                shown(info.name),
            )
        elif element not in tensors.BITS:
            findings.refuse(
                f"An input has the element type {element}, which ONNX does not have.",
                _EXPORT,
                shown(info.name),
            )
    for info in graph.output:
        if info.type.WhichOneof("value") not in {"tensor_type", None}:
            findings.warn(
                "An output is no tensor; the lab compares only tensors.",
                "Expect a comparison of the other outputs only.",
                shown(info.name),
            )
    if not graph.output:
        findings.refuse(
            "It has no outputs: there is nothing to compute.", "Name the outputs when you export."
        )
    elif not graph.node:
        findings.warn("It has no nodes: it computes nothing.", "Check that you exported the right model.")
    if not inputs:
        given = "only its random numbers change what it gives" if draws else "it always gives the same"
        findings.warn(f"It takes no inputs: {given}.", "Check that you exported the right model.")
    nodes = Counter(node.name for node in graph.node if node.name)
    if any(times > 1 for times in nodes.values()):
        most = max(nodes, key=nodes.__getitem__)
        findings.warn("Two nodes have the same name.", "Tell them apart by their outputs.", shown(most))
