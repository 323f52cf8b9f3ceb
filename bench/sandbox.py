"""What a program in the sandbox costs: time beside this machine's own Python, memory, many at once."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from bench.measure import percentile, ratio, shuffled
from bench.registry import Cell, Table, Target
from core.sandbox.guest import Order
from core.sandbox.orders import FUEL, MEMORY, OUTPUT, SECONDS
from core.sandbox.pool import PoolSettings
from core.sandbox.readiness import MODULE
from core.sandbox.result import Limit, SandboxResult
from core.sandbox.service import Sandbox

ROUNDS: Final = 40
VISITORS: Final = 50
AT_ONCE: Final = (2, 4)
"""How many run at once by default: when hosted, and when local."""
MOST_TIMES: Final = 4.0
COMPUTING: Final = 3_000_000_000
"""The fuel that a loop may use up."""
SCRIPT: Final = """
import abc

class Predictor(abc.ABC):
    @abc.abstractmethod
    def predict(self, x): ...

class Broken(Predictor):
    pass

try:
    Broken()
except TypeError as error:
    print(error)
"""
LOOP: Final = "n = 0\nwhile True:\n    n += 1\n"

_SANDBOX: Final = "sandbox"
_HOST: Final = "python -I -S -c"
_MIB: Final = 2**20
_PATIENCE: Final = 300.0
_RUNS: Final = 5
"""So many runs take a worker clearly more than nothing."""


@dataclass(frozen=True)
class Starts:
    """Seconds from start to result, one per round, and those of the guest alone."""

    sandbox: tuple[float, ...]
    guest: tuple[float, ...]
    host: tuple[float, ...]


@dataclass(frozen=True)
class Memory:
    """Bytes of one worker: its own when idle and when it runs, and what it shares with the others.

    Attributes:
        idle: its own memory between two runs.
        shared: resident, and another worker's too: the compiled interpreter and libraries.
        running: the most that was resident in a run, above what was before it; None where the system
            does not say.
    """

    idle: int
    shared: int
    running: int | None


@dataclass(frozen=True)
class Crowd:
    """What visitors who come at the same moment experience, in seconds; one number per visitor.

    Attributes:
        at_once: how many programs run at a time.
        waits: from the start to the result, without the run itself.
        totals: from the start to the result.
        right: how many had the right answer.
    """

    at_once: int
    waits: tuple[float, ...]
    totals: tuple[float, ...]
    right: int


def run(rounds: int = ROUNDS, visitors: int = VISITORS) -> list[Table]:
    """Measure; about a minute.

    Args:
        rounds: how often the script is started, here and there.
        visitors: how many come at once.
    """
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "sandbox"
        print("compiling the interpreter", file=sys.stderr, flush=True)
        tables = [once_table(folder)]
        made = Sandbox(folder, PoolSettings(1))
        try:
            print(f"{rounds} starts here and there", file=sys.stderr, flush=True)
            tables += [
                starts_table(starts(made, rounds)),
                computing_table(computing(made)),
                memory_table(memory(made)),
            ]
        finally:
            made.close()
        print(f"{visitors} visitors at once", file=sys.stderr, flush=True)
        return [*tables, crowd_table([crowd(folder, at_once, visitors) for at_once in AT_ONCE])]


def run_with(arguments: Sequence[str]) -> list[Table]:
    """Measure what the command's arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench sandbox")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="starts of the script, here and there")
    parser.add_argument("--visitors", type=int, default=VISITORS, help="who come at the same moment")
    return run(**vars(parser.parse_args(arguments)))


def once_table(folder: Path) -> Table:
    """What is done once: compiling, finding what is compiled, starting a worker."""
    rows: list[tuple[Cell, ...]] = []
    for what in ("compile and keep", "find, at the next start"):
        made = Sandbox(folder, PoolSettings(1))
        begin = time.perf_counter()
        made._preparation.wait(_PATIENCE)
        rows.append((what, time.perf_counter() - begin))
        begin = time.perf_counter()
        made.start(asked(SCRIPT)).wait(_PATIENCE)
        first = time.perf_counter() - begin
        made.close()
    (file,) = folder.iterdir()
    return Table(
        title="Once, seconds",
        columns=("what", "seconds"),
        rows=(*rows, ("first result of a new worker", first)),
        notes=(f"The file has {file.stat().st_size / _MIB:.1f} MiB. In processes of their own.",),
    )


def starts(made: Sandbox, rounds: int) -> Starts:
    """The script in the sandbox and in this machine's Python, in random order round by round."""
    found: dict[str, list[float]] = {_SANDBOX: [], _HOST: []}
    guest = []
    _in_sandbox(made)
    _on_host()
    for names in shuffled([_SANDBOX, _HOST], rounds):
        for name in names:
            begin = time.perf_counter()
            if name == _SANDBOX:
                result = _in_sandbox(made)
                guest.append(result.seconds)
            else:
                _on_host()
            found[name].append(time.perf_counter() - begin)
    return Starts(tuple(found[_SANDBOX]), tuple(guest), tuple(found[_HOST]))


def starts_table(found: Starts) -> Table:
    """The table of what `starts` gave."""
    rows = [
        (name, len(each), 1_000 * median(each), 1_000 * percentile(each, 90))
        for name, each in (
            ("sandbox, start to result", found.sandbox),
            ("the program's own run in it", found.guest),
            (_HOST, found.host),
        )
    ]
    times = ratio(found.sandbox, found.host)
    between = 1_000 * (median(found.sandbox) - median(found.guest))
    return Table(
        title="A script with a class and an ABC, start to result, milliseconds",
        columns=("where", "runs", "median", "p90"),
        rows=tuple(rows),
        notes=(
            "In one run and in random order, with a warm worker; a new interpreter each time in both.",
            f"What turns, pipes and JSON add to the program's own run: {between:.2f} ms at the median.",
        ),
        targets=(
            Target(
                f"at most {MOST_TIMES:g} times this machine's Python: {times} times",
                met=times.value <= MOST_TIMES,
            ),
        ),
    )


