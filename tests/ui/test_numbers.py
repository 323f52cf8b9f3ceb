"""Numbers as text: what pages show and what can be copied from them."""

import math
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ui.numbers import fixed, full, gap, several, short, times

# Rounded up, the largest floats would be infinite.
finite = st.floats(-1.79e308, 1.79e308)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-15.6, "−15.6"),
        (15.210000991821289, "15.21"),
        (-15.600000381469727, "−15.6"),
        (2e30, "2e30"),
        (-1.5e-7, "−1.5e−7"),
        (12345.0, "1.234e4"),
        (0.00012345, "0.0001234"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


@given(finite)
def test_short_has_four_digits_and_fits_ten_characters(value: float) -> None:
    text = short(value)
    assert "-" not in text
    assert len(text) <= 11
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=5.1e-4, abs=1e-323)


@pytest.mark.parametrize(
    ("values", "text"),
    [((1.5,), "1.5"), ((2.4, 2.9), "2.4, 2.9"), ((2.4, -2.94551, 3.0), "2.4, −2.95 …"), ((), "")],
)
def test_several(values: tuple[float, ...], text: str) -> None:
    assert several(values) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-15.600000381469727, "-15.6000"),
        (-7.8, "-7.8000"),
        (0.0, "0.0000"),
        (-0.0, "0.0000"),
        (1e-4, "0.0001"),
        (-9.9e-5, "-9.9000e-05"),
        (9_999_999.0, "9999999.0000"),
        (1e7, "1.0000e+07"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_fixed(value: float, text: str) -> None:
    assert fixed(value) == text


@given(finite)
def test_fixed_can_be_copied_and_is_never_a_signed_zero(value: float) -> None:
    text = fixed(value)
    assert text.isascii()
    assert float(text) == pytest.approx(value, rel=5.1e-5, abs=5.1e-5 if 1e-4 <= abs(value) < 1e7 else 1e-323)
    assert math.copysign(1, float(text)) == (math.copysign(1, value) if value else 1)


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (-15.600000381469727, "float32", "-15.6"),
        (-15.600000381469727, "float64", "-15.600000381469727"),
        (0.1, "bfloat16", "0.1"),
        (0.10009765625, "bfloat16", "0.1"),
        (0.0999755859375, "float16", "0.1"),
        (5.0, "float32", "5"),
        (1e16, "float64", "1e+16"),
        (70000.0, "float16", "inf"),
        (1e39, "float32", "inf"),
        (-3.3e38, "bfloat16", "-3.3e+38"),
        (3.4e38, "bfloat16", "inf"),
        (math.nan, "bfloat16", "nan"),
        (-math.inf, "float16", "-inf"),
        (-0.0, "float32", "-0"),
    ],
)
def test_full(value: float, dtype: str, text: str) -> None:
    assert full(value, dtype) == text


@given(finite, st.sampled_from(["float64", "float32", "bfloat16", "float16"]))
def test_full_reads_back_as_the_same_number_of_the_dtype(value: float, dtype: str) -> None:
    there = torch.tensor(value, dtype=getattr(torch, dtype))
    back = torch.tensor(float(full(value, dtype)), dtype=there.dtype)
    assert torch.equal(back, there)
    # And what torch holds is written as what was put in.
    assert full(float(there), dtype) == full(value, dtype)


@given(st.integers(0, 2**32 - 1))
def test_full_is_no_longer_than_nine_digits_in_float32(bits: int) -> None:
    (value,) = struct.unpack("<f", struct.pack("<I", bits))
    digits = full(value, "float32").lstrip("-").partition("e")[0].replace(".", "").strip("0")
    assert math.isnan(value) or len(digits) <= 9


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (4.76837e-10, "4.8e-10"),
        (3.81e-06, "3.8e-06"),
        (0.0312, "0.031"),
        (0.5, "0.5"),
        (123.4, "120"),
        (9.99e5, "1.0e+06"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_gap(value: float, text: str) -> None:
    assert gap(value) == text


@pytest.mark.parametrize(
    ("factor", "text"), [(1.8, "1.80×"), (0.01234, "0.0123×"), (1234.5, "1,234×"), (1, "1.00×")]
)
def test_a_factor_has_at_least_three_digits(factor: float, text: str) -> None:
    assert times(factor) == text
