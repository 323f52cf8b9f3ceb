"""ONNX models of its own helpers: what they name outside of themselves is found."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict


def model(operator: str = "Relu", domain: str = "", deep: bool = False) -> ModelProto:
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    two = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    if deep:
        inner = helper.make_graph([node], "inner", [], [two])
        node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    return helper.make_model(helper.make_graph([node], "g", [one], [two], [weights]))


def external(location: str) -> bytes:
    found = model()
    tensor = found.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return bytes(found.SerializeToString())


def test_a_model_of_standard_operators_is_data_only() -> None:
    report = scan(model(deep=True).SerializeToString(), "model.onnx")
    assert (report.format, report.verdict) == (Format.ONNX, Verdict.DATA_ONLY)
    assert report.ledger.complete


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("operator", "domain"),
    [("Steal", "evil.ops"), ("PyOp", "ai.onnx.contrib"), ("PythonOp", "com.microsoft")],
)
def test_operators_from_elsewhere_need_trust(operator: str, domain: str, deep: bool) -> None:
    report = scan(model(operator, domain, deep).SerializeToString())
    assert report.verdict is Verdict.NEEDS_TRUST


def test_operators_of_the_runtime_are_noted() -> None:
    report = scan(model("FusedGemm", "com.microsoft").SerializeToString())
    assert report.verdict is Verdict.DATA_ONLY
    assert any("com.microsoft" in note for note in report.notes)


@pytest.mark.parametrize(
    ("location", "verdict"),
    [
        ("weights.bin", Verdict.DATA_ONLY),
        ("folder/weights.bin", Verdict.DATA_ONLY),
        ("..hidden/weights", Verdict.DATA_ONLY),
        ("../../etc/passwd", Verdict.DANGEROUS),
        ("a/../../b", Verdict.DANGEROUS),
        ("/etc/passwd", Verdict.DANGEROUS),
        ("C:\\secrets", Verdict.DANGEROUS),
        ("\\\\host\\share", Verdict.DANGEROUS),
    ],
)
def test_data_in_other_files(location: str, verdict: Verdict) -> None:
    report = scan(external(location), "model.onnx")
    assert report.verdict is verdict
    assert re.split(r"[/\\]", location)[-1] in " ".join(
        [*report.notes, *(finding.reason for finding in report.findings)]
    )


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    least = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(part | 128 for part in least[:-1]), least[-1]])


def test_a_field_that_some_readers_find_and_others_do_not_is_never_data_only() -> None:
    # C++ keeps the lower 32 bits of a field's number and type: this is the graph's field 5 to it.
    weights = model().graph.initializer[0].SerializeToString()
    for high in (0, 1 << 32, 1 << 40):
        tag = varint(5 << 3 | 2 | high)
        graph = model().graph.SerializeToString() + tag + varint(len(weights)) + weights
        found = ModelProto()
        found.CopyFrom(model())
        found.ClearField("graph")
        data = found.SerializeToString() + b"\x3a" + varint(len(graph)) + graph
        verdict = scan(data, "model.onnx").verdict
        assert verdict is (Verdict.COULD_NOT_READ if high else Verdict.DATA_ONLY)


def test_a_place_that_is_too_long_to_be_read_could_not_be_read() -> None:
    assert scan(external("./" * 2060 + "../../../etc/passwd")).verdict is Verdict.COULD_NOT_READ


def test_a_location_in_metadata_is_no_file() -> None:
    found = model()
    helper.set_model_props(found, {"location": "/here"})
    assert scan(found.SerializeToString()).verdict is Verdict.DATA_ONLY


def test_a_function_of_the_file_is_no_custom_operator() -> None:
    found = model("Twice", "my.functions")
    inner = helper.make_node("Add", ["a", "a"], ["b"])
    opsets = [helper.make_opsetid("", 18)]
    found.functions.append(helper.make_function("my.functions", "Twice", ["a"], ["b"], [inner], opsets))
    assert scan(found.SerializeToString()).verdict is Verdict.DATA_ONLY


def test_a_model_that_is_cut_off_is_not_data_only() -> None:
    data = model().SerializeToString()
    assert all(scan(data[:size]).verdict is not Verdict.DATA_ONLY for size in range(1, len(data) - 1, 7))


def test_messages_in_messages_end_at_the_bound() -> None:
    body = b""
    for tag in [b"\x32", b"\x2a", b"\x0a"] * 300 + [b"\x3a"]:
        # A graph in an attribute in a node in a graph, and at last in the model.
        size, length = len(body), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        body = tag + length + bytes([size]) + body
    found = ModelProto()
    found.ir_version = 8
    report = scan(found.SerializeToString() + body)
    assert report.verdict is Verdict.COULD_NOT_READ


@settings(max_examples=60)
@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    raw = bytearray(model(deep=True).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict
