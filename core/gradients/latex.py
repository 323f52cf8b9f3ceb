"""Formulas in LaTeX, with symbols or with numbers in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from core.gradients.expression import CONSTANT, VARIABLE, Expression

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi "  # noqa: SIM905 - one word after the other reads well
    "pi rho sigma tau phi chi psi omega".split()
)
_FUNCTIONS = MappingProxyType(
    {
        "exp": r"\exp", "log": r"\ln", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh",
        "sigmoid": r"\sigma", "relu": r"\operatorname{relu}", "softplus": r"\operatorname{softplus}",
        "min": r"\min", "max": r"\max", "sign": r"\operatorname{sign}",
    }
)  # fmt: skip

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4


def latex(expression: Expression, leaves: Mapping[str, str] | None = None) -> str:
    """A formula in LaTeX.

    Args:
        expression: the formula.
        leaves: what to write for each variable; by default its symbol. Numbers in it are set as factors of
            a product with a dot.
    """
    leaves = leaves or {}
    written: list[tuple[str, int]] = []
    for node in expression.nodes:
        if node.op == VARIABLE:
            text = leaves.get(node.name, symbol(node.name))
            written.append((text, _precedence(text)))
        elif node.op == CONSTANT:
            text = number(node.value)
            written.append((text, _precedence(text)))
        else:
            written.append(_operation(node.op, [written[index] for index in node.inputs]))
    return written[-1][0]


def factor(expression: Expression, leaves: Mapping[str, str] | None = None) -> str:
    """A formula in LaTeX as it stands behind a sum sign or a factor: in brackets if it is a sum."""
    text = latex(expression, leaves)
    is_sum = expression.nodes[-1].op in {"add", "sub", "neg"} or text.startswith("-")
    return rf"\left({text}\right)" if is_sum else text


def _precedence(text: str) -> int:
    """How tightly a leaf binds: a negative number like a difference, `2 × 10^5` like a product."""
    return _SUM if text.startswith("-") else _PRODUCT if r"\times" in text or r"\frac" in text else _ATOM


def _operation(op: str, inputs: list[tuple[str, int]]) -> tuple[str, int]:
    first = inputs[0]
    second = inputs[-1]
    if op == "add":
        return f"{first[0]} + {_wrap(second, _SUM, signed=True)}", _SUM
    if op == "sub":
        return f"{first[0]} - {_wrap(second, _PRODUCT)}", _SUM
    if op == "neg":
        return f"-{_wrap(first, _PRODUCT)}", _SUM
    if op == "mul":
        left, right = _wrap(first, _PRODUCT), _wrap(second, _PRODUCT)
        return f"{left}{_times(left, right)}{right}", _PRODUCT
    if op == "div":
        return rf"\frac{{{first[0]}}}{{{second[0]}}}", _PRODUCT
    if op == "pow":
        return f"{_wrap(first, _ATOM)}^{{{second[0]}}}", _POWER
    if op == "sqrt":
        return rf"\sqrt{{{first[0]}}}", _ATOM
    if op == "abs":
        return rf"\left|{first[0]}\right|", _ATOM
    if op == "step":
        return rf"\left[{first[0]} > 0\right]", _ATOM
    if op == "above":
        return rf"\left[{first[0]} > {second[0]}\right]", _ATOM
    arguments = r",\ ".join(text for text, _ in inputs)
    return rf"{_FUNCTIONS[op]}\left({arguments}\right)", _ATOM


def _wrap(part: tuple[str, int], least: int, *, signed: bool = False) -> str:
    text, precedence = part
    negative = signed and text.startswith("-")
    return rf"\left({text}\right)" if precedence < least or negative else text


def _times(left: str, right: str) -> str:
    """A dot where two numbers would run together; `3 1/2` would read as three and a half."""
    runs_together = left[-1].isdigit() and right.startswith((r"\left(-", r"\frac"))
    return r" \cdot " if right[0].isdigit() or runs_together else r"\,"


def symbol(name: str) -> str:
    """A name as a symbol: `w1` as w with index 1, `alpha` as the Greek letter, words in italics."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    stem = stem.rstrip("_") if digits else stem
    if not stem:
        return rf"\mathit{{{_escape(name)}}}"
    text = (
        f"\\{stem}"
        if stem in _GREEK
        else stem
        if len(stem) == 1 and stem != "_"
        else rf"\mathit{{{_escape(stem)}}}"
    )
    return f"{text}_{{{digits}}}" if digits else text


def indexed(name: str) -> str:
    """A variable's symbol for example i of a batch; an index of its own comes first, as in `x_{1,i}`."""
    text = symbol(name)
    return f"{text[:-1]},i}}" if "_{" in text else f"{text}_i"


def number(value: float, digits: int = 5) -> str:
    """A number in LaTeX with up to `digits` significant digits."""
    if math.isnan(value):
        return r"\mathrm{nan}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value + 0.0:.{digits}g}"  # adding 0.0 turns -0.0 into 0.0
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa}\times 10^{{{int(exponent)}}}" if exponent else mantissa


def _escape(name: str) -> str:
    return name.replace("_", r"\_")
