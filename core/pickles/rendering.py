"""A report as text and as Markdown. What a file gave is shown so that nothing in it acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from core.pickles.ledger import Entry, Reading
from core.pickles.member import Member, MemberCall, shown
from core.pickles.verdict import Finding, Verdict
from core.units import duration

if TYPE_CHECKING:
    from core.pickles.report import ScanReport

MEANINGS: Final[dict[Verdict, str]] = {
    Verdict.DATA_ONLY: "every name in it is known to make data only; it may still exhaust the memory",
    Verdict.NEEDS_TRUST: "loading it runs or imports code that this scanner does not know",
    Verdict.DANGEROUS: "loading it runs programs or code, or hides what it runs",
    Verdict.COULD_NOT_READ: "not all of it was understood, and what was not may do anything",
}
"""What each verdict says, in a few words."""
_LISTED: Final = 20


def text(report: ScanReport) -> str:
    """The report for a terminal."""
    lines = [
        f"{shown(report.name) or '(no name)'}: {report.verdict.value}",
        f"  {_facts(report)}",
        f"  {report.verdict.value}: {MEANINGS[report.verdict]}",
    ]
    for title, items in _sections(report):
        lines.append(f"  {title}")
        lines += [f"    {item}" for item in items]
    return "\n".join(lines)


def markdown(report: ScanReport) -> str:
    """The report for a document."""
    lines = [
        f"# {_code(report.name or '(no name)')}: {report.verdict.value}",
        "",
        f"{report.verdict.value}: {MEANINGS[report.verdict]}.",
        "",
        _facts(report),
    ]
    for title, items in _sections(report):
        lines += ["", f"## {title}", ""]
        lines += [f"- {_code(item)}" for item in items]
    return "\n".join(lines) + "\n"


def _facts(report: ScanReport) -> str:
    return (
        f"{report.format.value}, {report.size:,} bytes, {_count(len(report.members), 'member')}, "
        f"read in {duration(report.seconds)}"
    )


def _sections(report: ScanReport) -> Iterable[tuple[str, Sequence[str]]]:
    worst_first = sorted(report.findings, key=lambda finding: -finding.verdict.rank)
    findings = _some([_finding(each) for each in worst_first], report.left_out)
    if findings:
        yield "Findings", findings
    if report.calls:
        yield "Calls that loading would make", _some([_call(each) for each in report.calls])
    names = dict.fromkeys(f"{shown(each.use.module)}.{shown(each.use.name)}" for each in report.globals)
    if names:
        yield "Names", _some(list(names))
    unread = [each for each in report.ledger.entries if each.reading is Reading.UNREAD]
    if unread:
        yield "Not read", _some([_entry(each) for each in unread], report.ledger.unread - len(unread))
    if len(report.members) > 1:
        yield "Members", _some([_member(each) for each in report.members[1:]])
    if report.notes:
        yield "Notes", _some([shown(note, 500) for note in report.notes])


def _some(items: Sequence[str], more: int = 0) -> list[str]:
    left = len(items) - _LISTED + more if len(items) > _LISTED else more
    return [*items[:_LISTED], *([f"... and {left:,} more"] if left > 0 else [])]


def _finding(finding: Finding) -> str:
    place = _place(finding.member, finding.offset, finding.opcode)
    return f"{finding.verdict.value}: {place}{_line(finding.reason)}"


def _call(each: MemberCall) -> str:
    call = each.call
    return f"{_place(each.member, call.offset, call.opcode)}{_line(call.function)}{_line(call.arguments)}"


def _entry(entry: Entry) -> str:
    where = f"{shown(entry.member)} " if entry.member else ""
    return f"{where}bytes {entry.start:,} to {entry.end:,}: {_line(entry.reason)}"


def _member(member: Member) -> str:
    where = "unpacked" if member.offset is None else f"at {member.offset:,}"
    return (
        f"{shown(member.name)}: {member.format.value}, {member.size:,} bytes {where}, {member.verdict.value}"
    )


def _place(member: str, offset: int | None, opcode: str) -> str:
    parts = [shown(member)] if member else []
    parts += [f"byte {offset:,}"] if offset is not None else []
    parts += [opcode] if opcode else []
    return f"{' '.join(parts)}: " if parts else ""


def _line(value: str) -> str:
    return shown(value, 300)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _code(value: str) -> str:
    """A text as code in Markdown: fenced by more backticks than it has."""
    line = shown(value, 700)
    longest = run = 0
    for sign in line:
        run = run + 1 if sign == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"
