"""Tuples with names that the standard library gives: times, what is known of a file, the parts of an address.

Some of these lie in modules whose functions run programs or use the network. The classes themselves take
their fields and do nothing with them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import TEXT
from core.pickles.rules.rule import Check, Kind, Rule, takes
from core.pickles.value import ATOMS, Value

_SEQUENCES: Final = MappingProxyType({
    "os.stat_result": (10, 25), "os.statvfs_result": (10, 12), "os.terminal_size": (2, 2),
    "os.times_result": (5, 5), "os.uname_result": (5, 5), "posix.times_result": (5, 5),
    "posix.uname_result": (5, 5), "nt.times_result": (5, 5), "nt.uname_result": (5, 5),
    "time.struct_time": (9, 11), "resource.struct_rusage": (16, 16),
})  # fmt: skip
"""How many fields each may have in order, by full name; those that have a name only come behind."""
_ADDRESSES: Final = MappingProxyType({"DefragResult": 2, "SplitResult": 5, "ParseResult": 6})
"""How many parts each has."""
_BYTES_HERE: Final = Kind("bytes", lambda value: type(value) is bytes)


def _are_atoms(values: tuple[Value, ...]) -> bool:
    return all(type(part) in ATOMS for part in values)


def _fields(least: int, most: int) -> Check:
    """A check that arguments are the fields in order, and perhaps a dict of those that have names only."""
    in_order = Kind(
        f"a tuple of {least} to {most} plain fields",
        lambda value: isinstance(value, tuple) and least <= len(value) <= most and _are_atoms(value),
    )
    named = Kind(
        "a dict of plain fields",
        lambda value: (
            type(value) is dict
            and all(type(name) is str for name in value)
            and _are_atoms(tuple(value.values()))
        ),
    )
    return takes(in_order, named, least=1)


def _rules() -> dict[str, Rule]:
    rules = {full: Rule(_fields(*counts)) for full, counts in _SEQUENCES.items()}
    for name, count in _ADDRESSES.items():
        rules[f"urllib.parse.{name}"] = Rule(takes(*[TEXT] * count), new=True)
        rules[f"urllib.parse.{name}Bytes"] = Rule(takes(*[_BYTES_HERE] * count), new=True)
    return rules


RECORDS: Final = MappingProxyType(_rules())
"""Rules by full name."""
