"""The four checks on a running class."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.contracts.guest.checks import abc_check, duck_check, protocol_check, signature_check
from core.contracts.guest.described import Described, Survey
from core.contracts.guest.making import stripped
from tests.core.contracts.guest import module

SOURCE = Path(module.__file__).read_text(encoding="utf-8")


def described(name: str) -> Described:
    return next(each for each in Survey(module, SOURCE, 100).held() if each.name == name)


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("Whole", (True, True, True, True)), ("Part", (False, False, False, False)),
        ("Alike", (True, True, True, True)), ("Alike.Inner", (False, False, False, False)),
        ("Forgets", (True, True, False, False)), ("Virtual", (True, False, False, False)),
    ],
)  # fmt: skip
def test_the_four_checks_say_what_they_say(name: str, passes: tuple[bool, ...]) -> None:
    held = described(name)
    first, _ = abc_check(held)
    with stripped(held) as made:
        found = (first, protocol_check(held, made), signature_check(held, made), duck_check(held, made)[1])
    assert tuple(each.passes for each in found) == passes
    assert all(each.reason.strip() for each in found)


def test_abc_refuses_in_python_s_own_words() -> None:
    with pytest.raises(TypeError) as refusal:
        module.Part()  # type: ignore[abstract]
    found, made = abc_check(described("Part"))
    assert made is None
    assert found.reason == f"TypeError: {refusal.value}"
    assert found.missing == ("make", "name")
