"""The worker's side: what runs inside each Dask worker.

Dask hands functions over by their names and arguments pickled. Here the functions are those of this module
and the arguments are JSON as text, which is read into typed dataclasses on either side.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from core import machine, settings, wire
from core.benchmark.coordinator import CANCEL, start_coordinator
from core.benchmark.local import CANCEL_SECONDS, START_SECONDS
from core.benchmark.machines import in_words
from core.machine import Machine
from core.process import Process, ProcessError

RESOURCE: Final = "BENCHMARK"
"""The Dask resource that a benchmark takes one of: a worker has one, and so measures one thing at a time."""
TELL_SECONDS: Final = 0.2
"""How long progress waits at least after the last."""
MOST_BYTES: Final = 2**16
"""How long a line may be that is published while the measurement goes on; all come with the outcome."""
_WAIT_SECONDS: Final = 0.2
_ATTRIBUTE: Final = "under_the_hood_station"

Say: TypeAlias = Callable[[Mapping[str, Any]], object]
Stopped: TypeAlias = Callable[[], bool]
Measured: TypeAlias = Callable[[Mapping[str, Any], Say, Stopped], object]
"""What measures: it is given a written plan, says lines as the coordinator does, and asks whether to stop."""


@dataclass(frozen=True)
class Description:
    """What a worker says of itself.

    Attributes:
        station: the number of its process, which no other one has.
        name: of its machine.
        machine: what two workers of one machine have in common, and those of two have not.
        cores: how many threads a benchmark may ask for there.
        about: the machine's devices and libraries, in words.
        facts: the machine itself.
    """

    station: str
    name: str
    machine: str
    cores: int
    about: str
    facts: Machine | None = None


@dataclass(frozen=True)
class Order:
    """What a worker is to measure.

    Attributes:
        ticket: the number of this try.
        station: of the process that it is meant for.
        topic: where Dask should publish progress.
        plan: as `core.benchmark.tasks` writes it, as JSON: the numbers in it come through as they are.
        measured: `module:function`, a `Measured` to be used instead of the coordinator; empty for that.
    """

    ticket: str
    station: str
    topic: str
    plan: str
    measured: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of an order.

    Attributes:
        lines: what the coordinator said, each as JSON, progress left out.
        moved: whether the process is another than it was meant for: then nothing was measured.
    """

    lines: tuple[str, ...] = ()
    moved: bool = False


class Station:
    """What one worker process keeps: the process that measures, and which orders were given up.

    Args:
        start: starts the process that measures.
    """

    def __init__(self, start: Callable[[], Process] = start_coordinator) -> None:
        self.number: Final = secrets.token_urlsafe(12)
        self._start = start
        self._process: Process | None = None
        self._given_up: set[str] = set()
        # A task that was given up may still end while the next one starts.
        self._alone = threading.Lock()

    def give_up(self, ticket: str) -> None:
        """Has an order stopped, now or when it comes."""
        self._given_up.add(ticket)

    def has_given_up(self, ticket: str) -> bool:
        """Whether an order is to be stopped."""
        return ticket in self._given_up

    def measure(self, plan: Mapping[str, Any], say: Say, stopped: Stopped) -> None:
        """Has the coordinator measure, and hands its lines on; the last is a result or why there is none.

        When it is stopped and gives no answer, its process is ended, and there is no last line.
        """
        with self._alone:
            process = self._ready(stopped)
            if process is None:
                say({"failed": "The process that measures could not be started; try again."})
                return
            process.send({"measure": plan})
            told: float | None = None
            while True:
                for line in process.next_lines(_WAIT_SECONDS):
                    say(line)
                    if "result" in line or "failed" in line:
                        return
                if process.finished:
                    say({"failed": process.error or "The process that measures ended unexpectedly."})
                    return
                if told is None and stopped():
                    told = time.monotonic()
                    process.send(CANCEL)
                if told is not None and time.monotonic() - told > CANCEL_SECONDS:
                    process.stop()
                    return

    def warm_up(self) -> None:
        """Starts the process that measures, so that the first order need not wait for it."""
        with self._alone:
            self._ready(lambda: False)

    def close(self) -> None:
        """Ends the process that measures."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _ready(self, stopped: Stopped) -> Process | None:
        if self._process is not None and not self._process.finished:
            return self._process
        try:
            process = self._start()
        except (ProcessError, OSError):
            return None
        end = time.monotonic() + START_SECONDS
        while not process.finished and time.monotonic() < end and not stopped():
            if any("ready" in line for line in process.next_lines(_WAIT_SECONDS)):
                self._process = process
                return process
        process.stop()
        return None


async def describe(dask_worker: Any) -> str:  # noqa: ANN401 - Dask's worker; Dask need not be installed
    """A worker's `Description` as JSON. The first time it gets its station.

    Raises:
        SettingsError: if the machine was given a name that is none.
    """
    station = _station(dask_worker) or Station()
    setattr(dask_worker, _ATTRIBUTE, station)
    named = settings.load().machine_name
    found = await asyncio.to_thread(machine.describe)
    described = Description(
        station=station.number,
        name=named or socket.gethostname(),
        machine=f"named {named}" if named else host_id(),
        cores=found.logical_cores,
        about=in_words(found),
        facts=found,
    )
    return json.dumps(wire.write(Description, described))


async def warm_up(dask_worker: Any) -> None:  # noqa: ANN401 - as above
    """Has a worker's station start the process that measures."""
    if (station := _station(dask_worker)) is not None:
        await asyncio.to_thread(station.warm_up)


