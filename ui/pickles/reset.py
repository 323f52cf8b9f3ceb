"""Back to the worked example: nothing of the visitor's stays, and nothing goes on."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui.job import end_jobs
from ui.links import forget_notices, reset
from ui.pickles.allow import forget_allowance
from ui.pickles.inputs import PAGE, parameters
from ui.pickles.judges import stop_judges
from ui.pickles.program import forget_programs
from ui.pickles.rehearsal import stop_rehearsal
from ui.pickles.text import forget_text
from ui.pickles.upload import forget_file

_GUESSES: Final = f"{PAGE}:guess:"
_KEPT: Final = (f"{PAGE}:built", f"{PAGE}:evasion")


def start_again() -> None:
    """Callback: the worked example, in every input; the visitor stays on the same tab."""
    reset({item.key: item.default for item in parameters() if item.key != "tab"})
    forget_file()
    stop_judges()
    forget_allowance()
    stop_rehearsal()
    end_jobs(f"{PAGE}:")
    forget_programs()
    forget_text()
    for name in [str(name) for name in st.session_state if str(name).startswith(_GUESSES)]:
        del st.session_state[name]
    for key in _KEPT:
        st.session_state.pop(key, None)
    forget_notices("frame", PAGE)
