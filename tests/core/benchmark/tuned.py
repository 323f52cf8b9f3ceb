"""Engines whose speed, copies, first call and numbers follow from their settings, known in advance."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from core.engines.engine import Array, EngineError, InferenceEngine
from tests.core.benchmark.known import KnownEngine

BURNS_SECONDS = 1.0
"""For how long the threads of one that spins are busy after a call."""


class TunedEngine(KnownEngine):
    """Sleeps; it gives its input back, times a factor."""

    # In the process of the engines: what one of them does there, the other one feels.
    burning_until: ClassVar[float] = 0.0

    def __init__(self, tuned: Tuned) -> None:
        super().__init__(self._act)
        self._tuned = tuned
        self._first = tuned.first

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        time.sleep(self._tuned.copies)
        self._act()
        return tuple((each * self._tuned.factor).numpy() for each in inputs)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        return self._act

    def _act(self) -> None:
        seconds, self._first = self._first or self._tuned.seconds, 0.0
        if self._tuned.spins:
            TunedEngine.burning_until = time.monotonic() + BURNS_SECONDS
        elif time.monotonic() < TunedEngine.burning_until:
            seconds *= 3
        if self._tuned.works:
            end = time.thread_time() + seconds
            while time.thread_time() < end:
                pass
        else:
            time.sleep(seconds)


@dataclass(frozen=True)
class Tuned:
    """A contender of known behavior.

    Attributes:
        name: of it.
        seconds: what a call takes.
        threads: for PyTorch.
        batch: rows of its input.
        copies: what converting takes, in seconds, where a call does it.
        first: what the first call takes; 0 for as much as any other.
        factor: what its outputs are off by.
        spins: whether its threads are busy after a call; who shares its process takes three times as long.
        works: whether a call uses its seconds of a processor; else it sleeps.
        problem: why it cannot be loaded.
    """

    name: str
    seconds: float
    threads: int = 1
    batch: int = 1
    copies: float = 0.0
    first: float = 0.0
    factor: float = 1.0
    spins: bool = False
    works: bool = False
    problem: str = ""

    def open(self) -> InferenceEngine:
        if self.problem:
            raise EngineError(self.problem)
        return TunedEngine(self)

    def inputs(self) -> tuple[Tensor, ...]:
        return (torch.linspace(0.0, 2.0, 3 * self.batch).reshape(self.batch, 3),)
