"""The relations of an allowed name: how it may be called, and what may then be done with the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from core.pickles.value import Called, Value, render

Check: TypeAlias = Callable[[tuple[Value, ...]], str]
"""Gives what is wrong with some arguments; nothing if they may be."""
Make: TypeAlias = Callable[[tuple[Value, ...]], Value]
"""Gives the plain value that a call with some arguments gives."""
StateCheck: TypeAlias = Callable[[Called, Value], str]
"""Gives what is wrong with a state for an object; nothing if it may be."""


class NotMade(ValueError):  # noqa: N818 - no error of the program's: a call that would raise
    """Python itself would refuse a call: the message says why."""


@dataclass(frozen=True)
class Kind:
    """A set of values that an argument may have.

    Attributes:
        name: what is expected, in words.
        holds: whether a value is one of them.
        types: types of which every value is one of them.
    """

    name: str
    holds: Callable[[Value], bool]
    types: frozenset[type] = frozenset()

    @classmethod
    def of(cls, name: str, *types: type) -> Kind:
        """All values of some types."""
        every = frozenset(types)
        return cls(name, lambda value: type(value) in every, every)

    def __or__(self, other: Kind) -> Kind:
        one, another = self.holds, other.holds
        return Kind(
            f"{self.name} or {other.name}",
            lambda value: one(value) or another(value),
            self.types | other.types,
        )


@dataclass(frozen=True)
class Rule:
    """What an allowed name may be used for. What is not said here it may not.

    Attributes:
        call: checks the arguments of a call; None if it may only be named.
        new: whether it is a class whose objects may also be made without `__init__`.
        make: gives the plain value that a call gives, where that can be worked out. It may raise `NotMade`.
        size: how many bytes the result of `make` would take.
        state: checks what BUILD gives to the result; None if it may give nothing.
        pairs: whether SETITEM and SETITEMS may be used on the result.
        items: whether APPEND and APPENDS may be.
    """

    call: Check | None = None
    new: bool = False
    make: Make | None = None
    size: Callable[[tuple[Value, ...]], int] | None = None
    state: StateCheck | None = None
    pairs: bool = False
    items: bool = False


NAMED: Rule = Rule()
"""May be named, and nothing else."""


def takes(*kinds: Kind, least: int | None = None) -> Check:
    """A check that arguments are of these kinds, in order.

    Args:
        *kinds: one for each argument.
        least: how many of them have to be there; by default all.
    """
    fewest = len(kinds) if least is None else least
    most = len(kinds)
    expected = str(fewest) if fewest == most else f"{fewest} to {most}"
    tests = tuple((kind.types, kind.holds, kind.name) for kind in kinds)

    def check(args: tuple[Value, ...]) -> str:
        if not fewest <= len(args) <= most:
            return f"{len(args)} arguments, where {expected} are expected"
        for place, value in enumerate(args):
            types, holds, name = tests[place]
            if type(value) not in types and not holds(value):
                return f"argument {place + 1} is {render(value, 60)}, where {name} is expected"
        return ""

    return check


def either(*checks: Check) -> Check:
    """A check that arguments pass one of several checks; otherwise it says what the first one says."""

    def check(args: tuple[Value, ...]) -> str:
        problems = [one(args) for one in checks]
        return "" if "" in problems else problems[0]

    return check
