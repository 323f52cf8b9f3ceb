"""The What if? tab: a part is swapped and the pipeline stays; and what a call does is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from core.contracts.layer import LESSONS, PROGRAM
from core.contracts.place import part_begins
from core.contracts.swap import Assembly, Part, assemble
from core.sandbox import SandboxResult
from ui.cards import show_cards, verdict
from ui.contracts.editor import PREFIX, draw_editor, put_code
from ui.contracts.fit import fit_of, where_in
from ui.contracts.inputs import ASSEMBLY_TITLES, WHAT_IF_VIEWS
from ui.contracts.literal import literal
from ui.contracts.outcome import show_ending, show_outcome, show_printed
from ui.contracts.running import begin, is_outdated, result_of, result_of_ours

_SWAP: Final = "swap"
_LAYER: Final = "layer"
_PRINTS: Final = "**What it prints**, run just now"
LAYER_KEY: Final = f"{PREFIX}:layer"


def part_key(assembly: Assembly, part: Part) -> str:
    """The editor of a part."""
    return f"{PREFIX}:part:{assembly.name}:{part.name}"


def show_what_if(*, ready: bool, projector: bool) -> None:
    """Draws the tab."""
    view = st.segmented_control(
        "Question", WHAT_IF_VIEWS, default=WHAT_IF_VIEWS[0], key="explore", bind="query-params",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    if view == WHAT_IF_VIEWS[1]:
        _show_layer(ready=ready, projector=projector)
    else:
        _show_swap(ready=ready, projector=projector)


def _show_swap(*, ready: bool, projector: bool) -> None:
    titles = list(ASSEMBLY_TITLES)
    with st.container(horizontal=True, vertical_alignment="center"):
        title = st.segmented_control(
            "What is assembled", titles, default=titles[0], key="assembly", bind="query-params",
            label_visibility="collapsed", required=True, on_change=_first_part,
        )  # fmt: skip
        assembly = ASSEMBLY_TITLES.get(str(title), ASSEMBLY_TITLES[titles[0]])
        part = _choose_part(assembly)
    st.markdown(literal(assembly.says))
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        st.markdown("**The interface**, which each part implements")
        st.code(assembly.interface, language="python", height=200)
        st.markdown("**The pipeline**, the same for all of them")
        st.code(assembly.pipeline, language="python")
    with right:
        heading = st.empty()
        key = part_key(assembly, part)
        source = draw_editor(
            f"The part {part.name}", key=key, start=part.source, height=200 if projector else 330
        )
        ours = source == part.source
        heading.markdown(_part_title(part, ours=ours))
        changed = replace(part, source=source)
        program = assemble(assembly, changed)
        _tools(_SWAP, program, ours=ours, ready=ready, files=assembly.files, back=(key, part.source))
        result = _result(_SWAP, program, ours=ours, ready=ready, files=assembly.files)
        if result is not None:
            _show_swapped(result, assembly, changed, ours=ours)


def _part_title(part: Part, *, ours: bool) -> str:
    if not ours:
        return f"**The part**: {part.name}, as you changed it"
    return f"**The part**: {part.name}{'' if part.complete else ', which is incomplete'}"


def _show_swapped(result: SandboxResult, assembly: Assembly, part: Part, *, ours: bool) -> None:
    """Whether the part could be plugged in, and below that what the run gave."""
    fit = fit_of(result, assembly, part, ours=ours)
    show_cards(verdict(fit.sign, fit.words, fit.why))
    if not fit.told:
        show_ending(result, partial(where_in, assembly, part))
    begins = part_begins(assembly, part)
    show_printed(
        result, _PRINTS, f"`program.py` is the whole program, and the part begins in its line {begins}."
    )


def _choose_part(assembly: Assembly) -> Part:
    names = [part.name for part in assembly.parts]
    if st.session_state["part"] not in names:
        st.session_state["part"] = names[0]
    name = st.segmented_control(
        "Part", names, default=names[0], key="part", bind="query-params", label_visibility="collapsed",
        required=True,
    )  # fmt: skip
    return next((part for part in assembly.parts if part.name == name), assembly.parts[0])


def _first_part() -> None:
    """Callback: another assembly has other parts."""
    assembly = ASSEMBLY_TITLES.get(str(st.session_state["assembly"]))
    if assembly is not None:
        st.session_state["part"] = assembly.parts[0].name


def _show_layer(*, ready: bool, projector: bool) -> None:
    st.markdown("`model(x)` is `model.__call__(x)`: it runs the hooks, then computes. Change it, and see.")
    with st.container(horizontal=True):
        for lesson in LESSONS:
            st.button(
                literal(lesson.title), key=f"contracts:lesson:{lesson.name}", on_click=put_code,
                args=(LAYER_KEY, lesson.program),
            )  # fmt: skip
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        source = draw_editor("The layer", key=LAYER_KEY, start=PROGRAM, height=300 if projector else 460)
    with right:
        chosen = next((lesson for lesson in LESSONS if lesson.program == source), None)
        ours = chosen is not None or source == PROGRAM
        _tools(_LAYER, source, ours=source == PROGRAM, ready=ready, back=(LAYER_KEY, PROGRAM))
        if chosen is not None:
            st.markdown(f"**{literal(chosen.title)}.** {literal(chosen.change)}")
        result = _result(_LAYER, source, ours=ours, ready=ready)
        if result is not None:
            show_outcome(result, _PRINTS)
        if chosen is not None:
            st.markdown(f"**Why** {literal(chosen.says)}")


def _tools(
    name: str,
    program: str,
    *,
    ours: bool,
    ready: bool,
    back: tuple[str, str],
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Draws what runs an edited program, and what takes the edits back.

    Args:
        name: of the run.
        program: as it is now.
        ours: whether it is as it was.
        ready: whether the sandbox can run it.
        back: the editor, and what it began with.
        files: what the program reads.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Run", key=f"contracts:{name}:run", icon=":material/play_arrow:", disabled=not ready,
            on_click=begin, args=(name, program), kwargs={"files": files},
        )  # fmt: skip
        st.button(
            "As it was", key=f"contracts:{name}:back", icon=":material/undo:", disabled=ours,
            on_click=put_code, args=back,
        )  # fmt: skip


def _result(
    name: str, program: str, *, ours: bool, ready: bool, files: Mapping[str, bytes] | None = None
) -> SandboxResult | None:
    """What the run of a program gave; None if there is nothing yet, and then the page says why."""
    if not ready:
        st.caption("What it prints is here as soon as the sandbox is ready.")
        return None
    if is_outdated(name, program) and not ours:
        st.caption("Edited since the last run, and not run: press Run.")
        return None
    return result_of_ours(name, program, files) if ours else result_of(name, program)
