"""Python's own value types on the allow-list, and what may be done with each."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.enumerations import ENUMERATIONS
from core.pickles.rules.exceptions import EXCEPTIONS
from core.pickles.rules.kinds import (
    ANY,
    BYTES,
    DICT,
    FLOAT,
    INT,
    LONG_TEXT,
    NO_ITEMS,
    NONE,
    NUMBERS,
    OLD_BYTES,
    PAIRS,
    TEXT,
    a_global,
    attributes,
    exactly,
    named,
    result_of,
)  # fmt: skip
from core.pickles.rules.plain_calls import (
    make_bytearray,
    make_bytes,
    make_complex,
    make_encoded,
    make_frozenset,
    make_range,
    make_set,
    make_slice,
    size_of_first,
)  # fmt: skip
from core.pickles.rules.records import RECORDS
from core.pickles.rules.rule import NAMED, Kind, Rule, either, takes
from core.pickles.rules.wrappers import WRAPPERS
from core.pickles.rules.zones import ZONE, is_zone
from core.pickles.value import ATOMS, CONTAINERS, Called, Global, Value, is_plain

_FACTORIES: Final = frozenset({
    *(f"builtins.{name}" for name in (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set",
        "str", "tuple",
    )),
    "collections.Counter", "collections.OrderedDict", "collections.defaultdict", "collections.deque",
})  # fmt: skip
"""What a defaultdict may call for a missing key: with no argument each gives something empty."""
_TIME_ZONES: Final = frozenset({"datetime.timezone"})
_SINGLETONS: Final = frozenset({"builtins.Ellipsis", "builtins.NotImplemented"})
_TYPES: Final = ("int", "float", "bool", "str", "list", "tuple", "dict")
_FACTORY: Final = Kind("a plain type or None", lambda value: value is None or named(value, _FACTORIES))
_ZONE: Final = result_of("a time zone", *_TIME_ZONES) | Kind("one of zoneinfo's", is_zone)
_DELTA: Final = result_of("a timedelta", "datetime.timedelta")
_ITERABLE: Final = Kind(
    "a plain container",
    lambda value: type(value) in CONTAINERS or type(value) in ATOMS or type(value) is range,
)
_INTS: Final = Kind(
    "a list of ints from 0 to 255",
    lambda value: isinstance(value, list) and all(type(one) is int and 0 <= one < 256 for one in value),
)
_LETTERS: Final = Kind(
    "a list of letters",
    lambda value: isinstance(value, list) and all(type(one) is str and len(one) == 1 for one in value),
)
ENCODINGS: Final = exactly("latin1", "latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii")
"""How a text may become bytes."""
_BOUND: Final = NONE | INT
_DAY: Final = either(takes(OLD_BYTES), takes(INT, INT, INT))
_PATHS: Final = ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath", "WindowsPath")


def _anything(args: tuple[Value, ...]) -> str:
    return "" if args else "no class"


def _strings(args: tuple[Value, ...]) -> str:
    return "" if all(type(part) is str for part in args) else "a part that is no str"


def _uuid_state(target: Called, state: Value) -> str:
    if type(state) is not dict or not set(state) <= {"int", "is_safe"}:
        return "a state that is not a UUID's"
    return "" if all(INT.holds(part) for part in state.values()) else "a UUID that is no int"


def _only_none(args: tuple[Value, ...]) -> str:
    single = len(args) == 1 and (args[0] is None or named(args[0], _SINGLETONS))
    return "" if single else "it makes a class, or tells one"


def _reconstructed(args: tuple[Value, ...]) -> str:
    """`copyreg._reconstructor(cls, object, None)` is `object.__new__(cls)`; another base would be called."""
    problem = takes(ANY, a_global("object", "builtins.object"), NONE)(args)
    return problem or ("" if isinstance(args[0], Global) else "an object of something that is no class")


def _built_ins() -> dict[str, Rule]:
    plain = Kind("plain values", is_plain)
    conversion = Rule(takes(_ITERABLE, least=0))
    rules = {f"builtins.{name}": NAMED for name in ("Ellipsis", "NotImplemented")}
    rules |= {f"builtins.{name}": conversion for name in _TYPES}
    rules |= {
        "builtins.object": Rule(takes(), new=True),
        "builtins.type": Rule(_only_none),
        "builtins.set": Rule(takes(_ITERABLE, least=0), make=make_set, size=size_of_first),
        "builtins.frozenset": Rule(takes(_ITERABLE, least=0), make=make_frozenset, size=size_of_first),
        "builtins.bytes": Rule(
            either(takes(BYTES | _INTS, least=0), takes(TEXT, ENCODINGS)),
            make=make_bytes,
            size=size_of_first,
        ),
        "builtins.bytearray": Rule(
            either(takes(BYTES | _INTS | INT, least=0), takes(LONG_TEXT, ENCODINGS)),
            make=make_bytearray,
            size=size_of_first,
        ),
        "builtins.complex": Rule(takes(FLOAT, FLOAT, least=0), make=make_complex),
        "builtins.range": Rule(takes(INT, INT, INT, least=1), make=make_range),
        "builtins.slice": Rule(takes(plain, plain, plain, least=1), make=make_slice),
    }
    return rules


def _collections() -> dict[str, Rule]:
    return {
        "collections.OrderedDict": Rule(
            takes(PAIRS | DICT | NO_ITEMS, least=0), new=True, state=attributes, pairs=True
        ),
        "collections.defaultdict": Rule(takes(_FACTORY, DICT, least=0), pairs=True),
        "collections.Counter": Rule(takes(DICT | NO_ITEMS, least=0), new=True, state=attributes, pairs=True),
        "collections.deque": Rule(takes(_ITERABLE, _BOUND, least=0), items=True),
        "array.array": Rule(takes(TEXT, NUMBERS | _LETTERS | BYTES | TEXT, least=1)),
        "array._array_reconstructor": Rule(
            takes(a_global("array.array", "array.array"), TEXT, INT, OLD_BYTES)
        ),
        "types.SimpleNamespace": Rule(takes(), new=True, state=attributes),
        "argparse.Namespace": Rule(takes(), new=True, state=attributes),
    }


def _values() -> dict[str, Rule]:
    parts = [INT] * 7
    rules = {
        "datetime.date": Rule(_DAY),
        "datetime.time": Rule(either(takes(OLD_BYTES, _ZONE, least=1), takes(*parts[:4], least=0))),
        "datetime.datetime": Rule(either(takes(OLD_BYTES, _ZONE, least=1), takes(*parts, least=3))),
        "datetime.timedelta": Rule(takes(FLOAT, FLOAT, FLOAT, least=0)),
        "datetime.timezone": Rule(takes(_DELTA, TEXT, least=1)),
        ZONE: NAMED,
        "decimal.Decimal": Rule(takes(TEXT | INT)),
        "fractions.Fraction": Rule(takes(TEXT | INT, INT, least=1)),
        "uuid.UUID": Rule(takes(), new=True, state=_uuid_state),
        "copyreg._reconstructor": Rule(_reconstructed),
        "copyreg.__newobj__": Rule(_anything),
        "_codecs.encode": Rule(takes(LONG_TEXT, ENCODINGS), make=make_encoded, size=size_of_first),
    }
    for version in ("IPv4", "IPv6"):
        rules[f"ipaddress.{version}Address"] = Rule(takes(INT | TEXT))
        rules |= {f"ipaddress.{version}{name}": Rule(takes(TEXT)) for name in ("Network", "Interface")}
    modules = ("pathlib", "pathlib._local")
    rules |= {f"{module}.{name}": Rule(_strings) for module in modules for name in _PATHS}
    return rules


STANDARD: Final = MappingProxyType({
    **_built_ins(), **_collections(), **_values(), **ENUMERATIONS, **EXCEPTIONS, **RECORDS, **WRAPPERS,
})  # fmt: skip
"""Rules by full name."""
