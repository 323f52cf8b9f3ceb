"""One scan on its way through a file: what it may still take, and what it has found so far."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from core.pickles.bounds import Bounds
from core.pickles.containers.storages import Storage, storages_of
from core.pickles.evidence import code_in
from core.pickles.globals import GlobalUse
from core.pickles.interpreter import AfterBuild
from core.pickles.ledger import Entry, Ledger, Reading
from core.pickles.machine import PickleRun, run
from core.pickles.member import Member, MemberCall, MemberGlobal, inside, writable
from core.pickles.sniff import BEGINNINGS, GLANCE, LONG, OPENING, breaks_off, try_pickle
from core.pickles.span import Span
from core.pickles.verdict import Finding, Verdict

LONGEST: Final = 400
"""How many characters of a member's name are kept."""
EVIDENCE: Final = 2**16
"""How many bytes of a tensor's numbers are looked at, for whether they are a pickle."""
_COLLECTED: Final = 2**20
"""After so many opcodes values that hold themselves are looked for: the collector is off in a scan."""
_MARGIN: Final = 16
"""An opcode with a short argument does not reach beyond so many bytes."""
CHUNK: Final = 2**20
"""How many bytes are unpacked or looked through between two looks at the clock."""


@dataclass(slots=True)
class Part:
    """Something to be examined.

    Attributes:
        name: its path through the containers; empty for the file itself.
        span: its bytes.
        depth: in how many containers it lies.
        raw: whether its loader only copies it, such as a tensor's numbers: then only what names code counts.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.
    """

    name: str
    span: Span
    depth: int = 0
    raw: bool = False

    def inner(self, name: str, span: Span, *, raw: bool = False) -> Part:
        """Something that lies in this one."""
        return Part(inside(self.name, name[:LONGEST]), span, self.depth + 1, raw)


