"""The statistics of a tensor: of a small one counted when someone looks, of a large one when a hook fires.

A reduction takes at least 1.5 microseconds, whatever the size, and the copy of a small tensor not much more.
So a hook copies what is small, and `settle` counts the copies later. What `count_fast` counts is counted by
the hook, while its numbers are in the cache: later it would take twice as long. On a GPU, where there is no
room for copies, `summarize` takes four fast reductions that nobody waits for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BINS: Final = 24
_SMALL: Final = 1e-15  # its square is 1e-30, and float32 is exact to 1e-45 there
_LARGE: Final = 1e14  # float32 holds the sum of ten billion squares of it
EXACT: Final = 16_384
"""Up to how many numbers mean, std and norm are counted in float64."""
SAMPLE: Final = 2_048
"""From how many numbers at least the histogram of a larger tensor is made."""

_PART: Final = 4_096
_ONES: Final = np.ones(_PART, np.float32)
_SQUARES: Final = 131_072
_SPREAD: Final = 0.5
"""From which share of the squared mean on a variance is the mean square less that."""

Numbers: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


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


class _Sampled(Statistics):
    """The same with a sample from which the histogram is counted when someone asks for it."""

    def __init__(self, known: dict[str, object]) -> None:
        # All at once, and past the lock on attributes.
        object.__setattr__(self, "__dict__", known)

    @property
    def histogram(self) -> Histogram:
        """Of the sample's finite numbers."""
        mine = vars(self)
        if "_histogram" not in mine:
            mine["_histogram"] = _histogram(mine.pop("_sample"), self.minimum, self.maximum, mine["_every"])
        counted: Histogram = mine["_histogram"]
        return counted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statistics) and astuple(self) == astuple(other)

    def __hash__(self) -> int:
        return hash(astuple(self))


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
    every = _of_every(count)
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
    lost in rounding, or the numbers so small that their squares are no longer exact.

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
    low, high = float(least), float(largest)
    if variance < 1e-3 * mean * mean or 0 < max(-low, high) < _SMALL:
        return None
    histogram = _histogram(_numbers(sample), low, high, every)
    return Statistics(count, mean, math.sqrt(variance), low, high, float(norm), None, 0, 0, histogram)


def settle(tensors: Sequence[Tensor]) -> list[Statistics]:
    """The statistics of tensors.

    Of up to `EXACT` numbers they are exact but for the rounding of float64. Of more float32 numbers, the mean
    is within 1e-5 of the root mean square, and std and norm are within 1e-4 of themselves. The histogram is
    counted when someone asks for it; from twice `SAMPLE` numbers on, it counts every n-th.

    Args:
        tensors: countable, of any real dtype, device and shape.
    """
    counted = []
    with np.errstate(all="ignore"):
        for tensor in tensors:
            here = tensor if tensor.is_cpu else tensor.to("cpu")
            counted.append(count_fast(here) or _count_all(_numbers(here)))
    return counted


def count_fast(tensor: Tensor) -> Statistics | None:
    """The same of a tensor that is counted in the time of a few copies; None of others.

    That is one of more than `EXACT` float32 numbers on the CPU, all of usual sizes, where rounding does not
    show.

    Args:
        tensor: dense, with numbers: PyTorch raises for one that only stands for a tensor.
    """
    if tensor.numel() <= EXACT or tensor.dtype is not torch.float32 or not tensor.is_cpu:
        return None
    numbers = _numbers(tensor)
    # `numbers.min()` is this after a detour through Python.
    low, high = float(np.minimum.reduce(numbers)), float(np.maximum.reduce(numbers))
    if not (low > -_LARGE and high < _LARGE):  # so of nan too
        return None
    moments = _moments(numbers)
    return None if moments is None else _sampled(numbers, low, high, moments)


def holds_still(tensor: Tensor, counted: Statistics) -> bool:
    """Whether a tensor that `count_fast` counted still has the same mean, std and norm, to the last bit.

    What is written into it past PyTorch's count of versions changes them, unless it only puts the numbers in
    another order, or replaces some that are too small to show in a sum. Where the mean is 0, all signs could
    be turned around unseen, and the answer is no.
    """
    if tensor.dtype is not torch.float32 or tensor.numel() != counted.count:
        return False
    numbers = _numbers(tensor)
    sample = vars(counted).get("_sample")
    if sample is not None and sample.item(0) != numbers.item(0):
        return False  # most often: another tensor, in memory that was free again
    with np.errstate(all="ignore"):
        return counted.mean != 0 and _moments(numbers) == (counted.mean, counted.std, counted.norm)


def _moments(numbers: Numbers) -> tuple[float, float, float] | None:
    """Mean, std and norm of many float32 numbers; None where rounding would show.

    Sums are of parts that are short enough for float32: the mean is within 5e-6 of the root mean square, the
    sum of squares within 4e-5 of itself. Written out: hooks call it for every large tensor.
    """
    count = numbers.size
    left = count % _PART
    whole = numbers[:-left] if left else numbers
    # A product with ones is the fastest sum there is.
    total = sum(whole.reshape(-1, _PART).dot(_ONES).tolist())
    if left:
        total += float(numbers[-left:].dot(_ONES[:left]))
    mean = total / count
    squares = float(numbers.dot(numbers)) if count <= _SQUARES else _sum_of_squares(numbers)
    square = squares / count
    if square < _SMALL**2:
        return None
    variance = square - mean * mean
    if variance < _SPREAD * mean * mean:
        # It is lost in the squares; around the mean it is not.
        middle = np.float32(mean)
        around = _moments(numbers - middle)
        return around and (float(middle) + around[0], around[1], math.sqrt(squares))
    return mean, math.sqrt(variance), math.sqrt(squares)


