"""One member against what is asked for, by what Python says of the running class."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.contracts.guest.comparison import compare, signature_for_caller
from core.contracts.guest.described import Survey, Wanted
from core.contracts.guest.making import Made
from tests.core.contracts.guest import module
from tests.core.contracts.guest.module import Asks

SOURCE = Path(module.__file__).read_text(encoding="utf-8")


class Given(Asks):
    def fit(self, x: int, y: int) -> int:  # type: ignore[override]
        return x

    name = None  # type: ignore[assignment]

    def make(self) -> Asks:  # type: ignore[override]
        return self


@pytest.mark.parametrize(
    ("name", "passes", "why"),
    [
        ("fit", False, "the interface allows fit(x), and this one says: missing a required argument: 'y'"),
        ("make", False, "make() can no longer be called on the class"),
        ("name", True, ""),
        ("absent", False, "it has no absent"),
        ("__eq__", None, "__eq__ is that of every object"),
    ],
)
def test_a_member_that_cannot_stand_for_another_one_says_why(
    name: str, passes: bool | None, why: str
) -> None:
    survey = Survey(module, SOURCE, 100)
    held = next(each for each in survey.held() if each.name == "Part")
    given = type(held)(
        Given, held.interface, "Given", "Asks", 1, held.style, True, held.required, held.bodies
    )
    wanted = held.required.get(name, Wanted(name, "method"))
    assert compare(given, Made(Given, True), name, wanted) == (passes, why)


def test_without_a_signature_nothing_is_known() -> None:
    assert signature_for_caller("f", "method", None) is None
