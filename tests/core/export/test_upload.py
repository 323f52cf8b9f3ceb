"""The attacks were tried against the checker and the runtime: each is a file that a stranger can send."""

import gzip
import hashlib
import io
import itertools
import pickle
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from core import zoo
from core.export import upload
from core.export.graph import describe
from core.export.inspection import MAX_NAME, MAX_TEXT
from core.export.sizes import MAX_TRIPS
from core.export.upload import MAX_BYTES, MAX_NODES, Severity, Upload, examine

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FLOAT = TensorProto.FLOAT


def value(name: str, shape: list[Any] | None = None, element: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape or ["batch", 4])


def model_of(
    *nodes: onnx.NodeProto,
    name: str = "graph",
    inputs: Sequence[onnx.ValueInfoProto] = (value("x"),),
    outputs: Sequence[onnx.ValueInfoProto] = (value("y"),),
    initializers: Sequence[onnx.TensorProto] = (),
    sparse: Sequence[onnx.SparseTensorProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    opsets: Sequence[tuple[str, int]] = (("", 20),),
) -> onnx.ModelProto:
    """A model from `x` to `y` with these nodes; the rest is what differs from an ordinary one."""
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers, sparse_initializer=sparse)
    imports = [helper.make_opsetid(*each) for each in opsets]
    return helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=10)


def node(
    kind: str, inputs: Sequence[str], output: str = "y", domain: str = "", **attributes: object
) -> onnx.NodeProto:
    made = helper.make_node(kind, inputs, [output], domain=domain)
    made.attribute.extend(helper.make_attribute(key, content) for key, content in attributes.items())
    return made


def constant(name: str, *numbers: int, element: int = TensorProto.INT64) -> onnx.TensorProto:
    return helper.make_tensor(name, element, [len(numbers)], numbers)


def ordinary() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    return model_of(node("MatMul", ["x", "w"], "h"), node("Relu", ["h"]), initializers=[weight])


def external(tensor: onnx.TensorProto, location: str) -> onnx.TensorProto:
    del tensor.external_data[:]
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def weights(name: str = "w") -> onnx.TensorProto:
    return helper.make_tensor(name, FLOAT, [2], [1.0, 2.0])


def seen(model: onnx.ModelProto | bytes) -> Upload:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    found = examine(data, "model.onnx")
    for finding in found.findings:
        for text in (finding.what, finding.where, finding.advice):
            assert text.isprintable()
            assert len(text) < 400
        assert finding.what.endswith(".")
        assert finding.advice
    assert bool(found.data) is not found.refused
    assert found.refused or found.graph is not None
    return found


def refusals(model: onnx.ModelProto | bytes) -> list[str]:
    return [each.what for each in seen(model).findings if each.severity is Severity.REFUSED]


def warned(model: onnx.ModelProto) -> list[str]:
    found = seen(model)
    assert not found.refused, found.findings
    return [each.what for each in found.findings]


def messages(message: Message) -> Iterator[Message]:
    """Every message in a message, by protobuf's reflection: written apart from the code under test."""
    yield message
    for field, content in message.ListFields():
        if field.message_type:
            for each in content if field.is_repeated else [content]:
                yield from messages(each)


def refers_elsewhere(data: bytes) -> bool:
    found = list(messages(onnx.ModelProto.FromString(data)))
    tensors = [each for each in found if isinstance(each, TensorProto)]
    return any(each.external_data or each.data_location == TensorProto.EXTERNAL for each in tensors)


# What passes.


def test_an_ordinary_model_passes_and_is_written_anew() -> None:
    data = ordinary().SerializeToString()
    found = seen(data)
    assert found.findings == ()
    assert found.data == seen(data).data
    assert (found.size, found.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert found.graph is not None
    assert found.graph.nodes == 2
    assert describe(onnx.ModelProto.FromString(found.data), len(data)) == found.graph


def test_what_onnx_has_no_name_for_is_dropped() -> None:
    junk = b"\xfa\x3f\x06secret"  # field 1023
    found = seen(ordinary().SerializeToString() + junk)
    assert not found.refused
    assert b"secret" not in found.data
    assert "has no name for" in found.findings[0].what


@pytest.mark.parametrize("name", ["scalar_linear", "cnn", "lstm"])
def test_what_torch_exports_passes(name: str, tmp_path: Path) -> None:
    model = zoo.build(name)
    model.module.eval()
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.module, model.example_inputs(2), path, dynamo=False)
    assert seen(path.read_bytes()).findings == ()


