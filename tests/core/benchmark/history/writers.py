"""Processes that add runs as fast as they can, and say so; to be killed at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from core.benchmark.history import History, Run, new_id
from core.benchmark.worker import process_context
from tests.core.benchmark.history import made

MOST = 2_000
"""After how many runs a writer ends by itself, if nobody kills it."""


@contextmanager
def writer(url: str | None, folder: Path, runs: int = MOST) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that adds so many runs; its connection gives the number of each that is kept, and how."""
    context = process_context()
    # As long as nobody has started the fork server: what it has imported, no writer needs to.
    context.set_forkserver_preload(["onnxruntime", __name__])
    ours, theirs = context.Pipe()
    process = context.Process(  # type: ignore[attr-defined]  # every concrete context has it
        target=_write, args=(url, str(folder), theirs, runs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        ours.close()


def told(connection: Connection) -> list[tuple[str, str]]:
    """The rest of what a writer that has ended said: run and how it was kept."""
    found = []
    while True:
        try:
            found.append(read(connection))
        except EOFError:
            return found


def read(connection: Connection) -> tuple[str, str]:
    """The next that it says."""
    assert connection.poll(60), "the writer says nothing"
    run, _, saved = connection.recv_bytes().decode().partition(" ")
    return run, saved


def runs_of(history: History) -> list[str]:
    """The numbers of all runs, the newest first, each as often as it is there."""
    found: list[str] = []
    while page := history.runs(None, limit=1_000, offset=len(found)):
        found += [line.id for line in page]
    return found


def _write(url: str | None, folder: str, connection: Connection, runs: int) -> None:
    one = made.run(made.case(rounds=40))
    history = History(url, Path(folder))
    for _ in range(runs):
        run: Run = replace(one, id=new_id())
        connection.send_bytes(f"{run.id} {history.add(run)}".encode())
    history.close()
