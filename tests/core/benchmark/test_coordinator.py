from typing import Any

import pytest

from core import wire
from core.benchmark import tasks
from core.benchmark.coordinator import order, read_line, start_coordinator
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, Report

CASE = CaseReport(
    model="mlp", seed=1, batch=2, threads=1, baseline="eager", twin="", engines=(), floor=None, rounds=(),
    caveats=(), complete=False,
)  # fmt: skip
REPORT = Report((CASE,), 1.5, complete=False)
PROGRESS = Progress("Round 3", 0.5, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"progress": wire.write(Progress, PROGRESS)}, PROGRESS),
        ({"part": tasks.write_part(CASE)}, CASE),
        ({"result": tasks.write_result(REPORT)}, REPORT),
        ({"failed": "no numbers today"}, "no numbers today"),
        ({"ready": True}, None),
    ],
)
def test_a_line_says_what_was_meant(line: dict[str, Any], said: object) -> None:
    assert read_line(line) == said


@pytest.mark.parametrize(
    "line",
    [
        {"progress": {}},
        {"part": None},
        {"result": []},
        {"result": {"task": "compare", "result": []}},
        {"result": {"task": "nothing", "result": {}}},
        {"failed": 3},
    ],
)
def test_a_line_that_is_none_of_its_own_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"validation error|Expected a (part|result)"):
        read_line(line)


def test_what_is_no_plan_is_told_and_the_next_order_is_followed() -> None:
    process = start_coordinator()
    try:
        assert process.next_lines(60) == [{"ready": True}]
        process.send({"measure": {"models": 3}})
        (refused,) = process.next_lines(60)
        assert set(refused) == {"failed"}
        process.send(order(BenchmarkPlan(models=("nobody",))))
        lines: list[dict[str, Any]] = []
        while not any("failed" in line for line in lines):
            lines += process.next_lines(60)
        assert "nobody" in lines[-1]["failed"]
    finally:
        process.stop()
