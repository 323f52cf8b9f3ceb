import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.units import duration, factor


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.41e-6, "8.41 µs"),
        (9.999e-7, "1 µs"),
        (9.97e-7, "997 ns"),
        (0.0123, "12.3 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (99.9, "99.9 s"),
        (125, "2 min 5 s"),
        (36_000, "600 min 0 s"),
        (0.0, "0 ns"),
    ],
)
def test_a_duration_has_three_digits_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(1e-9, 99))
def test_a_duration_is_right_to_three_digits(seconds: float) -> None:
    number, unit = duration(seconds).split()
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(number) * scale == pytest.approx(seconds, rel=0.00501)
    assert 1 <= float(number) < 1000


@given(st.floats(1e-6, 1e6))
def test_a_factor_is_right_to_three_digits(value: float) -> None:
    assert float(factor(value).replace(",", "")) == pytest.approx(value, rel=0.00501)
