"""Engines of known speed, and some that fail: what the benchmark is held against."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.engines.engine import Array, EngineError, EngineKind, EngineOptions, Fact, InferenceEngine

LATE = 200
"""How many calls one that dies late lives through."""


class KnownEngine(InferenceEngine):
    """Its calls do what `act` does; it gives its input back."""

    kind = EngineKind.EAGER

    def __init__(self, act: Callable[[], object], loading: Callable[[], object] = lambda: None) -> None:
        self._act = act
        self._loading = loading

    def load(self) -> None:
        self._loading()

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        self._act()
        return tuple(each.numpy() for each in inputs)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        return self._act

    def metadata(self) -> Mapping[str, Fact]:
        imported = " ".join(sorted({"torch", "onnxruntime"} & sys.modules.keys()))
        return {"library": "none", "threads": torch.get_num_threads(), "imported": imported}

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Known:
    """A contender of known behaviour.

    Attributes:
        name: of it.
        does: `sleep`, `spin`, or a way to fail.
        seconds: how long a call takes.
        threads: for PyTorch.
        first: how long the first call takes.
    """

    name: str
    does: str = "sleep"
    seconds: float = 0.002
    threads: int = 1
    first: float = 0.0

    @property
    def options(self) -> EngineOptions:
        return EngineOptions(threads=self.threads)

    def open(self) -> InferenceEngine:
        if self.does == "unavailable":
            raise EngineError("There is no such engine here.")
        waits = iter([self.first])
        called = itertools.count(1)

        def act() -> None:
            if self.does == "late" and next(called) > LATE:
                self._die(0)
            getattr(self, f"_{self.does}")(next(waits, 0.0) or self.seconds)

        return KnownEngine(act, lambda: time.sleep(self.seconds))

    def inputs(self) -> tuple[Tensor, ...]:
        return (torch.arange(6.0).reshape(2, 3), torch.tensor([], dtype=torch.float64))

    @staticmethod
    def _sleep(seconds: float) -> None:
        time.sleep(seconds)

    _late = _sleep

    @staticmethod
    def _spin(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    @staticmethod
    def _fail(_: float) -> None:
        raise ValueError("no numbers\ntoday")

    @staticmethod
    def _die(_: float) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @staticmethod
    def _leave(_: float) -> None:
        sys.exit(3)

    @staticmethod
    def _hang(_: float) -> None:
        time.sleep(60)

    @staticmethod
    def _eat(_: float) -> None:
        np.ones(2**28)
