"""joblib's arrays: after the BUILD of a `NumpyArrayWrapper` the array's own bytes lie between the opcodes.

The layout is that of joblib's `numpy_pickle`: one byte with the number of padding bytes, the padding, and the
numbers; without padding where the wrapper has no `numpy_array_alignment_bytes` (joblib before 1.2). An array
of objects is a pickle of its own instead.
"""

from __future__ import annotations

import math
from typing import Final

from core.pickles.rules.numpy_types import dtype_of
from core.pickles.value import Called, Value
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_OLD_WRAPPERS: Final = frozenset({
    "joblib.numpy_pickle.NDArrayWrapper", "joblib.numpy_pickle.ZNDArrayWrapper",
    "joblib.numpy_pickle_compat.NDArrayWrapper", "joblib.numpy_pickle_compat.ZNDArrayWrapper",
})  # fmt: skip
_MAX_DIMENSIONS: Final = 64


class Arrays:
    """What the machine asks after each BUILD of one pickle: where it goes on.

    Attributes:
        found: how many arrays lay between the opcodes.
        first: where the first one began.
    """

    def __init__(self, part: Part, walk: Walk) -> None:
        self.found = 0
        self.first = 0
        self._built: list[Called] = []
        self._part = part
        self._walk = walk

    def __call__(self, value: Value, offset: int) -> int:
        """The offset after the array's bytes, or the one given where there are none."""
        if not isinstance(value, Called):
            return offset
        if value.full in _OLD_WRAPPERS:
            self._walk.unread(
                self._part, offset, offset, "joblib before 0.10 keeps this array in a file beside this one"
            )
            return offset
        if value.full != WRAPPER:
            return offset
        self.found += 1
        self.first = self.first or offset
        end = self._array(value, offset)
        if end is None:
            self._walk.unread(
                self._part, offset, len(self._part.span), "where this joblib array ends is not known"
            )
            return offset
        return end

    def _array(self, value: Called, offset: int) -> int | None:
        if any(value is each for each in self._built):
            # joblib has replaced it by its array on the stack, and not in the memo: which one is built here?
            return None
        self._built.append(value)
        state: dict[Value, Value] = {}
        for given in value.state:
            if not isinstance(given, dict):
                return None
            state |= given
        dtype = dtype_of(state.get("dtype"))
        count = _count(state.get("shape"))
        if dtype is None or count is None or (not dtype.itemsize and not dtype.objects):
            return None
        if dtype.objects:
            return self._objects(offset)
        padding = 0
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = 1 + (self._part.span.read(offset, 1) or b"\0")[0]
        end = offset + padding + count * dtype.itemsize
        if end > len(self._part.span):
            self._walk.unread(self._part, offset, len(self._part.span), "the joblib array is cut off")
            return len(self._part.span)
        self._walk.raw(self._part, offset, end, "numbers of a joblib array")
        return end

    def _objects(self, offset: int) -> int | None:
        """An array of objects: a pickle of its own, where the same rules hold."""
        nested = self._walk.pickle(self._part, offset)
        if not nested.values:
            self._walk.find(
                self._part, nested.end, "the pickle of a joblib array has no end", Verdict.COULD_NOT_READ
            )
            return None
        self._walk.read(self._part, offset, nested.end, "the pickle of a joblib array of objects")
        return nested.end


def _count(shape: Value) -> int | None:
    """How many elements a shape has; None if it is no shape."""
    sizes = shape if isinstance(shape, tuple) else (shape,)
    numbers = [size for size in sizes if isinstance(size, int) and 0 <= size < 2**48]
    if len(numbers) != len(sizes) or len(sizes) > _MAX_DIMENSIONS:
        return None
    return math.prod(numbers)
