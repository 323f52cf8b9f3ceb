"""Whether what the pickle machine found in mere numbers is code, or only chance.

Numbers that are read as opcodes name something by chance: a `c` and two line breaks are enough.
"""

from __future__ import annotations

import re
from typing import Final

from core.pickles.machine import PickleRun
from core.pickles.rules.executors import executor
from core.pickles.verdict import Finding, Verdict

_NAMING: Final = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})
_CALLING: Final = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"})
_IDENTIFIERS: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_CUT: Final = "..."
"""What a long name ends with in a finding."""
_DEEPEST: Final = 6
"""No known module has so many parts."""


def code_in(found: PickleRun, start: int = 0, *, named_alone: bool = False) -> tuple[Finding, ...]:
    """The findings of a run from an offset on that are no chance.

    Args:
        found: what the machine made of the bytes.
        start: the first offset that counts.
        named_alone: whether a name counts where the stream neither calls anything nor comes to an end.
    """
    named = any(use.offset >= start and _IDENTIFIERS.fullmatch(use.full) for use in found.globals)
    acts = named_alone or bool(found.values) or any(call.offset >= start for call in found.calls)
    return tuple(
        finding
        for finding in found.findings
        if (finding.offset or 0) >= start and _is_code(finding, named=named, acts=acts)
    )


def _is_code(finding: Finding, *, named: bool, acts: bool) -> bool:
    if finding.verdict is Verdict.COULD_NOT_READ or finding.opcode not in _NAMING | _CALLING:
        return False
    if not finding.subject:
        # A name that is worked out by the stream itself, or a call of what it has made.
        return finding.opcode == "STACK_GLOBAL" or named
    known = finding.verdict is Verdict.DANGEROUS and _is_executor(finding.subject)
    return known or (acts and _IDENTIFIERS.fullmatch(finding.subject.removesuffix(_CUT)) is not None)


def _is_executor(full: str) -> bool:
    """Whether a full name is known to run something, wherever its module ends."""
    parts = full.split(".")
    return any(
        executor(".".join(parts[:end]), ".".join(parts[end:]))
        for end in range(1, min(len(parts), _DEEPEST + 1))
    )
