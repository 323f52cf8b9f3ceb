"""The recorder: puts hooks on a model, writes down every firing, and leaves the model as it found it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final

from torch import nn

from core.hooks.actions import noise_seed
from core.hooks.events import Event, Log
from core.hooks.hook import Hook
from core.hooks.preserve import Preserved
from core.hooks.spec import ROOT_NAME, HookError, HookSpec

BUDGET_BYTES: Final = 64 * 2**20
"""How much memory the copies of one recorder may take."""


class HookRecorder:
    """A context manager: hooks on a model for the time of a block, with every firing in `events`.

    Whatever happens in the block, afterwards the hooks are gone and (unless `restore` is off) parameters,
    buffers, gradients, `requires_grad` and training flags are what they were, bit for bit. Hooks that others
    put on the model stay. No hook is global. The outputs of the model are unchanged unless an action
    changes them. What cannot be put back is said at `Preserved`.

    Args:
        model: any module.
        specs: the hooks, registered in this order.
        restore: turn it off to train inside: then only the hooks are taken away.
        rng: also restore PyTorch's random generators, which are global to the process.
        budget_bytes: how much memory copies may take. Beyond it, statistics are counted on the spot, which is
            slower, and captures stop: `stopped` says where.
        seed: for the action noise, which has a generator of its own.

    Raises:
        HookError: for a layer or a parameter that the model does not have.
    """

    def __init__(
        self,
        model: nn.Module,
        specs: Sequence[HookSpec],
        *,
        restore: bool = True,
        rng: bool = False,
        budget_bytes: int = BUDGET_BYTES,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.specs = tuple(specs)
        self._restore = restore
        self._rng = rng
        self._log = Log(budget_bytes)
        self._preserved: Preserved | None = None
        self._entered = False
        layers = dict(model.named_modules(remove_duplicate=False))
        self._hooks: list[Hook] = []
        for index, spec in enumerate(self.specs):
            module = find_layer(layers, spec)
            parameter = find_parameter(module, spec)
            self._hooks.append(Hook(index, spec, module, parameter, noise_seed(seed, index)))

    def __enter__(self) -> HookRecorder:
        """Registers the hooks and begins a new log.

        Raises:
            HookError: if it is recording already.
        """
        if self._entered:
            raise HookError("This recorder is recording already: make another one to nest them.")
        self._log = Log(self._log.budget)
        if self._restore:
            self._preserved = Preserved(self.model, rng=self._rng)
        self._entered = True
        try:
            for hook in self._hooks:
                hook.register(self._log)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the hooks away and puts the model back."""
        self._leave()

    def _leave(self) -> None:
        try:
            for hook in self._hooks:
                hook.remove()
        finally:
            self._entered = False
            if self._preserved is not None:
                self._preserved.restore()
                self._preserved = None

    @property
    def events(self) -> tuple[Event, ...]:
        """Every firing of the last block so far, in order; statistics are counted when they are read."""
        return self._log.events()

    def drain(self) -> tuple[Event, ...]:
        """The firings since the last drain, in order; `events` forgets them. For runs without end."""
        return self._log.drain()

    @property
    def stopped(self) -> str:
        """Where captures stopped for want of room, in a sentence; empty if they did not."""
        return self._log.stopped

    @property
    def firings(self) -> tuple[int, ...]:
        """How often each of the specs has fired."""
        return tuple(hook.firings for hook in self._hooks)

    @property
    def live(self) -> tuple[bool, ...]:
        """Which of the specs have a hook on the model now."""
        return tuple(hook.is_live for hook in self._hooks)

    @property
    def refused(self) -> Mapping[int, str]:
        """The specs that PyTorch refused to register, with its words: a hook on a frozen parameter."""
        return {hook.index: hook.refused for hook in self._hooks if hook.refused}

    def remove(self, index: int) -> None:
        """Takes one hook away early, as its handle's `remove()` does."""
        self._hooks[index].remove()


def find_layer(layers: Mapping[str, nn.Module], spec: HookSpec) -> nn.Module:
    """The layer that a spec names.

    Raises:
        HookError: if there is none, with the closest name.
    """
    if spec.layer in layers:
        return layers[spec.layer]
    close = difflib.get_close_matches(spec.layer, [name for name in layers if name], 1, 0.0)
    hint = f"the closest is `{close[0]}`" if close else f"it has only the root, `{ROOT_NAME}`"
    raise HookError(f"The model has no layer `{spec.layer[:60]}`: {hint}.")


def find_parameter(module: nn.Module, spec: HookSpec) -> nn.Parameter | None:
    """The parameter that a spec's hook sits on; None for a hook on the layer.

    Raises:
        HookError: if the layer has no such parameter of its own.
    """
    if not spec.the_kind.is_on_parameter:
        return None
    own = {name: parameter for name, parameter in module._parameters.items() if parameter is not None}
    if not own:
        raise HookError(
            f"`{spec.layer or ROOT_NAME}` has no parameter of its own, so no {spec.kind} hook can "
            "sit on one: choose a layer with weights."
        )
    if not spec.parameter:
        return next(iter(own.values()))
    if spec.parameter not in own:
        raise HookError(
            f"`{spec.layer or ROOT_NAME}` has no parameter `{spec.parameter[:60]}`: choose among "
            f"{', '.join(own)}."
        )
    return own[spec.parameter]
