"""Sizes are checked before anything is read."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.leak import MAX_BYTES, MAX_LINES, LeakError, check_size, count_lines


@given(st.text(st.sampled_from("ab\r\n\x0b\u2028"), max_size=30))
def test_lines_are_counted_as_universal_newlines_are(text: str) -> None:
    assert count_lines(text) == len(list(io.StringIO(text, newline=None)))


@pytest.mark.parametrize("text", ["a" * MAX_BYTES, "é" * (MAX_BYTES // 2), "\n" * MAX_LINES, "\ud800"])
def test_what_is_just_small_enough_passes(text: str) -> None:
    check_size(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" * (MAX_BYTES + 1), "1,048,577 bytes"),
        ("é" * MAX_BYTES, "2,097,152 bytes"),
        ("\r" * (MAX_LINES + 1), "20,001 lines"),
    ],
)
def test_what_is_too_large_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(LeakError, match=said) as refused:
        check_size(text)
    assert "\n" not in str(refused.value)
    assert "expected at most" in str(refused.value)
