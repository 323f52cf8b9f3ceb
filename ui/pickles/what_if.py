"""The What if? tab: what others say of the file, what loading it would take, and loading it for once."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.pickles.allow import show_allowance
from ui.pickles.controls import choose_view
from ui.pickles.inputs import WHAT_IF_VIEWS
from ui.pickles.judges import show_judges
from ui.pickles.program import program_of
from ui.pickles.rehearsal import show_rehearsal
from ui.pickles.subject import Subject


def show_what_if(subjects: Sequence[Subject], subject: Subject | None, *, hidden: bool) -> None:
    """Draws the tab.

    Args:
        subjects: what is on the stage.
        subject: the file of them that it is about; None as long as there is none.
        hidden: while a prediction is open.
    """
    view = choose_view(subjects, WHAT_IF_VIEWS, "explore")
    if hidden:
        st.caption("Hidden until you have made your guess above.")
    elif subject is None:
        st.caption("There is nothing to judge until there is a file above.")
    elif view == WHAT_IF_VIEWS[1]:
        show_allowance(subject)
    elif view == WHAT_IF_VIEWS[2]:
        show_rehearsal(subject.key, program_of(subject))
    else:
        show_judges(subject)
