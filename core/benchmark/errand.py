"""One function run once in a process of its own, which has its threads and its memory and prints nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

from core import wire
from core.benchmark.worker import MEMORY_BYTES, WorkerError, begin, process_context

_WAIT_SECONDS: Final = 0.2
_CLOSE_SECONDS: Final = 2.0
_SAID: Final = 500

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


def run_errand(
    function: Callable[[_Given], _Found],
    given: _Given,
    found: type[_Found],
    *,
    name: str,
    threads: int = 1,
    seconds: float = 120.0,
    memory_bytes: int = MEMORY_BYTES,
    stop: Callable[[], bool] = lambda: False,
) -> _Found | None:
    """What a function gives, from a process of its own.

    Args:
        function: of a module, not a method and no lambda: it is sent by its name.
        given: its argument, which is pickled by us for our own process.
        found: the type of its result, a frozen dataclass that `core.wire` can write.
        name: what errors call it.
        threads: for PyTorch.
        seconds: how long it may take.
        memory_bytes: how much it may allocate.
        stop: asked while it runs; when it says so, the process is ended.

    Returns:
        The result; None if it was stopped.

    Raises:
        WorkerError: if the function fails, in its words, takes too long, or its process ended.
    """
    context = process_context()
    ours, theirs = context.Pipe()
    process: Any = context.Process(  # type: ignore[attr-defined]  # every concrete context has it
        target=_serve, args=(theirs, function, given, found, threads, memory_bytes), daemon=True, name=name
    )
    process.start()
    theirs.close()
    try:
        end = time.monotonic() + seconds
        while not ours.poll(_WAIT_SECONDS):
            if stop():
                return None
            if time.monotonic() > end:
                raise WorkerError(f"{name} gave no answer for {seconds:g} s and was ended.")
        answer = json.loads(ours.recv_bytes())
    except (EOFError, OSError):
        process.join(_CLOSE_SECONDS)
        raise WorkerError(f"{name} ended unexpectedly, with code {process.exitcode}.") from None
    finally:
        ours.close()
        process.kill()
        process.join()
    if "error" in answer:
        raise WorkerError(f"{name}: {answer['error']}")
    return wire.read(found, answer["found"])


def _serve(
    connection: Connection,
    function: Callable[[Any], Any],
    given: object,
    found: type[Any],
    threads: int,
    memory_bytes: int,
) -> None:
    """The process: runs the function and says what it gave."""
    begin(threads, memory_bytes)
    try:
        answer = {"found": wire.write(found, function(given))}
    except MemoryError:
        answer = {"error": f"it needed more than {memory_bytes / 2**30:.3g} GiB of memory."}
    except ValueError as error:
        answer = {"error": " ".join(str(error).split())[:_SAID]}
    except Exception as error:  # noqa: BLE001 - whatever a library raises is one line for a visitor
        answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:_SAID]}"}
    # Whoever asked may have left.
    with suppress(OSError):
        connection.send_bytes(json.dumps(answer).encode())
