"""The benchmark of the sandbox with small counts: that its parts add up, not how fast this machine is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench import sandbox
from bench.registry import Table
from bench.sandbox import (
    Crowd,
    Memory,
    Starts,
    computing,
    crowd,
    crowd_table,
    memory,
    starts,
    starts_table,
    workers,
)
from core.sandbox.pool import PoolSettings
from core.sandbox.result import Limit
from core.sandbox.service import Sandbox
from tests.native import native


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the interpreter is compiled already."""
    found = tmp_path / "sandbox"
    found.mkdir(mode=0o700)
    shutil.copy(native(), found)
    return found


@pytest.fixture
def made(folder: Path) -> Iterator[Sandbox]:
    one = Sandbox(folder, PoolSettings(1))
    yield one
    one.close()


def test_what_is_done_once_is_timed_one_by_one(folder: Path) -> None:
    table = sandbox.once_table(folder)
    assert [row[0] for row in table.rows] == [
        "compile and keep", "find, at the next start", "first result of a new worker",
    ]  # fmt: skip
    assert all(isinstance(row[1], float) and row[1] > 0.0 for row in table.rows)
    assert f"{native().stat().st_size / 2**20:.1f} MiB" in table.notes[0]


def test_the_script_is_timed_as_often_in_both_places(made: Sandbox) -> None:
    found = starts(made, 3)
    assert (len(found.sandbox), len(found.guest), len(found.host)) == (3, 3, 3)
    # The program's own time is a part of the time from start to result.
    assert all(0.0 < own < whole for own, whole in zip(found.guest, found.sandbox, strict=True))
    assert min(found.host) > 0.0


@pytest.mark.parametrize(("host", "met"), [(0.013, True), (0.012, False)])
def test_the_target_is_four_times_the_host(host: float, met: bool) -> None:
    table = starts_table(Starts((0.05, 0.05), (0.04, 0.04), (host, host)))
    (target,) = table.targets
    assert target.met is met
    assert target.text.startswith(f"at most 4 times this machine's Python: {0.05 / host:.2f} (")
    assert [row[2] for row in table.rows] == [50.0, 40.0, 1_000 * host]
    assert "10.00 ms at the median" in table.notes[1]


def test_the_loop_ends_by_its_fuel(made: Sandbox) -> None:
    result = computing(made, 300_000_000)
    assert result.limit is Limit.FUEL
    assert 290_000_000 < result.fuel_used <= 300_000_000
    (row,) = sandbox.computing_table(result).rows
    assert row[2] == pytest.approx(result.fuel_used / 1e6 / result.seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own memory and its peak")
def test_a_worker_s_memory_is_its_own_and_shared(made: Sandbox, folder: Path) -> None:
    beside = Sandbox(folder, PoolSettings(1))
    beside.start(sandbox.asked("print(1)")).wait(60)
    before = {worker.pid for worker in workers()}
    found = memory(made, runs=1)
    assert before < {worker.pid for worker in workers()}
    beside.close()
    assert 4 * 2**20 < found.idle < 2**28
    assert 0 < found.shared < 2**28
    assert found.running is not None
    assert 2**20 < found.running < 2**28


def test_memory_that_the_system_does_not_tell_is_left_out() -> None:
    assert sandbox.memory_table(Memory(2**20, 2**21, None)).rows == ((1.0, 2.0, None),)


def test_everyone_of_a_crowd_has_the_right_answer_and_no_worker_is_left(folder: Path) -> None:
    before = {worker.pid for worker in workers()}
    found = crowd(folder, 2, 5)
    assert (found.at_once, len(found.waits), len(found.totals), found.right) == (2, 5, 5, 5)
    assert all(0.0 < wait < total for wait, total in zip(found.waits, found.totals, strict=True))
    _, alive = psutil.wait_procs([each for each in workers() if each.pid not in before], timeout=10)
    assert alive == []


def test_a_wrong_answer_misses_the_target() -> None:
    table = crowd_table([Crowd(2, (1.0, 3.0), (2.0, 4.0), 1)])
    (target,) = table.targets
    assert (target.met, target.text) == (False, "every visitor has their own right answer; wrong: 1")
    (row,) = table.rows
    assert row == pytest.approx((2, 2, 1, 2.0, 2.9, 3.0, 4.0))


def test_the_command_s_options_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, int]] = []

    def run(**options: int) -> list[Table]:
        asked.append(options)
        return []

    monkeypatch.setattr(sandbox, "run", run)
    assert sandbox.run_with(["--rounds", "3"]) == []
    assert asked == [{"rounds": 3, "visitors": sandbox.VISITORS}]