class Walk:
    """What a scan has found, and what is left of its bounds.

    Args:
        bounds: what the whole scan may take.
        examine: looks at a part, whatever it is, and gives its format and verdict.
        name: what the file is called.
    """

    def __init__(self, bounds: Bounds, examine: Callable[[Part, Walk], Member], name: str = "") -> None:
        self.bounds = bounds
        self.name = name
        self.members: list[Member | None] = []
        self.findings: list[Finding] = []
        self.entries: list[Entry] = []
        self.globals: list[MemberGlobal] = []
        self.calls: list[MemberCall] = []
        self.notes: list[str] = []
        self.places: list[Span] = []
        self.storages: dict[str, dict[str, Storage]] = {}
        self.worst = Verdict.DATA_ONLY
        self.pickles = 0
        self.findings_left_out = 0
        self._examine = examine
        self._entries_left_out = 0
        self._unread = 0
        self._opcodes = bounds.opcodes
        self._left = bounds
        self._expansion = bounds.expansion
        self._member_count = 0
        self._uncollected = 0
        self._deadline = time.monotonic() + bounds.seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until the scan's time is over."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def opcodes_left(self) -> int:
        """How many opcodes may still be read."""
        return self._opcodes

    @property
    def late(self) -> bool:
        """Whether the scan's time is over."""
        return time.monotonic() >= self._deadline

    @property
    def ledger(self) -> Ledger:
        """What was read and what was not, up to now."""
        return Ledger(tuple(self.entries), self._entries_left_out, self._unread)

    def judge(self, verdict: Verdict) -> None:
        """Counts a verdict."""
        if verdict is not Verdict.DATA_ONLY:
            self.worst = Verdict.worst(self.worst, verdict)

    def find(
        self,
        part: Part,
        offset: int | None,
        reason: str,
        verdict: Verdict,
        *,
        opcode: str = "",
        subject: str = "",
    ) -> None:
        """Keeps a finding of a container's reader."""
        self.keep(Finding(part.name, offset, opcode, reason, verdict, subject))

    def keep(self, finding: Finding) -> None:
        """Keeps a finding, or only its verdict where there are too many."""
        self.judge(finding.verdict)
        finding = replace(finding, reason=writable(finding.reason), subject=writable(finding.subject))
        if len(self.findings) < self.bounds.findings:
            self.findings.append(finding)
        else:
            self.findings_left_out += 1

    def note(self, text: str) -> None:
        """Keeps a remark that changes no verdict."""
        if text not in self.notes and len(self.notes) < self.bounds.findings:
            self.notes.append(text)

    def read(self, part: Part, start: int, end: int, reason: str) -> None:
        """Says of bytes that they were read."""
        self._enter(part, start, end, Reading.READ, reason)

    def raw(self, part: Part, start: int, end: int, reason: str) -> None:
        """Says of bytes that no loader takes them for a program."""
        self._enter(part, start, end, Reading.RAW, reason)

    def unread(self, part: Part, start: int, end: int, reason: str) -> None:
        """Says of bytes that they were not read and could be anything: the file is not data-only."""
        self._unread += 1
        self.judge(Verdict.COULD_NOT_READ)
        self._enter(part, start, end, Reading.UNREAD, reason)

    @property
    def expansion_left(self) -> int:
        """How many bytes unpacking may still give."""
        return self._expansion

    def take_expansion(self, size: int) -> None:
        """Counts bytes that were unpacked."""
        self._expansion = max(0, self._expansion - size)

    def examine(self, part: Part) -> Member | None:
        """Looks at a part by its own content; None if the bounds do not allow it, which the ledger says."""
        self._member_count += 1
        if self._member_count > self.bounds.members:
            reason = f"more than {self.bounds.members:,} members"
        elif part.depth > self.bounds.nesting:
            reason = f"containers in containers, more than {self.bounds.nesting} deep"
        elif self.late:
            reason = f"the {self.bounds.seconds:g} s of this scan were over"
        else:
            return self._examine(part, self)
        self.unread(part, 0, len(part.span), reason)
        return None

    def pickle(
        self, part: Part, start: int = 0, *, after_build: AfterBuild | None = None, several: bool = False
    ) -> PickleRun:
        """Runs the machine on a part from an offset, and keeps what it finds."""
        found = self.try_pickle(part, start, after_build=after_build, several=several)
        self.adopt(part, found)
        return found

    def try_pickle(
        self,
        part: Part,
        start: int = 0,
        *,
        after_build: AfterBuild | None = None,
        several: bool = False,
        base: int = 0,
    ) -> PickleRun:
        """Runs the machine without keeping what it finds; what it takes is counted.

        Args:
            part: what holds the pickle.
            start: where it begins there.
            after_build: where the machine goes on after a BUILD.
            several: whether it reads on after the first pickle.
            base: what is added to the offsets of all that it finds, but not to where it ends.
        """
        bounds = self._bounds_left()
        with part.span.view() as view:
            found = run(
                view,
                member=part.name,
                start=start,
                bounds=bounds,
                several=several,
                after_build=after_build,
                base=base,
            )
        self._opcodes = max(0, self._opcodes - found.opcodes)
        self._uncollected += found.opcodes
        if self._uncollected > _COLLECTED:
            self._uncollected = 0
            gc.collect(0)
        return found

    def _bounds_left(self) -> Bounds:
        """What is left for one pickle, to within a second and a hundredth of the opcodes."""
        left = self.seconds_left
        known = self._left
        if (
            known.seconds - left > 1.0
            or known.opcodes - self._opcodes > self.bounds.opcodes // 100
            or left < 2
        ):
            self._left = known = replace(self.bounds, opcodes=self._opcodes, seconds=left)
        return known

    def adopt(self, part: Part, found: PickleRun) -> None:
        """Keeps what a run of the machine found."""
        for finding in found.findings:
            self.keep(finding)
        self.judge(found.verdict)
        self.pickles += max(1, len(found.values))
        if found.persistent_ids:
            self.storages[part.name] = storages_of(found.persistent_ids)
        if found.globals:
            room = max(0, self.bounds.globals - len(self.globals))
            uses = map(_writable_global, found.globals[:room])
            self.globals.extend(MemberGlobal(part.name, use) for use in uses)
        if found.calls:
            room = max(0, self.bounds.calls - len(self.calls))
            self.calls += [MemberCall(part.name, call) for call in found.calls[:room]]

    def adopt_opening(self, part: Part, opening: PickleRun) -> None:
        """Keeps what sniffing found, where that was already the whole pickle."""
        self._opcodes = max(0, self._opcodes - opening.opcodes)
        findings = tuple(replace(finding, member=part.name) for finding in opening.findings)
        self.adopt(part, replace(opening, findings=findings))

    def evidence(self, part: Part, start: int = 0, head: bytes | None = None) -> bool:
        """Runs the machine on bytes that no loader is known to unpickle; only real code counts.

        Args:
            part: what holds them.
            start: where they begin there.
            head: the first `GLANCE` of them, if they have been read.

        Returns:
            whether something was found there.
        """
        head = part.span.read(start, GLANCE) if head is None else head
        if head[:1] not in BEGINNINGS or breaks_off(head, len(part.span) - start):
            return False
        opening = try_pickle(part.span.part(start), self.bounds, EVIDENCE)
        self._opcodes = max(0, self._opcodes - opening.opcodes)
        asks = opening.calls or opening.globals or opening.verdict is Verdict.DANGEROUS
        if opening.opcodes < OPENING and not asks:
            return False
        ended = opening.opcodes < OPENING and opening.end < EVIDENCE - _MARGIN
        if ended and part.span.read(start + opening.end, 1) not in LONG and not _is_code(opening):
            # It broke off by itself: the whole, which may be long, would break off there too.
            return False
        found = self.try_pickle(part, start)
        if not _is_code(found):
            return False
        self.adopt(part, found)
        return True

    def _enter(self, part: Part, start: int, end: int, reading: Reading, reason: str) -> None:
        room = (4 if reading is Reading.UNREAD else 2) * self.bounds.findings
        if len(self.entries) < room:
            self.entries.append(Entry(part.name, start, end, reading, reason))
        else:
            self._entries_left_out += 1


def _is_code(found: PickleRun) -> bool:
    return any(finding.verdict is Verdict.DANGEROUS for finding in code_in(found))


def _writable_global(use: GlobalUse) -> GlobalUse:
    if use.module.isascii() and use.name.isascii() and use.written.isascii():
        return use
    return replace(use, module=writable(use.module), name=writable(use.name), written=writable(use.written))