LARGE = {"light_vgg19.onnx", "light_zfnet512.onnx"}  # One layer's weights are 392 and 288 MiB.


@pytest.mark.parametrize("path", sorted((DATA / "light").rglob("*.onnx")), ids=lambda path: path.name)
def test_the_light_models_pass_unless_they_are_large(path: Path) -> None:
    found = refusals(path.read_bytes())
    assert [what.split(" asks")[0] for what in found] == (["ConstantOfShape"] if path.name in LARGE else [])


EXPECTED = (
    "An input takes texts",
    "An input is of the kind",
    "It has the operator ai.onnx.preview",
)


def test_onnx_own_models_pass_or_are_refused_for_a_known_reason() -> None:
    paths = sorted(path for path in DATA.rglob("model.onnx") if path.parent.parent.name != "light")
    assert len(paths) > 100
    accepted = 0
    for path in paths:
        found = refusals(path.read_bytes())
        accepted += not found
        assert all(what.startswith(EXPECTED) for what in found), (path, found)
    assert accepted > 0.9 * len(paths)


def test_onnx_operator_tests_pass_or_are_refused_for_a_known_reason() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What the cases compute overflows by design.
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)[::9]
    assert len(cases) > 200
    accepted = 0
    for case in cases:
        assert case.model is not None
        found = refusals(case.model)
        accepted += not found
        assert all(what.startswith(EXPECTED) for what in found), (case.name, found)
    assert accepted > 0.9 * len(cases)


# What is no model.


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "It is an empty file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "It is a PNG picture"),
        (zipped(), "It is a ZIP archive"),
        (gzip.compress(b"model", mtime=0), "It is a gzip archive"),
        (pickle.dumps({"weight": [1.0] * 100}), "It is a pickle, which is a program"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "It is an HDF5 file"),
        (b"Hello, this is no model.", "It is a text"),
        (b'{"layers": [1, 2, 3]}', "It is a text"),
        ("héllo".encode("utf-16"), "It is a text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "It is a Git LFS pointer"),
        (b"\x40" + bytes(7) + b'{"__metadata__":{}}', "It is a safetensors file"),
        (b"\x1c\0\0\0TFL3" + bytes(100), "It is a TensorFlow Lite model"),
        (bytes(1000), "It is nothing but zeros"),
        (b"\xff" * 100, "It is no ONNX file"),
        (b"\x08\x0a", "It holds no graph"),
    ],
)
def test_what_is_no_model_is_named(data: bytes, what: str) -> None:
    (found,) = refusals(data)
    assert found.startswith(what)


@pytest.mark.parametrize("left", [1, 10, 50])
def test_a_truncated_file_says_so(left: int) -> None:
    (found,) = refusals(ordinary().SerializeToString()[:-left])
    assert found == "It ends in the middle of its content: it was cut off, or is no ONNX file."


def test_a_length_that_lies_says_the_file_ends_too_early() -> None:
    (found,) = refusals(b"\x08\x0a\x3a\xff\xff\xff\xff\x07")  # a graph of 2 GB
    assert found.startswith("It ends in the middle")


def test_a_file_that_is_too_large_is_not_read() -> None:
    start = time.perf_counter()
    (found,) = refusals(bytes(MAX_BYTES + 1))
    assert found == "The file has 20.0 MiB; at most 20.0 MiB may be."
    assert time.perf_counter() - start < 5


def test_a_text_that_is_not_utf8_is_refused() -> None:
    data = ordinary().SerializeToString().replace(b"MatMul", b"Mat\xff\xfel")
    assert refusals(data) == ["A text in it is not UTF-8."]
    assert seen(data).graph is None


def test_a_look_that_ends_early_does_not_describe_what_it_has_not_seen() -> None:
    many = model_of(node("Relu", ["x"]), initializers=[external(weights(f"w{i}"), "w") for i in range(1_100)])
    many.graph.initializer[-1].external_data[0].key = "location!"
    data = many.SerializeToString().replace(b"location!", b"location\xff")
    assert seen(data).refused
    assert seen(data).graph is None


def test_messages_that_lie_too_deep_are_refused() -> None:
    data = b""
    for _ in range(40):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # g of an attribute of a node
            data = tag + _varint(len(data)) + data
    (found,) = refusals(b"\x08\x0a\x3a" + _varint(len(data)) + data)
    assert found == "Its parts lie in one another more than 100 levels deep."


