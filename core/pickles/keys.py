"""Which values can be keys of a dict or members of a set, within a bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from core.pickles.value import ATOMS, Value

MOST_PARTS: Final = 2_000
"""How many parts a key may have. Tuples that share their parts cost far more to hash than to write."""
MOST_EQUAL: Final = 100
"""How many different keys may have the same hash. Each is compared with all the others."""

MOST_WORK: Final = 2**24
"""How many parts all keys together may have: no hash is remembered, so each use of a key costs them again."""
_MODULUS: Final = 2**61 - 1
"""Python's numbers have the same hash where they differ by a multiple of it, on machines of 64 bits."""
_UNHASHABLE: Final = frozenset({list, dict, set, bytearray, slice})


class NoKeyError(ValueError):
    """A value that cannot be a key, or is too large to be one here."""


class KeyWork:
    """What all keys of some streams together may cost to walk through, to hash and to compare."""

    def __init__(self, parts: int = MOST_WORK) -> None:
        self._parts = parts
        self._alike: dict[tuple[int, int], int] = {}

    def charge(self, parts: int) -> None:
        """Counts parts of keys that are walked through.

        Raises:
            NoKeyError: they are too many.
        """
        self._parts -= parts
        if self._parts < 0:
            raise NoKeyError("a key after more than are looked through at most")

    def meet(self, target: Value, key: Value) -> None:
        """Counts a key that goes into a container, where someone can make many of its hash.

        Raises:
            NoKeyError: if too many of its hash went there.
        """
        place = (id(target), hash(key))
        alike = self._alike[place] = self._alike.get(place, 0) + 1
        if alike > MOST_EQUAL:
            raise NoKeyError(f"one of more than {MOST_EQUAL:,} values of the same hash")


def checked(key: Value, target: Value, work: KeyWork) -> Value:
    """A key that goes into a container, if it can be one.

    Raises:
        NoKeyError: it cannot, or costs too much.
    """
    if type(key) not in ATOMS:
        work.charge(_walk(key))
    if _is_chosen(key):
        work.meet(target, key)
    return key


def check_all(keys: Iterable[Value], work: KeyWork | None = None, target: Value = None) -> None:
    """Checks many keys.

    Args:
        keys: which.
        work: what they may cost; if it is None, nobody counts.
        target: the container that they go into; None if it is a new one.

    Raises:
        NoKeyError: one of them cannot be a key, too many have the same hash, or they cost too much.
    """
    if isinstance(keys, str | bytes):
        return
    every = list(keys)
    odd = [key for key in every if type(key) not in ATOMS]
    for key in {id(key): key for key in odd}.values():
        parts = _walk(key)
        if work is not None:
            work.charge(parts)
    if len(every) > MOST_EQUAL and len(every) - len(set(map(hash, every))) >= MOST_EQUAL:
        _check_hashes(every)
    if work is not None and target is not None:
        for key in every:
            if type(key) is not str and _is_chosen(key):
                work.meet(target, key)


def _is_chosen(key: Value) -> bool:
    """Whether anyone can make many different keys of its hash: not of texts, nor of small numbers."""
    kind = type(key)
    if kind is int:
        assert isinstance(key, int)
        return not -_MODULUS < key < _MODULUS
    return kind is complex or kind not in ATOMS


def _check_hashes(keys: list[Value]) -> None:
    """Refuses keys that a dict or a set would compare with one another for ever."""
    often = {value for value, times in Counter(map(hash, keys)).items() if times > MOST_EQUAL}
    alike: dict[int, set[Value]] = {value: set() for value in often}
    for key in keys:
        same = alike.get(hash(key))
        if same is not None:
            same.add(key)
            if len(same) > MOST_EQUAL:
                raise NoKeyError(f"one of more than {MOST_EQUAL:,} values of the same hash")


def _walk(key: Value) -> int:
    """How many parts a key has."""
    waiting = [key]
    parts = 0
    while waiting:
        part = waiting.pop()
        parts += 1
        if parts > MOST_PARTS:
            raise NoKeyError(f"a key with more than {MOST_PARTS:,} parts")
        if isinstance(part, tuple | frozenset):
            waiting.extend(part)
        elif type(part) in _UNHASHABLE:
            raise NoKeyError(f"a {type(part).__name__}, which cannot be a key")
    return parts
