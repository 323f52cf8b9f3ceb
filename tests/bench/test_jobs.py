"""The benchmark of jobs with small counts: that its parts add up, not how fast this machine is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import psutil
import pytest

from bench import jobs
from bench.__main__ import render
from bench.jobs import Start, start_of, starts, starts_table
from bench.jobs_cluster import MACHINES, sweeps, sweeps_table
from bench.jobs_sleep import ENGINE, sleeps
from bench.registry import Table
from core.benchmark import tasks
from core.benchmark.fairness import FairnessPlan
from core.benchmark.jobs import JobRunner, JobState, JobStatus
from core.benchmark.machines import ANYWHERE, MachineInfo, Where
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, Report
from tests.core.benchmark.reports import case, report

QUICK = Method(
    block_seconds=0.02, least_rounds=4, most_rounds=4, least_seconds=0.0, warm_seconds=0.05,
    most_foreign=1.0, samples=0,
)  # fmt: skip


class Told(JobRunner):
    """Says what it was told to, one status per question, the last again and again."""

    def __init__(self, *said: JobStatus) -> None:
        self._said = list(said)

    def submit(self, plan: tasks.Plan, visitor: str, on: Where = ANYWHERE) -> str:
        return "job"

    def status(self, job: str) -> JobStatus:
        return self._said.pop(0) if len(self._said) > 1 else self._said[0]

    def cancel(self, job: str) -> None:
        raise AssertionError

    def machines(self) -> tuple[MachineInfo, ...]:
        return ()

    @property
    def problem(self) -> str:
        return ""

    def close(self) -> None:
        pass


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for locks of its own: nobody waits for others who measure on this computer."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield


def at(stage: str) -> JobStatus:
    return JobStatus("job", JobState.RUNNING, progress=Progress(stage, 0.5, None))


def timed() -> CaseReport:
    """A comparison of an engine that took 1 + 2 s to start and 4 s to warm up, and one of a tenth of that."""
    one = case({"eager": 1.0, "ort": 1.0})
    eager, ort = one.engines
    return replace(
        one,
        engines=(
            replace(eager, load_seconds=1.0, first_seconds=2.0, warm_seconds=4.0),
            replace(ort, load_seconds=0.1, first_seconds=0.2, warm_seconds=0.4),
        ),
    )


def test_what_the_engines_take_is_told_from_what_the_job_adds() -> None:
    stages = ("Exporting", "Loading eager", "Loading ort", "Warming up eager", "Round 1", "Round 2")
    done = JobStatus("job", JobState.DONE, result=report(timed()))
    found = start_of(Told(JobStatus("job", JobState.QUEUED), *map(at, stages), done), BenchmarkPlan())
    assert [found.engines, found.warm] == pytest.approx([6.3, 8.4])
    assert found.net == pytest.approx(found.raw - found.export - 6.3 - 8.4)
    for seconds in (found.before, found.export, found.loading, found.warming):
        assert 0 < seconds < 5


def test_a_stage_that_nobody_saw_is_no_time() -> None:
    done = JobStatus("job", JobState.DONE, result=report(timed()))
    found = start_of(Told(at("Loading eager"), at("Round 1"), done), BenchmarkPlan())
    assert (found.export, found.warming) == (0.0, 0.0)
    with pytest.raises(RuntimeError, match="did not say: Round"):
        start_of(Told(at("Loading eager"), done), BenchmarkPlan())


def test_a_job_that_fails_is_no_measurement() -> None:
    failed = JobStatus("job", JobState.FAILED, problem="It crashed.")
    with pytest.raises(RuntimeError, match="It crashed"):
        start_of(Told(failed), BenchmarkPlan())


def test_a_job_that_adds_too_much_misses_the_target() -> None:
    quick = Start(before=0.01, export=1.0, loading=0.3, engines=0.2, warming=0.7, warm=0.6)
    late = replace(quick, before=0.2)
    assert [quick.raw, quick.net] == pytest.approx([2.01, 0.21])
    table = starts_table({"eager": [quick, quick, late], "ort": [late, late, quick]})
    cells = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [each["net"] for each in cells] == [pytest.approx(0.21), pytest.approx(0.4)]
    assert [each["jobs"] for each in cells] == [3, 3]
    assert cells[0]["raw"] == pytest.approx(2.01)
    assert cells[0]["export"] == 1.0
    assert cells[0]["around loading"] == pytest.approx(0.1)
    assert cells[0]["around warm-up"] == pytest.approx(0.1)
    assert not table.targets[0].met
    assert "ort (0.40 s)" in table.targets[0].text
    assert starts_table({"eager": [quick]}).targets[0].met
    assert render(table)


@pytest.mark.usefixtures("own_folder")
def test_real_jobs_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FIELDS", jobs.FIELDS[:1])
    found = starts(1, QUICK)
    assert list(found) == ["eager"]
    (one,) = found["eager"]
    # Both processes are called for as long as the method says at least.
    assert one.warm >= 2 * QUICK.warm_seconds
    assert one.raw > one.net
    # The twin's own times are not known and count as the baseline's: what is around them may be below zero.
    assert one.loading > one.engines / 2
    assert one.warming > one.warm / 2


def test_the_sleeping_engine_goes_through_a_real_comparison() -> None:
    said: list[Mapping[str, Any]] = []
    plan = BenchmarkPlan(batches=(3,), method=QUICK)
    sleeps(tasks.write_plan(plan), said.append, lambda: False)
    assert "progress" in said[0]
    result = tasks.read_result(said[-1]["result"])
    assert isinstance(result, Report)
    (found,) = result.cases
    assert (found.batch, found.complete, len(found.rounds)) == (3, True, 4)
    assert found.engines[0].summary is not None
    assert found.engines[0].summary.minimum >= ENGINE.sleeps
    with pytest.raises(ValueError, match="Expected a plan of comparisons"):
        sleeps(tasks.write_plan(FairnessPlan()), said.append, lambda: False)


def test_a_sweep_runs_on_one_worker_and_on_three_and_leaves_nothing_behind() -> None:
    before = {each.pid for each in psutil.process_iter()}
    found = sweeps(3, 1, QUICK)
    assert [len(times) for times in found.values()] == [1, 1]
    # A comparison sleeps for four blocks of two processes, and they are done one after the other on one.
    assert found["one worker"][0] > 3 * 4 * 2 * QUICK.block_seconds
    assert len(MACHINES) == 3
    left = [
        each for each in psutil.process_iter(["cmdline"])
        if each.pid not in before and "distributed.cli" in " ".join(each.info["cmdline"] or ())
    ]  # fmt: skip
    assert not left


def test_a_sweep_that_gains_too_little_misses_the_target() -> None:
    table = sweeps_table({"one worker": [24.0, 24.0], "3 workers": [8.0, 12.0]}, 12)
    assert [row[0] for row in table.rows] == ["one worker", "3 workers"]
    assert [row[2] for row in table.rows] == [2.0, pytest.approx(8 / 12)]
    assert "2.40" in table.targets[0].text
    assert not table.targets[0].met
    assert sweeps_table({"one worker": [25.0], "3 workers": [10.0]}, 12).targets[0].met
    assert "simulated by a sleep-bound engine" in render(table)


def test_the_arguments_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def run(**given: object) -> list[Table]:
        asked.append(given)
        return []

    monkeypatch.setattr(jobs, "run", run)
    assert jobs.run_with(["--jobs", "2", "--sweep", "6"]) == []
    assert asked == [{"jobs": 2, "sweep": 6, "rounds": jobs.SWEEPS}]
