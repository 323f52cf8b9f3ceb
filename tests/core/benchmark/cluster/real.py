"""A real Dask cluster on this computer: a scheduler and workers, each in a process of its own."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from core.benchmark.cluster.runner import ClusterRunner
from core.benchmark.jobs import JobRunner, JobStatus
from core.benchmark.plan import BenchmarkPlan, Method
from core.process import ROOT
from tests.core.benchmark.cluster.fakes import DIARY, Entry

PATIENCE = 120.0
NewRunner = Callable[..., ClusterRunner]
RESOURCE = ("--resources", "BENCHMARK=1")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Cluster:
    """Its processes; all of them have ended when it is left."""

    def __init__(self, folder: Path) -> None:
        self.diary = folder / "diary"
        self.port = free_port()
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._folder = folder
        # With it, nobody waits for others who measure on this computer. Short: sockets are made in it.
        self._temporary = tempfile.TemporaryDirectory()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), name="scheduler"
        )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < end
                assert self.scheduler.poll() is None, (self._folder / "scheduler.log").read_text()
                time.sleep(0.05)
            else:
                return

    def start_worker(
        self, name: str, *options: str, machine: str | None = None, path: Path | None = None
    ) -> None:
        """Starts one that takes benchmarks unless `options` say something else; `machine` is its name."""
        self.workers[name] = self._start(
            "dask_worker", self.address, "--host", "127.0.0.1", "--nthreads", "4", "--no-nanny",
            *(options or RESOURCE),
            name=name,
            machine=machine or name,
            path=path,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """`kill -9` of a worker, or of the scheduler."""
        process = self.scheduler if name == "scheduler" else self.workers.pop(name)
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for process in [*self.workers.values(), self.scheduler]:
            if process is not None and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            if process is not None:
                process.wait(PATIENCE)
        self._temporary.cleanup()

    def _start(
        self, module: str, *options: str, name: str, machine: str = "", path: Path | None = None
    ) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "UTH_MACHINE_NAME": machine,
            DIARY: str(self.diary),
            "PYTHONPATH": os.pathsep.join(map(str, [path, ROOT] if path else [ROOT])),
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
            "TMPDIR": self._temporary.name,
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *options, "--no-dashboard"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def until(runner: JobRunner, job: str, ready: Callable[[JobStatus], bool]) -> JobStatus:
    end = time.monotonic() + PATIENCE
    while not ready(status := runner.status(job)):
        assert time.monotonic() < end, (status, runner.problem, runner.machines())
        time.sleep(0.02)
    return status


def over(status: JobStatus) -> bool:
    return status.state.over


def wait_for(ready: Callable[[], bool], runner: JobRunner) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, (runner.problem, runner.machines())
        time.sleep(0.02)


def plan(*batches: int, seconds: float = 0.3) -> BenchmarkPlan:
    """Comparisons that take so long each where `fakes.sleeps` measures."""
    return BenchmarkPlan(batches=batches or (1,), method=Method(least_seconds=seconds))


def measuring(status: JobStatus) -> bool:
    return status.progress is not None and "Sleeping" in status.progress.stage


def usable(runner: JobRunner) -> list[str]:
    return [each.name for each in runner.machines() if each.usable]


def alone(entries: list[Entry]) -> None:
    """Asserts that no machine made two comparisons at the same time."""
    for name in {each.machine for each in entries}:
        mine = sorted((each for each in entries if each.machine == name), key=lambda each: each.begin)
        assert all(one.end <= two.begin for one, two in itertools.pairwise(mine))
