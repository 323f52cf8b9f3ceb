"""Keys: what Python would refuse is refused, and what would take for ever to hash too."""

import pytest

from core.pickles.keys import MOST_PARTS, NoKeyError, check_all, checked
from core.pickles.value import Global, Value


@pytest.mark.parametrize(
    "key",
    [None, True, 1, 1.5, 1j, "a", b"a", (), (1, ("a", (b"",))), frozenset({1}), range(3), Global("a", "b")],
)
def test_what_python_can_hash_is_a_key(key: Value) -> None:
    assert checked(key) is key


@pytest.mark.parametrize("key", [[], {}, set(), bytearray(), ([],), (1, (2, ({},))), slice(1)])
def test_what_python_cannot_hash_is_none(key: Value) -> None:
    with pytest.raises(NoKeyError, match="cannot be a key"):
        checked(key)
    with pytest.raises(NoKeyError):
        check_all([1, key])


def test_a_tuple_that_holds_itself_a_million_times_is_refused_before_it_is_hashed() -> None:
    key: Value = ()
    for _ in range(60):
        key = (key, key)
    with pytest.raises(NoKeyError, match=f"more than {MOST_PARTS:,} parts"):
        checked(key)


def test_sets_in_sets_are_counted_with_their_repetitions() -> None:
    left: Value = frozenset({1})
    right: Value = frozenset({2})
    for _ in range(20):
        left, right = frozenset({left, right}), frozenset({right, (left,)})
    with pytest.raises(NoKeyError):
        checked(left)
