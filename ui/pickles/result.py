"""The stage: the verdicts, the numbers, the tape with its head, and why."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.pickles import Finding, ScanReport, Verdict
from core.pickles.bounds import DEFAULT
from core.pickles.ledger import Reading
from ui.cards import card, show_cards
from ui.pickles.program import Program, program_of, worst_first
from ui.pickles.subject import PLANTED, Subject, our_sample
from ui.pickles.tape import show_tape
from ui.pickles.words import LOOKS, chip, headline, several, text_of
from ui.text import with_code

ROWS: Final = 8
ROWS_ALONE: Final = 11
ROWS_PROJECTED: Final = 5
ROWS_GUESSED: Final = 3
MOST_FINDINGS: Final = 6
_NAMED: Final = 2

_ONLY_THERE: Final = (
    "The file has names and numbers, no code. It loads only where {names} can be imported; elsewhere it ends "
    "with ModuleNotFoundError."
)
_NEVER: Final = (
    "Loading would make this call before anybody has seen the object. Here it is read, and never run."
)


def show_pair(subjects: Sequence[Subject], *, hidden: bool, guessed: bool, projector: bool) -> None:
    """Draws two files beside each other.

    Args:
        subjects: the two.
        hidden: while a prediction is open.
        guessed: whether the visitor is asked for a guess: then the verdicts are where the answers are.
        projector: whether the stage is drawn for the projector.
    """
    for column, subject in zip(st.columns(len(subjects), gap="medium"), subjects, strict=True):
        with column.container(gap="xxsmall"):
            program = program_of(subject)
            if guessed and not projector:
                st.html(f"<div class='uth-plain'>{html.escape(subject.title)}</div>")
            elif not guessed:
                st.html(headline(subject.report.verdict, subject.title))
                _numbers(subject.report, program)
            rows = _rows(guessed=guessed and not hidden) if projector else ROWS
            _tape(program, rows, hidden=hidden)
            if not hidden and not projector:
                st.html(f"<p class='uth-reason'><b>Why?</b> {_why(subject.report)}</p>")


def show_planted() -> None:
    """Draws the planted command alone, for the home page."""
    subject = our_sample(PLANTED)
    _tape(program_of(subject), ROWS, hidden=False)


def show_one(subject: Subject, *, hidden: bool, guessed: bool, projector: bool) -> None:
    """Draws one file: what `show_pair` draws, and what was found in it."""
    program = program_of(subject)
    if not guessed:
        show_cards(*_cards(subject.report, program), headline(subject.report.verdict))
    left, right = st.columns([1.15, 1] if not projector else [1.3, 1], gap="medium")
    with left.container(gap="xxsmall"):
        rows = _rows(guessed=guessed and not hidden) if projector else ROWS_ALONE
        _tape(program, rows, hidden=hidden)
        if program is None:
            st.caption(_no_program(subject.report))
        elif program.stretch.unpacked and not projector:
            st.caption("Compressed in the file: its bytes are counted from the start of what was unpacked.")
        elif not (program.whole or program.stop or hidden) and subject.report.findings:
            st.caption("What was found lies behind the opcodes that are on the tape.")
    with right.container(gap="xxsmall"):
        if hidden:
            st.caption("What was found is hidden until you have made your guess above.")
        else:
            show_findings(subject.report, most=(1 if guessed else 2) if projector else MOST_FINDINGS)


def show_verdicts(subjects: Sequence[Subject]) -> None:
    """The verdicts alone, where the rest is shown by the prediction."""
    st.html(" ".join(f"{chip(each.report.verdict)} {html.escape(each.title)}<br>" for each in subjects))


def show_findings(report: ScanReport, *, most: int, places: bool = False) -> None:
    """Draws what was found, the worst first.

    Args:
        report: of the scan.
        most: how many rows are drawn.
        places: whether each says where it is.
    """
    findings = worst_first(report.findings)
    if not findings:
        st.html(f"<p class='uth-reason'>{_why(report)}</p>")
        return
    rows = "".join(_row(each, places=places) for each in findings[:most])
    head = (
        "<th>verdict</th><th>where</th><th>what was found</th>"
        if places
        else "<th>verdict</th><th>what was found</th>"
    )
    st.html(
        f"<table class='uth-board uth-pk-found{' placed' if places else ''}'><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    left = len(findings) - most + report.left_out
    if left > 0:
        # So many are kept of one pickle; whether there were more is not counted.
        at_least = "at least " if len(findings) >= DEFAULT.findings else ""
        st.caption(f"And {at_least}{several(left, 'more finding')}{'' if places else ': under Why?'}")


def place_of(finding: Finding) -> str:
    """Where a finding is, as HTML."""
    parts = [text_of(finding.member, 60)] if finding.member else []
    parts += [f"byte {finding.offset:,}"] if finding.offset is not None else []
    parts += [html.escape(finding.opcode)] if finding.opcode else []
    return " · ".join(parts) or "the file"


def _row(finding: Finding, *, places: bool) -> str:
    where = f"<td>{place_of(finding)}</td>" if places else ""
    return f"<tr><td>{chip(finding.verdict)}</td>{where}<td>{text_of(finding.reason, 300)}</td></tr>"


def _rows(*, guessed: bool) -> int:
    """How many opcodes the projector has room for: fewer below a prediction's answers."""
    return ROWS_GUESSED if guessed else ROWS_PROJECTED


