"""One engine in a process of its own, which is stopped while another one is timed.

`Worker` is the parent's side. A fork server holds PyTorch and ONNX Runtime ready, so that a process is there
in a few hundredths of a second.
"""

from __future__ import annotations

import gc
import itertools
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any, Final, Protocol

import numpy as np
from torch import Tensor

from core.engines.engine import Array, EngineError, Fact, InferenceEngine

MEMORY_BYTES: Final = 4 * 2**30
_CLOSE_SECONDS: Final = 2.0
_DIE_WITH_PARENT: Final = 1  # Linux: PR_SET_PDEATHSIG
_PRELOADED: Final = (
    "torch",
    "onnxruntime",
    "core.benchmark.worker",
    "core.benchmark.plan",
    "core.benchmark.settled",
)


class WorkerError(RuntimeError):
    """An engine that could not be measured any further: one line for a visitor."""


class Runs(Protocol):
    """What a worker runs: an engine with its inputs; it is sent to the process."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def threads(self) -> int:
        """How many compute one operator."""

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet."""

    def inputs(self) -> Sequence[Tensor]:
        """What it computes with."""


@dataclass(frozen=True)
class Loaded:
    """An engine that is ready.

    Attributes:
        load_seconds: what it took to load.
        first_seconds: what its first call took.
        metadata: the engine's facts.
    """

    load_seconds: float
    first_seconds: float
    metadata: Mapping[str, Fact]


@dataclass(frozen=True)
class Block:
    """Calls that were timed together.

    Attributes:
        seconds: for one call, as the mean over all.
        calls: how many.
    """

    seconds: float
    calls: int


@dataclass(frozen=True)
class Memory:
    """What a process holds, resident, in bytes: before it loaded its engine, with it, and at most."""

    before: int
    after: int
    peak: int


class Worker:
    """A process with one engine in it; a context manager that ends it.

    Args:
        runs: the engine and its inputs.
        seconds: how long it may take to load and for its first call, and for any answer later.
        memory_bytes: how much it may allocate. Only where the system can limit that (Linux).
    """

    def __init__(self, runs: Runs, *, seconds: float = 120.0, memory_bytes: int = MEMORY_BYTES) -> None:
        self.name = runs.name
        self._seconds = seconds
        context = process_context()
        self._connection, theirs = context.Pipe()
        self._process = context.Process(  # type: ignore[attr-defined]  # every concrete context has it
            target=_serve, args=(theirs, runs, memory_bytes), daemon=True, name=f"benchmark {runs.name}"
        )
        self._process.start()
        theirs.close()
        self._stopped = False

    @property
    def pid(self) -> int:
        """Its number in the system."""
        pid: int = self._process.pid
        return pid

    def load(self) -> Loaded:
        """Loads the engine, and computes once.

        Raises:
            WorkerError: if that cannot be done, in the engine's words, or the process ended.
        """
        answer = self._ask({"do": "load"})
        return Loaded(answer["load"], answer["first"], answer["metadata"])

    def time(self, calls: int, *, settle: bool = True) -> Block:
        """Times calls, one after the other.

        Args:
            calls: how many.
            settle: whether one call before them is not counted, because the process has been stopped.

        Raises:
            WorkerError: if a call fails, or the process ended.
        """
        return Block(self._ask({"do": "time", "calls": calls, "settle": settle})["seconds"], calls)

    def samples(self, calls: int, seconds: float) -> tuple[float, ...]:
        """What single calls take, each timed by itself, in seconds: one call before them is not counted.

        Reading the clock is in every sample, some hundredth of a microsecond.

        Args:
            calls: how many at most.
            seconds: after how long no further call is made.

        Raises:
            WorkerError: if a call fails, or the process ended.
        """
        return tuple(self._ask({"do": "samples", "calls": calls, "seconds": seconds})["samples"])

    def outputs(self) -> tuple[Array, ...]:
        """What the model gives for its inputs.

        Raises:
            WorkerError: if it cannot be computed, or the process ended.
        """
        return tuple(self._array() for _ in range(int(self._ask({"do": "outputs"})["count"])))

    def memory(self) -> Memory:
        """What the process holds now.

        Raises:
            WorkerError: if the process ended.
        """
        answer = self._ask({"do": "memory"})
        return Memory(answer["before"], answer["after"], answer["peak"])

    def stop(self) -> None:
        """Stops it where it stands: its threads use no processor until `go_on`."""
        if not self._stopped and hasattr(signal, "SIGSTOP"):
            self._signal(signal.SIGSTOP)
        self._stopped = True

    def go_on(self) -> None:
        """Lets it go on."""
        if self._stopped and hasattr(signal, "SIGCONT"):
            self._signal(signal.SIGCONT)
        self._stopped = False

    def close(self) -> None:
        """Ends it; it may have ended already."""
        self.go_on()
        with suppress(OSError):
            self._connection.close()
        self._process.join(_CLOSE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self.go_on()
        try:
            self._connection.send_bytes(json.dumps(order).encode())
        except OSError:
            raise self._ended() from None
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._bytes())
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}")
        return answer

    def _array(self) -> Array:
        head = self._receive()
        return np.frombuffer(self._bytes(), head["dtype"]).reshape(head["shape"])

    def _bytes(self) -> bytes:
        try:
            if self._connection.poll(self._seconds):
                return self._connection.recv_bytes()
        except (EOFError, OSError):
            raise self._ended() from None
        self._process.kill()
        raise WorkerError(f"{self.name} gave no answer for {self._seconds:g} s and was ended.")

    def _ended(self) -> WorkerError:
        self._process.join(_CLOSE_SECONDS)
        code = self._process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                return WorkerError(
                    f"{self.name} crashed or was killed in the middle ({signal.Signals(-code).name})."
                )
        return WorkerError(f"{self.name} ended unexpectedly, with code {code}.")


