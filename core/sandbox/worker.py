"""The processes of the sandbox: `python -m core.sandbox.worker`. One compiles, the others run programs.

The parents are `core.sandbox.readiness` and `core.sandbox.attendant`.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from core.process import Child
from core.sandbox import compiled, runtime
from core.sandbox.compiled import DamagedError, UnsafeFolderError
from core.sandbox.guest import Guest, engine
from core.sandbox.messages import read_order, write_result
from core.sandbox.result import SandboxError

PATIENCE_SECONDS: Final = 3600.0
ADDRESS_BYTES: Final = 8 * 2**30
"""What a worker may reserve of addresses beside what it has at its start; wasmtime reserves 4 GiB a run."""
MOST_FILES: Final = 64
"""How many files a worker may have open."""
LARGE: Final = 2**20
"""From how many letters on an order's memory is given back at once, and a block's from how many bytes on."""
_MMAP_THRESHOLD: Final = -3
"""The number that `mallopt` has for it."""
_OUT_OF_MEMORY_SCORE: Final = 800


def main() -> None:
    """Does what the parent asks for."""
    child = Child()
    try:
        runtime.load_engine()
        match child.request.get("task"):
            case "prepare":
                _prepare(child, Path(child.request["folder"]))
            case "serve":
                _serve(child, Path(child.request["path"]))
            case task:
                child.fail(f"There is no task {str(task)[:40]!r}: ask for prepare or serve.")
    except SandboxError as error:
        child.emit({"problem": str(error)})
    except MemoryError:
        child.emit({"problem": "The sandbox is not available: this machine has too little memory for it."})


def _prepare(child: Child, folder: Path) -> None:
    try:
        made = compiled.find_or_compile(engine(), folder)
    except UnsafeFolderError as error:
        child.emit({"folder": str(error)})
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "it cannot be written to"
        child.emit({"folder": f"The compiled sandbox cannot be kept in {folder.name}: {why}."})
    else:
        child.emit({"path": str(made.path), "seconds": made.seconds})


def _serve(child: Child, path: Path) -> None:
    """Runs programs, one after the other, until the parent ends this process."""
    _have_large_blocks_returned()
    configured = engine()
    try:
        guest = Guest(configured, compiled.load(configured, path))
    except (DamagedError, UnsafeFolderError) as error:
        child.emit({"unusable": str(error)})
        return
    gc.collect()
    gc.freeze()
    _give_back()
    confine()
    child.emit({"ready": True})
    while True:
        command = child.command(PATIENCE_SECONDS)
        if command is not None:
            # From here on it may be the program's doing if this process ends.
            child.emit({"begun": True})
            child.emit(_answer(guest, command))
            large = _letters(command) > LARGE
            # What was run is its owner's, and need not stay until the next one comes.
            del command
            if large:
                gc.collect()
                _give_back()


def _answer(guest: Guest, command: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"result": write_result(guest.run(read_order(command["order"])))}
    except SandboxError as error:
        return {"refused": str(error)}


def _letters(command: Mapping[str, Any]) -> int:
    """About how long a command is."""
    order = command["order"]
    return len(order["code"]) + sum(len(text) for text in order["files"].values())


def _have_large_blocks_returned() -> None:
    """Has the system get each large block back when it is freed: glibc would keep some for the next."""
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_MMAP_THRESHOLD, LARGE)


def _give_back() -> None:
    """Gives the system what memory is free: after the start, a quarter of what a worker would keep."""
    if sys.platform == "linux":
        # glibc keeps what was freed; musl has no such function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def confine() -> None:
    """Takes from this process what running programs does not need, as far as the system can."""
    if sys.platform == "linux":
        with suppress(OSError):
            # Should the machine run out of memory, this goes and not the server.
            Path("/proc/self/oom_score_adj").write_text(str(_OUT_OF_MEMORY_SCORE), encoding="ascii")
    try:
        import resource
    except ImportError:
        return
    wanted = {resource.RLIMIT_FSIZE: 0, resource.RLIMIT_NOFILE: MOST_FILES}
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        wanted[resource.RLIMIT_AS] = pages * resource.getpagesize() + ADDRESS_BYTES
    for limit, most in wanted.items():
        _, hard = resource.getrlimit(limit)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            # The hard limit too: nothing in this process raises it again.
            resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main()
