import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from core import machine
from core.benchmark.jobs import JobError, JobRunner, JobState, JobStatus, Limits
from core.benchmark.local import LocalRunner
from core.benchmark.machines import Where
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import Report
from core.engines.engine import EngineKind
from core.process import Process

PATIENCE = 60
QUICK = Method(block_seconds=0.002, least_rounds=3, least_seconds=0.0, warm_seconds=0.0, most_foreign=1.0)
EAGER = BenchmarkPlan(
    models=("scalar_linear",), engines=(EngineKind.EAGER, EngineKind.EAGER_GRAD), method=QUICK
)
ENDLESS = BenchmarkPlan(
    models=("scalar_linear",),
    engines=(EngineKind.EAGER,),
    method=Method(block_seconds=0.01, least_seconds=3600.0, most_rounds=10**6, warm_seconds=0.0),
)


@pytest.fixture
def new_runner() -> Iterator[Callable[..., LocalRunner]]:
    made: list[LocalRunner] = []

    def make(limits: Limits | None = None) -> LocalRunner:
        made.append(LocalRunner(limits))
        return made[-1]

    yield make
    for each in made:
        each.close()


def until(runner: JobRunner, job: str, ready: Callable[[JobStatus], bool]) -> JobStatus:
    end = time.monotonic() + PATIENCE
    while not ready(status := runner.status(job)):
        assert time.monotonic() < end, status
        time.sleep(0.02)
    return status


def over(status: JobStatus) -> bool:
    return status.state.over


def measuring(status: JobStatus) -> bool:
    return status.progress is not None and status.progress.stage.startswith("Round")


def measuring_process(runner: LocalRunner) -> psutil.Process:
    process = runner._process
    assert isinstance(process, Process)
    return psutil.Process(process.pid)


