"""Loads a pickle with CPython's own unpicklers, where every name is a tripwire that only takes notes.

Runs inside the sandbox. Nothing that the pickle names is imported or called: `find_class` gives a tripwire,
what calling a tripwire gives is a note of the call, and only Python's plain value types are made for real.
"""

from __future__ import annotations

import _pickle
import codecs
import copyreg
import io
import json
import pickle
import platform
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.pickles.rules.standard_types import STANDARD
from core.pickles.value import Called, Global, PersistentId, Unknown, render

SHOWN: Final = 300
"""How much of a call's arguments is told: as much as the machine tells."""
MOST_CALLS: Final = 1_000
MOST_NAMES: Final = 1_000
MOST_PICKLES: Final = 1_000
_EXTENSIONS: Final = "the registry of extension codes"
_LAST_CODE: Final = 255

_REAL: Final[MappingProxyType[str, Callable[..., object]]] = MappingProxyType({
    "builtins.set": set, "builtins.frozenset": frozenset, "builtins.bytes": bytes,
    "builtins.bytearray": bytearray, "builtins.complex": complex, "builtins.range": range,
    "builtins.slice": slice, "_codecs.encode": codecs.encode,
})  # fmt: skip
"""Types of plain values, made for real if the arguments are those that they may have."""


class Notes:
    """What one unpickler did.

    Attributes:
        calls: function and arguments of each call, as text.
        names: the names that it asked for.
        count: how many calls there were, also those that are not kept.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.names: dict[str, None] = {}
        self.count = 0

    def called(self, made: Made) -> Made:
        """Notes a call."""
        self.count += 1
        if len(self.calls) < MOST_CALLS:
            arguments = render(made.args, SHOWN)
            if made.kwargs:
                arguments = f"{arguments}, {render(dict(made.kwargs), SHOWN)}"
            self.calls.append((render(made.function, SHOWN), arguments))
        return made


class Made(Called):
    """What a call of a tripwire gives. Whatever is done to it is kept and has no effect."""

    __slots__ = ("notes",)

    def __init__(self, notes: Notes, function: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(function, args, "", 0, tuple(kwargs.items()))
        self.notes = notes

    def __call__(self, *args: object, **kwargs: object) -> Made:
        """What the pickle calls where it calls a result."""
        return self.notes.called(Made(self.notes, self, args, kwargs))

    def __setstate__(self, state: object) -> None:
        self.add_state(state)

    def __setitem__(self, key: object, value: object) -> None:
        hash(key)
        self.add_pairs([(key, value)])

    def append(self, item: object) -> None:
        """What APPEND calls."""
        self.add_items([item])

    def extend(self, items: list[object]) -> None:
        """What APPENDS calls."""
        self.add_items(items)

    def add(self, item: object) -> None:
        """What ADDITEMS calls."""
        self.add_items([item])


class Tripwire(type):
    """A class that stands for a global: unpicklers make objects of classes only."""

    notes: Notes
    module: str
    name: str

    @property  # type: ignore[misc]  # typing has it writable
    def __class__(cls) -> type:
        # Shown and judged as the machine shows and judges a global, wherever it lies among arguments.
        return Global

    @property
    def full(cls) -> str:
        """Module and name with a dot between them."""
        return f"{cls.module}.{cls.name}"

    def __call__(cls, *args: object, **kwargs: object) -> object:
        """What the pickle calls."""
        if cls.full == "copyreg._reconstructor" and args:
            return _new(args[0])
        if cls.full == "copyreg.__newobj__" and args:
            return _new(*args)
        made = cls.notes.called(Made(cls.notes, cls, args, kwargs))
        rule, real = STANDARD.get(cls.full), _REAL.get(cls.full)
        if (
            real is not None
            and rule is not None
            and rule.call is not None
            and not kwargs
            and not rule.call(args)
        ):
            return real(*args)
        return made

    def __setstate__(cls, state: object) -> None:
        """What BUILD calls, where the global itself would be changed."""


class Numbered(Tripwire):
    """A tripwire for a number in the registry of extension codes."""

    @property  # type: ignore[misc]  # typing has it writable
    def __class__(cls) -> type:
        return Unknown

    @property
    def source(cls) -> str:
        """What is known of it."""
        return f"a global named by the extension code {cls.name}"


def _new(cls: Any, *args: object) -> object:  # noqa: ANN401 - whatever the pickle gives
    return cls.__new__(cls, *args)


def _new_of(cls: Tripwire, *args: object, **kwargs: object) -> Made:
    return cls.notes.called(Made(cls.notes, cls, args, kwargs))


class Loader:
    """What both unpicklers do with names: the other half of each class below."""

    notes: Notes
    protocol: int
    wires: dict[tuple[str, str], Tripwire]

    def find_class(self, module: str, name: str) -> object:
        """A tripwire for a global."""
        if self.protocol < 3:
            module, name = NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name)
        if (module, name) not in self.wires:
            kind = Numbered if module == _EXTENSIONS else Tripwire
            wire = kind("Tripwire", (), {"__new__": _new_of, "__slots__": ()})
            wire.notes, wire.module, wire.name = self.notes, module, name
            self.wires[module, name] = wire
            if kind is Tripwire and len(self.notes.names) < MOST_NAMES:
                self.notes.names.setdefault(render(wire, SHOWN))
        return self.wires[module, name]

    def persistent_load(self, pid: object) -> object:
        """What stands for what the loader would give."""
        return PersistentId(pid)


class FromC(Loader, _pickle.Unpickler):
    """The unpickler of `Modules/_pickle.c`."""


class FromPython(Loader, pickle._Unpickler):
    """The unpickler of `Lib/pickle.py`."""


def rehearse(kind: type[Loader], data: bytes) -> tuple[Notes, str, int]:
    """Loads all pickles of a stream.

    Returns:
        What was noted, why it ended (nothing if at the end of the stream), and how many pickles were whole.
    """
    notes = Notes()
    # Where unpicklers keep what they found for a code: it would be the other one's tripwire.
    copyreg._extension_cache.clear()  # type: ignore[attr-defined]
    file = io.BytesIO(data)
    wires: dict[tuple[str, str], Tripwire] = {}
    whole = 0
    while file.tell() < len(data) and whole < MOST_PICKLES:
        start = file.tell()
        loader: Any = kind(file)  # type: ignore[call-arg]  # the unpickler's own argument
        loader.notes, loader.wires = notes, wires
        loader.protocol = (
            data[start + 1] if data[start : start + 1] == b"\x80" and start + 1 < len(data) else 0
        )
        try:
            loader.load()
        except Exception as error:  # noqa: BLE001 - a pickle can make an unpickler raise anything
            said = "".join(sign if sign.isprintable() else " " for sign in str(error)[:SHOWN])
            return notes, f"{type(error).__name__}: {said}", whole
        whole += 1
    return notes, "", whole


def main(source: str, report: str) -> None:
    """Loads a file with both unpicklers, and writes what was noted as lines of JSON."""
    for code in range(1, _LAST_CODE + 1):
        copyreg._inverted_registry[code] = (_EXTENSIONS, str(code))  # type: ignore[attr-defined]
    data = Path(source).read_bytes()
    with Path(report).open("w", encoding="ascii") as file:
        file.write(json.dumps({"python": platform.python_version()}) + "\n")
        for name, kind in (("C", FromC), ("Python", FromPython)):
            file.write(json.dumps({"unpickler": name}) + "\n")
            notes, ended, whole = rehearse(kind, data)
            for call in notes.calls:
                file.write(json.dumps({"call": call}) + "\n")
            for named in notes.names:
                file.write(json.dumps({"name": named}) + "\n")
            file.write(json.dumps({"count": notes.count, "ended": ended, "whole": whole}) + "\n")
