"""Why did it not fire? The reason for a hook's silence, from what this run left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from core.hooks.calls import ENCODER_FAST_PATH, Call, CallTrace
from core.hooks.plan import Mode, Plan
from core.hooks.spec import ROOT_NAME, HookKind, HookSpec


class Reason(StrEnum):
    """The known causes of a silent hook."""

    OWN_FORWARD = "run by .forward()"
    CONTAINER = "a container that is never called"
    FAST_PATH = "a fused fast path"
    PARENT_USES_WEIGHTS = "its parent uses its weights directly"
    NOT_REACHED = "not reached in this run"
    RAISED = "an exception"
    REGISTERED_LATE = "registered while the layer was running"
    AFTER_COMPILE = "added after compilation"
    OTHER_INSTANCE = "another instance ran"
    REMOVED = "removed"
    REFUSED = "refused by PyTorch"
    NO_BACKWARD = "no backward pass"
    NO_GRAD = "autograd was off"
    NOTHING_REQUIRES_GRAD = "nothing here requires a gradient"
    HIDDEN_OUTPUT = "its output hides the tensors"
    UNUSED_OUTPUT = "the loss does not depend on it"
    NOT_SAVED = "nothing was saved or loaded"
    NOT_CALLED = "the model was not called"
    UNKNOWN = "no known cause"


@dataclass(frozen=True)
class Diagnosis:
    """Why a hook fired less than expected: the cause, and a sentence that names what shows it."""

    reason: Reason
    sentence: str


@dataclass(frozen=True)
class Evidence:
    """What a run left behind.

    Attributes:
        plan: what was run.
        modules: the model's layers by name.
        trace: how this run computed; its calls are empty where another instance or compiled code ran.
        reference: how `model(x)` and a backward pass computed, without any hook.
        with_gradient: the parameters that got a gradient in the reference, by full name.
        error: what ended the run, on one line; empty if nothing did.
        refused: hooks that PyTorch refused to register, with its words.
    """

    plan: Plan
    modules: Mapping[str, nn.Module]
    trace: CallTrace
    reference: CallTrace
    with_gradient: frozenset[str]
    error: str
    refused: Mapping[int, str]


def diagnose(evidence: Evidence, index: int, fired: int) -> Diagnosis:
    """Why a hook of the plan fired less often than expected.

    Args:
        evidence: of the run.
        index: which of the plan's hooks.
        fired: how often it fired.
    """
    spec = evidence.plan.hooks[index]
    return _Examination(evidence, spec, fired).diagnose(evidence.refused.get(index, ""))


class _Examination:
    def __init__(self, evidence: Evidence, spec: HookSpec, fired: int) -> None:
        self.evidence = evidence
        self.plan = evidence.plan
        self.spec = spec
        self.kind = spec.the_kind
        self.fired = fired
        self.layer = f"`{spec.layer or ROOT_NAME}`"
        first = _first_name(evidence.modules, spec.layer)
        self.usual_calls = evidence.reference.of(first)
        # Compiled code leaves no trace of its layers: it computes what the model does without hooks.
        self.calls = self.usual_calls if self.plan.mode is Mode.COMPILED else evidence.trace.of(first)
        self.called = [call for call in self.calls if call.through_call]

    def diagnose(self, refused: str) -> Diagnosis:
        if refused:
            return Diagnosis(
                Reason.REFUSED,
                f"PyTorch did not take it: {refused}. The parameter is frozen (`requires_grad=False`), so it "
                "never gets a gradient.",
            )
        if self.spec.once and self.fired:
            return Diagnosis(
                Reason.REMOVED,
                f"It took itself away after its first firing, with `handle.remove()`; {self.layer} computed "
                f"{_times(len(self.calls))} in this run.",
            )
        if self.kind.is_on_state:
            return Diagnosis(
                Reason.NOT_SAVED,
                f"A {self.kind} hook fires when the state is {self._state_verb()}, however the model is "
                "called. "
                "That did not happen in this run: choose the one that saves and loads.",
            )
        if self.plan.mode is Mode.SAVE_LOAD:
            return Diagnosis(
                Reason.NOT_CALLED,
                f"This run saves and loads the state and never calls the model: {self.layer} computed "
                "nothing. Choose a run that calls it.",
            )
        elsewhere = self._elsewhere()
        if elsewhere is not None:
            return elsewhere
        if self.kind.is_backward and not self.plan.mode.has_backward:
            return self._no_backward()
        if not self.kind.is_on_parameter:
            skipped = self._skipped()
            if skipped is not None:
                return skipped
        return self._no_gradient() if self.kind.is_backward else self._forward_silent()

    def _state_verb(self) -> str:
        saving = self.kind in {HookKind.STATE_DICT_PRE, HookKind.STATE_DICT}
        return "saved, by `state_dict()`" if saving else "loaded, by `load_state_dict()`"

    def _elsewhere(self) -> Diagnosis | None:
        if self.plan.mode not in {Mode.COPY, Mode.COMPILED_FIRST}:
            return None
        if not self.usual_calls and not self.kind.is_on_parameter:
            return self._never_computed()
        if self.plan.mode is Mode.COPY:
            return Diagnosis(
                Reason.OTHER_INSTANCE,
                "Another instance ran: a copy of the model, made before the hooks were registered, in a "
                f"thread of its own. In this run {self.layer} of this model computed "
                f"{_times(len(self.calls))}. A hook belongs to one instance.",
            )
        return Diagnosis(
            Reason.AFTER_COMPILE,
            "It was added after the first compiled call. The compiled code was made without it and is used "
            "again, and nothing says so. Register hooks before compiling.",
        )

    def _no_backward(self) -> Diagnosis:
        if self.plan.mode is Mode.NO_GRAD:
            return Diagnosis(
                Reason.NO_GRAD,
                "Autograd was off (`torch.no_grad`), so the output has no graph to go back through. Hooks "
                "of the forward pass do not mind.",
            )
        if self.evidence.error:
            return Diagnosis(Reason.RAISED, f"The run ended before any backward pass: {self.evidence.error}")
        return Diagnosis(
            Reason.NO_BACKWARD,
            f"{_article(self.kind)} {self.kind} hook fires during `backward()`, and this run ends with the "
            f"output: choose the run that goes back from a loss.{self._silent_anyway()}",
        )

    def _silent_anyway(self) -> str:
        if self.kind.is_on_parameter or self.called or not self.calls:
            return ""
        return f" It would stay silent there too if {self.layer} was run by `.forward(x)`, as it was here."

    def _skipped(self) -> Diagnosis | None:
        """Why no call of the layer itself went through `__call__` with the hook on it."""
        direct = [call for call in self.calls if not call.through_call]
        if direct and self.fired == len(self.called):
            return Diagnosis(Reason.OWN_FORWARD, self._own_forward(direct[0]))
        if not self.calls:
            return self._ended_between() or self._never_computed()
        if self.plan.mode is Mode.LATE and not self.fired and self.spec.layer == "":
            return Diagnosis(
                Reason.REGISTERED_LATE,
                f"{self.layer} was already running when the hook was registered. `__call__` looks for hooks "
                "before it runs `forward`: with none there, it does not look again. The next call sees it.",
            )
        return None

    def _own_forward(self, call: Call) -> str:
        who = "your line" if call.caller is None else f"the code of `{call.caller or ROOT_NAME}`"
        inner = ""
        within = set(_inside(self.evidence.modules, self.spec.layer))
        if any(other.layer in within and other.through_call for other in self.evidence.trace.calls):
            inner = " Layers inside it are called as functions, so theirs still fire."
        return (
            f"{self.layer} computed, but {who} ran it as `{self.spec.layer or ROOT_NAME}.forward(x)`. A "
            f"layer's hooks run in `__call__`, and that was skipped.{inner}"
        )

    def _never_computed(self) -> Diagnosis:
        evidence, name = self.evidence, self.spec.layer
        module = evidence.modules[name]
        fast = _fast_path_above(evidence.trace, name)
        if fast is not None:
            above, operation = fast
            turned_off = (
                "a forward hook on an inner layer turns it off"
                if operation == ENCODER_FAST_PATH
                else "hooks do not turn it off, and without it this layer's weights are read, not called"
            )
            return Diagnosis(
                Reason.FAST_PATH,
                f"`{above or ROOT_NAME}` took its fast path: one fused operation, `{operation}`, computed "
                f"all in place of the layers inside it, so {self.layer} never ran. It does so in eval mode "
                f"without gradients; {turned_off}.",
            )
        if _has_no_forward(module):
            return Diagnosis(
                Reason.CONTAINER,
                f"{self.layer} is a {type(module).__name__}: it holds layers and has no `forward` of its "
                "own, so nobody ever calls it. Put the hook on the layers in it.",
            )
        parent = name.rpartition(".")[0]
        if self._uses_weights_of(name):
            return Diagnosis(
                Reason.PARENT_USES_WEIGHTS,
                f"{self.layer} is never called, yet its weights get a gradient: `{parent or ROOT_NAME}` "
                "reads `weight` and `bias` from it and computes with a function of its own. Hook the "
                "parent, or a parameter.",
            )
        if evidence.error:
            return Diagnosis(
                Reason.RAISED, f"The run ended before {self.layer} was reached: {evidence.error}"
            )
        way = "with this input"
        if self.usual_calls:
            way = "than without hooks, since another hook changed what it saw"
        return Diagnosis(
            Reason.NOT_REACHED,
            f"No code called {self.layer} in this run: `{self._nearest_running() or ROOT_NAME}` went another "
            f"way {way}.",
        )

    def _nearest_running(self) -> str:
        """The innermost layer around this one that computed in this run."""
        ran = {call.layer for call in self.evidence.trace.calls}
        name = self.spec.layer
        while name:
            name = name.rpartition(".")[0]
            if name in ran:
                break
        return name

    def _uses_weights_of(self, name: str) -> bool:
        with_gradient = self.evidence.with_gradient
        own = self.evidence.modules[name]._parameters
        return not self.evidence.reference.of(name) and any(f"{name}.{key}" in with_gradient for key in own)

    def _forward_silent(self) -> Diagnosis:
        raised = next((call.raised for call in self.called if call.raised), "")
        if raised and self.kind is HookKind.FORWARD and not self.spec.always_call:
            return Diagnosis(
                Reason.RAISED,
                f"{self.layer} raised ({raised}), so there was no output to show it. With `always_call` it "
                "would fire, and see None.",
            )
        ended = self._ended_between()
        if ended is not None:
            return ended
        if self.evidence.error:
            return Diagnosis(
                Reason.RAISED,
                f"Something before it in the same call raised: {self.evidence.error}",
            )
        usual = len(self.evidence.reference.of(_first_name(self.evidence.modules, self.spec.layer)))
        if len(self.calls) < usual:
            return Diagnosis(
                Reason.NOT_REACHED,
                f"{self.layer} computed {_times(len(self.calls))} in this run, and {_times(usual)} in "
                "`model(x)` without hooks: the code went another way.",
            )
        return self._unknown()

    def _ended_between(self) -> Diagnosis | None:
        if not self.fired or not self.evidence.error:
            return None
        return Diagnosis(
            Reason.RAISED, f"The run ended before {self.layer} was called again: {self.evidence.error}"
        )

    def _no_gradient(self) -> Diagnosis:
        if self.kind.is_on_parameter and not self._parameter_used():
            never = "" if self.calls else f" {self.layer} never ran in this run."
            return Diagnosis(
                Reason.UNUSED_OUTPUT,
                f"The parameter is not in the graph of this run's loss, so no gradient came to it.{never}",
            )
        if self.evidence.error:
            return Diagnosis(
                Reason.RAISED, f"The run ended before the gradient came here: {self.evidence.error}"
            )
        if self.kind.is_on_parameter:
            return self._unreached_parameter()
        # A checkpoint's second computation may stop half way.
        call = self.called[0]
        if not call.grad_enabled:
            return Diagnosis(Reason.NO_GRAD, f"Autograd was off when {self.layer} computed.")
        if not call.differentiable:
            return Diagnosis(
                Reason.NOTHING_REQUIRES_GRAD,
                f"Neither the input of {self.layer} nor a parameter in it requires a gradient, so its "
                "output has no graph and no gradient comes to it.",
            )
        if not call.reachable and self.kind is not HookKind.OUTPUT_TENSOR:
            return Diagnosis(
                Reason.HIDDEN_OUTPUT,
                f"{self.layer} gives {call.output_kind}. PyTorch puts backward hooks on a tensor or on the "
                "tensors of a tuple; it does not look inside. A tensor hook on the output does.",
            )
        return Diagnosis(
            Reason.UNUSED_OUTPUT,
            f"{self.layer} computed, but the loss does not depend on what it gave, so no gradient comes "
            f"back.",
        )

    def _unreached_parameter(self) -> Diagnosis:
        """It gets a gradient in `model(x)` without hooks, and got none in this run."""
        if not self.calls:
            return self._never_computed()
        return Diagnosis(
            Reason.UNUSED_OUTPUT,
            f"{self.layer} computed, but the loss of this run does not depend on its parameter, as it does "
            "without hooks: another hook changed the way.",
        )

    def _parameter_used(self) -> bool:
        layer = self.spec.layer
        module = self.evidence.modules[layer]
        name = self.spec.parameter or next(iter(module._parameters))
        full = f"{layer}.{name}" if layer else name
        # A shared parameter is in the graph under its first name.
        aliases = {
            other
            for other, parameter in self.evidence.modules[""].named_parameters(remove_duplicate=False)
            if parameter is module._parameters[name]
        }
        return bool(({full} | aliases) & self.evidence.with_gradient)

    def _unknown(self) -> Diagnosis:
        return Diagnosis(
            Reason.UNKNOWN,
            f"{self.layer} was called {_times(len(self.called))} and nothing that this page knows of kept "
            "the hook silent.",
        )


def _article(word: str) -> str:
    return "An" if word[0] in "aeiou" else "A"


def _times(count: int) -> str:
    return "not at all" if count == 0 else "once" if count == 1 else f"{count} times"


def _first_name(modules: Mapping[str, nn.Module], name: str) -> str:
    """The first of a module's names: calls are recorded under it."""
    return next(other for other, module in modules.items() if module is modules[name])


def _inside(modules: Mapping[str, nn.Module], layer: str) -> list[str]:
    prefix = f"{layer}." if layer else ""
    return [name for name in modules if name != layer and name.startswith(prefix)]


def _has_no_forward(module: nn.Module) -> bool:
    return type(module).forward is nn.Module.forward


def _fast_path_above(trace: CallTrace, name: str) -> tuple[str, str] | None:
    while name:
        name = name.rpartition(".")[0]
        if name in trace.fast_paths:
            return name, trace.fast_paths[name]
    return None
