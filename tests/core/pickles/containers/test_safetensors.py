"""safetensors against its own library, and headers that lie."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, save

from core.pickles.containers.safetensors import HeaderError, check
from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import planted

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def file(header: object, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + body


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        arrays.arrays(st.sampled_from([np.float32, np.int64, np.uint8]), arrays.array_shapes(max_dims=2)),
        max_size=4,
    )
)
def test_what_the_library_writes_is_data_only(tensors: dict[str, np.ndarray]) -> None:
    data = save(tensors)
    report = scan(data, "model.safetensors")
    assert (report.format, report.verdict) == (Format.SAFETENSORS, Verdict.DATA_ONLY)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[1]",
        b'{"a": 1}',
        b'{"a": NaN}',
        b"{" * 50_000,
        {"a": ONE | {"dtype": "PICKLE"}},
        {"a": ONE | {"shape": [3]}},
        {"a": ONE | {"shape": [True, 2]}},
        {"a": ONE | {"data_offsets": [4, 12]}},
        {"a": ONE | {"data_offsets": [8, 0]}},
        {"a": ONE | {"extra": 1}},
        {"a": ONE, "b": ONE},
        {"__metadata__": {"a": 1}},
        b'{"a": %(one)b, "a": %(one)b}' % {b"one": json.dumps(ONE).encode()},
    ],
)
def test_a_header_that_breaks_the_rules_is_refused(header: object) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    with pytest.raises(HeaderError):
        check(raw, 8)
    assert scan(file(raw, bytes(8))).verdict is not Verdict.DATA_ONLY


@pytest.mark.parametrize("dimensions", [64, 65, 200_000])
def test_a_shape_has_at_most_64_dimensions(dimensions: int) -> None:
    tensor = {"dtype": "U8", "shape": [2**62] * dimensions, "data_offsets": [0, 1]}
    report = scan(file({"a": tensor}, b"x"))
    assert report.verdict is Verdict.COULD_NOT_READ
    (entry,) = report.ledger.entries
    assert ("64 are the most" in entry.reason) == (dimensions > 64)


@pytest.mark.parametrize("extra", [b"x", planted()])
def test_bytes_behind_the_tensors_are_not_data_only(extra: bytes) -> None:
    data = save({"a": np.zeros(2, np.float32)})
    with pytest.raises(Exception, match=r"[Ii]ncomplete"):
        load(data + extra)
    assert scan(data + extra).verdict is Verdict.COULD_NOT_READ


def test_a_pickle_with_its_name_is_told_apart() -> None:
    report = scan(planted(), "model.safetensors")
    assert report.format is Format.PICKLE
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.subject == "name" for finding in report.findings)
