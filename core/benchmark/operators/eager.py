"""PyTorch's side: its own profiler over the eager model, with the modules around the operators.

Hooks on the modules themselves would take an encoder layer off its fused path, so the hooks are PyTorch's
global ones, which that path does not look for: only for a process of its own, see `core.benchmark.errand`.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn
from torch.autograd import profiler
from torch.nn.modules import module as hooks

from core import zoo
from core.benchmark.operators.profile import (
    BLOCKS,
    PYTHON,
    Clock,
    EagerSide,
    Operator,
    Part,
    typical,
)

RESOLUTION: Final = (
    "PyTorch's profiler notes every operator, also those that others call, and its cost is in all rows, "
    "Python's most: it marks each module there."
)
LEAST_RUNS: Final = 2 * BLOCKS
MOST_RUNS: Final = 200
_MODULE: Final = "module:"
_RUN: Final = "(run)"


@dataclass(frozen=True)
class EagerPlan:
    """What to profile: a model of the zoo at one batch, about so many seconds for the calls together."""

    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 1
    seconds: float = 0.5


@dataclass(frozen=True)
class Event:
    """An operator or a module in PyTorch's profile.

    Attributes:
        name: the operator's; a module's begins with `module:`.
        seconds: from its start to its end.
        children: inside of it, in order.
    """

    name: str
    seconds: float
    children: tuple[Event, ...] = ()

    @property
    def own(self) -> float:
        """The seconds that no child has."""
        return self.seconds - sum(each.seconds for each in self.children)


_Row = tuple[str, str]  # module and operator


def profile_eager(plan: EagerPlan) -> EagerSide:
    """The profile of a model of the zoo, evaluated, in inference mode.

    Raises:
        ZooError: if there is no such model or batch.
    """
    made = zoo.build(plan.model, plan.seed)
    module = copy.deepcopy(made.module).eval()
    args, kwargs = made.arguments(made.example_inputs(plan.batch, zoo.InputKind.NORMAL, plan.seed))
    with torch.inference_mode():

        def call() -> object:
            return module(*args, **kwargs)

        plain = statistics.median(_times(call, plan.seconds))
        calls = max(LEAST_RUNS, min(MOST_RUNS, round(plan.seconds / plain)))
        with _silent(), _marked(module):
            # The first profile of a process starts up its libraries.
            _profiled(call, 2)
            runs = _profiled(call, calls)
    names = {name: type(each).__name__ for name, each in module.named_modules()}
    return side_of(runs, plain, names)


def side_of(runs: Sequence[Event], plain: float, modules: dict[str, str]) -> EagerSide:
    """The rows of runs, each an event of its own.

    Args:
        runs: warm calls of the model.
        plain: the median of a call without the profiler, in seconds.
        modules: the class of each, by name.
    """
    tables = [_rows(run) for run in runs]
    times = typical([{row: sum(parts.values()) for row, (_, parts) in table.items()} for table in tables])
    total = sum(times.values())
    operators = []
    for row, seconds in times.items():
        found = [table[row] for table in tables if row in table]
        inside = typical([parts for _, parts in found])
        # Medians of parts do not add up to the median of the whole: they are given its size.
        scale = seconds / sum(inside.values()) if sum(inside.values()) else 0.0
        parts = sorted(
            (Part(name, value * scale) for name, value in inside.items()), key=lambda each: -each.seconds
        )
        operators.append(
            Operator(
                operator=row[1],
                module=row[0],
                calls=sum(calls for calls, _ in found) / len(tables),
                seconds=seconds,
                share=seconds / total if total else 0.0,
                parts=tuple(parts),
            )
        )
    return EagerSide(Clock(len(runs), total, plain, RESOLUTION), tuple(operators), modules)


def _rows(run: Event) -> dict[_Row, tuple[int, dict[str, float]]]:
    """By module and operator: how many calls, and the seconds of each operator inside."""
    calls: dict[_Row, int] = defaultdict(int)
    parts: dict[_Row, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def walk(event: Event, module: str) -> None:
        inner = event.name.removeprefix(_MODULE) if event.name.startswith(_MODULE) else module
        row = (inner, PYTHON)
        calls[row] += 1
        parts[row][PYTHON] += event.own
        for child in event.children:
            if child.name.startswith(_MODULE):
                walk(child, inner)
            else:
                row = (inner, child.name)
                calls[row] += 1
                add(child, row)

    def add(event: Event, row: _Row) -> None:
        parts[row][event.name] += event.own
        for child in event.children:
            add(child, row)

    walk(run, "")
    # What is around the root module is the root's too, and no call of its own.
    if run.name == _RUN:
        calls["", PYTHON] -= 1
    return {row: (calls[row], dict(parts[row])) for row in calls}


def _times(call: Callable[[], object], seconds: float) -> list[float]:
    """Single calls for so long after as many to warm up, at least `BLOCKS`."""
    found: list[float] = []
    begun = time.perf_counter()
    while len(found) < 2 * BLOCKS or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found[len(found) // 2 :]


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps from the terminal what the profiler's library writes there whenever it starts and ends."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _marked(model: nn.Module) -> Iterator[None]:
    """Has the profiler see the calls of a model's modules."""
    names = {id(each): name for name, each in model.named_modules()}
    open_marks: list[Any] = []

    def enter(module: nn.Module, _: object) -> None:
        mark = profiler.record_function(f"{_MODULE}{names.get(id(module), '')}")
        mark.__enter__()  # type: ignore[no-untyped-call] # PyTorch's
        open_marks.append(mark)

    def leave(_: nn.Module, __: object, ___: object) -> None:
        open_marks.pop().__exit__(None, None, None)

    # Global hooks, in a process that profiles this one model and ends: a hook on a module would take an
    # encoder off its fused path.
    handles = [
        hooks.register_module_forward_pre_hook(enter),
        hooks.register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _profiled(call: Callable[[], object], calls: int) -> list[Event]:
    """The events of each call."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(calls):
            with profiler.record_function(_RUN):
                call()
    return [_event(each) for each in profile.events() if each.name == _RUN and each.cpu_parent is None]


def _event(found: Any) -> Event:  # noqa: ANN401 - a FunctionEvent, which has no types
    """An event with those inside, its times in seconds instead of microseconds."""
    children = tuple(_event(each) for each in found.cpu_children)
    return Event(found.name, found.cpu_time_total * 1e-6, children)