def warm_server() -> None:
    """Starts the fork server and has it import what engines need; a first process goes through it."""
    process = process_context().Process(target=_nothing)  # type: ignore[attr-defined]  # as above
    process.start()
    process.join()


def begin(threads: int, memory_bytes: int) -> None:
    """What a process of ours does first: it prints nothing, and has its threads and no more than its memory.

    Args:
        threads: for PyTorch.
        memory_bytes: how much it may allocate. Only where the system can limit that (Linux).
    """
    # Whatever a library prints is not for the terminal of whoever measures.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit(memory_bytes)
    import torch

    # This process does one thing alone, and PyTorch has no other way to say it after the fork.
    torch.set_num_threads(threads)


def _nothing() -> None:
    """What the first process does: it is there when the fork server is ready."""


def process_context() -> BaseContext:
    """How processes of ours are started: by the fork server where there is one."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def timed_calls(
    call: Callable[[], object], synchronize: Callable[[], object], calls: int, *, settle: bool
) -> float:
    """What calls take together, one after the other, in seconds; no garbage is collected meanwhile.

    Args:
        call: what is timed.
        synchronize: waits until all that was called is done.
        calls: how many.
        settle: whether one call before them is not counted.
    """
    gc.collect()
    gc.disable()
    try:
        if settle:
            call()
            synchronize()
        # Counting would make a number per call; the timer of the standard library repeats in the same way.
        turns = itertools.repeat(None, calls)
        start = time.perf_counter()
        for _ in turns:
            call()
        synchronize()
        return time.perf_counter() - start
    finally:
        gc.enable()


def _serve(connection: Connection, runs: Runs, memory_bytes: int) -> None:
    """The process: loads the engine and answers until the parent's end closes."""
    begin(runs.threads, memory_bytes)
    server = _Server(connection, runs)
    while True:
        try:
            order = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            server.do(order)
        except (BrokenPipeError, ConnectionResetError):
            return  # whoever asked is gone
        except EngineError as error:
            server.fail(str(error))
        except MemoryError:
            server.fail(
                f"it needed more than {memory_bytes / 2**30:.3g} GiB of memory: take a smaller batch."
            )
        except Exception as error:  # noqa: BLE001 - whatever an engine raises is one line for a visitor
            server.fail(f"{type(error).__name__}: {error}")


class _Server:
    """The engine and what can be asked of it."""

    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs
        self._engine: InferenceEngine | None = None
        self._call: Callable[[], Any] = _nothing
        self._before = _resident()[0]

    def do(self, order: Mapping[str, Any]) -> None:
        match order["do"]:
            case "load":
                self._load()
            case "time":
                self._time(int(order["calls"]), settle=bool(order["settle"]))
            case "samples":
                self._samples(int(order["calls"]), float(order["seconds"]))
            case "outputs":
                self._outputs()
            case "memory":
                after, peak = _resident()
                self._say(before=self._before, after=after, peak=peak)

    def fail(self, error: str) -> None:
        self._say(error=" ".join(error.split())[:500])

    def _load(self) -> None:
        engine, inputs = self._runs.open(), self._runs.inputs()
        start = time.perf_counter()
        engine.load()
        loaded = time.perf_counter()
        self._engine = engine
        self._call = engine.prepare(inputs)
        prepared = time.perf_counter()
        self._call()
        engine.synchronize()
        first = time.perf_counter()
        # What importing and loading left behind is not looked through again.
        gc.collect()
        gc.freeze()
        self._say(load=loaded - start, first=first - prepared, metadata=dict(engine.metadata()))

    def _time(self, calls: int, *, settle: bool) -> None:
        engine, call = self._loaded(), self._call
        self._say(seconds=timed_calls(call, engine.synchronize, calls, settle=settle) / calls)

    def _samples(self, calls: int, seconds: float) -> None:
        engine, call, clock = self._loaded(), self._call, time.perf_counter
        found: list[float] = []
        gc.collect()
        gc.disable()
        try:
            call()
            engine.synchronize()
            end = clock() + seconds
            while len(found) < calls:
                start = clock()
                call()
                engine.synchronize()
                now = clock()
                found.append(now - start)
                if now > end:
                    break
        finally:
            gc.enable()
        self._say(samples=found)

    def _outputs(self) -> None:
        found = self._loaded().predict(self._runs.inputs())
        self._say(count=len(found))
        for array in found:
            self._say(dtype=array.dtype.str, shape=array.shape)
            self._connection.send_bytes(np.ascontiguousarray(array).tobytes())

    def _loaded(self) -> InferenceEngine:
        if self._engine is None:
            raise EngineError("It is not loaded: load it first.")
        return self._engine

    def _say(self, **message: object) -> None:
        self._connection.send_bytes(json.dumps(message).encode())


def _resident() -> tuple[int, int]:
    """Resident memory now and at most, in bytes."""
    import psutil

    now = psutil.Process().memory_info()
    peak = getattr(now, "peak_wset", 0)
    if not peak:
        import resource

        # Linux counts in KiB, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return now.rss, max(peak, now.rss)


def _limit(memory_bytes: int) -> None:
    """Bounds this process's memory, and has it end with the fork server even while it is stopped."""
    if sys.platform != "linux":
        return
    import ctypes
    import resource

    # The fork server lives as long as anyone holds this end of its pipe, and a stopped process never lets go.
    if (alive := getattr(forkserver._forkserver, "_forkserver_alive_fd", None)) is not None:
        os.close(alive)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