def test_many_parts_are_refused_before_they_are_made() -> None:
    data = b"\x2a\0" * (MAX_BYTES // 2 - 100)  # empty attributes: 2 GB of objects
    graph = b"\x0a" + _varint(len(data)) + data
    assert refusals(b"\x08\x0a\x3a" + _varint(len(graph)) + graph) == ["It holds more than 250,000 parts."]


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


# External data, wherever it can be.


def in_initializer(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return model_of(node("Relu", ["x"]), initializers=[tensor])


def in_sparse_values(tensor: onnx.TensorProto) -> onnx.ModelProto:
    sparse = helper.make_sparse_tensor(weights(), constant("i", 0, 1), [4])
    sparse.values.CopyFrom(tensor)
    return model_of(node("Relu", ["x"]), sparse=[sparse])


def in_sparse_indices(tensor: onnx.TensorProto) -> onnx.ModelProto:
    sparse = helper.make_sparse_tensor(weights(), constant("i", 0, 1), [4])
    sparse.indices.CopyFrom(tensor)
    return model_of(node("Relu", ["x"]), sparse=[sparse])


def in_constant(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return model_of(node("Constant", [], "c", value=tensor), node("Relu", ["x"]))


def in_tensors(tensor: onnx.TensorProto) -> onnx.ModelProto:
    odd = node("Relu", ["x"])
    odd.attribute.append(AttributeProto(name="many", type=AttributeProto.TENSORS, tensors=[tensor]))
    return model_of(odd)


def in_sparse_attribute(tensor: onnx.TensorProto) -> onnx.ModelProto:
    sparse = onnx.SparseTensorProto(values=tensor, indices=constant("i", 0, 1), dims=[4])
    return model_of(node("Constant", [], "c", sparse_value=sparse), node("Relu", ["x"]))


def in_subgraph(tensor: onnx.TensorProto) -> onnx.ModelProto:
    branch = helper.make_graph([node("Identity", ["w"], "b")], "branch", [], [value("b", [2])], [tensor])
    inner = node("If", ["c"], "b", then_branch=branch, else_branch=branch)
    outer = helper.make_graph([inner], "outer", [], [value("b", [2])])
    condition = constant("c", 1, element=TensorProto.BOOL)
    return model_of(node("If", ["c"], then_branch=outer, else_branch=outer), initializers=[condition])


def function(name: str, *nodes: onnx.NodeProto, domain: str = "local") -> onnx.FunctionProto:
    return helper.make_function(domain, name, ["x"], ["y"], nodes, [helper.make_opsetid("", 20)])


def in_function(tensor: onnx.TensorProto) -> onnx.ModelProto:
    body = function("F", node("Constant", [], "c", value=tensor), node("Relu", ["x"]))
    call = node("F", ["x"], domain="local")
    return model_of(call, functions=[body], opsets=[("", 20), ("local", 1)])


def in_function_default(tensor: onnx.TensorProto) -> onnx.ModelProto:
    body = function("F", node("Relu", ["x"]))
    body.attribute_proto.append(helper.make_attribute("a", tensor))
    return model_of(node("Relu", ["x"]), functions=[body])


def in_training(tensor: onnx.TensorProto) -> onnx.ModelProto:
    model = ordinary()
    model.training_info.add().algorithm.initializer.append(tensor)
    return model


PLACES: list[Callable[[onnx.TensorProto], onnx.ModelProto]] = [
    in_initializer,
    in_sparse_values,
    in_sparse_indices,
    in_constant,
    in_tensors,
    in_sparse_attribute,
    in_subgraph,
    in_function,
    in_function_default,
    in_training,
]
LOCATIONS = [
    ".streamlit/secrets.toml",
    "../../etc/passwd",
    "/proc/self/environ",
    "weights.bin",
    "*/_ORT_MEM_ADDR_/*",
    "",
]


@pytest.mark.parametrize("place", PLACES)
def test_external_data_is_refused_wherever_it_is(place: Callable[[onnx.TensorProto], Any]) -> None:
    name = ".streamlit/secrets.toml"
    found = seen(place(external(weights(), name)))
    what = f"A tensor's numbers lie in another file, {name}, which would be read from this server."
    assert what in [each.what for each in found.findings if each.severity is Severity.REFUSED]
    assert found.graph is not None
    if place is not in_tensors:
        assert name in {each.location for each in found.graph.external}


@pytest.mark.parametrize("location", LOCATIONS)
def test_external_data_is_refused_whatever_it_names(location: str) -> None:
    (found,) = refusals(in_initializer(external(weights(), location)))
    assert found.startswith(f"A tensor's numbers lie in another file, {location or 'unnamed'}, ")


def test_a_leftover_of_external_data_is_refused_too() -> None:
    tensor = weights()
    tensor.external_data.add(key="location", value="weights.bin")
    assert refusals(in_initializer(tensor))[0].startswith("A tensor's numbers lie in another file")


# Operators, versions, functions.


@pytest.mark.parametrize(
    ("domain", "kind", "shown"),
    [
        ("evil.ops", "Run", "evil.ops::Run"),
        ("", "Run", "ai.onnx::Run"),
        ("ai.onnx.preview.training", "Adam", "ai.onnx.preview.training::Adam"),
        ("com.microsoft", "EPContext", "com.microsoft::EPContext"),
        ("com.microsoft", "Snpe", "com.microsoft::Snpe"),
        ("com.microsoft", "BeamSearch", "com.microsoft::BeamSearch"),
        ("ai.onnx.ml", "Relu", "ai.onnx.ml::Relu"),
    ],
)
def test_an_operator_that_is_not_on_the_list_is_refused(domain: str, kind: str, shown: str) -> None:
    (found,) = refusals(model_of(node(kind, ["x"], domain=domain)))
    assert found == f"It has the operator {shown}, which ONNX does not define or the lab does not allow."


def test_onnx_runtimes_arithmetic_passes_with_a_warning() -> None:
    model = model_of(node("FusedMatMul", ["x", "x"], domain="com.microsoft"))
    model.opset_import.add(domain="com.microsoft", version=1)
    assert warned(model) == [
        "It has FusedMatMul, an operator of ONNX Runtime: no other runtime has to know it."
    ]


@pytest.mark.parametrize("version", [999, 0, -1, 2**62])
def test_an_unknown_opset_is_refused_with_the_newest_known(version: int) -> None:
    newest = onnx.defs.onnx_opset_version()
    assert refusals(model_of(node("Relu", ["x"]), opsets=[("", version)])) == [
        f"It uses ai.onnx in version {version}; the newest known here is {newest}."
    ]


def test_an_unknown_format_version_is_refused() -> None:
    model = ordinary()
    model.ir_version = 99
    assert refusals(model)[0].startswith("Its format has version 99;")


def test_a_custom_operator_set_that_is_only_imported_is_a_warning() -> None:
    (found,) = warned(model_of(node("Relu", ["x"]), opsets=[("", 20), ("evil.ops", 1)]))
    assert found == "It imports operator sets whose operators the lab does not allow."


def chain(times: int, levels: int) -> onnx.ModelProto:
    """Functions of which each calls the next `times` times."""
    bodies = []
    for level in range(levels):
        kind = f"F{level + 1}" if level + 1 < levels else "Relu"
        domain = "local" if level + 1 < levels else ""
        names = ["x", *(f"h{index}" for index in range(times - 1)), "y"]
        nodes = [node(kind, [one], two, domain=domain) for one, two in itertools.pairwise(names)]
        bodies.append(function(f"F{level}", *nodes))
    return model_of(node("F0", ["x"], domain="local"), functions=bodies, opsets=[("", 20), ("local", 1)])


@pytest.mark.parametrize("domain", ["", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"])
def test_a_function_that_takes_an_operators_place_is_refused(domain: str) -> None:
    body = function("EPContext", node("Relu", ["x"]), domain=domain)
    model = model_of(node("EPContext", ["x"], domain=domain), functions=[body])
    assert refusals(model) == [
        "A local function is called like an operator of a runtime: which of them runs is not clear."
    ]


def test_local_functions_pass_while_they_stay_small() -> None:
    assert warned(chain(2, 10)) == []


def test_functions_that_double_are_refused_by_what_they_expand_to() -> None:
    assert refusals(chain(2, 20)) == ["Its local functions expand to more than 20,000 nodes."]


def test_functions_that_double_forty_times_are_refused_at_once() -> None:
    start = time.perf_counter()
    assert refusals(chain(2, 40))[0].startswith("Its local functions ")
    assert time.perf_counter() - start < 5


def test_a_long_chain_of_functions_is_refused() -> None:
    assert refusals(chain(1, 3_000)) == ["Its local functions call one another more than 32 levels deep."]


@pytest.mark.parametrize("called", [True, False])
def test_recursion_between_functions_is_refused(called: bool) -> None:
    bodies = [
        function("F", node("G", ["x"], domain="local")),
        function("G", node("F", ["x"], domain="local")),
    ]
    call = node("F", ["x"], domain="local") if called else node("Relu", ["x"])
    model = model_of(call, functions=bodies, opsets=[("", 20), ("local", 1)])
    assert refusals(model) == ["A local function calls itself."]


def test_a_constant_that_functions_copy_is_counted_as_often() -> None:
    model = chain(2, 12)
    large = numpy_helper.from_array(np.zeros(2**18, np.float32))
    model.functions[-1].node.append(node("Constant", [], "large", value=large))
    assert refusals(model) == ["Its local functions' constants expand to more than 256 MiB."]


@pytest.mark.parametrize("where", ["input", "output", "attribute_proto"])
def test_functions_with_many_ends_are_counted_as_often_as_they_are_called(where: str) -> None:
    model = chain(2, 12)
    ends = getattr(model.functions[-1], where)
    named = (f"n{index}" for index in range(1_000))
    ends.extend([AttributeProto(name=name) for name in named] if where == "attribute_proto" else named)
    assert refusals(model) == [
        "Its local functions expand to more than 1,000,000 inputs, outputs and attributes."
    ]


def test_a_subgraph_handed_to_a_function_is_refused() -> None:
    branch = helper.make_graph([node("Relu", ["x"], "b")], "branch", [], [value("b")])
    call = node("F", ["x"], domain="local", body=branch)
    model = model_of(call, functions=[function("F", node("Relu", ["x"]))], opsets=[("", 20), ("local", 1)])
    assert refusals(model)[0].startswith("A subgraph is handed to a local function")


# Size.


def test_a_hundred_thousand_nodes_are_refused() -> None:
    nodes = [node("Relu", ["x"], f"h{index}") for index in range(99_999)]
    start = time.perf_counter()
    assert refusals(model_of(*nodes, node("Relu", ["x"]))) == [
        f"It has 100,000 nodes; at most {MAX_NODES:,} may be."
    ]
    assert time.perf_counter() - start < 30


def test_a_file_of_too_many_nodes_is_not_described() -> None:
    nodes = [node(f"Kind{place}", ["x"], f"h{place}") for place in range(MAX_NODES)]
    assert seen(model_of(*nodes, node("Relu", ["x"]))).graph is None


def nested(depth: int) -> onnx.ModelProto:
    inner = node("Relu", ["x"], "b")
    condition = constant("c", 1, element=TensorProto.BOOL)
    for _ in range(depth):
        branch = helper.make_graph([inner], "g", [], [value("b")])
        inner = node("If", ["c"], "b", then_branch=branch)
    inner.output[0] = "y"
    return model_of(inner, initializers=[condition])


def test_subgraphs_pass_up_to_the_bound_of_their_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warned(nested(20)) == [
        "It has If, which runs a part of the graph: its time can depend on the inputs."
    ]
    monkeypatch.setattr(upload, "MAX_DEPTH", 10)
    assert refusals(nested(20)) == ["Its subgraphs lie 20 deep in one another; at most 10 may be."]


def test_a_constant_of_fourteen_gigabytes_in_eighty_bytes_is_refused() -> None:
    model = model_of(node("ConstantOfShape", ["s"]), initializers=[constant("s", 60_000, 60_000)])
    (found,) = refusals(model)
    assert found == "ConstantOfShape asks for 13.4 GiB; at most 256 MiB may."


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Expand", ["x", "s"])],
        [node("Tile", ["one", "s"])],
        [node("Constant", [], "t", value_ints=[2**40]), node("ConstantOfShape", ["t"])],
        [node("Concat", ["s", "s"], "t", axis=0), node("ConstantOfShape", ["t"])],
        [node("Identity", ["s"], "t"), node("Cast", ["t"], "u", to=7), node("Expand", ["x", "u"])],
        [node("Range", ["zero", "many", "step"])],
        [node("RandomNormal", [], shape=[100_000, 100_000])],
        [node("OneHot", ["x", "many", "one"])],
        [node("Reshape", ["big", "c"], "a"), node("Reshape", ["big", "r"], "b"), node("Mul", ["a", "b"])],
        [node("Reshape", ["big", "c"], "a"), node("Reshape", ["big", "r"], "b"), node("MatMul", ["a", "b"])],
    ],
    ids=lambda nodes: nodes[-1].op_type,
)
def test_what_makes_much_of_little_is_refused(nodes: list[onnx.NodeProto]) -> None:
    def scalar(name: str, number: int) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [], [number])

    held = [
        constant("s", 100_000, 100_000),
        helper.make_tensor("one", FLOAT, [1, 1], [1.0]),
        scalar("zero", 0),
        scalar("many", 2**50),
        scalar("step", 1),
        helper.make_tensor("big", FLOAT, [2**16], np.zeros(2**16, np.float32)),
        constant("c", 2**16, 1),
        constant("r", 1, 2**16),
    ]
    (found,) = refusals(model_of(*nodes, initializers=held))
    assert "asks for" in found


def test_concatenations_that_double_are_refused() -> None:
    names = ["x", *(f"h{index}" for index in range(60)), "y"]
    nodes = [node("Concat", [one, one], two, axis=1) for one, two in itertools.pairwise(names)]
    (found,) = refusals(model_of(*nodes))
    assert found == "Concat asks for 512 MiB; at most 256 MiB may."


def test_many_constants_are_refused_together() -> None:
    nodes = [node("ConstantOfShape", ["s"], f"h{index}") for index in range(100)]
    model = model_of(*nodes, node("Relu", ["x"]), initializers=[constant("s", 1_000, 1_000)])
    assert refusals(model) == ["Its constants ask for more than 256 MiB together."]


def test_an_input_that_no_memory_holds_is_refused() -> None:
    model = model_of(node("Relu", ["x"]), inputs=[value("x", [2**40, 4])])
    assert refusals(model) == ["An input asks for 16.0 TiB; at most 256 MiB may."]


def loop(trips: int | None, condition: str = "same", inner: onnx.NodeProto | None = None) -> onnx.NodeProto:
    """A Loop whose condition is what it was, a true constant, or computed from its counter."""
    decide = {
        "same": node("Identity", ["go"], "on"),
        "true": node("Constant", [], "on", value=helper.make_tensor("", TensorProto.BOOL, [], [True])),
        "computed": node("Less", ["i", "i"], "on"),
    }[condition]
    body = helper.make_graph(
        [decide, inner or node("Relu", ["state"], "next")],
        "body",
        [value("i", [1], TensorProto.INT64), value("go", [1], TensorProto.BOOL), value("state")],
        [value("on", [1], TensorProto.BOOL), value("next")],
    )
    return node("Loop", ["trips" if trips is not None else "", "", "x"], body=body)


def looping(
    trips: int | None, condition: str = "same", inner: onnx.NodeProto | None = None
) -> onnx.ModelProto:
    held = [] if trips is None else [helper.make_tensor("trips", TensorProto.INT64, [], [trips])]
    return model_of(loop(trips, condition, inner), initializers=held)


@pytest.mark.parametrize("condition", ["same", "true"])
def test_a_loop_that_never_ends_is_refused(condition: str) -> None:
    assert refusals(looping(None, condition=condition)) == [
        "A Loop never ends: it has no trip count and its condition is always true."
    ]


@pytest.mark.parametrize("trips", [MAX_TRIPS + 1, 2**62])
def test_a_loop_that_runs_too_often_is_refused(trips: int) -> None:
    (found,) = refusals(looping(trips))
    assert (
        found == f"A Loop runs its body {trips:,} times, loops around it included; at most 1,000,000 may be."
    )


def test_loops_in_loops_count_together() -> None:
    inside = loop(2_000)
    inside.input[2] = "state"
    inside.output[0] = "next"
    assert not seen(looping(400, inner=inside)).refused
    assert refusals(looping(2_000, inner=inside))[0].startswith("A Loop runs its body 4,000,000 times")


def test_a_loop_that_can_end_is_a_warning() -> None:
    warning = "It has Loop, which runs a part of the graph: its time can depend on the inputs."
    assert warned(looping(1_000)) == [warning]
    assert warned(looping(2**63 - 1, condition="computed")) == [warning]


# Tensors.


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"dims": [3]}, "In it a tensor's dimensions need 3 entries, and it holds 2."),
        ({"dims": [-2]}, "In it a tensor has the negative dimension -2."),
        ({"dims": [2**40, 2**40]}, "In it a tensor's dimensions multiply to more than 64 bits hold."),
        ({"dims": [1] * 65}, "In it a tensor has more than 64 dimensions."),
        ({"data_type": 99}, "In it a tensor has the element type 99, which ONNX does not have."),
        ({"data_type": 0}, "In it a tensor has the element type 0, which ONNX does not have."),
        ({"data_type": 7}, "In it a tensor holds elements of another type than it declares."),
        ({"raw_data": bytes(8)}, "In it a tensor holds its elements in two ways, or strings as raw bytes."),
        (
            {"raw_data": bytes(7), "float_data": []},
            "In it a tensor's dimensions need 8 bytes, and it holds 7.",
        ),
    ],
)
def test_a_tensor_that_does_not_hold_what_it_declares_is_refused(change: dict[str, Any], what: str) -> None:
    tensor = weights()
    for name, content in change.items():
        if isinstance(content, list):
            del getattr(tensor, name)[:]
            getattr(tensor, name).extend(content)
        else:
            setattr(tensor, name, content)
    assert refusals(in_initializer(tensor)) == [what]


