"""The classes and decorators of the standard library that the examination knows."""

from __future__ import annotations

import abc
import builtins
import collections.abc
import contextlib
import inspect
import typing
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from core.contracts.model import Body, Kind, Member, Outside

BASE_TYPE: Final = 1 << 10
"""The flag of a class that can be a base: CPython's `Py_TPFLAGS_BASETYPE`."""


class Decorator(Enum):
    """What a known decorator does to a function in a class."""

    ABSTRACT = auto()
    PROPERTY = auto()
    CACHED_PROPERTY = auto()
    CLASS_METHOD = auto()
    STATIC_METHOD = auto()
    KEEPS_ALL = auto()
    """It leaves what one sees of the function as it is."""
    CACHES = auto()
    """It keeps what calls gave, and needs arguments, and an object, that can be hashed."""
    KEEPS_SIGNATURE = auto()
    """The same, but `inspect` no longer sees whether the function is asynchronous."""


DECORATORS: Final = {  # what each does, from the inside to the outside
    "abc.abstractmethod": (Decorator.ABSTRACT,),
    "abc.abstractproperty": (Decorator.ABSTRACT, Decorator.PROPERTY),
    "abc.abstractclassmethod": (Decorator.ABSTRACT, Decorator.CLASS_METHOD),
    "abc.abstractstaticmethod": (Decorator.ABSTRACT, Decorator.STATIC_METHOD),
    "builtins.property": (Decorator.PROPERTY,),
    "builtins.classmethod": (Decorator.CLASS_METHOD,),
    "builtins.staticmethod": (Decorator.STATIC_METHOD,),
    "functools.cached_property": (Decorator.CACHED_PROPERTY,),
    "functools.cache": (Decorator.CACHES,),
    "functools.lru_cache": (Decorator.CACHES,),
    "contextlib.contextmanager": (Decorator.KEEPS_SIGNATURE,),
    "contextlib.asynccontextmanager": (Decorator.KEEPS_SIGNATURE,),
    "typing.override": (Decorator.KEEPS_ALL,),
    "typing.final": (Decorator.KEEPS_ALL,),
    "typing.no_type_check": (Decorator.KEEPS_ALL,),
    "warnings.deprecated": (Decorator.KEEPS_ALL,),
}
ABSTRACT: Final = frozenset(name for name, does in DECORATORS.items() if Decorator.ABSTRACT in does)
CLASS_DECORATORS: Final = frozenset(
    {"typing.runtime_checkable", "typing.final", "abc.update_abstractmethods", "dataclasses.dataclass"}
)
"""Those that give the class back with the members that its body has, or more."""
DATACLASS: Final = "dataclasses.dataclass"


def outside(dotted: str) -> Outside:
    """The class under a full name: `collections.abc.Mapping`."""
    module, _, name = dotted.rpartition(".")
    found: object = None
    if module == "builtins":
        found = getattr(builtins, name, None)
    elif module in {"abc", "collections.abc", "contextlib"}:
        found = getattr({"abc": abc, "contextlib": contextlib}.get(module, collections.abc), name, None)
    elif module in {"typing", "typing_extensions"}:
        found = getattr(typing, name, None) if name in {"Protocol", "Generic"} else _behind_alias(name)
    known = isinstance(found, type) and found.__module__ in {"builtins", "abc", "contextlib", "typing"} | {
        "collections.abc"
    }
    return Outside(name or dotted, found if known and isinstance(found, type) else None)


def _behind_alias(name: str) -> object:
    """The class that a name of typing stands for, such as Mapping."""
    found = getattr(getattr(typing, name, None), "__origin__", None)
    return found if getattr(found, "__module__", "") == "collections.abc" else None


def line_of_outside(known: type) -> Iterator[Outside]:
    """A known class and its bases, in the order in which Python asks them."""
    return (Outside(each.__name__, each) for each in known.__mro__)


def makes_itself(known: type) -> bool:
    """Whether the class makes its objects without `object.__new__`, which is what refuses abstract ones."""
    return known is not object and "__new__" in vars(known)


def member_of(known: type, name: str) -> Member | None:
    """An attribute that a known class defines itself; None if it does not."""
    if name not in vars(known):
        return None
    found = vars(known)[name]
    function, kind = found, Kind.VALUE
    if isinstance(found, classmethod | staticmethod):
        function = found.__func__
        kind = Kind.CLASS_METHOD if isinstance(found, classmethod) else Kind.STATIC_METHOD
    elif isinstance(found, property):
        function, kind = found.fget, Kind.PROPERTY
    elif inspect.isroutine(found):
        kind = Kind.METHOD
    return Member(
        name,
        kind=kind,
        abstract=bool(getattr(found, "__isabstractmethod__", False)),
        body=Body.REAL,
        asynchronous=inspect.iscoroutinefunction(function),
        signature=_signature(function) if kind.is_called else None,
        callable=callable(found),
        is_none=found is None,
    )


def _signature(function: object) -> inspect.Signature | None:
    try:
        return inspect.signature(function) if callable(function) else None
    except (ValueError, TypeError):
        return None
