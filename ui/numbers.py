"""Numbers as text: short for pictures, fixed for results, full for whoever wants every digit, and gaps."""

import math
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from core.units import factor

_MINUS: Final = "\N{MINUS SIGN}"


def short(value: float) -> str:
    """At most four significant digits, for a picture: `−15.6`, `2e30`, `1.5e−7`, `∞`, `nan`."""
    return _typeset(value, 4)


def several(values: tuple[float, ...]) -> str:
    """A batch in the space of one number: its first two numbers with three digits, as `2.4, 2.9 …`."""
    if len(values) == 1:
        return short(values[0])
    text = ", ".join(_typeset(value, 3) for value in values[:2])
    return f"{text} …" if len(values) > 2 else text


def fixed(value: float) -> str:
    """Four decimals that can be copied: `-15.6000`; scientific (`1.0000e-05`) where they would not do."""
    if math.isnan(value) or math.isinf(value):
        return str(value)
    if value == 0:
        return "0.0000"
    return f"{value:.4f}" if 1e-4 <= abs(value) < 1e7 else f"{value:.4e}"


def full(value: float, dtype: str = "float64") -> str:
    """The shortest text that reads back as the same number of that dtype.

    Args:
        value: any number; it is first rounded to the dtype.
        dtype: float64, float32, bfloat16 or float16.

    Returns:
        Such as `-15.6` for the float32 that is -15.600000381469727 as a float64.
    """
    rounded = _ROUND[dtype](value)
    if math.isnan(rounded) or math.isinf(rounded):
        return str(rounded)
    for digits in range(1, 18):
        candidate = float(f"{rounded:.{digits}g}")
        if _ROUND[dtype](candidate) == rounded:
            return repr(candidate).removesuffix(".0")
    return repr(rounded)  # pragma: no cover - 17 digits always read back


def gap(value: float) -> str:
    """The size of an error, two significant digits: `4.8e-10`, `0.03`, `0`."""
    if value == 0 or math.isnan(value) or math.isinf(value):
        return f"{value:g}".removeprefix("-" if value == 0 else "")
    rounded = float(f"{value:.1e}")
    if 1e-3 <= abs(rounded) < 1e4:
        return f"{rounded:g}"
    return f"{value:.1e}"


def times(value: float) -> str:
    """How many times as fast or as much: `1.80×`."""
    return f"{factor(value)}×"


def _typeset(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    mantissa, exponential, exponent = f"{value:.{digits}g}".partition("e")
    text = f"{mantissa}e{int(exponent)}" if exponential else mantissa
    return text.replace("-", _MINUS)


def _to_float32(value: float) -> float:
    return _through("<f", value)


def _to_float16(value: float) -> float:
    return _through("<e", value)


def _to_bfloat16(value: float) -> float:
    single = _to_float32(value)
    if math.isnan(single) or math.isinf(single):
        return single
    bits = int.from_bytes(struct.pack("<f", single), "little")
    # Round to nearest, ties to even, on the upper 16 bits; a carry may run into infinity, as it should.
    bits += 0x7FFF + ((bits >> 16) & 1)
    upper: float = struct.unpack("<f", (bits & 0xFFFF0000).to_bytes(4, "little"))[0]
    return upper


def _through(layout: str, value: float) -> float:
    try:
        read: float = struct.unpack(layout, struct.pack(layout, value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return read


_ROUND: Final[Mapping[str, Callable[[float], float]]] = MappingProxyType(
    {"float64": float, "float32": _to_float32, "bfloat16": _to_bfloat16, "float16": _to_float16}
)
