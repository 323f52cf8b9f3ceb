"""The expressions that are measured: the worked example, and chains as deep as asked for."""

from typing import Final

from core.gradients import Expression
from core.gradients.expression import Builder
from core.gradients.gallery import EXAMPLES

WORKED: Final = EXAMPLES[0]
WORKED_VALUES: Final = {name: float(value) for name, value in WORKED.values.items()}
CHAIN_VALUES: Final = {"w": 0.5, "x": 2.0, "b": 0.1}


def chain(operations: int) -> Expression:
    """`((x*w + b)*w + b)…`: as deep as it has operations, and its value stays near 0.2."""
    builder = Builder()
    w, b, value = builder.variable("w"), builder.variable("b"), builder.variable("x")
    for position in range(operations):
        value = builder.apply("add", value, b) if position % 2 else builder.apply("mul", value, w)
    return builder.build(value)
