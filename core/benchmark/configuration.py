"""Configurations: an engine, its settings and a batch, under a name that says them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from core import machine
from core.benchmark.exported import Exported
from core.benchmark.plan import contender, needs_export
from core.benchmark.worker import Runs
from core.engines.engine import EngineKind, EngineOptions, InferenceEngine, Optimization, Spin
from core.engines.ort import PROVIDERS


@dataclass(frozen=True)
class Configuration:
    """One way to run a model.

    Attributes:
        kind: the engine.
        options: its settings.
        batch: how many examples at once.
    """

    kind: EngineKind
    options: EngineOptions
    batch: int = 1

    @property
    def name(self) -> str:
        """All settings in words; no two configurations that differ have the same."""
        options = self.options
        words = [self.kind.value, f"{options.threads} thread{'' if options.threads == 1 else 's'}"]
        if self.kind in PROVIDERS:
            if options.optimization is not Optimization.ALL:
                words.append(f"optimization {options.optimization}")
            if options.spin is not Spin.SHORT:
                words.append(f"spin {options.spin}")
        return ", ".join([*words, f"batch {self.batch}"])

    @property
    def needs_export(self) -> bool:
        """Whether it runs the exported model."""
        return needs_export(self.kind)


@dataclass(frozen=True)
class Named:
    """What a worker runs, under another name."""

    name: str
    runs: Runs

    @property
    def threads(self) -> int:
        """How many compute one operator."""
        return self.runs.threads

    def open(self) -> InferenceEngine:
        """The engine, not loaded yet."""
        return self.runs.open()

    def inputs(self) -> Sequence[Tensor]:
        """What it computes with."""
        return self.runs.inputs()


Maker: TypeAlias = Callable[[Configuration], Runs]
"""What makes a contender of a configuration; its name need not say the settings."""


def contenders(model: str, seed: int, exported: Exported) -> Maker:
    """What makes contenders that run a model of the zoo, all of ONNX Runtime's on the same file."""

    def make(each: Configuration) -> Runs:
        return contender(each.kind, model, seed, each.batch, each.options, exported)

    return make


def default_threads() -> int:
    """How many threads PyTorch and ONNX Runtime take if nothing is said: one per core that may be used."""
    return min(machine.physical_cores(), machine.logical_cores())
