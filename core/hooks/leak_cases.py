"""How hooks stay behind: tried on the visitor's own model and hooks, counted, and cleaned up."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from core.hooks.events import Log
from core.hooks.hook import Hook
from core.hooks.leaks import count_hooks, remove_hooks
from core.hooks.plan import Plan
from core.hooks.recorder import find_layer, find_parameter
from core.hooks.spec import Action, HookKind, HookSpec
from core.rng import seeded


@dataclass(frozen=True)
class Count:
    """What was done, and how many hooks were on the model (or its copy) afterwards."""

    done: str
    hooks: int


@dataclass(frozen=True)
class LeakCase:
    """One way in which hooks stay behind.

    Attributes:
        title: what happens.
        counts: step by step; the last one is after the cleaning.
        lesson: what to do, in one sentence.
    """

    title: str
    counts: tuple[Count, ...]
    lesson: str


def try_leaks(plan: Plan) -> tuple[LeakCase, ...]:
    """Runs every case on new models of the plan, with its hooks (or, if it has none, one on the model).

    Raises:
        HookError: for a hook that does not fit the model.
    """
    specs = plan.hooks or (HookSpec("", HookKind.FORWARD),)
    return (_lost_handles(plan, specs), _deep_copy(plan, specs), _raising(plan))


def _register(model: nn.Module, specs: Sequence[HookSpec]) -> list[Hook]:
    layers = dict(model.named_modules(remove_duplicate=False))
    hooks = []
    for index, spec in enumerate(specs):
        module = find_layer(layers, spec)
        hook = Hook(index, spec, module, find_parameter(module, spec), index)
        hook.register(Log(0))
        hooks.append(hook)
    return hooks


def _lost_handles(plan: Plan, specs: Sequence[HookSpec]) -> LeakCase:
    model = plan.build().module
    counts = [Count("a new model", count_hooks(model))]
    for times in ("the cell runs once", "it runs again", "and again"):
        _register(model, specs)
        counts.append(Count(f"{times}: registers, and drops the handles", count_hooks(model)))
    remove_hooks(model)
    counts.append(Count("every hook found and removed", count_hooks(model)))
    return LeakCase(
        "Handles not removed: a notebook cell, or a page that reruns",
        tuple(counts),
        "Keep the handle that `register_…` returns and call its `remove()` in a `finally`, or use a "
        "context manager.",
    )


def _deep_copy(plan: Plan, specs: Sequence[HookSpec]) -> LeakCase:
    model = plan.build().module
    hooks = _register(model, specs)
    counts = [Count("registered on the model", count_hooks(model))]
    copied = copy.deepcopy(model)
    counts.append(Count("copy.deepcopy(model): on the copy", count_hooks(copied)))
    for hook in hooks:
        hook.remove()
    counts.append(Count("every handle.remove(): on the model", count_hooks(model)))
    counts.append(Count("… and on the copy", count_hooks(copied)))
    remove_hooks(copied)
    counts.append(Count("the copy searched and cleaned", count_hooks(copied)))
    return LeakCase(
        "deepcopy carries the hooks along",
        tuple(counts),
        "A handle removes its hook from the model that it was registered on, never from a copy: copy first.",
    )


def _raising(plan: Plan) -> LeakCase:
    made = plan.build()
    model = made.module
    (hook,) = _register(model, [HookSpec("", HookKind.FORWARD_PRE, Action.RAISE)])
    counts = [Count("a hook that raises is registered", count_hooks(model))]
    args, kwargs = made.arguments(made.example_inputs(plan.batch, plan.input_kind, plan.seed))
    for times in ("model(x) raises", "model(x) raises again"):
        try:
            with seeded(plan.seed):
                model(*args, **kwargs)
        except RuntimeError as error:
            counts.append(Count(f"{times}: {type(error).__name__}", count_hooks(model)))
    hook.remove()
    counts.append(Count("handle.remove()", count_hooks(model)))
    return LeakCase(
        "A hook that raises stays",
        tuple(counts),
        "An exception ends the call, not the hook: every further call fails until the handle is removed.",
    )
