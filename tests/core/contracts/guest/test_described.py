"""The classes of a running module, and what they are held to."""

from __future__ import annotations

from pathlib import Path

from core.contracts.guest.described import Survey
from tests.core.contracts.guest import module

SOURCE = Path(module.__file__).read_text(encoding="utf-8")


def survey(most: int = 100) -> Survey:
    return Survey(module, SOURCE, most)


def test_the_interfaces_of_a_module_ask_in_their_ways() -> None:
    asks = {cls.__name__: (style, sorted(wanted)) for cls, (style, wanted) in survey().asks.items()}
    assert asks == {
        "Asks": ("abstract", ["fit", "make", "name"]),
        "Reads": ("protocol", ["read", "size"]),
        "Reminds": ("convention", ["go"]),
    }


def test_every_class_is_held_to_what_it_is_meant_for() -> None:
    held = [(each.name, each.interface_name, each.inherits) for each in survey().held()]
    assert held == [
        ("Whole", "Asks", True), ("Part", "Asks", True), ("Alike", "Reads", False),
        ("Alike.Inner", "Asks", True), ("Forgets", "Reminds", True), ("Virtual", "Asks", False),
    ]  # fmt: skip


def test_a_reminder_is_no_method_of_the_class() -> None:
    forgets = next(each for each in survey().held() if each.name == "Forgets")
    assert forgets.is_reminder("go")
    assert forgets.lacks("go", module.Forgets())
    whole = next(each for each in survey().held() if each.name == "Whole")
    assert not whole.lacks("fit", module.Whole())


def test_no_more_classes_are_looked_at_than_asked_for() -> None:
    assert survey(3).is_cut
    assert len(survey(3).classes) == 3
    assert not survey().is_cut


def test_the_interfaces_of_a_class_that_was_not_made_are_found_among_its_bases() -> None:
    assert survey().among((module.Part, module.Reminds, "no class")) == [module.Asks, module.Reminds]
