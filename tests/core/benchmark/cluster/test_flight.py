"""A flight says when its worker is not waited for any longer, and lets go of what waits."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.cluster.fleet import DaskWorker
from core.benchmark.cluster.flight import Flight
from core.benchmark.cluster.job import Job
from core.benchmark.machines import ANYWHERE
from core.benchmark.plan import BenchmarkPlan


def flight() -> Flight:
    job = Job(BenchmarkPlan(), "ada", ANYWHERE)
    return Flight(job, job.shards[0], "A", DaskWorker("tcp://a:1", 1), "ticket")


@given(st.floats(0, 1e6), st.floats(0, 100))
def test_a_worker_that_was_not_told_to_stop_is_never_overdue(now: float, seconds: float) -> None:
    assert not flight().overdue(now, seconds)


@given(st.integers(0, 10**6), st.integers(0, 100), st.integers(0, 200))
def test_a_worker_that_was_told_is_overdue_after_its_time(told: int, seconds: int, later: int) -> None:
    one = flight()
    one.told_at = float(told)
    assert one.overdue(told + later, seconds) is (later > seconds)


def test_what_waits_for_a_flight_that_lands_is_cancelled() -> None:
    async def waited() -> bool:
        one = flight()
        one.task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        one.land()
        one.land()
        await asyncio.wait({one.task}, timeout=10)
        return one.task.cancelled()

    assert asyncio.run(waited())


def test_a_flight_that_has_not_begun_can_land() -> None:
    one = flight()
    one.land()
    assert one.task is None
