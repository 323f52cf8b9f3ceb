"""The derivation, line by line: forward through the formula, backward by the chain rule, then the result.

Every line belongs to one node of the expression, and so to one node of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from torch import Tensor

from core.gradients.evaluation import Value
from core.gradients.expression import CONSTANT, VARIABLE, Builder, Node
from core.gradients.latex import factor, indexed, latex, number, symbol
from core.gradients.operations import REDUCTIONS, local_derivatives
from core.gradients.problem import Problem
from core.gradients.reverse import HandDerivation, constant_exponent, differentiate
from core.gradients.symbolic import Algebra, derivative, written_size

MAX_TERMS = 4
MAX_WRITTEN_SIZE = 160


class Phase(StrEnum):
    """Which part of the derivation a line belongs to."""

    FORWARD = "forward"
    BACKWARD = "backward"
    RESULT = "result"


@dataclass(frozen=True)
class Step:
    """One line of the derivation.

    Attributes:
        phase: forward, backward or result.
        node: index of the expression's node that the line is about.
        symbolic: the line in symbols, LaTeX.
        numeric: the same with the current numbers, LaTeX, ending in the value.
        words: what is done, for a reader new to it.
    """

    phase: Phase
    node: int
    symbolic: str
    numeric: str
    words: str


@dataclass(frozen=True)
class Derivation:
    """All lines, and the name (`u_1`, `L`) of each node that has one."""

    steps: tuple[Step, ...]
    names: dict[int, str]


_RULES: Mapping[str, str] = MappingProxyType(
    {
        "add": "a sum passes the gradient on unchanged",
        "sub": "a difference passes the gradient on, with a minus for what is taken away",
        "mul": "a product passes the gradient on times the other factor",
        "div": "the quotient rule",
        "pow": "the power rule",
        "neg": "a minus turns the gradient round",
        "exp": "the exponential is its own derivative",
        "log": "the derivative of ln u is 1/u",
        "sqrt": "the derivative of a root is 1 over twice the root",
        "relu": "relu lets the gradient pass where its input is positive",
        "abs": "the slope of an absolute value is the sign of its input",
        "max": "the larger input gets the gradient",
        "min": "the smaller input gets the gradient",
        "mean": "each example gets one n-th of the gradient",
        "sum": "each example gets the whole gradient",
    }
)


def derive(problem: Problem) -> Derivation:
    """The whole derivation of a problem, with the numbers of its current point."""
    return _Writer(problem, differentiate(problem)).write()


def loss_in_numbers(problem: Problem) -> tuple[str, str]:
    """The loss as a formula in symbols and with the current numbers, LaTeX; a batch as a sum over i."""
    batch = [name for name, value in problem.values.items() if isinstance(value, tuple)]
    symbols = {name: indexed(name) if name in batch else symbol(name) for name in problem.values}
    write = factor if batch else latex
    text = _reduced(problem, write(problem.formula, symbols))
    if batch:
        return text, ""
    return text, latex(
        problem.formula, {name: number(v) for name, v in problem.values.items() if isinstance(v, float)}
    )


def _reduced(problem: Problem, body: str) -> str:
    if problem.reduction is None:
        return body
    total = rf"\sum_{{i=1}}^{{{problem.batch}}} {body}"
    return rf"\frac{{1}}{{{problem.batch}}} {total}" if problem.reduction == "mean" else total


class _Writer:
    def __init__(self, problem: Problem, hand: HandDerivation) -> None:
        self._problem = problem
        self._hand = hand
        self._nodes = problem.expression.nodes
        self._names = self._name_nodes()
        # For each node, the operations that read it and get a gradient, with the slot in which they read it.
        self._consumers: list[list[tuple[int, int]]] = [[] for _ in self._nodes]
        for consumer, node in enumerate(self._nodes):
            if hand.gradients[consumer] is not None:
                for slot, position in enumerate(node.inputs):
                    self._consumers[position].append((consumer, slot))

    def write(self) -> Derivation:
        steps = [
            self._forward(index)
            for index, node in enumerate(self._nodes)
            if node.inputs and isinstance(self._hand.values[index], Tensor)
        ]
        order = sorted(
            (
                i
                for i, g in enumerate(self._hand.gradients)
                if g is not None and i != self._problem.expression.root
            ),
            reverse=True,
        )
        steps += [self._backward(index) for index in order]
        steps += [self._result(name) for name in self._problem.wrt]
        return Derivation(tuple(steps), self._names)

    def _name_nodes(self) -> dict[int, str]:
        names: dict[int, str] = {}
        count = 0
        for index, node in enumerate(self._nodes):
            if node.op == VARIABLE:
                names[index] = symbol(node.name)
            elif index == self._problem.expression.root:
                names[index] = "L"
            elif node.op != CONSTANT and isinstance(self._hand.values[index], Tensor):
                count += 1
                names[index] = f"u_{{{count}}}"
        return names

    def _forward(self, index: int) -> Step:
        node = self._nodes[index]
        symbolic = f"{self._names[index]} = {self._one_operation(node, self._symbol)}"
        value = _show(self._hand.values[index])
        if self._is_batch(node.inputs) and node.op not in REDUCTIONS:
            numeric = value
        else:
            shown = self._one_operation(node, self._number)
            numeric = value if shown == value else f"{shown} = {value}"
        return Step(Phase.FORWARD, index, symbolic, numeric, f"compute {_plain(self._names[index])}")

    def _one_operation(self, node: Node, write: Callable[[int], str]) -> str:
        if node.op in REDUCTIONS:
            n = self._problem.batch
            parts = [f"{write(node.inputs[0])}"]
            if write == self._number:
                terms = [_factor(item) for item in _flat(self._hand.values[node.inputs[0]])]
                shown = " + ".join(terms[:MAX_TERMS]) + (r" + \cdots" if len(terms) > MAX_TERMS else "")
                return rf"\frac{{{shown}}}{{{n}}}" if node.op == "mean" else shown
            body = rf"\sum_{{i=1}}^{{{n}}} {parts[0]}^{{(i)}}"
            return rf"\frac{{1}}{{{n}}} {body}" if node.op == "mean" else body
        builder = Builder()
        inputs = [builder.variable(letter) for letter, _ in zip("ab", node.inputs, strict=False)]
        single = builder.build(builder.apply(node.op, *inputs))
        return latex(single, {letter: write(i) for letter, i in zip("ab", node.inputs, strict=False)})

    def _symbol(self, index: int) -> str:
        return self._names.get(index) or _show(self._hand.values[index])

    def _number(self, index: int) -> str:
        return _show(self._hand.values[index])

    def _is_batch(self, inputs: tuple[int, ...]) -> bool:
        values = [self._hand.values[index] for index in inputs]
        return any(isinstance(value, Tensor) and value.dim() > 0 for value in values)

    def _backward(self, index: int) -> Step:
        """The chain rule for one node: for every operation that reads it, upstream times local."""
        chain: list[str] = []
        words: list[str] = []
        terms: list[str] = []
        symbols: dict[str, str] = {}
        numbers: dict[str, str] = {}
        algebra = Algebra()
        total: int | None = None
        for order, (consumer, slot) in enumerate(self._consumers[index]):
            node = self._nodes[consumer]
            gradient, local = self._hand.gradients[consumer], self._hand.local[consumer][slot]
            assert gradient is not None
            assert local is not None
            own = rf"\frac{{\partial {self._names[consumer]}}}{{\partial {self._names[index]}}}"
            is_root = consumer == self._problem.expression.root
            chain.append(own if is_root else rf"{_partial(self._names[consumer])} \cdot {own}")
            words.append(_RULES.get(node.op, f"the derivative of {node.op}"))
            terms.append(self._terms(gradient, local, index))

            places = dict(zip("ab", node.inputs, strict=False)) | {"out": consumer}
            leaves = {letter: algebra.variable(f"{letter}{order}") for letter in (*places, "n", "gradient")}
            symbols |= {f"{letter}{order}": self._symbol(place) for letter, place in places.items()}
            numbers |= {f"{letter}{order}": self._number(place) for letter, place in places.items()}
            batch = {f"n{order}": str(self._problem.batch)}
            symbols |= {f"gradient{order}": _partial(self._names[consumer])} | batch
            numbers |= {f"gradient{order}": _show(gradient)} | batch
            formula = local_derivatives(node.op, constant_exponent(self._problem.expression, node))[slot]
            share = algebra.graft(formula, leaves)
            if not is_root:
                share = algebra.simplified("mul", leaves["gradient"], share)
            total = share if total is None else algebra.simplified("add", total, share)
        assert total is not None
        rule = algebra.build(total)
        left, value = _partial(self._names[index]), _show(self._hand.gradients[index])
        is_batch = any(self._is_batch((consumer, index)) for consumer, _ in self._consumers[index])
        shown = " + ".join(term for term in terms if term) if is_batch else latex(rule, numbers)
        symbolic = " = ".join(dict.fromkeys((left, " + ".join(chain), latex(rule, symbols))))
        numeric = f"{shown} = {value}" if shown and shown != value else value
        return Step(Phase.BACKWARD, index, symbolic, numeric, "; ".join(dict.fromkeys(words)))

    def _terms(self, gradient: Tensor, local: Value, index: int) -> str:
        """Where a batch of gradients reaches one number: the sum over the examples, in numbers."""
        value = self._hand.values[index]
        assert isinstance(value, Tensor)
        gradients, slopes = _flat(gradient), _flat(local)
        count = max(len(gradients), len(slopes))
        if value.dim() > 0 or count == 1:
            return ""
        pairs = list(zip(gradients * (count // len(gradients)), slopes * (count // len(slopes)), strict=True))
        shown = [rf"{_factor(g)} \cdot {_factor(d)}" for g, d in pairs[:MAX_TERMS]]
        return " + ".join(shown) + (r" + \cdots" if count > MAX_TERMS else "")

    def _result(self, name: str) -> Step:
        index = next(i for i, node in enumerate(self._nodes) if node.op == VARIABLE and node.name == name)
        formula = derivative(self._problem.formula, name)
        value = _show(self._hand.gradients[index]) if self._hand.gradients[index] is not None else "0"
        own_batch = isinstance(self._problem.values[name], tuple)
        left = _partial(indexed(name) if own_batch else symbol(name))
        if written_size(formula) > MAX_WRITTEN_SIZE:
            words = "the whole formula is too long to write out; the lines above are the derivation"
            return Step(Phase.RESULT, index, rf"{left} = \cdots", value, words)
        batch = [key for key, item in self._problem.values.items() if isinstance(item, tuple)]
        symbols = {key: indexed(key) if key in batch else symbol(key) for key in self._problem.values}
        if own_batch and self._problem.reduction == "mean":
            body = rf"\frac{{1}}{{{self._problem.batch}}} \cdot {factor(formula, symbols)}"
        else:
            body = factor(formula, symbols) if batch and not own_batch else latex(formula, symbols)
        if own_batch:
            return Step(Phase.RESULT, index, f"{left} = {body}", value, "one derivative per example")
        symbolic = f"{left} = {_reduced(self._problem, body)}"
        if batch:
            return Step(Phase.RESULT, index, symbolic, value, "the sum over the examples")
        numbers = {key: number(item) for key, item in self._problem.values.items() if isinstance(item, float)}
        in_numbers = latex(formula, numbers)
        numeric = value if in_numbers == value else f"{in_numbers} = {value}"
        return Step(Phase.RESULT, index, symbolic, numeric, "everything in one formula")


def _partial(name: str) -> str:
    return rf"\frac{{\partial L}}{{\partial {name}}}"


def _flat(value: Value) -> list[float]:
    return (
        [float(item) for item in value.reshape(-1).tolist()] if isinstance(value, Tensor) else [float(value)]
    )


def _show(value: Value | None) -> str:
    if value is None:
        return "0"
    if not isinstance(value, Tensor) or value.dim() == 0:
        return number(float(value))
    items = [number(item) for item in _flat(value)]
    shown = items[:MAX_TERMS] + ([r"\ldots"] if len(items) > MAX_TERMS else [])
    return r"\left(" + r",\ ".join(shown) + r"\right)"


def _factor(value: float) -> str:
    text = number(value)
    return rf"\left({text}\right)" if text.startswith("-") else text


def _plain(name: str) -> str:
    return name.replace("_{", "").replace("}", "").replace("\\", "")
