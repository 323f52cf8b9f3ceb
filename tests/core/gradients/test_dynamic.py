"""The graph is made anew at each run: the data decides how many nodes there are."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients.dynamic import MAX_TURNS, PROGRAMS, Program, run
from core.gradients.problem import ProblemError

LOOP, BRANCH, RECURSION = PROGRAMS


def operations(program: Program, x: float, turns: int = 3) -> list[str]:
    return [node.operation for node in run(program, 0.5, x, turns).tape.nodes if node.operation]


@pytest.mark.parametrize("turns", [0, 1, 7, MAX_TURNS])
def test_a_loop_writes_two_nodes_a_turn(turns: int) -> None:
    assert operations(LOOP, 2.0, turns) == ["mul", "tanh"] * turns


def test_a_branch_writes_the_graph_of_the_side_that_ran() -> None:
    assert operations(BRANCH, 2.0) == ["mul", "pow"]
    assert operations(BRANCH, -2.0) == ["mul", "exp", "sub"]
    assert "second branch" in run(BRANCH, 0.5, 0.0).decision


@pytest.mark.parametrize(("x", "halvings"), [(1.0, 0), (2.0, 1), (-3.0, 2), (100.0, 7), (1e6, 20)])
def test_a_recursion_goes_as_deep_as_the_data_asks(x: float, halvings: int) -> None:
    assert operations(RECURSION, x) == ["div"] * halvings + ["mul"] + ["add"] * halvings


@settings(max_examples=30)
@given(st.sampled_from(PROGRAMS), st.floats(-3, 3), st.floats(-20, 20), st.integers(0, 6))
def test_the_gradients_are_those_of_the_program_itself(
    program: Program, w: float, x: float, turns: int
) -> None:
    leaves = [torch.tensor(w, requires_grad=True), torch.tensor(x, requires_grad=True)]
    loss = program.function(*leaves, turns) if program.has_turns else program.function(*leaves)
    expected = [0.0, 0.0]
    if loss.grad_fn is not None:
        found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        expected = [float(gradient) for gradient in found]
    tape = run(program, w, x, turns).tape
    assert tape.loss == float(loss.detach())
    for name, gradient in zip(("w", "x"), expected, strict=True):
        assert (tape.leaf(name).gradient or (0.0,)) == (gradient,)


def test_the_code_shown_is_the_code_that_runs() -> None:
    for program in PROGRAMS:
        assert program.code.startswith(f"def {program.key}(w, x")
        assert "noqa" not in program.code
        names: dict[str, object] = {"torch": torch}
        exec(program.code, names)  # noqa: S102 - the product's own text, to see that a visitor can run it
        shown = names[program.key]
        assert callable(shown)
        leaves = torch.tensor(0.5), torch.tensor(3.0)
        turns = (4,) if program.has_turns else ()
        assert float(shown(*leaves, *turns)) == float(program.function(*leaves, *turns))


@pytest.mark.parametrize("number", [math.nan, math.inf, 2e6])
def test_numbers_out_of_range_are_refused_in_one_line(number: float) -> None:
    with pytest.raises(ProblemError, match=r"^`x` is .*: give a number from -1e\+06 to 1e\+06\.$"):
        run(RECURSION, 0.5, number)


@pytest.mark.parametrize("turns", [-1, MAX_TURNS + 1])
def test_turns_out_of_range_are_refused_in_one_line(turns: int) -> None:
    with pytest.raises(ProblemError, match=f"^The number of turns is {turns}: choose 0 to {MAX_TURNS}"):
        run(LOOP, 0.5, 2.0, turns)
