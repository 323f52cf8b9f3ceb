"""joblib's format, written here as joblib 1.6 writes it: raw arrays between the opcodes of one pickle."""

import bz2
import datetime
import gzip
import io
import lzma
import pickle
import sys
import types
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.containers.test_lz4_frame import frame
from tests.core.pickles.samples import Planted

MODULE = "joblib.numpy_pickle"


class NumpyArrayWrapper:
    """Bears the name of joblib's class, which the pickle has instead of the array."""

    def __init__(self, value: np.ndarray, alignment: int | None) -> None:
        self.subclass = type(value)
        self.shape = value.shape
        self.order = "C"
        self.dtype = value.dtype
        self.allow_mmap = not value.dtype.hasobject
        if alignment is not None:
            self.numpy_array_alignment_bytes = alignment


NumpyArrayWrapper.__module__ = MODULE


_PurePickler: Any = pickle._Pickler


class _Pickler(_PurePickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, protocol: int, alignment: int | None) -> None:
        super().__init__(file, protocol)
        self._file = file
        self._alignment = alignment

    def save(self, value: object, save_persistent_id: bool = True) -> None:
        if type(value) is not np.ndarray:
            super().save(value, save_persistent_id)
            return
        super().save(NumpyArrayWrapper(value, self._alignment))
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if value.dtype.hasobject:
            pickle.dump(value, self._file, protocol=5)
            return
        if self._alignment is not None:
            padding = self._alignment - (self._file.tell() + 1) % self._alignment
            self._file.write(bytes([padding]) + b"\xff" * padding)
        self._file.write(value.tobytes())


@pytest.fixture(scope="module", autouse=True)
def joblib_by_name() -> Iterator[None]:
    """pickle looks the class up where it says that it is."""
    if MODULE in sys.modules:
        yield
        return
    package, module = types.ModuleType("joblib"), types.ModuleType(MODULE)
    module.NumpyArrayWrapper = NumpyArrayWrapper  # type: ignore[attr-defined]
    package.numpy_pickle = module  # type: ignore[attr-defined]
    sys.modules |= {"joblib": package, MODULE: module}
    yield
    del sys.modules["joblib"], sys.modules[MODULE]


def dumped(value: object, protocol: int = 4, alignment: int | None = 16) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol, alignment).dump(value)
    return file.getvalue()


VALUE: dict[str, Any] = {
    "weights": np.arange(1000.0).reshape(10, 100),
    "bias": np.zeros(3, np.float32),
    "none": np.zeros((0, 4)),
    "scalar": np.array(7),
    "words": np.array(["a", "bc"]),
    "fields": np.zeros(2, np.dtype([("a", "i4"), ("b", "f8")])),
    "name": "model",
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("alignment", [16, None])
def test_arrays_between_opcodes_are_numbers(protocol: int, alignment: int | None) -> None:
    report = scan(dumped(VALUE, protocol, alignment), "model.joblib")
    assert (report.format, report.verdict) == (Format.JOBLIB, Verdict.DATA_ONLY)
    assert report.ledger.complete
    assert sum(entry.reading == "raw data" for entry in report.ledger.entries) == 6


@pytest.mark.parametrize("alignment", [16, None])
def test_a_call_behind_an_array_is_found(alignment: int | None) -> None:
    report = scan(dumped({**VALUE, "extra": Planted()}, alignment=alignment))
    assert report.verdict is Verdict.DANGEROUS
    assert any("echo never" in each.call.arguments for each in report.calls)


def test_an_array_of_objects_is_a_pickle_of_its_own() -> None:
    good = dumped({"a": np.array([1, "b", None], dtype=object), "b": np.arange(3)})
    bad = dumped({"a": np.array([Planted()], dtype=object), "b": np.arange(3)})
    assert scan(good).verdict is Verdict.DATA_ONLY
    assert scan(bad).verdict is Verdict.DANGEROUS


def test_opcodes_in_an_arrays_numbers_are_found_where_pickle_would_run_them() -> None:
    program = b"cos\nsystem\n(S'echo never'\ntR."
    hidden = np.frombuffer(program, np.uint8)
    assert scan(dumped({"a": hidden}, 2, None)).verdict is Verdict.DANGEROUS
    assert scan(dumped({"a": hidden}, 2, 16)).verdict is Verdict.DATA_ONLY


UNHEARD = b"0cunheard\nthing\n)R."
COMPUTED = b"0\x8c\x08builtins\x8c\x03str\x93\x8c\x05posix\x85R\x8c\x06system\x93\x8c\x04true\x85R."


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (UNHEARD, Verdict.NEEDS_TRUST),
        (UNHEARD.replace(b")R.", b"\xff"), Verdict.NEEDS_TRUST),
        (COMPUTED, Verdict.DANGEROUS),
        (UNHEARD.replace(b"unheard", b"u?h-ard"), Verdict.DATA_ONLY),
        (b"c\0\n\0.\0\n\0", Verdict.DATA_ONLY),
        (b"NR)R]b", Verdict.DATA_ONLY),
        (b"P\x8f\nNb", Verdict.DATA_ONLY),
    ],
)
def test_what_pickle_would_name_in_an_arrays_numbers_counts_and_chance_does_not(
    numbers: bytes, verdict: Verdict
) -> None:
    report = scan(dumped({"a": np.frombuffer(numbers, np.uint8)}, 2, None))
    assert report.verdict is verdict


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_memo_of_an_array_of_objects_is_its_own(protocol: int) -> None:
    inner = np.array([datetime.date(2020, 1, 2), datetime.time(1), np.float32(1), {1}], dtype=object)
    rows = np.array([("a", (1, 2)), ("b", None)], dtype=[("name", "U3"), ("value", object)])
    for value in (inner, {"a": inner}, [1, inner, np.arange(3)], {"a": rows, "n": [1, 2]}):
        assert scan(dumped(value, protocol)).verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress, frame])
def test_every_compression_of_joblib_is_read(pack: Callable[[bytes], bytes]) -> None:
    good, bad = scan(pack(dumped(VALUE))), scan(pack(dumped({**VALUE, "extra": Planted()})))
    assert good.verdict is Verdict.DATA_ONLY
    assert good.members[1].format is Format.JOBLIB
    assert bad.verdict is Verdict.DANGEROUS


def test_a_wrapper_that_is_built_twice_could_not_be_read() -> None:
    data = dumped({"a": np.arange(3)}, 2)
    end = data.rindex(b"s.")
    assert scan(data[:end] + b"}b" + data[end:]).verdict is Verdict.COULD_NOT_READ


def test_an_array_that_is_cut_off_could_not_be_read() -> None:
    data = dumped({"a": np.arange(1000)})
    assert scan(data[:2000]).verdict is Verdict.COULD_NOT_READ


@settings(max_examples=60)
@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    raw = bytearray(dumped({"a": np.arange(5), "extra": Planted()}))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict
