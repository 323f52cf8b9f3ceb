from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.benchmark.desk import Desk, Held
from core.benchmark.history import History, HistoryError, Run, Saved
from core.benchmark.jobs import JobError, JobState
from core.benchmark.machines import MachineInfo
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan
from core.machine import describe
from tests.core.benchmark.reports import case, report
from tests.core.benchmark.scripted import Scripted

PLAN = BenchmarkPlan()
CASE = case({"eager": 2e-3, "ort": 1e-3})
REPORT = report(CASE)


@pytest.fixture
def runner() -> Scripted:
    return Scripted()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(None, tmp_path)
    yield made
    made.close()


@pytest.fixture
def desk(runner: Scripted, history: History) -> Iterator[Desk]:
    made = Desk(runner, history, kept=3)
    yield made
    made.close()


def settled(desk: Desk, job: str) -> Held:
    return until(lambda: desk.held(job), lambda held: held.settled)


def until(look: Callable[[], Held], enough: Callable[[Held], bool]) -> Held:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if enough(found := look()):
            return found
        time.sleep(0.02)
    raise AssertionError("It did not happen in 30 s.")


def test_a_finished_comparison_is_recorded_though_nobody_looks_on(
    desk: Desk, runner: Scripted, history: History
) -> None:
    job = desk.submit(PLAN, "ada")
    assert desk.held(job).status.state is JobState.QUEUED
    runner.set(job, state=JobState.RUNNING, position=0, progress=Progress("Round 3", 0.4, 2.0))
    assert desk.held(job).status.progress == Progress("Round 3", 0.4, 2.0)
    runner.set(job, state=JobState.DONE, result=REPORT, cases=(CASE,))
    held = settled(desk, job)
    assert held.note == ""
    run = history.get(held.runs[0])
    assert run is not None
    assert run.report == REPORT
    assert (run.owner, run.shared, run.plan) == ("ada", False, PLAN)


def test_what_all_may_see_is_recorded_so(desk: Desk, runner: Scripted, history: History) -> None:
    job = desk.submit(PLAN, "", shared=True)
    runner.set(job, state=JobState.DONE, result=REPORT)
    settled(desk, job)
    assert [line.shared for line in history.runs("somebody")] == [True]


def test_what_was_measured_before_it_was_lost_is_recorded(
    desk: Desk, runner: Scripted, history: History
) -> None:
    job = desk.submit(PLAN, "ada")
    runner.set(job, state=JobState.FAILED, problem="The process ended.", cases=(CASE,))
    held = settled(desk, job)
    assert held.status.problem == "The process ended."
    run = history.get(held.runs[0])
    assert run is not None
    assert run.report.cases == (CASE,)
    assert not run.report.complete
    # 24 rounds of ten calls of each of three processes.
    assert run.report.seconds == pytest.approx(24 * 10 * (2e-3 + 1e-3 + 2e-3))


def test_nothing_is_recorded_of_a_job_that_measured_nothing(
    desk: Desk, runner: Scripted, history: History
) -> None:
    job = desk.submit(PLAN, "ada")
    desk.cancel(job)
    assert runner.cancelled == [job]
    assert settled(desk, job).runs == ()
    assert history.runs(None) == []


def test_a_run_that_cannot_be_kept_is_shown_with_the_reason(
    desk: Desk, runner: Scripted, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Run) -> Saved:
        raise HistoryError("The disk is full.")

    monkeypatch.setattr(history, "add", full)
    job = desk.submit(PLAN, "ada")
    runner.set(job, state=JobState.DONE, result=REPORT)
    held = settled(desk, job)
    assert held.note == "It is not recorded. The disk is full."
    assert held.status.result == REPORT


def test_a_visitors_jobs_are_theirs_the_newest_first(desk: Desk) -> None:
    first, _, second = desk.submit(PLAN, "ada"), desk.submit(PLAN, "eve"), desk.submit(PLAN, "ada")
    assert [each.job for each in desk.jobs("ada")] == [second, first]
    assert desk.jobs("nobody") == ()


