"""The value of every node, against mpmath and plain PyTorch programs."""

import pytest
import torch
from hypothesis import given, settings

from core.gradients.evaluation import evaluate, final, numbers
from core.gradients.expression import parse
from core.gradients.operations import dtype_of
from core.gradients.problem import ProblemError, problem
from tests.core.gradients.strategies import DTYPES, Point, Tree, exact, program, smooth_problems, text


@settings(max_examples=60, deadline=None)
@given(smooth_problems())
def test_the_value_is_that_of_the_program_a_person_would_write(case: tuple[Tree, Point]) -> None:
    tree, point = case
    for dtype in DTYPES:
        tensors = {name: torch.tensor(number, dtype=dtype_of(dtype)) for name, number in point.items()}
        found = evaluate(parse(text(tree)), tensors)[-1]
        expected = program(tree, tensors)
        assert isinstance(found, torch.Tensor)
        assert found.dtype == dtype_of(dtype)
        rough = 1e-6 if dtype == "float64" else 64 * torch.finfo(dtype_of(dtype)).eps
        assert float(found) == pytest.approx(float(expected), rel=rough, abs=rough)


@settings(max_examples=60, deadline=None)
@given(smooth_problems(bound=20.0))
def test_in_float64_the_value_is_the_mathematical_one(case: tuple[Tree, Point]) -> None:
    tree, point = case
    tensors = {name: torch.tensor(number, dtype=torch.float64) for name, number in point.items()}
    found = final(evaluate(parse(text(tree)), tensors), torch.zeros((), dtype=torch.float64))
    assert float(found) == pytest.approx(float(exact(tree, point)), rel=1e-9, abs=1e-9)


def test_a_batch_gives_one_value_per_example() -> None:
    x = torch.tensor([1.0, -2.0, 3.0])
    found = evaluate(parse("(w*x)**2 + 1"), {"w": torch.tensor(2.0), "x": x})[-1]
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == [5.0, 17.0, 37.0]


def test_constants_alone_stay_python_numbers_computed_in_float64() -> None:
    values = evaluate(parse("exp(1) + 2**3", allow_constant=True), {})
    assert values[-1] == pytest.approx(10.718281828459045, rel=1e-15)
    assert all(isinstance(value, float) for value in values)
    like = torch.zeros((), dtype=torch.float16)
    assert final(values, like).dtype == torch.float16


def test_constants_do_not_change_the_dtype() -> None:
    for dtype in DTYPES:
        x = torch.tensor(2.0, dtype=dtype_of(dtype))
        for formula in ("1/x", "x/3", "2 - x", "x**0.5", "2**x", "max(x, 0)", "min(1, x)"):
            found = evaluate(parse(formula), {"x": x})[-1]
            assert isinstance(found, torch.Tensor)
            assert found.dtype == dtype_of(dtype)


def test_a_constant_that_pytorch_refuses_is_refused_in_one_line() -> None:
    given = problem("w**-1e9", {"w": 2.0}, ["w"], "float16")
    refusal = r"^PyTorch refuses the number -1e\+09 in the loss: it does not fit float16"
    with pytest.raises(ProblemError, match=refusal):
        evaluate(given.expression, given.tensors())


def test_a_constant_beyond_the_dtype_is_used_where_pytorch_takes_it() -> None:
    given = problem("100000*w", {"w": 0.5}, ["w"], "float16")
    value = evaluate(given.expression, given.tensors())[-1]
    assert numbers(value) == (49_984.0,)  # the nearest float16 to 50,000
