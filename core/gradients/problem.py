"""A problem: a loss, the values of its variables, what to differentiate by and in which dtype."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.gradients.expression import Builder, Expression, parse
from core.gradients.operations import DTYPES, REDUCTIONS, dtype_of

MAX_BATCH = 64


class ProblemError(ValueError):
    """Values that do not fit the loss: one line with what came, what was expected and what to do."""


@dataclass(frozen=True)
class Problem:
    """Everything that a gradient depends on.

    Attributes:
        expression: the loss as one number: the formula, with its reduction if a variable is a batch.
        formula: the loss of one example.
        values: a number or a batch of numbers per variable.
        wrt: the variables to differentiate by.
        dtype: the name of the dtype of every tensor.
        reduction: `mean` or `sum` where a variable is a batch, else None.
    """

    expression: Expression
    formula: Expression
    values: Mapping[str, float | tuple[float, ...]]
    wrt: tuple[str, ...]
    dtype: str
    reduction: str | None

    @cached_property
    def batch(self) -> int:
        """Number of examples: the length of the lists, or 1."""
        return max((len(value) for value in self.values.values() if isinstance(value, tuple)), default=1)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype itself."""
        return dtype_of(self.dtype)

    def tensors(self, *, requires_grad: bool = False) -> dict[str, Tensor]:
        """A new leaf per variable, shape () or (n,), in the problem's dtype."""
        return {
            name: torch.tensor(
                value, dtype=self.torch_dtype, requires_grad=requires_grad and name in self.wrt
            )
            for name, value in self.values.items()
        }

    @cached_property
    def exact(self) -> Mapping[str, Tensor]:
        """The numbers that `tensors` holds (rounded to the dtype), as float64; not to be changed."""
        return {name: tensor.to(torch.float64) for name, tensor in self.tensors().items()}


def problem(
    loss: str | Expression,
    values: Mapping[str, float | Sequence[float]],
    wrt: Sequence[str],
    dtype: str = "float32",
    reduction: str = "mean",
) -> Problem:
    """Checks the parts of a problem and puts them together.

    Args:
        loss: a formula such as `(w*x + b - y)**2`, as text or parsed.
        values: a number per variable, or a list of up to 64 numbers for a batch; names that the loss
            does not use are ignored.
        wrt: the variables to differentiate by: at least one, each used in the loss.
        dtype: float64, float32, bfloat16 or float16.
        reduction: how the losses of a batch become one number: `mean` or `sum`.

    Raises:
        ExpressionError: if the loss is no formula.
        ProblemError: if a value is missing, not finite or of the wrong length, or a name is unknown.
    """
    formula = parse(loss) if isinstance(loss, str) else loss
    if dtype not in DTYPES:
        raise ProblemError(f"The dtype is {dtype!r}: choose one of {', '.join(DTYPES)}.")
    if reduction not in REDUCTIONS:
        raise ProblemError(f"The reduction is {reduction!r}: choose mean or sum.")
    checked = {name: _checked(name, values) for name in formula.variables}
    _check_lengths(checked)
    if not wrt:
        raise ProblemError("No variable requires a gradient: choose at least one.")
    for name in wrt:
        if name not in checked:
            raise ProblemError(f"`{name}` is not in the loss: choose among {', '.join(checked)}.")
    expression, used_reduction = formula, None
    if any(isinstance(value, tuple) for value in checked.values()):
        builder = Builder(formula.nodes)
        expression = builder.build(builder.apply(reduction, formula.root))
        used_reduction = reduction
    return Problem(expression, formula, checked, tuple(dict.fromkeys(wrt)), dtype, used_reduction)


def _checked(name: str, values: Mapping[str, float | Sequence[float]]) -> float | tuple[float, ...]:
    if name not in values:
        raise ProblemError(f"`{name}` has no value: give it a number.")
    value = values[name]
    if isinstance(value, Sequence):
        if not 1 <= len(value) <= MAX_BATCH:
            raise ProblemError(f"`{name}` has {len(value)} numbers: give 1 to {MAX_BATCH}.")
        return tuple(_finite(f"{name}[{index}]", item) for index, item in enumerate(value))
    return _finite(name, value)


def _finite(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond float64
        number = math.inf
    if not math.isfinite(number):
        raise ProblemError(f"`{name}` is {number}: give a finite number such as 0.5.")
    return number


def _check_lengths(values: Mapping[str, float | tuple[float, ...]]) -> None:
    lengths = {name: len(value) for name, value in values.items() if isinstance(value, tuple)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        raise ProblemError(f"Lists must have the same length: {listed} numbers.")
