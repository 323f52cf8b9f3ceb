"""What is lost in the middle of a job on a real Dask cluster: workers, the scheduler, or all of it."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from core import machine
from core.benchmark.jobs import JobState
from core.benchmark.machines import Where
from core.benchmark.report import Report
from tests.core.benchmark.cluster.fakes import DEADLY_BATCH, read_diary
from tests.core.benchmark.cluster.real import (
    RESOURCE,
    Cluster,
    NewRunner,
    alone,
    free_port,
    measuring,
    over,
    plan,
    until,
    usable,
    wait_for,
)


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_that_is_said(
    cluster: Cluster, new_runner: NewRunner
) -> None:
    cluster.start_scheduler()
    cluster.start_worker("A")
    cluster.start_worker("B")
    runner = new_runner(cluster, "A", "B")
    job = runner.submit(plan(1, 2, 3, seconds=1.0), "ada")
    until(runner, job, lambda status: measuring(status) and status.machine in {"A, B", "B, A"})
    cluster.kill("A")
    status = until(runner, job, over)
    assert (status.state, status.problem) == (JobState.DONE, "")
    assert isinstance(status.result, Report)
    assert status.result.complete
    assert [(case.batch, case.machine) for case in status.cases] == [(1, "B"), (2, "B"), (3, "B")]
    said = "A worker on A was lost in the middle; it was measured again on B."
    assert [case.caveats for case in status.cases] == [(said,), (), ()]
    assert status.notes == (said,)
    assert [each.name for each in runner.machines()] == ["B"]
    alone(read_diary(cluster.diary))
    assert until(runner, runner.submit(plan(seconds=0), "ada"), over).state is JobState.DONE


def test_a_second_loss_fails_that_comparison_alone(cluster: Cluster, new_runner: NewRunner) -> None:
    cluster.start_scheduler()
    for name in ("A", "B", "C"):
        cluster.start_worker(name)
    runner = new_runner(cluster, "A", "B", "C")
    status = until(runner, runner.submit(plan(1, DEADLY_BATCH, 2, seconds=0.1), "ada"), over)
    assert status.state is JobState.DONE
    assert isinstance(status.result, Report)
    assert not status.result.complete
    first, deadly, last = status.result.cases
    assert first.complete
    assert last.complete
    (survivor,) = usable(runner)
    lost = {"A", "B", "C"} - {survivor}
    problems = {
        f"A worker on {one} and then one on {two} was lost in the middle: it may need more memory than they "
        "have."
        for one, two in itertools.permutations(lost)
    }
    assert {each.problem for each in deadly.engines} <= problems
    assert set(deadly.caveats) <= problems
    assert until(runner, runner.submit(plan(seconds=0), "ada"), over).state is JobState.DONE


def test_a_pinned_job_whose_machine_does_not_come_back_fails_in_one_line(
    cluster: Cluster, new_runner: NewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.benchmark.cluster.runner.RETURN_SECONDS", 1.0)
    cluster.start_scheduler()
    cluster.start_worker("A")
    cluster.start_worker("B")
    runner = new_runner(cluster, "A", "B")
    job = runner.submit(plan(seconds=60), "ada", Where("A"))
    until(runner, job, measuring)
    cluster.kill("A")
    away = "It waits for A, which takes no measurements now."
    status = until(runner, job, lambda status: over(status) or away in status.notes)
    assert status.state is JobState.RUNNING
    status = until(runner, job, over)
    assert (status.state, status.problem) == (
        JobState.FAILED,
        "A was lost in the middle and did not come back within 1 s.",
    )


def test_a_pinned_job_is_measured_again_when_its_machine_comes_back(
    cluster: Cluster, new_runner: NewRunner
) -> None:
    cluster.start_scheduler()
    # At the same address, so that the scheduler might take the one for the other.
    options = (*RESOURCE, "--worker-port", str(free_port()))
    cluster.start_worker("A", *options)
    runner = new_runner(cluster, "A")
    job = runner.submit(plan(seconds=1.5), "ada", Where("A"))
    until(runner, job, measuring)
    cluster.kill("A")
    cluster.start_worker("A", *options)
    status = until(runner, job, over)
    assert status.state is JobState.DONE
    assert status.notes == ("A worker on A was lost in the middle; it was measured again on A.",)


def test_a_scheduler_that_is_killed_in_the_middle_is_told_and_all_goes_on_when_it_is_back(
    cluster: Cluster, new_runner: NewRunner
) -> None:
    cluster.start_scheduler()
    cluster.start_worker("A")
    runner = new_runner(cluster, "A")
    job = runner.submit(plan(1, 2, seconds=1.0), "ada")
    until(runner, job, lambda status: len(status.cases) == 1 and measuring(status))
    cluster.kill("scheduler")
    wait_for(lambda: bool(runner.problem), runner)
    gone = (
        f"The cluster's scheduler at {cluster.address} cannot be reached: measurements wait, and it is tried "
        "again every few seconds."
    )
    assert runner.problem == gone
    status = runner.status(job)
    assert status.state is JobState.RUNNING
    assert gone in status.notes
    assert [case.batch for case in status.cases] == [1]
    assert runner.machines() == ()
    given_up = runner.submit(plan(), "bob")
    runner.cancel(given_up)
    assert runner.status(given_up).state is JobState.CANCELLED
    waiting = runner.submit(plan(3, seconds=0), "bob")
    assert runner.status(waiting).state is JobState.QUEUED
    cluster.workers.pop("A").wait(60)
    cluster.start_scheduler()
    cluster.start_worker("A")
    status = until(runner, job, over)
    assert (status.state, status.problem) == (JobState.DONE, "")
    assert [(case.batch, case.complete) for case in status.cases] == [(1, True), (2, True)]
    assert status.notes == (
        "The cluster's scheduler was lost in the middle; 1 of 2 measurements were begun again.",
    )
    assert until(runner, waiting, over).state is JobState.DONE
    assert runner.problem == ""


def test_without_a_scheduler_jobs_wait_and_nothing_blocks(cluster: Cluster, new_runner: NewRunner) -> None:
    start = time.monotonic()
    runner = new_runner(cluster)
    job = runner.submit(plan(seconds=0), "ada")
    assert runner.status(job).state is JobState.QUEUED
    assert runner.machines() == ()
    assert runner.problem
    assert time.monotonic() - start < 1
    wait_for(lambda: "cannot be reached" in runner.problem, runner)
    assert runner.status(job).notes == (runner.problem,)
    cluster.start_scheduler()
    wait_for(lambda: "has no workers" in runner.problem, runner)
    assert runner.problem == (f"The cluster at {cluster.address} has no workers: start one on each machine.")
    cluster.start_worker("A")
    assert until(runner, job, over).state is JobState.DONE
    assert runner.problem == ""


def test_a_worker_without_the_resource_is_told_about(cluster: Cluster, new_runner: NewRunner) -> None:
    cluster.start_scheduler()
    cluster.start_worker("A", "--memory-limit", "0")
    runner = new_runner(cluster)
    wait_for(lambda: any(each.about for each in runner.machines()), runner)
    (info,) = runner.machines()
    why = 'A worker was started without --resources "BENCHMARK=1": start it again with it.'
    assert (info.name, info.usable, info.reason, info.workers) == ("A", False, why, 1)
    assert machine.cpu_model() in info.about
    assert runner.problem == f"No machine of the cluster at {cluster.address} can measure now. {why}"
    job = runner.submit(plan(seconds=0), "ada")
    assert runner.status(job).notes == (runner.problem,)
    cluster.start_worker("A, too", machine="A")
    assert until(runner, job, over).machine == "A"
    (info,) = runner.machines()
    assert (info.name, info.usable, info.reason, info.workers) == ("A", True, why, 2)


def test_two_workers_on_one_machine_never_measure_at_the_same_time(
    cluster: Cluster, new_runner: NewRunner
) -> None:
    cluster.start_scheduler()
    cluster.start_worker("A")
    cluster.start_worker("A, too", machine="A")
    runner = new_runner(cluster)
    wait_for(lambda: [each.workers for each in runner.machines()] == [2], runner)
    jobs = [runner.submit(plan(1, 2, 3, seconds=0.1), name) for name in ("ada", "bob")]
    for job in jobs:
        assert until(runner, job, over).state is JobState.DONE
    entries = read_diary(cluster.diary)
    assert len(entries) == 6
    alone(entries)


def test_a_runner_can_be_closed_while_its_scheduler_is_away(cluster: Cluster, new_runner: NewRunner) -> None:
    before = set(threading.enumerate())
    runner = new_runner(cluster)
    job = runner.submit(plan(), "ada")
    assert set(threading.enumerate()) > before
    runner.close()
    assert runner.status(job).state is JobState.CANCELLED
    assert set(threading.enumerate()) == before
