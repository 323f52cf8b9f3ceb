"""What a visitor takes away: programs that compute the page's numbers without the page.

Both programs print the same lines, with all digits (`repr` of a Python float):

    loss = 27.040000915527344
    dL/dw = -15.600000381469727
    dL/dx[0] = -3.9000000953674316

with one line per number of a batch. The manual program uses PyTorch's tensors but not its autograd: it
computes in the dtype of the page, in the order of `reverse.differentiate`, so it prints the page's hand
derivation to the last bit in all four dtypes, where plain Python floats would only come near it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from core.gradients.expression import CONSTANT, VARIABLE, Builder, Expression, Node
from core.gradients.operations import REDUCTIONS, local_derivatives
from core.gradients.problem import Problem
from core.gradients.reverse import constant_exponent, depends_on
from core.gradients.source import Dialect, constant_parts, folded, infix

_TAKEN = ("torch", "dtype", "loss", "losses", "i", "slope", "print", "enumerate", "float", "step", "above")
_LONGEST_LINE = 300
"""A longer formula is written one operation per line; Python refuses one with 200 open parentheses."""
_TAKEN_BY_PYTHON = ("__debug__",)

_HELPERS = {
    "step": ("def step(a):", '    """1 where a > 0, else 0."""', "    return (a > 0).to(dtype)"),
    "above": (
        "def above(a, b):",
        '    """1 where a > b, 0 where a < b; a tie is shared: 0.5."""',
        "    return (a > b).to(dtype) + (a == b).to(dtype) / 2",
    ),
}


def torch_program(problem: Problem) -> str:
    """A complete PyTorch script with the problem's inputs; it prints the loss and every gradient."""
    names = _program_names(problem.expression)
    lines = [
        f"# L = {_title(problem)}: the gradient by autograd.",
        *_inputs(problem, names, requires_grad=True),
    ]
    formula = infix(problem.formula, Dialect.TORCH, names)
    if len(formula) > _LONGEST_LINE:
        lines += _Steps(problem, names).forward()
    elif problem.reduction is None:
        lines += [f"loss = {formula}"]
    else:
        lines += [f"losses = {formula}  # one per example", f"loss = losses.{problem.reduction}()"]
    lines += ["loss.backward()", ""]
    lines += _prints(problem, {name: f"{names[name]}.grad" for name in problem.wrt})
    return "\n".join(lines) + "\n"


def manual_program(problem: Problem) -> str:
    """The same without autograd: the forward pass and the chain rule, one operation per line."""
    names = _program_names(problem.expression)
    steps = _Steps(problem, names)
    forward, backward, helpers = steps.forward(), *steps.backward()
    inputs = _inputs(problem, names, requires_grad=False)
    lines = [f"# L = {_title(problem)}: the gradient by hand, without autograd.", *inputs]
    for helper in helpers:
        lines += ["", *_HELPERS[helper], ""]
    lines += [""] if helpers else []
    lines += ["# Forward: one operation per line.", *forward, ""]
    lines += ["# Backward: the chain rule, from the loss to the variables.", *backward, ""]
    lines += _prints(problem, {name: steps.gradient(name) for name in problem.wrt})
    return "\n".join(lines) + "\n"


