"""A neighbor: processes that keep this machine's cores busy while something else is measured."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from core.benchmark.worker import begin, process_context

_MEMORY_BYTES: Final = 2**30
_LOOK_SECONDS: Final = 0.02
_CLOSE_SECONDS: Final = 2.0


class Neighbor:
    """Uses cores while it is entered; a context manager.

    Args:
        cores: how many, each by a process of its own.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._processes: list[tuple[Connection, BaseProcess]] = []

    def __enter__(self) -> Neighbor:
        try:
            for _ in range(self._cores):
                self._start()
            for ours, _process in self._processes:
                ours.recv_bytes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for ours, _process in self._processes:
            ours.close()
        for _ours, process in self._processes:
            process.join(_CLOSE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes.clear()

    def _start(self) -> None:
        context = process_context()
        ours, theirs = context.Pipe()
        process = context.Process(  # type: ignore[attr-defined]  # every concrete context has it
            target=_burn, args=(theirs,), daemon=True, name="benchmark neighbor"
        )
        process.start()
        theirs.close()
        self._processes.append((ours, process))


def _burn(parent: Connection) -> None:
    """The process: uses a core until the parent's end closes."""
    begin(1, _MEMORY_BYTES)
    parent.send_bytes(b"ready")
    while not parent.poll(0):
        end = time.perf_counter() + _LOOK_SECONDS
        while time.perf_counter() < end:
            pass
