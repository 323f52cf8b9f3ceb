"""The only place where a visitor's program runs: CPython for WebAssembly, in bounded worker processes.

A program sees the files that it is given, and nothing else of this machine. `run` waits for its result,
`start` does not. What a program prints is a stranger's text: show it as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from core.sandbox.orders import FUEL, MEMORY, OUTPUT, SECONDS, checked_order
from core.sandbox.readiness import Readiness, ReadyState
from core.sandbox.result import GuestError, Limit, SandboxError, SandboxResult
from core.sandbox.service import FOLDER, Sandbox, Shared
from core.sandbox.turn import Run

__all__ = [
    "FOLDER", "FUEL", "MEMORY", "OUTPUT", "SECONDS", "GuestError", "Limit", "Readiness", "ReadyState", "Run",
    "Sandbox", "SandboxError", "SandboxResult", "configure", "prepare", "readiness", "run", "start",
]  # fmt: skip

_SHARED: Final = Shared()


def run(
    code: str | bytes,
    *,
    fuel: int = FUEL,
    memory_bytes: int = MEMORY,
    wall_seconds: float = SECONDS,
    output_bytes: int = OUTPUT,
    files: Mapping[str, bytes | str] | None = None,
    argv: Sequence[str] = (),
    visitor: str = "",
) -> SandboxResult:
    """Runs a program, and waits for its turn and its end.

    Args:
        code: the program; text is encoded as UTF-8.
        fuel: how many WebAssembly instructions it may execute, the interpreter's start (0.12e9) included.
        memory_bytes: how much memory the interpreter may have with it.
        wall_seconds: how long it may take, without waiting for its turn.
        output_bytes: how much it may print, stdout and stderr together.
        files: what it can read, by name.
        argv: `sys.argv` behind the program's name.
        visitor: who asks; visitors take turns. Empty for the server itself.

    Raises:
        SandboxError: if it cannot be run at all: an argument is wrong, too many wait, there is no runtime.
    """
    asked = checked_order(
        code, fuel=fuel, memory_bytes=memory_bytes, wall_seconds=wall_seconds, output_bytes=output_bytes,
        files=files, argv=argv,
    )  # fmt: skip
    return _SHARED.get().run(asked, visitor)


def start(
    code: str | bytes,
    *,
    fuel: int = FUEL,
    memory_bytes: int = MEMORY,
    wall_seconds: float = SECONDS,
    output_bytes: int = OUTPUT,
    files: Mapping[str, bytes | str] | None = None,
    argv: Sequence[str] = (),
    visitor: str = "",
) -> Run:
    """The same, and does not wait. The program is stopped when nobody holds the `Run` any more.

    Raises:
        SandboxError: if it cannot be run at all.
    """
    asked = checked_order(
        code, fuel=fuel, memory_bytes=memory_bytes, wall_seconds=wall_seconds, output_bytes=output_bytes,
        files=files, argv=argv,
    )  # fmt: skip
    return _SHARED.get().start(asked, visitor)


def prepare() -> None:
    """Begins, once, to compile the interpreter in the background. Never fails, and never waits."""
    _SHARED.get().prepare()


def readiness() -> Readiness:
    """Whether programs can be run yet. Never waits."""
    return _SHARED.get().readiness()


def configure(*, folder: Path, at_once: int) -> None:
    """Says where the compiled interpreter is kept and how many programs run at once, before the first one.

    Without it, the app's settings say so.
    """
    _SHARED.configure(folder=folder, at_once=at_once)
