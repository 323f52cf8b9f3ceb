"""Engines whose speed is known: so many matrix products per call, or so long asleep."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from core.engines.engine import Array, EngineKind, Fact, InferenceEngine

SIZE: Final = 64
"""Rows and columns of the matrices: small enough to stay in a core's own cache."""


class KnownEngine(InferenceEngine):
    """Does in each call what it was told to; it gives its inputs back.

    Work is counted, not timed: an engine that watches the clock takes its time whatever a neighbor does.

    Args:
        products: how many matrix products a call computes.
        sleeps: how long a call then sleeps, in seconds.
    """

    kind = EngineKind.EAGER

    def __init__(self, products: int, sleeps: float) -> None:
        self._products = products
        self._sleeps = sleeps
        self._matrices = (torch.empty(0),) * 3

    def load(self) -> None:
        """Makes the matrices."""
        whole = torch.arange(SIZE * SIZE, dtype=torch.float32).reshape(SIZE, SIZE) / SIZE**2
        self._matrices = (whole, whole.T.contiguous(), torch.empty(SIZE, SIZE))

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        """The inputs, after one call."""
        self.prepare(inputs)()
        return tuple(each.numpy() for each in inputs)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """A call."""
        one, two, out = self._matrices
        turns, sleeps = range(self._products), self._sleeps

        def call() -> None:
            for _ in turns:
                torch.mm(one, two, out=out)
            if sleeps:
                time.sleep(sleeps)

        return call

    def metadata(self) -> Mapping[str, Fact]:
        """What a call does."""
        return {"library": "PyTorch", "products": self._products, "sleeps": self._sleeps}

    def close(self) -> None:
        """Nothing is held that matters."""


@dataclass(frozen=True)
class Known:
    """A contender of known speed.

    Attributes:
        name: of it.
        products: matrix products per call.
        sleeps: seconds that a call sleeps.
        threads: for PyTorch.
    """

    name: str
    products: int = 0
    sleeps: float = 0.0
    threads: int = 1

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet."""
        return KnownEngine(self.products, self.sleeps)

    def inputs(self) -> tuple[Tensor, ...]:
        """What it gives back."""
        return (torch.arange(4.0),)
