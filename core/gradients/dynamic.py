"""Programs whose graph depends on the data: a loop, a branch and a recursion, traced as they run.

PyTorch does not compile a graph beforehand. It writes down what happened, each time anew, so an ordinary
`for`, `if` or recursive call decides which graph this run gets.
"""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.gradients.problem import ProblemError
from core.gradients.tape import Tape, trace

MAX_TURNS = 50
MAX_INPUT = 1e6


# Their source is shown as it stands, so it has no docstring.
def loop(w: Tensor, x: Tensor, turns: int) -> Tensor:  # noqa: D103
    h = x
    for _ in range(turns):
        h = torch.tanh(w * h)
    return h


def branch(w: Tensor, x: Tensor) -> Tensor:  # noqa: D103
    if x > 0:
        return (w * x) ** 2
    return torch.exp(w * x) - 1


def recursion(w: Tensor, x: Tensor) -> Tensor:  # noqa: D103
    if x.abs() <= 1:
        return w * x
    return 1 + recursion(w, x / 2)


@dataclass(frozen=True)
class Program:
    """A small program with a graph of its own in every run.

    Attributes:
        key: its name in links.
        title: its name on the page.
        function: what is run and, as source, shown.
        has_turns: whether it takes the number of turns.
        lesson: what to try and what to see.
    """

    key: str
    title: str
    function: Callable[..., Tensor]
    has_turns: bool
    lesson: str

    @property
    def code(self) -> str:
        """The program's source, without the type annotations that a reader does not need."""
        source = textwrap.dedent(inspect.getsource(self.function)).strip()
        for clutter in (": Tensor", ": int", " -> Tensor", "  # noqa: D103"):
            source = source.replace(clutter, "")
        return source


PROGRAMS = (
    Program("loop", "A loop", loop, True, "Change the number of turns: each turn writes two more nodes."),
    Program("branch", "A branch", branch, False, "Drag x across 0: the other branch writes another graph."),
    Program("recursion", "A recursion", recursion, False, "Double x: one more call, one more addition."),
)


@dataclass(frozen=True)
class Run:
    """One run: its graph, and in words what the data decided."""

    tape: Tape
    decision: str


def run(program: Program, w: float, x: float, turns: int = 3) -> Run:
    """Runs a program once at `w` and `x` in float32, forward and backward, with gradients for both.

    Raises:
        ProblemError: if a number is not finite, |x| is above a million, or the turns are not 0 to 50.
    """
    for name, value in (("w", w), ("x", x)):
        if not math.isfinite(value) or abs(value) > MAX_INPUT:
            raise ProblemError(f"`{name}` is {value!r}: give a number from -{MAX_INPUT:g} to {MAX_INPUT:g}.")
    if not 0 <= turns <= MAX_TURNS:
        raise ProblemError(f"The number of turns is {turns}: choose 0 to {MAX_TURNS}.")
    leaves = {"w": torch.tensor(w, requires_grad=True), "x": torch.tensor(x, requires_grad=True)}

    def program_with_turns(**tensors: Tensor) -> Tensor:
        return program.function(**tensors, turns=turns) if program.has_turns else program.function(**tensors)

    tape = trace(program_with_turns, leaves)
    return Run(tape, _decision(program, x, turns, tape))


def _decision(program: Program, x: float, turns: int, tape: Tape) -> str:
    count = sum(node.grad_fn is not None for node in tape.nodes)
    nodes = f"the graph has {count} nodes"
    if program.key == "loop":
        return f"{turns} turn{'s' * (turns != 1)}, so {nodes}"
    if program.key == "branch":
        taken = "x > 0, so the first branch ran" if x > 0 else "x is not above 0, so the second branch ran"
        return f"{taken}: {nodes}"
    calls = 1 + sum(node.operation == "div" for node in tape.nodes)
    return f"{calls} call{'s' * (calls != 1)} until |x| was at most 1, so {nodes}"
