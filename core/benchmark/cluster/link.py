"""A connection to a Dask scheduler, used within one event loop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from core import wire
from core.benchmark.cluster import station
from core.benchmark.cluster.fleet import DaskWorker
from core.benchmark.cluster.station import RESOURCE, Description, Order, Outcome
from core.benchmark.coordinator import read_line
from core.benchmark.fairness import FairnessRow
from core.benchmark.method import Progress
from core.benchmark.report import CaseReport
from core.benchmark.search.findings import Tried
from core.benchmark.tasks import Part

CONNECT_SECONDS: Final = 5.0
"""How long the scheduler may take to answer."""
DESCRIBE_SECONDS: Final = 60.0
"""How long a worker may take to say what it is: it imports PyTorch for that."""
_LOG: Final = logging.getLogger(__name__)


class LinkError(Exception):
    """The scheduler cannot be reached, or no longer."""


class WorkerLostError(Exception):
    """The worker is gone, or is another than it was."""


class Link:
    """A connection; when it is lost, a new one is made.

    Args:
        scheduler: its address.
        topic: where this app's workers publish progress.
        hear: is told a ticket, and its progress or a part of what is found.
    """

    def __init__(self, scheduler: str, topic: str, hear: Callable[[str, Progress | Part], object]) -> None:
        self._scheduler = scheduler
        self._topic = topic
        self._hear = hear
        # Dask's types are not there where Dask is not.
        self._client: Any = None
        self._stream: Any = None
        self._number: str | None = None

    async def open(self) -> None:
        """Connects.

        Raises:
            LinkError: if that cannot be done.
        """
        import distributed

        new: Any = distributed.Client
        self._client = new(
            self._scheduler,
            asynchronous=True,
            set_as_default=False,
            timeout=CONNECT_SECONDS,
            name="under-the-hood",
        )
        try:
            await self._client
            self._stream = self._client.scheduler_comm
            self._number = (await self._identity())["id"]
            self._client.subscribe_topic(self._topic, self._event)
        except LinkError:
            raise
        except Exception as error:
            raise LinkError(" ".join(str(error).split())[:300]) from error

    async def workers(self) -> dict[str, DaskWorker]:
        """The cluster's workers now, by their addresses; what they say of themselves is not known here.

        Raises:
            LinkError: if the scheduler is gone, or is another one.
        """
        seen = await self._identity()
        # Dask connects again by itself, but nothing is subscribed to then and all outcomes are lost.
        if seen["id"] != self._number or self._client.scheduler_comm is not self._stream:
            raise LinkError("The scheduler was lost.")
        return {
            address: DaskWorker(
                address,
                benchmarks=float((each.get("resources") or {}).get(RESOURCE, 0)),
                # Dask makes a new one for each process.
                process=str(each.get("local_directory")),
                running=each.get("status") == "running",
            )
            for address, each in seen["workers"].items()
        }

    async def describe(self, address: str) -> Description:
        """What a worker says of itself.

        Raises:
            Exception: whatever went wrong there: the app's folder is not where it was started, say.
        """
        async with asyncio.timeout(DESCRIBE_SECONDS):
            found = await self._client.run(station.describe, workers=[address])
        return wire.read(Description, json.loads(found[address]))

    async def warm_up(self, address: str) -> None:
        """Has a worker start the process that measures."""
        with suppress(Exception):  # the first order would tell
            async with asyncio.timeout(DESCRIBE_SECONDS):
                await self._client.run(station.warm_up, workers=[address])

    async def perform(self, address: str, order: Order) -> Outcome:
        """Has a worker do an order; when this is cancelled, the worker stops as soon as it hears of it.

        Raises:
            WorkerLostError: if it is another process by now.
            LinkError: if the scheduler is gone.
            ValueError: if what comes back is no outcome.
        """
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        future = self._client.submit(
            station.perform,
            json.dumps(wire.write(Order, order)),
            key=f"benchmark-{order.ticket}",
            workers=[address],
            allow_other_workers=False,
            resources={RESOURCE: 1},
            retries=0,
            pure=False,
        )
        try:
            outcome = wire.read(Outcome, json.loads(await future))
        except FutureCancelledError as error:
            raise LinkError(str(error)) from error
        except KilledWorker as error:
            raise WorkerLostError(str(error)) from error
        finally:
            future.release()
        if outcome.moved:
            raise WorkerLostError(f"{address} is another process by now.")
        return outcome

    async def give_up(self, address: str, ticket: str) -> None:
        """Has a worker stop an order; nothing happens if it cannot be reached."""
        with suppress(Exception):  # whoever asks waits for the outcome, and not for ever
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.run(station.give_up, ticket, workers=[address])

    async def close(self) -> None:
        """Disconnects, from whatever is left."""
        if self._client is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.close()
        except Exception:  # noqa: BLE001 - the connection may be in any state
            _LOG.debug("a connection to %s did not close in order", self._scheduler, exc_info=True)

    async def _identity(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found: dict[str, Any] = await self._client.scheduler.identity(n_workers=-1)
        except Exception as error:
            raise LinkError(" ".join(str(error).split())[:300]) from error
        return found

    def _event(self, event: tuple[float, Any]) -> None:
        _, said = event
        try:
            ticket = wire.read(str, said["ticket"])
            line = read_line(json.loads(wire.read(str, said["line"])))
        except (ValueError, LookupError, TypeError):
            _LOG.warning("not what a worker says: %.200r", said)
            return
        if isinstance(line, Progress | CaseReport | FairnessRow | Tried):
            self._hear(ticket, line)
