"""Class statements that fail are noted, and fail all the same."""

from __future__ import annotations

import builtins

import pytest

from core.contracts.guest.definitions import noted


def test_a_refused_class_is_noted_with_its_bases_and_the_reason() -> None:
    before = builtins.__build_class__
    with noted(__name__) as found:
        with pytest.raises(TypeError):

            class Twice(int, str):  # type: ignore[misc]
                pass

        class Well(int):
            pass

    assert builtins.__build_class__ is before
    assert Well.__mro__[1] is int
    (refused,) = found
    assert refused.name.endswith(".Twice")
    assert refused.bases == (int, str)
    assert refused.reason.startswith("TypeError: multiple bases")


def test_classes_of_other_modules_are_not_noted() -> None:
    with noted("another") as found, pytest.raises(TypeError):

        class Twice(int, str):  # type: ignore[misc]
            pass

    assert found == []


def test_everything_is_as_it_was_even_if_the_import_fails() -> None:
    before = builtins.__build_class__
    with pytest.raises(ValueError, match="no"), noted(__name__):
        raise ValueError("no")
    assert builtins.__build_class__ is before
