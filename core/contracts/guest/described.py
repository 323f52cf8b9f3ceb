"""The classes of an imported module: which are interfaces, and which are held to them."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import Signature
from types import ModuleType
from typing import Final

from core.contracts.guest.attributes import (
    body_of,
    is_asynchronous,
    is_demand,
    is_protocol,
    kind_of,
    read,
    signature_of,
)
from core.contracts.special import CONSTRUCTION

_OF_PROTOCOL: Final = frozenset({"_is_protocol", "_is_runtime_protocol", "_abc_impl"})
_NOTHING: Final = object()


@dataclass(frozen=True)
class Wanted:
    """A member that an interface asks for.

    Attributes:
        name: of the attribute.
        kind: `method`, `class method`, `static method` or `value`.
        asynchronous: whether it is an `async def`.
        signature: of its function, with `self`; None if there is none.
    """

    name: str
    kind: str
    asynchronous: bool = False
    signature: Signature | None = None

    @property
    def is_called(self) -> bool:
        """Whether one calls it."""
        return self.kind != "value"


@dataclass(frozen=True)
class Described:
    """A class, and an interface that it is held to.

    Attributes:
        cls: the class.
        interface: the interface.
        name, interface_name: what they are called.
        line: where the class stands, from 1; 0 if that is not known.
        style: how the interface asks: `protocol`, `abstract` or `convention`.
        inherits: whether the class has the interface among its bases.
        required: what the interface asks for.
        bodies: what the functions of the program do, by their first line.
    """

    cls: type
    interface: type
    name: str
    interface_name: str
    line: int
    style: str
    inherits: bool
    required: Mapping[str, Wanted]
    bodies: Mapping[int, str]

    def is_demand(self, value: object, owner: type) -> bool:
        """Whether an attribute of a class only asks for a method, and is none."""
        return is_demand(value, owner, self.bodies)

    def is_reminder(self, name: str) -> bool:
        """Whether the class only has the interface's own method, which raises NotImplementedError."""
        owner = next((each for each in self.cls.__mro__ if name in vars(each)), None)
        return (
            self.inherits
            and owner in self.interface.__mro__
            and body_of(vars(owner)[name], self.bodies) == "raises"
        )

    def is_empty(self, name: str) -> bool:
        """Whether the class only has what asks for a member, and that does nothing."""
        value = inspect.getattr_static(self.cls, name, _NOTHING)
        return self._is_unmet(name) and body_of(value, self.bodies) == "empty"

    @property
    def unmet(self) -> bool:
        """Whether a member is only asked for by what the class inherits."""
        return any(self._is_unmet(name) for name in self.required)

    def _is_unmet(self, name: str) -> bool:
        owner = next((each for each in self.cls.__mro__ if name in vars(each)), None)
        return owner is not None and self.is_demand(vars(owner)[name], owner)

    def lacks(self, name: str, made: object) -> bool:
        """Whether neither the class nor an object of it has an attribute but as a reminder."""
        if inspect.getattr_static(self.cls, name, _NOTHING) is not _NOTHING:
            return self.is_reminder(name)
        return inspect.getattr_static(made, name, _NOTHING) is _NOTHING


class Survey:
    """The classes of a module, and the interfaces among them and their bases.

    Attributes:
        classes: those that the module defined, as its names lead to them.
        asks: of each interface how it asks, and for what.
        lines: of the class statements, by qualified name.
        is_cut: whether the module has more classes than are looked at.
    """

    def __init__(self, module: ModuleType, source: str, most: int) -> None:
        self.lines, self._bodies = read(source)
        found = _classes(module, most + 1)
        self.is_cut = len(found) > most
        self.classes = found[:most]
        self.asks: dict[type, tuple[str, dict[str, Wanted]]] = {}
        for cls in dict.fromkeys(base for each in self.classes for base in reversed(each.__mro__)):
            style = _style(cls, self.asks, self._bodies, cls in self.classes)
            if style:
                self.asks[cls] = style, _required(cls, self._bodies)

    def held(self) -> Iterator[Described]:
        """The classes that implement an interface, or look as if they did, each with every one."""
        bases = {base for cls in self.classes for base in cls.__bases__}
        for cls in sorted(self.classes, key=lambda each: self.lines.get(each.__qualname__, 0)):
            if cls in self.asks:
                continue
            for interface, inherits in _held_to(cls, self.classes, self.asks, bases):
                style, required = self.asks[interface]
                yield Described(
                    cls,
                    interface,
                    cls.__qualname__[:200],
                    interface.__qualname__[:200],
                    self.lines.get(cls.__qualname__, 0),
                    style,
                    inherits,
                    required,
                    self._bodies,
                )

    def among(self, bases: tuple[object, ...]) -> list[type]:
        """The interfaces among the bases of a class that was not made, and among theirs."""
        above = [each for base in bases if isinstance(base, type) for each in base.__mro__]
        found = [each for each in dict.fromkeys(above) if each in self.asks]
        covered = {base for each in found for base in each.__mro__[1:]}
        return [each for each in found if each not in covered]