def _sum_of_squares(numbers: Numbers) -> float:
    left = numbers.size % _SQUARES
    whole = numbers[: numbers.size - left].reshape(-1, _SQUARES)
    total: float = sum(np.vecdot(whole, whole).tolist())
    if left:
        total += float(numbers[-left:].dot(numbers[-left:]))
    return total


def same_numbers(one: Tensor, other: Tensor) -> bool:
    """Whether two float32 tensors on the CPU, laid out alike, hold the same bits. Of others it says no.

    Those that differ are told quickly where they do so at their ends.
    """
    if not (
        one.dtype is other.dtype is torch.float32
        and one.is_cpu
        and other.is_cpu
        and one.shape == other.shape
        and one.stride() == other.stride()
        and one.numel()
    ):
        return False
    mine, its = _bits(one), _bits(other)
    return bool(mine.item(0) == its.item(0) and mine.item(-1) == its.item(-1) and (mine == its).all())


def _bits(tensor: Tensor) -> NDArray[np.int32]:
    bits: NDArray[np.int32] = (tensor.detach() if tensor.requires_grad else tensor).numpy().view(np.int32)
    return bits


def _numbers(tensor: Tensor) -> Numbers:
    """The numbers of a tensor in a row, as float32 or float64, in the order in which they lie in memory."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    if not tensor.is_cpu:
        tensor = tensor.to("cpu")
    if tensor.dtype is not torch.float32:
        tensor = tensor.to(torch.float64)
    numbers: Numbers = tensor.numpy().ravel(order="K")
    return numbers


def _count_all(numbers: Numbers) -> Statistics:
    count = numbers.size
    if not count:
        return _EMPTY
    finite, infinities, nans = numbers, 0, 0
    low, high = float(np.minimum.reduce(numbers)), float(np.maximum.reduce(numbers))
    if not math.isfinite(low) or not math.isfinite(high):
        finite = numbers[np.isfinite(numbers)]
        nans = int(np.count_nonzero(np.isnan(numbers)))
        infinities = count - finite.size - nans
        if not finite.size:
            return replace(_EMPTY, count=count, nans=nans, infinities=infinities)
        low, high = float(finite.min()), float(finite.max())
    moments = _exact_moments(finite.astype(np.float64, copy=False))
    return _sampled(finite, low, high, moments, nans, infinities)


def _sampled(
    finite: Numbers,
    low: float,
    high: float,
    moments: tuple[float, float, float],
    nans: int = 0,
    infinities: int = 0,
) -> _Sampled:
    mean, std, norm = moments
    every = _of_every(finite.size)
    return _Sampled({
        "_sample": finite[::every].copy(),
        "_every": every,
        "count": finite.size + nans + infinities,
        "mean": mean,
        "std": std,
        "minimum": low,
        "maximum": high,
        "norm": norm,
        "zeros": int(np.count_nonzero(finite == 0)) if low <= 0 <= high else 0,
        "nans": nans,
        "infinities": infinities,
    })  # fmt: skip


_EMPTY: Final = Statistics(0, math.nan, math.nan, math.nan, math.nan, 0.0, 0, 0, 0, None)


def _exact_moments(numbers: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, std and norm in two passes."""
    mean = float(numbers.sum()) / numbers.size
    centred = numbers - mean
    std = math.sqrt(float(np.dot(centred, centred)) / numbers.size)
    return mean, std, math.sqrt(float(np.dot(numbers, numbers)))


def _of_every(count: int) -> int:
    """From how many numbers one goes into the histogram; odd, for layers are most often of even widths."""
    return max(1, count // SAMPLE) | 1 if count >= 2 * SAMPLE else 1


def _histogram(sample: Numbers, low: float, high: float, every: int) -> Histogram:
    """A histogram of finite numbers from `low` to `high`; one of `every` is in the sample."""
    low, high = _range(low, high)
    with np.errstate(all="ignore"):
        # Half of everything: the whole width may be more than a float64 holds.
        places = sample * np.float64(0.5)
        places -= low / 2
        places /= high / 2 - low / 2
        places *= BINS
    bins = np.minimum(np.maximum(places, 0), BINS - 1).astype(np.intp)
    return Histogram(low, high, tuple(np.bincount(bins, minlength=BINS).tolist()), every)


def _range(low: float, high: float) -> tuple[float, float]:
    """The ends of a histogram; around a single number, room to either side. (0, 1) if there is none."""
    if not math.isfinite(low) or not math.isfinite(high):
        return 0.0, 1.0
    if low < high and high / 2 - low / 2 > 0:
        return low, high
    room = max(abs(low) * 0.5, 0.5)
    return low - room, high + room
