"""What may be said of a file before it is loaded, and what was found that says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What loading would do, as far as it can be told without loading.

    None of them is called safe: what is data only can still exhaust the memory.
    """

    DATA_ONLY = "data-only"
    """Every name is on the allow-list, with arguments that it may have there: nothing of the file's runs."""
    NEEDS_TRUST = "needs-trust"
    """Names code that nobody here knows: loading imports it, and may call it."""
    COULD_NOT_READ = "could-not-read"
    """Not all of it was understood: what was not may do anything."""
    DANGEROUS = "dangerous"
    """Calls what runs programs or code, or hides what it calls."""

    @property
    def rank(self) -> int:
        """How bad it is: 0 for data only, 3 for dangerous.

        What could not be read outranks what needs trust: the unread part may hold worse. It never hides a
        danger that was seen before the reading ended.
        """
        return _RANKS.index(self)

    @staticmethod
    def worst(*verdicts: Verdict) -> Verdict:
        """The worst of some verdicts; data only if there are none."""
        return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.DATA_ONLY)


_RANKS = (Verdict.DATA_ONLY, Verdict.NEEDS_TRUST, Verdict.COULD_NOT_READ, Verdict.DANGEROUS)


@dataclass(frozen=True)
class Finding:
    """Something that speaks against loading a file.

    Attributes:
        member: the part of the file where it is; empty for the file itself.
        offset: where in that part, in bytes; None if it has no place.
        opcode: the name of the pickle opcode; empty if it is none.
        reason: one sentence.
        verdict: what it alone would make of the file.
        subject: what it is about: `os.system`; empty if nothing has a name there.
    """

    member: str
    offset: int | None
    opcode: str
    reason: str
    verdict: Verdict
    subject: str = ""
