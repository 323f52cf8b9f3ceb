"""What crosses a connection to a real Dask scheduler, and how its loss is told."""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.benchmark.cluster import link as links
from core.benchmark.cluster.link import Link, LinkError, WorkerLostError
from core.benchmark.cluster.station import Order
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport
from core.benchmark.tasks import Part, write_plan
from tests.core.benchmark.cluster.fakes import SLEEPS
from tests.core.benchmark.cluster.real import RESOURCE, Cluster, free_port, plan

Heard = list[tuple[str, Progress | Part]]


def with_link(address: str, act: Callable[[Link, Heard], Awaitable[None]]) -> None:
    """Does something over a new connection, which is closed in the end."""

    async def work() -> None:
        heard: Heard = []
        link = Link(address, f"test-{secrets.token_hex(4)}", lambda *said: heard.append(said))
        try:
            await link.open()
            await act(link, heard)
        finally:
            await link.close()

    asyncio.run(work())


async def first(link: Link) -> str:
    """The address of the first machine's worker, that has its station by now."""
    async with asyncio.timeout(60):
        while True:
            for address in await link.workers():
                if (await link.describe(address)).name == "A":
                    return address
            await asyncio.sleep(0.05)


async def order(link: Link, address: str, wanted: BenchmarkPlan) -> Order:
    station = (await link.describe(address)).station
    written = json.dumps(write_plan(wanted))
    return Order(secrets.token_hex(4), station, link._topic, written, SLEEPS)


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not ready():
            await asyncio.sleep(0.02)


def test_workers_are_listed_with_what_they_take_and_say_what_they_are(two: Cluster) -> None:
    async def act(link: Link, _: Heard) -> None:
        async with asyncio.timeout(60):
            while len(workers := await link.workers()) < 2:
                await asyncio.sleep(0.05)
        assert {each.benchmarks for each in workers.values()} == {1.0}
        assert all(each.running and each.description is None for each in workers.values())
        assert len({each.process for each in workers.values()}) == 2
        said = [replace(await link.describe(each), facts=None) for each in workers]
        assert sorted(each.name for each in said) == ["A", "B"]
        assert len({each.station for each in said}) == 2
        # Asked again, it is the same process.
        assert [replace(await link.describe(each), facts=None) for each in workers] == said

    with_link(two.address, act)


def test_an_order_comes_back_with_its_outcome_and_is_heard_of_meanwhile(two: Cluster) -> None:
    async def act(link: Link, heard: Heard) -> None:
        address = await first(link)
        one = await order(link, address, plan(3, seconds=0.2))
        outcome = await link.perform(address, one)
        assert not outcome.moved
        part, result = (json.loads(each) for each in outcome.lines)
        assert list(part) == ["part"]
        assert list(result) == ["result"]
        await until(lambda: len(heard) == 2)
        assert {ticket for ticket, _ in heard} == {one.ticket}
        progress, case = (said for _, said in heard)
        assert progress == Progress("Sleeping", 0.5, None)
        assert isinstance(case, CaseReport)
        assert case.batch == 3

    with_link(two.address, act)


def test_an_order_for_another_process_is_a_loss_and_nothing_is_measured(two: Cluster) -> None:
    async def act(link: Link, heard: Heard) -> None:
        address = await first(link)
        other = replace(await order(link, address, plan(seconds=60)), station="whoever was here before")
        with pytest.raises(WorkerLostError, match=r"is another process by now\.$"):
            await link.perform(address, other)
        assert heard == []

    with_link(two.address, act)


def test_an_order_that_is_given_up_ends_at_once_with_what_it_has(two: Cluster) -> None:
    async def act(link: Link, heard: Heard) -> None:
        address = await first(link)
        one = await order(link, address, plan(seconds=60))
        task = asyncio.create_task(link.perform(address, one))
        await until(lambda: bool(heard))
        await link.give_up(address, one.ticket)
        outcome = await asyncio.wait_for(task, 30)
        assert json.loads(outcome.lines[0])["part"]

    with_link(two.address, act)


def test_an_order_that_nobody_waits_for_frees_its_worker(two: Cluster) -> None:
    async def act(link: Link, heard: Heard) -> None:
        address = await first(link)
        task = asyncio.create_task(link.perform(address, await order(link, address, plan(seconds=60))))
        await until(lambda: bool(heard))
        task.cancel()
        # The worker takes one at a time: this one would wait for the other's minute.
        outcome = await asyncio.wait_for(
            link.perform(address, await order(link, address, plan(seconds=0))), 30
        )
        assert outcome.lines

    with_link(two.address, act)


def test_what_cannot_be_told_to_a_worker_is_let_be(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(links, "DESCRIBE_SECONDS", 1.0)

    async def act(link: Link, _: Heard) -> None:
        await link.give_up("tcp://127.0.0.1:1", "ticket")
        await link.warm_up("tcp://127.0.0.1:1")

    with_link(two.address, act)


def test_where_no_scheduler_answers_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CONNECT_SECONDS", 0.5)

    async def act(_: Link, __: Heard) -> None:
        raise AssertionError("it is open")

    with pytest.raises(LinkError) as caught:
        with_link(f"tcp://127.0.0.1:{free_port()}", act)
    assert "\n" not in str(caught.value)


def test_a_connection_that_was_never_open_can_be_closed() -> None:
    asyncio.run(Link("tcp://127.0.0.1:1", "topic", print).close())


def test_a_scheduler_that_is_lost_in_the_middle_is_told(cluster: Cluster) -> None:
    async def act(link: Link, heard: Heard) -> None:
        address = await first(link)
        one = await order(link, address, plan(seconds=60))
        task = asyncio.create_task(link.perform(address, one))
        await until(lambda: bool(heard))
        cluster.kill("scheduler")
        with pytest.raises(LinkError):
            await link.workers()
        # Another one at its address knows nothing of what was asked of the first.
        cluster.start_scheduler()
        with pytest.raises(LinkError):
            await asyncio.wait_for(task, 60)
        with pytest.raises(LinkError):
            await link.workers()

    cluster.start_scheduler()
    cluster.start_worker("A", *RESOURCE)
    with_link(cluster.address, act)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "text",
        {},
        {"ticket": 1, "line": "{}"},
        {"ticket": "t", "line": "no JSON"},
        {"ticket": "t", "line": '{"progress": 1}'},
    ],
)
def test_what_no_worker_says_is_logged_and_not_heard(said: object, caplog: pytest.LogCaptureFixture) -> None:
    heard: Heard = []
    link = Link("tcp://127.0.0.1:1", "topic", lambda *each: heard.append(each))
    with caplog.at_level(logging.WARNING, "core.benchmark.cluster.link"):
        link._event((0.0, said))
    assert heard == []
    assert "not what a worker says" in caplog.text


@pytest.mark.parametrize("line", ['{"failed": "No luck."}', '{"ready": true}'])
def test_what_comes_with_the_outcome_is_not_heard_of_before(line: str) -> None:
    heard: Heard = []
    link = Link("tcp://127.0.0.1:1", "topic", lambda *each: heard.append(each))
    link._event((0.0, {"ticket": "t", "line": line}))
    assert heard == []
