"""Jobs on a real Dask cluster: a scheduler and workers in processes of their own, on this computer."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from core import machine
from core.benchmark.jobs import JobError, JobState, Limits
from core.benchmark.machines import EVERYWHERE, Where
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import Report
from core.process import ROOT
from tests.core.benchmark.cluster.fakes import SLEEPS, STUBBORN_BATCH, read_diary
from tests.core.benchmark.cluster.real import Cluster, NewRunner, alone, measuring, over, plan, until

SEVERAL = (
    "Several machines measured: each ratio is of one machine, and times are to be compared only where the "
    "machine is the same."
)


def test_a_sweep_is_spread_and_comes_back_in_its_order(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    assert runner.problem == ""
    before = len(read_diary(two.diary))
    status = until(runner, runner.submit(plan(5, 4, 3, 2, 1), "ada"), over)
    assert (status.state, status.problem) == (JobState.DONE, "")
    assert isinstance(status.result, Report)
    assert status.result.complete
    assert [case.batch for case in status.result.cases] == [5, 4, 3, 2, 1]
    assert status.cases == status.result.cases
    entries = read_diary(two.diary)[before:]
    assert {case.batch: case.machine for case in status.cases} == {
        each.batch: each.machine for each in entries
    }
    assert {each.machine for each in entries} == {"A", "B"}
    assert sorted(status.machine.split(", ")) == ["A", "B"]
    assert status.notes == (SEVERAL,)
    assert status.progress is not None
    assert status.progress.share == 1


def test_a_pinned_job_runs_on_its_machine_alone(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    status = until(runner, runner.submit(plan(1, 2, 3, seconds=0.05), "ada", Where("B")), over)
    assert status.state is JobState.DONE
    assert [case.machine for case in status.cases] == ["B", "B", "B"]
    assert (status.machine, status.notes) == ("B", ())
    with pytest.raises(JobError, match=r"^There is no machine 'Z' in the cluster: choose A or B\.$"):
        runner.submit(plan(), "ada", Where("Z"))


def test_a_job_for_all_machines_runs_on_each(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    status = until(runner, runner.submit(plan(1, 2, seconds=0.05), "ada", EVERYWHERE), over)
    assert status.state is JobState.DONE
    assert [(case.batch, case.machine) for case in status.cases] == [(1, "A"), (1, "B"), (2, "A"), (2, "B")]


def test_a_machine_measures_one_thing_at_a_time(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    before = len(read_diary(two.diary))
    jobs = [runner.submit(plan(1, 2, 3, seconds=0.1), name) for name in ("ada", "bob", "eve")]
    for job in jobs:
        assert until(runner, job, over).state is JobState.DONE
    entries = read_diary(two.diary)[before:]
    assert len(entries) == 9
    alone(entries)


def test_a_job_that_is_given_up_keeps_what_it_measured_and_frees_its_machine(
    two: Cluster, new_runner: NewRunner
) -> None:
    runner = new_runner(two, "A", "B")
    job = runner.submit(plan(1, 2, 3, seconds=60), "ada")
    until(runner, job, lambda status: measuring(status) and status.machine in {"A, B", "B, A"})
    start = time.monotonic()
    runner.cancel(job)
    status = until(runner, job, over)
    assert time.monotonic() - start < 10
    assert status.state is JobState.CANCELLED
    assert [(case.batch, case.complete) for case in status.cases] == [(1, False), (2, False)]
    assert isinstance(status.result, Report)
    assert not status.result.complete
    runner.cancel(job)
    assert runner.status(job) == status
    assert until(runner, runner.submit(plan(seconds=0), "ada", Where("A")), over).state is JobState.DONE


def test_a_worker_that_does_not_stop_is_left_after_a_while(
    two: Cluster, new_runner: NewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.benchmark.cluster.dispatcher.ABANDON_SECONDS", 1.0)
    runner = new_runner(two, "A", "B")
    job = runner.submit(plan(STUBBORN_BATCH, seconds=5), "ada", Where("A"))
    until(runner, job, measuring)
    runner.cancel(job)
    status = until(runner, job, over)
    assert (status.state, status.cases) == (JobState.CANCELLED, ())
    # Its machine is free again when it has come to its end.
    assert until(runner, runner.submit(plan(seconds=0), "ada", Where("A")), over).state is JobState.DONE
    alone(read_diary(two.diary))


def test_visitors_take_turns_and_see_their_position(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B", limits=Limits(per_visitor=9))
    running = [runner.submit(plan(seconds=60), "ada") for _ in range(2)]
    for each in running:
        until(runner, each, measuring)
    ada = [runner.submit(plan(10 + number, seconds=0.05), "ada", Where("A")) for number in range(2)]
    bob = [runner.submit(plan(20 + number, seconds=0.05), "bob", Where("A")) for number in range(2)]
    assert [runner.status(each).position for each in (ada[0], bob[0], ada[1], bob[1])] == [2, 3, 4, 5]
    assert runner.status(running[0]).position == 0
    runner.cancel(bob[0])
    assert runner.status(bob[0]).state is JobState.CANCELLED
    assert [runner.status(each).position for each in (ada[0], bob[1], ada[1])] == [2, 3, 4]
    before = len(read_diary(two.diary))
    for each in running:
        runner.cancel(each)
    for each in (*ada, bob[1]):
        assert until(runner, each, over).state is JobState.DONE
    batches = [each.batch for each in read_diary(two.diary)[before:] if each.batch >= 10]
    assert batches == [10, 21, 11]


def test_what_takes_too_long_is_ended_and_its_finished_comparisons_are_kept(
    two: Cluster, new_runner: NewRunner
) -> None:
    runner = new_runner(two, "A", "B", limits=Limits(seconds=2.0))
    # The first job of a worker imports what it measures with.
    until(runner, runner.submit(plan(seconds=0), "ada", Where("A")), over)
    status = until(runner, runner.submit(plan(1, 2, seconds=1.3), "ada", Where("A")), over)
    assert (status.state, status.problem) == (JobState.FAILED, "It took longer than 2 s and was ended.")
    assert [(case.batch, case.complete) for case in status.cases] == [(1, True), (2, False)]


def test_what_no_machine_can_measure_fails_in_one_line(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    cores = machine.logical_cores()
    many = BenchmarkPlan(threads=(cores + 1,), method=Method(least_seconds=0.0))
    status = until(runner, runner.submit(many, "ada"), over)
    assert (status.state, status.problem) == (
        JobState.FAILED,
        f"Got {cores + 1} threads, expected 1 to {cores}, as the cluster's largest machine has.",
    )
    status = until(runner, runner.submit(BenchmarkPlan(models=("nobody",)), "ada"), over)
    assert (status.state, status.problem) == (JobState.FAILED, "There is no model 'nobody'.")


def test_one_comparison_that_fails_leaves_the_others(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B")
    some = BenchmarkPlan(models=("nobody", "simple_mlp"), method=Method(least_seconds=0.0))
    status = until(runner, runner.submit(some, "ada"), over)
    assert status.state is JobState.DONE
    assert isinstance(status.result, Report)
    assert not status.result.complete
    failed, fine = status.result.cases
    assert {each.problem for each in failed.engines} == {"There is no model 'nobody'."}
    assert failed.caveats == ("There is no model 'nobody'.",)
    assert (fine.model, fine.complete) == ("simple_mlp", True)
    assert "1 of 2 could not be measured: There is no model 'nobody'." in status.notes


def test_five_hundred_jobs_are_bounded_told_and_done(two: Cluster, new_runner: NewRunner) -> None:
    runner = new_runner(two, "A", "B", limits=Limits(waiting=400, per_visitor=200, kept=1000))
    blockers = [runner.submit(plan(seconds=60), "eve", Where(each)) for each in ("A", "B")]
    for each in blockers:
        until(runner, each, measuring)
    jobs, refused = [], []
    for number in range(500):
        try:
            jobs.append(runner.submit(plan(seconds=0), f"visitor {number % 7}"))
        except JobError as error:
            refused.append(str(error))
    assert len(jobs) == 400
    assert set(refused) == {"400 measurements are waiting already: try again later."}
    assert sorted(runner.status(each).position for each in jobs) == list(range(2, 402))
    for each in blockers:
        runner.cancel(each)
    for each in jobs:
        assert until(runner, each, over).state is JobState.DONE
    mine = [runner.submit(plan(seconds=60), "bob") for _ in range(200)]
    with pytest.raises(JobError, match=r"^You have 200 measurements waiting or running, and may have 200: "):
        runner.submit(plan(), "bob")
    for each in mine:
        runner.cancel(each)


@pytest.mark.parametrize("act", ["status", "cancel"])
def test_an_unknown_job_is_one_line(two: Cluster, new_runner: NewRunner, act: str) -> None:
    with pytest.raises(JobError, match=r"^This measurement is not known here, or no longer"):
        getattr(new_runner(two), act)("nobody")


@pytest.mark.parametrize("batches", [(), tuple(range(1, 66))])
def test_a_plan_that_is_none_is_refused(
    two: Cluster, new_runner: NewRunner, batches: tuple[int, ...]
) -> None:
    with pytest.raises(JobError, match=r"^The plan (is empty|has 65 comparisons)"):
        new_runner(two).submit(BenchmarkPlan(batches=batches), "ada")


def test_a_closed_runner_keeps_what_was_measured_and_takes_no_more(
    two: Cluster, new_runner: NewRunner
) -> None:
    runner = new_runner(two, "A", "B")
    job = runner.submit(plan(seconds=60), "ada", Where("A"))
    waiting = runner.submit(plan(), "ada", Where("A"))
    until(runner, job, measuring)
    runner.close()
    runner.close()
    status = runner.status(job)
    assert status.state is JobState.CANCELLED
    assert [case.complete for case in status.cases] == [False]
    assert runner.status(waiting).state is JobState.CANCELLED
    with pytest.raises(JobError, match="takes no more measurements"):
        runner.submit(plan(), "ada")


def test_two_apps_on_one_cluster_wait_for_each_other(two: Cluster, new_runner: NewRunner) -> None:
    runners = [new_runner(two, "A", "B") for _ in range(2)]
    before = len(read_diary(two.diary))
    jobs = [each.submit(plan(1, 2, 3, seconds=0.1), "ada", Where("A")) for each in runners]
    for runner, job in zip(runners, jobs, strict=True):
        assert until(runner, job, over).state is JobState.DONE
    entries = read_diary(two.diary)[before:]
    assert len(entries) == 6
    alone(entries)


def test_a_worker_with_other_libraries_is_listed_with_them(
    two: Cluster, new_runner: NewRunner, tmp_path: Path
) -> None:
    other = tmp_path / "libraries" / "onnxruntime-1.2.3.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.2.3\n")
    two.start_worker("C", path=other.parent)
    try:
        mine, _, theirs = new_runner(two, "A", "B", "C").machines()
    finally:
        two.kill("C")
    assert f"ONNX Runtime {metadata.version('onnxruntime')}" in mine.about
    assert "ONNX Runtime 1.2.3" in theirs.about


def test_a_worker_stops_when_the_app_that_asked_is_killed(two: Cluster) -> None:
    before = len(read_diary(two.diary))
    program = (
        "import sys, time\n"
        "from core.benchmark.cluster.runner import ClusterRunner\n"
        "from tests.core.benchmark.cluster.real import plan, measuring, until\n"
        f"runner = ClusterRunner({two.address!r}, None, {SLEEPS!r})\n"
        "job = runner.submit(plan(seconds=60), 'ada')\n"
        "until(runner, job, measuring)\n"
        "sys.stdout.write('measuring')\n"
        "sys.stdout.flush()\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as app:
        assert app.stdout is not None
        assert app.stdout.read(9) == b"measuring"
        app.kill()
    end = time.monotonic() + 30
    while not (entries := read_diary(two.diary)[before:]):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert [each.stopped for each in entries] == [True]
