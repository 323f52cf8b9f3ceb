"""The module compiled by `torch.compile`, to C++ on a processor."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.engines.engine import Fact
from core.engines.pytorch import JIT_IS_DEPRECATED, PyTorchEngine


class CompiledEngine(PyTorchEngine):
    """`torch.compile(module)` as it is by default.

    It compiles when it is first called, for seconds to minutes, and again when the batch first changes: later
    batches then share one code, but for a batch of 1, which has its own. What it cannot trace, it leaves to
    Python.
    """

    def metadata(self) -> Mapping[str, Fact]:
        """What eager says, and by what it is compiled."""
        return {**super().metadata(), "compiler": f"inductor, {os.path.basename(_compiler())}"}  # noqa: PTH119

    def _make(self, module: nn.Module) -> Callable[..., Any]:
        with warnings.catch_warnings():
            # Its own import uses what PyTorch deprecates.
            warnings.filterwarnings("ignore", JIT_IS_DEPRECATED, DeprecationWarning)
            return torch.compile(module)


def why_not_compiled() -> str:
    """Why `torch.compile` cannot compile for the processor here; empty if it can."""
    if shutil.which(_compiler()) is None:
        return f"There is no C++ compiler `{_compiler()}` here: install one, or name yours in CXX."
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python's header files are not here: install them (python3-dev, or what your system calls it)."
    return ""


def _compiler() -> str:
    """The command that PyTorch would call."""
    return os.environ.get("CXX") or {"win32": "cl", "darwin": "clang++"}.get(sys.platform, "g++")
