"""The Why? tab: the machine step by step, what was found and where, and what was read and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import streamlit as st

from core.pickles import ScanReport
from core.pickles.ledger import Reading
from core.pickles.member import shown
from ui.pickles.controls import choose_view
from ui.pickles.inputs import WHY_VIEWS
from ui.pickles.program import program_of
from ui.pickles.result import show_findings
from ui.pickles.steps import show_steps
from ui.pickles.subject import Subject
from ui.pickles.words import LOOKS, several

MOST_FINDINGS: Final = 60
MOST_ROWS: Final = 500
_TALL: Final = 420
_SIGNS: Final = {Reading.READ: "✓ read", Reading.RAW: "≡ raw data", Reading.UNREAD: "✗ not read"}


def show_why(subjects: Sequence[Subject], subject: Subject | None, *, hidden: bool, projector: bool) -> None:
    """Draws the tab.

    Args:
        subjects: what is on the stage.
        subject: the file of them that it is about; None as long as there is none.
        hidden: while a prediction is open.
        projector: whether it is drawn for the projector.
    """
    view = choose_view(subjects, WHY_VIEWS, "view")
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    if subject is None:
        st.caption("Nothing to explain until there is a file above.")
        return
    if view == WHY_VIEWS[1]:
        _show_found(subject.report)
    elif view == WHY_VIEWS[2]:
        _show_read(subject.report)
    else:
        program = program_of(subject)
        if program is None:
            st.caption(
                "There is nothing to step through: no pickle in it could be followed. What was found in it "
                f"is under {WHY_VIEWS[1]}."
            )
        else:
            show_steps(program, projector=projector)


def _show_found(report: ScanReport) -> None:
    show_findings(report, most=MOST_FINDINGS, places=True)
    if report.globals:
        st.markdown("**The names that its pickles use**")
        st.dataframe(
            [
                {
                    "": f"{LOOKS[each.use.verdict].sign} {each.use.verdict}",
                    "name": shown(each.use.full),
                    "written as": shown(each.use.written),
                    "opcode": each.use.opcode,
                    "byte": each.use.offset,
                    "member": shown(each.member),
                }
                for each in report.globals[:MOST_ROWS]
            ],
            hide_index=True, height=_height(len(report.globals)),
            alt="Every name that the file's pickles use, and what is known of it",
        )  # fmt: skip
    if report.calls:
        st.markdown("**The calls that loading would make**")
        st.dataframe(
            [
                {
                    "": "✓ makes data" if each.call.known else "✗ not known to",
                    "call": shown(each.call.function),
                    "arguments": shown(each.call.arguments),
                    "opcode": each.call.opcode,
                    "byte": each.call.offset,
                    "member": shown(each.member),
                }
                for each in report.calls[:MOST_ROWS]
            ],
            hide_index=True, height=_height(len(report.calls)),
            alt="Every call that loading the file would make",
        )  # fmt: skip


def _show_read(report: ScanReport) -> None:
    if report.ledger.complete:
        st.markdown("**Nothing was left unread.**")
    else:
        parts = several(report.ledger.unread, "part")
        st.markdown(f"**{parts} of it could be anything**: so it is never called data-only.")
    st.dataframe(
        [
            {
                "": _SIGNS[entry.reading],
                "member": shown(entry.member) or "the file",
                "from byte": entry.start,
                "to": entry.end,
                "why": shown(entry.reason, 300),
            }
            for entry in report.ledger.entries[:MOST_ROWS]
        ],
        hide_index=True, height=_height(len(report.ledger.entries)),
        alt="The ledger: which bytes were read, which were not, and why",
    )  # fmt: skip
    st.markdown("**What lies in the file**, by its content and not by its names")
    st.dataframe(
        [
            {
                "": f"{LOOKS[member.verdict].sign} {member.verdict}",
                "member": shown(member.name) or "the file",
                "is": member.format.value,
                "bytes": member.size,
                "at byte": "unpacked" if member.offset is None else f"{member.offset:,}",
                "pickles": member.pickles,
            }
            for member in report.members[:MOST_ROWS]
        ],
        hide_index=True, height=_height(len(report.members)),
        alt="The parts of the file, and the verdict on each",
    )  # fmt: skip
    for note in report.notes:
        st.text(shown(note, 500))


def _height(rows: int) -> int | Literal["content"]:
    return "content" if rows < 12 else _TALL
