"""What the page keeps of a training: every finding, and no more steps than a picture shows."""

import math
from itertools import pairwise

from core.hooks.training import Finding, FindingKind, Step
from ui.hooks.live import MAX_POINTS, _Course


def test_a_long_training_is_kept_in_bounded_memory_and_evenly() -> None:
    course = _Course()
    for number in range(1, 2_001):
        found = Finding(FindingKind.NOT_FINITE, "fc1", number, "")
        course.add(Step(number, 1 / number, (), (found,) if number % 500 == 0 else ()))
    assert course.last is not None
    assert course.last.number == 2_000
    assert [finding.step for finding in course.findings] == [500, 1_000, 1_500, 2_000]
    numbers = [step.number for step in course.steps]
    assert MAX_POINTS / 2 <= len(numbers) <= 2 * MAX_POINTS
    assert numbers[0] == 1
    assert {later - earlier for earlier, later in pairwise(numbers)} == {course.every}


def test_a_short_training_is_kept_whole() -> None:
    course = _Course()
    for number in range(1, 51):
        course.add(Step(number, math.nan, (), ()))
    assert [step.number for step in course.steps] == list(range(1, 51))
