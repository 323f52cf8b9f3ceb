"""The tape: which cells are drawn, where the head stands, and what a prediction hides."""

import re

from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from ui.pickles.tape import Cell, window

CELLS = tuple(Cell(place * 2, f"OP{place}", str(place)) for place in range(40))


@given(
    count=st.integers(1, 60),
    rows=st.integers(1, 20),
    data=st.data(),
)
def test_the_window_is_as_tall_as_it_may_be_and_has_the_head(
    count: int, rows: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, count - 1))
    first, last = window(count, at, rows)
    assert 0 <= first <= at < last <= count
    assert rows <= last - first <= rows + 1 or last - first == count
    assert first != 1


def draw(hidden: bool, index: int | None, before: int = 0) -> str:
    def script(hidden: bool, index: int | None, before: int) -> None:
        from core.pickles import Verdict
        from tests.ui.pickles.test_tape import CELLS
        from ui.pickles.tape import Stop, show_tape

        stop = None if index is None else Stop(index, Verdict.DANGEROUS, "This call would happen", "f('<b>')")
        show_tape(CELLS, stop, rows=8, total=100 + before, hidden=hidden, before=before)

    app = AppTest.from_function(script, args=(hidden, index, before)).run()
    assert not app.exception
    return str(app.html[0].value)


def test_the_head_stands_at_its_cell_and_what_follows_is_marked_as_not_reached() -> None:
    html = draw(hidden=False, index=20)
    assert re.findall(r"class='cell head danger'><span class='at'>▶ (\d+)<", html) == ["40"]
    after = re.findall(r"class='cell after'><span class='at'> (\d+)<", html)
    assert after
    assert min(map(int, after)) == 42
    assert "f(&#x27;&lt;b&gt;&#x27;)" in html
    assert "<b>" not in html
    before, rest = (int(number) for number in re.findall(r"… (\d+) opcodes", html))
    assert before + rest + len(re.findall(r"class='cell", html)) == 100


def test_the_cells_of_a_long_program_are_some_of_many() -> None:
    html = draw(hidden=False, index=50_020, before=50_000)
    assert re.findall(r"class='cell head danger'><span class='at'>▶ (\d+)<", html) == ["40"]
    before, rest = (int(number.replace(",", "")) for number in re.findall(r"… ([\d,]+) opcodes", html))
    assert before > 50_000
    assert before + rest + len(re.findall(r"class='cell", html)) == 50_100


def test_a_hidden_tape_tells_nothing_of_the_head() -> None:
    html = draw(hidden=True, index=20)
    assert "head" not in html
    assert "after'" not in html
    assert "would happen" not in html
    assert "OP20" in html


def test_a_tape_on_which_nothing_would_run_has_no_head() -> None:
    html = draw(hidden=False, index=None)
    assert "head" not in html
    assert ">OP0<" in html
