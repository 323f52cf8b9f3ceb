"""Objects are made with placeholders, and the classes are whole again afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.contracts.guest.described import Described, Survey
from core.contracts.guest.making import NOTHING, create, static, stripped
from core.contracts.guest.placeholders import Placeholder
from tests.core.contracts.guest import module

SOURCE = Path(module.__file__).read_text(encoding="utf-8")


def part() -> Described:
    return next(each for each in Survey(module, SOURCE, 100).held() if each.name == "Part")


class Needs:
    def __init__(self, path: str, /, size, *, deep: bool = False) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.given = path, size, deep


class Breaks:
    def __init__(self) -> None:
        raise OSError("no disk")


def test_a_constructor_gets_what_it_must_be_given() -> None:
    made, error = create(Needs)
    assert error is None
    assert isinstance(made.object, Needs)
    path, size, deep = made.object.given
    assert (path, deep) == ("text", False)
    assert isinstance(size, Placeholder)
    assert made.note == "its constructor got placeholders for path, size"
    assert made.complete


def test_what_a_constructor_raises_is_handed_on() -> None:
    made, error = create(Breaks)
    assert isinstance(error, OSError)
    assert not made.complete


@pytest.mark.parametrize("cls", [list, dict, int, ValueError, type("Named", (tuple,), {})])
def test_built_in_classes_can_be_made_too(cls: type) -> None:
    made, error = create(cls)
    assert error is None
    assert isinstance(made.object, cls)


def test_an_attribute_is_looked_at_without_running_anything() -> None:
    class Raises:
        @property
        def value(self) -> int:
            raise ValueError

    assert isinstance(static(Raises(), "value"), property)
    assert static(Raises(), "other") is NOTHING


def test_meanwhile_no_base_asks_for_anything_and_afterwards_all_do() -> None:
    with stripped(part()) as made:
        assert isinstance(made.object, module.Part)
        assert not hasattr(made.object, "name")
        assert "name" not in vars(module.Asks)
    assert "name" in vars(module.Asks)
    assert sorted(module.Part.__abstractmethods__) == ["make", "name"]
    with pytest.raises(TypeError):
        module.Part()  # type: ignore[abstract]


def test_what_a_trial_raises_leaves_the_classes_whole() -> None:
    with pytest.raises(ValueError, match="no"), stripped(part()):
        raise ValueError("no")
    assert sorted(module.Part.__abstractmethods__) == ["make", "name"]
