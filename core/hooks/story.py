"""Why a layer is called as `model(x)`: the same few lines without hooks, with hooks, and in PyTorch.

The two classes and the lines that use them are what the page shows, and are run as they stand. They are a
beginner's programs: no types (ANN), and `print` is a parameter (A002) that catches their lines.
"""
# ruff: noqa: A002, ANN001, ANN201, ANN202, ANN204
# mypy: disable-error-code="no-untyped-call, no-untyped-def"

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch

from core.traps import body


class Linear:
    """Computes w * x + b."""

    def __init__(self, w, b):
        self.w = w
        self.b = b

    def compute_forward_pass(self, x):
        """The output for the input x."""
        return self.w * x + self.b


class HookedLinear:
    """Computes w * x + b, and lets others watch."""

    def __init__(self, w, b):
        self.w = w
        self.b = b
        self.forward_pre_hooks = []

    def register_forward_pre_hook(self, hook):
        """From now on, hook sees every input first."""
        self.forward_pre_hooks.append(hook)

    def compute_forward_pass(self, x):
        """The output for the input x."""
        return self.w * x + self.b

    def __call__(self, x):
        """What model(x) does."""
        for hook in self.forward_pre_hooks:
            hook(self, x)
        return self.compute_forward_pass(x)


def _without_hooks(print: Callable[[str], None]) -> None:
    model = Linear(w=0.5, b=0.1)
    output = model.compute_forward_pass(2.0)
    print(f"Output: {output}")


def _with_hooks(print: Callable[[str], None]) -> None:
    def telemetry(model, x):
        print(f"[Telemetry] Input value passed: {x}")

    model = HookedLinear(w=0.5, b=0.1)
    model.register_forward_pre_hook(telemetry)
    output = model(2.0)
    print(f"Output: {output}")


def _program(layer: type, use: Callable[[Callable[[str], None]], None]) -> str:
    return f"{inspect.getsource(layer)}\n\n{body(use)}"


BEFORE = _program(Linear, _without_hooks)
"""The program without hooks: its caller must know the name of the method that computes."""

AFTER = _program(HookedLinear, _with_hooks)
"""The program with hooks: `model(x)` is `model.__call__(x)`, which calls the hooks and then computes."""


class Pair(NamedTuple):
    """A line of ours and the line of PyTorch's that does the same.

    Attributes:
        ours: the line in `AFTER`, without its indentation.
        pytorch: the line in `torch_call_source()`, without its indentation.
        why: what the two have in common, and what PyTorch does besides.
    """

    ours: str
    pytorch: str
    why: str


PAIRS: tuple[Pair, ...] = (
    Pair(
        "def __call__(self, x):",
        "def _call_impl(self, *args, **kwargs):",
        "What model(x) does: PyTorch's __call__ hands everything on to _call_impl, whatever a layer takes.",
    ),
    Pair(
        "for hook in self.forward_pre_hooks:",
        "*self._forward_pre_hooks.items(),",
        "Both take the layer's hooks in order; PyTorch puts the global ones, for all layers, before them.",
    ),
    Pair(
        "hook(self, x)",
        "args_result = hook(self, args)",
        "The hook gets the layer and its input; in PyTorch it may also return a new input.",
    ),
    Pair(
        "return self.compute_forward_pass(x)",
        "result = forward_call(*args, **kwargs)",
        "Only now the layer computes; PyTorch keeps the result, for the forward hooks come after it.",
    ),
)
"""How `AFTER` maps to PyTorch, from top to bottom."""


def run_story() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines that `BEFORE` and `AFTER` print, from running them."""
    before: list[str] = []
    after: list[str] = []
    _without_hooks(before.append)
    _with_hooks(after.append)
    return tuple(before), tuple(after)


_PARTS = (
    ("def _call_impl(", "return forward_call(*args, **kwargs)"),
    ("def inner():", "def inner():"),
    ("if _global_forward_pre_hooks or self._forward_pre_hooks:", "if hook_id in"),
    ("else:\nargs_result = hook(self, args)", "args_result ="),
    ("result = forward_call(*args, **kwargs)", "):"),
    ("if hook_id in self._forward_hooks_with_kwargs", "if hook_id in"),
    ("else:\nhook_result = hook(self, args, result)", "result = hook_result"),
    ("return result", "return result"),
)
"""What to show of `Module._call_impl`: how the first and the last line of each part begin."""


def torch_call_source() -> str:
    """What `model(x)` does in the installed PyTorch: the essential lines of `torch.nn.Module._call_impl`.

    These are the signature, the short cut without hooks, the forward pre-hooks, forward, and the forward
    hooks, word for word. A line `...` stands for what is left out.

    Raises:
        ValueError: if this PyTorch's source has other lines.
        OSError: if it has no source.
    """
    return excerpt(inspect.getsource(torch.nn.Module._call_impl), _PARTS)


def excerpt(source: str, parts: Iterable[tuple[str, str]]) -> str:
    """Parts of a function's source, word for word, with `...` for the lines between and after them.

    Args:
        source: the function's source.
        parts: how the first and the last line of each part begin, in order. The two may be the same line, and
            where the first is a common one, the line after it can be added.

    Raises:
        ValueError: if a line is not found after the part before it.
    """
    lines = textwrap.dedent(source).splitlines()
    shown: list[str] = []
    done = 0
    for first, last in parts:
        start = _find(lines, first, done)
        end = _find(lines, last, start) + 1
        shown += [*_ellipsis(lines[done:start]), *lines[start:end]]
        done = end
    return "\n".join([*shown, *_ellipsis(lines[done:])])


def _find(lines: list[str], marker: str, start: int) -> int:
    """The first line from `start` on that begins like the marker, as do the lines after it."""
    beginnings = marker.split("\n")
    for number in range(start, len(lines) - len(beginnings) + 1):
        if all(
            line.lstrip().startswith(text) for line, text in zip(lines[number:], beginnings, strict=False)
        ):
            return number
    raise ValueError(f"PyTorch {torch.__version__}: no line begins with {marker!r} after line {start}.")


def _ellipsis(left_out: list[str]) -> list[str]:
    """One line `...`, indented like the first statement that it stands for; none if there are none."""
    for line in left_out:
        statement = line.lstrip()
        if statement and not statement.startswith("#"):
            return [" " * (len(line) - len(statement)) + "..."]
    return []
