"""What the symbolic machine has on its stack: plain values as they are, and stand-ins for everything else.

A value is None, a bool, int, float, complex, str, bytes, bytearray, range or slice, a list, tuple, dict,
set or frozenset of values, or an object of one of the classes below. Containers are shared as the stream
shares them and may hold themselves: whoever walks through a value needs a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from core.pickles.verdict import Verdict

Value: TypeAlias = object
"""A plain Python value or a stand-in; see above."""

ATOMS: Final = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Types of plain values that hold no others and can be keys."""
CONTAINERS: Final = frozenset({list, tuple, dict, set, frozenset})
"""Types of plain values that hold others."""
PLAIN: Final = ATOMS | CONTAINERS | {bytearray, range, slice}
"""Types of all plain values."""

_SHOWN_ITEMS: Final = 6
_SHORT: Final = 2**256
_TEXTS: Final = frozenset({str, bytes, bytearray})
_SORTED: Final = 64
"""Sets of more members are shown by their number alone."""


@dataclass(frozen=True, eq=False, slots=True)
class Global:
    """Something that the stream names by its module and name: a class or a function, never imported here.

    Attributes:
        module, name: where the unpickler would look, after Python 2's names are mapped to Python 3's.
        verdict: data only if it is on the allow-list.
        written: the name in the stream, where that is another: `__builtin__.set`.
        full: module and name with a dot between them.
    """

    module: str
    name: str
    verdict: Verdict = Verdict.NEEDS_TRUST
    written: str = ""
    full: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "full", f"{self.module}.{self.name}")


@dataclass(eq=False, slots=True)
class Called:
    """What a call would give: an object that was never made.

    Attributes:
        function: what would be called.
        args, kwargs: its arguments.
        opcode, offset: where the stream asks for the call.
        state: what BUILD would give to the object, in order.
        pairs: keys and values that SETITEM and SETITEMS would set.
        items: what APPEND, APPENDS and ADDITEMS would add.
        sealed: whether something relies on its state as it is.
        meaning: what a rule worked out of a sealed object, so that it need not again.
    """

    function: Value
    args: tuple[Value, ...]
    opcode: str
    offset: int
    kwargs: tuple[tuple[str, Value], ...] = ()
    state: list[Value] | tuple[()] = ()
    pairs: list[tuple[Value, Value]] | tuple[()] = ()
    items: list[Value] | tuple[()] = ()
    sealed: bool = False
    meaning: object = None

    def add_state(self, state: Value) -> None:
        """Keeps a state. The lists are made with their first member: of a million objects few have any."""
        self.state = self.state or []
        self.state.append(state)

    def add_pairs(self, pairs: Iterable[tuple[Value, Value]]) -> None:
        """Keeps keys and values."""
        self.pairs = self.pairs or []
        self.pairs.extend(pairs)

    def add_items(self, items: Iterable[Value]) -> None:
        """Keeps items."""
        self.items = self.items or []
        self.items.extend(items)

    @property
    def full(self) -> str:
        """The full name of the global that would be called; empty if it is none."""
        return self.function.full if isinstance(self.function, Global) else ""


@dataclass(eq=False, slots=True)
class PersistentId:
    """What the loader itself would have to give for a persistent id.

    Attributes:
        pid: the id.
        numbers: whether it asks for a tensor's numbers, as torch writes it, and for nothing else.

    Nothing changes it.
    """

    pid: Value
    numbers: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class OldString:
    """A string of Python 2 with bytes beyond ASCII: what it is depends on the loader's `encoding`."""

    data: bytes


@dataclass(frozen=True, eq=False, slots=True)
class Long:
    """A text, bytes or number too long to be kept: it stays in the stream.

    Attributes:
        kind: `str`, `bytes`, `bytearray` or `int`.
        offset, size: where its bytes lie in the stream.
        encoding: how a text is written there.
    """

    kind: str
    offset: int
    size: int
    encoding: str = "utf-8"


@dataclass(frozen=True, eq=False, slots=True)
class Unknown:
    """A value of which nothing is known but where it comes from."""

    source: str


def is_plain(value: Value) -> bool:
    """Whether a value is a Python object itself, whatever it holds."""
    return type(value) in PLAIN


def to_python(value: Value, *, most: int = 10_000_000) -> object:
    """The Python object that loading would give, for values that are plain all through.

    It is the value itself: shared parts are shared, and cycles are kept.

    Raises:
        ValueError: something in it is not plain, or it has more than `most` parts.
    """
    waiting: list[Value] = [value]
    seen: set[int] = set()
    parts = 0
    while waiting:
        part = waiting.pop()
        kind = type(part)
        parts += 1
        if parts > most:
            raise ValueError(f"the value has more than {most:,} parts")
        if kind in ATOMS or kind is bytearray or kind is range:
            continue
        if kind not in PLAIN:
            raise ValueError(f"expected plain values only; {render(part, 80)} would have to be made")
        if id(part) not in seen:
            seen.add(id(part))
            waiting.extend(_held(part))
    return value


def _held(part: Value) -> Iterable[Value]:
    """What a plain container or slice holds directly."""
    if isinstance(part, dict):
        return (*part.keys(), *part.values())
    if isinstance(part, slice):
        return (part.start, part.stop, part.step)
    assert isinstance(part, list | tuple | set | frozenset)
    return part


