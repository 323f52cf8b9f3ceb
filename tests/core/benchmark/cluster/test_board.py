import json
import time

import pytest

from core.benchmark import tasks
from core.benchmark.cluster.board import Board
from core.benchmark.cluster.fleet import DaskWorker, Host
from core.benchmark.cluster.station import Description, Outcome
from core.benchmark.configuration import Configuration
from core.benchmark.jobs import JobError, JobState, Limits
from core.benchmark.machines import ANYWHERE, EVERYWHERE, Where
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, Report
from core.benchmark.search.findings import SearchReport, Tried
from core.benchmark.search.space import SearchPlan
from core.engines.engine import EngineKind, EngineOptions

CASE = CaseReport(
    model="mlp", seed=1, batch=2, threads=1, baseline="eager", twin="", engines=(), floor=None, rounds=(),
    caveats=(), complete=True,
)  # fmt: skip
FOUND = Outcome((json.dumps({"result": tasks.write_result(Report((CASE,), 1.0, complete=True))}),))


def host(name: str, cores: int = 2) -> Host:
    description = Description(name, name, name, cores, "")
    return Host(name, (DaskWorker(f"tcp://{name}:1", 1, description=description),))


A, B = host("A"), host("B")


def board(*hosts: Host, limits: Limits | None = None) -> Board:
    made = Board(limits or Limits(), "Connecting.", return_seconds=0.0)
    if hosts:
        made.see(hosts)
    return made


def test_before_there_is_a_cluster_jobs_wait_and_say_why() -> None:
    empty = board()
    job = empty.submit(BenchmarkPlan(), "ada", Where("A"))
    assert empty.problem == "Connecting."
    assert empty.status(job).notes == ("Connecting.",)
    assert empty.status(job).state is JobState.QUEUED


def test_a_part_that_was_lost_waits_for_another_machine() -> None:
    both = board(A, B)
    job = both.submit(BenchmarkPlan(), "ada", ANYWHERE)
    taken = both.take(A)
    assert taken is not None
    both.lose(*taken)
    assert both.take(A) is None
    again = both.take(B)
    assert again == taken
    both.finish(*again, FOUND)
    status = both.status(job)
    assert (status.state, status.machine) == (JobState.DONE, "B")


def test_where_there_is_no_other_machine_it_is_measured_again_on_the_same() -> None:
    one = board(A)
    one.submit(BenchmarkPlan(), "ada", ANYWHERE)
    taken = one.take(A)
    assert taken is not None
    one.lose(*taken)
    assert one.take(A) == taken


def test_a_part_with_many_threads_waits_for_a_machine_with_as_many_cores() -> None:
    large = host("large", cores=8)
    both = board(A, large)
    both.submit(BenchmarkPlan(threads=(8,)), "ada", ANYWHERE)
    assert both.take(A) is None
    both.tend()
    assert both.take(large) is not None


def test_visitors_take_turns_part_by_part() -> None:
    one = board(A)
    sweep = one.submit(BenchmarkPlan(batches=(1, 2, 3)), "ada", ANYWHERE)
    single = one.submit(BenchmarkPlan(batches=(4,)), "bob", ANYWHERE)
    order = []
    while (taken := one.take(A)) is not None:
        order.append(taken[0].number)
        one.finish(*taken, FOUND)
    assert order == [sweep, single, sweep, sweep]


def test_progress_is_the_mean_of_all_parts() -> None:
    both = board(A, B)
    job = both.submit(BenchmarkPlan(batches=(1, 2, 3, 4)), "ada", ANYWHERE)
    first, second = both.take(A), both.take(B)
    assert first is not None
    assert second is not None
    both.hear(first[1], Progress("Round 7", 0.5, None))
    both.finish(*second, FOUND)
    progress = both.status(job).progress
    assert progress is not None
    assert (progress.stage, progress.share) == ("Round 7 on A", (0.5 + 1.0) / 4)
    both.finish(*first, FOUND)
    both.hear(first[1], Progress("Round 8", 0.1, None))
    progress = both.status(job).progress
    assert progress is not None
    assert (progress.stage, progress.share) == ("Waiting for a machine", 0.5)


