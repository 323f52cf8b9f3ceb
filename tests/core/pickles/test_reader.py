"""The reader: lines as both unpicklers take them, and copies of what is short alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pickles.bounds import DEFAULT
from core.pickles.errors import TruncatedError, UnreadableError
from core.pickles.reader import SHORT, Budget, Reader
from core.pickles.value import Long


def reader(data: bytes | memoryview, budget: Budget | None = None) -> Reader:
    return Reader(data, DEFAULT, budget or Budget.of(DEFAULT))


def test_short_texts_are_always_kept_and_long_ones_while_there_is_room() -> None:
    budget = replace(Budget.of(DEFAULT), room=1_000)
    one = reader(b"", budget)
    assert one.keeps(SHORT)
    assert one.keeps(900)
    assert not one.keeps(900)
    assert one.keeps(SHORT)
    assert not one.keeps(DEFAULT.text + 1)


@pytest.mark.parametrize("data", [b"ab\ncd\n", memoryview(b"ab\ncd\n")])
def test_lines_end_at_their_line_feed(data: bytes | memoryview) -> None:
    one = reader(data)
    assert one.line(0) == (b"ab", 3, True)
    assert one.whole_line(3) == (b"cd", 6)


def test_of_a_line_without_an_end_the_last_byte_is_dropped() -> None:
    one = reader(b"abc")
    assert one.line(0) == (b"ab", 3, False)
    assert one.line(3) == (b"", 3, False)
    with pytest.raises(TruncatedError):
        one.whole_line(0)


def test_a_line_that_is_far_too_long_is_refused() -> None:
    with pytest.raises(UnreadableError, match="a line of 20,000 bytes"):
        reader(b"1" * 20_000 + b"\n").line(0)


@pytest.mark.parametrize("data", [b"abcd", memoryview(b"abcd")])
def test_texts_and_bytes_are_copied_out_of_the_stream(data: bytes | memoryview) -> None:
    one = reader(data)
    assert one.text(1, 2) == "bc"
    assert one.raw(1, 2) == b"bc"
    assert one.raw(1, 2, "bytearray") == bytearray(b"bc")
    with pytest.raises(TruncatedError):
        one.raw(2, 3)


def test_long_bytes_stay_where_they_are() -> None:
    value = reader(bytes(DEFAULT.text + 2)).raw(1, DEFAULT.text + 1)
    assert isinstance(value, Long)
    assert (value.kind, value.offset, value.size) == ("bytes", 1, DEFAULT.text + 1)
