"""A worker that hangs, dies or is not wanted any more is ended: a result, and never an exception."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.sandbox.attendant import Attendant, UnusableError, WorkerError
from core.sandbox.guest import Order
from core.sandbox.orders import FUEL, MAX_FUEL, MEMORY, OUTPUT, SECONDS
from core.sandbox.result import Limit

attendants = importlib.import_module("core.sandbox.attendant")
Make = Callable[[], Attendant]


@pytest.fixture
def attendant(native: Path) -> Iterator[Attendant]:
    made = Attendant(native)
    assert made.wait_until_ready(lambda: True)
    yield made
    made.end()


def order(code: str, **changes: Any) -> Order:  # noqa: ANN401
    usual = {"fuel": FUEL, "memory_bytes": MEMORY, "wall_seconds": SECONDS, "output_bytes": OUTPUT}
    return Order(**({"code": code.encode(), "files": {}, "argv": ()} | usual | changes))


ENDLESS = order("while True: pass", fuel=MAX_FUEL, wall_seconds=30.0)


def always() -> bool:
    return True


def kill_soon(pid: int, how: signal.Signals) -> None:
    timer = threading.Timer(0.4, os.kill, (pid, how))
    timer.daemon = True
    timer.start()


def test_it_runs_programs_and_counts_them(attendant: Attendant) -> None:
    for number in (1, 2):
        result = attendant.run(order(f"print({number})"), always)
        assert result is not None
        assert (result.stdout, result.ok) == (f"{number}\n", True)
        assert attendant.runs == number
    assert attendant.alive


@pytest.mark.parametrize(
    ("how", "crash"),
    [
        (signal.SIGABRT, "It crashed (SIGABRT); the log has what it said."),
        (
            signal.SIGKILL,
            "It was killed from outside, most likely because this machine ran out of memory.",
        ),
    ],
)
def test_one_that_dies_in_a_run_is_a_result(how: signal.Signals, crash: str, attendant: Attendant) -> None:
    kill_soon(attendant.pid, how)
    result = attendant.run(ENDLESS, always)
    assert result is not None
    assert (result.crash, result.limit, result.exit_code, result.ok) == (crash, None, None, False)
    assert not attendant.alive


STOPS = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process for a while"
)


@STOPS
def test_one_that_does_not_answer_in_time_is_ended(
    attendant: Attendant, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = attendant._next

    def hang_when_begun() -> dict[str, Any] | None:
        line = heard()
        if line is not None and "begun" in line:
            os.kill(attendant.pid, signal.SIGSTOP)
        return line

    monkeypatch.setattr(attendant, "_next", hang_when_begun)
    monkeypatch.setattr(attendants, "GRACE_SECONDS", 0.5)
    result = attendant.run(order("while True: pass", fuel=MAX_FUEL, wall_seconds=2.0), always)
    assert result is not None
    assert (result.limit, result.exit_code, result.stdout, result.ok) == (Limit.TIME, None, "", False)
    assert result.seconds >= 2.5
    assert not attendant.alive


@STOPS
def test_time_before_the_program_has_begun_is_none_of_the_program_s(
    attendant: Attendant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendants, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(attendants, "START_SECONDS", 0.5)
    os.kill(attendant.pid, signal.SIGSTOP)
    with pytest.raises(WorkerError) as caught:
        attendant.run(order("print(1)", wall_seconds=0.02), always)
    assert str(caught.value) == "The sandbox did not begin with the program within 0.5 s."
    assert not attendant.alive


def test_one_that_died_before_it_took_the_order_is_no_result(attendant: Attendant) -> None:
    os.kill(attendant.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="killed from outside"):
        attendant.run(order("print(1)"), always)
    assert not attendant.alive


def test_one_that_is_not_wanted_any_more_is_ended(attendant: Attendant) -> None:
    wanted = threading.Event()
    threading.Timer(0.3, wanted.set).start()
    assert attendant.run(ENDLESS, lambda: not wanted.is_set()) is None
    assert not attendant.alive


def test_what_is_no_result_is_a_crash(attendant: Attendant, monkeypatch: pytest.MonkeyPatch) -> None:
    def garbled(_: object) -> None:
        raise ValueError

    monkeypatch.setattr(attendants, "read_result", garbled)
    result = attendant.run(order("print(1)"), always)
    assert result is not None
    assert result.crash == "What the interpreter's process said is no result."
    assert not attendant.alive


def test_code_that_cannot_be_loaded_is_said_with_its_file(folder: Path) -> None:
    (path,) = folder.iterdir()
    path.write_bytes(b"")
    with pytest.raises(UnusableError) as caught:
        Attendant(path).wait_until_ready(always)
    assert caught.value.path == path


def test_one_that_ends_before_it_is_ready_is_said_in_one_line(native: Path) -> None:
    started = Attendant(native)
    os.kill(started.pid, signal.SIGABRT)
    with pytest.raises(WorkerError) as caught:
        started.wait_until_ready(always)
    assert str(caught.value) == "The sandbox could not start. It crashed (SIGABRT); the log has what it said."


def test_one_that_never_gets_ready_is_ended(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendants, "START_SECONDS", 0.3)
    started = Attendant(native)
    os.kill(started.pid, signal.SIGSTOP)
    with pytest.raises(WorkerError, match=r"could not start within 0\.3 s"):
        started.wait_until_ready(always)
    assert not started.alive


def test_who_is_not_wanted_any_more_waits_no_longer(native: Path) -> None:
    started = Attendant(native)
    assert not started.wait_until_ready(lambda: False)
    started.end()


def test_a_process_that_cannot_be_started_is_said_in_one_line(
    native: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(WorkerError, match=r"^No process could be started for it: FileNotFoundError\.$"):
        Attendant(native)
