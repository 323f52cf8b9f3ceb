"""Programs take turns, workers are kept warm and exchanged, and none is left behind."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.sandbox.guest import Order
from core.sandbox.orders import FUEL, MAX_FUEL, MEMORY, OUTPUT, SECONDS
from core.sandbox.pool import Pool, PoolSettings
from core.sandbox.readiness import Preparation, ReadyState
from core.sandbox.result import SandboxError
from core.sandbox.service import Sandbox
from core.sandbox.turn import Run

Make = Callable[..., Sandbox]


def order(code: str, **changes: Any) -> Order:  # noqa: ANN401
    usual = {"fuel": FUEL, "memory_bytes": MEMORY, "wall_seconds": SECONDS, "output_bytes": OUTPUT}
    return Order(**({"code": code.encode(), "files": {}, "argv": ()} | usual | changes))


ENDLESS = order("while True: pass", fuel=MAX_FUEL, wall_seconds=30.0)


def printed(run: Run) -> str:
    result = run.wait(60)
    assert result is not None, run.problem
    assert result.ok, result
    return result.stdout


# The workers of sandboxes that other tests' pages share.
others: set[int] = set()


def workers() -> set[int]:
    found = set()
    for child in psutil.Process().children():
        try:
            if child.status() != psutil.STATUS_ZOMBIE and "core.sandbox.worker" in child.cmdline():
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found - others


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(autouse=True)
def _none_is_left_behind() -> Any:  # noqa: ANN401
    others.clear()
    others.update(workers())
    yield
    gc.collect()
    assert eventually(lambda: not workers())


def test_a_program_runs_and_its_worker_is_kept_for_the_next(sandbox: Make) -> None:
    made = sandbox(1)
    assert printed(made.start(order("print(1)"))) == "1\n"
    (first,) = workers()
    assert printed(made.start(order("print(2)"))) == "2\n"
    assert workers() == {first}


def test_a_worker_is_ready_before_the_first_program(sandbox: Make) -> None:
    made = sandbox(2)
    made.prepare()
    assert eventually(lambda: len(made.pool._floor._idle) == 1)
    (warm,) = workers()
    assert printed(made.start(order("print(1)"))) == "1\n"
    assert workers() == {warm}


def test_only_so_many_run_at_once_and_the_next_begins_by_itself(sandbox: Make) -> None:
    made = sandbox(2)
    running = [made.start(ENDLESS, name) for name in "ab"]
    third, fourth = made.start(order("print(3)"), "c"), made.start(order("print(4)"), "d")
    assert [run.position for run in (*running, third, fourth)] == [0, 0, 1, 2]
    assert third.wait(0.3) is None
    assert len(workers()) <= 2
    running[0].stop()
    assert (printed(third), printed(fourth)) == ("3\n", "4\n")
    assert (third.position, fourth.position) == (0, 0)


def test_a_program_that_runs_is_stopped(sandbox: Make) -> None:
    made = sandbox(1)
    run = made.start(ENDLESS)
    assert eventually(lambda: bool(workers()))
    assert run.wait(0.5) is None
    assert run.problem == ""
    run.stop()
    assert run.wait(30) is None
    assert run.problem == "It was stopped."
    run.stop()
    assert printed(made.start(order("print('next')"))) == "next\n"


def test_a_program_that_waits_is_stopped_at_once_and_never_runs(sandbox: Make) -> None:
    made = sandbox(1)
    first = made.start(ENDLESS)
    waits, behind = made.start(order("print(2)")), made.start(order("print(3)"))
    waits.stop()
    assert (waits.result, waits.problem, waits.position, behind.position) == (None, "It was stopped.", 0, 1)
    first.stop()
    assert printed(behind) == "3\n"
    assert waits.result is None


def test_a_program_that_nobody_waits_for_any_more_is_stopped(sandbox: Make) -> None:
    made = sandbox(1)
    run, waits = made.start(ENDLESS), made.start(ENDLESS)
    last = made.start(order("print('last')"))
    del run, waits
    gc.collect()
    assert printed(last) == "last\n"


def test_a_worker_that_dies_is_a_result_and_the_next_program_has_another(sandbox: Make) -> None:
    made = sandbox(1)
    assert printed(made.start(order("print(1)"))) == "1\n"
    (first,) = workers()
    run = made.start(ENDLESS)
    assert run.wait(0.3) is None
    os.kill(first, signal.SIGKILL)
    result = run.wait(60)
    assert result is not None
    assert "killed from outside" in result.crash
    assert printed(made.start(order("print(2)"))) == "2\n"
    assert first not in workers()


def test_a_worker_that_died_while_it_was_idle_is_not_asked(sandbox: Make) -> None:
    made = sandbox(1)
    assert printed(made.start(order("print(1)"))) == "1\n"
    (first,) = workers()
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: first not in workers())
    assert printed(made.start(order("print(2)"))) == "2\n"


def test_a_worker_is_exchanged_after_some_runs(sandbox: Make) -> None:
    made = sandbox(1, most_runs=2)
    seen = []
    for number in range(5):
        assert printed(made.start(order(f"print({number})"))) == f"{number}\n"
        assert eventually(lambda: len(workers()) == 1)
        seen.append(next(iter(workers())))
    assert len(set(seen)) == 3


def test_a_worker_that_is_ready_goes_before_one_that_only_starts(sandbox: Make) -> None:
    made = sandbox(2)
    endless = made.start(ENDLESS, "a")
    assert printed(made.start(order("print(1)"), "b")) == "1\n"
    (ready,) = made.pool._floor._idle
    endless.stop()
    assert endless.wait(30) is None
    assert endless.problem == "It was stopped."
    assert list(made.pool._floor._idle)[1:] == [ready]
    assert printed(made.start(order("print(2)"), "a")) == "2\n"
    assert ready.runs == 2


def test_idle_workers_end_and_one_stays(sandbox: Make) -> None:
    made = sandbox(3, idle_seconds=0.5, kept=1)
    runs = [made.start(order("import time; print(1)")) for _ in range(3)]
    assert [printed(run) for run in runs] == ["1\n"] * 3
    assert eventually(lambda: len(workers()) == 1)
    assert printed(made.start(order("print(2)"))) == "2\n"


def test_without_any_that_stay_all_end(sandbox: Make) -> None:
    made = sandbox(2, idle_seconds=0.3, kept=0)
    assert printed(made.start(order("print(1)"))) == "1\n"
    assert eventually(lambda: not workers())
    assert printed(made.start(order("print(2)"))) == "2\n"


def test_a_visitor_s_many_programs_do_not_keep_another_one_waiting(sandbox: Make) -> None:
    made = sandbox(2)
    greedy = [made.start(ENDLESS, "greedy") for _ in range(8)]
    with pytest.raises(SandboxError) as caught:
        made.start(ENDLESS, "greedy")
    assert str(caught.value) == (
        "You have 8 runs going on or waiting, and may have 8: wait for one, or stop one."
    )
    assert printed(made.start(order("print('other')"), "other")) == "other\n"
    assert [run.result for run in greedy] == [None] * 8
    for run in greedy:
        run.stop()
    assert printed(made.start(order("print('again')"), "greedy")) == "again\n"


def test_who_comes_when_too_many_wait_is_told_in_one_line(sandbox: Make) -> None:
    made = sandbox(1, waiting=2)
    held = [made.start(ENDLESS, name) for name in "abc"]
    with pytest.raises(SandboxError) as caught:
        made.start(order("print(1)"), "d")
    assert str(caught.value) == "Busy: 2 runs wait for a place already; try again in a moment."
    assert [run.position for run in held] == [0, 1, 2]


def test_what_runs_and_waits_is_bounded_in_bytes_too(sandbox: Make) -> None:
    made = sandbox(1, held_bytes=3_000)
    files = {"a": bytes(1_000)}
    running = made.start(order("while True: pass", fuel=MAX_FUEL, wall_seconds=30.0, files=files), "a")
    waits = made.start(order("print(2)", files=files), "b")
    held = 2 * 1_001 + len("while True: pass") + len("print(2)")
    with pytest.raises(SandboxError) as caught:
        made.start(order("print(3)", files=files), "c")
    assert str(caught.value) == (
        f"Busy: what runs or waits has {held:,} bytes; with these 1,009 it would have more than 3,000. "
        "Try again in a moment."
    )
    small = made.start(order("print(4)"), "d")
    running.stop()
    assert (printed(waits), printed(small)) == ("2\n", "4\n")
    assert printed(made.start(order("print(3)", files=files), "c")) == "3\n"


def test_who_is_refused_holds_no_bytes(sandbox: Make) -> None:
    made = sandbox(1, waiting=0, held_bytes=1_500)
    running = made.start(ENDLESS, "a")
    for _ in range(2):
        with pytest.raises(SandboxError, match="wait for a place already"):
            made.start(order("print(1)", files={"a": bytes(1_000)}), "b")
    running.stop()
    assert running.wait(30) is None
    assert printed(made.start(order("print(1)", files={"a": bytes(1_000)}), "b")) == "1\n"


def test_damaged_code_is_made_anew_while_the_program_waits(
    sandbox: Make, folder: Path, native: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sandbox(1, folder=folder)
    made.pool.places.ask("", lambda _: None).leave()
    preparation = made._preparation
    path = preparation.wait(60)
    assert path is not None
    path.write_bytes(b"damaged")
    state = importlib.import_module("core.sandbox.readiness")._State
    renewed = []

    def remake(self: Any, _: Path) -> dict[str, str]:  # noqa: ANN401 - private
        # In the place of some seconds of compiling.
        renewed.append(self)
        path.write_bytes(native.read_bytes())
        return {"path": str(path)}

    monkeypatch.setattr(state, "_ask", remake)
    assert printed(made.start(order("print('whole')"))) == "whole\n"
    assert len(renewed) == 1
    assert preparation.readiness().state is ReadyState.READY


def test_code_that_is_always_damaged_is_given_up(
    sandbox: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = folder.iterdir()
    path.write_bytes(b"damaged")
    state = importlib.import_module("core.sandbox.readiness")._State
    monkeypatch.setattr(state, "_ask", lambda *_: {"path": str(path)})
    made = sandbox(1, folder=folder)
    run = made.start(order("print(1)"))
    assert run.wait(60) is None
    assert run.problem in {
        "The compiled interpreter is damaged.",
        "The sandbox is not available: its compiled interpreter cannot be loaded here.",
    }


def test_a_pool_that_nobody_holds_ends_its_workers(native: Path) -> None:
    preparation = Preparation(native.parent)
    pool = Pool(preparation, PoolSettings(2))
    assert printed(pool.start(order("print(1)"))) == "1\n"
    assert workers()
    del pool
    gc.collect()
    assert eventually(lambda: not workers())


def test_a_program_whose_pool_ends_says_so(sandbox: Make) -> None:
    made = sandbox(1)
    running, waits = made.start(ENDLESS), made.start(ENDLESS)
    assert running.wait(0.3) is None
    made.close()
    assert running.wait(30) is None
    assert waits.wait(30) is None
    assert {running.problem, waits.problem} <= {"It was stopped.", "The server ends, and runs nothing more."}
    assert made.pool.places.at_work == 0
    with pytest.raises(SandboxError, match="The server ends"):
        made.start(order("print(1)"))
