"""One hook on one layer: how each kind is registered with PyTorch, and what happens when it fires."""

from __future__ import annotations

import sys
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from core.hooks.actions import HookRaisedError, changer
from core.hooks.events import Log, Taken
from core.hooks.nested import map_tensors, tensors_in
from core.hooks.spec import Action, HookKind, HookSpec

# PyTorch gives hooks whatever the layer takes and gives, and takes whatever they return.
# ruff: noqa: ANN401
# PyTorch has no types for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"


_MANY: Final = 1_000
"""Hooks on outputs, above which those whose output is gone are dropped."""

_Place = tuple[weakref.ref[dict[Any, Any]], object]
"""Where a hook on an output is: the dictionary of the output's hooks, and its key there."""


class Hook:
    """A spec on its layer. Its methods are what PyTorch calls; each firing goes to the log."""

    def __init__(
        self, index: int, spec: HookSpec, module: nn.Module, parameter: nn.Parameter | None, seed: int
    ) -> None:
        self.index = index
        self.spec = spec
        self.firings = 0
        self.refused = ""
        self._module = module
        self._parameter = parameter
        self._seed = seed
        self._log = Log(0)
        self._handles: list[Any] = []
        self._outputs: list[_Place] = []
        self._leaves: list[Tensor] = []
        self._node: Any = None
        self._spent = False
        self._touched = False
        self._change: Callable[[Tensor], Tensor] | None = None
        self._capture = spec.action is Action.CAPTURE
        self._role = "gradient"
        self._plain = spec.action in {Action.OBSERVE, Action.CAPTURE} and not spec.once

    @property
    def is_live(self) -> bool:
        """Whether PyTorch would call it."""
        return bool(self._handles) and not self._spent

    def register(self, log: Log) -> None:
        """Puts it on its layer; where PyTorch refuses that, `refused` says why."""
        self._log = log
        self.firings = 0
        self.refused = ""
        self._spent = False
        if self.spec.the_action.changes:
            generator = torch.Generator().manual_seed(self._seed)
            self._change = changer(self.spec, generator)
        try:
            self._handles.append(self._register())
            self._touched = True
        except RuntimeError as error:
            self.refused = " ".join(str(error).split())

    def remove(self) -> None:
        """Takes it away, and with it what it put on outputs that are still in a graph."""
        self._take_off()
        if self._touched and self._parameter is not None:
            _forget_empty(self._parameter)
        for leaf in self._leaves:
            _forget_empty(leaf)
        self._leaves.clear()
        self._touched = False

    def _take_off(self) -> None:
        """The same for a hook that is firing: the parameter's dictionary, which PyTorch is using, stays."""
        for handle in self._handles:
            handle.remove()
        for where, key in self._outputs:
            if (hooks := where()) is not None:
                hooks.pop(key, None)
        was_live = bool(self._handles)
        self._handles.clear()
        self._outputs.clear()
        self._node = None
        if was_live and self.spec.kind is HookKind.FULL_BACKWARD and not self._module._backward_hooks:
            # PyTorch leaves the mark of which kind they are.
            self._module._is_full_backward_hook = None

    def _register(self) -> Any:
        module, spec = self._module, self.spec
        match spec.the_kind:
            case HookKind.FORWARD_PRE:
                forward_pre = self._forward_pre_kwargs if spec.with_kwargs else self._forward_pre
                return module.register_forward_pre_hook(
                    forward_pre, prepend=spec.prepend, with_kwargs=spec.with_kwargs
                )
            case HookKind.FORWARD:
                forward = self._forward_kwargs if spec.with_kwargs else self._forward
                return module.register_forward_hook(
                    forward,
                    prepend=spec.prepend,
                    with_kwargs=spec.with_kwargs,
                    always_call=spec.always_call,
                )
            case HookKind.FULL_BACKWARD_PRE:
                return module.register_full_backward_pre_hook(self._backward_pre, prepend=spec.prepend)
            case HookKind.FULL_BACKWARD:
                return module.register_full_backward_hook(self._backward, prepend=spec.prepend)
            case HookKind.OUTPUT_TENSOR:
                return module.register_forward_hook(self._watch_output)
            case HookKind.STATE_DICT_PRE:
                return module.register_state_dict_pre_hook(self._state_dict_pre)
            case HookKind.STATE_DICT:
                # PyTorch marks the function that it is given, and a method takes no mark.
                return module.register_state_dict_post_hook(partial(self._state_dict))
            case HookKind.LOAD_STATE_DICT_PRE:
                return module.register_load_state_dict_pre_hook(self._load_state_dict_pre)
            case HookKind.LOAD_STATE_DICT:
                return module.register_load_state_dict_post_hook(self._load_state_dict)
            case kind:
                return self._register_on_parameter(kind)

    def _register_on_parameter(self, kind: HookKind) -> Any:
        parameter = self._parameter
        assert parameter is not None
        if kind is HookKind.PARAMETER:
            return parameter.register_hook(self._tensor)
        if kind is HookKind.POST_ACCUMULATE_GRAD:
            return parameter.register_post_accumulate_grad_hook(self._post_accumulate)
        # PyTorch holds the node only weakly: without a reference the hook would go with it.
        self._node = torch.autograd.graph.get_gradient_edge(parameter).node
        return self._node.register_prehook(self._accumulate)

    def _fire(self, *values: tuple[str, Any], note: str = "", change: Callable[[], Any] | None = None) -> Any:
        """Writes a firing down, does what the action says, and gives the changed value, or None."""
        if self._spent:
            return None
        start = time.perf_counter_ns()
        taken: list[Taken] = []
        for role, value in values:
            self._log.take(role, value, taken, capture=self._capture)
        self.firings += 1
        if self.spec.once and (self.spec.the_kind.is_on_state or self.spec.always_call):
            # PyTorch is in the middle of a loop over the dictionary that it is in.
            self._spent = True
        elif self.spec.once:
            self._take_off()
        result = None
        try:
            if change is not None and self._change is not None:
                result = change()
        finally:
            # A checkpoint's second computation may stop in the middle of the change.
            self._log.write(self.index, self.spec, self.firings, taken, result is not None, note, start)
        if self.spec.action is Action.RAISE:
            raise HookRaisedError(
                f"The {self.spec.kind} hook on {self.spec.where} raised, as it was told to."
            )
        return result

    def _changed(self, value: Any) -> Any:
        assert self._change is not None
        return map_tensors(value, self._change)

    def _forward_pre(self, _module: nn.Module, args: tuple[Any, ...]) -> Any:
        return self._fire(("input", args), change=lambda: self._changed(args))

    def _forward_pre_kwargs(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._fire(
            ("input", args),
            ("input", kwargs),
            note=_named(kwargs),
            change=lambda: (self._changed(args), self._changed(kwargs)),
        )

    def _forward(self, _module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
        if self._plain and output is not None:
            self.firings += 1
            self._log.note(self.index, self.spec, self.firings, "output", output, self._capture)
            return None
        note = self._why_none() if output is None else ""
        return self._fire(
            ("output", output),
            note=note,
            change=None if output is None else lambda: self._changed(output),
        )

    def _forward_kwargs(
        self, _module: nn.Module, _args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> Any:
        note = _named(kwargs)
        if output is None:
            note = f"{note}; {self._why_none()}"
        return self._fire(
            ("input", kwargs),
            ("output", output),
            note=note,
            change=None if output is None else lambda: self._changed(output),
        )

    def _why_none(self) -> str:
        # PyTorch calls such a hook while it handles the exception.
        raised = self.spec.always_call and sys.exc_info()[0] is not None
        return "no output: the layer raised" if raised else "the layer gave None"

    def _backward_pre(self, _module: nn.Module, grad_output: Any) -> Any:
        return self._fire(("grad_output", grad_output), change=lambda: self._changed(grad_output))

    def _backward(self, _module: nn.Module, grad_input: Any, grad_output: Any) -> Any:
        missing = [place for place, gradient in enumerate(_as_tuple(grad_input)) if gradient is None]
        note = ""
        if missing:
            places = ", ".join(f"grad_input[{place}]" for place in missing)
            note = f"{places} {'is' if len(missing) == 1 else 'are'} None: that input needs no gradient"
        return self._fire(
            ("grad_output", grad_output),
            ("grad_input", grad_input),
            note=note,
            change=lambda: self._changed(grad_input),
        )

    def _watch_output(self, _module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        if len(self._outputs) >= _MANY:
            self._outputs = [place for place in self._outputs if place[0]() is not None]
        if isinstance(output, Tensor):
            if output.requires_grad:
                self._outputs.append(_put_on(output, self._output_gradient))
                if output.is_leaf:
                    self._leaves.append(output)
            return
        for role, tensor in tensors_in(output, "gradient of output"):
            if tensor.requires_grad:
                self._outputs.append(_put_on(tensor, _Named(self, role)))
                if tensor.is_leaf:
                    self._leaves.append(tensor)

    def _output_gradient(self, gradient: Tensor) -> Any:
        if self._plain:
            self.firings += 1
            self._log.note(self.index, self.spec, self.firings, "gradient of output", gradient, self._capture)
            return None
        return self._fire(("gradient of output", gradient), change=lambda: self._changed(gradient))

    def _tensor(self, gradient: Tensor) -> Any:
        return self._fire((self._role, gradient), change=lambda: self._changed(gradient))

    def _accumulate(self, gradients: tuple[Tensor | None, ...]) -> Any:
        return self._fire((self._role, gradients), change=lambda: self._changed(gradients))

    def _post_accumulate(self, parameter: Tensor) -> None:
        changed = self._fire((".grad", parameter.grad), change=lambda: self._changed(parameter.grad))
        if changed is not None:
            parameter.grad = changed

    def _state_dict_pre(self, _module: nn.Module, prefix: str, _keep_vars: bool) -> None:
        self._fire(note=f"saving under `{prefix or 'the top'}`")

    def _state_dict(
        self, _module: nn.Module, state: dict[str, Any], prefix: str, _metadata: dict[str, Any]
    ) -> None:
        self._fire(*_own_entries(state, prefix))

    def _load_state_dict_pre(
        self, _module: nn.Module, state: Mapping[str, Any], prefix: str, *_: object
    ) -> None:
        self._fire(*_own_entries(state, prefix))

    def _load_state_dict(self, _module: nn.Module, incompatible: Any) -> None:
        missing, unexpected = incompatible.missing_keys, incompatible.unexpected_keys
        self._fire(note=f"loaded; {len(missing)} keys missing, {len(unexpected)} unexpected")


class _Named:
    """A hook on one tensor of an output: it knows where in the output that tensor is."""

    def __init__(self, hook: Hook, role: str) -> None:
        self._hook = hook
        self._role = role

    def __call__(self, gradient: Tensor) -> Any:
        hook = self._hook
        return hook._fire((self._role, gradient), change=lambda: hook._changed(gradient))


def _put_on(tensor: Tensor, hook: Callable[[Tensor], Any]) -> _Place:
    """What `tensor.register_hook(hook)` does, in half its time, for a tensor of a graph."""
    node = tensor.grad_fn
    if type(tensor) is not Tensor or node is None:
        handle = tensor.register_hook(hook)
        return handle.hooks_dict_ref, handle.id
    hooks: Any = tensor._backward_hooks
    if hooks is None:
        hooks = tensor._backward_hooks = OrderedDict()
        node._register_hook_dict(tensor)
    # PyTorch's own keys are numbers.
    key = object()
    hooks[key] = hook
    return weakref.ref(hooks), key


def _own_entries(state: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """The entries of a state dict that belong to the layer itself, not to layers inside it."""
    own = {key: key.removeprefix(prefix) for key in state if key.startswith(prefix)}
    return [(name, state[key]) for key, name in own.items() if "." not in name]


def _named(kwargs: Mapping[str, Any]) -> str:
    return f"by keyword: {', '.join(kwargs)}" if kwargs else "no keyword arguments"


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _forget_empty(parameter: Tensor) -> None:
    """PyTorch leaves an empty dictionary where the last hook of a tensor was removed."""
    for place in ("_backward_hooks", "_post_accumulate_grad_hooks"):
        if getattr(parameter, place, None) == {}:
            setattr(parameter, place, None)