def test_a_job_for_every_machine_is_for_those_that_are_there_when_it_begins() -> None:
    both = board(A, B)
    job = both.submit(BenchmarkPlan(), "ada", EVERYWHERE)
    for each in (A, B):
        taken = both.take(each)
        assert taken is not None
        both.finish(*taken, FOUND)
    status = both.status(job)
    assert status.state is JobState.DONE
    assert [case.machine for case in status.cases] == ["A", "B"]
    assert status.notes == ()


def test_what_is_no_comparison_has_a_result_per_machine_where_it_ran_on_all() -> None:
    tried = Tried(Configuration(EngineKind.EAGER, EngineOptions()), default=True)
    found = SearchReport(SearchPlan(), None, (), (tried,), (), (), None, 0.0, None, "", 1.0, complete=True)
    outcome = Outcome((json.dumps({"result": tasks.write_result(found)}),))
    both = board(A, B)
    job = both.submit(SearchPlan(), "ada", EVERYWHERE)
    for each in (B, A):
        taken = both.take(each)
        assert taken is not None
        both.hear(taken[1], tried)
        assert tried in both.status(job).parts
        both.finish(*taken, outcome)
    status = both.status(job)
    assert (status.state, status.result) == (JobState.DONE, None)
    assert status.results == (("A", found), ("B", found))
    alone = both.submit(SearchPlan(), "ada", ANYWHERE)
    taken = both.take(A)
    assert taken is not None
    both.finish(*taken, outcome)
    assert (both.status(alone).result, both.status(alone).results) == (found, ())


@pytest.mark.parametrize("on", [ANYWHERE, EVERYWHERE, Where("A")])
def test_a_job_that_is_given_up_before_it_begins_is_over_at_once(on: Where) -> None:
    both = board(A, B)
    job = both.submit(BenchmarkPlan(), "ada", on)
    both.cancel(job)
    status = both.status(job)
    assert (status.state, status.result, status.cases) == (JobState.CANCELLED, None, ())
    assert both.take(A) is None


def test_a_lost_part_of_a_job_that_is_given_up_is_not_measured_again() -> None:
    both = board(A, B)
    job = both.submit(BenchmarkPlan(batches=(1, 2)), "ada", ANYWHERE)
    taken = both.take(A)
    assert taken is not None
    both.cancel(job)
    assert both.status(job).state is JobState.RUNNING
    both.lose(*taken)
    assert both.status(job).state is JobState.CANCELLED
    assert both.take(B) is None


def test_a_pinned_job_whose_machine_stays_away_fails_in_one_line() -> None:
    both = board(A, B, limits=Limits(seconds=0.05))
    job = both.submit(BenchmarkPlan(), "ada", Where("A"))
    both.see((B,))
    assert both.take(B) is None
    assert both.status(job).notes == ("It waits for A, which takes no measurements now.",)
    both.tend()
    assert both.status(job).state is JobState.QUEUED
    time.sleep(0.1)
    both.tend()
    status = both.status(job)
    assert (status.state, status.problem) == (JobState.FAILED, "A was away for 0.05 s.")


def test_while_the_scheduler_is_away_no_machine_counts_as_missing() -> None:
    both = board(A, B, limits=Limits(seconds=0.0))
    job = both.submit(BenchmarkPlan(), "ada", Where("A"))
    both.see((), "The scheduler is away.", connected=False)
    for _ in range(3):
        both.tend()
        time.sleep(0.01)
    assert both.status(job).state is JobState.QUEUED


def test_only_so_many_finished_jobs_are_remembered() -> None:
    one = board(A, limits=Limits(kept=1, per_visitor=9))
    jobs = [one.submit(BenchmarkPlan(), "ada", ANYWHERE) for _ in range(3)]
    for each in jobs[:2]:
        one.cancel(each)
    one.tend()
    with pytest.raises(JobError, match="not known here"):
        one.status(jobs[0])
    assert one.status(jobs[1]).state is JobState.CANCELLED
    assert one.status(jobs[2]).state is JobState.QUEUED