def test_a_job_is_queued_runs_and_is_done(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    status = until(runner, runner.submit(EAGER, "ada"), over)
    assert status.state is JobState.DONE
    assert status.problem == ""
    assert status.position == 0
    assert [status.machine] == [each.name for each in runner.machines()]
    assert isinstance(status.result, Report)
    assert status.result.cases == status.cases
    assert [each.name for each in status.cases[0].engines] == ["eager", "eager-grad"]
    assert isinstance(status.progress, Progress)


def test_visitors_take_turns_and_see_their_position(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    running = runner.submit(ENDLESS, "ada")
    until(runner, running, lambda status: status.state is JobState.RUNNING)
    ada = [runner.submit(EAGER, "ada") for _ in range(2)]
    bob = [runner.submit(EAGER, "bob") for _ in range(2)]
    assert [runner.status(each).position for each in (ada[0], bob[0], ada[1], bob[1])] == [1, 2, 3, 4]
    runner.cancel(ada[0])
    assert runner.status(ada[0]).state is JobState.CANCELLED
    assert [runner.status(each).position for each in (ada[1], bob[0], bob[1])] == [1, 2, 3]
    runner.cancel(running)
    order = []
    for each in (ada[1], bob[0], bob[1]):
        assert until(runner, each, over).state is JobState.DONE
        order.append(each)
    assert order == [ada[1], bob[0], bob[1]]


def test_a_job_that_is_given_up_keeps_what_it_measured(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    job = runner.submit(ENDLESS, "ada")
    until(runner, job, measuring)
    runner.cancel(job)
    status = until(runner, job, over)
    assert status.state is JobState.CANCELLED
    assert status.result is not None
    assert not status.result.complete
    assert len(status.cases) == 1
    runner.cancel(job)
    assert runner.status(job) == status


def test_a_killed_process_fails_its_job_and_the_next_one_runs(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    job = runner.submit(ENDLESS, "ada")
    until(runner, job, measuring)
    process = measuring_process(runner)
    workers = process.children(recursive=True)
    process.kill()
    status = until(runner, job, over)
    assert status.state is JobState.FAILED
    assert status.problem == (
        "It was killed from outside, most likely because this machine ran out of memory."
    )
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    assert until(runner, runner.submit(EAGER, "ada"), over).state is JobState.DONE


def test_a_killed_worker_is_told_and_the_next_job_runs(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    job = runner.submit(ENDLESS, "ada")
    until(runner, job, measuring)
    # The fork server's children are the workers.
    workers = [
        each
        for each in measuring_process(runner).children(recursive=True)
        if each.ppid() != measuring_process(runner).pid
    ]
    assert workers
    for each in workers:
        os.kill(each.pid, signal.SIGKILL)
    status = until(runner, job, over)
    assert status.state is JobState.DONE
    assert status.result is not None
    assert not status.result.complete
    assert "crashed or was killed in the middle" in status.cases[0].engines[0].problem
    assert until(runner, runner.submit(EAGER, "ada"), over).state is JobState.DONE


def test_a_job_that_takes_too_long_is_ended_and_the_next_one_runs(
    new_runner: Callable[..., LocalRunner],
) -> None:
    runner = new_runner(Limits(seconds=1.5))
    # The process may need longer to start than a job may take.
    until(runner, runner.submit(EAGER, "ada"), over)
    status = until(runner, runner.submit(ENDLESS, "ada"), over)
    assert status.state is JobState.FAILED
    assert status.problem == "It took longer than 1.5 s and was ended."


def test_too_many_jobs_are_refused_in_one_line(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner(Limits(waiting=3, per_visitor=2))
    first = runner.submit(ENDLESS, "ada")
    until(runner, first, lambda status: status.state is JobState.RUNNING)
    runner.submit(EAGER, "ada")
    with pytest.raises(JobError, match=r"^You have 2 measurements waiting or running, and may have 2: "):
        runner.submit(EAGER, "ada")
    runner.submit(EAGER, "bob")
    runner.submit(EAGER, "bob")
    with pytest.raises(JobError, match=r"^3 measurements are waiting already: try again later\.$"):
        runner.submit(EAGER, "eve")


def test_a_plan_that_cannot_be_measured_fails_in_one_line(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    status = until(runner, runner.submit(BenchmarkPlan(models=("nobody",)), "ada"), over)
    assert status.state is JobState.FAILED
    assert "nobody" in status.problem
    assert "\n" not in status.problem


def test_this_machine_is_the_only_one(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    assert runner.problem == ""
    (info,) = runner.machines()
    assert (info.workers, info.usable, info.reason) == (1, True, "")
    assert machine.cpu_model() in info.about
    assert until(runner, runner.submit(EAGER, "ada", Where(info.name)), over).state is JobState.DONE
    with pytest.raises(
        JobError, match=r"^There is no machine 'other' here: measurements run on this machine"
    ):
        runner.submit(EAGER, "ada", Where("other"))


@pytest.mark.parametrize("act", ["status", "cancel"])
def test_an_unknown_job_is_one_line(new_runner: Callable[..., LocalRunner], act: str) -> None:
    with pytest.raises(JobError, match=r"^This measurement is not known here, or no longer"):
        getattr(new_runner(), act)("nobody")


def test_only_so_many_finished_jobs_are_remembered(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner(Limits(kept=1))
    nobody = BenchmarkPlan(models=("nobody",))
    first = runner.submit(nobody, "ada")
    until(runner, first, over)
    second = runner.submit(nobody, "ada")
    until(runner, second, over)
    end = time.monotonic() + PATIENCE
    while len(runner._jobs) > 1:
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.raises(JobError, match="not known here"):
        runner.status(first)
    assert over(runner.status(second))


def test_after_the_end_nothing_is_left(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    job = runner.submit(ENDLESS, "ada")
    waiting = runner.submit(EAGER, "ada")
    until(runner, job, measuring)
    processes = [measuring_process(runner), *measuring_process(runner).children(recursive=True)]
    runner.close()
    runner.close()
    assert runner.status(job).state is JobState.CANCELLED
    assert runner.status(waiting).state is JobState.CANCELLED
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(JobError, match="takes no more measurements"):
        runner.submit(EAGER, "ada")


def test_a_warm_runner_has_its_process_before_the_first_job(new_runner: Callable[..., LocalRunner]) -> None:
    runner = new_runner()
    runner.warm_up()
    end = time.monotonic() + PATIENCE
    while runner._process is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    warm = measuring_process(runner).pid
    until(runner, runner.submit(EAGER, "ada"), over)
    assert measuring_process(runner).pid == warm
