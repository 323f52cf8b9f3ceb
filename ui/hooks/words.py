"""Hooks in words: what every part of the lab calls them."""

from __future__ import annotations

from typing import Final

from core.hooks import HookKind, HookSpec

_KINDS: Final = {
    HookKind.FORWARD_PRE: "forward-pre",
    HookKind.FORWARD: "forward",
    HookKind.FULL_BACKWARD_PRE: "full backward-pre",
    HookKind.FULL_BACKWARD: "full backward",
    HookKind.OUTPUT_TENSOR: "tensor hook on output",
    HookKind.PARAMETER: "tensor hook on parameter",
    HookKind.ACCUMULATE_GRAD: "AccumulateGrad",
    HookKind.POST_ACCUMULATE_GRAD: "post-accumulate-grad",
    HookKind.STATE_DICT_PRE: "state_dict pre",
    HookKind.STATE_DICT: "state_dict",
    HookKind.LOAD_STATE_DICT_PRE: "load_state_dict pre",
    HookKind.LOAD_STATE_DICT: "load_state_dict",
}


def hook_words(spec: HookSpec) -> str:
    """A hook's kind and action: `forward · scale 2`."""
    amount = f" {spec.the_amount:g}" if spec.the_amount else ""
    return f"{_KINDS[spec.the_kind]} · {spec.the_action.value.replace('_', ' ')}{amount}"


def count_words(count: int) -> str:
    """How often: `never`, `once`, `3 times`."""
    return "never" if count == 0 else "once" if count == 1 else f"{count} times"