def notebook(problem: Problem) -> str:
    """Both programs as a Jupyter notebook (JSON, nbformat 4.5)."""
    cells = [
        _cell("markdown", "intro", f"# A gradient, twice\n\n`L = {_title(problem)}`\n\nFirst by autograd:"),
        _cell("code", "autograd", torch_program(problem)),
        _cell("markdown", "again", "Then by hand, with the chain rule. Both print the same lines."),
        _cell("code", "by-hand", manual_program(problem)),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, key: str, text: str) -> dict[str, object]:
    source = text.rstrip("\n").splitlines(keepends=True)
    cell: dict[str, object] = {"cell_type": kind, "id": key, "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _title(problem: Problem) -> str:
    formula = infix(problem.formula)
    return formula if problem.reduction is None else f"{problem.reduction} of {formula}"


def _program_names(expression: Expression) -> dict[str, str]:
    """What each variable is called in the program: its own name, unless the program needs that one."""
    taken = {*_TAKEN, *_TAKEN_BY_PYTHON, *expression.variables}
    names: dict[str, str] = {}
    for name in expression.variables:
        reserved = name in _TAKEN or name in _TAKEN_BY_PYTHON
        names[name] = _fresh(f"{name}_", taken) if reserved else name
    return names


def _fresh(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    taken.add(wanted)
    return wanted


def _inputs(problem: Problem, names: dict[str, str], *, requires_grad: bool) -> list[str]:
    lines = ["import torch", "", f"dtype = torch.{problem.dtype}"]
    for name, value in problem.values.items():
        text = repr(value) if not isinstance(value, tuple) else f"[{', '.join(map(repr, value))}]"
        wanted = ", requires_grad=True" if requires_grad and name in problem.wrt else ""
        lines.append(f"{names[name]} = torch.tensor({text}, dtype=dtype{wanted})")
    return [*lines, ""]


def _prints(problem: Problem, gradients: dict[str, str]) -> list[str]:
    lines = ['print("loss =", loss.item())']
    for name, gradient in gradients.items():
        if isinstance(problem.values[name], tuple):
            lines.append(f"for i, slope in enumerate({gradient}.tolist()):")
            lines.append(f'    print(f"dL/d{name}[{{i}}] =", slope)')
        else:
            lines.append(f'print("dL/d{name} =", {gradient}.item())')
    return lines


class _Steps:
    """The lines of a manual program: each operation's value is a name, each gradient `d_` and that name."""

    def __init__(self, problem: Problem, names: dict[str, str]) -> None:
        self._problem = problem
        self._nodes = problem.expression.nodes
        self._constant = constant_parts(problem.expression)
        self._batched = self._find_batched()
        taken = {*_TAKEN, *names.values()}
        self._names: list[str] = []
        counter = 0
        for index, node in enumerate(self._nodes):
            if node.op == VARIABLE:
                self._names.append(names[node.name])
            elif self._constant[index]:
                self._names.append("")
            elif index == problem.expression.root:
                self._names.append("loss")
            elif problem.reduction is not None and index == problem.expression.root - 1:
                self._names.append("losses")
            else:
                counter += 1
                self._names.append(_fresh(f"s{counter}", taken))
        self._gradients = [_fresh(f"d_{name}", taken) if name else "" for name in self._names]

    def _find_batched(self) -> list[bool]:
        batched: list[bool] = []
        for node in self._nodes:
            own = node.op == VARIABLE and isinstance(self._problem.values[node.name], tuple)
            inputs = any(batched[index] for index in node.inputs) and node.op not in REDUCTIONS
            batched.append(own or inputs)
        return batched

    def gradient(self, name: str) -> str:
        index = next(i for i, node in enumerate(self._nodes) if node.op == VARIABLE and node.name == name)
        return self._gradients[index]

    def forward(self) -> list[str]:
        lines: list[str] = []
        for index, node in enumerate(self._nodes):
            if self._constant[index] or node.op == VARIABLE:
                continue
            builder = Builder()
            root = builder.apply(node.op, *(self._leaf(builder, position) for position in node.inputs))
            lines.append(f"{self._names[index]} = {infix(builder.build(root), Dialect.TORCH)}")
        root_node = self._nodes[-1]
        return lines if root_node.inputs else [f"loss = {self._names[-1]}"]

    def backward(self) -> tuple[list[str], list[str]]:
        """The lines, and which helper functions they need."""
        flows = depends_on(self._problem.expression, self._problem.wrt)
        lines = [f"{self._gradients[-1]} = torch.ones_like(loss)"]
        helpers: set[str] = set()
        known: set[int] = set()
        for index in range(len(self._nodes) - 1, -1, -1):
            node = self._nodes[index]
            if not node.inputs or not flows[index]:
                continue
            formulas = local_derivatives(node.op, constant_exponent(self._problem.expression, node))
            for position, formula in zip(node.inputs, formulas, strict=True):
                if not flows[position]:
                    continue
                local = self._local(index, formula)
                helpers.update(step.op for step in local.nodes if step.op in _HELPERS)
                share = self._share(index, position, local)
                target = self._gradients[position]
                lines.append(f"{target} = {target} + {share}" if position in known else f"{target} = {share}")
                known.add(position)
        return lines, sorted(helpers, reverse=True)

    def _local(self, index: int, formula: Expression) -> Expression:
        """The local derivative with the program's names in it."""
        node = self._nodes[index]
        builder = Builder()
        leaves = {
            letter: self._leaf(builder, position) for letter, position in zip("ab", node.inputs, strict=False)
        }
        leaves["out"] = builder.variable(self._names[index])
        leaves["n"] = builder.constant(float(self._problem.batch))
        return folded(builder.build(_graft(builder, formula, leaves)))

    def _share(self, index: int, position: int, local: Expression) -> str:
        """The gradient of the output times the local derivative, fitted to the input's shape."""
        node, gradient = self._nodes[index], self._gradients[index]
        if node.op in REDUCTIONS:
            part = gradient if node.op == "sum" else f"({gradient} / {self._problem.batch})"
            return f"{part}.expand_as({self._names[position]})"
        builder = Builder()
        before = builder.variable(gradient)
        factor = local.nodes[-1]
        if factor.op == CONSTANT and abs(factor.value) == 1:
            root = before if factor.value == 1 else builder.apply("neg", before)
        else:
            root = builder.apply("mul", before, _graft(builder, local, {}))
        share = infix(builder.build(root), Dialect.TORCH)
        if self._batched[index] and not self._batched[position]:
            return f"({share}).sum()" if root != before else f"{share}.sum()"
        return share

    def _leaf(self, builder: Builder, index: int) -> int:
        """An input of an operation in a formula of its own: a name of the program, or its constant part."""
        if not self._constant[index]:
            return builder.variable(self._names[index])
        return _graft(builder, Builder(self._nodes[: index + 1]).build(index), {})


def _graft(builder: Builder, expression: Expression, leaves: dict[str, int]) -> int:
    """Copies a formula into a builder, its variables replaced by existing nodes where they are known."""
    copied: list[int] = []
    for node in expression.nodes:
        copied.append(_copy(builder, node, copied, leaves))
    return copied[-1]


def _copy(builder: Builder, node: Node, copied: list[int], leaves: dict[str, int]) -> int:
    if node.op == VARIABLE:
        return leaves[node.name] if node.name in leaves else builder.variable(node.name)
    if node.op == CONSTANT:
        return builder.constant(node.value)
    return builder.apply(node.op, *(copied[index] for index in node.inputs))


def printed(output: str) -> dict[str, float]:
    """What a program printed: `loss` and `dL/d…` with their numbers."""
    return dict(_pairs(output.splitlines()))


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, float]]:
    for line in lines:
        label, separator, text = line.partition(" = ")
        if separator:
            yield label, float(text)
