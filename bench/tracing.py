"""`record` against TorchLens's trace: `python -m bench.tracing ROUNDS` prints seconds per call as JSON.

TorchLens leaves PyTorch's functions wrapped, which would slow whatever is measured after it in the process.
"""

import json
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.expressions import CHAIN_VALUES, WORKED, WORKED_VALUES, chain
from bench.measure import timed
from core.gradients import Expression, compare, parse
from core.gradients.evaluation import evaluate
from core.gradients.tape import record


class Formula(torch.nn.Module):
    """An expression as a module: the variables to differentiate by are parameters, the others inputs."""

    def __init__(self, expression: Expression, values: dict[str, float], wrt: tuple[str, ...]) -> None:
        super().__init__()
        self.expression = expression
        self.inputs = tuple(name for name in expression.variables if name not in wrt)
        self.variables = torch.nn.ParameterDict({name: torch.tensor(values[name]) for name in wrt})

    def forward(self, *inputs: Tensor) -> Any:  # noqa: ANN401 - a tensor; the evaluator also knows numbers
        """The value of the expression."""
        given = dict(zip(self.inputs, inputs, strict=True))
        return evaluate(self.expression, {**given, **self.variables})[-1]


def measure(rounds: int, length: int = 100) -> dict[str, dict[str, list[float]]]:
    """Seconds per call, by expression and by what was called."""
    # Here, because importing it changes PyTorch.
    import torchlens

    with_gradients = torchlens.options.CaptureOptions(save_grads=True)

    def trace_backward(module: torch.nn.Module, inputs: list[Tensor]) -> object:
        module.zero_grad()
        log = torchlens.trace(module, inputs, capture=with_gradients)
        log.log_backward(log[log.output_layers[0]].out)
        return log

    found: dict[str, dict[str, list[float]]] = {}
    for name, expression, values in (
        ("worked example", parse(WORKED.loss), WORKED_VALUES),
        (f"chain of {length}", chain(length), CHAIN_VALUES),
    ):
        module = Formula(expression, values, ("w", "b"))
        inputs = [torch.tensor(values[variable]) for variable in module.inputs]
        actions: dict[str, Callable[[], object]] = {
            "record": partial(record, expression, values, ("w", "b")),
            "compare": partial(compare, expression, values, ("w", "b")),
            "TorchLens, forward only": partial(torchlens.trace, module, inputs),
            "TorchLens, with gradients": partial(trace_backward, module, inputs),
        }
        found[name] = timed(actions, rounds, warm_up=2)
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # TorchLens's own
    print(json.dumps(measure(int(sys.argv[1]))))
