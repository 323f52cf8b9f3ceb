"""The landscape: the loss at every grid point is the loss, and the picture shows what matters."""

import math

import pytest
import torch

from core.gradients import Problem, ProblemError, problem
from core.gradients.descent import descend
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.landscape import curve, landscape

WORKED = problem("(w*x + b - y)**2", {"w": 0.5, "x": 2, "b": 0.1, "y": 5}, ["w", "b"])


def test_every_grid_point_has_the_loss_that_python_computes_there() -> None:
    shown = landscape(WORKED, "w", "b", size=11)
    for row, b in enumerate(shown.up):
        for column, w in enumerate(shown.across):
            assert shown.losses[row][column] == pytest.approx((w * 2 + b - 5) ** 2, rel=1e-12, abs=1e-12)


def test_the_current_point_is_the_middle_of_the_grid() -> None:
    shown = landscape(WORKED, "w", "b")
    assert shown.at == (0.5, 0.1)
    assert shown.loss == pytest.approx(15.21)
    assert (shown.across[20], shown.up[20]) == pytest.approx(shown.at)
    assert shown.losses[20][20] == pytest.approx(shown.loss)


def test_the_arrow_is_the_gradient_that_the_page_shows_also_for_other_axes() -> None:
    assert landscape(WORKED, "w", "b").gradient == pytest.approx((-15.6, -7.8), rel=1e-6)
    assert landscape(WORKED, "y", "x").gradient == pytest.approx((7.8, -3.9), rel=1e-6)


def test_the_lowest_point_of_an_axis_is_in_view() -> None:
    shown = curve(problem("(w - 30)**2", {"w": 1}, ["w"]), "w")
    assert shown.positions[0] < shown.at < 30 < shown.positions[-1]
    assert min(shown.losses) < 1


def test_a_descent_stays_in_view() -> None:
    path = descend(WORKED, 0.19, 60)
    points = list(zip(path.along("w"), path.along("b"), strict=True))
    shown = landscape(WORKED, "w", "b", path=points)
    assert all(shown.across[0] < w < shown.across[-1] and shown.up[0] < b < shown.up[-1] for w, b in points)


def test_a_diverged_descent_does_not_blow_up_the_picture() -> None:
    shown = landscape(WORKED, "w", "b", path=[(0.5, 0.1), (1e9, -1e9), (math.inf, math.nan)])
    assert shown.across[-1] - shown.across[0] < 100
    assert shown.not_finite == 0


def test_places_where_the_loss_is_not_defined_are_kept_and_counted() -> None:
    shown = landscape(problem("log(w) + b", {"w": 1, "b": 0}, ["w"]), "w", "b", ((-1, 1), (0, 1)), size=5)
    assert [math.isfinite(loss) for loss in shown.losses[0]] == [False, False, False, True, True]
    assert shown.losses[0][2] == -math.inf
    assert shown.not_finite == 15


def test_a_batch_is_reduced_at_every_point() -> None:
    values: dict[str, float | list[float]] = {"w": 0.5, "b": 0.1, "x": [1, 2, 3], "y": [2, 3, 5]}
    for reduction, share in (("mean", 1 / 3), ("sum", 1.0)):
        given = problem("(w*x + b - y)**2", values, ["w", "b"], reduction=reduction)
        shown = landscape(given, "w", "b", ((0, 1), (-1, 1)), size=3)
        expected = sum((1.0 * x - 1 - y) ** 2 for x, y in ((1, 2), (2, 3), (3, 5))) * share
        assert shown.losses[0][2] == pytest.approx(expected)


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_every_example_of_the_gallery_has_a_curve_with_its_loss_in_it(shown: Example) -> None:
    given = problem(shown.loss, shown.values, shown.wrt)
    line = curve(given, shown.wrt[0])
    assert line.not_finite == 0
    assert min(line.losses) <= line.loss <= max(line.losses)
    # The slope of the curve, read off the picture, is the derivative.
    middle = len(line.positions) // 2
    run = line.positions[middle + 1] - line.positions[middle - 1]
    rise = line.losses[middle + 1] - line.losses[middle - 1]
    assert rise / run == pytest.approx(line.slope, rel=0.05, abs=0.02)


def test_the_surface_is_float64_whatever_the_dtype() -> None:
    given = problem("(w*x)**2", {"w": 1e10, "x": 1e10}, ["w"])
    assert landscape(given, "w", "x").loss == pytest.approx(1e40)


BATCH = problem("w*x", {"w": 1, "x": [1, 2]}, ["w"])


@pytest.mark.parametrize(
    ("given", "horizontal", "vertical", "options", "message"),
    [
        (WORKED, "w", "w", {}, "Both axes are `w`: choose two different variables."),
        (WORKED, "w", "v", {}, "`v` is not in the loss: choose among w, x, b, y."),
        (BATCH, "w", "x", {}, "`x` is a batch of 2 numbers: choose a variable that is one number."),
        (WORKED, "w", "b", {"size": 2}, "The grid has 2 points per axis: choose 3 to 401."),
        (WORKED, "w", "b", {"size": 402}, "The grid has 402 points per axis: choose 3 to 401."),
        (
            WORKED, "w", "b", {"spans": ((1, 1), (0, 1))},
            "The axis runs from 1 to 1: give two finite numbers, the lower first.",
        ),
        (
            WORKED, "w", "b", {"spans": ((0, math.inf), (0, 1))},
            "The axis runs from 0 to inf: give two finite numbers, the lower first.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_choice_is_refused_in_one_line(
    given: Problem, horizontal: str, vertical: str, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        landscape(given, horizontal, vertical, **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_curve_refuses_a_batch() -> None:
    with pytest.raises(ProblemError, match="`x` is a batch of 2 numbers"):
        curve(BATCH, "x")


def test_an_enormous_value_still_has_an_axis() -> None:
    shown = curve(problem("w*2", {"w": 1.7e308}, ["w"], "float64"), "w", size=5)
    assert all(math.isfinite(position) for position in shown.positions)
    assert not torch.tensor(shown.losses).isfinite().all()
