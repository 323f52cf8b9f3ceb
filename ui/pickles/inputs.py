"""The inputs of the pickles lab. The address holds choices, never a file or a text of the visitor's."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core import zoo
from core.pickles.lab import samples
from core.pickles.lab.payloads import CONTAINERS, PAYLOADS
from ui.links import Parameter, choice_complaint, switch_complaint, whole_number_complaint
from ui.pickles.evasions import EVASIONS

PAGE: Final = "pickles"
TABS: Final = ("Why?", "What if?", "In every format", "Where does it break?", "Take it away")
FORMATS_TAB: Final = TABS[2]
WHY_VIEWS: Final = ("Step by step", "What was found", "What was read")
WHAT_IF_VIEWS: Final = ("Three judges", "What would I have to allow?", "Run it in the sandbox")

PAIR: Final = "A model beside a planted command"
BUILT: Final = "One that you build"
OWN_FILE: Final = "Your own file"
SAMPLES: Final = {title: name for name, title in samples.titles().items()}
"""What a menu and the address say, and the sample's name."""
FILES: Final = (PAIR, *SAMPLES, BUILT, OWN_FILE)
WHICH: Final = ("The planted command", "SimpleMLP")
"""Which of the pair the tabs are about."""
PAYLOAD_TITLES: Final = {kind.title: kind for kind in PAYLOADS}
CONTAINER_TITLES: Final = {kind.title: kind for kind in CONTAINERS}
MODELS: Final = {title: name for name, title in zoo.titles().items()}
"""As the ONNX lab's menu and addresses have them."""
FIRST_MODEL: Final = zoo.titles()["simple_mlp"]
EVASION_TITLES: Final = {evasion.title: evasion for evasion in EVASIONS}
MAX_STEP: Final = 10**7


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("predict", False, switch_complaint),
        Parameter("file", PAIR, choice_complaint(FILES)),
        Parameter("payload", next(iter(PAYLOAD_TITLES)), choice_complaint(tuple(PAYLOAD_TITLES))),
        Parameter("container", next(iter(CONTAINER_TITLES)), choice_complaint(tuple(CONTAINER_TITLES))),
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("which", WHICH[0], choice_complaint(WHICH)),
        Parameter("view", WHY_VIEWS[0], choice_complaint(WHY_VIEWS)),
        Parameter("step", 1, whole_number_complaint(1, MAX_STEP)),
        Parameter("explore", WHAT_IF_VIEWS[0], choice_complaint(WHAT_IF_VIEWS)),
        Parameter("model", FIRST_MODEL, choice_complaint(tuple(MODELS))),
        Parameter("evasion", next(iter(EVASION_TITLES)), choice_complaint(tuple(EVASION_TITLES))),
    )


def from_file() -> bool:
    """Whether it is a file of the visitor's that is looked at."""
    return bool(st.session_state["file"] == OWN_FILE)