def computing(made: Sandbox, fuel: int = COMPUTING) -> SandboxResult:
    """A loop that uses up its fuel."""
    result = made.run(asked(LOOP, fuel=fuel))
    if result.limit is not Limit.FUEL:
        raise RuntimeError(f"The loop ended otherwise: {result}")
    return result


def computing_table(result: SandboxResult) -> Table:
    """The table of what `computing` gave."""
    speed = result.fuel_used / result.seconds
    return Table(
        title="A loop until its fuel is used up",
        columns=("million instructions", "seconds", "million a second"),
        rows=((result.fuel_used / 1e6, result.seconds, speed / 1e6),),
        notes=(
            "WebAssembly's instructions, as wasmtime counts them.",
            f"The default, {FUEL / 1e6:,.0f} million, lasts {FUEL / speed:.1f} s at this speed.",
        ),
    )


def memory(made: Sandbox, runs: int = 5) -> Memory:
    """The memory of the sandbox's worker, idle and running the script."""
    worker = _worker_of(made)
    before = worker.memory_full_info()
    running: int | None = None
    if _forget_peak(worker.pid):
        for _ in range(runs):
            _in_sandbox(made)
        running = max(0, _peak(worker.pid) - before.rss)
    after = worker.memory_full_info()
    return Memory(idle=after.uss, shared=after.rss - after.uss, running=running)


def memory_table(found: Memory) -> Table:
    """The table of what `memory` gave."""
    running = None if found.running is None else found.running / _MIB
    return Table(
        title="Memory of a worker, MiB",
        columns=("idle, its own", "idle, shared", "more while it runs the script"),
        rows=((found.idle / _MIB, found.shared / _MIB, running),),
        notes=("Shared: the compiled interpreter and libraries, once for all workers.",),
    )


def crowd(folder: Path, at_once: int, visitors: int) -> Crowd:
    """Visitors who all run a program at the same moment, each another one, in a sandbox with warm workers."""
    made = Sandbox(folder, PoolSettings(at_once, kept=at_once))
    try:
        warm = [made.start(asked("print(1)")) for _ in range(at_once)]
        for each in warm:
            each.wait(_PATIENCE)
        together = threading.Barrier(visitors)

        def visit(number: int) -> tuple[float, float, bool]:
            program = asked(f"{SCRIPT}\nprint({number})")
            together.wait()
            begin = time.perf_counter()
            result = made.run(program, f"visitor {number}")
            total = time.perf_counter() - begin
            return total - result.seconds, total, result.stdout.endswith(f"\n{number}\n")

        with ThreadPoolExecutor(visitors) as threads:
            found = list(threads.map(visit, range(visitors)))
    finally:
        made.close()
    waits, totals, right = zip(*found, strict=True)
    return Crowd(at_once, waits, totals, sum(right))


def crowd_table(found: Sequence[Crowd]) -> Table:
    """The table of what `crowd` gave."""
    rows = tuple(
        (
            each.at_once, len(each.waits), each.right, median(each.waits), percentile(each.waits, 95),
            median(each.totals), max(each.totals),
        )
        for each in found
    )  # fmt: skip
    wrong = sum(len(each.waits) - each.right for each in found)
    return Table(
        title="Visitors who run a script at the same moment, seconds",
        columns=("at once", "visitors", "right", "wait median", "wait p95", "result median", "last result"),
        rows=rows,
        notes=("Each another script, on warm workers. Wait: from start to result without the run itself.",),
        targets=(Target(f"every visitor has their own right answer; wrong: {wrong}", met=wrong == 0),),
    )


def asked(code: str, fuel: int = FUEL) -> Order:
    """A program with the default limits."""
    return Order(code.encode(), fuel, MEMORY, SECONDS, OUTPUT, {}, ())


def workers() -> list[psutil.Process]:
    """The sandboxes' worker processes that this process has."""
    found = []
    for child in psutil.Process().children():
        # It may end in between.
        with suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and MODULE in child.cmdline():
                found.append(child)
    return found


def _worker_of(made: Sandbox) -> psutil.Process:
    """The one that does a sandbox's work: other sandboxes of this process may have some too."""
    before = {worker.pid: _worked(worker) for worker in workers()}
    for _ in range(_RUNS):
        _in_sandbox(made)
    return max(workers(), key=lambda worker: _worked(worker) - before.get(worker.pid, 0.0))


def _worked(worker: psutil.Process) -> float:
    """Seconds that a process has computed; they are counted in hundredths."""
    with suppress(psutil.NoSuchProcess):
        return float(sum(worker.cpu_times()[:2]))
    return 0.0


def _in_sandbox(made: Sandbox) -> SandboxResult:
    result = made.run(asked(SCRIPT))
    if not result.ok or "Can't instantiate" not in result.stdout:
        raise RuntimeError(f"The script gave something else: {result}")
    return result


def _on_host() -> None:
    command = [sys.executable, "-I", "-S", "-c", SCRIPT]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
    if "Can't instantiate" not in found.stdout:
        raise RuntimeError(f"The script gave something else: {found.stdout}")


def _forget_peak(pid: int) -> bool:
    """Has Linux count the most resident memory anew; whether it does."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak(pid: int) -> int:
    """The most resident memory since then, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    return 0
