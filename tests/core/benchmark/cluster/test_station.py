from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from core import wire
from core.benchmark import tasks
from core.benchmark.cluster import station as side
from core.benchmark.cluster.station import Description, Station, describe, give_up
from core.benchmark.plan import BenchmarkPlan
from core.machine import cpu_model
from core.process import Process, ProcessError
from core.settings import SettingsError

_Found = TypeVar("_Found")


@pytest.fixture(autouse=True)
def _own_lock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits for others who measure on this computer. The path is short: sockets are made in it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield


def run(coroutine: Coroutine[Any, Any, _Found]) -> _Found:
    """What it gives, from a thread: the one that the tests run in may have a loop, for a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def described(worker: SimpleNamespace) -> Description:
    return wire.read(Description, json.loads(run(describe(worker))))


def test_a_worker_says_what_it_is_and_keeps_its_station() -> None:
    worker = SimpleNamespace()
    first = described(worker)
    assert (first.name, first.machine) == (socket.gethostname(), side.host_id())
    assert "PyTorch" in first.about
    # How much memory is free may change in between.
    assert replace(described(worker), facts=None) == replace(first, facts=None)
    assert first.facts is not None
    assert first.facts.cpu == cpu_model()
    assert described(SimpleNamespace()).station != first.station


def test_a_machine_is_called_as_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MACHINE_NAME", "rack 3")
    first, second = described(SimpleNamespace()), described(SimpleNamespace())
    assert (first.name, second.name) == ("rack 3", "rack 3")
    assert first.machine == second.machine != side.host_id()
    monkeypatch.setenv("UTH_MACHINE_NAME", "\t")
    with pytest.raises(SettingsError, match="UTH_MACHINE_NAME"):
        described(SimpleNamespace())


def test_an_order_may_be_given_up_before_it_comes() -> None:
    worker = SimpleNamespace()
    run(give_up("early", worker))
    run(describe(worker))
    run(give_up("ticket", worker))
    station = side._station(worker)
    assert station is not None
    assert station.has_given_up("ticket")
    assert not station.has_given_up("other")


def test_what_cannot_be_started_is_one_line() -> None:
    def refuse() -> Process:
        raise ProcessError("too many")

    said: list[Mapping[str, Any]] = []
    Station(refuse).measure({}, said.append, lambda: False)
    assert said == [{"failed": "The process that measures could not be started; try again."}]


def test_one_process_serves_all_orders_and_is_replaced_when_it_is_killed() -> None:
    station = Station()
    try:
        said: list[Mapping[str, Any]] = []
        nobody = tasks.write_plan(BenchmarkPlan(models=("nobody",)))
        station.warm_up()
        warm = pid(station)
        for _ in range(2):
            station.measure(nobody, said.append, lambda: False)
            assert "nobody" in said[-1]["failed"]
            assert pid(station) == warm
        endless = tasks.write_plan(BenchmarkPlan(models=("scalar_linear",)))
        killer = threading.Timer(1.0, os.kill, (warm, 9))
        killer.start()
        station.measure(endless, said.append, lambda: False)
        assert said[-1] == {
            "failed": "It was killed from outside, most likely because this machine ran out of memory."
        }
        station.measure(nobody, said.append, lambda: False)
        assert "nobody" in said[-1]["failed"]
        assert pid(station) != warm
    finally:
        station.close()
        station.close()


def test_a_process_that_does_not_stop_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side, "CANCEL_SECONDS", 0.0)
    station = Station()
    station.warm_up()
    said: list[Mapping[str, Any]] = []
    start = time.monotonic()
    # Stopped at once: the process has no time to answer.
    station.measure(tasks.write_plan(BenchmarkPlan()), said.append, lambda: True)
    assert time.monotonic() - start < 20
    assert not [line for line in said if "failed" in line]
    process = station._process
    assert process is not None
    assert process.finished
    station.close()


def pid(station: Station) -> int:
    assert station._process is not None
    return station._process.pid
