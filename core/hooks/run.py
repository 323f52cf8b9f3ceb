"""Runs a model in one of many ways with hooks on it, and reports what was expected and what fired."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.hooks.actions import HookRaisedError
from core.hooks.calls import Call, CallTrace, ForcedError
from core.hooks.doctor import Evidence, Reason, diagnose
from core.hooks.events import Event
from core.hooks.layers import Layer, list_layers
from core.hooks.leaks import count_hooks
from core.hooks.nested import kind_of, tensors_in
from core.hooks.plan import COMPILE_BACKEND, Mode, Plan
from core.hooks.preserve import Preserved, same_bits
from core.hooks.recorder import BUDGET_BYTES, HookRecorder
from core.hooks.spec import ROOT_NAME, Action, HookError, HookSpec
from core.hooks.statistics import Statistics, settle
from core.rng import seeded
from core.zoo import ZooModel

PREVIEW: Final = 12


@dataclass(frozen=True)
class Firing:
    """What one hook of the plan did.

    Attributes:
        index: which of the plan's hooks.
        expected: how often its layer computes in `model(x)`; at least once, or why register it. Once for a
            hook on a parameter or on the state.
        usual: how often it does fire in `model(x)`, with `loss.backward()` if a hook of the plan is on the
            way back, and with saving and loading if one is on the state; as an observer.
        fired: how often it fired in this run.
        reason, sentence: why it fired less than expected; None and empty if it did not.
    """

    index: int
    spec: HookSpec
    expected: int
    usual: int
    fired: int
    reason: Reason | None
    sentence: str

    @property
    def silent(self) -> bool:
        """Whether it did not fire at all."""
        return self.fired == 0


@dataclass(frozen=True)
class OutputTensor:
    """One tensor of an output: where it is, its statistics and its first numbers."""

    role: str
    shape: tuple[int, ...]
    dtype: str
    statistics: Statistics
    preview: tuple[float, ...]


@dataclass(frozen=True)
class Output:
    """What a run gave: its kind, such as `a tensor`, and the tensors in it."""

    kind: str
    tensors: tuple[OutputTensor, ...]


@dataclass(frozen=True)
class Difference:
    """The output of this run beside that of `model(x)` without any hook.

    Attributes:
        identical: every bit is the same.
        largest: the largest absolute difference; nan where a number is in one of them only.
        relative: that, divided by the largest size in the output without hooks.
        where: the tensor that has it.
        sentence: the same in words.
    """

    identical: bool
    largest: float
    relative: float
    where: str
    sentence: str


@dataclass(frozen=True)
class Report:
    """A run.

    Attributes:
        plan: what was asked for.
        firings: one per hook of the plan.
        events: every firing in order.
        layers: the model's layers.
        calls: how the layers computed in this run.
        bare: the output of `model(x)` without hooks.
        output: of this run; None if it gave none.
        difference: None if there is nothing to compare.
        error: what ended the run, in one line; empty if nothing did.
        advice: what to do about the error; may be empty.
        live: how many hooks were on the model during the run.
        left: how many are on it now: 0.
        stopped: where captures stopped for want of room; empty if they did not.
    """

    plan: Plan
    firings: tuple[Firing, ...]
    events: tuple[Event, ...]
    layers: tuple[Layer, ...]
    calls: tuple[Call, ...]
    bare: Output
    output: Output | None
    difference: Difference | None
    error: str
    advice: str
    live: int
    left: int
    stopped: str

    @property
    def skipped(self) -> tuple[Firing, ...]:
        """The hooks that did not fire."""
        return tuple(firing for firing in self.firings if firing.silent)


def run(plan: Plan, *, budget_bytes: int = BUDGET_BYTES) -> Report:
    """Runs a plan in this process; it takes a few milliseconds for a model of the zoo.

    Args:
        plan: what to run.
        budget_bytes: how much memory copies may take; see `HookRecorder`.

    Raises:
        ZooError, BuilderError: if there is no such model or input.
        HookError: for a hook on a layer that the model does not have, or a mode that compiles (see `child`).
    """
    if plan.mode.compiles:
        raise HookError("Compiling takes seconds and memory: this run needs a process of its own.")
    return run_here(plan, budget_bytes=budget_bytes)


def run_here(plan: Plan, *, budget_bytes: int = BUDGET_BYTES) -> Report:
    """The same, whatever the mode."""
    model = plan.build()
    inputs = prepare_inputs(plan, model)
    runner = _Runner(plan, model, inputs, budget_bytes)
    return runner.run()


def prepare_inputs(plan: Plan, model: ZooModel) -> tuple[Tensor, ...]:
    """The plan's input: one tensor per name in `model.input_names`."""
    inputs = model.example_inputs(plan.batch, plan.input_kind, plan.seed)
    return tuple(value.requires_grad_(plan.input_grad) for value in inputs)


