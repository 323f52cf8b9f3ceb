"""What each layer is worth: the output when one layer's output is replaced, layer by layer."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.hooks.layers import Layer
from core.hooks.plan import Mode, Plan
from core.hooks.run import Difference, run
from core.hooks.spec import Action, HookKind, HookSpec

MAX_LAYERS: Final = 40


@dataclass(frozen=True)
class Ablation:
    """One layer replaced.

    Attributes:
        layer: its name.
        difference: the output beside that of the whole model; None if the model could not run on.
        error: why it could not, in one line; empty if it did.
    """

    layer: str
    difference: Difference | None
    error: str

    @property
    def effect(self) -> float:
        """The largest change of the output, relative to the output's largest size; nan if there is none."""
        return math.nan if self.difference is None else self.difference.relative


def ablate_each(
    plan: Plan,
    layers: Sequence[Layer],
    action: Action,
    amount: float | None = None,
    *,
    seconds: float = math.inf,
) -> tuple[Ablation, ...]:
    """Runs the model once per layer, with that layer's output changed by a forward hook and no other hook.

    Args:
        plan: whose model and input are used; its hooks and mode are not.
        layers: of the model; those that never compute, the model itself and all after `MAX_LAYERS` are left
            out.
        action: one that changes the output.
        amount: of the action; None for its default.
        seconds: after which no further layer is begun.
    """
    end = time.monotonic() + seconds
    inner = [layer.name for layer in layers if layer.name and layer.calls][:MAX_LAYERS]
    found: list[Ablation] = []
    for name in inner:
        if found and time.monotonic() > end:
            break
        hook = HookSpec(name, HookKind.FORWARD, action, amount)
        report = run(replace(plan, hooks=(hook,), mode=Mode.CALL))
        found.append(Ablation(name, report.difference, report.error))
    return tuple(found)


def watch_all(plan: Plan, layers: Sequence[Layer]) -> Plan:
    """The same plan with a watcher on the output of every layer that computes, and on its gradient."""
    names = [layer.name for layer in layers if layer.calls][:MAX_LAYERS]
    kinds = (HookKind.FORWARD, HookKind.OUTPUT_TENSOR)
    hooks = tuple(HookSpec(name, kind) for name in names for kind in kinds)
    return replace(plan, hooks=hooks, mode=Mode.BACKWARD)
