from datetime import UTC, datetime, timedelta

import pytest

from tests.core.benchmark.reports import case
from ui.benchmark.words import age, name_of, others, said, same_numbers

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (-30, "just now"),
        (-3600, "in the future, by this machine's clock"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86_400, "1 day ago"),
        (400 * 86_400, "400 days ago"),
    ],
)
def test_an_age_is_in_the_largest_whole_unit(seconds: float, words: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


def test_what_is_said_of_each_engine() -> None:
    found = case(
        {"eager": 2e-3, "ort": 1e-3, "torchscript": 4e-3, "eager-grad": 2e-3},
        problems={"compiled": "There is no compiler."},
        wrong=["ort"],
    )
    assert [said(each, found) for each in found.engines] == [
        "the baseline",
        "▲ faster",
        "▼ slower",
        "≈ cannot tell here",
        "There is no compiler.",
    ]
    assert [each.name for each in others(found)] == ["ort", "torchscript", "eager-grad"]
    assert [same_numbers(each) for each in found.engines] == [True, False, True, True, True]


def test_an_engine_without_a_round_that_counts_is_not_the_baseline() -> None:
    rejected = case({"eager": 2e-3, "ort": 1e-3}, rounds=1)
    ort = rejected.engines[1]
    assert said(ort, rejected) == "≈ cannot tell here"


def test_names_are_titles_and_the_twin_is_told() -> None:
    assert name_of("ort") == "ONNX Runtime"
    assert name_of("eager, again") == "Eager PyTorch, again"
    assert name_of("something else") == "something else"
