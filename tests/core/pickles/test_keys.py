"""Keys: what Python would refuse is refused, and what would take for ever to hash too."""

import struct
import sys
from collections.abc import Callable

import pytest

from core.pickles.keys import MOST_EQUAL, MOST_PARTS, KeyWork, NoKeyError, check_all, checked
from core.pickles.machine import run
from core.pickles.value import Global, Value
from core.pickles.verdict import Verdict


@pytest.mark.parametrize(
    "key",
    [None, True, 1, 1.5, 1j, "a", b"a", (), (1, ("a", (b"",))), frozenset({1}), range(3), Global("a", "b")],
)
def test_what_python_can_hash_is_a_key(key: Value) -> None:
    assert checked(key, {}, KeyWork()) is key


@pytest.mark.parametrize("key", [[], {}, set(), bytearray(), ([],), (1, (2, ({},))), slice(1)])
def test_what_python_cannot_hash_is_none(key: Value) -> None:
    with pytest.raises(NoKeyError, match="cannot be a key"):
        checked(key, {}, KeyWork())
    with pytest.raises(NoKeyError):
        check_all([1, key])


def test_a_tuple_that_holds_itself_a_million_times_is_refused_before_it_is_hashed() -> None:
    key: Value = ()
    for _ in range(60):
        key = (key, key)
    with pytest.raises(NoKeyError, match=f"more than {MOST_PARTS:,} parts"):
        checked(key, {}, KeyWork())


def test_sets_in_sets_are_counted_with_their_repetitions() -> None:
    left: Value = frozenset({1})
    right: Value = frozenset({2})
    for _ in range(20):
        left, right = frozenset({left, right}), frozenset({right, (left,)})
    with pytest.raises(NoKeyError):
        checked(left, {}, KeyWork())


MODULUS = sys.hash_info.modulus
ALIKE: list[Value] = [MODULUS * factor for factor in range(MOST_EQUAL + 1)]


def test_keys_of_the_same_hash_are_refused_before_they_are_compared() -> None:
    check_all(ALIKE[1:])
    check_all([*range(1, 10_000), *ALIKE[1:]])
    with pytest.raises(NoKeyError, match="same hash"):
        check_all(ALIKE)
    with pytest.raises(NoKeyError, match="same hash"):
        check_all((key,) for key in [*range(1, 10_000), *ALIKE])


def test_the_same_key_again_and_again_is_one_key() -> None:
    check_all([1, 1.0, True, MODULUS + 1] * 1_000)
    check_all("a" * 1_000)


def integers(numbers: range | list[int]) -> bytes:
    return b"".join(b"\x8a\x0a" + number.to_bytes(10, "little") for number in numbers)


@pytest.mark.parametrize(
    "stream",
    [
        lambda items: b"\x80\x04(" + items + b"\x91.",
        lambda items: b"\x80\x04\x8f(" + items + b"\x90.",
        lambda items: b"\x80\x04(" + items + b"d.",
        lambda items: b"\x80\x04cbuiltins\nset\n](" + items + b"e\x85R.",
    ],
    ids=["FROZENSET", "ADDITEMS", "DICT", "set()"],
)
def test_a_set_that_would_take_for_ever_ends_soon(stream: Callable[[bytes], bytes]) -> None:
    alike = run(stream(integers([MODULUS * factor for factor in range(30_000)])))
    assert alike.verdict is not Verdict.DATA_ONLY
    assert any("same hash" in finding.reason for finding in alike.findings)
    assert run(stream(integers(range(30_000)))).verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("kind", ["int", "complex", "tuple"])
def test_keys_of_the_same_hash_are_refused_where_each_is_set_alone(kind: str) -> None:
    def written(index: int) -> bytes:
        if kind == "int":
            return b"\x8a\x0a" + (index * MODULUS).to_bytes(10, "little", signed=True)
        if kind == "complex":
            numbers = struct.pack(">d", -1_000_003 * index), struct.pack(">d", index)
            return b"cbuiltins\ncomplex\nG" + numbers[0] + b"G" + numbers[1] + b"\x86R"
        return b"\x8a\x0a" + (index * MODULUS).to_bytes(10, "little", signed=True) + b"\x85"

    many = b"".join(written(index) + b"Ns" for index in range(1, 200))
    few = b"".join(written(index) + b"Ns" for index in range(1, MOST_EQUAL))
    assert run(b"\x80\x02}" + few + b".").verdict is Verdict.DATA_ONLY
    found = run(b"\x80\x02}" + many + b".")
    assert found.verdict is Verdict.COULD_NOT_READ
    assert any("same hash" in finding.reason for finding in found.findings)
    members = b"".join(b"(" + written(index) + b"\x90" for index in range(1, 200))
    assert run(b"\x80\x04\x8f" + members + b".").verdict is Verdict.COULD_NOT_READ


def test_the_parts_of_all_keys_together_are_bounded() -> None:
    key = b"(" + b"N" * 1_900 + b"tq\0Ns"
    assert run(b"\x80\x02}" + key + b"h\0Ns" * 50 + b".").verdict is Verdict.DATA_ONLY
    again, work = "same hash", "looked through at most"
    for use, why in ((b"h\0Ns", again), (b"(h\0Nu", again), (b"(h\0Nd0", work), (b"(h\0\x910", work)):
        found = run(b"\x80\x04}" + key + use * 20_000 + b".")
        assert found.verdict is Verdict.COULD_NOT_READ
        assert any(why in finding.reason for finding in found.findings)