def _no_program(report: ScanReport) -> str:
    if any(each.pickles for each in report.members):
        return (
            "Its pickle is compressed, and is not on a tape: unpacked it is too large, or that was stopped. "
            "What was found is beside."
        )
    if report.verdict is Verdict.COULD_NOT_READ:
        return "No pickle was found in what could be read of it, so there is no program to follow."
    return "There is no pickle in it, so there is no program to follow."


def _tape(program: Program | None, rows: int, *, hidden: bool) -> None:
    if program is not None:
        show_tape(
            program.cells, program.stop, rows=rows, total=program.total, hidden=hidden, before=program.first
        )


def _unread(report: ScanReport) -> str:
    """Why the first part that was not read was not, as HTML; empty if the ledger does not say."""
    entry = next((each for each in report.ledger.entries if each.reading is Reading.UNREAD), None)
    if entry is None:
        return ""
    where = f"<code>{text_of(entry.member, 60)}</code>: " if entry.member else ""
    return f"{where}{text_of(entry.reason, 300)}"


def _counts(report: ScanReport, program: Program | None) -> list[tuple[str, str]]:
    opcodes = "not counted" if any(each.pickles for each in report.members) else "0"
    if program is not None:
        opcodes = f"{program.opcodes:,}" if program.whole else f"over {program.opcodes:,}"
    names = {each.use.full for each in report.globals}
    return [("opcodes", opcodes), ("globals", f"{len(names):,}"), ("calls", f"{len(report.calls):,}")]


def _numbers(report: ScanReport, program: Program | None) -> None:
    cells = "".join(
        f"<div><div class='what'>{what}</div><div class='value'>{count}</div></div>"
        for what, count in _counts(report, program)
    )
    st.html(f"<div class='uth-pk-numbers'>{cells}</div>")


def _cards(report: ScanReport, program: Program | None) -> list[str]:
    return [card(what, count, "forward") for what, count in _counts(report, program)]


def _why(report: ScanReport) -> str:
    """One sentence on a verdict, as HTML."""
    match report.verdict:
        case Verdict.NEEDS_TRUST:
            unknown = [each.use.full for each in report.globals if each.use.verdict is not Verdict.DATA_ONLY]
            names = list(dict.fromkeys(unknown))
            if names:
                listed = " and ".join(f"<code>{text_of(name, 60)}</code>" for name in names[:_NAMED])
                more = f", and {len(names) - _NAMED} more," if len(names) > _NAMED else ""
                return with_code(_ONLY_THERE).replace("{names}", listed + more)
        case Verdict.COULD_NOT_READ if unread := _unread(report):
            return f"Not all of it was understood: {unread}. What was not read may do anything."
        case Verdict.DANGEROUS if report.calls:
            return with_code(_NEVER)
        case Verdict.DATA_ONLY if report.globals:
            return (
                f"Every one of its {several(len({each.use.full for each in report.globals}), 'global')} is a "
                "known type or function of plain values, with arguments that it may have."
            )
        case Verdict.DATA_ONLY:
            return "It names no code at all. It can still be large: that is bounded by whoever reads it."
        case _:
            pass
    return with_code(LOOKS[report.verdict].means)
