"""What a trap is: a short PyTorch program that does what PyTorch says, but not what one expects.

Each trap's code is a function. Its body is what the page shows, and it is run anew each time.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch


class Print(Protocol):
    """What a trap calls to show a line: a label, a value, and a remark if there is one."""

    def __call__(self, label: str, value: object, note: str = "", /) -> None:
        """Shows one line."""


Observe: TypeAlias = Callable[[Print], None]


@dataclass(frozen=True)
class Line:
    """One line that a trap printed."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Observation:
    """What happened when a trap ran.

    Attributes:
        lines: what it printed, in order.
        raised: the error that ended it, as `RuntimeError: …` on one line; None if it ran to its end.
    """

    lines: tuple[Line, ...]
    raised: str | None


@dataclass(frozen=True)
class Trap:
    """A trap.

    Attributes:
        key: short name for a link.
        title: what a menu says.
        question: what to ask oneself before running it.
        why: what happens, in two or three sentences for a newcomer.
        fix: what to write instead, in one line.
        observe: the code, as a function.
    """

    key: str
    title: str
    question: str
    why: str
    fix: str
    observe: Observe

    @property
    def code(self) -> str:
        """The code as a program: the function's body, with its import."""
        return f"import torch\n\n{body(self.observe)}"


def body(function: Callable[..., object]) -> str:
    """The source of a function's body, as a program. The signature must be one line."""
    source = textwrap.dedent(inspect.getsource(function))
    return textwrap.dedent(source.split("\n", 1)[1])


def run(trap: Trap) -> Observation:
    """Runs a trap with new tensors, and catches the error it may end with.

    A trap is there to end with an error of PyTorch's: RuntimeError, TypeError or ValueError. Any other is a
    mistake in the trap, and is raised.
    """
    lines: list[Line] = []

    def show(label: str, value: object, note: str = "", /) -> None:
        lines.append(Line(label, str(value), note))

    try:
        with torch.enable_grad():
            trap.observe(show)
    except (RuntimeError, TypeError, ValueError) as error:
        return Observation(tuple(lines), f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Observation(tuple(lines), None)


def find(traps: Iterable[Trap], key: str) -> Trap:
    """The trap called `key` among `traps`.

    Raises:
        KeyError: if there is none, with the known keys.
    """
    known = {trap.key: trap for trap in traps}
    if key not in known:
        raise KeyError(f"{key!r} is no trap: choose one of {', '.join(known)}.")
    return known[key]
