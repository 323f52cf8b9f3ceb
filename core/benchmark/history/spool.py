"""Runs that wait in files until the database is back: each whole, in the order of their coming."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from core.benchmark.history import folder as folders
from core.benchmark.history.document import pack, unpack
from core.benchmark.history.lines import RunLine, line_of
from core.benchmark.history.queries import Bounds
from core.benchmark.history.run import HistoryError, Run

LOCK_SECONDS: Final = 10.0
"""How long another process may be at the files."""
_SUFFIX: Final = ".run"
_DAMAGED: Final = ".damaged"
_MOST_DAMAGED: Final = 200
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Waiting:
    """A run that waits.

    Attributes:
        number: its place in the order; the names of the files have it, the clock plays no part.
        run: the run's number.
        path: of its file.
    """

    number: int
    run: str
    path: Path


class Spool:
    """The files of one folder; for threads and, where the system has file locks, for processes.

    Args:
        folder: it is made when the first run waits.
        bounds: how many runs may wait, and how large they may be.
    """

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._lock = threading.RLock()
        self._depth = 0
        self._lines: dict[str, RunLine] = {}

    def keep(self, run: Run) -> None:
        """Keeps a run: when this returns, it is on the disk.

        Raises:
            HistoryError: if too many wait, or it cannot be written.
        """
        self._keep(run.id, pack(run))

    def waiting(self) -> list[Waiting]:
        """What waits, the oldest first; nothing if the folder cannot be read."""
        with suppress(OSError):
            found = [_waiting(path) for path in self._folder.iterdir() if path.suffix == _SUFFIX]
            return sorted((each for each in found if each is not None), key=lambda each: each.number)
        return []

    def read(self, each: Waiting) -> Run | None:
        """A run that waits; None if it is gone or cannot be read. A damaged file is put aside."""
        try:
            return unpack(each.path.read_bytes())
        except OSError:
            return None
        except HistoryError:
            self._put_aside(each)
            return None

    def lines(self) -> list[RunLine]:
        """What lists show of the runs that wait, the oldest first."""
        found = []
        waiting = self.waiting()
        with self._lock:
            known = {each.path.name: self._lines.get(each.path.name) for each in waiting}
        for each in waiting:
            line = known[each.path.name]
            if line is None and (run := self.read(each)) is not None:
                line = known[each.path.name] = line_of(run, waiting=True)
            if line is not None:
                found.append(line)
        with self._lock:
            self._lines = {name: line for name, line in known.items() if line is not None}
        return found

    def find(self, run: str) -> Run | None:
        """The run of this number, if it waits."""
        named = (each for each in self.waiting() if each.run == run)
        return next((found for each in named if (found := self.read(each)) is not None), None)

    def drop(self, each: Waiting) -> None:
        """Forgets a run that waits; it may be gone already."""
        each.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else adds, writes to the database or deletes meanwhile.

        Raises:
            HistoryError: if another process does not let go.
        """
        with self._lock, _file_lock(self._folder if self._depth == 0 else None):
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def _keep(self, run: str, data: bytes) -> None:
        problem = ""
        try:
            folders.make(self._folder)
            with self.locked():
                problem = self._no_room(len(data))
                if not problem:
                    last = max((each.number for each in self.waiting()), default=0)
                    _write(self._folder, f"{last + 1:012d}-{run}{_SUFFIX}", data)
        except OSError as error:
            what = "The disk is full" if error.errno in _FULL else f"It cannot be written ({error.strerror})"
            problem = f"{what}: this run is not kept. Download it, make room, and import it again."
        if problem:
            raise HistoryError(problem)

    def _no_room(self, size: int) -> str:
        """Why one more may not wait; empty if it may."""
        waiting = self.waiting()
        taken = 0
        for each in waiting:
            with suppress(FileNotFoundError):
                taken += each.path.stat().st_size
        if len(waiting) < self._bounds.waiting and taken + size <= self._bounds.waiting_bytes:
            return ""
        return (
            f"The database is away and {len(waiting)} runs wait for it already, as many as may: this run is "
            "not kept. Download it, and import it when the database is back."
        )

    def _put_aside(self, each: Waiting) -> None:
        with suppress(FileNotFoundError):
            each.path.rename(each.path.with_suffix(_DAMAGED))
            aside = sorted(path for path in self._folder.iterdir() if path.suffix == _DAMAGED)
            for path in aside[:-_MOST_DAMAGED]:
                path.unlink(missing_ok=True)


def _waiting(path: Path) -> Waiting | None:
    number, dash, run = path.stem.partition("-")
    return Waiting(int(number), run, path) if dash and number.isdecimal() else None


def _write(folder: Path, name: str, data: bytes) -> None:
    """A file that is there whole or not at all, and stays whatever happens to the power."""
    unfinished = folder / ".unfinished"
    try:
        # What a process left behind that was killed here: the lock says that none is at it.
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    folders.sync(folder)


def _locks(lock: Callable[[], object]) -> bool:
    try:
        lock()
    except BlockingIOError:
        return False
    return True


@contextmanager
def _file_lock(folder: Path | None) -> Iterator[None]:
    """Keeps other processes out; not without a folder, nor where the system has no locks.

    Raises:
        HistoryError: if one does not let go.
    """
    try:
        import fcntl
    except ImportError:
        folder = None
    if folder is None or not folder.is_dir():
        yield
        return
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not _locks(partial(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)):
            if time.monotonic() > end:
                raise HistoryError("Another process of this app holds the runs that wait: try again later.")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