def test_a_job_that_is_not_taken_leaves_no_trace(desk: Desk, runner: Scripted) -> None:
    runner.refuses = "You have 3 measurements waiting."
    with pytest.raises(JobError, match="You have 3"):
        desk.submit(PLAN, "ada")
    assert desk.jobs("ada") == ()


def test_only_so_many_finished_jobs_are_remembered(desk: Desk, runner: Scripted) -> None:
    jobs = [desk.submit(PLAN, "ada") for _ in range(5)]
    for job in jobs:
        runner.set(job, state=JobState.CANCELLED)
        until(lambda: desk.jobs("ada")[0], lambda _: True)
    end = time.monotonic() + 30
    while len(desk.jobs("ada")) > 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert [each.job for each in desk.jobs("ada")] == jobs[:1:-1]
    with pytest.raises(JobError, match="not known here, or no longer"):
        desk.held(jobs[0])


def test_an_app_that_ends_records_what_was_measured(tmp_path: Path, runner: Scripted) -> None:
    history = History(None, tmp_path)
    desk = Desk(runner, history)
    job = desk.submit(PLAN, "ada")
    runner.set(job, state=JobState.RUNNING, cases=(CASE,))
    desk.close()
    desk.close()
    held = desk.held(job)
    assert held.status.state is JobState.CANCELLED
    assert history.get(held.runs[0]) is not None
    history.close()


def test_each_machine_of_a_cluster_has_a_run_of_its_own(
    desk: Desk, runner: Scripted, history: History
) -> None:
    facts = replace(describe(), cpu="A processor elsewhere")
    runner.known = (MachineInfo("north", "", 1, usable=True, facts=facts),)
    job = desk.submit(PLAN, "ada")
    runner.set(job, state=JobState.RUNNING)
    until(lambda: desk.held(job), lambda held: held.status.state is JobState.RUNNING)
    time.sleep(0.5)
    # One machine has left by now; of the other nothing was ever heard.
    runner.known = ()
    north, south = (replace(CASE, machine=name) for name in ("north", "south"))
    runner.set(job, state=JobState.DONE, result=report(north, south))
    runs = [history.get(run) for run in settled(desk, job).runs]
    assert [run and run.machine.cpu for run in runs] == ["A processor elsewhere", "south"]
    assert [run and run.report.cases for run in runs] == [(north,), (south,)]
    assert len({run.machine_id for run in runs if run}) == 2


def test_who_leaves_gives_up_what_has_not_begun_and_nothing_else(desk: Desk, runner: Scripted) -> None:
    runs, waits, other = desk.submit(PLAN, "ada"), desk.submit(PLAN, "ada"), desk.submit(PLAN, "eve")
    runner.set(runs, state=JobState.RUNNING)
    desk.leave("ada")
    assert runner.cancelled == [waits]
    desk.leave("nobody")
    assert runner.cancelled == [waits]
    # What runs is recorded though nobody is there.
    runner.set(runs, state=JobState.DONE, result=REPORT)
    assert settled(desk, runs).runs
    assert desk.held(other).status.state is JobState.QUEUED


def test_who_leaves_while_a_job_is_forgotten_is_told_nothing(
    desk: Desk, runner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(PLAN, "ada")

    def gone(_: str) -> None:
        raise JobError("This measurement is not known here, or no longer: start it again.")

    monkeypatch.setattr(runner, "cancel", gone)
    desk.leave("ada")


def test_of_one_visitor_only_so_many_finished_jobs_are_remembered(runner: Scripted, history: History) -> None:
    desk = Desk(runner, history, kept=10, kept_each=2)
    try:
        mine = [desk.submit(PLAN, "ada") for _ in range(4)]
        other = desk.submit(PLAN, "eve")
        for job in (other, *mine):
            runner.set(job, state=JobState.CANCELLED)
        end = time.monotonic() + 30
        while len(desk.jobs("ada")) > 2 and time.monotonic() < end:
            time.sleep(0.02)
        assert [each.job for each in desk.jobs("ada")] == [mine[3], mine[2]]
        assert [each.job for each in desk.jobs("eve")] == [other]
    finally:
        desk.close()
