"""A run as bytes: all of it comes back, and what is none is refused in one line."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.benchmark.history import HistoryError, Run, document
from core.benchmark.history.document import pack, unpack
from tests.core.benchmark.history import made
from tests.core.benchmark.history.strategies import runs


@settings(max_examples=40)
@given(runs())
def test_any_run_is_packed_as_it_is(run: Run) -> None:
    assert repr(unpack(pack(run))) == repr(run)  # nan is not equal to itself, but prints alike


def test_a_packed_run_is_the_run() -> None:
    run = made.run(made.case(), made.case("cnn", 8), owner="me")
    assert unpack(pack(run)) == run


@pytest.mark.parametrize(
    "data",
    [b"", b"garbage", pack(made.run())[:-1], pack(made.run())[:100], b"x" + pack(made.run())],
    ids=["nothing", "garbage", "all but the last byte", "the first bytes", "a byte before it"],
)
def test_what_is_damaged_says_so(data: bytes) -> None:
    with pytest.raises(HistoryError, match="damaged and cannot be read") as caught:
        unpack(data)
    assert caught.value.__context__ is None


DAMAGED = "What was kept of this run is damaged and cannot be read."


def unpacked(data: bytes) -> Run | str:
    """The run, or why there is none."""
    try:
        return unpack(data)
    except HistoryError as error:
        return str(error)


@settings(max_examples=60)
@given(st.floats(0, 1), st.integers(1, 255))
def test_a_run_with_a_wrong_byte_is_refused_in_one_line_or_is_the_same(place: float, change: int) -> None:
    run = made.run(made.case(rounds=2))
    data = bytearray(pack(run))
    data[int(place * (len(data) - 1))] ^= change
    assert unpacked(bytes(data)) in (run, DAMAGED)


def test_what_another_version_kept_says_so() -> None:
    kept = json.loads(zlib.decompress(pack(made.run())))
    later = zlib.compress(json.dumps(kept | {"version": document.VERSION + 1}).encode())
    with pytest.raises(HistoryError, match=r"^Another version of this app kept this run"):
        unpack(later)


def test_the_owner_is_kept_with_the_run() -> None:
    assert unpack(pack(made.run(owner="t0ken"))).owner == "t0ken"


def test_a_run_of_too_many_rounds_is_refused_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 2**10)
    with pytest.raises(
        HistoryError, match=r"^The run has 0 MiB of rounds and at most 0 MiB are kept: "
    ) as caught:
        pack(made.run())
    assert "\n" not in str(caught.value)


def test_no_more_is_unpacked_than_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(made.run())
    monkeypatch.setattr(document, "MAX_BYTES", len(zlib.decompress(packed)) - 1)
    with pytest.raises(HistoryError, match="damaged"):
        unpack(packed)
