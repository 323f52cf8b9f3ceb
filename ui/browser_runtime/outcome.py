"""What a browser says about a run. It is the visitor's: everything is checked before it is believed."""

from __future__ import annotations

import base64
import binascii
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ui.browser_runtime.tensors import DTYPES, MAX_BYTES, BrowserError

MAX_ROUNDS: Final = 1000
_MAX_DIMENSIONS: Final = 32
_MAX_TEXT: Final = 300
# No clock of a run that we wait for shows more: a day.
_MAX_MS: Final = 86_400_000.0


@dataclass(frozen=True)
class BrowserOutput:
    """An output of the model, as the browser computed it; the values cannot be written to."""

    name: str
    values: NDArray[Any]


@dataclass(frozen=True)
class BrowserRun:
    """A run in the visitor's browser. All times are in seconds, by the browser's own clock.

    Attributes:
        outputs: those that were asked for, in that order.
        load_seconds: until the runtime's files were there; short when the browser had kept them.
        start_seconds: to start the runtime and make the first session.
        session_seconds: to make a session when the runtime is running.
        first_seconds: the first call.
        timings: seconds per call, one for each round.
        calls: how many calls a round is the mean of, so that a round is long for the clock.
        resolution: the smallest step of the clock.
        threads: how many the runtime used.
        simd: whether the browser has WebAssembly's SIMD.
        user_agent: what the browser calls itself, not escaped.
    """

    outputs: tuple[BrowserOutput, ...]
    load_seconds: float
    start_seconds: float
    session_seconds: float
    first_seconds: float
    timings: tuple[float, ...]
    calls: int
    resolution: float
    threads: int
    simd: bool
    user_agent: str

    @property
    def median(self) -> float:
        """Seconds per call: the middle one of the rounds."""
        return statistics.median(self.timings)

    def output(self, name: str) -> NDArray[Any]:
        """The values of an output; KeyError if there is none of that name."""
        return {output.name: output.values for output in self.outputs}[name]


def read_run(said: object, outputs: Sequence[str]) -> BrowserRun:
    """The run that a browser reports.

    Args:
        said: what came, whatever it is.
        outputs: the names of the outputs that were asked for.

    Raises:
        BrowserError: one line: the browser's own if it failed, or what is wrong with what it sent.
    """
    if not isinstance(said, Mapping):
        raise BrowserError(f"The browser sent {_kind(said)} in place of a result. Run it again.")
    if "error" in said:
        raise BrowserError(f"The model did not run in this browser: {_text(said['error'], 'its reason')}")
    return BrowserRun(
        outputs=_outputs(said.get("outputs"), outputs),
        load_seconds=_seconds(said.get("load_ms"), "the loading time"),
        start_seconds=_seconds(said.get("start_ms"), "the starting time"),
        session_seconds=_seconds(said.get("session_ms"), "the session's time"),
        first_seconds=_seconds(said.get("first_ms"), "the first call's time"),
        timings=_timings(said.get("timings_ms")),
        calls=_count(said.get("calls"), 1, 2**20, "the calls in a round"),
        resolution=_seconds(said.get("resolution_ms"), "the clock's step"),
        threads=_count(said.get("threads"), 1, 1024, "the number of threads"),
        simd=_flag(said.get("simd"), "whether it has SIMD"),
        user_agent=_text(said.get("user_agent"), "its name"),
    )


def _outputs(said: object, names: Sequence[str]) -> tuple[BrowserOutput, ...]:
    if not isinstance(said, list) or len(said) != len(names):
        came = f"{len(said)} outputs" if isinstance(said, list) else _kind(said)
        raise _wrong("the outputs", came, f"{len(names)} of them")
    left = MAX_BYTES
    made = []
    for each, name in zip(said, names, strict=True):
        values = _tensor(each, name, left)
        left -= values.nbytes
        made.append(BrowserOutput(name, values))
    return tuple(made)


def _tensor(said: object, name: str, most: int) -> NDArray[Any]:
    what = f"output `{name}`"
    if not isinstance(said, Mapping) or said.get("name") != name:
        raise _wrong(what, _kind(said), "an array of that name")
    dtype, shape, data = said.get("dtype"), said.get("shape"), said.get("data")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _wrong(f"the type of {what}", _kind(dtype), f"one of {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise _wrong(f"the shape of {what}", _kind(shape), f"at most {_MAX_DIMENSIONS} sizes")
    sizes = tuple(_count(size, 0, MAX_BYTES, f"a size of {what}") for size in shape)
    # NumPy makes no array whose sizes are too large together, even if one of them is 0.
    if math.prod(max(1, size) for size in sizes) > MAX_BYTES:
        raise _wrong(f"the shape of {what}", "too many elements", f"at most {MAX_BYTES}")
    if not isinstance(data, str) or len(data) > 4 * -(-most // 3):
        raise _wrong(f"the values of {what}", _kind(data), f"at most {most} bytes in base64")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f"the values of {what}", "other text", "base64") from None
    # bool bytes other than 0 and 1 would make an array that NumPy does not define.
    if dtype == "bool" and raw.strip(b"\x00\x01"):
        raise _wrong(f"the values of {what}", "other bytes", "truth values of 0 or 1")
    kind = np.dtype(dtype).newbyteorder("<")
    if len(raw) != math.prod(sizes) * kind.itemsize:
        raise _wrong(f"the values of {what}", f"{len(raw)} bytes", f"{dtype} of shape {list(sizes)}")
    return np.frombuffer(raw, kind).reshape(sizes)


def _timings(said: object) -> tuple[float, ...]:
    if not isinstance(said, list) or not 1 <= len(said) <= MAX_ROUNDS:
        came = f"{len(said)} numbers" if isinstance(said, list) else _kind(said)
        raise _wrong("the timings", came, f"1 to {MAX_ROUNDS} numbers")
    return tuple(_seconds(each, "a timing") for each in said)


def _seconds(said: object, what: str) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= _MAX_MS:
        raise _wrong(what, _kind(said), "milliseconds, 0 or more")
    return said / 1000


def _count(said: object, least: int, most: int, what: str) -> int:
    whole = isinstance(said, int) or (isinstance(said, float) and said.is_integer())
    if not isinstance(said, int | float) or isinstance(said, bool) or not whole or not least <= said <= most:
        raise _wrong(what, _kind(said), f"a whole number from {least} to {most}")
    return int(said)


def _flag(said: object, what: str) -> bool:
    if not isinstance(said, bool):
        raise _wrong(what, _kind(said), "yes or no")
    return said


def _text(said: object, what: str) -> str:
    if not isinstance(said, str):
        raise _wrong(what, _kind(said), "text")
    line = "".join(letter if letter.isprintable() else " " for letter in said[: 4 * _MAX_TEXT])
    line = " ".join(line.split())
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…"


def _kind(said: object) -> str:
    if said is None:
        return "nothing"
    if isinstance(said, bool | float):
        return repr(said)
    if isinstance(said, int):
        return str(said) if said.bit_length() < 64 else "a huge number"
    if isinstance(said, str):
        return repr(said) if len(said) <= 30 else f"{len(said)} characters"
    return "a list" if isinstance(said, list) else "an object"


def _wrong(what: str, came: str, expected: str) -> BrowserError:
    return BrowserError(f"The browser sent {came} for {what}, expected {expected}. Run it again.")