async def give_up(ticket: str, dask_worker: Any) -> None:  # noqa: ANN401 - as above
    """Has a worker stop an order; what it measured by then comes back as the order's outcome."""
    if (station := _station(dask_worker)) is not None:
        station.give_up(ticket)


def perform(written: str) -> str:
    """The Dask task: does an `Order` and gives its `Outcome`, both as JSON.

    It stops early when it is given up, when nobody waits for it any more (the app or the scheduler is gone),
    and when the worker ends.

    Raises:
        ValueError: if it is no order.
    """
    from distributed import get_worker

    order = wire.read(Order, json.loads(written))
    worker: Any = get_worker()
    station = _station(worker)
    if station is None or station.number != order.station:
        return json.dumps(wire.write(Outcome, Outcome(moved=True)))
    key = worker.get_current_task()
    lines: list[str] = []
    last = 0.0

    def say(line: Mapping[str, Any]) -> None:
        nonlocal last
        text = json.dumps(dict(line))
        progress = "progress" in line
        if not progress:
            lines.append(text)
        # What is published goes through the scheduler, which keeps some of it.
        if ("part" in line and len(text) <= MOST_BYTES) or (
            progress and time.monotonic() - last >= TELL_SECONDS
        ):
            last = time.monotonic() if progress else last
            worker.log_event(order.topic, {"ticket": order.ticket, "line": text})

    def stopped() -> bool:
        return station.has_given_up(order.ticket) or _abandoned(worker, key)

    measured: Measured = _named(order.measured) if order.measured else station.measure
    measured(json.loads(order.plan), say, stopped)
    return json.dumps(wire.write(Outcome, Outcome(tuple(lines))))


def host_id() -> str:
    """What processes on one computer have in common: Linux's number of this boot, or a network address.

    Containers on one computer share it: they would disturb each other.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{uuid.getnode():x}"


def _station(worker: Any) -> Station | None:  # noqa: ANN401 - as above
    found: Station | None = getattr(worker, _ATTRIBUTE, None)
    return found


def _abandoned(worker: Any, key: str) -> bool:  # noqa: ANN401 - as above
    """Whether nobody waits for a task any more, or its worker ends."""
    task = worker.state.tasks.get(key)
    return (
        worker.status.name not in {"running", "paused"}
        or task is None
        or task.state not in {"executing", "long-running"}
    )


def _named(path: str) -> Measured:
    """The function that `module:function` names."""
    module, _, name = path.partition(":")
    found: Measured = getattr(importlib.import_module(module), name)
    return found