def loss_of(output: object) -> Tensor | None:
    """The loss that a run goes back from: the mean of the squares of each tensor that has a graph, summed."""
    terms = [
        tensor.pow(2).mean()
        for _, tensor in tensors_in(output, "output")
        if tensor.is_floating_point() and tensor.requires_grad
    ]
    return torch.stack(terms).sum() if terms else None


class _Runner:
    def __init__(
        self, plan: Plan, model: ZooModel, inputs: tuple[Tensor, ...], budget_bytes: int = BUDGET_BYTES
    ) -> None:
        self.plan = plan
        self.module = model.module
        self.model = model
        self.inputs = inputs
        self.modules = dict(self.module.named_modules(remove_duplicate=False))
        if plan.mode.needs_layer and plan.layer not in self.modules:
            raise HookError(f"The model has no layer `{plan.layer[:60]}`: choose one of its layers.")
        # Checked before anything runs.
        self.recorder = HookRecorder(self.module, plan.hooks, budget_bytes=budget_bytes, seed=plan.seed)

    def run(self) -> Report:
        bare = self._bare()
        reference, with_gradient = self._reference()
        if self.plan.mode.needs_layer and not reference.of(self.plan.layer):
            raise HookError(
                f"`{self.plan.layer}` is never called in this model, so nothing can happen in it: choose a "
                "layer that computes."
            )
        usual = self._usual()
        trace, output, error, live = self._hooked()
        found = _detached(output)
        evidence = Evidence(
            self.plan, self.modules, trace, reference, with_gradient, error[0], self.recorder.refused
        )
        return Report(
            plan=self.plan,
            firings=tuple(self._firing(evidence, index, usual[index]) for index in range(len(usual))),
            events=self.recorder.events,
            layers=list_layers(self.module, reference.calls),
            calls=tuple(trace.calls),
            bare=describe(bare),
            output=None if found is None else describe(found),
            difference=None if found is None else compare(bare, found),
            error=error[0],
            advice=error[1],
            live=live,
            left=count_hooks(self.module),
            stopped=self.recorder.stopped,
        )

    def _firing(self, evidence: Evidence, index: int, usual: int) -> Firing:
        spec = self.plan.hooks[index]
        fired = self.recorder.firings[index]
        expected = 1
        if not spec.the_kind.is_on_parameter and not spec.the_kind.is_on_state:
            module = self.modules[spec.layer]
            names = {name for name, other in self.modules.items() if other is module}
            calls = [call for call in evidence.reference.calls if call.layer in names]
            expected = max(1, len(calls))
        if fired >= expected:
            return Firing(index, spec, expected, usual, fired, None, "")
        diagnosis = diagnose(evidence, index, fired)
        return Firing(index, spec, expected, usual, fired, diagnosis.reason, diagnosis.sentence)

    def _grad_mode(self) -> AbstractContextManager[None]:
        return torch.no_grad() if self.plan.mode is Mode.NO_GRAD else nullcontext()

    def _arguments(self) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """New copies of the input: a layer that works in place overwrites what it is given."""
        copies = [value.detach().clone().requires_grad_(value.requires_grad) for value in self.inputs]
        return self.model.arguments(copies)

    def _call(self) -> Any:  # noqa: ANN401 - whatever the model gives
        args, kwargs = self._arguments()
        return self.module(*args, **kwargs)

    def _bare(self) -> Any:  # noqa: ANN401
        preserved = Preserved(self.module)
        try:
            with seeded(self.plan.seed), self._grad_mode():
                return _detached(self._call())
        except (RuntimeError, ValueError) as error:
            line = " ".join(str(error).split())
            raise HookError(f"The model itself refuses this input, without any hook: {line}") from error
        finally:
            preserved.restore()

    def _reference(self) -> tuple[CallTrace, frozenset[str]]:
        """A call and a backward pass without hooks: the calls, and the parameters that got a gradient."""
        preserved = Preserved(self.module)
        with seeded(self.plan.seed), CallTrace(self.module) as trace, torch.enable_grad():
            loss = loss_of(self._call())
            trace.phase = "backward"
            if loss is not None:
                loss.backward()  # type: ignore[no-untyped-call]
        with_gradient = frozenset(
            name
            for name, parameter in self.module.named_parameters(remove_duplicate=False)
            if parameter.grad is not None
        )
        preserved.restore()
        return trace, with_gradient

    def _usual(self) -> tuple[int, ...]:
        """How often each hook fires when nothing unusual is done, and none of them does anything."""
        watchers = [replace(spec, action=Action.OBSERVE, amount=None, once=False) for spec in self.plan.hooks]
        with seeded(self.plan.seed), HookRecorder(self.module, watchers) as recorder:
            try:
                loss = loss_of(self._call())
                if loss is not None and any(spec.the_kind.is_backward for spec in watchers):
                    loss.backward()  # type: ignore[no-untyped-call]
                if any(spec.the_kind.is_on_state for spec in watchers):
                    self.module.load_state_dict(self.module.state_dict())
            except RuntimeError:
                # An in-place layer refuses a full backward hook: the run itself says so.
                return recorder.firings
        return recorder.firings

    def _hooked(self) -> tuple[CallTrace, Any, tuple[str, str], int]:
        plan, mode = self.plan, self.plan.mode
        output: Any = None
        error = ("", "")
        args, kwargs = self._arguments()
        with ExitStack() as stack:
            stack.enter_context(seeded(plan.seed))
            copied = copy.deepcopy(self.module) if mode is Mode.COPY else None
            late = mode is Mode.LATE

            def register() -> None:
                stack.enter_context(self.recorder)

            trace = CallTrace(
                self.module,
                fail_in=plan.layer if mode is Mode.EXCEPTION else None,
                before_root=register if late else None,
            )
            if mode.compiles:
                _keep_from_tracing(self.recorder)
            if mode is Mode.COMPILED_FIRST:
                compiled = torch.compile(self.module, backend=COMPILE_BACKEND)
                compiled(*args, **kwargs)
                args, kwargs = self._arguments()
            if not late:
                stack.enter_context(self.recorder)
            if not mode.compiles:
                stack.enter_context(trace)
            live = 0
            try:
                if mode is Mode.COPY:
                    assert copied is not None
                    output = _in_thread(copied, args, kwargs)
                elif mode.compiles:
                    if mode is Mode.COMPILED:
                        compiled = torch.compile(self.module, backend=COMPILE_BACKEND)
                    output = compiled(*args, **kwargs)
                else:
                    output = self._go()
                live = sum(self.recorder.live)
                if mode.has_backward:
                    trace.phase = "backward"
                    loss = loss_of(output)
                    if loss is not None:
                        loss.backward()  # type: ignore[no-untyped-call]
            except Exception as caught:  # noqa: BLE001 - a visitor's hooks and layers may raise anything
                error = _explain(caught, trace)
                live = live or sum(self.recorder.live)
        return trace, output, error, live

    def _go(self) -> Any:  # noqa: ANN401
        mode = self.plan.mode
        args, kwargs = self._arguments()
        if mode is Mode.FORWARD:
            return self.module.forward(*args, **kwargs)
        if mode is Mode.INNER:
            return self._with_inner_forward()
        if mode is Mode.CHECKPOINT:
            return checkpoint(self.module, *args, use_reentrant=False, **kwargs)  # type: ignore[arg-type]
        if mode is Mode.SAVE_LOAD:
            self.module.load_state_dict(self.module.state_dict())
            return None
        with self._grad_mode():
            return self._call()

    def _with_inner_forward(self) -> Any:  # noqa: ANN401
        """Runs the model as if its code said `layer.forward(x)` in place of `layer(x)`."""
        layer = self.modules[self.plan.layer]
        if layer is self.module:
            args, kwargs = self._arguments()
            return self.module.forward(*args, **kwargs)
        # What `__call__` runs if it is set, instead of all that it does otherwise.
        layer._compiled_call_impl = layer.forward
        try:
            return self._call()
        finally:
            layer._compiled_call_impl = None


