"""What goes into a browser's run: named arrays, as bytes."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DTYPES: Final = ("float32", "float64", "int64", "int32", "bool", "uint8")
"""The element types that go to the browser and back, by the names that NumPy and the runtime share."""
MAX_BYTES: Final = 4 * 2**20
"""How much all inputs or all outputs of a run may have."""


class BrowserError(ValueError):
    """A run in a browser that cannot be: one line with what came, what was expected and what to do."""


@dataclass(frozen=True)
class BrowserInput:
    """An input of the model.

    Attributes:
        name: as the model has it.
        dtype: one of `DTYPES`.
        shape: the sizes; empty for a scalar.
        data: the elements in row-major order, little-endian.

    Raises:
        BrowserError: for another type, or data that does not fit the shape.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        """Checks that the parts go together."""
        if self.dtype not in DTYPES:
            raise BrowserError(
                f"Input `{self.name}` is {self.dtype}: browsers here take {', '.join(DTYPES)}. Cast it."
            )
        expected = math.prod(self.shape) * np.dtype(self.dtype).itemsize
        if len(self.data) != expected:
            raise BrowserError(
                f"Input `{self.name}` has {len(self.data)} bytes: {self.dtype} of shape {list(self.shape)} "
                f"has {expected}."
            )

    @classmethod
    def from_array(cls, name: str, values: NDArray[Any]) -> BrowserInput:
        """An array as an input.

        Raises:
            BrowserError: for an element type that does not go to a browser.
        """
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        return cls(name, values.dtype.name, values.shape, little.tobytes())

    def packed(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "data": base64.b64encode(self.data).decode(),
        }
