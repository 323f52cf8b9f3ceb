"""What to register: a layer, the kind of hook, and what the hook does when it fires."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ROOT_NAME: Final = "model"
"""What the root is called in texts; `named_modules` calls it by the empty string."""


class HookError(ValueError):
    """A hook that cannot be registered: one line with what came, what was expected and what to do."""


class HookKind(StrEnum):
    """Where a hook can be put: the moments that PyTorch offers."""

    FORWARD_PRE = "forward_pre"
    FORWARD = "forward"
    FULL_BACKWARD_PRE = "full_backward_pre"
    FULL_BACKWARD = "full_backward"
    OUTPUT_TENSOR = "output_tensor"
    PARAMETER = "parameter"
    ACCUMULATE_GRAD = "accumulate_grad"
    POST_ACCUMULATE_GRAD = "post_accumulate_grad"
    STATE_DICT_PRE = "state_dict_pre"
    STATE_DICT = "state_dict"
    LOAD_STATE_DICT_PRE = "load_state_dict_pre"
    LOAD_STATE_DICT = "load_state_dict"

    @property
    def is_forward(self) -> bool:
        """Whether it fires while the layer computes its output."""
        return self in _FORWARD

    @property
    def is_backward(self) -> bool:
        """Whether it fires during `backward()`."""
        return self in _BACKWARD

    @property
    def is_on_parameter(self) -> bool:
        """Whether it sits on a parameter of the layer, not on the layer."""
        return self in _ON_PARAMETER

    @property
    def is_on_state(self) -> bool:
        """Whether it fires when the layer's state is saved or loaded."""
        return not self.is_forward and not self.is_backward


_FORWARD: Final = frozenset({HookKind.FORWARD_PRE, HookKind.FORWARD})
_ON_PARAMETER: Final = frozenset(
    {HookKind.PARAMETER, HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD}
)
_BACKWARD: Final = _ON_PARAMETER | {
    HookKind.FULL_BACKWARD_PRE,
    HookKind.FULL_BACKWARD,
    HookKind.OUTPUT_TENSOR,
}


class Action(StrEnum):
    """What a hook does when it fires."""

    OBSERVE = "observe"
    CAPTURE = "capture"
    SCALE = "scale"
    CLIP = "clip"
    ZERO = "zero"
    NOISE = "noise"
    MEAN = "mean"
    RAISE = "raise"
    WRONG_SHAPE = "wrong_shape"

    @property
    def changes(self) -> bool:
        """Whether it replaces the value that it sees."""
        return self not in {Action.OBSERVE, Action.CAPTURE, Action.RAISE}


AMOUNTS: Final = {Action.SCALE: 2.0, Action.CLIP: 0.5, Action.NOISE: 0.1}
"""The default amount of the actions that have one: factor, largest size, standard deviation."""

_PREPENDABLE: Final = frozenset(
    {HookKind.FORWARD_PRE, HookKind.FORWARD, HookKind.FULL_BACKWARD_PRE, HookKind.FULL_BACKWARD}
)


