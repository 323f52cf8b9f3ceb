from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.turns import Turns

ITEMS = st.lists(st.tuples(st.sampled_from(["ada", "bob", "eve"]), st.integers(0, 10**9)), unique=True)


def filled(items: Sequence[tuple[str, int]]) -> Turns[tuple[str, int]]:
    turns: Turns[tuple[str, int]] = Turns()
    for item in items:
        turns.add(item[0], item)
    return turns


def drained(turns: Turns[tuple[str, int]]) -> list[tuple[str, int]]:
    found = []
    while (item := turns.next()) is not None:
        turns.remove(item)
        found.append(item)
    return found


def test_visitors_take_turns() -> None:
    items = [("ada", 1), ("ada", 2), ("ada", 3), ("bob", 4), ("eve", 5), ("bob", 6)]
    assert drained(filled(items)) == [("ada", 1), ("bob", 4), ("eve", 5), ("ada", 2), ("bob", 6), ("ada", 3)]


def test_who_comes_next_stays_in_and_has_the_last_turn() -> None:
    turns = filled([("ada", 1), ("bob", 2)])
    assert [turns.next() for _ in range(3)] == [("ada", 1), ("bob", 2), ("ada", 1)]
    assert len(turns) == 2


def test_what_does_not_fit_is_passed_over_and_keeps_its_turn() -> None:
    turns = filled([("ada", 1), ("bob", 2), ("bob", 3)])
    assert turns.next(lambda item: item[1] == 3) == ("bob", 3)
    assert turns.next(lambda item: item[1] > 9) is None
    assert turns.next() == ("ada", 1)


def test_what_is_taken_out_is_not_in_it() -> None:
    turns = filled([("ada", 1), ("bob", 2)])
    turns.remove(("ada", 1))
    turns.remove(("ada", 1))
    assert ("ada", 1) not in turns
    assert ("bob", 2) in turns
    turns.clear()
    assert (len(turns), turns.next()) == (0, None)


@given(ITEMS)
def test_the_order_that_is_told_is_the_order_that_comes(items: list[tuple[str, int]]) -> None:
    assert drained(filled(items)) == list(filled(items).order())


@given(ITEMS)
def test_nobody_is_served_twice_while_another_waits(items: list[tuple[str, int]]) -> None:
    order = filled(items).order()
    assert sorted(order) == sorted(items)
    for place, (visitor, _) in enumerate(order):
        before = sum(each == visitor for each, _ in order[:place])
        for other in {each for each, _ in order[place + 1 :]} - {visitor}:
            assert sum(each == other for each, _ in order[:place]) >= before