def _keep_from_tracing(recorder: HookRecorder) -> None:
    """Makes `torch.compile` call the recorder's hooks as they are, not trace what they do to record."""
    names = (
        "_forward_pre", "_forward_pre_kwargs", "_forward", "_forward_kwargs", "_watch_output",
        "_backward_pre", "_backward", "_fire",
    )  # fmt: skip
    for hook in recorder._hooks:
        for name in names:
            setattr(hook, name, torch.compiler.disable(getattr(hook, name)))  # type: ignore[no-untyped-call]


def _in_thread(module: nn.Module, args: Sequence[Tensor], kwargs: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
    with ThreadPoolExecutor(1) as other:
        return other.submit(module, *args, **kwargs).result()


def _detached(value: Any) -> Any:  # noqa: ANN401
    """The tensors of an output as they are now, each with its place; None for no output."""
    if value is None:
        return None
    return _Copied(
        kind_of(value), [(role, tensor.detach().clone()) for role, tensor in tensors_in(value, "output")]
    )


@dataclass(frozen=True)
class _Copied:
    kind: str
    tensors: list[tuple[str, Tensor]]


def describe(copied: _Copied) -> Output:
    """An output for a reader."""
    statistics = settle([tensor for _, tensor in copied.tensors])
    return Output(
        copied.kind,
        tuple(
            OutputTensor(
                role,
                tuple(tensor.shape),
                str(tensor.dtype).removeprefix("torch."),
                found,
                tuple(tensor.reshape(-1)[:PREVIEW].to(torch.float64).tolist()),
            )
            for (role, tensor), found in zip(copied.tensors, statistics, strict=True)
        ),
    )


def compare(bare: _Copied, output: _Copied) -> Difference:
    """How far an output is from the one without hooks."""
    expected, found = dict(bare.tensors), dict(output.tensors)
    if expected.keys() != found.keys():
        return Difference(
            False, float("nan"), float("nan"), "output", f"It gave {output.kind}, not {bare.kind}."
        )
    if all(same_bits(expected[role], found[role]) for role in expected):
        return Difference(True, 0.0, 0.0, "", "Identical to model(x) without hooks, bit for bit.")
    worst = Difference(False, 0.0, 0.0, "", "The bits differ, the numbers do not.")
    for role, one in expected.items():
        other = found[role]
        if one.shape != other.shape:
            return Difference(
                False, float("nan"), float("nan"), role,
                f"The shape of {role} changed from {tuple(one.shape)} to {tuple(other.shape)}.",
            )  # fmt: skip
        wide, wide_other = one.to(torch.float64), other.to(torch.float64)
        gap = torch.where(
            (wide == wide_other) | (wide.isnan() & wide_other.isnan()), 0.0, (wide - wide_other).abs()
        )
        largest = float(gap.max()) if gap.numel() else 0.0
        if math.isnan(largest) or largest > worst.largest:
            size = float(wide.abs().max())
            relative = largest / size if size else float("inf")
            worst = Difference(
                False, largest, relative, role,
                f"It differs from model(x) without hooks: {_by(largest)} in {role}.",
            )  # fmt: skip
    return worst


def _by(largest: float) -> str:
    if math.isfinite(largest):
        return f"by up to {largest:.3g}"
    return "a number that is not finite, where the other is another one,"


def _explain(error: Exception, trace: CallTrace) -> tuple[str, str]:
    """One line on what ended a run, and what to do about it."""
    line = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, ForcedError):
        return str(error), ""
    if isinstance(error, HookRaisedError):
        return str(error), "A raising hook ends the run, and stays on the model until its handle is removed."
    if "is a view and is being modified inplace" in line:
        return line, (
            "A full backward hook hands its layer a view of the input, and an in-place layer may not "
            "write to that. Use `inplace=False`, or a tensor hook on the output, which adds no view."
        )
    where = next((call.layer for call in trace.calls if call.raised), None)
    if where is not None:
        return line, f"`{where or ROOT_NAME}` could not use what it was given: a hook before it changed it."
    return line, ""
