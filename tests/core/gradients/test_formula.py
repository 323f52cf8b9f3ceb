"""Your own derivative: right formulas pass in any spelling, wrong ones meet a counterexample."""

import math

import pytest
import sympy

from core.gradients import ExpressionError, ProblemError, problem
from core.gradients.formula import check_formula
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.guess import Kind

VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}
WORKED = problem("(w*x + b - y)**2", VALUES, ["w", "b"])
SMOOTH = [
    shown for shown in EXAMPLES if not any(word in shown.loss for word in ("relu", "max", "min", "abs"))
]


def by_sympy(shown: Example, name: str) -> str:
    """The derivative that SymPy finds, in the grammar's words."""
    names = {each: sympy.Symbol(each, real=True) for each in shown.values}
    helpers = {"softplus": lambda a: sympy.log(1 + sympy.exp(a))}
    return str(sympy.diff(sympy.sympify(shown.loss, locals={**helpers, **names}), names[name]))


@pytest.mark.parametrize("shown", SMOOTH, ids=lambda shown: shown.key)
@pytest.mark.parametrize("reduction", [None, "mean", "sum"])
def test_sympys_derivative_is_right(shown: Example, reduction: str | None) -> None:
    values: dict[str, float | list[float]] = dict(shown.values)
    if reduction:
        values["x"] = [shown.values["x"], 1.0, -2.0]
    given = problem(shown.loss, values, shown.wrt, "float32", reduction or "mean")
    for name in {*shown.wrt, "x"}:
        found = check_formula(given, name, by_sympy(shown, name))
        assert found.correct, found
        assert found.diagnosis.kind is Kind.RIGHT


@pytest.mark.parametrize(
    ("key", "name", "text"),
    [
        ("hinge", "w", "-y*x*(1 + (1 - y*(w*x + b))/abs(1 - y*(w*x + b)))/2"),
        ("relu-neuron", "b", "2*(relu(w*x + b) - y)*(relu(w*x + b)/(w*x + b))"),
        ("huber", "b", "max(-1, min(1, w*x + b - y))"),
    ],
)
def test_losses_with_kinks_can_be_differentiated_by_hand_too(key: str, name: str, text: str) -> None:
    shown = next(each for each in EXAMPLES if each.key == key)
    found = check_formula(problem(shown.loss, shown.values, shown.wrt), name, text)
    assert found.correct, found


@pytest.mark.parametrize(
    "text",
    ["2*(w*x + b - y)*x", "2*x*(w*x) + 2*x*(b - y)", "(2*w*x**2 + 2*b*x) - 2*x*y", "x*pow(w*x+b-y, 1)/0.5"],
)
def test_any_spelling_of_the_right_formula_agrees_everywhere(text: str) -> None:
    found = check_formula(WORKED, "w", text)
    assert (found.agreed, found.total, found.skipped) == (65, 65, 0)
    assert found.counterexample is None
    assert found.explanation == "Right: it agrees with autograd at all 65 points."
    assert found.theirs == pytest.approx((-15.6,))
    assert found.autograd == pytest.approx((-15.6,))


def test_a_wrong_formula_is_shown_the_current_point_and_a_diagnosis() -> None:
    found = check_formula(WORKED, "w", "2*(w*x + b - y)")
    assert (found.agreed, found.total) == (0, 65)
    assert found.counterexample is not None
    assert dict(found.counterexample.values) == VALUES
    assert (found.counterexample.theirs, found.counterexample.autograd) == pytest.approx((-7.8, -15.6))
    assert found.diagnosis.kind is Kind.FORGOT_INNER
    assert found.explanation == (
        "Wrong at all 65 points. You stopped at `w*x`: multiply by its own derivative by w, x = 2."
    )


def test_a_number_that_is_right_here_is_no_formula() -> None:
    found = check_formula(WORKED, "w", "-15.6")
    assert (found.agreed, found.total) == (1, 65)
    assert found.counterexample is not None
    assert dict(found.counterexample.values) != VALUES
    assert found.explanation == "Right at 1 of 65 points only: a formula has to hold everywhere."
    assert found.diagnosis.kind is Kind.RIGHT


def test_an_almost_right_formula_is_wrong() -> None:
    assert not check_formula(WORKED, "w", "2.00001*(w*x + b - y)*x").correct


