"""The browser's numbers beside the server's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.browser_runtime.outcome import BrowserRun


@dataclass(frozen=True)
class Difference:
    """How far an output of the browser's is from the expected one.

    Attributes:
        name: the output.
        shape: the browser's; None if it has no such output.
        expected_shape: the server's.
        max_absolute: the largest difference; infinite where only one side is a finite number, NaN when the
            shapes differ.
        max_relative: the largest difference in units of the expected value; infinite where that is zero and
            the browser's is not.
    """

    name: str
    shape: tuple[int, ...] | None
    expected_shape: tuple[int, ...]
    max_absolute: float
    max_relative: float

    @property
    def shapes_agree(self) -> bool:
        """Whether both have the same shape."""
        return self.shape == self.expected_shape


def compare(run: BrowserRun, expected: Mapping[str, NDArray[Any]]) -> list[Difference]:
    """The differences, one for each expected output.

    Equal infinities agree, and so do two values that are not a number.
    """
    found = {output.name: output.values for output in run.outputs}
    return [_difference(name, found.get(name), values) for name, values in expected.items()]


def _difference(name: str, values: NDArray[Any] | None, expected: NDArray[Any]) -> Difference:
    shape = None if values is None else values.shape
    if values is None or shape != expected.shape:
        return Difference(name, shape, expected.shape, float("nan"), float("nan"))
    ours, theirs = values.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
    same = (values == expected).ravel() | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(all="ignore"):
        absolute = np.abs(ours - theirs)
        absolute[np.isnan(absolute)] = np.inf
        # Whole numbers beyond 2**53 may differ where their nearest floats do not.
        absolute[(absolute == 0) & ~same] = 1.0
        absolute[same] = 0.0
        relative = absolute / np.abs(theirs)
        relative[np.isnan(relative)] = np.inf
        relative[same] = 0.0
    return Difference(name, shape, expected.shape, _largest(absolute), _largest(relative))


def _largest(values: NDArray[np.float64]) -> float:
    return float(values.max(initial=0.0))
