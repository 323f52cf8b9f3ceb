"""npy headers against NumPy's own writer, and what must not pass for one."""

import io
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.pickles.containers.npy import HeaderError, describe, parse_literal, read_header
from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import Planted, array


def header_bytes(text: str, version: int = 1) -> bytes:
    raw = text.encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(raw).to_bytes(2 if version == 1 else 4, "little") + raw


def saying(descr: str, shape: str = "(2,)") -> bytes:
    return header_bytes(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)))
def test_a_header_of_numpy_is_read_as_numpy_means_it(value: np.ndarray) -> None:
    data = array(value)
    header = read_header(Span.of(data))
    assert header.shape == value.shape
    assert header.item_bytes == value.dtype.itemsize
    assert not header.objects
    assert header.data + value.nbytes == len(data)


@given(arrays.array_dtypes(max_size=4, allow_subarrays=True))
def test_the_header_of_a_structured_array_too(dtype: np.dtype) -> None:
    header = read_header(Span.of(array(np.zeros(3, dtype))))
    assert header.understood
    assert header.item_bytes == dtype.itemsize


@pytest.mark.parametrize(
    "value",
    [
        np.array([None, 1], dtype=object),
        np.zeros(2, np.dtype([("a", "i4"), ("b", "O")])),
        np.zeros(2, np.dtype([("a", [("deep", "O")], (2,))])),
    ],
)
def test_an_array_of_objects_is_known_as_one(value: np.ndarray) -> None:
    assert read_header(Span.of(array(value))).objects


@pytest.mark.parametrize(
    "descr", ["'|O'", "'O'", "'i4,O'", "'object'", "'>O8'", "[('a', '<i4'), ('O', '|O')]"]
)
def test_every_spelling_of_objects_is_one(descr: str) -> None:
    assert read_header(Span.of(saying(descr))).objects


@pytest.mark.parametrize("dimensions", [64, 65, 50_000])
def test_an_item_has_at_most_64_dimensions(dimensions: int) -> None:
    known = dimensions <= 64
    shape = f"({'1, ' * dimensions})"
    data = header_bytes(f"{{'descr': ('<f4', {shape}), 'fortran_order': False, 'shape': (2,)}}", 2) + bytes(8)
    assert (scan(data).verdict is Verdict.DATA_ONLY) == known


def test_a_field_called_as_objects_are_holds_no_objects() -> None:
    assert not read_header(Span.of(saying("[('O', '<i4')]"))).objects


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x07\x00\x02\x00{}",
        header_bytes("{}"),
        header_bytes("__import__('os').system('echo never')"),
        header_bytes("{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 'more': 1}"),
        header_bytes("{'descr': '<i4', 'fortran_order': False, 'shape': ('a',)}"),
        header_bytes("{'descr': '<i4', 'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        header_bytes("{'descr': '<i4', 'fortran_order': False, 'shape': (1,)} + x"),
        header_bytes("{'descr': '<i4', 'fortran_order': False, 'shape': (True,)}"),
        header_bytes("(" * 5000),
        header_bytes("{'descr': '<i4' 'fortran_order': False}"),
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(HeaderError):
        read_header(Span.of(data))


@given(st.text("[](){},:'\"0123456789 TrueFalsNon", max_size=60))
def test_a_literal_is_what_python_reads_or_is_refused(text: str) -> None:
    import ast

    try:
        found = parse_literal(text)
    except HeaderError:
        return
    expected = ast.literal_eval(text.strip())
    assert found == _tuples(expected)


def _tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def test_sizes_of_types() -> None:
    assert describe("<U7") == (28, False, True)
    assert describe("<M8[ns]") == (8, False, True)
    assert describe((("a", "<f4", (2, 3)), ("b", "|S5"))) == (29, False, True)
    assert describe("<q") == (None, False, False)


def test_numbers_are_data_only() -> None:
    report = scan(array(np.arange(10.0)), "x.npy")
    assert (report.format, report.verdict) == (Format.NPY, Verdict.DATA_ONLY)
    assert report.ledger.complete


def test_plain_objects_are_data_only_and_a_planted_call_is_found_at_its_offset() -> None:
    assert scan(array(np.array([1, "a", None], dtype=object))).verdict is Verdict.DATA_ONLY
    data = array(np.array([Planted()], dtype=object))
    report = scan(data)
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.subject.endswith("system") for finding in report.findings)
    start = read_header(Span.of(data)).data
    assert all(finding.offset is not None and finding.offset > start for finding in report.findings)


def test_several_arrays_in_one_file_are_all_read() -> None:
    good, bad = array(np.arange(3)), array(np.array([Planted()], dtype=object))
    assert scan(good + good).verdict is Verdict.DATA_ONLY
    assert scan(good + bad).verdict is Verdict.DANGEROUS


def test_a_pickle_behind_an_array_is_found() -> None:
    for content in (1, Planted()):
        report = scan(array(np.arange(3)) + pickle.dumps(content))
        assert report.verdict is Verdict.DANGEROUS
        assert report.findings[0].subject == "polyglot"


@pytest.mark.parametrize("kept", [20, 60, 130])
def test_an_array_that_is_cut_off_could_not_be_read(kept: int) -> None:
    assert scan(array(np.arange(10.0))[:kept]).verdict is Verdict.COULD_NOT_READ


def test_a_shape_of_astronomic_size_could_not_be_read() -> None:
    data = saying("'<f8'", f"({9 * 10**17},)")
    assert math.prod(read_header(Span.of(data)).shape) == 9 * 10**17
    assert scan(data).verdict is Verdict.COULD_NOT_READ


def test_numpy_itself_accepts_the_files_of_these_tests() -> None:
    assert np.load(io.BytesIO(array(np.arange(3)))).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("before", "after"), [("(" * 5, ""), ("((((('<i4', ", ")"), ("[" * 21, ""), ("{'a': ", "}")]
)
def test_a_header_of_many_tokens_is_refused_token_by_token(before: str, after: str) -> None:
    with pytest.raises(HeaderError):
        parse_literal("{'descr': " + before + "1," * 449_000 + after)


@pytest.mark.parametrize("ending", ["", " ", "\n", "\0", " \n\t\0\n"])
def test_what_fills_a_header_up_is_no_token(ending: str) -> None:
    assert parse_literal("(1, 2)" + ending) == (1, 2)
    with pytest.raises(HeaderError):
        parse_literal("(1, 2)" + ending + "x" + ending)
