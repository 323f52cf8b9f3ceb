"""A real measurement by a real worker of a real cluster."""

from __future__ import annotations

import psutil

from core.benchmark.cluster.runner import ClusterRunner
from core.benchmark.jobs import JobState, JobStatus
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import Report
from tests.core.benchmark.cluster.real import Cluster, NewRunner, over, until

QUICK = Method(block_seconds=0.002, least_rounds=3, least_seconds=0.0, warm_seconds=0.01, most_foreign=1.0)
ENDLESS = BenchmarkPlan(
    models=("scalar_linear",),
    method=Method(
        block_seconds=0.01, least_seconds=3600.0, most_rounds=10**6, warm_seconds=0.0, most_foreign=1.0
    ),
)


def in_rounds(status: JobStatus) -> bool:
    return status.progress is not None and status.progress.stage.startswith("Round")


def processes(cluster: Cluster) -> list[psutil.Process]:
    """What the worker started: the process that measures, its fork server and the engines."""
    return psutil.Process(cluster.workers["A"].pid).children(recursive=True)


def measured(runner: ClusterRunner) -> JobStatus:
    return until(runner, runner.submit(BenchmarkPlan(method=QUICK), "ada"), over)


def test_a_worker_measures_is_cancelled_is_killed_and_leaves_nothing_behind(
    cluster: Cluster, new_runner: NewRunner
) -> None:
    cluster.start_scheduler()
    cluster.start_worker("A")
    runner = new_runner(cluster, "A", measured="")

    status = measured(runner)
    assert (status.state, status.problem) == (JobState.DONE, "")
    assert isinstance(status.result, Report)
    (case,) = status.result.cases
    assert (case.model, case.machine, case.complete) == ("simple_mlp", "A", True)
    assert [each.name for each in case.engines] == ["eager", "ort"]
    assert all(each.summary is not None and each.summary.median > 0 for each in case.engines)
    assert len(case.rounds) >= 3

    status = until(runner, runner.submit(BenchmarkPlan(models=("nobody",)), "ada"), over)
    assert status.state is JobState.FAILED
    assert "nobody" in status.problem

    job = runner.submit(ENDLESS, "ada")
    until(runner, job, in_rounds)
    runner.cancel(job)
    status = until(runner, job, over)
    assert status.state is JobState.CANCELLED
    (case,) = status.cases
    assert case.rounds
    assert not case.complete

    job = runner.submit(ENDLESS, "ada")
    until(runner, job, in_rounds)
    left = processes(cluster)
    assert left
    cluster.kill("A")
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    runner.cancel(job)
    until(runner, job, over)
    cluster.start_worker("A")
    assert measured(runner).state is JobState.DONE
