"""Calls of Python's own value types that are worked out here, because their result is a plain value.

None of them calls what the stream names: each builds the value anew from plain arguments.
"""

from __future__ import annotations

from typing import Final, cast

from core.pickles.keys import check_all
from core.pickles.rules.rule import NotMade
from core.pickles.value import Called, Global, Long, Value

_PER_ITEM: Final = 32
_MOST_ZEROS: Final = 2**20
"""A bytearray of this many zeros at most is made from its length."""


class NotKept(ValueError):  # noqa: N818 - no error of the program's: the value stays symbolic
    """The result is too long to be kept, or an argument is."""


def size_of_first(args: tuple[Value, ...]) -> int:
    """How many bytes a call takes whose result is as long as its first argument, about."""
    first = args[0] if args else None
    if type(first) is int:
        return min(max(first, 0), _MOST_ZEROS)
    if isinstance(first, list | tuple | dict | set | frozenset):
        return _PER_ITEM * len(first)
    return len(first) if isinstance(first, str | bytes | bytearray) else 1


def make_set(args: tuple[Value, ...]) -> Value:
    """`set(items)`."""
    return set(_elements(args))


def make_frozenset(args: tuple[Value, ...]) -> Value:
    """`frozenset(items)`."""
    return frozenset(_elements(args))


def make_bytes(args: tuple[Value, ...]) -> Value:
    """`bytes()`, `bytes(ints)`, `bytes(data)` or `bytes(text, encoding)`."""
    if len(args) == 2:
        return _encoded(args)
    if args and not isinstance(args[0], bytes | bytearray | list):
        raise NotKept
    return bytes(*args) if args else b""


def make_bytearray(args: tuple[Value, ...]) -> Value:
    """`bytearray()`, `bytearray(data)`, `bytearray(length)` or `bytearray(text, encoding)`."""
    if len(args) == 2:
        return bytearray(_encoded(args))
    if not args:
        return bytearray()
    (first,) = args
    if isinstance(first, int):
        if first < 0:
            raise NotMade("a negative length")
        if first > _MOST_ZEROS:
            raise NotKept
        return bytearray(first)
    if isinstance(first, bytes | bytearray | list):
        return bytearray(first)
    raise NotKept


def make_encoded(args: tuple[Value, ...]) -> Value:
    """`_codecs.encode(text, encoding)`: how protocols 0 to 2 write bytes."""
    return _encoded(args)


def make_complex(args: tuple[Value, ...]) -> Value:
    """`complex(real, imaginary)`."""
    try:
        return complex(*cast("tuple[float, ...]", args))
    except OverflowError as error:
        raise NotMade("an int that is too large for a float") from error


def make_range(args: tuple[Value, ...]) -> Value:
    """`range(start, stop, step)`."""
    try:
        return range(*cast("tuple[int, int, int]", args))
    except ValueError as error:
        raise NotMade("a step of 0") from error


def make_slice(args: tuple[Value, ...]) -> Value:
    """`slice(start, stop, step)`."""
    return slice(*args)


def _encoded(args: tuple[Value, ...]) -> bytes:
    text, encoding = args
    if not isinstance(text, str):
        raise NotKept
    assert isinstance(encoding, str)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise NotMade(f"a character that {encoding} does not have") from error


def _elements(args: tuple[Value, ...]) -> list[Value]:
    """What a set is made from, each fit to be in it.

    Raises:
        NoKeyError: one of them is not.
        NotMade: the argument has no items.
        NotKept: what the items are is not known.
    """
    if not args:
        return []
    (first,) = args
    if isinstance(first, int | float | complex) or first is None:
        raise NotMade("something that has no items")
    if isinstance(first, Called | Global | Long | range):
        raise NotKept
    assert isinstance(first, str | bytes | list | tuple | dict | set | frozenset)
    check_all(first)
    return list(first)
