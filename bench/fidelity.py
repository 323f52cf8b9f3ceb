"""Whether the benchmark says what is true.

Its medians beside those of others who time the same calls, its verdict on engines that are equal and that are
not, and what a neighbor makes of both.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bench.fidelity_beside import Beside, beside, beside_table
from bench.fidelity_medians import Medians, Subject, medians, medians_table
from bench.fidelity_neighbor import timed_visits
from bench.fidelity_verdicts import simulated, timed_comparisons
from bench.fidelity_within import Within, within, within_table
from bench.registry import Table
from core import zoo

REPEATS: Final = 100
TURNS: Final = 6
COMPARISONS: Final = 5
PROCESSES: Final = 5
VISITS: Final = 5
SIMULATED: Final = 400
MODELS: Final = ("simple_mlp", "mlp", "cnn", "transformer")
BATCHES: Final = (1, 16)
THREADS: Final = (1,)


class Part(StrEnum):
    """What can be measured by itself."""

    BESIDE = "beside"
    WITHIN = "within"
    MEDIANS = "medians"
    VERDICTS = "verdicts"
    NEIGHBOR = "neighbor"


def run(
    *,
    parts: Sequence[Part] = tuple(Part),
    repeats: int = REPEATS,
    processes: int = PROCESSES,
    comparisons: int = COMPARISONS,
    turns: int = TURNS,
    visits: int = VISITS,
    simulations: int = SIMULATED,
    models: Sequence[str] = MODELS,
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int] = THREADS,
) -> list[Table]:
    """Measure; about a quarter of an hour with all that is asked for by default, on two cores.

    Args:
        parts: which of the measurements.
        repeats: how many comparisons of equal and unequal engines.
        processes: in how many our blocks and theirs are timed side by side, per model, batch and threads.
        comparisons: in how many of the app's own others time the same calls, per model, batch and threads.
        turns: how often our medians and theirs are taken, per model, batch and number of threads.
        visits: how often a neighbor comes, of each size.
        simulations: how many comparisons are drawn at random per line.
        models: of the zoo, whose medians are taken.
        batches: at which.
        threads: with how many.
    """
    tables: list[Table] = []
    subjects = list(itertools.starmap(Subject, itertools.product(models, batches, threads)))
    if Part.BESIDE in parts:
        pairs: list[Beside] = []
        start = time.perf_counter()
        for subject in subjects:
            _say(f"blocks of {subject.model}, batch {subject.batch}, threads {subject.threads}")
            pairs += beside(subject, processes)
        tables.append(beside_table(pairs, time.perf_counter() - start))
    if Part.WITHIN in parts:
        shared: list[Within] = []
        start = time.perf_counter()
        for subject in subjects:
            _say(f"comparisons of {subject.model}, batch {subject.batch}, threads {subject.threads}")
            shared += within(subject, comparisons)
        tables.append(within_table(shared, time.perf_counter() - start))
    if Part.MEDIANS in parts:
        found: list[Medians] = []
        start = time.perf_counter()
        for subject in subjects:
            _say(f"medians of {subject.model}, batch {subject.batch}, threads {subject.threads}")
            found += medians(subject, turns)
        tables.append(medians_table(found, turns, time.perf_counter() - start))
    if Part.VERDICTS in parts:
        _say(f"{repeats} comparisons")
        tables += [timed_comparisons(repeats), simulated(simulations)]
    if Part.NEIGHBOR in parts:
        _say(f"{visits} visits of a neighbor")
        tables.append(timed_visits(visits))
    return tables


def run_with(arguments: Sequence[str]) -> list[Table]:
    """Measure what the command's arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench fidelity")
    parser.add_argument("--parts", nargs="+", type=Part, choices=tuple(Part), default=tuple(Part))
    parser.add_argument("--repeats", type=int, default=REPEATS, help="comparisons of known engines")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="with our blocks and theirs")
    parser.add_argument("--comparisons", type=int, default=COMPARISONS, help="in which others time the same")
    parser.add_argument("--turns", type=int, default=TURNS, help="of ours and theirs, per model and batch")
    parser.add_argument("--visits", type=int, default=VISITS, help="of a neighbor")
    parser.add_argument("--models", nargs="+", choices=zoo.names(), default=MODELS, metavar="MODEL")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--threads", nargs="+", type=int, default=THREADS)
    return run(**vars(parser.parse_args(arguments)))


def _say(what: str) -> None:
    """Tells whoever waits; the tables go to the standard output."""
    print(what, file=sys.stderr, flush=True)
