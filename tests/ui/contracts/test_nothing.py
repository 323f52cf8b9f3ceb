"""Which of four reasons there is no class to tell of."""

from __future__ import annotations

import pytest

from core.contracts import InterfaceSummary
from core.contracts.verdict import Check, Moment, Verdict
from ui.contracts.nothing import why_nothing
from ui.contracts.own_class import Examined, OwnClass

MODEL = InterfaceSummary("Model", 1, "Protocol", ("predict",))


@pytest.mark.parametrize(
    ("examined", "begins"),
    [
        (Examined(""), "Nothing here yet:"),
        (Examined(" \n\t\n"), "Nothing here yet:"),
        (Examined("class A(:", problem="This is no Python."), "The code cannot be read"),
        (Examined("print('hello')"), "No interface here:"),
        (
            Examined("...", interfaces=(MODEL,)),
            "No implementation here: Model is an interface, and no class inherits from it.",
        ),
        (
            Examined("...", interfaces=(MODEL,) * 5),
            "No implementation here: Model, Model, Model, … are interfaces, and no class inherits",
        ),
    ],
)
def test_each_reason_has_a_sentence_of_its_own(examined: Examined, begins: str) -> None:
    said = why_nothing(examined)
    assert said.startswith(begins)
    assert "\n" not in said


def test_nothing_is_said_where_a_class_is() -> None:
    passes = Verdict("A", "Model", 3, Check.ABC, True, Moment.NEVER, "")
    own = OwnClass("A", "Model", 3, (passes,), (), "")
    assert why_nothing(Examined("...", (own,), (MODEL,))) == ""
