"""Classes of the standard library that are written in Python and hold plain values in attributes.

Their methods call methods of what they hold, so each attribute has to be what the class itself puts there,
and there may be no others: `string.Template` would use a `pattern` of the object's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import DICT, FLOAT, TEXT, made_by
from core.pickles.rules.rule import Kind, Rule, StateCheck, takes
from core.pickles.value import Called, Value

_MAPPINGS: Final = frozenset({
    "collections.ChainMap", "collections.Counter", "collections.OrderedDict", "collections.UserDict",
    "collections.defaultdict",
})  # fmt: skip
_MAPPING: Final = DICT | Kind("a mapping", lambda value: made_by(value, _MAPPINGS))
_MAPS: Final = Kind(
    "a list of mappings",
    lambda value: isinstance(value, list) and bool(value) and all(_MAPPING.holds(part) for part in value),
)
_LIST: Final = Kind("a list", lambda value: type(value) is list)
_LONGEST_PATTERN: Final = 10_000
_PATTERN: Final = Kind(
    f"a pattern of at most {_LONGEST_PATTERN:,} characters",
    lambda value: isinstance(value, str | bytes) and len(value) <= _LONGEST_PATTERN,
)
_FLAGS: Final = 0b1_0111_1110
"""Of `re`: all but TEMPLATE, which newer versions do not have, and DEBUG, which prints the pattern."""
_PATTERN_FLAGS: Final = Kind(
    "flags of a pattern", lambda value: type(value) is int and value >= 0 and value & ~_FLAGS == 0
)


def only(kinds: Mapping[str, Kind]) -> StateCheck:
    """A check that a state is a dict of exactly these attributes."""

    def check(target: Called, state: Value) -> str:
        if type(state) is not dict or set(state) != set(kinds):
            return f"a state that is not that of a {target.full}"
        wrong = [name for name, kind in kinds.items() if not kind.holds(state[name])]
        return f"a state whose {wrong[0]!r} is not {kinds[wrong[0]].name}" if wrong else ""

    return check


def _normal_state(target: Called, state: Value) -> str:
    """Mean and deviation, as the class's own method writes them or as slots."""
    if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
        return only({"_mu": FLOAT, "_sigma": FLOAT})(target, state[1])
    return takes(FLOAT, FLOAT)(state) if isinstance(state, tuple) else "a state that is no tuple"


def _rules() -> dict[str, Rule]:
    return {
        "collections.ChainMap": Rule(takes(), new=True, state=only({"maps": _MAPS})),
        "collections.UserDict": Rule(takes(), new=True, state=only({"data": DICT})),
        "collections.UserList": Rule(takes(), new=True, state=only({"data": _LIST})),
        "collections.UserString": Rule(takes(TEXT, least=0), new=True, state=only({"data": TEXT})),
        "string.Template": Rule(takes(TEXT, least=0), new=True, state=only({"template": TEXT})),
        "statistics.NormalDist": Rule(takes(FLOAT, FLOAT, least=0), new=True, state=_normal_state),
        "re._compile": Rule(takes(_PATTERN, _PATTERN_FLAGS)),
    }


WRAPPERS: Final = MappingProxyType(_rules())
"""Rules by full name."""
