"""The module traced to TorchScript, PyTorch's older graph, and frozen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

from core.engines.engine import Fact
from core.engines.pytorch import JIT_IS_DEPRECATED, PyTorchEngine

_BATCH: Final = 2
"""Of the example: a trace of one example may take the batch for constant."""


class TorchScriptEngine(PyTorchEngine):
    """`torch.jit.trace` on an example, and `torch.jit.freeze`.

    A trace holds what happened to the example: decisions that the model takes by its numbers are fixed, and
    only their count in the metadata and the parity with eager tell.
    """

    _decisions = 0

    def metadata(self) -> Mapping[str, Fact]:
        """What eager says, and how many decisions of the model the trace has fixed."""
        return {**super().metadata(), "fixed_decisions": self._decisions}

    def _make(self, module: nn.Module) -> Callable[..., Any]:
        args, kwargs = self._arguments(self._model.example_inputs(_BATCH))
        if kwargs:
            # Its tracer takes all by position or all by name.
            positional = [each.name for each in self._model.inputs if not each.keyword]
            kwargs = dict(zip(positional, args, strict=True)) | kwargs
        tracer = torch.jit.TracerWarning  # type: ignore[attr-defined] # it is not in torch.jit's list
        with warnings.catch_warnings(record=True) as caught, torch.no_grad():
            warnings.simplefilter("always")
            # The benchmark shows how fast it is; that PyTorch gives it up is said where it is chosen.
            warnings.filterwarnings("ignore", JIT_IS_DEPRECATED, DeprecationWarning)
            # PyTorch's own layers test their shapes, which is no decision of the model's.
            warnings.filterwarnings("ignore", category=tracer, module=r"torch\.(?!jit)")
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                module,
                None if kwargs else args,
                example_kwarg_inputs=kwargs or None,
                check_trace=False,
                strict=False,  # outputs may be a dictionary
            )
            frozen: Callable[..., Any] = torch.jit.freeze(traced)
        for warning in caught:
            if not issubclass(warning.category, tracer):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        self._decisions = sum(issubclass(warning.category, tracer) for warning in caught)
        return frozen
