"""Objects of a visitor's classes, with placeholders for what their constructors must be given."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import Signature
from typing import Final

from core.contracts.calls import shortest
from core.contracts.guest.described import Described
from core.contracts.guest.placeholders import values
from core.contracts.guest.raised import told

NOTHING: Final = object()
"""What `getattr_static` gives where there is no attribute."""
_IMMUTABLE: Final = 1 << 8
"""The flag of a class whose attributes cannot be changed: CPython's `Py_TPFLAGS_IMMUTABLETYPE`."""


@dataclass(frozen=True)
class Made:
    """An object of a class.

    Attributes:
        object: it, or the class itself if there is none.
        complete: whether its `__init__` has run to its end.
        note: what its constructor was given or did, as a clause; empty if there is nothing to say.
        taken: the names that its bases only asked for, and were made to forget.
    """

    object: object
    complete: bool
    note: str = ""
    taken: frozenset[str] = frozenset()


@contextmanager
def stripped(described: Described, *, marks_only: bool = False) -> Iterator[Made]:
    """An object of the class while no base asks for anything: as if there were no interface.

    Args:
        described: the class and the interface.
        marks_only: whether the bases keep what they ask for, and only nobody refuses the creation.
    """
    cls = described.cls
    taken: list[tuple[type, str, object]] = []
    marks = vars(cls).get("__abstractmethods__", NOTHING)
    try:
        for owner in () if marks_only else cls.__mro__:
            for name, value in list(vars(owner).items()):
                if not owner.__flags__ & _IMMUTABLE and described.is_demand(value, owner):
                    type.__delattr__(owner, name)
                    taken.append((owner, name, value))
        if marks is not NOTHING:
            type.__setattr__(cls, "__abstractmethods__", frozenset())
        yield replace(created(cls), taken=frozenset(name for _, name, _ in taken))
    finally:
        for owner, name, value in taken:
            type.__setattr__(owner, name, value)
        if marks is not NOTHING:
            type.__setattr__(cls, "__abstractmethods__", marks)


def create(cls: type) -> tuple[Made, BaseException | None]:
    """An object, with placeholders for what its constructor must be given."""
    try:
        signature = inspect.signature(cls)
    except BaseException:  # noqa: BLE001 - a built-in one, or one of the visitor's that raises
        signature = Signature()
    call = shortest(signature)
    try:
        given, named = values(call, signature)
        made = cls(*given, **named)
    except BaseException as error:  # noqa: BLE001 - whatever the visitor's constructor raises
        return Made(cls, False), error
    return Made(made, True, f"its constructor got placeholders for {call}" if str(call) else ""), None


def created(cls: type) -> Made:
    """An object, without its `__init__` if that raises."""
    made, error = create(cls)
    return made if error is None else bare(cls, error)


def bare(cls: type, error: BaseException) -> Made:
    """An object whose `__init__` did not come to its end."""
    note = f"its constructor raises {told(error)}, so it was tried without it"
    try:
        return Made(object.__new__(cls), False, note)
    except BaseException:  # noqa: BLE001 - a constructor of the visitor's
        return Made(cls, False, note)


def static(made: object, name: str) -> object:
    """An attribute of an object as it lies there, without running anything; `NOTHING` if there is none."""
    return inspect.getattr_static(made, name, NOTHING)