def test_the_same_seed_gives_the_same_points_and_another_seed_others() -> None:
    first = check_formula(WORKED, "w", "-15.6", seed=1).counterexample
    again = check_formula(WORKED, "w", "-15.6", seed=1).counterexample
    other = check_formula(WORKED, "w", "-15.6", seed=2).counterexample
    assert first == again != other


def test_points_where_the_loss_is_not_defined_are_skipped_and_counted() -> None:
    found = check_formula(problem("log(w)", {"w": 1}, ["w"]), "w", "1/w")
    assert found.correct
    assert found.total + found.skipped == 65
    assert 8 <= found.skipped <= 24  # about half of the wide points


def test_a_kink_at_the_current_point_is_skipped_but_shown() -> None:
    found = check_formula(problem("relu(w)", {"w": 0}, ["w"]), "w", "relu(w)/w")
    assert found.correct
    assert found.skipped == 1
    assert math.isnan(found.theirs[0])
    assert found.autograd == (0.0,)


def test_a_formula_that_is_not_finite_where_the_slope_is_counts_as_wrong() -> None:
    found = check_formula(WORKED, "w", "log(w - 100)")
    assert found.agreed == 0
    assert found.diagnosis.explanation == "nan is no finite number, but the slope is: -15.6."


def test_nothing_is_judged_where_nothing_is_defined() -> None:
    found = check_formula(problem("log(-1 - w**2)", {"w": 1}, ["w"]), "w", "w")
    assert (found.total, found.skipped, found.correct) == (0, 65, False)
    assert found.explanation.startswith("No point could be judged")


def test_rounding_of_cancelled_sums_is_no_mistake() -> None:
    given = problem("(w*x + b - y)**2", {"w": 1e8, "x": 1, "b": 0.3, "y": 1e8}, ["w"], "float64")
    assert check_formula(given, "w", "2*x*((w*x - y) + b)").correct


def test_softplus_beyond_pytorchs_threshold_is_no_mistake() -> None:
    given = problem("softplus(w)", {"w": 21}, ["w"], "float64")
    assert check_formula(given, "w", "1/(1 + exp(-w))").correct


def test_a_batch_variable_is_judged_number_by_number() -> None:
    given = problem("(w*x - y)**2", {"w": 0.5, "x": [1, 2], "y": [3, 4]}, ["x"])
    assert check_formula(given, "x", "2*(w*x - y)*w").correct
    found = check_formula(given, "x", "2*(w*x - y)*x")
    assert len(found.theirs) == 2
    assert found.counterexample is not None
    assert found.counterexample.label in {"x[0]", "x[1]"}


def test_a_constant_is_reduced_like_any_formula() -> None:
    values: dict[str, float | list[float]] = {"w": 1, "x": [1, 2, 3]}
    assert check_formula(problem("w + x", values, ["w"], reduction="mean"), "w", "1").correct
    found = check_formula(problem("w + x", values, ["w"], reduction="sum"), "w", "1")
    assert found.correct
    assert found.theirs == (3.0,)


def test_a_name_that_the_loss_does_not_have_is_pointed_at() -> None:
    with pytest.raises(ExpressionError) as caught:
        check_formula(WORKED, "w", "2*w + v")
    assert caught.value.message == "`v` is not in the loss: use w, x, b, y."
    assert caught.value.excerpt() == "2*w + v\n      ^"


def test_a_huge_constant_in_a_formula_is_infinite_and_no_crash() -> None:
    assert check_formula(WORKED, "w", "w + pow(14, 269)").theirs == (math.inf,)


def test_a_text_that_is_no_formula_is_refused() -> None:
    with pytest.raises(ExpressionError):
        check_formula(WORKED, "w", "2*(w")


def test_an_unknown_variable_and_too_many_points_are_refused_in_one_line() -> None:
    with pytest.raises(ProblemError, match=r"`v` is not in the loss: choose among w, x, b, y\."):
        check_formula(WORKED, "v", "1")
    with pytest.raises(ProblemError, match=r"The number of random points is -1: choose 0 to 1,000\."):
        check_formula(WORKED, "w", "1", points=-1)


def test_a_formula_without_a_value_is_wrong() -> None:
    asked = problem("(w*x + b - y)**2", {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}, ["w"])
    for text in ("1/0", "log(0 - 1)", "exp(1000*x)*x"):
        assert not check_formula(asked, "w", text).correct
