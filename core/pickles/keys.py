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

_UNHASHABLE: Final = frozenset({list, dict, set, bytearray, slice})


class NoKeyError(ValueError):
    """A value that cannot be a key, or is too large to be one here."""


def checked(key: Value) -> Value:
    """A key, if it can be one.

    Raises:
        NoKeyError: it cannot.
    """
    if type(key) not in ATOMS:
        _walk(key)
    return key


def check_all(keys: Iterable[Value]) -> None:
    """Checks many keys.

    Raises:
        NoKeyError: one of them cannot be a key, or too many have the same hash.
    """
    if isinstance(keys, str | bytes):
        return
    every = list(keys)
    odd = [key for key in every if type(key) not in ATOMS]
    for key in {id(key): key for key in odd}.values():
        _walk(key)
    if len(every) > MOST_EQUAL and len(every) - len(set(map(hash, every))) >= MOST_EQUAL:
        _check_hashes(every)


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


def _walk(key: Value) -> None:
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
