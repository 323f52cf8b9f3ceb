"""The derivation's lines, against gradients that a plain PyTorch program retains."""

import re
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from core.gradients.derivation import MAX_TERMS, Phase, Step, derive, loss_in_numbers
from core.gradients.latex import number
from core.gradients.problem import Problem, problem
from tests.core.gradients.strategies import TORCH, Point, Tree, smooth_problems, text
from tests.core.gradients.test_latex import check_balance

Values = dict[str, float | Sequence[float]]
LOSS = "(w*x + b - y)**2"
VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


def retained(given: Problem) -> dict[int, Tensor]:
    """Each node's gradient by autograd: the formula as a plain program whose tensors keep theirs."""
    leaves = given.tensors(requires_grad=True)
    results: list[Tensor | float] = []
    for node in given.expression.nodes:
        inputs = [results[position] for position in node.inputs]
        if node.op == "variable":
            results.append(leaves[node.name])
        elif node.op == "constant":
            results.append(node.value)
        elif not any(isinstance(item, Tensor) for item in inputs):
            results.append(
                float(TORCH[node.op](*(torch.tensor(item, dtype=torch.float64) for item in inputs)))
            )
        elif node.op in {"mean", "sum"}:
            assert isinstance(inputs[0], Tensor)
            results.append(inputs[0].mean() if node.op == "mean" else inputs[0].sum())
        elif node.op in {"min", "max"}:
            results.append(
                TORCH[node.op](*(torch.as_tensor(item, dtype=given.torch_dtype) for item in inputs))
            )
        else:
            results.append(TORCH[node.op](*inputs))
        last = results[-1]
        if isinstance(last, Tensor) and last.requires_grad:
            last.retain_grad()
    assert isinstance(results[-1], Tensor)
    torch.autograd.backward(results[-1])
    return {
        index: item.grad
        for index, item in enumerate(results)
        if isinstance(item, Tensor) and item.requires_grad and item.grad is not None
    }


def stated(step: Step) -> list[float]:
    """The numbers at the end of a line, as far as it shows them."""
    last = step.numeric.rsplit(" = ", 1)[-1].replace(r"\left(", "").replace(r"\right)", "")
    items = [item for item in last.split(r",\ ") if item != r"\ldots"]
    return [float(re.sub(r"\\times 10\^\{(-?\d+)\}", r"e\1", item)) for item in items]


def shows_minus_zero(step: Step) -> bool:
    """Whether a value is written as -0; the negation of a 0, `-0 = 0`, is not one."""
    return re.search(r"-0(?![\d.])", step.numeric.rsplit(" = ", 1)[-1]) is not None


def check_against_autograd(given: Problem) -> None:
    expected = retained(given)
    derivation = derive(given)
    backward = [step for step in derivation.steps if step.phase is Phase.BACKWARD]
    root = given.expression.root
    assert sorted(step.node for step in backward) == sorted(set(expected) - {root})
    assert [step.node for step in backward] == sorted((step.node for step in backward), reverse=True)
    for step in backward:
        numbers = expected[step.node].reshape(-1).tolist()[:MAX_TERMS]
        assert stated(step) == pytest.approx(numbers, rel=2e-4, abs=1e-7)
        assert step.symbolic.startswith(rf"\frac{{\partial L}}{{\partial {derivation.names[step.node]}}} = ")
    results = [step for step in derivation.steps if step.phase is Phase.RESULT]
    assert [given.expression.nodes[step.node].name for step in results] == list(given.wrt)
    for step in results:
        numbers = expected[step.node].reshape(-1).tolist()[:MAX_TERMS] if step.node in expected else [0.0]
        assert stated(step) == pytest.approx(numbers, rel=2e-4, abs=1e-7)
    for step in derivation.steps:
        assert 0 <= step.node <= root
        assert step.words
        check_balance(step.symbolic)
        check_balance(step.numeric)
        assert not shows_minus_zero(step)


@settings(max_examples=80, deadline=None)
@given(smooth_problems())
def test_every_line_states_autograds_gradient_and_every_gradient_has_a_line(case: tuple[Tree, Point]) -> None:
    tree, point = case
    check_against_autograd(problem(text(tree), point, sorted(point), "float64"))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("wrt", [["w"], ["w", "b"], ["x", "w"], ["w", "x", "b", "y"]])
@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize("formula", [LOSS, "tanh(w*x + b)*y", "w*x + b*y", "w**2 - x*w + b - y"])
def test_batches_too(formula: str, size: int, wrt: list[str], reduction: str) -> None:
    xs = [0.5 * turn - 1.25 for turn in range(size)]
    values: Values = {"w": 0.5, "x": xs, "b": 0.1, "y": [x * x for x in xs]}
    check_against_autograd(problem(formula, values, wrt, "float64", reduction))


