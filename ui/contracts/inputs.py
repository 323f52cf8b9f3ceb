"""The inputs of the contracts lab. The address holds choices; code only where its visitor asks for that."""

from __future__ import annotations

import re
from typing import Final

import streamlit as st

from core.contracts.cases import CASES
from core.contracts.own import OWN
from core.contracts.swap import ASSEMBLIES
from ui.contracts.editor import PREFIX, forget_code
from ui.contracts.running import stop_all
from ui.contracts.shared_code import code_complaint
from ui.links import Parameter, choice_complaint, forget_notices, reset, switch_complaint

PAGE: Final = "contracts"
TABS: Final = ("Why?", "What if?", "Where does it break?", "The real thing", "Take it away")
ARTICLE: Final = "The article's pair"
OWN_CLASS: Final = "Your own class"
SUBJECTS: Final = (ARTICLE, OWN_CLASS)
WHY_VIEWS: Final = ("How it is refused", "By reading alone")
WHAT_IF_VIEWS: Final = ("Swap the part", "Change what a call does")
CODE: Final = "code"
"""Where a link has a visitor's code."""

CASE_TITLES: Final = {re.sub(r"(\S*__\S*)", r"`\1`", case.title): case for case in CASES}
"""What a menu says, in Markdown: two underscores would be bold."""
ASSEMBLY_TITLES: Final = {assembly.title: assembly for assembly in ASSEMBLIES}
PART_NAMES: Final = tuple(dict.fromkeys(part.name for assembly in ASSEMBLIES for part in assembly.parts))
OWN_NAMES: Final = {own.name: own for own in OWN}

OWN_KEY: Final = f"{PREFIX}:own"
STARTING: Final = '''from abc import ABC, abstractmethod


class Model(ABC):
    @abstractmethod
    def predict(self, rows: list[float]) -> list[float]:
        """One number for each row."""

    @abstractmethod
    def get_model_metadata(self) -> dict[str, str]:
        """Its name and version."""


class Doubler(Model):
    def predict(self, rows: list[float]) -> list[float]:
        return [2 * row for row in rows]
'''
"""What the editor begins with: an interface, and a class that forgets one of its two methods."""

COMPACT: Final = """from abc import ABC, abstractmethod
class Model(ABC):
    @abstractmethod
    def predict(self, rows): ...
    @abstractmethod
    def get_model_metadata(self): ...
class Doubler(Model):
    def predict(self, rows):
        return [2 * x for x in rows]
"""
"""The same for the projector, where every line of it is to be in sight."""


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("predict", False, switch_complaint),
        Parameter("show", ARTICLE, choice_complaint(SUBJECTS)),
        Parameter(CODE, "", code_complaint),
        Parameter("tab", TABS[0], choice_complaint(TABS)),
        Parameter("view", WHY_VIEWS[0], choice_complaint(WHY_VIEWS)),
        Parameter("explore", WHAT_IF_VIEWS[0], choice_complaint(WHAT_IF_VIEWS)),
        Parameter("assembly", next(iter(ASSEMBLY_TITLES)), choice_complaint(tuple(ASSEMBLY_TITLES))),
        Parameter("part", PART_NAMES[0], choice_complaint(PART_NAMES)),
        Parameter("case", next(iter(CASE_TITLES)), choice_complaint(tuple(CASE_TITLES))),
        Parameter("real", next(iter(OWN_NAMES)), choice_complaint(tuple(OWN_NAMES))),
    )


def start_again() -> None:
    """Callback: the worked example, in every input; no code of the visitor's stays, and nothing runs."""
    reset({item.key: item.default for item in parameters() if item.key != "tab"})
    stop_all()
    forget_code()
    st.query_params.pop(CODE, None)
    forget_notices("frame", PAGE)
