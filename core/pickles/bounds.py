"""How much of a file is read at most, so that no bytes can cost more than someone allowed."""

from dataclasses import dataclass
from typing import Final

_MIB: Final = 2**20


@dataclass(frozen=True)
class Bounds:
    """What one scan may take in bytes, steps and time. What lies beyond is not read, and the report says so.

    The whole of a scan shares `opcodes`, `expansion`, `members` and `seconds`: the machine that reads one
    pickle gets what is left of them.

    Attributes:
        bytes: the size of the file.
        members: how many members all containers may have together.
        member_bytes: the size of one member that has to be unpacked; stored members are read in place.
        expansion: bytes that all unpacking may give.
        nesting: how deep containers may lie in each other.
        header_bytes: the size of a header of another format that is kept to be looked at.
        opcodes: pickle opcodes.
        memo: entries in one pickle's memo.
        values: abstract values that one pickle's stack and containers may hold.
        depth: how deep the values of a pickle may lie in each other where something walks through them.
        text: characters of one string or number that are kept or shown; of a longer one only the length.
        long_bytes: the size of a number of arbitrary length that is worked out.
        globals: how many named globals are kept.
        calls: how many calls are kept.
        calls_in_full: so many allowed calls of each function are shown with their arguments, others with how
            many they have. A checkpoint has thousands, all alike.
        findings: how many findings are kept; the verdict counts all of them.
        trace_steps: how many steps of the machine are kept, where a trace is asked for.
        seconds: wall-clock time, seconds.
    """

    bytes: int = 4 * 2**30
    members: int = 20_000
    member_bytes: int = 512 * _MIB
    expansion: int = 2**30
    nesting: int = 8
    header_bytes: int = 100 * _MIB
    opcodes: int = 50_000_000
    memo: int = 10_000_000
    values: int = 20_000_000
    depth: int = 1_000
    text: int = 10_000
    long_bytes: int = 4_096
    globals: int = 10_000
    calls: int = 10_000
    calls_in_full: int = 3
    findings: int = 1_000
    trace_steps: int = 20_000
    seconds: float = 60.0


DEFAULT: Final = Bounds()
"""The bounds of a scan for which nobody chose others."""
