"""A sweep on one and on three workers of a Dask cluster on this computer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.jobs_sleep import ENGINE, SLEEPS
from bench.measure import ratio, shuffled
from bench.registry import Table, Target
from core import machine
from core.benchmark.cluster.runner import ClusterRunner
from core.benchmark.cluster.station import RESOURCE
from core.benchmark.jobs import JobRunner, JobState, JobStatus
from core.benchmark.machines import ANYWHERE, EVERYWHERE, Where
from core.benchmark.plan import BenchmarkPlan, Method

MACHINES: Final = ("A", "B", "C")
TIMES: Final = 2.5
METHOD: Final = Method(
    block_seconds=0.05, least_rounds=30, most_rounds=30, most_foreign=1.0, least_seconds=0.0,
    warm_seconds=0.05, samples=0,
)  # fmt: skip
"""Two processes sleep for a block each in a round: three seconds in all."""

_ONE: Final = "one worker"
_ALL: Final = f"{len(MACHINES)} workers"
_PATIENCE: Final = 300.0
_LOOK_SECONDS: Final = 0.01
_ROOT: Final = Path(__file__).parent.parent


@contextmanager
def cluster(names: Sequence[str]) -> Iterator[str]:
    """A scheduler and a worker per name, each in a process of its own; its address.

    Raises:
        RuntimeError: if the scheduler does not start.
    """
    with ExitStack() as stack:
        # Short, because sockets are made in it; with it, nobody waits for others who measure here.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        address = f"tcp://127.0.0.1:{port}"
        scheduler = ("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        stack.enter_context(_process(scheduler, folder, "scheduler"))
        _until(lambda: _listens(port), "The scheduler did not start.")
        worker = (
            "dask_worker", address, "--host", "127.0.0.1", "--nthreads", "4", "--no-nanny",
            "--resources", f"{RESOURCE}=1",
        )  # fmt: skip
        for name in names:
            stack.enter_context(_process(worker, folder, name))
        yield address


def sweep(runner: JobRunner, jobs: int, on: Where, method: Method = METHOD) -> float:
    """How long so many independent comparisons take, in seconds.

    Raises:
        RuntimeError: if they are not done.
    """
    start = time.perf_counter()
    job = runner.submit(BenchmarkPlan(batches=tuple(range(1, jobs + 1)), method=method), "bench", on)
    _until(lambda: runner.status(job).state.over, "The sweep did not end.")
    seconds = time.perf_counter() - start
    _done(runner.status(job), jobs if on is not EVERYWHERE else 0)
    return seconds


def sweeps(jobs: int, rounds: int, method: Method = METHOD) -> dict[str, list[float]]:
    """Seconds of a sweep on one worker and on all, one number per round, in an order of its own each.

    Raises:
        RuntimeError: if there is no cluster to be had, or a sweep fails.
    """
    seconds: dict[str, list[float]] = {_ONE: [], _ALL: []}
    where = {_ONE: Where(machine=MACHINES[0]), _ALL: ANYWHERE}
    with cluster(MACHINES) as address:
        runner = ClusterRunner(address, measured=SLEEPS)
        try:
            _until(lambda: _usable(runner) == list(MACHINES), "The workers did not come.", runner)
            # Each worker starts its fork server, which imports PyTorch.
            sweep(runner, 1, EVERYWHERE, method)
            for order in shuffled(list(seconds), rounds):
                for name in order:
                    seconds[name].append(sweep(runner, jobs, where[name], method))
        finally:
            runner.close()
    return seconds


def sweeps_table(seconds: dict[str, list[float]], jobs: int) -> Table:
    """The table of what `sweeps` gave."""
    gain = ratio(seconds[_ONE], seconds[_ALL])
    rounds = len(seconds[_ONE])
    return Table(
        title=f"A sweep of {jobs} independent jobs on a Dask cluster, simulated by a sleep-bound engine",
        columns=("workers", "seconds", "seconds per job"),
        rows=tuple(
            (name, ", ".join(f"{each:.2f}" for each in times), min(times) / jobs)
            for name, times in seconds.items()
        ),
        notes=(
            f"Simulated: the engine sleeps {ENGINE.sleeps * 1e3:g} ms per call and computes nothing.",
            f"So {len(MACHINES)} workers can share this computer's {machine.logical_cores()} cores.",
            "Scheduler, dispatch, worker processes, rounds and reports are the real ones.",
            "Each worker is a process of its own, and counts as a machine of its own by UTH_MACHINE_NAME.",
            f"{rounds} sweeps on one worker and {rounds} on all, in random order; seconds per job: the best.",
        ),
        targets=(
            Target(
                f"{_ALL} at least {TIMES:g} times as fast as one: {gain}",
                met=gain.value >= TIMES,
            ),
        ),
    )


@contextmanager
def _process(words: Sequence[str], folder: Path, name: str) -> Iterator[None]:
    """One of Dask's programs, under the name of a machine; it has ended when this is left."""
    module, *options = words
    environment = os.environ | {
        "UTH_MACHINE_NAME": name,
        "PYTHONPATH": str(_ROOT),
        "TMPDIR": str(folder),
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    }
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - this Python and a module of Dask's, no shell
            [sys.executable, "-m", f"distributed.cli.{module}", *options, "--no-dashboard"],
            cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        # Its whole group: a worker has a fork server with processes of its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _usable(runner: JobRunner) -> list[str]:
    return [each.name for each in runner.machines() if each.usable]


def _until(ready: Callable[[], bool], otherwise: str, runner: JobRunner | None = None) -> None:
    end = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{otherwise} {runner.problem if runner is not None else ''}".strip())
        time.sleep(_LOOK_SECONDS)


def _done(status: JobStatus, jobs: int) -> None:
    """Raises if a sweep is not what was asked for; `jobs` is 0 for as many as there are machines."""
    if status.state is not JobState.DONE:
        raise RuntimeError(f"A sweep is {status.state}: {status.problem or status.notes}")
    if len(status.cases) != (jobs or len(MACHINES)) or not all(each.complete for each in status.cases):
        raise RuntimeError(f"A sweep has {len(status.cases)} comparisons, expected {jobs or len(MACHINES)}.")
