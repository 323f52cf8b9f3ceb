"""The two modes of autograd: what they give, and that forward mode keeps visitors apart."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from torch.autograd import forward_ad

from core.gradients import autograd
from core.gradients.operations import DTYPES
from core.gradients.problem import problem
from core.gradients.witnesses import Comparison, compare
from tests.core.gradients.strategies import Point, Tree, program, smooth_problems, text

LOSS = "(w*x + b - y)**2"
VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


@settings(max_examples=40, deadline=None)
@given(smooth_problems(bound=50.0))
def test_autograd_differentiates_the_program_a_person_would_write(case: tuple[Tree, Point]) -> None:
    tree, point = case
    leaves = {
        name: torch.tensor(number, dtype=torch.float64, requires_grad=True) for name, number in point.items()
    }
    loss = program(tree, leaves)
    assert isinstance(loss, torch.Tensor)
    expected = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    found = compare(text(tree), point, list(leaves), "float64")
    for name, gradient in zip(leaves, expected, strict=True):
        # PyTorch's default softplus is a straight line above 20, off by 2e-9; ours is not.
        assert found[name].autograd == pytest.approx(float(gradient), rel=1e-6, abs=1e-7)


@settings(max_examples=40)
@given(smooth_problems(bound=50.0))
def test_both_modes_give_the_same_derivative(case: tuple[Tree, Point]) -> None:
    tree, point = case
    asked = problem(text(tree), point, sorted(point), "float64")
    _, reverse = autograd.by_autograd(asked)
    forward = autograd.by_forward_mode(asked)
    for name in point:
        assert float(forward[name]) == pytest.approx(float(reverse[name]), rel=1e-9, abs=1e-12)


def test_pytorch_keeps_one_forward_mode_level_per_process() -> None:
    inside, done = threading.Event(), threading.Event()
    problems: list[str] = []

    def hold() -> None:
        with forward_ad.dual_level():
            inside.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert inside.wait(10)
        try:
            with forward_ad.dual_level():
                pass
        except RuntimeError as error:
            problems.append(str(error))
    finally:
        done.set()
        holder.join()
    assert problems, "the lock in autograd.py is no longer needed: remove it"


def test_a_comparison_waits_while_another_thread_is_in_forward_mode() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with autograd._DUAL_LEVEL, forward_ad.dual_level():
            inside.set()
            leave.wait(10)

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold)
        assert inside.wait(10)
        waiting = pool.submit(compare, LOSS, VALUES, ["w"], "float64")
        try:
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        finally:
            leave.set()
        holder.result(10)
        assert waiting.result(10)["w"].forward_mode == -15.6


def _cases() -> list[tuple[str, dict[str, float], str]]:
    return [
        (formula, {"w": 0.5 + turn / 7, "x": 2.0, "b": 0.1, "y": 5.0}, dtype)
        for turn in range(3)
        for formula in (LOSS, "tanh(w*x + b)*y", "softplus(-y*(w*x + b))", "max(0, 1 - y*(w*x + b))")
        for dtype in DTYPES
    ]


def test_eight_threads_at_once_get_what_one_gets() -> None:
    cases = _cases()

    def work(start: int) -> list[Comparison]:
        order = cases[start * 7 % len(cases) :] + cases[: start * 7 % len(cases)]
        found = {repr(case): compare(case[0], case[1], ["w", "x", "b", "y"], case[2]) for case in order}
        return [found[repr(case)] for case in cases]

    alone = [repr(comparison.rows) for comparison in work(0)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(8)))
    for comparisons in together:
        assert [repr(comparison.rows) for comparison in comparisons] == alone


def test_nothing_of_pytorchs_state_is_changed() -> None:
    before = (
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_inference_mode_enabled(),
    )
    generator = torch.get_rng_state()
    for formula, values in ((LOSS, VALUES), ("relu(w)", {"w": 0.0}), ("log(w)", {"w": -1.0})):
        compare(formula, values, ["w"], "bfloat16")
    after = (
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_inference_mode_enabled(),
    )
    assert after == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert forward_ad._current_level == -1
