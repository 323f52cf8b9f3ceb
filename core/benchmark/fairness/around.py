"""Engines around engines: the same engine, used as a careless benchmark uses it.

They exist to show what such a use does to a comparison; a fair one has none of them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from core.benchmark.worker import Runs
from core.engines.engine import Array, EngineError, Fact, InferenceEngine


class AroundEngine(InferenceEngine):
    """Does all that another engine does."""

    def __init__(self, engine: InferenceEngine) -> None:
        self.kind = engine.kind
        self._engine = engine

    def load(self) -> None:
        """Loads the engine."""
        self._engine.load()

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        """The engine's outputs."""
        return self._engine.predict(inputs)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """The engine's own call."""
        return self._engine.prepare(inputs)

    def synchronize(self) -> None:
        """Waits as the engine does."""
        self._engine.synchronize()

    def metadata(self) -> Mapping[str, Fact]:
        """The engine's facts."""
        return self._engine.metadata()

    def close(self) -> None:
        """Closes the engine."""
        self._engine.close()


class ConvertingEngine(AroundEngine):
    """An engine whose calls convert inputs and outputs every time, as `predict` does."""

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """A call with all that a prepared one has done before."""
        return partial(self._engine.predict, inputs)

    def metadata(self) -> Mapping[str, Fact]:
        """The engine's facts, and that each call converts."""
        return {**self._engine.metadata(), "converts": True}


class BesideEngine(AroundEngine):
    """An engine that shares its process with another one, and takes turns with it.

    Whenever the process goes on after it was stopped, the other engine is called for a while before this
    one's next call. So a block of this engine follows one of the other's without a pause, as in a script
    that times both in one process, and whatever the other's threads do when they have nothing to do, they do
    it while this engine is timed.

    Args:
        engine: the one that is timed.
        other: the one beside it.
        inputs: the other's.
        seconds: how long the other is called.
    """

    def __init__(
        self, engine: InferenceEngine, other: InferenceEngine, inputs: Sequence[Tensor], seconds: float
    ) -> None:
        super().__init__(engine)
        self._other = other
        self._inputs = inputs
        self._seconds = seconds
        self._awoken = False
        self._handled_before: Any = None

    def load(self) -> None:
        """Loads both engines, and begins to watch for the process to go on."""
        if not hasattr(signal, "SIGCONT"):
            raise EngineError(
                "This system cannot stop a process and let it go on, by which engines take turns."
            )
        self._other.load()
        self._engine.load()
        self._handled_before = signal.signal(signal.SIGCONT, self._awake)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """The engine's own call, after the other's where it is their turn."""
        mine, theirs = self._engine.prepare(inputs), self._other.prepare(self._inputs)

        def call() -> Any:  # noqa: ANN401 - whatever the engine gives
            if self._awoken:
                self._awoken = False
                end = time.perf_counter() + self._seconds
                while time.perf_counter() < end:
                    theirs()
                self._other.synchronize()
            return mine()

        return call

    def metadata(self) -> Mapping[str, Fact]:
        """The engine's facts, and who is beside it."""
        return {**self._engine.metadata(), "beside": str(self._other.kind)}

    def close(self) -> None:
        """Closes both engines."""
        if self._handled_before is not None:
            signal.signal(signal.SIGCONT, self._handled_before)
            self._handled_before = None
        self._engine.close()
        self._other.close()

    def _awake(self, *_: object) -> None:
        self._awoken = True


@dataclass(frozen=True)
class Around:
    """A contender whose engine goes into another one; to all others it is as without that.

    Attributes:
        runs: the contender.
    """

    runs: Runs

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.runs.name

    @property
    def threads(self) -> int:
        """How many compute one operator."""
        return self.runs.threads

    def inputs(self) -> Sequence[Tensor]:
        """What it computes with."""
        return self.runs.inputs()


@dataclass(frozen=True)
class Converting(Around):
    """A contender whose calls convert inputs and outputs every time."""

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet."""
        return ConvertingEngine(self.runs.open())


@dataclass(frozen=True)
class Beside(Around):
    """A contender that shares its process with another one.

    Attributes:
        runs: the one that is timed.
        other: the one beside it, with as many threads.
        seconds: how long the other is called before each block.
    """

    other: Runs
    seconds: float

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet."""
        return BesideEngine(self.runs.open(), self.other.open(), self.other.inputs(), self.seconds)
