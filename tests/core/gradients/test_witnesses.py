"""Four witnesses and their verdict: when they agree, when they may not, and that a wrong rule is caught."""

import math
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from hypothesis import given, settings

from core.gradients import operations, witnesses
from core.gradients.expression import parse
from core.gradients.finite_difference import Difference, by_finite_difference
from core.gradients.operations import dtype_of
from core.gradients.problem import Problem, problem
from core.gradients.witnesses import Verdict, compare, examine, ulp
from tests.core.gradients.strategies import DTYPES, Point, Tree, exact_slope, smooth_problems, text

LOSS = "(w*x + b - y)**2"
VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


def test_the_worked_example_is_minus_15_6_and_minus_7_8() -> None:
    found = compare(LOSS, VALUES, ["w", "b"], "float64")
    assert found.loss == pytest.approx(15.21, rel=1e-15)
    for name, expected in (("w", -15.6), ("b", -7.8)):
        row = found[name]
        assert (row.manual, row.autograd, row.forward_mode) == (expected, expected, expected)
        assert row.finite_difference == pytest.approx(expected, rel=1e-9)
        assert row.verdict is Verdict.AGREE
        assert row.difference == row.ulps == row.jump == 0.0
    assert found.verdict is Verdict.AGREE
    assert found.reason == ""


def test_the_scale_and_tolerance_of_the_worked_example_are_the_derived_ones() -> None:
    row = compare(LOSS, VALUES, ["w"], "float64")["w"]
    assert row.scale == pytest.approx(2 * 6.1 * 2)
    assert row.tolerance == pytest.approx(4 * 2**-52 * row.scale)


@pytest.mark.parametrize("dtype", DTYPES)
def test_autograds_number_is_that_of_a_plain_program(dtype: str) -> None:
    w, x, b, y = (torch.tensor(VALUES[name], dtype=dtype_of(dtype), requires_grad=True) for name in "wxby")
    torch.autograd.backward((w * x + b - y) ** 2)
    found = compare(LOSS, VALUES, ["w", "x", "b", "y"], dtype)
    for name, leaf in (("w", w), ("x", x), ("b", b), ("y", y)):
        assert leaf.grad is not None
        assert found[name].autograd == float(leaf.grad)


@settings(max_examples=150, deadline=None)
@given(smooth_problems())
def test_correct_witnesses_of_a_smooth_loss_agree_in_every_dtype(case: tuple[Tree, Point]) -> None:
    tree, point = case
    for dtype in DTYPES:
        for row in compare(text(tree), point, sorted(point), dtype):
            in_range = math.isfinite(row.autograd) and math.isfinite(row.manual)
            assert row.verdict is Verdict.AGREE or (dtype == "float16" and not in_range), row
            assert row.explanation


@settings(max_examples=60, deadline=None)
@given(smooth_problems(bound=50.0))
def test_every_witness_tells_the_mathematical_derivative(case: tuple[Tree, Point]) -> None:
    tree, point = case
    for row in compare(text(tree), point, sorted(point), "float64"):
        truth = float(exact_slope(tree, point, row.name))
        for found in (row.manual, row.autograd, row.forward_mode):
            assert abs(found - truth) <= 4 * row.tolerance + 1e-12
        assert abs(row.finite_difference - truth) <= row.finite_difference_tolerance + 1e-12


# Bounds multiply: where tan, sin and two powers lie in one another, one is wide now and then.
@settings(max_examples=40, deadline=None)
@given(smooth_problems(depth=3, bound=20.0))
def test_the_tolerance_is_not_so_wide_that_it_says_nothing(case: tuple[Tree, Point]) -> None:
    tree, point = case
    for row in compare(text(tree), point, sorted(point), "float64"):
        if abs(row.autograd) > 1e-6:
            assert row.tolerance < 1e-6 * abs(row.autograd)
            assert row.finite_difference_tolerance < 0.1 * abs(row.autograd)


