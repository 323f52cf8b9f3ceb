"""Edits of a text."""

from core.secrets.leaks.edits import Edit, apply


def test_edits_are_made_in_their_places_whatever_their_order() -> None:
    assert apply("abcdef", [Edit(4, 6, "Z"), Edit(0, 1, "XY"), Edit(2, 2, "-")]) == "XYb-cdZ"


def test_an_edit_within_another_is_left_out() -> None:
    assert apply("abcdef", [Edit(1, 5, "X"), Edit(2, 3, "Y"), Edit(1, 1, "-")]) == "a-Xf"


def test_nothing_changes_nothing() -> None:
    assert apply("abc", []) == "abc"
