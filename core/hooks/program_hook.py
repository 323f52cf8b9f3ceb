"""One hook of a plan as lines of a script: its function, and the call that registers it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from torch import nn

from core import zoo_modules
from core.hooks.actions import noise_seed
from core.hooks.code import call, function, indented, layer_code, returned
from core.hooks.recorder import find_layer, find_parameter
from core.hooks.spec import ROOT_NAME, Action, HookKind, HookSpec

STRUCTURED: Final = (nn.RNNBase, nn.MultiheadAttention, zoo_modules.TwoHeads)
"""Layers that give a tuple or a dictionary, not one tensor."""


@dataclass(frozen=True)
class _Seen:
    """What a hook sees.

    Attributes:
        takes: the parameters of the hook's function.
        pairs: role and expression of each value with tensors.
        target: the value that an action changes, as an expression.
    """

    takes: str
    pairs: tuple[tuple[str, str], ...] = ()
    target: str = ""


_SEEN: Final = {
    HookKind.FORWARD_PRE: _Seen("module, args", (("input", "args"),), "args"),
    HookKind.FORWARD: _Seen("module, args, output", (("output", "output"),), "output"),
    HookKind.FULL_BACKWARD_PRE: _Seen(
        "module, grad_output", (("grad_output", "grad_output"),), "grad_output"
    ),
    HookKind.FULL_BACKWARD: _Seen(
        "module, grad_input, grad_output",
        (("grad_output", "grad_output"), ("grad_input", "grad_input")),
        "grad_input",
    ),
    HookKind.OUTPUT_TENSOR: _Seen("gradient", (("gradient of output", "gradient"),), "gradient"),
    HookKind.PARAMETER: _Seen("gradient", (("gradient", "gradient"),), "gradient"),
    HookKind.ACCUMULATE_GRAD: _Seen("gradients", (("gradient", "gradients"),), "gradients"),
    HookKind.POST_ACCUMULATE_GRAD: _Seen("parameter", ((".grad", "parameter.grad"),), "parameter.grad"),
    HookKind.STATE_DICT_PRE: _Seen("module, prefix, keep_vars"),
    HookKind.STATE_DICT: _Seen("module, state_dict, prefix, metadata"),
    HookKind.LOAD_STATE_DICT_PRE: _Seen("module, state_dict, prefix, *rest"),
    HookKind.LOAD_STATE_DICT: _Seen("module, incompatible_keys"),
}
_WITH_KWARGS: Final = {
    HookKind.FORWARD_PRE: _Seen("module, args, kwargs", (("input", "args"), ("input", "kwargs"))),
    HookKind.FORWARD: _Seen(
        "module, args, kwargs, output", (("input", "kwargs"), ("output", "output")), "output"
    ),
}
_REGISTER: Final = {
    HookKind.FORWARD_PRE: "register_forward_pre_hook",
    HookKind.FORWARD: "register_forward_hook",
    HookKind.FULL_BACKWARD_PRE: "register_full_backward_pre_hook",
    HookKind.FULL_BACKWARD: "register_full_backward_hook",
    HookKind.OUTPUT_TENSOR: "register_forward_hook",
    HookKind.PARAMETER: "register_hook",
    HookKind.ACCUMULATE_GRAD: "register_prehook",
    HookKind.POST_ACCUMULATE_GRAD: "register_post_accumulate_grad_hook",
    HookKind.STATE_DICT_PRE: "register_state_dict_pre_hook",
    HookKind.STATE_DICT: "register_state_dict_post_hook",
    HookKind.LOAD_STATE_DICT_PRE: "register_load_state_dict_pre_hook",
    HookKind.LOAD_STATE_DICT: "register_load_state_dict_post_hook",
}
_ONE_TENSOR: Final = frozenset({
    HookKind.FORWARD, HookKind.OUTPUT_TENSOR, HookKind.PARAMETER, HookKind.POST_ACCUMULATE_GRAD,
})  # fmt: skip
"""Kinds that see one tensor, if the layer gives one."""
SEES_STATE: Final = frozenset({HookKind.STATE_DICT, HookKind.LOAD_STATE_DICT_PRE})


class ProgramHook:
    """One hook of the plan, as code."""

    def __init__(self, index: int, spec: HookSpec, layers: dict[str, nn.Module], seed: int) -> None:
        self.index = index
        self.number = index + 1
        self.spec = spec
        self.seed = noise_seed(seed, index)
        module = find_layer(layers, spec)
        self.parameter = ""
        parameter = find_parameter(module, spec)
        if parameter is not None:
            self.parameter = next(name for name, own in module._parameters.items() if own is parameter)
        self.structured = isinstance(module, STRUCTURED)
        self.seen = (_WITH_KWARGS if spec.with_kwargs else _SEEN)[spec.the_kind]
        self.leader = self
        self.followers = 0

    @property
    def group(self) -> object:
        """Hooks of one group share a function."""
        spec = self.spec
        if spec.once or spec.action in {Action.NOISE, Action.RAISE}:
            return self.index
        return (spec.kind, spec.action, spec.the_amount, spec.with_kwargs, spec.always_call, self.structured)

    @property
    def sees_one_tensor(self) -> bool:
        """Whether every firing shows exactly one tensor, which is not inside anything."""
        spec = self.spec
        is_one = spec.the_kind in _ONE_TENSOR and not spec.with_kwargs and not spec.always_call
        return is_one and not (self.structured and spec.the_kind is HookKind.FORWARD)

    @property
    def watches_many(self) -> bool:
        """Whether it sits on each tensor of an output that holds several."""
        return self.structured and self.spec.the_kind is HookKind.OUTPUT_TENSOR

    @property
    def changes_nested(self) -> bool:
        """Whether it changes tensors that are inside something of any form."""
        spec = self.spec
        if not spec.the_action.changes:
            return False
        if spec.the_kind is HookKind.FORWARD_PRE:
            return spec.with_kwargs
        return spec.the_kind is HookKind.FORWARD and self.structured

    @property
    def where(self) -> str:
        """The layer, or the parameter that the hook is on."""
        layer = self.spec.layer or ROOT_NAME
        return f"{layer}.{self.parameter}" if self.parameter else layer

    @property
    def name(self) -> str:
        """What the script calls it when it fires, as a literal."""
        return json.dumps(f"{self.where} {self.spec.kind}")

    def state(self) -> list[str]:
        """What must be there before its function."""
        lines = []
        if self.spec.action is Action.NOISE:
            lines += [f"noise_{self.number} = torch.Generator().manual_seed({self.seed})"]
        if self.spec.the_kind is HookKind.ACCUMULATE_GRAD:
            edge = f"node_{self.number} = torch.autograd.graph.get_gradient_edge"
            lines += call(edge, [self._parameter()], ".node")
        if self.spec.the_kind is HookKind.OUTPUT_TENSOR and self.spec.once:
            lines += [f"outputs_{self.number} = []"]
        if self._falls_silent:
            lines += [f"fired_{self.number} = []"]
        return lines

    @property
    def _falls_silent(self) -> bool:
        """Whether it fires once and must stay: where the layer raised, PyTorch is looping over its hooks."""
        return self.spec.once and self.spec.always_call

    def registration(self) -> list[str]:
        """The call that registers it."""
        spec, kind = self.spec, self.spec.the_kind
        target = layer_code(spec.layer)
        if kind is HookKind.ACCUMULATE_GRAD:
            target = f"node_{self.number}"
        elif kind.is_on_parameter:
            target = self._parameter()
        function = f"hook_{self.leader.number}"
        shared = self.leader.followers > 0
        arguments = [f"partial({function}, {self.name})" if shared else function]
        arguments += [
            f"{flag}=True" for flag in ("prepend", "with_kwargs", "always_call") if getattr(spec, flag)
        ]
        return call(f"{target}.{_REGISTER[kind]}", arguments)

    def _parameter(self) -> str:
        name = f"{self.spec.layer}.{self.parameter}" if self.spec.layer else self.parameter
        return f"model.get_parameter({json.dumps(name)})"

    def functions(self, *, general: bool) -> list[str]:
        """Its function, and for a hook on an output the one that is put on it."""
        shared = self.followers > 0
        name = "name" if shared else self.name
        body = self._body(name, general=general)
        takes = ["name"] * shared
        if self.spec.the_kind is not HookKind.OUTPUT_TENSOR:
            return [function(f"hook_{self.number}", [*takes, self.seen.takes], body)]
        watcher = f"gradient_{self.number}"
        bound = [*takes, *(["role"] * self.watches_many)]
        given = f"partial({', '.join([watcher, *bound])})" if bound else watcher
        tensor = "tensor" if self.watches_many else "output"
        keep = [f"if {tensor}.requires_grad:", f"    handles.append({tensor}.register_hook({given}))"]
        if self.spec.once:
            keep += [f"    outputs_{self.number}.append(handles[-1])"]
        if self.watches_many:
            keep = ['for role, tensor in tensors("gradient of output", output):', *indented(keep)]
        return [
            function(watcher, [*bound, self.seen.takes], body),
            function(f"hook_{self.number}", [*takes, "module, args, output"], keep),
        ]

    def _body(self, name: str, *, general: bool) -> list[str]:
        lines = self._shows(name, general=general)
        if self._falls_silent:
            fired = f"fired_{self.number}"
            comment = "# It fires once, and stays: where the layer raised, PyTorch loops over its hooks now."
            lines = [comment, f"if {fired}:", "    return None", f"{fired}.append(True)", *lines]
        elif self.spec.once:
            lines += self._removes()
        if self.spec.action is Action.RAISE:
            message = f"The {self.spec.kind} hook on {self.spec.where} raised, as it was told to."
            lines += [f"raise RuntimeError({json.dumps(message)})"]
        elif self.spec.the_action.changes:
            lines += self._changes()
        return lines

    def _shows(self, name: str, *, general: bool) -> list[str]:
        """The lines that print the firing and keep what it saw."""
        kind, captures = self.spec.the_kind, self.spec.action is Action.CAPTURE
        pairs = self.seen.pairs
        if not general:
            ((role, value),) = pairs
            shown = "role" if self.watches_many else json.dumps(role)
            lines = [f"describe({name}, {shown}, {value})"]
            if captures:
                lines += call(f"captured.setdefault({name}, []).append", [f"{value}.detach().clone()"])
            return lines
        given = [f"({'role' if self.watches_many else json.dumps(role)}, {value})" for role, value in pairs]
        if kind in SEES_STATE:
            given = ["*own(state_dict, prefix)"]
        return call("capture" if captures else "describe", [name, *given])

    def _removes(self) -> list[str]:
        own = f"handles[{self.index}]"
        if self.spec.the_kind.is_on_state:
            return ["# It fires once anyway. PyTorch loops over its hooks now, so it is removed at the end."]
        if self.spec.the_kind is not HookKind.OUTPUT_TENSOR:
            return [f"{own}.remove()"]
        return [f"for handle in ({own}, *outputs_{self.number}):", "    handle.remove()"]

    def _changes(self) -> list[str]:
        """The lines that give another value back."""
        kind, target = self.spec.the_kind, self.seen.target
        nested = f"lambda value: {self._change('value')}"
        if kind is HookKind.POST_ACCUMULATE_GRAD:
            return [f"{target} = {self._change(target)}"]
        if kind is HookKind.FORWARD_PRE and self.spec.with_kwargs:
            return call("return changed", ["(args, kwargs)", nested])
        if kind in {HookKind.FORWARD_PRE, HookKind.ACCUMULATE_GRAD}:
            return returned(f"tuple({self._change('value')} for value in {target})")
        if kind in {HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE}:
            return returned(
                f"tuple(None if value is None else {self._change('value')} for value in {target})"
            )
        lines = []
        if self.spec.always_call:
            lines = ["if output is None:  # the layer raised", "    return None"]
        if kind is HookKind.FORWARD and self.structured:
            return [*lines, *call("return changed", ["output", nested])]
        return [*lines, f"return {self._change(target)}"]

    def _change(self, value: str) -> str:
        """The action on one tensor, as in `actions.changer`."""
        amount = repr(float(self.spec.the_amount))
        match self.spec.the_action:
            case Action.SCALE:
                return f"{value} * {amount}"
            case Action.CLIP:
                return f"{value}.clamp(-{amount}, {amount})"
            case Action.ZERO:
                return f"{value}.masked_fill(torch.ones_like({value}, dtype=torch.bool), 0.0)"
            case Action.NOISE:
                return f"{value} + {amount} * torch.randn({value}.shape, generator=noise_{self.number})"
            case Action.MEAN:
                return f"{value}.mean(0, keepdim=True).expand_as({value}).clone()"
            case _:
                return f"torch.cat([{value}, {value}[..., :1]], -1)"