def test_training_graphs_are_refused() -> None:
    model = ordinary()
    model.training_info.add().algorithm.name = "adam"
    assert refusals(model) == ["It holds graphs for training, which a runtime for inference has no use for."]


# Inputs, outputs and names.


def sequence(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_sequence_value_info(name, FLOAT, None)


def optional(name: str) -> onnx.ValueInfoProto:
    return helper.make_value_info(name, helper.make_optional_type_proto(value("").type))


@pytest.mark.parametrize(
    ("given_", "what"),
    [
        (sequence("x"), "An input is of the kind sequence; the lab fills only tensors."),
        (optional("x"), "An input is of the kind optional; the lab fills only tensors."),
        (onnx.ValueInfoProto(name="x"), "An input is of no kind; the lab fills only tensors."),
        (value("x", [1], TensorProto.STRING), "An input takes texts; the lab fills only numbers."),
        (value("x", [1], 77), "An input has the element type 77, which ONNX does not have."),
    ],
)
def test_an_input_that_the_lab_cannot_fill_is_refused(given_: onnx.ValueInfoProto, what: str) -> None:
    assert refusals(model_of(node("Identity", ["x"]), inputs=[given_])) == [what]


def test_a_model_without_outputs_is_refused() -> None:
    model = model_of(node("Relu", ["x"]), outputs=[])
    assert refusals(model) == ["It has no outputs: there is nothing to compute."]


def test_a_model_without_nodes_or_inputs_is_a_warning() -> None:
    assert warned(model_of(outputs=[value("x")])) == ["It has no nodes: it computes nothing."]
    assert warned(model_of(node("Constant", [], value_float=1.0), inputs=[])) == [
        "It takes no inputs: it always gives the same."
    ]


def test_without_inputs_random_numbers_do_not_always_give_the_same() -> None:
    found = warned(model_of(node("RandomNormal", [], shape=[2, 4]), inputs=[], outputs=[value("y", [2, 4])]))
    assert len(found) == 2
    assert found[0].startswith("It has RandomNormal, which draws random numbers")
    assert found[1] == "It takes no inputs: only its random numbers change what it gives."


def test_texts_in_a_tensor_and_sequences_as_outputs_are_warnings() -> None:
    texts = TensorProto(name="t", data_type=TensorProto.STRING, dims=[1], string_data=[b"a"])
    assert warned(in_initializer(texts)) == ["It holds texts as a tensor; no numbers can be compared there."]
    model = model_of(node("SequenceConstruct", ["x"]), outputs=[sequence("y")])
    assert warned(model) == ["An output is no tensor; the lab compares only tensors."]


def test_random_numbers_are_a_warning() -> None:
    (found,) = warned(model_of(node("RandomNormalLike", ["x"])))
    assert found.startswith("It has RandomNormalLike, which draws random numbers")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb", "\u202egnp.exe", "</b>"])
def test_a_name_with_markup_or_control_characters_is_a_warning(name: str) -> None:
    found = seen(model_of(node("Relu", ["x"]), name=name))
    assert not found.refused
    (finding,) = found.findings
    assert finding.what == "A name has control characters or looks like HTML; it is shown as plain text."
    assert finding.where == "".join(sign if sign.isprintable() else "\ufffd" for sign in name)


def test_long_texts_are_refused() -> None:
    assert refusals(model_of(node("Relu", ["x"]), name="n" * (MAX_NAME + 1))) == [
        "A text in it has more than 1,000 characters."
    ]
    model = ordinary()
    model.doc_string = "d" * (MAX_TEXT + 1)
    assert refusals(model) == ["A text in it has more than 1,048,576 characters."]
    model = ordinary()
    for index in range(30):
        model.metadata_props.add(key=f"k{index}", value="v" * 50_000)
    assert refusals(model) == ["Its metadata have 1.4 MiB; at most 1.0 MiB may be."]


def test_a_value_with_two_meanings_is_refused() -> None:
    twice = model_of(node("Relu", ["x"]), node("Abs", ["x"]))
    assert refusals(twice) == ["Two values have the same name: which of them is meant is not clear."]
    same = model_of(node("Relu", ["x"]), initializers=[weights(), weights()])
    assert refusals(same) == ["Two initializers have the same name."]


def test_the_same_thing_in_many_places_is_one_finding() -> None:
    nodes = [node("Run", ["x"], f"h{index}", domain="evil") for index in range(10)]
    (finding,) = seen(model_of(*nodes, node("Relu", ["x"]))).findings
    assert finding.where == "graph[0].node[0] Run, graph[0].node[1] Run, graph[0].node[2] Run and 7 more"


def test_many_different_things_are_counted_and_still_refused() -> None:
    nodes = [node(f"Run{index}", ["x"], f"h{index}", domain="evil") for index in range(100)]
    found = seen(model_of(*nodes, node("Relu", ["x"]))).findings
    assert len(found) == 40
    assert found[-1].what.endswith(" And 60 more findings.")


def test_the_name_of_the_file_is_made_printable() -> None:
    assert examine(b"", "a\0b\n" + "c" * 200).name == "a\ufffdb\ufffd" + "c" * 75 + "…"


# Anything at all.

CORPUS = [
    ordinary().SerializeToString(),
    in_subgraph(weights()).SerializeToString(),
    in_function(weights()).SerializeToString(),
    in_sparse_attribute(weights()).SerializeToString(),
    in_initializer(external(weights(), "a")).SerializeToString(),
    looping(5).SerializeToString(),
    chain(2, 5).SerializeToString(),
]


def check_anything(data: bytes) -> None:
    start = time.perf_counter()
    found = seen(data)
    assert time.perf_counter() - start < 10
    if not found.refused:
        assert not refers_elsewhere(found.data)
        again = examine(found.data)
        assert not again.refused
        assert again.data == found.data
        model = onnx.ModelProto.FromString(found.data)
        assert describe(model, found.size) == found.graph


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise(data: bytes) -> None:
    check_anything(data)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "insert", "cut", "end"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=20))
            case "cut":
                del data[at : at + draw(st.integers(1, 10))]
            case _:
                del data[max(at, len(data) - 20) :]
    return bytes(data)


