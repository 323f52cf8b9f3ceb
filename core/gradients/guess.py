"""Predict first: what a wrong guess of a derivative says about how it was made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

import torch
from torch import Tensor

from core.gradients.autograd import by_autograd
from core.gradients.evaluation import Value, evaluate
from core.gradients.expression import CONSTANT, VARIABLE, Builder, Expression, ExpressionError, parse
from core.gradients.finite_difference import by_finite_difference
from core.gradients.operations import REDUCTIONS
from core.gradients.problem import Problem, ProblemError
from core.gradients.reverse import HandDerivation, depends_on, differentiate
from core.gradients.source import constant_parts, infix
from core.gradients.symbolic import derivative, written_size
from core.gradients.tolerance import SAFETY, scales

_ROUNDED = 0.005
_MOST_NODES = 40
"""Mistakes are sought along this many operations; further ones cost time and name nothing a visitor sees."""
_LONGEST_NAME = 30
_LINEAR = {"add", "sub", "neg", *REDUCTIONS}


class Kind(StrEnum):
    """What a guess is, next to the derivative."""

    RIGHT = "right"
    ROUNDING = "off by rounding"
    KINK = "a slope at a kink"
    NOT_FINITE = "not finite"
    ZERO = "zero"
    SIGN = "sign flipped"
    FORGOT_INNER = "forgot the inner derivative"
    ONLY_INNER = "only the inner derivative"
    LOSS = "the loss itself"
    OTHER_VARIABLE = "another variable's derivative"
    FACTOR_MISSING = "a factor missing"
    FACTOR_EXTRA = "a factor too many"
    SIGN_AND_FACTOR = "sign flipped, and more"
    NONE = "none of these"


@dataclass(frozen=True)
class Diagnosis:
    """What a guess is.

    Attributes:
        kind: the mistake, or that there is none.
        explanation: one sentence for the person who guessed.
        factor: what the guess must be multiplied by to be right, where one factor is the whole mistake.
    """

    kind: Kind
    explanation: str
    factor: float | None = None

    @property
    def correct(self) -> bool:
        """Whether the guess counts as right."""
        return self.kind in {Kind.RIGHT, Kind.ROUNDING, Kind.KINK}


@dataclass(frozen=True)
class _Mistake:
    """A way to be wrong, and the number that it leads to."""

    kind: Kind
    value: float
    explanation: str


@dataclass(frozen=True)
class _Named:
    """A number in the formula that a factor may be."""

    value: float
    name: str


def read_guess(text: str) -> float:
    """The number a visitor typed: `-15.6`, `-78/5`, `2*(0.5*2 + 0.1 - 5)*2`, also `inf` or `nan`.

    Raises:
        ExpressionError: if it is no number, in one line.
    """
    word = text.strip().lower().replace("−", "-")
    if word.lstrip("+-") in {"inf", "infinity", "∞"}:
        return -math.inf if word.startswith("-") else math.inf
    if word == "nan":
        return math.nan
    if not word:
        raise ExpressionError("The guess is empty: type a number such as 3.5 or 7/2.")
    typed = text.strip().replace("−", "-")
    expression = parse(typed, allow_constant=True)
    if expression.variables:
        name = expression.variables[0]
        position = typed.find(name)
        message = f"A guess is a number such as 3.5 or 7/2: put a value in for `{name}`."
        raise ExpressionError(message, typed, position if position >= 0 else None)
    value = evaluate(expression, {})[-1]
    if not math.isfinite(value):
        raise ExpressionError(f"This comes to {float(value)}, not to a finite number: check it.", typed)
    return float(value)


def diagnose(problem: Problem, name: str, guess: float, *, tolerance: float = _ROUNDED) -> Diagnosis:
    """Says what a guess of the derivative by `name` is.

    The mistakes are looked for in this order, and the first that gives the guessed number is reported: sign,
    stopping before the chain's end, the loss or another derivative instead, a factor missing or too many,
    only a part of the chain; then each of these with the wrong sign.

    Args:
        problem: the loss and its values.
        name: a variable of the loss, or `x[2]` for one number of a batch.
        guess: the number.
        tolerance: relative distance up to which a guess counts as right but rounded.

    Raises:
        ProblemError: if the name is unknown.
    """
    case = _Case.of(problem, name)
    return (
        _right(case, guess, tolerance)
        or _kink(case, guess)
        or _without_size(case, guess)
        or _sign(case, guess, tolerance)
        or _mistaken(case, guess)
        or _unknown(case, guess)
    )


def _right(case: _Case, guess: float, tolerance: float) -> Diagnosis | None:
    truth, page, dtype = case.truth, case.page, case.problem.dtype
    if math.isnan(guess):
        alike = math.isnan(truth) or math.isnan(page)
        return Diagnosis(Kind.RIGHT, "Right: the derivative is not a number here.") if alike else None
    if guess in (truth, page) and math.isinf(guess):
        return Diagnosis(Kind.RIGHT, f"Right: the derivative is {guess:g} here.")
    apart = math.isfinite(truth) and not abs(page - truth) <= max(tolerance * abs(truth), 1e-9 * abs(truth))
    if math.isfinite(truth) and abs(guess - truth) <= 1e-9 * abs(truth):
        text = (
            f"Right in exact arithmetic; {dtype} makes {page:.6g} of it."
            if apart
            else f"Right: {guess:.10g}."
        )
        return Diagnosis(Kind.RIGHT, text, 1.0)
    if math.isfinite(page) and abs(guess - page) <= min(case.error, tolerance * abs(page)):
        exact = f"Right for {dtype}; exact arithmetic gives {truth:.6g}."
        return Diagnosis(Kind.RIGHT, exact if apart else f"Right: {guess:.10g}.", 1.0)
    for value in (truth, page):
        if (
            guess != 0
            and math.isfinite(value)
            and (_same(guess, value) or abs(guess - value) <= tolerance * abs(value))
        ):
            return Diagnosis(Kind.ROUNDING, f"Right, up to rounding: it is {value:.8g}.", value / guess)
    return None


def _without_size(case: _Case, guess: float) -> Diagnosis | None:
    """A guess or a derivative that is zero or not finite: nothing to compare sizes with."""
    if not math.isfinite(case.truth):
        text = f"There is no finite slope here: the derivative is {case.truth:g}."
        return Diagnosis(Kind.NOT_FINITE, text)
    if not math.isfinite(guess):
        return Diagnosis(Kind.NONE, f"{guess:g} is no finite number, but the slope is: {case.truth:.6g}.")
    if guess == 0:
        return Diagnosis(Kind.ZERO, f"Not zero: the loss does change with {case.label} here.")
    return None


def _sign(case: _Case, guess: float, tolerance: float) -> Diagnosis | None:
    truth = case.truth
    if truth != 0 and (_same(guess, -truth) or abs(guess + truth) <= tolerance * abs(truth)):
        return Diagnosis(Kind.SIGN, f"Right size, wrong sign: it is {_direction(truth, case.label)}.", -1.0)
    return None


def _mistaken(case: _Case, guess: float) -> Diagnosis | None:
    """The first usual mistake that gives the guessed number."""
    mistakes = [mistake for mistake in case.mistakes() if math.isfinite(mistake.value) and mistake.value != 0]
    for mistake in mistakes:
        if _same(guess, mistake.value):
            return Diagnosis(mistake.kind, mistake.explanation, case.truth / guess)
    for mistake in mistakes:
        if _same(guess, -mistake.value):
            text = f"The sign is wrong, and more: {mistake.explanation[0].lower()}{mistake.explanation[1:]}"
            return Diagnosis(Kind.SIGN_AND_FACTOR, text, case.truth / guess)
    for mistake in case.other_variables(chosen=False):
        if _same(guess, mistake.value):
            return Diagnosis(mistake.kind, mistake.explanation, case.truth / guess)
    return None


def _unknown(case: _Case, guess: float) -> Diagnosis:
    truth, name = case.truth, case.label
    if truth == 0:
        text = f"The slope is zero here: a small change of {name} does not change the loss."
    elif (guess > 0) != (truth > 0):
        text = f"Not this, and the sign is wrong too: it is {_direction(truth, name)}."
    else:
        size = "small" if abs(guess) < abs(truth) else "large"
        text = f"The sign is right, the size is too {size}; no usual mistake gives this number."
    return Diagnosis(Kind.NONE, text)


def _kink(case: _Case, guess: float) -> Diagnosis | None:
    difference = by_finite_difference(case.problem)[case.variable][case.element]
    if difference.jump == 0:
        return None
    left, right = difference.left, difference.right
    low, high = sorted((left, right))
    slack = 1e-4 * max(abs(low), abs(high))
    if not low - slack <= guess <= high + slack:
        return None
    text = (
        f"This point is a kink: the slope is {left:.4g} on the left and {right:.4g} on the right. Any number "
        f"between is a fair answer; PyTorch takes {case.page:.4g}."
    )
    return Diagnosis(Kind.KINK, text)


def _direction(truth: float, name: str) -> str:
    sign, moves = ("positive", "grows") if truth > 0 else ("negative", "falls")
    return f"{sign}, for the loss {moves} as {name} grows"


def _same(guess: float, value: float) -> bool:
    """Whether the guess is the value, as far as its digits go (two of them at least)."""
    if abs(guess - value) <= 1e-6 * abs(value):
        return True
    typed = Decimal(repr(guess))
    digits, exponent = typed.as_tuple().digits, typed.as_tuple().exponent
    if not isinstance(exponent, int) or len(digits) < 2:
        return False
    return abs(guess - value) <= 0.5000001 * 10.0**exponent


@dataclass(frozen=True)
class _Case:
    """A derivative in question, with everything that the mistakes are made of; all in float64 but `page`.

    Attributes:
        problem: the problem, differentiated by the one variable.
        chosen: the variables that the problem was differentiated by, and the one in question.
        label: the name as asked, such as `x[2]`.
        variable, element: the variable and which of its numbers.
        truth: the derivative in float64, from the numbers as typed.
        page: the derivative by autograd in the problem's dtype.
        error: how far rounding may move it.
        exact: the problem in float64, differentiated by every variable.
        hand: its derivation.
    """

    problem: Problem
    chosen: tuple[str, ...]
    label: str
    variable: str
    element: int
    truth: float
    page: float
    error: float
    exact: Problem
    hand: HandDerivation

    @classmethod
    def of(cls, problem: Problem, label: str) -> _Case:
        variable, element = _find(problem, label)
        chosen, problem = (*problem.wrt, variable), replace(problem, wrt=(variable,))
        exact = replace(problem, dtype="float64", wrt=problem.expression.variables)
        hand = differentiate(exact)
        gradient = hand.gradients[_index(exact.expression, variable)]
        found = by_autograd(problem)[1][variable].reshape(-1)[element]
        scale = scales(problem)[variable].reshape(-1)[element]
        return cls(
            problem=problem,
            chosen=chosen,
            label=label,
            variable=variable,
            element=element,
            truth=_pick(gradient, element),
            page=float(found),
            error=SAFETY * torch.finfo(problem.torch_dtype).eps * float(scale),
            exact=exact,
            hand=hand,
        )

    def mistakes(self) -> Iterator[_Mistake]:
        """Usual mistakes, the likeliest first."""
        path = self._path()
        yield from self._stopped_early(path)
        yield _Mistake(Kind.LOSS, _pick(self.hand.values[-1], 0), "This is the loss itself, not its slope.")
        yield from self.other_variables(chosen=True)
        named = self._named()
        yield from self._factors(named)
        yield from self._left_out(path)
        yield from self._only_inner(path)
        yield from self._two_factors(named)
        yield from self._factors(self._intermediate(path))

    def _path(self) -> list[int]:
        """The operations between the variable and the loss, nearest to the variable first."""
        expression = self.exact.expression
        flows = depends_on(expression, (self.variable,))
        found = [index for index, node in enumerate(expression.nodes) if node.inputs and flows[index]]
        return found[:_MOST_NODES]

    def _stopped_early(self, path: list[int]) -> Iterator[_Mistake]:
        for index in path:
            gradient = self.hand.gradients[index]
            if index == self.exact.expression.root or gradient is None:
                continue
            if self.exact.expression.nodes[index].op in REDUCTIONS:
                continue
            batched = isinstance(self.exact.values[self.variable], tuple)
            value = _pick(gradient, self.element) if batched else float(gradient.sum())
            if value == 0:
                continue
            inner = _formula(self.exact.expression, index)
            name = f"`{_text(inner)}`" if _text(inner) else "an inner step"
            formula, amount = _slope_text(inner, self.variable), self.truth / value
            by = f"{formula} = {amount:.4g}" if formula else f"{amount:.4g}"
            text = f"You stopped at {name}: multiply by its own derivative by {self.label}, {by}."
            yield _Mistake(Kind.FORGOT_INNER, value, text)

    def other_variables(self, *, chosen: bool) -> Iterator[_Mistake]:
        """The derivatives by other numbers: by those of the problem's `wrt`, or by all the others."""
        for name, value in self.exact.values.items():
            if (name in self.chosen) is not chosen:
                continue
            gradient = self.hand.gradients[_index(self.exact.expression, name)]
            for element in range(len(value) if isinstance(value, tuple) else 1):
                label = f"{name}[{element}]" if isinstance(value, tuple) else name
                if label != self.label:
                    text = f"This is dL/d{label}, not dL/d{self.label}."
                    yield _Mistake(Kind.OTHER_VARIABLE, _pick(gradient, element), text)

    def _named(self) -> list[_Named]:
        """Numbers that a factor may be, the likeliest first."""
        expression = self.exact.expression
        exponents = {node.inputs[1] for node in expression.nodes if node.op == "pow"}
        named = [
            _Named(node.value, f"{node.value:g}, the exponent")
            for index, node in enumerate(expression.nodes)
            if node.op == CONSTANT and index in exponents
        ]
        if self.exact.reduction is not None:
            named.append(_Named(float(self.exact.batch), f"{self.exact.batch}, the number of examples"))
        named += [
            _Named(value, f"{name} = {value:g}")
            for name, value in self.exact.values.items()
            if not isinstance(value, tuple)
        ]
        named += [
            _Named(node.value, f"{node.value:g}, a number of the formula")
            for index, node in enumerate(expression.nodes)
            if node.op == CONSTANT and index not in exponents
        ]
        if not any(factor.value == 2 for factor in named):
            named.append(_Named(2.0, "2"))
        return [factor for factor in named if abs(factor.value) not in (0.0, 1.0)]

    def _intermediate(self, path: list[int]) -> list[_Named]:
        expression = self.exact.expression
        named: list[_Named] = []
        for index in path:
            if index == expression.root:
                continue
            value, text = self.hand.values[index], _text(_formula(expression, index))
            if (
                text
                and isinstance(value, Tensor)
                and value.dim() == 0
                and abs(float(value)) not in (0.0, 1.0)
            ):
                named.append(_Named(float(value), f"{text} = {float(value):.4g}"))
        return named

    def _factors(self, named: list[_Named]) -> Iterator[_Mistake]:
        # A factor of 2 too many is likelier than a missing one half: large factors first.
        for group in ([f for f in named if abs(f.value) > 1], [f for f in named if abs(f.value) < 1]):
            for factor in group:
                text = f"A factor is missing: multiply by {_alike(factor, named)}."
                yield _Mistake(Kind.FACTOR_MISSING, self.truth / factor.value, text)
            for factor in group:
                text = f"A factor too many: divide by {_alike(factor, named)}."
                yield _Mistake(Kind.FACTOR_EXTRA, self.truth * factor.value, text)

    def _two_factors(self, named: list[_Named]) -> Iterator[_Mistake]:
        for first, factor in enumerate(named):
            for other in named[first + 1 :]:
                product = factor.value * other.value
                if product != 0:  # two tiny numbers can make none
                    text = f"Two factors are missing: multiply by {factor.name}, and by {other.name}."
                    yield _Mistake(Kind.FACTOR_MISSING, self.truth / product, text)

    def _left_out(self, path: list[int]) -> Iterator[_Mistake]:
        nodes = self.exact.expression.nodes
        links = [index for index in path if nodes[index].op not in _LINEAR]
        for index in links:
            value = self._chain(self.exact.expression.root, without=index)
            step = _step_name(self.exact.expression, index)
            if index == links[-1]:
                text = f"This is the inner derivative only: that of the outer step, {step}, is missing."
                yield _Mistake(Kind.ONLY_INNER, value, text)
            else:
                text = f"One link of the chain is missing: the derivative of {step}."
                yield _Mistake(Kind.FACTOR_MISSING, value, text)

    def _only_inner(self, path: list[int]) -> Iterator[_Mistake]:
        for index in path[:-1]:
            inner = _text(_formula(self.exact.expression, index))
            what = f"`{inner}`" if inner else "an inner step"
            text = f"This is the derivative of {what} only: go on to the loss."
            yield _Mistake(Kind.ONLY_INNER, self._chain(index), text)

    def _chain(self, root: int, without: int | None = None) -> float:
        """The derivative of one node by the variable, with one operation's local derivative left out."""
        expression, values = self.exact.expression, self.hand.values
        flows = depends_on(expression, (self.variable,))
        gradients: list[Tensor | None] = [None] * (root + 1)
        first = values[root]
        gradients[root] = torch.ones_like(first) if isinstance(first, Tensor) else torch.ones(())
        for index in range(root, -1, -1):
            node, gradient = expression.nodes[index], gradients[index]
            if gradient is None or not node.inputs:
                continue
            for position, factor in zip(node.inputs, self.hand.local[index], strict=False):
                if factor is None or not flows[position]:
                    continue
                share = gradient if index == without else gradient * factor
                value = values[position]
                size = value.dim() if isinstance(value, Tensor) else 0
                if node.op in REDUCTIONS and isinstance(value, Tensor):
                    share = share.expand(value.shape)
                elif share.dim() > size:
                    share = share.sum()
                known = gradients[position]
                gradients[position] = share if known is None else known + share
        variable = _index(expression, self.variable)
        return _pick(gradients[variable], self.element) if variable <= root else 0.0


