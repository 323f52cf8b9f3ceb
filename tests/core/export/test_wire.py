import onnx
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from core.export import wire
from core.export.wire import WireError, kind_of, measure, parse


def model() -> onnx.ModelProto:
    nodes = [helper.make_node("LeakyRelu", [f"h{index}"], [f"h{index + 1}"], alpha=0.1) for index in range(9)]
    ends = [helper.make_tensor_value_info(name, 1, ["batch", 3]) for name in ("h0", "h9")]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]))


def messages(message: Message) -> int:
    inner = [(field, value) for field, value in message.ListFields() if field.message_type]
    return 1 + sum(
        messages(each) for field, value in inner for each in (value if field.is_repeated else [value])
    )


def test_it_counts_the_messages_that_a_parser_finds() -> None:
    assert measure(model().SerializeToString()) == messages(model()) - 1


@given(st.binary(max_size=100))
def test_what_protobuf_reads_is_counted(data: bytes) -> None:
    try:
        parts = measure(data)
    except WireError:
        return
    assert parts >= messages(onnx.ModelProto.FromString(data)) - 1


def test_a_model_is_read() -> None:
    assert parse(model().SerializeToString()) == model()


@pytest.mark.parametrize(
    ("bound", "what"),
    [
        ("MAX_PARTS", "It holds more than 10 parts."),
        ("MAX_FIELDS", "It holds more than 10 values one by one."),
    ],
)
def test_the_bounds_hold(monkeypatch: pytest.MonkeyPatch, bound: str, what: str) -> None:
    monkeypatch.setattr(wire, bound, 10)
    with pytest.raises(WireError) as caught:
        parse(model().SerializeToString())
    assert str(caught.value) == what


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01",  # field 0
        b"\x0b\x0c",  # a group
        b"\x08" + b"\xff" * 11,  # a number that does not end
        b"\x3a\x02\x0a\x7f",  # a node that is longer than its graph
        b"\xf8\x7f\x01",  # a first field that ONNX does not have
    ],
)
def test_what_is_no_protobuf_of_a_model_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="no ONNX file"):
        measure(data)


def test_a_model_is_of_no_other_kind() -> None:
    assert kind_of(model().SerializeToString()) == ""