def render(value: Value, limit: int = 200, depth: int = 3) -> str:
    """A value as one line of at most `limit` characters, whatever it holds."""
    text = _render(value, limit, depth)
    return text if len(text) <= limit else _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    return f"{text[: max(limit - 3, 0)]}..."


def _render(value: Value, limit: int, depth: int) -> str:
    kind = type(value)
    if kind is int:
        return _number(value)
    if kind in _TEXTS:
        assert isinstance(value, str | bytes | bytearray)
        if len(value) <= limit:
            return repr(value)
        return f"{value[:limit]!r}... ({len(value):,})"
    if kind is tuple:
        return _tuple(value, limit, depth)
    if kind in CONTAINERS:
        return _container(value, limit, depth)
    if kind in ATOMS:
        return repr(value)
    if isinstance(value, range | slice):
        inner = (value.start, value.stop, value.step)
        return f"{kind.__name__}({_several(inner, limit, depth)})"
    return _stand_in(value, limit, depth)


def _number(value: object) -> str:
    """An int, or how long it is: Python refuses to write the longest ones."""
    assert isinstance(value, int)
    if -_SHORT < value < _SHORT:
        return repr(value)
    return f"<an int of {value.bit_length():,} bits>"


def _stand_in(value: Value, limit: int, depth: int) -> str:
    match value:
        case Global():
            return _name(value.full, limit)
        case Called():
            return _called(value, limit, depth)
        case PersistentId():
            return f"<persistent id {render(value.pid, limit, depth - 1) if depth > 0 else '...'}>"
        case OldString():
            return f"<Python 2 string {render(value.data, limit)}>"
        case Long():
            return f"<{value.kind} of {value.size:,} bytes at {value.offset:,}>"
        case Unknown():
            return f"<{_name(value.source, limit)}>"
    return f"<{type(value).__name__}>"


def _called(value: Called, limit: int, depth: int) -> str:
    if depth <= 0:
        return (
            f"{render(value.function, limit, 0)}(...)" if isinstance(value.function, Global) else "<a call>"
        )
    function = render(value.function, limit, depth - 1)
    inner = _several(value.args, limit, depth)
    if value.kwargs:
        named = (f"{_name(name, 40)}={render(part, limit, depth - 1)}" for name, part in value.kwargs[:3])
        inner = ", ".join(filter(None, (inner, *named)))
    held = f" with {len(value.pairs):,} pairs" if value.pairs else ""
    held += f" with {len(value.items):,} items" if value.items else ""
    held += " with state" if value.state else ""
    return f"{function}({inner}){held}"


def _tuple(value: Value, limit: int, depth: int) -> str:
    assert isinstance(value, tuple)
    if depth <= 0 and value:
        return f"<tuple of {len(value):,}>"
    inner = _several(value, limit, depth)
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def _container(value: Value, limit: int, depth: int) -> str:
    assert isinstance(value, list | dict | set | frozenset)
    if not value:
        return repr(value)
    if depth <= 0:
        return f"<{type(value).__name__} of {len(value):,}>"
    if isinstance(value, list):
        return f"[{_several(value, limit, depth)}]"
    if isinstance(value, set | frozenset):
        return _set(value, limit, depth)
    pairs = (
        f"{render(key, limit, depth - 1)}: {render(held, limit, depth - 1)}" for key, held in value.items()
    )
    return f"{{{_joined(pairs, len(value), limit)}}}"


def _set(value: set[Value] | frozenset[Value], limit: int, depth: int) -> str:
    """A set in the order of its members' texts: their own order is another one in each process."""
    name = type(value).__name__
    if len(value) > _SORTED:
        return f"<{name} of {len(value):,}>"
    shown = sorted(render(part, limit, depth - 1) for part in value)
    inner = _joined(shown, len(shown), limit)
    return f"{{{inner}}}" if name == "set" else f"frozenset({{{inner}}})"


def _several(values: tuple[Value, ...] | list[Value], limit: int, depth: int) -> str:
    depth -= 1
    shown: list[str] = []
    room = limit
    for part in values:
        text = _render(part, limit, depth)
        if len(text) > limit:
            text = _cut(text, limit)
        shown.append(text)
        room -= len(text) + 2
        if len(shown) >= _SHOWN_ITEMS or room <= 0:
            break
    return _listed(shown, len(values))


def _joined(parts: Iterable[str], count: int, limit: int) -> str:
    """The first parts with commas between them, as long as there is room. No others are asked for."""
    shown: list[str] = []
    room = limit
    for part in parts:
        shown.append(part)
        room -= len(part) + 2
        if len(shown) >= _SHOWN_ITEMS or room <= 0:
            break
    return _listed(shown, count)


def _listed(shown: list[str], count: int) -> str:
    """Parts with commas between them, and how many more there are."""
    if count > len(shown):
        shown.append(f"... {count - len(shown):,} more")
    return ", ".join(shown)


def _name(text: str, limit: int) -> str:
    """A name from the stream with nothing in it that acts on a terminal."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    if cut.isprintable():
        return cut
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "backslashreplace").decode("ascii")
        for sign in cut
    )
