"""Time zones of `zoneinfo`: the one thing that a pickle of plain values reaches by `getattr`.

A zone is written as `getattr(ZoneInfo, "_unpickle")(key, from_cache)`. The function looks the key up among
the machine's time zones, and refuses keys that leave their folder.
"""

from __future__ import annotations

from typing import Final

from core.pickles.rules.kinds import INT, TEXT, named
from core.pickles.rules.rule import takes
from core.pickles.value import Called, Value

GETATTR: Final = "builtins.getattr"
"""The full name of `getattr`."""
ZONE: Final = "zoneinfo.ZoneInfo"
"""The full name of the class."""
_METHOD: Final = "_unpickle"


def is_maker(value: Value) -> bool:
    """Whether a value is the function that makes a zone, and nothing was done to it."""
    if not isinstance(value, Called) or value.full != GETATTR or _is_changed(value) or len(value.args) != 2:
        return False
    return named(value.args[0], frozenset({ZONE})) and value.args[1] == _METHOD


def is_zone(value: Value) -> bool:
    """Whether a value is a zone that this function gives."""
    if not isinstance(value, Called) or _is_changed(value) or not is_maker(value.function):
        return False
    return takes(TEXT, INT)(value.args) == ""


def _is_changed(value: Called) -> bool:
    return bool(value.kwargs or value.state or value.pairs or value.items)