def _find(problem: Problem, label: str) -> tuple[str, int]:
    """The variable and the element that a label such as `w` or `x[2]` names."""
    for name, value in problem.values.items():
        labels = [f"{name}[{index}]" for index in range(len(value))] if isinstance(value, tuple) else [name]
        if label in labels:
            return name, labels.index(label)
    known = ", ".join(f"{n}[0]" if isinstance(v, tuple) else n for n, v in problem.values.items())
    raise ProblemError(f"`{label}` is not a number of this loss: choose among {known}.")


def _index(expression: Expression, name: str) -> int:
    return next(i for i, node in enumerate(expression.nodes) if node.op == VARIABLE and node.name == name)


def _pick(value: Value | None, element: int) -> float:
    if value is None:
        return 0.0
    return float(value.reshape(-1)[element]) if isinstance(value, Tensor) else value


def _formula(expression: Expression, index: int) -> Expression:
    return Builder(expression.nodes[: index + 1]).build(index)


def _text(expression: Expression) -> str:
    """The formula as text if it is short, else nothing."""
    if written_size(expression) > _LONGEST_NAME:
        return ""
    text = infix(expression)
    return text if len(text) <= _LONGEST_NAME else ""


def _slope_text(inner: Expression, name: str) -> str:
    """The derivative of a short formula as text; nothing if it is a number or long."""
    if not _text(inner):
        return ""
    slope = derivative(inner, name)
    return _text(slope) if slope.variables else ""


def _step_name(expression: Expression, index: int) -> str:
    """An operation in a sentence: `the square`, `tanh`, `the product with x`."""
    node = expression.nodes[index]
    constant = constant_parts(expression)
    if node.op == "pow" and constant[node.inputs[1]]:
        exponent = _text(_formula(expression, node.inputs[1]))
        return "the square" if exponent == "2" else f"the power {exponent}".rstrip()
    words = {"mul": "the product", "div": "the quotient", "pow": "the power"}
    if node.op in {"mul", "div"}:
        whole = _text(_formula(expression, index))
        return f"{words[node.op]} {whole}".rstrip()
    return words.get(node.op, node.op)


def _alike(factor: _Named, named: list[_Named]) -> str:
    """The factor's name, with one other name of the same number: `2, the exponent (or x = 2)`."""
    others = [other.name for other in named if other.value == factor.value and other.name != factor.name]
    return f"{factor.name} (or {others[0]})" if others else factor.name
