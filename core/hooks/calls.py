"""How a model was run: every time a layer computed, and whether it was called or only its `.forward()`.

The trace needs no hooks, so it tells what hooks do not: it puts a wrapper around `forward` of each instance,
which looks at who called it. `nn.Module.__call__` is what runs the hooks; any other caller skips them.
"""

# Dispatch modes have no types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import _StopRecomputationError

from core.hooks.nested import kind_of, tensors_in

_CALL_FILE: Final = sys.modules[nn.Module.__module__].__file__
_CALL_FUNCTIONS: Final = frozenset({"_call_impl", "inner", "_slow_forward"})
ENCODER_FAST_PATH: Final = "aten::_transformer_encoder_layer_fwd"
_FAST_PATHS: Final = (ENCODER_FAST_PATH, "aten::_native_multi_head_attention")


@dataclass(frozen=True)
class Shape:
    """A tensor that a layer gave: where in its output, its shape and dtype."""

    role: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Call:
    """One time that a layer computed.

    Attributes:
        layer: its name; of a module with several names, the first.
        through_call: whether `__call__` ran it, which also runs its hooks.
        caller: the layer whose code ran it; None if it was the visitor's own line.
        phase: what the run was doing: `forward` or `backward` (a checkpoint computes again there).
        grad_enabled: whether autograd recorded.
        training: its training flag.
        output_kind: what it gave: `a tensor`, `a dict`.
        outputs: the tensors in it.
        differentiable: whether one of them requires a gradient.
        reachable: whether a backward hook on the layer could see one: PyTorch looks at a tensor or the
            tensors of a tuple, not inside dicts, lists and nested tuples.
        raised: the error that ended it, on one line; empty if none did.
    """

    layer: str
    through_call: bool
    caller: str | None
    phase: str
    grad_enabled: bool
    training: bool
    output_kind: str
    outputs: tuple[Shape, ...]
    differentiable: bool
    reachable: bool
    raised: str


class ForcedError(RuntimeError):
    """The exception that a trace raises in the middle of a model when it is asked to."""


class CallTrace:
    """A context manager that records every computation of every layer of a model.

    Attributes:
        calls: in the order in which they ended.
        fast_paths: layer -> the fused operation that it used in place of its inner layers.
        phase: set by whoever runs the model.

    Args:
        model: any module whose `forward` is Python.
        fail_in: raise `ForcedError` when this layer has computed.
        before_root: called once inside the model's first `forward`, before its code.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        fail_in: str | None = None,
        before_root: Callable[[], None] | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.fast_paths: dict[str, str] = {}
        self.phase = "forward"
        self._model = model
        self._fail_in = fail_in
        self._before_root = before_root
        self._running = threading.local()
        self._wrapped: list[tuple[nn.Module, Any]] = []
        fused = (nn.TransformerEncoderLayer, nn.MultiheadAttention)
        self._watch = _Operators(self) if any(isinstance(item, fused) for item in model.modules()) else None

    def __enter__(self) -> CallTrace:
        """Wraps `forward` of every layer."""
        for name, module in self._model.named_modules():
            self._wrapped.append((module, module.__dict__.get("forward")))
            module.__dict__["forward"] = self._wrap(name, module)
        if self._watch is not None:
            self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the wrappers away."""
        if self._watch is not None:
            self._watch.__exit__(kind, error, trace)
        for module, before in self._wrapped:
            del module.__dict__["forward"]
            if before is not None:
                module.__dict__["forward"] = before
        self._wrapped.clear()

    @property
    def running(self) -> list[str]:
        """The layers whose code is running in this thread, outermost first."""
        stack: list[str] | None = getattr(self._running, "stack", None)
        if stack is None:
            stack = self._running.stack = []
        return stack

    def of(self, layer: str) -> list[Call]:
        """The calls of a layer."""
        return [call for call in self.calls if call.layer == layer]

    def _wrap(self, name: str, module: nn.Module) -> Callable[..., Any]:
        forward = module.forward

        def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the layer takes and gives
            code = sys._getframe(1).f_code
            through_call = code.co_filename == _CALL_FILE and code.co_name in _CALL_FUNCTIONS
            stack = self.running
            caller = stack[-1] if stack else None
            stack.append(name)
            output, raised = None, ""
            try:
                if name == "" and self._before_root is not None:
                    before, self._before_root = self._before_root, None
                    before()
                output = forward(*args, **kwargs)
                if name == self._fail_in:
                    raise ForcedError(f"An exception in the middle, raised by `{name or 'model'}`.")
            except _StopRecomputationError:
                raise  # how a checkpoint ends when it has all that it needs
            except Exception as error:
                raised = f"{type(error).__name__}: {' '.join(str(error).split())}"
                raise
            finally:
                stack.pop()
                self.calls.append(self._call(name, module, through_call, caller, output, raised))
            return output

        return wrapped

    def _call(
        self,
        name: str,
        module: nn.Module,
        through_call: bool,
        caller: str | None,
        output: object,
        raised: str,
    ) -> Call:
        found = list(tensors_in(output, "output"))
        direct = output if isinstance(output, tuple) else (output,)
        return Call(
            layer=name,
            through_call=through_call,
            caller=caller,
            phase=self.phase,
            grad_enabled=torch.is_grad_enabled(),
            training=module.training,
            output_kind=kind_of(output),
            outputs=tuple(
                Shape(role, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
                for role, tensor in found
            ),
            differentiable=any(tensor.requires_grad for _, tensor in found),
            reachable=any(isinstance(item, Tensor) and item.requires_grad for item in direct),
            raised=raised,
        )


class _Operators(TorchDispatchMode):
    """Notices the fused operations by which a transformer layer bypasses its inner layers."""

    def __init__(self, trace: CallTrace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operation of torch
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Notes the operation and runs it."""
        name = func.name().partition(".")[0] if hasattr(func, "name") else ""
        if name in _FAST_PATHS and self._trace.running:
            self._trace.fast_paths[self._trace.running[-1]] = name
        return func(*args, **(kwargs or {}))
