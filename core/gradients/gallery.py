"""Losses to start from, each with values at which its gradient has something to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Example:
    """A loss with values.

    Attributes:
        key: short name for a link.
        title: what a menu says.
        loss: the formula.
        values: a number per variable.
        wrt: the variables to differentiate by.
        note: one sentence for a newcomer.
    """

    key: str
    title: str
    loss: str
    values: Mapping[str, float]
    wrt: tuple[str, ...]
    note: str


def _example(key: str, title: str, loss: str, wrt: tuple[str, ...], note: str, **values: float) -> Example:
    return Example(key, title, loss, MappingProxyType(values), wrt, note)


EXAMPLES: tuple[Example, ...] = (
    _example(
        "squared-error", "Squared error", "(w*x + b - y)**2", ("w", "b"),
        "A line's prediction w*x + b misses the target y; the loss is the miss, squared.",
        w=0.5, x=2, b=0.1, y=5,
    ),
    _example(
        "logistic", "Logistic loss", "softplus(-y*(w*x + b))", ("w", "b"),
        "For a label y of -1 or 1: small where w*x + b has the label's sign (binary cross-entropy).",
        w=0.5, x=2, b=0.25, y=-1,
    ),
    _example(
        "hinge", "Hinge loss", "max(0, 1 - y*(w*x + b))", ("w", "b"),
        "Zero once the label y is met with a margin of 1, a straight slope before that.",
        w=0.25, x=2, b=0.125, y=1,
    ),
    _example(
        "tanh-neuron", "tanh neuron", "(tanh(w*x + b) - y)**2", ("w", "b"),
        "The neuron squashes w*x + b into -1 to 1, and the slope of tanh is one more factor.",
        w=0.5, x=1.5, b=-0.25, y=1,
    ),
    _example(
        "relu-neuron", "ReLU neuron", "(relu(w*x + b) - y)**2", ("w", "b"),
        "A ReLU passes what is positive; make w*x + b negative and the gradient is gone.",
        w=0.5, x=2, b=0.25, y=3,
    ),
    _example(
        "softplus", "Softplus", "softplus(w*x + b)", ("w", "b"),
        "A smooth ReLU: log(1 + exp(u)), whose slope is the sigmoid.",
        w=1.5, x=2, b=-2,
    ),
    _example(
        "two-layers", "Two-layer net", "(v*tanh(w*x + b) + c - y)**2", ("w", "b", "v", "c"),
        "Two layers of one neuron each: the gradient of w passes through v and tanh on its way.",
        v=2, w=0.5, x=1, b=0.25, c=-0.5, y=2,
    ),
    _example(
        "huber", "Huber loss",
        "0.5*min(abs(w*x + b - y), 1)**2 + max(abs(w*x + b - y) - 1, 0)", ("w", "b"),
        "Squared for a miss below 1, a straight line beyond, so an outlier pulls with a force of 1.",
        w=0.5, x=2, b=0.25, y=5,
    ),
    _example(
        "polynomial", "Polynomial", "x**3 - 2*x**2 - 3*x + 1", ("x",),
        "One variable, three powers: each contributes its own slope, and the slopes add.",
        x=1.5,
    ),
    _example(
        "bell", "Bell curve", "exp(-x**2)", ("x",),
        "A minus, a square and an exponential in a row: three factors in the chain.",
        x=0.5,
    ),
    _example(
        "fitted-bell", "Bell curve, fitted", "(exp(-(w*x)**2) - y)**2", ("w",),
        "w sets how narrow the bell is; the chain is four steps long.",
        w=0.5, x=1.5, y=0.25,
    ),
)  # fmt: skip


def example(key: str) -> Example:
    """The example called `key`.

    Raises:
        KeyError: if there is none, with the known keys.
    """
    for known in EXAMPLES:
        if known.key == key:
            return known
    raise KeyError(f"{key!r} is not in the gallery: choose one of {', '.join(e.key for e in EXAMPLES)}.")
