"""The machine step by step: the opcode and the next one, stack and memo, and the bytes."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.pickles.lab.walkthrough import ByteState, HexRow, Picture, View
from core.pickles.trace import Slot
from ui.pickles.program import Program, is_call
from ui.pickles.words import LOOKS, several, text_of
from ui.stepper import stepper
from ui.text import with_code

STEP: Final = "step"
"""The number of the step in the address, from 1."""
HEX_ROWS: Final = 6
_SLOT: Final = 120
_SHAPES: Final = {"mark": "mark", "global": "global", "called": "called", "unknown": "unknown"}
_WORDS: Final = {
    "global": "name",
    "called": "call",
    "persistent id": "from the loader",
    "unknown": "unknown",
}


def show_steps(program: Program, *, projector: bool) -> None:
    """Draws the stepper and the step that it is at."""
    walk = program.walk
    index = stepper(len(walk), key=STEP, noun="opcode")
    earlier, later = walk.previous_call(index), walk.next_call(index)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Call before", key="pickles:call:back", icon=":material/keyboard_double_arrow_left:",
            disabled=earlier is None, on_click=_go, args=(earlier,),
        )  # fmt: skip
        st.button(
            "Next call", key="pickles:call:next", icon=":material/keyboard_double_arrow_right:",
            disabled=later is None, on_click=_go, args=(later,),
        )  # fmt: skip
        if program.stop is not None:
            st.button(
                "Where the head stops", key="pickles:call:stop", icon=":material/front_hand:",
                disabled=index == program.stop.index, on_click=_go, args=(program.stop.index,),
            )  # fmt: skip
        st.caption(
            f"{several(len(walk.calls), 'call')} among {several(program.opcodes, 'opcode')}. Keys: B, N."
        )
    view = walk.view(index, rows=HEX_ROWS)
    opcode, stack = st.columns([1.3, 1], gap="medium")
    with opcode:
        _show_opcode(view, program)
        _show_bytes(view.rows, program)
    with stack:
        _show_pictures(view, projector=projector)
    if walk.problem and index == len(walk) - 1:
        st.html(f"<p class='uth-reason'>{text_of(walk.problem, 400)}</p>")


def _go(index: int | None) -> None:
    """Callback: to a step."""
    if index is not None:
        st.session_state[STEP] = index + 1


def _show_opcode(view: View, program: Program) -> None:
    where = f" of {text_of(program.member, 60)}" if program.member else ""
    argument = f" <span class='argument'>{text_of(view.argument)}</span>" if view.argument else ""
    upcoming = (
        f"Next: <code>{html.escape(view.upcoming)}</code>" if view.upcoming else "Nothing comes after it."
    )
    st.html(
        f"<div class='uth-pk-opcode'><div class='name'>{html.escape(view.opcode)}{argument}</div>"
        f"<div class='says'>{with_code(view.says)}</div>"
        f"<div class='uth-plain'>Byte {view.offset - program.base:,}{where}, {several(view.size, 'byte')}. "
        f"{upcoming}</div></div>"
    )
    for finding in view.findings:
        look = LOOKS[finding.verdict]
        what, _, rest = finding.reason.partition(": ") if is_call(finding) else (finding.reason, "", "")
        code = f"<span class='code'>{text_of(rest)}</span>" if rest else ""
        st.html(
            f"<div class='uth-pk-call {look.kind}'><span class='what'>{look.sign} "
            f"{text_of(what[:1].upper() + what[1:], 300)}</span>{code}</div>"
        )
    if view.call is not None and view.call.known:
        st.html(
            "<div class='uth-pk-call data'><span class='what'>✓ A call that only makes data</span>"
            f"<span class='code'>{text_of(view.call.function)}{text_of(view.call.arguments)}</span></div>"
        )


def _show_bytes(rows: tuple[HexRow, ...], program: Program) -> None:
    lines = "\n".join(_line(row, program.base) for row in rows)
    st.html(
        "<pre class='uth-pk-hex' role='img' aria-label='The bytes around it, with those of this opcode "
        "marked'>"
        f"{lines}</pre>"
    )


def _line(row: HexRow, base: int) -> str:
    digits, signs = [], []
    for place, cell in enumerate(row.cells):
        gap = "  " if place == 8 else " " if place else ""
        current = cell.state is ByteState.CURRENT
        digits.append(f"{gap}{_marked(cell.digits, current=current)}")
        signs.append(_marked(cell.sign, current=current))
    fill = "   " * (16 - len(row.cells)) + (" " if len(row.cells) <= 8 else "")
    return f"<span class='at'>{row.offset - base:08x}</span>  {''.join(digits)}{fill}  {''.join(signs)}"


def _marked(text: str, *, current: bool) -> str:
    return f"<mark>{html.escape(text)}</mark>" if current else html.escape(text)


def _show_pictures(view: View, *, projector: bool) -> None:
    most = 6 if projector else 10
    before, after = st.columns(2, gap="small")
    with before:
        _show_stack("Stack before", view.before, most)
    with after:
        _show_stack("Stack after", view.after, most)
    _show_memo(view.after, most)


def _show_stack(title: str, picture: Picture, most: int) -> None:
    slots = "".join(_slot(slot) for slot in picture.stack[:most])
    below = len(picture.stack) - most
    more = max(below, 0) + picture.deeper
    rest = f"<div class='uth-plain'>… {more:,} below</div>" if more > 0 else ""
    empty = "<div class='uth-plain'>empty</div>" if not picture.stack else ""
    st.html(f"<b>{title}</b><div class='uth-pk-stack'>{slots}{rest}{empty}</div>")


def _show_memo(picture: Picture, most: int) -> None:
    if not picture.memo:
        st.html("<b>Memo</b> <span class='uth-plain'>empty</span>")
        return
    shown = picture.memo[-most:]
    more = picture.more + len(picture.memo) - len(shown)
    rows = "".join(
        f"<div class='slot'><small>{number}</small> {text_of(slot.text, _SLOT)}</div>"
        for number, slot in reversed(shown)
    )
    rest = f"<div class='uth-plain'>… {more:,} more</div>" if more else ""
    st.html(f"<b>Memo</b>, the newest first<div class='uth-pk-stack'>{rows}{rest}</div>")


def _slot(slot: Slot) -> str:
    kind = _SHAPES.get(str(slot.kind), "")
    named = _WORDS.get(str(slot.kind), "")
    what = f"<small>{named}</small> " if named else ""
    return f"<div class='slot {kind}'>{what}{text_of(slot.text, _SLOT)}</div>"
