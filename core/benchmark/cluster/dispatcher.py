"""The dispatcher: keeps the connection to the cluster and gives its workers what is on the board."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import secrets
import time
from dataclasses import replace
from typing import Final

from core.benchmark.cluster.board import Board
from core.benchmark.cluster.fleet import DaskWorker, Host, hosts_of
from core.benchmark.cluster.flight import Flight
from core.benchmark.cluster.link import Link, LinkError, WorkerLostError
from core.benchmark.cluster.station import Order
from core.benchmark.local import CANCEL_SECONDS
from core.benchmark.method import Progress
from core.benchmark.tasks import Part, write_plan

RETRY_SECONDS: Final = 2.0
"""How long it waits before it connects again."""
LOOK_SECONDS: Final = 0.5
"""How often it asks which workers there are."""
ABANDON_SECONDS: Final = CANCEL_SECONDS + 5.0
"""How long a worker may take to answer when its job is given up; its own limit comes first."""
_LOG: Final = logging.getLogger(__name__)


class Dispatcher:
    """Gives what is on the board to the cluster's machines, one shard at a time each.

    To be made and run in one event loop.

    Args:
        scheduler: its address.
        board: the jobs.
        measured: `module:function` that measures in place of the coordinator; empty for that.
        warm: whether workers start their measuring process before the first job.
    """

    def __init__(self, scheduler: str, board: Board, measured: str = "", *, warm: bool = False) -> None:
        self._scheduler = scheduler
        self._board = board
        self._measured = measured
        self._warm = warm
        self._topic = f"under-the-hood-{secrets.token_urlsafe(9)}"
        self._workers: dict[str, DaskWorker] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._flights: dict[str, Flight] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._told = ""
        self._broken = False
        self._closed = False

    def wake(self) -> None:
        """There is something new on the board."""
        self._woken.set()

    def close(self) -> None:
        """Has `run` end as soon as no worker has a shard any more."""
        self._closed = True
        self._woken.set()

    async def run(self) -> None:
        """Keeps at it until it is closed."""
        while not self._closed:
            link = Link(self._scheduler, self._topic, self._hear)
            try:
                await self._open(link)
                _LOG.info("connected to the cluster at %s", self._scheduler)
                self._told = ""
                await self._follow(link)
            except LinkError as error:
                # Once is enough: it is tried again every few seconds.
                level = logging.DEBUG if str(error) == self._told else logging.WARNING
                self._told = str(error)
                _LOG.log(level, "no connection to the cluster at %s: %s", self._scheduler, error)
                self._lose_all()
            except Exception:  # noqa: BLE001 - a new connection is made, and the log has it
                _LOG.exception("the connection to the cluster at %s failed", self._scheduler)
                self._lose_all()
            finally:
                await link.close()
            await self._rest(RETRY_SECONDS)

    async def _open(self, link: Link) -> None:
        """Connects, and looks after the jobs meanwhile.

        Raises:
            LinkError: if that cannot be done, or need not be any more.
        """
        opening = asyncio.create_task(link.open())
        while not opening.done():
            await asyncio.wait({opening}, timeout=LOOK_SECONDS)
            self._board.tend()
            if self._closed and opening.cancel():
                raise LinkError("It is closed before it is connected.")
        await opening

    async def _follow(self, link: Link) -> None:
        """Works as long as the connection holds.

        Raises:
            LinkError: if it does not.
        """
        looked = -math.inf
        while self._flights or not self._closed:
            if time.monotonic() - looked >= LOOK_SECONDS:
                self._look(link, await link.workers())
                looked = time.monotonic()
            if self._broken:
                self._broken = False
                raise LinkError("A measurement came back without its outcome.")
            self._board.tend()
            self._give_up(link)
            if not self._closed:
                self._give_out(link)
            await self._wait(LOOK_SECONDS)

    async def _rest(self, seconds: float) -> None:
        """Waits before the next try, and looks after the jobs meanwhile."""
        end = time.monotonic() + seconds
        while not self._closed and time.monotonic() < end:
            self._board.tend()
            await self._wait(LOOK_SECONDS)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def _look(self, link: Link, seen: dict[str, DaskWorker]) -> None:
        """Takes in which workers there are: new ones are asked what they are, lost ones are noted."""
        for address, known in list(self._workers.items()):
            if address not in seen or seen[address].process != known.process:
                self._forget(address)
        for address, worker in seen.items():
            known = self._workers.get(address, worker)
            self._workers[address] = replace(known, benchmarks=worker.benchmarks, running=worker.running)
            if known.description is None and address not in self._asking:
                self._asking[address] = asyncio.create_task(self._ask(link, address))
        self._tell_board()

    def _forget(self, address: str) -> None:
        """A worker is gone."""
        self._workers.pop(address, None)
        if (asking := self._asking.pop(address, None)) is not None:
            asking.cancel()
        for flight in list(self._flights.values()):
            if flight.worker.address == address:
                self._land(flight)
                self._board.lose(flight.job, flight.shard)

    async def _ask(self, link: Link, address: str) -> None:
        """Asks a worker what it is; if it cannot say, it is asked again at the next look."""
        try:
            description = await link.describe(address)
        except Exception as error:  # noqa: BLE001 - whatever went wrong there, the page lists it
            _LOG.warning("the worker at %s could not say what it is", address, exc_info=True)
            self._know(address, problem=_cannot_load(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._know(address, description=description, problem="")
            if self._warm and any(host.ready[:1] == (self._workers.get(address),) for host in self._hosts()):
                await link.warm_up(address)
        self._asking.pop(address, None)
        self._woken.set()

    def _hosts(self) -> tuple[Host, ...]:
        return hosts_of(self._workers.values())

    def _know(self, address: str, **news: object) -> None:
        if address in self._workers:
            self._workers[address] = replace(self._workers[address], **news)  # type: ignore[arg-type]
            self._tell_board()
            self._woken.set()

    def _tell_board(self) -> None:
        hosts = self._hosts()
        if any(host.ready for host in hosts):
            problem = ""
        elif not hosts:
            problem = f"The cluster at {self._scheduler} has no workers: start one on each machine."
        else:
            reasons = dict.fromkeys(worker.reason for worker in self._workers.values())
            problem = f"No machine of the cluster at {self._scheduler} can measure now. {' '.join(reasons)}"
        self._board.see(hosts, problem)

    def _give_out(self, link: Link) -> None:
        """Gives each free machine the next shard."""
        busy = {flight.host for flight in self._flights.values()}
        for host in self._hosts():
            if not host.ready or host.name in busy or self._measures(host):
                continue
            if (found := self._board.take(host)) is None:
                continue
            flight = Flight(*found, host.name, host.ready[0], secrets.token_urlsafe(9))
            self._flights[flight.ticket] = flight
            flight.task = asyncio.create_task(self._fly(link, flight))

    def _measures(self, host: Host) -> bool:
        """Whether a worker of a machine measures, whatever the machine was called when it began."""
        addresses = {worker.address for worker in host.workers}
        return any(flight.worker.address in addresses for flight in self._flights.values())

    async def _fly(self, link: Link, flight: Flight) -> None:
        """Waits for what becomes of a shard."""
        board, job, shard, worker = self._board, flight.job, flight.shard, flight.worker
        assert worker.description is not None
        order = Order(
            ticket=flight.ticket,
            station=worker.description.station,
            topic=self._topic,
            plan=json.dumps(write_plan(shard.plan)),
            measured=self._measured,
        )
        try:
            outcome = await link.perform(worker.address, order)
            board.finish(job, shard, outcome)
        except WorkerLostError:
            # Whoever answers at this address now is asked what it is.
            self._workers.pop(worker.address, None)
            board.lose(job, shard)
        except LinkError:
            self._broken = True
            board.restart(job, shard)
        except ValueError:
            _LOG.exception("an order or its outcome could not be read")
            board.fail(
                job,
                shard,
                f"The worker on {flight.host} runs another version of this app: update both to the same.",
            )
        except Exception as error:  # noqa: BLE001 - the shard fails, the others go on
            _LOG.exception("a shard of a job failed")
            board.fail(job, shard, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        self._flights.pop(flight.ticket, None)
        self._woken.set()

    def _give_up(self, link: Link) -> None:
        """Tells workers whose jobs are given up, and leaves those that do not answer."""
        now = time.monotonic()
        for flight in list(self._flights.values()):
            if flight.job.ended_by is None:
                continue
            if flight.told_at is None:
                flight.told_at = now
                errand = asyncio.create_task(link.give_up(flight.worker.address, flight.ticket))
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)
            elif flight.overdue(now, ABANDON_SECONDS):
                self._land(flight)
                self._board.drop(flight.job, flight.shard)

    def _lose_all(self) -> None:
        """The scheduler is gone: nothing is known of the workers, and what they measure is lost."""
        problem = (
            f"The cluster's scheduler at {self._scheduler} cannot be reached: measurements wait, and it is "
            "tried again every few seconds."
        )
        self._board.see((), problem, connected=False)
        for flight in list(self._flights.values()):
            self._land(flight)
            self._board.restart(flight.job, flight.shard)
        for asking in self._asking.values():
            asking.cancel()
        self._asking.clear()
        self._workers.clear()

    def _land(self, flight: Flight) -> None:
        self._flights.pop(flight.ticket, None)
        flight.land()

    def _hear(self, ticket: str, said: Progress | Part) -> None:
        if (flight := self._flights.get(ticket)) is not None:
            self._board.hear(flight.shard, said)


def _cannot_load(error: Exception) -> str:
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}" if str(error) else "no answer"
    if isinstance(error, ImportError):
        return f"A worker cannot load this app: start it in the app's folder ({said})."
    return f"A worker could not say what it is ({said})."
