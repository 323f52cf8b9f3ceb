"""The Take it away tab: the programs of this lab, each as a file that runs anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from core.contracts.article import PAIR
from core.contracts.layer import PROGRAM
from core.contracts.swap import Assembly, assemble
from ui.contracts.editor import code_of
from ui.contracts.inputs import ASSEMBLY_TITLES, CASE_TITLES, OWN_KEY, STARTING
from ui.contracts.literal import literal
from ui.contracts.what_if import LAYER_KEY, part_key

_MIME: Final = "text/x-python"


def show_take_away(stub: str) -> None:
    """Draws the tab.

    Args:
        stub: what the visitor's class lacks, to be pasted; may be empty.
    """
    st.markdown("**When it fails**, the article's pair")
    with st.container(horizontal=True):
        _button("late.py", PAIR.late)
        _button("early.py", PAIR.early)
        _button("both.py", PAIR.both)
    st.markdown("**Yours**, as the editors have it now")
    with st.container(horizontal=True):
        _button("my_contract.py", code_of(OWN_KEY, STARTING))
        if stub:
            _button("missing_methods.py", stub)
        _button("layer.py", code_of(LAYER_KEY, PROGRAM))
    assembly = ASSEMBLY_TITLES.get(str(st.session_state["assembly"]), next(iter(ASSEMBLY_TITLES.values())))
    st.markdown(
        f"**{literal(assembly.title)}**, with the part chosen under What if?, and the files that it reads"
    )
    with st.container(horizontal=True):
        _button(f"{assembly.name}.py", _assembled(assembly))
        for name, data in assembly.files.items():
            _button(name, data)
    case = CASE_TITLES.get(str(st.session_state["case"]), next(iter(CASE_TITLES.values())))
    st.markdown(f"**{literal(case.title)}**, the case chosen under Where does it break?")
    with st.container(horizontal=True):
        _button(f"{case.name}.py", case.program)
        _button(f"{case.name}_caught.py", case.remedy)
    st.caption("Each runs by `python FILE`, with Python 3.11 or newer and nothing else.")


def _assembled(assembly: Assembly) -> str:
    part = next((each for each in assembly.parts if each.name == st.session_state["part"]), assembly.parts[0])
    source = code_of(part_key(assembly, part), part.source)
    return assemble(assembly, replace(part, source=source))


def _button(name: str, data: str | bytes) -> None:
    plain = name.rpartition("/")[2]
    st.download_button(
        plain, data, plain, _MIME if plain.endswith(".py") else "application/octet-stream",
        icon=":material/download:", on_click="ignore", key=f"contracts:file:{name}",
    )  # fmt: skip
