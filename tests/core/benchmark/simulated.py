"""Rounds on a machine that is made up: known ratios under noise, drift, outliers and a neighbour."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from core.benchmark.rounds import Round, calls_for, orders


@dataclass(frozen=True)
class Machine:
    """What disturbs a measurement.

    Attributes:
        noise: the standard deviation of the logarithm of a block's time.
        bias: the same of a process, for the whole run: two of the same program are not quite equal.
        drift: the same of one step of a random walk that all blocks are on.
        outliers: the share of blocks that a neighbour's burst makes up to three times as long.
        neighbour: the factor by which all takes longer from the middle of the run on.
        stretch: how much longer a process takes while it is on a slower processor: half of the time, for
            about twenty rounds in a row.
    """

    noise: float = 0.03
    bias: float = 0.005
    drift: float = 0.01
    outliers: float = 0.05
    neighbour: float = 1.0
    stretch: float = 0.0

    def run(self, seconds: Mapping[str, float], rounds: int, seed: int) -> list[Round]:
        """Measures engines that take so many seconds per call."""
        chance = random.Random(seed)  # noqa: S311 - statistics, not secrets
        wanted = {name: time * math.exp(chance.gauss(0, self.bias)) for name, time in seconds.items()}
        walk, found = 0.0, []
        slower = {name: chance.random() < 0.5 for name in seconds}
        for number, order in enumerate(orders(list(seconds), rounds, seed)):
            taken = {}
            for name in order:
                walk += chance.gauss(0, self.drift)
                factor = math.exp(walk + chance.gauss(0, self.noise))
                if chance.random() < self.outliers:
                    factor *= chance.uniform(1.2, 3)
                if number >= rounds / 2:
                    factor *= self.neighbour
                slower[name] ^= chance.random() < 0.05
                factor *= 1 + self.stretch * slower[name]
                taken[name] = wanted[name] * factor
            calls = {name: calls_for(time) for name, time in taken.items()}
            found.append(Round(number, taken, calls))
        return found
