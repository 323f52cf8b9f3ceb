"""The line with the caret: the caret stands below the place, whatever the line is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts import Place
from ui.contracts.excerpt import WIDTH, caret, stopped


def test_the_caret_stands_below_the_place() -> None:
    assert caret("def f(:\n", 7) == "def f(:\n      ^"


def test_without_a_column_there_is_no_caret() -> None:
    assert caret("x = 1", None) == "x = 1"


@pytest.mark.parametrize("line", ["", "   ", "\n"])
def test_without_a_line_there_is_nothing(line: str) -> None:
    assert caret(line, 3) == ""


def test_a_tab_takes_one_place() -> None:
    assert caret("\tx = (", 6) == " x = (\n     ^"


def test_what_cannot_be_printed_is_replaced() -> None:
    assert caret("x\0y\x1b[31m", 2) == "x\ufffdy\ufffd[31m\n ^"


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=2_000),
    st.integers(-5, 3_000),
)
def test_a_long_line_is_cut_around_the_place(line: str, column: int) -> None:
    shown, mark = caret(line, column).split("\n")
    assert len(shown) <= WIDTH
    place = min(max(column - 1, 0), len(line))
    if place < len(line):
        assert shown[mark.index("^")] == line[place]


def test_where_a_program_stopped_stands_above_what_called_it() -> None:
    assert stopped([Place(2, 5, "    1 / 0"), Place(9, None, "run()")]) == (
        "    1 / 0\n    ^\ncalled from line 9:\nrun()"
    )
    assert stopped([]) == ""
    assert stopped([Place(2, 1, "")]) == ""
