"""The inputs of the secrets lab. The address holds choices, never a value or a text."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core import settings
from core.secrets import DeclaredKey, declared_keys
from core.secrets.deployments import deployments
from core.secrets.env_text import SAMPLE
from core.secrets.leaks import EXAMPLES
from core.secrets.sample_repository import Sample
from core.secrets.theatre import acts
from core.settings import Mode
from ui.limits import mode
from ui.links import Parameter, choice_complaint, forget_notices, reset, switch_complaint
from ui.secrets.text import PREFIX, forget_texts, text_area

PAGE: Final = "secrets"
TABS: Final = ("Why?", "What if?", "Would it leak?", "Where does it break?", "Take it away")
LEAK_VIEWS: Final = ("In code", "In git")

THIS_MACHINE: Final = "This machine"
PASTED: Final = "A pasted .env"
EXAMPLE: Final = "An example"
"""What the lab begins with: a machine on which nothing is set would show nothing."""
OWN_TEXT: Final = "Your own text"
OWN_FOLDER: Final = "this app's folder"

TEXT_KEY: Final = f"{PREFIX}:pasted"
"""The pasted text: in the visit's state, never in the address."""
DEPLOYMENTS: Final = {each.title: each for each in deployments()}
ACTS: Final = {act.title: act for act in acts()}
SCANNED: Final = (*(each.title for each in EXAMPLES), OWN_TEXT)


def is_local() -> bool:
    """Whether the server is the visitor's own: only then may its environment be looked at."""
    return mode() is Mode.LOCAL


def places() -> tuple[str, ...]:
    """Where the lab may look."""
    return (EXAMPLE, THIS_MACHINE, PASTED) if is_local() else (EXAMPLE, PASTED)


def repositories() -> tuple[str, ...]:
    """What is asked whether its `.env` is safe."""
    samples = tuple(sample.value for sample in Sample)
    return (OWN_FOLDER, *samples) if is_local() else samples


def keys() -> tuple[DeclaredKey, ...]:
    """The declared keys: those of `core`, and those that the setting adds."""
    return declared_keys(settings.load().secret_keys)


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    names = tuple(key.name for key in keys())
    first = next(iter(DEPLOYMENTS))
    return (
        Parameter("predict", False, switch_complaint),
        Parameter("from", places()[0], choice_complaint(places())),
        Parameter("ends", False, switch_complaint),
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("key", names[0], choice_complaint(names)),
        Parameter("on", first, choice_complaint(tuple(DEPLOYMENTS))),
        Parameter("override", False, switch_complaint),
        Parameter("interpolate", True, switch_complaint),
        Parameter("leaks", LEAK_VIEWS[0], choice_complaint(LEAK_VIEWS)),
        Parameter("scanned", SCANNED[0], choice_complaint(SCANNED)),
        Parameter("repository", repositories()[0], choice_complaint(repositories())),
        Parameter("act", next(iter(ACTS)), choice_complaint(tuple(ACTS))),
    )


def start_again() -> None:
    """Callback: the worked example, in every input; no text of the visitor's stays."""
    reset({item.key: item.default for item in parameters() if item.key != "tab"})
    forget_texts()
    forget_notices("frame", PAGE)


def draw_inputs(*, projector: bool) -> None:
    """Draws the inputs on the stage."""
    columns = st.columns([2.4, 1], gap="small", vertical_alignment="center") if projector else None
    first, second = columns or (st.container(), st.container())
    first.radio(
        "Look at",
        places(),
        key="from",
        bind="query-params",
        horizontal=projector,
        label_visibility="collapsed" if projector else "visible",
    )
    if is_local():
        second.toggle(
            "Ends of long tokens",
            key="ends",
            bind="query-params",
            help="The last five characters of a token that a provider made: only here, where the app runs "
            "for you alone. Leave it off where others look at the screen.",
        )
    if st.session_state["from"] == PASTED:
        text_area("Your `.env`", key=TEXT_KEY, height=110 if projector else 230, placeholder=SAMPLE)
        if not projector:
            st.caption("It stays in this visit: it goes into no address, no log and no file.")
    elif not projector:
        st.caption(
            "The environment of this process, `.env` and Streamlit's secrets, for the declared keys alone. "
            "They are read anew: change `.env` and look."
            if st.session_state["from"] == THIS_MACHINE
            else "A made-up environment with `.env` and Streamlit's secrets: winners, losers and mistakes."
        )
