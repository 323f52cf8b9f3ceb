"""The statistics of a tensor: copied when a hook fires, counted when someone looks.

A reduction costs 1.5 to 100 microseconds each, a copy of up to a hundred thousand numbers less than two of
them. So a hook copies a tensor while there is room, and `settle` counts the copies of a whole run at once,
in float64. Where there is no room, `summarize` counts then and there, from four fast reductions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BINS: Final = 24
SAMPLE: Final = 2_048
"""About how many numbers the histogram of a tensor that was not copied is made from."""


@dataclass(frozen=True)
class Histogram:
    """How the finite numbers of a tensor are spread: `BINS` bins of equal width.

    Attributes:
        low, high: the ends of the first and the last bin.
        counts: how many numbers fell into each.
        of_every: 1 if all numbers were counted, n if only every n-th was.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    of_every: int = 1


@dataclass(frozen=True)
class Statistics:
    """What one tensor holds. Mean, std, min, max and norm are over its finite numbers.

    Attributes:
        count: how many numbers.
        mean, std: std divides by the count (the population's).
        minimum, maximum: nan if there is no finite number.
        norm: the Euclidean norm.
        zeros: how many are exactly 0; None where it was not counted.
        nans, infinities: how many are not numbers, and how many are infinite.
        histogram: None if there is no finite number.
    """

    count: int
    mean: float
    std: float
    minimum: float
    maximum: float
    norm: float
    zeros: int | None
    nans: int
    infinities: int
    histogram: Histogram | None

    @property
    def finite(self) -> bool:
        """Whether all its numbers are finite."""
        return self.nans == 0 and self.infinities == 0


Summary = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]
"""Sum, norm, least and largest number (0-dim tensors), a sample, and the share of numbers in it: 1 in n."""


def countable(tensor: Tensor) -> bool:
    """Whether a tensor has numbers in memory to count: dense and real, not a stand-in without data."""
    return (
        tensor.layout is torch.strided
        and not tensor.is_quantized
        and not tensor.is_meta
        and not tensor.is_complex()
        and not tensor.is_nested
    )


def summarize(tensor: Tensor) -> Summary | None:
    """The fast reductions of a countable floating-point tensor; None if they would not be exact enough."""
    count = tensor.numel()
    if count == 0 or not tensor.is_floating_point():
        return None
    flat = tensor.reshape(-1)
    wide = torch.float32 if flat.element_size() < 4 else flat.dtype
    every = max(1, count // SAMPLE)
    return (
        flat.sum(dtype=wide),
        torch.linalg.vector_norm(flat, dtype=wide),
        flat.amin(),
        flat.amax(),
        flat[::every].clone(),
        every,
    )


def read_summary(count: int, summary: Summary) -> Statistics | None:
    """The statistics in a summary, or None where they need all numbers.

    They do when something in it is not finite, or when the spread is so much smaller than the mean that it is
    lost in rounding.

    Args:
        count: how many numbers the tensor has.
        summary: what `summarize` gave for it.
    """
    total, norm, least, largest, sample, every = summary
    mean = float(total) / count
    square = float(norm) ** 2 / count
    if not math.isfinite(mean) or not math.isfinite(square):
        return None
    variance = square - mean * mean
    if variance < 1e-3 * mean * mean:
        return None
    low, high = float(least), float(largest)
    numbers = sample.to("cpu", torch.float64).numpy()
    counts = tuple(int(inside) for inside in np.histogram(numbers, BINS, _range(low, high))[0])
    return Statistics(
        count, mean, math.sqrt(variance), low, high, float(norm), None, 0, 0,
        Histogram(*_range(low, high), counts, every),
    )  # fmt: skip


def settle(tensors: Sequence[Tensor]) -> list[Statistics]:
    """The statistics of copied tensors, counted together.

    Args:
        tensors: countable, of any real dtype, device and shape.
    """
    found: list[Statistics] = []
    batch: list[NDArray[np.float64]] = []
    room = 0
    for tensor in tensors:
        numbers = tensor.detach().to("cpu", torch.float64).reshape(-1).numpy()
        batch.append(numbers)
        room += numbers.size
        if room > _AT_ONCE:
            found += _count(batch)
            batch, room = [], 0
    return found + _count(batch)


_AT_ONCE: Final = 2**20


def _count(arrays: list[NDArray[np.float64]]) -> list[Statistics]:
    """Statistics per array, by reductions over their concatenation: a constant number of calls."""
    filled = [array for array in arrays if array.size]
    found = iter(_count_filled(filled) if filled else ())
    return [next(found) if array.size else _EMPTY for array in arrays]


_EMPTY: Final = Statistics(0, math.nan, math.nan, math.nan, math.nan, 0.0, 0, 0, 0, None)


def _count_filled(arrays: list[NDArray[np.float64]]) -> list[Statistics]:
    sizes = np.array([array.size for array in arrays])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    numbers = np.concatenate(arrays)
    owner = np.repeat(np.arange(len(arrays)), sizes)

    def add(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(values, starts)

    finite = np.isfinite(numbers)
    nans = add(np.isnan(numbers).astype(np.float64))
    zeros = add((numbers == 0).astype(np.float64))
    kept = add(finite.astype(np.float64))
    clean = np.where(finite, numbers, 0.0)
    some = np.maximum(kept, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        means = add(clean) / some
        spread = np.where(finite, clean - means[owner], 0.0)
        deviations = np.sqrt(add(spread * spread) / some)
        norms = np.sqrt(add(clean * clean))
        lows = np.minimum.reduceat(np.where(finite, numbers, np.inf), starts)
        highs = np.maximum.reduceat(np.where(finite, numbers, -np.inf), starts)
    histograms = _histograms(numbers, finite, owner, lows, highs)
    found = []
    for index, size in enumerate(sizes.tolist()):
        if kept[index]:
            low, high = float(lows[index]), float(highs[index])
            numbers_of = (float(means[index]), float(deviations[index]), low, high, float(norms[index]))
            histogram = Histogram(*_range(low, high), tuple(histograms[index].tolist()))
        else:
            numbers_of, histogram = (math.nan, math.nan, math.nan, math.nan, 0.0), None
        infinities = size - int(kept[index]) - int(nans[index])
        found.append(
            Statistics(size, *numbers_of, int(zeros[index]), int(nans[index]), infinities, histogram)
        )
    return found


def _histograms(
    numbers: NDArray[np.float64],
    finite: NDArray[np.bool_],
    owner: NDArray[np.int64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Counts per array and bin: shape (arrays, BINS)."""
    ends = [_range(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]
    first = np.array([low for low, _ in ends])
    # Half the width at a time: the whole may be more than a float64 holds.
    half = np.array([high / 2 - low / 2 for low, high in ends])
    inside, whose = numbers[finite], owner[finite]
    share = (inside / 2 - first[whose] / 2) / half[whose]
    bins = np.clip((share * BINS).astype(np.int64), 0, BINS - 1)
    counted = np.bincount(whose * BINS + bins, minlength=len(ends) * BINS)
    return counted.reshape(len(ends), BINS)


def _range(low: float, high: float) -> tuple[float, float]:
    """The ends of a histogram; around a single number, room to either side. (0, 1) if there is none."""
    if not math.isfinite(low) or not math.isfinite(high):
        return 0.0, 1.0
    if low < high and high / 2 - low / 2 > 0:
        return low, high
    room = max(abs(low) * 0.5, 0.5)
    return low - room, high + room
