"""Joins a WebAssembly program's imports to the host's calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from core.sandbox.process import Broken
from core.sandbox.result import SandboxError
from core.sandbox.wasi import NAMESPACE, Wasi

if TYPE_CHECKING:
    import wasmtime

_MASKS: Final = {"i32": 2**32 - 1, "i64": 2**64 - 1}


def link(linker: wasmtime.Linker, module: wasmtime.Module, current: Callable[[], Wasi | None]) -> None:
    """Defines a function for every import of a module.

    Args:
        linker: where they are defined.
        module: what imports them.
        current: gives the calls of the run that goes on.

    Raises:
        SandboxError: if it imports something that is no function of WASI.
    """
    import wasmtime

    for wanted in module.imports:
        kind = wanted.type
        if not isinstance(kind, wasmtime.FuncType) or wanted.module != NAMESPACE or not wanted.name:
            raise SandboxError("The interpreter asks for something that is not WASI.")
        linker.define_func(wanted.module, wanted.name, kind, _function(wanted.name, kind, current))


def _function(
    name: str, kind: wasmtime.FuncType, current: Callable[[], Wasi | None]
) -> Callable[..., int | None]:
    """The call of that name, with unsigned parameters: WebAssembly's integers have no sign, wasmtime's do."""
    masks = [_MASKS[str(parameter)] for parameter in kind.params]
    returns = bool(kind.results)

    def function(*arguments: int) -> int | None:
        wasi = current()
        if wasi is None:
            raise Broken("The interpreter called its host before it was started.")
        if arguments and min(arguments) < 0:
            arguments = tuple(value & mask for value, mask in zip(arguments, masks, strict=True))
        errno = wasi.call(name, *arguments)
        return int(errno) if returns else None

    return function