@settings(max_examples=500, deadline=None)
@given(mutated())
def test_mutated_models_never_raise(data: bytes) -> None:
    check_anything(data)


NUMBERS = st.one_of(st.sampled_from([-(2**63), -1, 0, 1, 2, 7, 20, 2**31, 2**63 - 1]), st.integers(0, 30))
TEXTS = st.one_of(
    st.sampled_from(["", "x", "y", "F", "Loop", "If", "Concat", "Tile", "Range", "ConstantOfShape", "local"]),
    st.sampled_from(["Constant", "Expand", "Relu", "value", "axis", "ai.onnx", "<script>", "location"]),
    st.text(max_size=5),
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "bytes": st.binary(max_size=16),
    "float": st.floats(width=32),
    "double": st.floats(),
}


def fill(draw: st.DrawFn, message: Message, depth: int) -> None:
    """Gives a message random fields, and those that are messages random ones too."""
    fields = cast("list[FieldDescriptor]", list(message.DESCRIPTOR.fields))
    for field in draw(st.lists(st.sampled_from(fields), max_size=6, unique_by=lambda each: each.number)):
        if field.message_type is not None:
            if depth > 0:
                held = getattr(message, field.name)
                for _ in range(draw(st.integers(1, 3)) if field.is_repeated else 1):
                    fill(draw, held.add() if field.is_repeated else held, depth - 1)
                if not field.is_repeated:
                    held.SetInParent()
            continue
        content = scalar_of(field)
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(content, max_size=4)))
        else:
            setattr(message, field.name, draw(content))


def scalar_of(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([each.number for each in field.enum_type.values])
    known = {field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes", field.TYPE_FLOAT: "float"}
    known[field.TYPE_DOUBLE] = "double"
    if field.type in known:
        return SCALARS[known[field.type]]
    if field.type == field.TYPE_INT32:
        return st.integers(-2, 30)
    return (
        NUMBERS.map(abs).map(lambda each: min(each, 2**63 - 1))
        if field.type == field.TYPE_UINT64
        else NUMBERS
    )


@st.composite
def protos(draw: st.DrawFn) -> bytes:
    """A valid model with random messages merged into random places of it."""
    model = onnx.ModelProto.FromString(draw(st.sampled_from(CORPUS)))
    places = list(messages(model))
    for _ in range(draw(st.integers(1, 3))):
        fill(draw, draw(st.sampled_from(places)), 3)
    return model.SerializeToString()


@settings(max_examples=300, deadline=None)
@given(protos())
def test_generated_models_never_raise(data: bytes) -> None:
    check_anything(data)
