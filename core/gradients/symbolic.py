"""Derivatives as formulas: the chain rule on symbols, tidied as a person would tidy it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from core.gradients.expression import CONSTANT, VARIABLE, Builder, Expression
from core.gradients.operations import local_derivatives
from core.gradients.reverse import constant_exponent, depends_on

_EXACT: Mapping[str, Callable[..., Fraction]] = MappingProxyType(
    {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg}
)
_MAX_CONSTANT = 10**15


class Algebra(Builder):
    """A builder that leaves out what changes nothing: `1*u`, `u + 0`, `--u`, and folds constants."""

    def number(self, index: int) -> float | None:
        """The constant at `index`, or None if it is no constant."""
        node = self.nodes[index]
        return node.value if node.op == CONSTANT else None

    def simplified(self, op: str, *inputs: int) -> int:
        """Index of the operation's tidied result."""
        known = [self.number(index) for index in inputs]
        if op in {"add", "sub", "mul", "div", "pow", "neg"}:
            folded = self._fold(op, known)
            if folded is not None:
                return self.constant(folded)
        if op == "neg":
            return self._negative(inputs[0])
        if op == "add":
            return self._sum(inputs, known)
        if op == "sub" and known[1] == 0:
            return inputs[0]
        if op == "sub" and known[0] == 0:
            return self._negative(inputs[1])
        if op == "mul":
            return self._product(inputs, known)
        if op in {"div", "pow"} and known[1] == 1:
            return inputs[0]
        if op == "div" and known[0] == 0:
            return self.constant(0.0)
        if op == "div" and known[1] and self.nodes[inputs[0]].op == "mul":
            factor, rest = self.nodes[inputs[0]].inputs
            number = self.number(factor)
            if number is not None and (number / known[1]).is_integer():
                return self.simplified("mul", self.constant(number / known[1]), rest)
        if op == "div" and self.nodes[inputs[0]].op == "neg":
            return self._negative(self.apply("div", self.nodes[inputs[0]].inputs[0], inputs[1]))
        return self.apply(op, *inputs)

    def graft(self, expression: Expression, leaves: Mapping[str, int]) -> int:
        """Copies a formula with its variables replaced by existing nodes; unknown names stay variables."""
        copied: list[int] = []
        for node in expression.nodes:
            if node.op == VARIABLE:
                copied.append(leaves[node.name] if node.name in leaves else self.variable(node.name))
            elif node.op == CONSTANT:
                copied.append(self.constant(node.value))
            else:
                copied.append(self.simplified(node.op, *(copied[index] for index in node.inputs)))
        return copied[-1]

    @staticmethod
    def _fold(op: str, known: list[float | None]) -> float | None:
        """The value of an operation on constants, where floating point gives it without rounding."""
        numbers = [value for value in known if value is not None]
        if len(numbers) < len(known) or op not in _EXACT or not all(map(math.isfinite, numbers)):
            return None
        exact = _EXACT[op](*(Fraction(value) for value in numbers))
        rounded = float(exact) if abs(exact) < _MAX_CONSTANT else math.inf
        return rounded if math.isfinite(rounded) and Fraction(rounded) == exact else None

    def _negative(self, index: int) -> int:
        node = self.nodes[index]
        return node.inputs[0] if node.op == "neg" else self.apply("neg", index)

    def _sum(self, inputs: tuple[int, ...], known: list[float | None]) -> int:
        left, right = inputs
        if known[0] == 0 or known[1] == 0:
            return right if known[0] == 0 else left
        if self.nodes[right].op == "neg":
            return self.simplified("sub", left, self.nodes[right].inputs[0])
        if known[1] is not None and known[1] < 0:
            return self.apply("sub", left, self.constant(-known[1]))
        return self.apply("add", left, right)

    def _product(self, inputs: tuple[int, ...], known: list[float | None]) -> int:
        left, right = inputs
        if 0 in known:
            return self.constant(0.0)
        if known[0] == 1 or known[1] == 1:
            return right if known[0] == 1 else left
        if known[0] == -1 or known[1] == -1:
            return self._negative(right if known[0] == -1 else left)
        for one, other in ((left, right), (right, left)):
            if self.nodes[one].op == "neg":
                return self._negative(
                    self.simplified(
                        "mul",
                        *(
                            (self.nodes[one].inputs[0], other)
                            if one == left
                            else (other, self.nodes[one].inputs[0])
                        ),
                    )
                )
        if known[1] is not None and known[0] is None:
            return self.simplified("mul", right, left)
        if self.nodes[right].op == "div":
            over, under = self.nodes[right].inputs
            return self.simplified("div", self.simplified("mul", left, over), under)
        if self.nodes[left].op == "div":
            over, under = self.nodes[left].inputs
            return self.simplified("div", self.simplified("mul", over, right), under)
        if self.nodes[right].op == "mul" and self.number(self.nodes[right].inputs[0]) is not None:
            number, rest = self.nodes[right].inputs
            return self.simplified("mul", self.simplified("mul", number, left), rest)
        if known[0] is not None and self.nodes[right].op == "mul":
            inner = self.number(self.nodes[right].inputs[0])
            if inner is not None:
                return self.simplified("mul", self.constant(known[0] * inner), self.nodes[right].inputs[1])
        return self.apply("mul", left, right)


def derivative(expression: Expression, name: str) -> Expression:
    """The derivative of a formula by one of its variables, as a formula.

    Args:
        expression: a loss of one example (no `mean` or `sum`).
        name: the variable; if the formula does not contain it the derivative is 0.
    """
    algebra = Algebra(expression.nodes)
    flows = depends_on(expression, (name,))
    gradients: list[int | None] = [None] * len(expression.nodes)
    gradients[-1] = algebra.constant(1.0)
    for index in range(expression.root, -1, -1):
        node, gradient = expression.nodes[index], gradients[index]
        if gradient is None or not node.inputs:
            continue
        leaves = dict(zip("ab", node.inputs, strict=False)) | {"out": index}
        formulas = local_derivatives(node.op, constant_exponent(expression, node))
        for position, formula in zip(node.inputs, formulas, strict=True):
            if flows[position]:
                share = algebra.simplified("mul", gradient, algebra.graft(formula, leaves))
                known = gradients[position]
                gradients[position] = share if known is None else algebra.simplified("add", known, share)
    for index, node in enumerate(expression.nodes):
        found = gradients[index]
        if node.op == VARIABLE and node.name == name and found is not None:
            return algebra.build(found)
    return Expression((algebra.nodes[algebra.constant(0.0)],))


def written_size(expression: Expression) -> int:
    """How many symbols the formula takes when written out; shared parts count as often as they appear."""
    sizes: list[int] = []
    for node in expression.nodes:
        sizes.append(1 + sum(sizes[index] for index in node.inputs))
    return sizes[-1]