@pytest.mark.parametrize(
    ("formula", "values", "dtype"),
    [
        # each once was, or could be, a false alarm
        ("b + w*b", {"w": -1.0, "b": -0.883}, "float64"),
        ("3.0**0 - 1.5 + softplus(w)", {"w": -0.432}, "float64"),
        ("softplus(w)", {"w": 25.0}, "float64"),
        ("softplus(w)", {"w": 20.0}, "float64"),
        ("1/w", {"w": 1e-6}, "float64"),
        ("log(w)", {"w": 1e-9}, "float64"),
        ("sqrt(w)", {"w": 1e-9}, "float64"),
        ("sin(1e6*w)", {"w": 0.3}, "float32"),
        ("sigmoid(1e6*w)", {"w": 0.0}, "float64"),
        ("w*1e-320", {"w": 1.0}, "float64"),
        ("sigmoid(w)", {"w": -200.0}, "float32"),
        ("softplus(sin(w)*100*(0.01 - b))", {"w": 1.68, "b": 1.94}, "float32"),
        ("w*x", {"w": 1e-40, "x": 1.0}, "float32"),
        ("exp(-w)", {"w": 1000.0}, "float32"),
        ("w**0", {"w": 0.0}, "float32"),
        ("x**0*w", {"w": 1.0, "x": 0.0}, "float32"),
        ("abs(w)*w", {"w": 0.0}, "float32"),
        ("abs(w)**3", {"w": 0.0}, "float32"),
        ("max(w, w)", {"w": 1.0}, "float32"),
        ("abs(w - w)", {"w": 1.0}, "float32"),
        ("exp(100*w)", {"w": 1.0}, "float64"),
        ("tanh(1000*w)", {"w": 0.001}, "float64"),
    ],
)
def test_what_is_hard_to_judge_but_right_is_no_false_alarm(formula: str, values: Point, dtype: str) -> None:
    for row in compare(formula, values, sorted(values), dtype):
        assert row.verdict is Verdict.AGREE, row


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("(w*x + sqrt(b))**2", {"w": 0.5, "x": 2.0, "b": 0.0}),
        ("w**x", {"w": -2.0, "x": 2.0}),
        ("w**x", {"w": 0.0, "x": 2.0}),
    ],
)
def test_a_slope_that_does_not_exist_spoils_no_other_variable(formula: str, values: Point) -> None:
    found = compare(formula, values, sorted(values), "float32")
    assert found["w"].verdict is Verdict.AGREE
    assert found[sorted(set(values) - {"w", "x"} or {"x"})[0]].verdict is Verdict.NOT_FINITE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("formula", "values", "left", "right", "autograd"),
    [
        ("relu(w)", {"w": 0.0}, 0.0, 1.0, 0.0),
        ("abs(w)", {"w": 0.0}, -1.0, 1.0, 0.0),
        ("max(w, 0)", {"w": 0.0}, 0.0, 1.0, 0.5),
        ("min(w, x)", {"w": 1.0, "x": 1.0}, 1.0, 0.0, 0.5),
        ("relu(w*x + b)", {"w": 0.5, "x": 2.0, "b": -1.0}, 0.0, 2.0, 0.0),
        ("max(0, 1 - x*w)", {"w": 1.0, "x": 1.0}, -1.0, 0.0, -0.5),
        ("relu(w - 1) + w**2", {"w": 1.0}, 2.0, 3.0, 2.0),
        ("abs(w)*1000", {"w": 0.0}, -1000.0, 1000.0, 0.0),
    ],
)
def test_a_kink_is_named_with_its_two_slopes_and_autograd_between(
    formula: str, values: Point, left: float, right: float, autograd: float, dtype: str
) -> None:
    row = compare(formula, values, ["w"], dtype)["w"]
    assert row.verdict is Verdict.KINK
    assert (row.left, row.right) == pytest.approx((left, right), abs=1e-4)
    assert row.jump == pytest.approx(right - left, abs=1e-4)
    assert row.manual == row.autograd == row.forward_mode == autograd
    assert min(left, right) <= row.autograd <= max(left, right)
    assert "kink" in row.explanation


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("formula", "w"),
    [("w**2", 0.0), ("w**3", 0.0), ("w**4", 0.0), ("exp(w**2)", 0.0), ("w*abs(w)", 0.0), ("relu(w)**2", 0.0),
     ("exp(5*w)", 1.0), ("tanh(30*w)", 0.0), ("sigmoid(50*w)", 0.01), ("softplus(w)", 0.0), ("relu(w)", 0.01),
     ("1/w", 0.02)],
)  # fmt: skip
def test_a_bend_is_no_kink(formula: str, w: float, dtype: str) -> None:
    assert compare(formula, {"w": w}, ["w"], dtype)["w"].verdict is Verdict.AGREE


@pytest.mark.parametrize(
    "formula", ["exp(20*w)", "exp(100*w)", "sin(1000*w)", "tanh(1000*w)", "1/(w*w + 1e-4)"]
)
@pytest.mark.parametrize("w", [0.0, 0.001, 0.3, 1.0])
def test_a_steep_smooth_loss_has_no_kink(formula: str, w: float) -> None:
    assert compare(formula, {"w": w}, ["w"], "float64")["w"].verdict is Verdict.AGREE


def test_float32_cancellation_keeps_no_correct_digit_and_says_so() -> None:
    row = compare(LOSS, {"w": 1e4, "x": 1e4, "b": 0.5, "y": 1e8}, ["w"], "float32")["w"]
    assert row.manual == row.autograd == row.forward_mode == 0.0
    assert row.finite_difference == pytest.approx(10_000, rel=1e-3)
    assert row.verdict is Verdict.AGREE
    assert "float32 keeps no correct digit here" in row.explanation
    exact = compare(LOSS, {"w": 1e4, "x": 1e4, "b": 0.5, "y": 1e8}, ["w"], "float64")["w"]
    assert exact.autograd == 10_000.0


