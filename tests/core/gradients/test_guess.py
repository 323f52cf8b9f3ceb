"""Predict first: a wrong guess is told what is wrong with it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients import ExpressionError, Problem, ProblemError, compare, problem
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.guess import Kind, diagnose, read_guess

VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}
WORKED = problem("(w*x + b - y)**2", VALUES, ["w", "b"])
NEURON = problem("(tanh(w*x + b) - y)**2", {"w": 0.5, "x": 1.5, "b": -0.25, "y": 1}, ["w", "b"])
T = math.tanh(0.5)
BATCH_VALUES: dict[str, float | list[float]] = {"w": 0.5, "x": [2, 1, 3], "b": 0.1, "y": [5, 3, 1]}
BATCH = problem("(w*x + b - y)**2", BATCH_VALUES, ["w", "x"], "float64")


@pytest.mark.parametrize(
    ("name", "guess", "kind", "explanation"),
    [
        ("w", -15.6, Kind.RIGHT, "Right: -15.6."),
        ("w", -15.55, Kind.ROUNDING, "Right, up to rounding: it is -15.6."),
        ("w", 15.6, Kind.SIGN, "Right size, wrong sign: it is negative, for the loss falls as w grows."),
        ("w", -7.8, Kind.FORGOT_INNER, "You stopped at `w*x`: multiply by its own derivative by w, x = 2."),
        ("w", -31.2, Kind.FACTOR_EXTRA, "A factor too many: divide by 2, the exponent (or x = 2)."),
        ("b", -3.9, Kind.FACTOR_MISSING, "A factor is missing: multiply by 2, the exponent (or x = 2)."),
        (
            "w", -3.9, Kind.FACTOR_MISSING,
            "Two factors are missing: multiply by 2, the exponent, and by x = 2.",
        ),
        ("w", 4, Kind.FACTOR_MISSING, "A factor is missing: multiply by w*x + b - y = -3.9."),
        ("w", 15.21, Kind.LOSS, "This is the loss itself, not its slope."),
        ("b", -15.6, Kind.OTHER_VARIABLE, "This is dL/dw, not dL/db."),
        (
            "w", 2, Kind.ONLY_INNER,
            "This is the inner derivative only: that of the outer step, the square, is missing.",
        ),
        ("w", 0, Kind.ZERO, "Not zero: the loss does change with w here."),
        (
            "w", 7.8, Kind.SIGN_AND_FACTOR,
            "The sign is wrong, and more: you stopped at `w*x`: multiply by its own derivative by w, x = 2.",
        ),
        ("w", -1, Kind.NONE, "The sign is right, the size is too small; no usual mistake gives this number."),
        (
            "w", -777, Kind.NONE,
            "The sign is right, the size is too large; no usual mistake gives this number.",
        ),
        (
            "w", 777, Kind.NONE,
            "Not this, and the sign is wrong too: it is negative, for the loss falls as w grows.",
        ),
        ("w", math.nan, Kind.NONE, "nan is no finite number, but the slope is: -15.6."),
        ("w", math.inf, Kind.NONE, "inf is no finite number, but the slope is: -15.6."),
    ],
)  # fmt: skip
def test_the_worked_example_names_every_usual_mistake(
    name: str, guess: float, kind: Kind, explanation: str
) -> None:
    found = diagnose(WORKED, name, guess)
    assert (found.kind, found.explanation) == (kind, explanation)


@pytest.mark.parametrize(
    ("guess", "kind", "words"),
    [
        (2 * (T - 1) * (1 - T * T) * 1.5, Kind.RIGHT, "Right"),
        (round(2 * (T - 1) * (1 - T * T) * 1.5, 2), Kind.ROUNDING, "up to rounding"),
        (2 * (T - 1) * 1.5, Kind.FACTOR_MISSING, "One link of the chain is missing: the derivative of tanh."),
        (
            2 * (T - 1) * (1 - T * T),
            Kind.FORGOT_INNER,
            "You stopped at `w*x`: multiply by its own derivative by w, x",
        ),
        (
            2 * (T - 1),
            Kind.FORGOT_INNER,
            "You stopped at `tanh(w*x + b)`: multiply by its own derivative by w, (1 - ",
        ),
        ((1 - T * T) * 1.5, Kind.ONLY_INNER, "that of the outer step, the square, is missing"),
        (1.5, Kind.ONLY_INNER, "This is the derivative of `w*x` only"),
        ((T - 1) * (1 - T * T) * 1.5, Kind.FACTOR_MISSING, "multiply by 2, the exponent"),
        (
            -2 * (T - 1) * 1.5,
            Kind.SIGN_AND_FACTOR,
            "one link of the chain is missing: the derivative of tanh.",
        ),
    ],
)
def test_a_neuron_names_the_link_that_is_missing(guess: float, kind: Kind, words: str) -> None:
    found = diagnose(NEURON, "w", guess)
    assert found.kind is kind
    assert words in found.explanation


def test_digits_typed_count_so_a_rounded_wrong_guess_is_still_recognised() -> None:
    exact = 2 * (T - 1) * 1.5
    assert diagnose(NEURON, "w", round(exact, 3)).kind is Kind.FACTOR_MISSING


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_what_the_page_shows_is_right_and_its_negative_has_the_wrong_sign(shown: Example, dtype: str) -> None:
    given = problem(shown.loss, shown.values, shown.wrt, dtype)
    for row in compare(shown.loss, shown.values, shown.wrt, dtype):
        assert diagnose(given, row.name, row.autograd).correct
        assert diagnose(given, row.name, -row.autograd).kind is Kind.SIGN


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_the_factor_is_what_makes_the_guess_right(shown: Example) -> None:
    given = problem(shown.loss, shown.values, shown.wrt, "float64")
    for row in compare(shown.loss, shown.values, shown.wrt, "float64"):
        found = diagnose(given, row.name, 2 * row.autograd)
        assert not found.correct
        if found.factor is not None:
            assert 2 * row.autograd * found.factor == pytest.approx(row.autograd)


def test_a_constant_times_a_square_is_no_trouble() -> None:
    found = diagnose(problem("(0.5*w**2 - 3)**2", {"w": 3}, ["w"]), "w", 3)
    assert found.explanation.startswith("You stopped at `0.5*w**2`: multiply by its own derivative by w, ")
    assert found.factor == pytest.approx(3)


def test_numbers_so_small_that_their_product_is_none_are_no_trouble() -> None:
    given_problem = problem("w*x + a", {"w": 1e-200, "x": 1e-200, "a": 1}, ["w"], "float64")
    assert not diagnose(given_problem, "w", 1).correct


def test_a_batch_names_the_number_of_examples() -> None:
    right = compare("(w*x + b - y)**2", BATCH.values, ["w", "x"], "float64")
    summed = diagnose(BATCH, "w", 3 * right["w"].autograd)
    assert (summed.kind, summed.explanation) == (
        Kind.FACTOR_EXTRA, "A factor too many: divide by 3, the number of examples.",
    )  # fmt: skip
    twice = diagnose(BATCH, "w", right["w"].autograd / 3)
    assert twice.explanation == "A factor is missing: multiply by 3, the number of examples."


def test_each_number_of_a_batch_can_be_guessed() -> None:
    right = compare("(w*x + b - y)**2", BATCH.values, ["w", "x"], "float64")
    assert diagnose(BATCH, "x[1]", right["x[1]"].autograd).kind is Kind.RIGHT
    assert diagnose(BATCH, "x[1]", right["x[2]"].autograd).explanation == "This is dL/dx[2], not dL/dx[1]."


def test_at_a_kink_any_slope_between_left_and_right_is_fair() -> None:
    given = problem("relu(w)", {"w": 0}, ["w"])
    assert diagnose(given, "w", 0).kind is Kind.RIGHT
    for guess in (0.5, 1.0):
        found = diagnose(given, "w", guess)
        assert found.kind is Kind.KINK
        assert found.correct
        assert "the slope is 0 on the left and 1 on the right" in found.explanation
    assert not diagnose(given, "w", 1.5).correct
    assert diagnose(problem("max(w, 0)", {"w": 0}, ["w"]), "w", 0).kind is Kind.KINK


def test_where_the_slope_is_zero_that_is_said() -> None:
    found = diagnose(problem("relu(w)*2", {"w": -1}, ["w"]), "w", 7)
    assert found.explanation == "The slope is zero here: a small change of w does not change the loss."


def test_an_infinite_slope_can_be_guessed() -> None:
    given = problem("sqrt(w)", {"w": 0}, ["w"])
    assert diagnose(given, "w", math.inf).kind is Kind.RIGHT
    assert diagnose(given, "w", 1).explanation == "There is no finite slope here: the derivative is inf."


def test_a_slope_that_is_not_a_number_can_be_guessed() -> None:
    given = problem("sqrt(w**2)", {"w": 0}, ["w"])
    assert diagnose(given, "w", math.nan).kind is Kind.RIGHT
    assert diagnose(given, "w", 1).kind in {Kind.NOT_FINITE, Kind.KINK}


def test_where_the_dtype_loses_the_gradient_both_numbers_are_right_and_it_is_said() -> None:
    given = problem("(w*x + b - y)**2", {"w": 1e4, "x": 1e4, "b": 0.5, "y": 1e8}, ["w"])
    assert diagnose(given, "w", 10_000).explanation == "Right in exact arithmetic; float32 makes 0 of it."
    assert diagnose(given, "w", 0).explanation == "Right for float32; exact arithmetic gives 10000."


@settings(deadline=None, max_examples=200)
@given(st.floats(), st.sampled_from([(WORKED, "w"), (NEURON, "b"), (BATCH, "x[2]"), (BATCH, "w")]))
def test_any_number_gets_one_line(guess: float, asked: tuple[Problem, str]) -> None:
    found = diagnose(*asked, guess)
    assert found.explanation
    assert "\n" not in found.explanation
    assert len(found.explanation) < 200


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ProblemError) as caught:
        diagnose(BATCH, "x", 1)
    assert str(caught.value) == "`x` is not a number of this loss: choose among w, x[0], b, y[0]."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-15.6", -15.6), ("-78/5", -15.6), ("−15.6", -15.6), ("1e3", 1e3),
        (" 2*(0.5*2 + 0.1 - 5)*2 ", -15.6),
        ("inf", math.inf), ("-inf", -math.inf), ("-∞", -math.inf), ("tanh(0)", 0.0),
    ],
)  # fmt: skip
def test_a_guess_may_be_a_number_a_fraction_or_simple_arithmetic(text: str, value: float) -> None:
    assert read_guess(text) == pytest.approx(value)


def test_a_guess_may_be_nan() -> None:
    assert math.isnan(read_guess("NaN"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The guess is empty: type a number such as 3.5 or 7/2."),
        ("2*w", "A guess is a number such as 3.5 or 7/2: put a value in for `w`."),
        ("1/0", "This comes to inf, not to a finite number: check it."),
        ("1e400", "This number is too large: the largest is about 1.8e308."),
        ("__import__('os')", "Unknown function `__import__`: known are"),
        ("(1", "This parenthesis is never closed: add `)`."),
        ("-15,6", "A comma or tuple is not part of a formula"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_guess(text)
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_is_read(value: float) -> None:
    assert read_guess(repr(value)) == value
