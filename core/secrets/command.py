"""A program run to its end: no shell, bounded in time, memory and output, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MEMORY_BYTES: Final = 2**29
"""How much it may allocate. Only where the system can limit that (Linux)."""
MAX_BYTES: Final = 2**20
"""How much of its output is read, and how long a file it may write (on Linux)."""
NICENESS: Final = 10


class CommandError(RuntimeError):
    """The program could not be started or took too long; the message is one line."""


@dataclass(frozen=True)
class Finished:
    """What became of a program.

    Attributes:
        code: its exit code; below zero the signal that ended it.
        out: what it wrote to stdout; it may hold a secret.
        err: the same for stderr.
        seconds: how long it took, by the wall clock.
    """

    code: int
    out: bytes = field(repr=False)
    err: bytes = field(repr=False)
    seconds: float


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    given: bytes = b"",
) -> Finished:
    """Runs a program and waits for its end.

    Args:
        command: the program's path and its arguments.
        folder: where it runs.
        environment: all variables that it gets.
        seconds: the wall-clock time that it may take, and the processor time too.
        given: what it reads from stdin.

    Raises:
        CommandError: if it cannot be started, or takes longer.
    """
    try:
        # Files, not pipes: who inherited a pipe could keep its reader waiting, and files have a limit.
        with (
            tempfile.TemporaryFile() as source,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            source.write(given)
            source.seek(0)
            started = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603 - our own programs and git, no shell
                command,
                cwd=folder,
                env=dict(environment),
                stdin=source,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            code = _wait(process, seconds)
            took = time.perf_counter() - started
            out.seek(0)
            err.seek(0)
            return Finished(code, out.read(MAX_BYTES), err.read(MAX_BYTES), took)
    except OSError as error:
        raise CommandError(f"it could not be started ({type(error).__name__})") from error


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        _limit(process.pid, seconds)
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise CommandError(f"it took longer than {seconds:g} s and was ended") from None
    finally:
        # On every way out, and what it may have started too: it leads a group of its own.
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()


def _limit(pid: int, seconds: float) -> None:
    """Lowers a process's priority and bounds its memory, processor time and files, where the system can.

    From outside, because code between fork and exec may deadlock in a server with threads.
    """
    with suppress(OSError):
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    if sys.platform == "linux":
        import resource

        wanted = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_CPU: int(seconds) + 1,
            resource.RLIMIT_DATA: MEMORY_BYTES,
            resource.RLIMIT_FSIZE: MAX_BYTES,
        }
        for limit, value in wanted.items():
            # It may have ended already; a limit that cannot be lowered is low enough.
            with suppress(OSError, ValueError):
                _, hard = resource.prlimit(pid, limit)
                soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.prlimit(pid, limit, (soft, hard))