def test_the_worked_example_reads_as_on_a_blackboard() -> None:
    derivation = derive(problem(LOSS, VALUES, ["w", "b"], "float64"))
    lines = [(step.phase, step.symbolic, step.numeric) for step in derivation.steps]
    assert (Phase.FORWARD, "u_{1} = w\\,x", r"0.5 \cdot 2 = 1") in lines
    assert (Phase.FORWARD, "L = u_{3}^{2}", r"\left(-3.9\right)^{2} = 15.21") in lines
    assert (
        Phase.BACKWARD,
        r"\frac{\partial L}{\partial u_{3}} = 2\,u_{3}",
        r"2 \cdot \left(-3.9\right) = -7.8",
    ) in [
        (phase, symbolic.replace(r" = \frac{\partial L}{\partial u_{3}}", ""), numeric)
        for phase, symbolic, numeric in lines
    ]
    assert lines[-2] == (
        Phase.RESULT,
        r"\frac{\partial L}{\partial w} = 2\,\left(w\,x + b - y\right)\,x",
        r"2\,\left(0.5 \cdot 2 + 0.1 - 5\right) \cdot 2 = -15.6",
    )
    assert lines[-1][2].endswith("= -7.8")


def test_the_lines_go_forward_then_backward_then_to_the_result() -> None:
    derivation = derive(problem(LOSS, VALUES, ["w", "b"], "float64"))
    phases = [step.phase for step in derivation.steps]
    assert phases == sorted(phases, key=list(Phase).index)
    assert derivation.names[max(derivation.names)] == "L"


def test_where_a_batch_reaches_one_number_its_terms_are_shown() -> None:
    values: Values = {"w": 0.5, "x": [1.0, 2.0, 3.0], "b": 0.1, "y": [5.0, 4.0, -3.0]}
    derivation = derive(problem(LOSS, values, ["w"], "float64", "sum"))
    (line,) = [
        step
        for step in derivation.steps
        if step.phase is Phase.BACKWARD and derivation.names[step.node] == "w"
    ]
    terms = line.numeric.split(" = ")[0].split(" + ")
    assert len(terms) == 3
    products = [2 * (0.5 * x + 0.1 - y) * x for x, y in zip((1.0, 2.0, 3.0), (5.0, 4.0, -3.0), strict=True)]
    found = []
    for term in terms:
        one, two = term.replace(r"\left(", "").replace(r"\right)", "").split(r" \cdot ")
        found.append(float(one) * float(two))
    assert found == pytest.approx(products)
    assert stated(line) == pytest.approx([sum(products)])


def test_a_long_batch_is_cut_with_dots() -> None:
    values: Values = {"w": 0.5, "x": [float(turn) for turn in range(10)], "b": 0.1, "y": 5.0}
    derivation = derive(problem(LOSS, values, ["w"], "float64"))
    assert any(r"\cdots" in step.numeric for step in derivation.steps)
    assert any(r"\ldots" in step.numeric for step in derivation.steps)


def test_behind_the_sum_sign_and_one_nth_a_sum_is_bracketed() -> None:
    values: Values = {"w": 0.5, "x1": [1.0, 2.0], "b": 0.1}
    given = problem("w*x1**2 + b*x1 + w", values, ["x1", "w"], "float64")
    written, in_numbers = loss_in_numbers(given)
    assert written == r"\frac{1}{2} \sum_{i=1}^{2} \left(w\,x_{1,i}^{2} + b\,x_{1,i} + w\right)"
    assert in_numbers == ""
    results = {step.symbolic for step in derive(given).steps if step.phase is Phase.RESULT}
    assert any(re.search(r"= \\frac\{1\}\{2\} \\cdot \\left\(.*\\right\)$", line) for line in results)
    assert any(re.search(r"\\sum_\{i=1\}\^\{2\} \\left\(.*\\right\)$", line) for line in results)


def test_the_loss_in_symbols_and_in_numbers() -> None:
    assert loss_in_numbers(problem(LOSS, VALUES, ["w"])) == (
        r"\left(w\,x + b - y\right)^{2}",
        r"\left(0.5 \cdot 2 + 0.1 - 5\right)^{2}",
    )


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("-w", {"w": 0.0}),
        ("w*x", {"w": 0.0, "x": -1.0}),
        ("exp(-w**2)", {"w": 0.0}),
        ("0*-w", {"w": 2.0}),
        ("w - x", {"w": -0.0, "x": 0.0}),
    ],
)
def test_minus_zero_is_never_shown(formula: str, values: Point) -> None:
    given = problem(formula, values, sorted(values), "float64")
    for step in derive(given).steps:
        assert not shows_minus_zero(step)
    assert number(-0.0) == "0"


def test_a_variable_alone_is_its_own_derivation() -> None:
    derivation = derive(problem("w", {"w": 2.0}, ["w"], "float64"))
    assert [(step.phase, step.numeric) for step in derivation.steps] == [(Phase.RESULT, "1")]


def test_a_result_too_long_to_write_is_not_written() -> None:
    formula = "w"
    for _ in range(7):
        formula = f"sin({formula})*cos({formula})" if len(formula) < 400 else formula
    derivation = derive(problem(formula, {"w": 0.3}, ["w"], "float64"))
    assert derivation.steps[-1].symbolic.endswith(r"\cdots")
    assert "too long" in derivation.steps[-1].words


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_numbers_are_those_of_the_dtype(dtype: str) -> None:
    given = problem(LOSS, {"w": 0.1, "x": 0.3, "b": 0.7, "y": 0.9}, ["w"], dtype)
    expected = retained(given)
    last = derive(given).steps[-1]
    assert stated(last) == pytest.approx([float(expected[last.node])], rel=1e-4)
