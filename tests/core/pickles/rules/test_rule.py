"""Rules: arguments are counted and each is held against its kind."""

import pytest

from core.pickles.rules import kinds
from core.pickles.rules.kinds import INT, TEXT
from core.pickles.rules.rule import NAMED, Kind, either, takes
from core.pickles.value import Value

CHECK = takes(INT, TEXT, least=1)


@pytest.mark.parametrize("args", [(1,), (1, "a")])
def test_arguments_of_the_right_kinds_pass(args: tuple[Value, ...]) -> None:
    assert CHECK(args) == ""


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ((), "0 arguments, where 1 to 2 are expected"),
        ((1, "a", "b"), "3 arguments, where 1 to 2 are expected"),
        (("a",), "argument 1 is 'a', where an int is expected"),
        ((1, 2), "argument 2 is 2, where a str is expected"),
    ],
)
def test_other_arguments_are_named_with_what_was_expected(args: tuple[Value, ...], problem: str) -> None:
    assert CHECK(args) == problem


def test_one_of_several_checks_is_enough() -> None:
    check = either(takes(INT), takes(TEXT))
    assert check((1,)) == check(("a",)) == ""
    assert check((None,)) == "argument 1 is None, where an int is expected"


def test_kinds_can_be_joined() -> None:
    joined = INT | TEXT
    assert joined.name == "an int or a str"
    assert joined.holds(1)
    assert joined.holds("a")
    assert not joined.holds(None)


@pytest.mark.parametrize("kind", [value for value in vars(kinds).values() if isinstance(value, Kind)])
def test_every_value_of_a_kinds_types_is_one_of_the_kind(kind: Kind) -> None:
    values: list[Value] = [None, True, False, 0, -1, 2**80, 0.5, "", "a", {}, {1: 2}]
    for value in values:
        assert kind.holds(value) or type(value) not in kind.types


def test_what_is_only_named_may_do_nothing_else() -> None:
    assert (NAMED.call, NAMED.make, NAMED.state) == (None, None, None)
    assert not NAMED.new
    assert not NAMED.pairs
    assert not NAMED.items
