"""What would I have to allow? The program that loads the file with exactly that, or why there is none."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.pickles import Verdict
from core.pickles.lab.allow import Allowance, Conversion, NamedGlobal, Standing, allowance, conversion
from ui.cards import show_cards
from ui.pickles.subject import Subject
from ui.pickles.words import line, several, text_of
from ui.text import with_code

_KEPT: Final = "pickles:allowance"
_MOST: Final = 40
_MODEL: Final = "SimpleMLP"
"""The class whose weights are in samples of the lab's own."""
_SIGNS: Final = {
    Standing.KNOWN: ("data", "✓ taken as it is"),
    Standing.ASKED: ("trust", "! to be allowed"),
    Standing.FORBIDDEN: ("danger", "✗ never"),
}


def allowance_of(subject: Subject) -> Allowance:
    """What would have to be allowed for a file, worked out once in a row."""
    kept: tuple[str, Allowance] | None = st.session_state.get(_KEPT)
    if kept is None or kept[0] != subject.key:
        kept = (subject.key, allowance(subject.report))
        st.session_state[_KEPT] = kept
    return kept[1]


def forget_allowance() -> None:
    """Forgets what was worked out last; also for callbacks."""
    st.session_state.pop(_KEPT, None)


def conversion_of(subject: Subject) -> Conversion:
    """The programs that write a file's weights in a format that cannot name code."""
    ours = "" if subject.own or not subject.title.startswith(_MODEL) else _MODEL
    source = f"from core.zoo_modules import {_MODEL}" if ours else ""
    return conversion(subject.report, allowance_of(subject), model=f"{ours}()" if ours else "", source=source)


def show_allowance(subject: Subject) -> None:
    """Draws the names, and the program."""
    found = allowance_of(subject)
    names, program = st.columns([1, 1.3], gap="medium")
    with names:
        show_cards(_verdict(found))
        if found.names:
            _show_names(found.names)
    with program:
        if found.program:
            st.markdown("**The program** that allows exactly that, and loads the file")
            st.code(found.program, language="python", wrap_lines=True)
        if found.note:
            st.html(f"<p class='uth-plain'>{with_code(found.note)}</p>")
        if found.program:
            _show_conversion(conversion_of(subject))


def _show_conversion(found: Conversion) -> None:
    for title, program in (("safetensors", found.safetensors), ("ONNX", found.onnx)):
        if program:
            with st.expander(
                f"The program that converts it to {title}", on_change="rerun", key=f"pickles:to:{title}"
            ) as to:
                if to.open:
                    st.code(program, language="python", wrap_lines=True)
    if found.note:
        st.html(f"<p class='uth-plain'>{with_code(found.note)}</p>")


def _verdict(found: Allowance) -> str:
    if found.refusal:
        return line(Verdict.DANGEROUS, "nothing should be allowed", found.refusal)
    if not found.asked:
        return line(
            Verdict.DATA_ONLY, "nothing has to be allowed", "Whoever loads it names no code of the file's."
        )
    count = several(len(found.asked), "name")
    return line(
        Verdict.NEEDS_TRUST, f"{count} to allow", "By somebody who has read their code, and trusts it."
    )


def _show_names(names: tuple[NamedGlobal, ...]) -> None:
    rows = "".join(_row(each) for each in names[:_MOST])
    left = len(names) - _MOST
    more = f"<div class='uth-plain'>… and {left} more</div>" if left > 0 else ""
    st.html(
        "<table class='uth-board uth-pk-found'><thead><tr><th></th><th>name</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}"
    )


def _row(each: NamedGlobal) -> str:
    kind, words = _SIGNS[each.standing]
    return (
        f"<tr><td><span class='uth-pk-chip {kind}'>{words}</span></td>"
        f"<td><code>{text_of(each.full)}</code><br><span "
        f"class='uth-plain'>{html.escape(each.reason)}</span></td></tr>"
    )
