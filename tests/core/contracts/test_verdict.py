"""The words of verdicts, and an error in one line."""

from __future__ import annotations

from core.contracts import Check, ContractError, Moment


def test_moments_stand_in_the_order_in_which_they_come() -> None:
    assert [each.value for each in Moment] == [
        "definition", "import", "instantiation", "first call", "production", "never"
    ]  # fmt: skip


def test_there_are_four_checks() -> None:
    assert [each.value for each in Check] == ["ABC", "Protocol", "signature check", "duck typing"]


def test_an_error_is_one_line_and_knows_its_place() -> None:
    error = ContractError("It is\n  wrong.", 2, 5, "a = (")
    assert str(error) == "It is wrong."
    assert (error.line, error.column, error.text) == (2, 5, "a = (")
    assert ContractError("No.").line is None
