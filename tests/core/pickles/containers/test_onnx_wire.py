"""Protobuf's wire format, field by field, against protobuf itself."""

from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto

from core.pickles.bounds import DEFAULT
from core.pickles.containers.onnx_wire import Reader, WireError, looks_like_model
from core.pickles.span import Span


@given(st.integers(0, 2**62), st.text(max_size=200), st.text(max_size=200))
def test_fields_are_what_protobuf_wrote(version: int, producer: str, note: str) -> None:
    model = ModelProto(model_version=version, producer_name=producer, doc_string=note)
    data = model.SerializeToString()
    reader, position, found = Reader(Span.of(data)), 0, {}
    while position < len(data):
        field, position = reader.field(position, len(data))
        found[field.number] = data[field.start : field.end] if field.is_bytes else field.value
    expected = {
        ModelProto.MODEL_VERSION_FIELD_NUMBER: version,
        ModelProto.PRODUCER_NAME_FIELD_NUMBER: producer.encode(),
        ModelProto.DOC_STRING_FIELD_NUMBER: note.encode(),
    }
    # What was set is written, even where it is nothing.
    assert found == expected


def test_a_model_is_one_only_with_a_graph_and_to_its_last_byte() -> None:
    model = ModelProto(ir_version=8)
    assert not looks_like_model(Span.of(model.SerializeToString()), DEFAULT)
    model.graph.name = "g"
    data = model.SerializeToString()
    assert looks_like_model(Span.of(data), DEFAULT)
    assert not looks_like_model(Span.of(data[:-1]), DEFAULT)
    assert not looks_like_model(Span.of(data + b"x"), DEFAULT)


@given(st.binary(max_size=30))
def test_a_field_is_read_or_refused(data: bytes) -> None:
    try:
        field, after = Reader(Span.of(data)).field(0, len(data))
    except WireError:
        return
    assert 0 < after <= len(data)
    assert field.start <= field.end <= len(data)
