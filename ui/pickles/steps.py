"""The machine step by step: the opcode and the next one, stack and memo, and the bytes."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.pickles.lab.walkthrough import MOST_STEPS, ByteState, HexRow, Picture, View
from core.pickles.record import Call
from core.pickles.trace import Slot
from ui.links import whole_number
from ui.pickles.program import CALL, Program, is_call
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
    if program.opcodes > MOST_STEPS:
        number = _long_stepper(program.opcodes)
    else:
        number = stepper(program.opcodes, key=STEP, noun="opcode")
    view = program.view(number, rows=HEX_ROWS)
    _show_jumps(program, number, view.offset)
    opcode, stack = st.columns([1.3, 1], gap="medium")
    with opcode:
        _show_opcode(view, program)
        _show_bytes(view.rows, program)
    with stack:
        _show_pictures(view, projector=projector)
    problem = program.around(number).problem
    if problem and number == program.opcodes - 1:
        st.html(f"<p class='uth-reason'>{text_of(problem, 400)}</p>")


def _long_stepper(count: int) -> int:
    """Draws the stepper of a long program, where a slider could not hit an opcode; its position, from 0."""
    wanted = whole_number(st.query_params.get(STEP, "")) or int(st.session_state.get(STEP) or 1)
    if STEP not in st.session_state or not 1 <= int(st.session_state[STEP] or 1) <= count or wanted > count:
        st.session_state[STEP] = min(max(wanted, 1), count)
    back, place, forward = st.columns([1, 4, 1], vertical_alignment="bottom")
    position = place.number_input(
        f"Go to opcode, of {count:,}", 1, count, key=STEP, step=1, bind="query-params",
        help="Type a number, and press Enter",
    )  # fmt: skip
    number = int(position or 1)
    back.button(
        "Back", key="pickles:step:back", icon=":material/chevron_left:", shortcut="B", width="stretch",
        disabled=number <= 1, on_click=_go, args=(number - 2,),
    )  # fmt: skip
    forward.button(
        "Next", key="pickles:step:next", icon=":material/chevron_right:", shortcut="N", width="stretch",
        disabled=number >= count, on_click=_go, args=(number,),
    )  # fmt: skip
    return number - 1


def _show_jumps(program: Program, number: int, offset: int) -> None:
    """Draws the buttons that go from call to call, and to where the head stops."""
    earlier, later = program.call_before(offset), program.call_behind(offset)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Call before", key="pickles:call:back", icon=":material/keyboard_double_arrow_left:",
            disabled=earlier is None, on_click=_go_to, args=(program, earlier),
        )  # fmt: skip
        st.button(
            "Next call", key="pickles:call:next", icon=":material/keyboard_double_arrow_right:",
            disabled=later is None, on_click=_go_to, args=(program, later),
        )  # fmt: skip
        if program.opcodes > MOST_STEPS and program.found:
            ahead = program.finding_behind(offset)
            st.button(
                "Next finding", key="pickles:finding:next", icon=":material/flag:",
                disabled=ahead is None, on_click=_go_to, args=(program, ahead),
            )  # fmt: skip
        if program.stop is not None:
            st.button(
                "Where the head stops", key="pickles:call:stop", icon=":material/front_hand:",
                disabled=number == program.stop.index, on_click=_go, args=(program.stop.index,),
            )  # fmt: skip
        more = "" if program.whole else " and more"
        st.caption(
            f"{several(len(program.calls), 'call')} among {several(program.opcodes, 'opcode')}{more}. "
            "Keys: B, N."
        )


def _go(number: int) -> None:
    """Callback: to an opcode."""
    st.session_state[STEP] = number + 1


def _go_to(program: Program, offset: int | None) -> None:
    """Callback: to the opcode at an offset."""
    number = None if offset is None else program.number_at(offset)
    if number is not None:
        _go(number)


def _show_opcode(view: View, program: Program) -> None:
    where = f" of {text_of(program.member, 60)}" if program.member else ""
    where += ", unpacked" if program.stretch.unpacked else ""
    argument = f" <span class='argument'>{text_of(view.argument)}</span>" if view.argument else ""
    upcoming = (
        f"Next: <code>{html.escape(view.upcoming)}</code>" if view.upcoming else "Nothing comes after it."
    )
    st.html(
        f"<div class='uth-pk-opcode'><div class='name'>{html.escape(view.opcode)}{argument}</div>"
        f"<div class='says'>{with_code(view.says)}</div>"
        f"<div class='uth-plain'>Byte {view.offset - program.base:,}{where}; "
        f"{several(view.size, 'byte')} long. {upcoming}</div></div>"
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
        _show_call("data", "✓ A call that only makes data", view.call)
    elif view.call is not None and not any(map(is_call, view.findings)):
        # It was found where it is made first.
        look = LOOKS[program.verdict_of(view.call)]
        _show_call(look.kind, f"{look.sign} {CALL}, again", view.call)


def _show_call(kind: str, what: str, call: Call) -> None:
    st.html(
        f"<div class='uth-pk-call {kind}'><span class='what'>{what}</span>"
        f"<span class='code'>{text_of(call.function)}{text_of(call.arguments)}</span></div>"
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
