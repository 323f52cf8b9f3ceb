"""What was seen in a stream so far, as much as is kept, and the worst that follows from all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from core.pickles.bounds import Bounds
from core.pickles.globals import GlobalUse
from core.pickles.value import Called, Global, Value, render
from core.pickles.verdict import Finding, Verdict

SHOWN: Final = 300
"""How many characters of a call or a name a finding shows."""
_DEEP: Final = 3


@dataclass(slots=True)
class Call:
    """A call that loading would make.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.

    Attributes:
        offset: where in the stream, in bytes.
        opcode: what asks for it.
        function: what would be called: `os.system`.
        arguments: as one line, as far as they are known.
        known: whether it is on the allow-list, with arguments that it may have.
    """

    offset: int
    opcode: str
    function: str
    arguments: str
    known: bool


class Record:
    """Findings, names, calls and persistent ids of one stream.

    Args:
        member: the part of a file that the stream is.
        base: what is added to offsets.
        bounds: how much is kept.

    Attributes:
        verdict: the worst of all that was said, kept or not.
        findings: in the order in which they were made.
        globals: the first use of each name.
        persistent_ids: what the loader would be asked for.
    """

    def __init__(self, member: str, base: int, bounds: Bounds) -> None:
        self.verdict = Verdict.DATA_ONLY
        self.findings: list[Finding] = []
        self.globals: dict[tuple[str, str], GlobalUse] = {}
        self.persistent_ids: list[Value] = []
        self._member = member
        self._base = base
        self._bounds = bounds
        self._known: list[Call] = []
        self._unknown: list[Call] = []
        self._seen: set[tuple[str, str, str]] = set()
        self._milder: list[int] = []
        self._said: set[tuple[str, str]] = set()
        self._held: list[Finding] = []
        self._names_shown: dict[Global, str] = {}
        self._in_full: dict[str, int] = {}

    def worsen(self, verdict: Verdict) -> None:
        """Counts a verdict, whether or not a finding of it is kept."""
        if verdict is not self.verdict and self.verdict is not Verdict.DANGEROUS:
            self.verdict = Verdict.worst(self.verdict, verdict)

    def said(self, opcode: str, subject: str) -> bool:
        """Whether this was asked before, or so much that no more findings are kept."""
        key = (opcode, subject)
        if key in self._said or len(self._said) >= self._bounds.findings:
            return True
        self._said.add(key)
        return False

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that would be made, in order."""
        return tuple(sorted((*self._known, *self._unknown), key=attrgetter("offset")))

    def find(self, offset: int, opcode: str, reason: str, verdict: Verdict, subject: str = "") -> None:
        """Something that speaks against the stream. The same thing said again is not kept."""
        self.add(Finding(self._member, offset + self._base, opcode, reason, verdict, subject))

    def add(self, finding: Finding) -> None:
        """A finding as it is, if it is a new one and there is room; it counts in any case."""
        self.worsen(finding.verdict)
        key = (finding.opcode, finding.reason, finding.subject)
        dangerous = finding.verdict is Verdict.DANGEROUS
        if key in self._seen:
            return
        if len(self.findings) < self._bounds.findings:
            if not dangerous:
                self._milder.append(len(self.findings))
            self.findings.append(finding)
        elif dangerous and self._milder:
            # A danger is never crowded out by what is less.
            self.findings[self._milder.pop()] = finding
        else:
            return
        self._seen.add(key)

    def hold(self, offset: int, opcode: str, reason: str, subject: str) -> None:
        """A danger that may turn out to be none: it counts from `settle` on."""
        finding = Finding(self._member, offset + self._base, opcode, reason, Verdict.DANGEROUS, subject)
        if len(self._held) < self._bounds.findings:
            self._held.append(finding)
        else:
            self.add(finding)

    def settle(self, *, harmless: bool) -> None:
        """What was held back counts now, unless it is harmless and nothing else speaks against the stream."""
        held, self._held = self._held, []
        if not harmless or self.verdict is not Verdict.DATA_ONLY:
            for finding in held:
                self.add(finding)
            return
        subjects = {finding.subject for finding in held}
        for key, use in self.globals.items():
            if use.full in subjects:
                self.globals[key] = replace(use, verdict=Verdict.DATA_ONLY)

    def _name(self, function: Value) -> str:
        """What is called, as one line."""
        if not isinstance(function, Global):
            return render(function, SHOWN)
        name = self._names_shown.get(function)
        if name is None:
            name = self._names_shown[function] = render(function, SHOWN)
        return name

    def note_call(self, result: Called, *, known: bool) -> bool:
        """Keeps a call, if there is room."""
        kept = self._known if known else self._unknown
        if len(kept) >= self._bounds.calls:
            return False
        function = self._name(result.function)
        in_full = True
        if known:
            alike = self._in_full[function] = self._in_full.get(function, 0) + 1
            in_full = alike <= self._bounds.calls_in_full
        arguments = _arguments(result) if in_full else _count(result)
        kept.append(Call(result.offset + self._base, result.opcode, function, arguments, known))
        return True


def _arguments(result: Called) -> str:
    """What a call is given."""
    if not result.args and not result.kwargs:
        return "()"
    arguments = render(result.args, SHOWN, _DEEP)
    return f"{arguments}, {render(dict(result.kwargs), SHOWN)}" if result.kwargs else arguments


def _count(result: Called) -> str:
    """How much a call is given: a thousand calls that are all alike need no more."""
    count = len(result.args) + len(result.kwargs)
    if not count:
        return "()"
    return "(1 argument)" if count == 1 else f"({count:,} arguments)"
