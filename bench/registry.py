"""The benchmarks by name, and the tables that they give."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Cell = str | int | float | bool | None


class OptionError(ValueError):
    """Arguments for a benchmark that takes none: one line for whoever runs it."""


@dataclass(frozen=True)
class Target:
    """What a measurement should reach, in words with its numbers, and whether it did."""

    text: str
    met: bool


@dataclass(frozen=True)
class Table:
    """One table of results; every row has a cell per column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row that does not fit the columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"{self.title}: got a row of {len(row)} cells, expected {len(self.columns)}: {row}"
                )


@dataclass(frozen=True)
class Benchmark:
    """A measurement that can be run by name.

    `module` has a function `run() -> list[Table]`, and if it takes arguments of the command, another one,
    `run_with(arguments: Sequence[str]) -> list[Table]`.
    """

    module: str
    description: str

    def run(self, arguments: Sequence[str] = ()) -> list[Table]:
        """Import the module only now, so that listing the names stays quick, and measure.

        Raises:
            OptionError: if there are arguments, and this benchmark takes none.
        """
        module = importlib.import_module(self.module)
        if arguments and not hasattr(module, "run_with"):
            raise OptionError(f"got {' '.join(arguments)}, expected no more: this benchmark has no options")
        tables: list[Table] = module.run_with(arguments) if arguments else module.run()
        return tables


BENCHMARKS: Final[Mapping[str, Benchmark]] = MappingProxyType(
    {
        "gradients": Benchmark(
            "bench.gradients", "compare and record: time per operation, against TorchLens"
        ),
        "hooks": Benchmark(
            "bench.hooks", "what recording with hooks costs: bare, TorchLens, model size, memory"
        ),
        "export": Benchmark(
            "bench.export", "what an export takes, per model and exporter; a page while one runs; Netron"
        ),
        "pages": Benchmark(
            "bench.pages", "first paint, change to changed number, and memory, in a real browser"
        ),
        "soak": Benchmark(
            "bench.soak", "many visitors at once, or many visits one by one: errors, words of others, memory"
        ),
        "fidelity": Benchmark(
            "bench.fidelity", "whether the benchmark is right: medians beside others', verdicts, a neighbor"
        ),
        "engines": Benchmark(
            "bench.engines", "the best configuration of every model, against every engine as it is"
        ),
        "jobs": Benchmark(
            "bench.jobs", "what a job costs beside its measurement; a sweep on one and on three Dask workers"
        ),
        "sandbox": Benchmark(
            "bench.sandbox", "a program in the sandbox: beside this machine's Python, memory, many at once"
        ),
        "pickles": Benchmark(
            "bench.pickles", "scanning pickles: time and memory, against picklescan and fickling"
        ),
    }
)