def test_a_derivative_too_small_for_the_dtype_is_said_to_be() -> None:
    assert "too small for float32" in compare("sigmoid(w)", {"w": -200.0}, ["w"], "float32")["w"].explanation


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_has_a_row_per_number(dtype: str, reduction: str) -> None:
    xs, ys = [1.0, -2.0, 3.0], [0.5, 0.25, -1.0]
    w = torch.tensor(0.5, dtype=dtype_of(dtype), requires_grad=True)
    x = torch.tensor(xs, dtype=dtype_of(dtype), requires_grad=True)
    per_example = (
        w * x + torch.tensor(0.125, dtype=dtype_of(dtype)) - torch.tensor(ys, dtype=dtype_of(dtype))
    ) ** 2
    torch.autograd.backward(per_example.mean() if reduction == "mean" else per_example.sum())
    found = compare(LOSS, {"w": 0.5, "x": xs, "b": 0.125, "y": ys}, ["w", "x"], dtype, reduction)
    assert [row.name for row in found] == ["w", "x[0]", "x[1]", "x[2]"]
    assert w.grad is not None
    assert x.grad is not None
    assert [row.autograd for row in found] == [float(w.grad), *x.grad.tolist()]
    assert found.verdict is Verdict.AGREE
    with pytest.raises(KeyError, match=r"x\[3\]"):
        found["x[3]"]


def test_the_largest_batch_agrees() -> None:
    xs = [0.1 * turn - 3 for turn in range(64)]
    found = compare(LOSS, {"w": 0.5, "x": xs, "b": 0.1, "y": xs[::-1]}, ["w", "x", "b", "y"], "float32")
    assert len(found.rows) == 130
    assert found.verdict is Verdict.AGREE


@pytest.mark.parametrize(
    ("op", "wrong"),
    [("mul", ("a", "a")), ("mul", ("b", "2*a")), ("sub", ("1", "1")), ("pow", ("b*a**b", "out*log(a)"))],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wrong_rule_is_caught(
    op: str, wrong: tuple[str, str], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = dict(operations.LOCAL_DERIVATIVES) | {
        op: tuple(parse(rule, allow_constant=True) for rule in wrong)
    }
    monkeypatch.setattr(operations, "LOCAL_DERIVATIVES", MappingProxyType(rules))
    found = compare("(w*x - y)**3", {"w": 0.5, "x": 2.0, "y": 5.0}, ["w", "x", "y"], dtype)
    assert found.verdict is Verdict.DISAGREE
    culprits = [row for row in found if row.verdict is Verdict.DISAGREE]
    assert all("outside the tolerance" in row.explanation for row in culprits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_autograd_that_lies_with_the_others_is_caught_by_the_finite_difference(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = by_finite_difference

    def ten_percent_off(given: Problem) -> dict[str, tuple[Difference, ...]]:
        return {
            name: tuple(replace(one, central=one.central * 1.1) for one in found)
            for name, found in honest(given).items()
        }

    monkeypatch.setattr(witnesses, "by_finite_difference", ten_percent_off)
    assert compare("exp(w)*x", {"w": 0.5, "x": 2.0}, ["w", "x"], dtype).verdict is Verdict.DISAGREE


def test_the_worst_verdict_of_all_rows_is_the_comparisons() -> None:
    found = compare("relu(w) + x**2", {"w": 0.0, "x": 1.0}, ["w", "x"])
    assert [row.verdict for row in found] == [Verdict.KINK, Verdict.AGREE]
    assert found.verdict is Verdict.KINK


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [1.0, 0.7, 3.0, 1e-30, 12345.678, 2.0**100])
def test_an_ulp_is_the_distance_to_the_next_number(value: float, dtype: str) -> None:
    kind = dtype_of(dtype)
    here = torch.tensor(value, dtype=kind)
    following = torch.nextafter(here, torch.tensor(math.inf, dtype=kind))
    assert ulp(float(here), kind) == float(following) - float(here)
    assert ulp(-float(here), kind) == ulp(float(here), kind)


def test_an_ulp_at_zero_is_the_smallest_number_and_at_infinity_none() -> None:
    assert ulp(0.0, torch.float64) == 5e-324
    assert math.isnan(ulp(math.inf, torch.float32))


def test_it_works_where_gradients_are_switched_on() -> None:
    given = problem(LOSS, VALUES, ["w"], "float64")
    with torch.enable_grad():
        assert examine(given)["w"].autograd == -15.6