def _classes(module: ModuleType, most: int) -> list[type]:
    """The classes that the module itself defined, as its names lead to them."""
    found: dict[type, None] = {}
    waiting = list(vars(module).values())
    while waiting and len(found) < most:
        each = waiting.pop(0)
        if inspect.isclass(each) and each.__module__ == module.__name__ and each not in found:
            found[each] = None
            waiting += list(vars(each).values())
    return list(found)


def _style(cls: type, known: Mapping[type, object], bodies: Mapping[int, str], own: bool) -> str:
    if not own:
        outside = cls.__module__ in {"collections.abc", "contextlib"}
        return "abstract" if outside and getattr(cls, "__abstractmethods__", None) else ""
    if is_protocol(cls):
        return "protocol"
    members = list(vars(cls).values())
    if any(getattr(each, "__isabstractmethod__", False) is True for each in members):
        return "abstract"
    raises = any(body_of(each, bodies) == "raises" for each in members)
    return "convention" if raises and not any(base in known for base in cls.__mro__[1:]) else ""


def _required(cls: type, bodies: Mapping[int, str]) -> dict[str, Wanted]:
    found: dict[str, Wanted] = {}
    for owner in reversed(cls.__mro__):
        inside = cls.__module__ == owner.__module__
        own: dict[str, object] = dict(vars(owner))
        if is_protocol(owner):
            own = {**dict.fromkeys(inspect.get_annotations(owner), _NOTHING), **own}
        for name, value in own.items():
            if name in _OF_PROTOCOL or name in CONSTRUCTION or (name == "__hash__" and value is None):
                continue
            asks = getattr(value, "__isabstractmethod__", False) is True
            asks = asks or (is_protocol(owner) and is_protocol(cls))
            asks = asks or (inside and not is_protocol(owner) and body_of(value, bodies) == "raises")
            if asks:
                called = kind_of(value) != "value"
                found[name] = Wanted(
                    name, kind_of(value), is_asynchronous(value), signature_of(value) if called else None
                )
            else:
                found.pop(name, None)
    return found


def _held_to(
    cls: type, classes: list[type], asks: Mapping[type, tuple[str, dict[str, Wanted]]], bases: set[type]
) -> list[tuple[type, bool]]:
    """The interfaces of a class, each with whether it is among its bases."""
    above = [each for each in cls.__mro__[1:] if each in asks]
    covered = {base for each in above for base in each.__mro__[1:]}
    found = [(each, True) for each in above if each not in covered]
    found += [
        (each, False)
        for each in asks
        if each in classes and not is_protocol(each) and each not in above and _is_virtual(cls, each)
    ]
    if found or cls in bases:
        return found
    return [(each, False) for each in asks if each in classes and _resembles(cls, asks[each][1])]


def _is_virtual(cls: type, interface: type) -> bool:
    """Whether an interface says that a class is one of its own, though it does not inherit from it."""
    if not isinstance(interface, ABCMeta):
        return False
    try:
        return bool(issubclass(cls, interface))
    except Exception:  # noqa: BLE001 - a hook of the visitor's
        return False


def _resembles(cls: type, required: Mapping[str, Wanted]) -> bool:
    """Whether a class has half of what an interface asks for, by name."""
    asked = [name for name in required if not hasattr(object, name)]
    given = {*vars(cls), *inspect.get_annotations(cls), *_set_by_init(cls)}
    return 0 < len(asked) <= 2 * sum(name in given for name in asked)


def _set_by_init(cls: type) -> tuple[str, ...]:
    """The names that a class's own `__init__` uses: the attributes that it sets are among them."""
    code = getattr(vars(cls).get("__init__"), "__code__", None)
    return code.co_names if code is not None else ()