@dataclass(frozen=True)
class HookSpec:
    """One hook.

    Attributes:
        layer: a name of `model.named_modules()`; the empty string is the model itself.
        kind: the moment.
        action: what it does: observe (statistics), capture (the values too), scale, clip, zero, add noise,
            replace by the mean, raise, or return a wrong shape.
        amount: the factor of scale, the largest size of clip, the standard deviation of noise; None is the
            default (2, 0.5, 0.1), and all that the other actions take.
        parameter: for hooks on a parameter: which of the layer's own; empty for its first.
        prepend: put it before the layer's other hooks.
        with_kwargs: forward kinds only: it also sees keyword arguments.
        always_call: forward only: it is called even when the layer raises.
        once: it removes itself after its first firing.

    Raises:
        HookError: for a combination that PyTorch does not offer.
    """

    layer: str
    kind: HookKind | str
    action: Action | str = Action.OBSERVE
    amount: float | None = None
    parameter: str = ""
    prepend: bool = False
    with_kwargs: bool = False
    always_call: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        """Checks the combination."""
        object.__setattr__(self, "kind", _member(HookKind, self.kind, "kind of hook"))
        object.__setattr__(self, "action", _member(Action, self.action, "action"))
        kind, action = self.the_kind, self.the_action
        if self.prepend and kind not in _PREPENDABLE:
            raise HookError(f"`prepend` does not go with {kind}: it orders the hooks of a layer's call.")
        if self.with_kwargs and not kind.is_forward:
            raise HookError(f"`with_kwargs` does not go with {kind}: use forward_pre or forward.")
        if self.always_call and kind is not HookKind.FORWARD:
            raise HookError(f"`always_call` does not go with {kind}: use forward.")
        if self.parameter and not kind.is_on_parameter:
            raise HookError(f"`parameter={self.parameter}` does not go with {kind}: it sits on the layer.")
        if action.changes and kind.is_on_state:
            raise HookError(f"{action} does not go with {kind}: observe, capture or raise.")
        if action is Action.WRONG_SHAPE and kind is HookKind.POST_ACCUMULATE_GRAD:
            raise HookError(f"{action} does not go with {kind}: it returns nothing.")
        if self.amount is not None:
            if action not in AMOUNTS:
                raise HookError(f"{action} takes no amount, got {self.amount:g}: leave it out.")
            if not math.isfinite(self.amount):
                raise HookError(f"{action} got the amount {self.amount}: give a finite number.")
            if self.amount < 0 and action is not Action.SCALE:
                raise HookError(f"{action} got the amount {self.amount:g}: give 0 or more.")

    @property
    def the_kind(self) -> HookKind:
        """The kind, as the enum."""
        return HookKind(self.kind)

    @property
    def the_action(self) -> Action:
        """The action, as the enum."""
        return Action(self.action)

    @property
    def the_amount(self) -> float:
        """The amount, or the action's default; 0 where the action has none."""
        return AMOUNTS.get(self.the_action, 0.0) if self.amount is None else self.amount

    @property
    def where(self) -> str:
        """The layer, with the parameter if the hook is on one: `fc1`, `fc1.weight`, `model`."""
        layer = self.layer or ROOT_NAME
        return f"{layer}.{self.parameter}" if self.parameter else layer

    def __str__(self) -> str:
        """Such as `fc1 forward scale=2 prepend`; `parse_spec` reads it back."""
        words = [self.layer or ROOT_NAME, str(self.kind)]
        amount = "" if self.amount is None else f"={self.amount!r}".removesuffix(".0")
        words.append(f"{self.action}{amount}")
        if self.parameter:
            words.append(f"parameter={self.parameter}")
        words += [flag for flag in _FLAGS if getattr(self, flag)]
        return " ".join(words)


_FLAGS: Final = ("prepend", "with_kwargs", "always_call", "once")
_MAX_TEXT: Final = 300


def parse_spec(text: str) -> HookSpec:
    """The hook that a text such as `fc1 forward scale=2 prepend` names.

    Args:
        text: layer, kind, and optionally an action, `parameter=NAME`, `prepend`, `with_kwargs`,
            `always_call`, `once`. The layer `model` is the root.

    Raises:
        HookError: one line for a text that names none.
    """
    shown = " ".join(text[:61].split())
    shown = shown if len(text) <= 60 else f"{shown[:59]}…"
    words = text.split() if len(text) <= _MAX_TEXT else []
    if len(words) < 2:
        raise HookError(f"`{shown}` is no hook: write LAYER KIND ACTION, such as `model forward observe`.")
    layer, kind, *rest = words
    action: str = Action.OBSERVE
    amount: float | None = None
    parameter = ""
    flags: set[str] = set()
    for word in rest:
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            flags.add(word)
        elif name == "parameter" and value:
            parameter = value
        elif name in set(Action):
            action = name
            amount = _number(value, shown) if equals else None
        else:
            known = f"an action ({', '.join(Action)}) nor one of {', '.join(_FLAGS)}"
            raise HookError(f"`{shown}`: `{word}` is neither {known}.")
    return HookSpec(
        "" if layer == ROOT_NAME else layer,
        kind,
        action,
        amount,
        parameter,
        **{flag: flag in flags for flag in _FLAGS},
    )


def _number(text: str, shown: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise HookError(f"`{shown}`: `{text[:20]}` is not a number.") from None


def _member(enum: type[HookKind] | type[Action], value: str, what: str) -> StrEnum:
    try:
        return enum(value)
    except ValueError:
        raise HookError(f"{str(value)[:40]!r} is no {what}: choose one of {', '.join(enum)}.") from None
