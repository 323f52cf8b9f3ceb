"""What a scan gives: the verdict, and all that it rests on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from core.pickles import rendering
from core.pickles.formats import Format
from core.pickles.ledger import Ledger
from core.pickles.member import Member, MemberCall, MemberGlobal
from core.pickles.verdict import Finding, Verdict


@dataclass(frozen=True)
class ScanReport:
    """What was found in a file without loading it.

    Offsets of findings, globals and calls count from the start of their member.

    Attributes:
        name: the file's name, as it was given.
        format: what the file is, by its content.
        verdict: the worst that was found, and at least could-not-read if something was not read.
        findings: what speaks against loading it.
        members: what lies in it, the file itself first.
        ledger: which bytes were read, and which were not.
        globals: what its pickles name.
        calls: what loading would call.
        size: bytes.
        seconds: what the scan took.
        notes: remarks that change no verdict.
        left_out: findings beyond the bounds, which count for the verdict all the same.
    """

    name: str
    format: Format
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    members: tuple[Member, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    globals: tuple[MemberGlobal, ...] = ()
    calls: tuple[MemberCall, ...] = ()
    size: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    left_out: int = 0

    def to_json(self) -> str:
        """All of it as JSON, in ASCII."""
        return json.dumps(asdict(self), indent=2)

    def to_text(self) -> str:
        """A summary for a terminal: no control character of the file's gets into it."""
        return rendering.text(self)

    def to_markdown(self) -> str:
        """The same for a document: nothing of the file's is markup in it."""
        return rendering.markdown(self)


def failed(name: str, size: int, reason: str) -> ScanReport:
    """The report on a file that no scan could read, with the reason in one line."""
    finding = Finding("", None, "", reason, Verdict.COULD_NOT_READ)
    ledger = Ledger((), 0, 1)
    return ScanReport(name, Format.UNKNOWN, Verdict.COULD_NOT_READ, (finding,), ledger=ledger, size=size)
