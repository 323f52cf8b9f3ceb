"""The history: every run is written to the database, or kept in a file until the database is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from core.benchmark.history import queries
from core.benchmark.history.database import AwayError, Database, DatabaseError, FullError, RefusedError
from core.benchmark.history.document import pack, unpack
from core.benchmark.history.lines import MachineLine, RunLine, TrendPoint, line_of, point_of
from core.benchmark.history.outage import PAUSE_SECONDS
from core.benchmark.history.place import read_place
from core.benchmark.history.queries import Bounds, Filter, Series
from core.benchmark.history.run import HistoryError, Run
from core.benchmark.history.spool import Spool, Waiting

MAX_LINES: Final = 1_000
"""How many lines or points one question gives at most."""
_WAITING: Final = "waiting"
_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Saved(StrEnum):
    """What became of a run: it is in the database, or kept in a file until the database is back."""

    WRITTEN = "written"
    KEPT = "kept"


class History:
    """All runs. For threads; several processes may share the database and the folder.

    Nothing is opened before it is asked for something. While the database is away, runs are kept as files and
    shown from there, and a thread of its own tries to write them every few seconds.

    Args:
        url: of the database, `postgresql://user:password@host:port/name` or `sqlite:///file`; None or empty
            for a SQLite file in the folder.
        folder: of that file, and of the runs that wait; it is made when it is needed.
        bounds: how much is kept.

    Raises:
        HistoryError: if the url is none of these.
    """

    def __init__(self, url: str | None, folder: Path, *, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._place = read_place(url, folder)
        self._database = Database(self._place)
        self._spool = Spool(folder / _WAITING, self._bounds)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._refused = ""

    def __repr__(self) -> str:
        """Without the address: the password is in it."""
        return f"History({self._place.name}, {self.pending} waiting)"

    @property
    def pending(self) -> int:
        """How many runs wait for the database."""
        return len(self._spool.waiting())

    @property
    def problem(self) -> str:
        """What is wrong with the database, in one line for a visitor; empty if nothing is known to be."""
        waiting = self.pending
        why = self._database.problem or (self._refused if waiting else "")
        if not why:
            return ""
        runs = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
        kept = f" {runs} in a file, to be written when that is over." if waiting else ""
        return f"{why.rstrip('.')}.{kept}"

    def add(self, run: Run) -> Saved:
        """Keeps a run; one that is kept already stays as it was.

        Returns:
            Where. In both cases it is on the disk, and survives whatever happens to this process.

        Raises:
            HistoryError: if it is too large, the disk is full, or too many wait already.
        """
        data = pack(run)
        if len(data) > self._bounds.run_bytes:
            raise HistoryError(
                f"The run takes {len(data):,} bytes and at most {self._bounds.run_bytes:,} are kept: "
                "measure fewer comparisons at once."
            )
        self.flush()
        problem = ""
        try:
            self._insert(run, data)
        except FullError as error:
            problem = f"{error}: this run is not kept. Download it, make room, and import it again."
        except DatabaseError as error:
            self._note_refused(error)
        else:
            return Saved.WRITTEN
        if problem:
            raise HistoryError(problem)
        self._spool.keep(run)
        self._start_writing()
        return Saved.KEPT

    def get(self, run: str) -> Run | None:
        """A run by its number, whoever's it is: who has the number has a link to it.

        Returns:
            None if there is none, or the database is away: then `problem` says so.

        Raises:
            HistoryError: if it cannot be read any more.
        """
        found = self._spool.find(run)
        if found is not None:
            return found
        data = self._ask(partial(queries.document, run=run), None)
        return None if data is None else unpack(data)

    def runs(
        self,
        owner: str | None,
        *,
        model: str | None = None,
        machine_id: str | None = None,
        shared: bool = True,
        limit: int = 50,
        offset: int = 0,
    ) -> list[RunLine]:
        """Runs for a list: the last that came first, whatever the clocks said.

        Args:
            owner: the visitor whose runs are asked for; None for everybody's, where there is one visitor.
            model: only runs with results of it.
            machine_id: only runs of this machine.
            shared: whether the shared runs come too.
            limit: how many at most, up to `MAX_LINES`.
            offset: how many to leave out, from the first.
        """
        which = Filter(owner, shared, model, machine_id)
        limit, offset = max(0, min(limit, MAX_LINES)), max(0, offset)
        waiting = [line for line in reversed(self._waiting()) if which.has(line)]
        first = waiting[offset : offset + limit]
        rest = (limit - len(first), max(0, offset - len(waiting)))
        found: list[RunLine] = []
        if rest[0]:
            found = self._ask(partial(queries.lines, which=which, limit=rest[0], offset=rest[1]), found)
        # One that was written meanwhile has waited and is in the database: it is listed once.
        known = {line.id for line in waiting}
        return first + [line for line in found if line.id not in known]

    def delete(self, run: str, owner: str | None) -> bool:
        """Deletes a run.

        Args:
            run: its number.
            owner: the visitor who asks, whose it must be; None where there is one, who may delete any.

        Returns:
            Whether it was there, and theirs.

        Raises:
            HistoryError: if the database is away: it may have the run, or not. Or if another process is at
                the runs that wait, and does not let go.
        """
        problem = ""
        with self._spool.locked():
            try:
                there = self._database.run(partial(queries.remove, run=run, owner=owner), write=True)
            except DatabaseError as error:
                problem = f"{error}: nothing was deleted. Try again later."
            else:
                return self._drop(run, owner) or there
        raise HistoryError(problem)

    def trend(
        self, owner: str | None, series: Series, *, shared: bool = True, limit: int = MAX_LINES
    ) -> list[TrendPoint]:
        """One engine on one model, with one setting, on one machine: runs in the order of their coming.

        Args:
            owner: whose runs, as for `runs`.
            series: which engine, model, setting and machine.
            shared: whether the shared ones come too.
            limit: how many points at most, the newest.
        """
        which = Filter(owner, shared, machine_id=series.machine_id)
        limit = max(0, min(limit, MAX_LINES))
        points: list[TrendPoint] = []
        points = self._ask(partial(queries.trend, which=which, series=series, limit=limit), points)
        known = {point.run for point in points}
        points += [
            point_of(line, result)
            for line in self._waiting()
            if which.has(line) and line.id not in known
            for result in line.results
            if series.has(line, result)
        ]
        return points[max(0, len(points) - limit) :]

    def machines(self, owner: str | None, *, shared: bool = True) -> list[MachineLine]:
        """The machines that have runs, that of the last run first; whose runs as for `runs`."""
        which = Filter(owner, shared)
        known: list[MachineLine] = []
        known = self._ask(partial(queries.machines, which=which), known)
        found = {each.machine_id: each for each in known}
        for line in self._waiting():
            if which.has(line):
                before = found.pop(line.machine_id, None)
                names = {each.machine for each in line.results if each.machine}
                new = MachineLine(line.machine_id, line.machine, tuple(sorted(names)), 1, line.started)
                if before is not None:
                    names |= set(before.names)
                    new = replace(new, names=tuple(sorted(names)), runs=before.runs + 1)
                found = {line.machine_id: new} | found
        return list(found.values())

    def flush(self) -> int:
        """Writes the runs that wait, as far as the database takes them; how many it took. Never fails."""
        written = 0
        waiting = self._spool.waiting()
        if not waiting:
            return 0
        try:
            # Whoever wants to keep a run need not wait for the lock while the database is away.
            self._database.run(lambda _: None)
            for each in waiting:
                written += self._write(each)
        except (DatabaseError, HistoryError):
            self._start_writing()
        return written

    def close(self) -> None:
        """Closes the database and ends the thread; runs that wait are written the next time."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        self._database.close()

    def _insert(self, run: Run, data: bytes) -> None:
        insert = partial(queries.insert, line=line_of(run), data=data, bounds=self._bounds)
        self._database.run(insert, write=True)

    def _write(self, each: Waiting) -> bool:
        """Writes a run that waits; whether it did.

        Raises:
            DatabaseError: if the database takes no others either.
        """
        with self._spool.locked():
            # None if another process was faster, or someone deleted it.
            run = self._spool.read(each)
            if run is None:
                return False
            try:
                self._insert(run, pack(run))
            except RefusedError as error:
                self._note_refused(error)
                return False
            self._spool.drop(each)
            return True

    def _waiting(self) -> list[RunLine]:
        """The runs that wait and are not in the database, the oldest first."""
        found = self._spool.lines()
        if not found:
            return []
        # A connection may have broken just when it was written.
        there: frozenset[str] = frozenset()
        there = self._ask(partial(queries.present, runs=[line.id for line in found]), there)
        return [line for line in found if line.id not in there]

    def _drop(self, run: str, owner: str | None) -> bool:
        dropped = False
        for each in self._spool.waiting():
            if each.run == run and (found := self._spool.read(each)) and owner in {None, found.owner}:
                self._spool.drop(each)
                dropped = True
        return dropped

    def _ask(self, question: Callable[[Connection], _T], otherwise: _T) -> _T:
        """The database's answer, or another while it is away."""
        try:
            answer = self._database.run(question)
        except DatabaseError:
            return otherwise
        if self._spool.waiting():
            self._start_writing()
        return answer

    def _note_refused(self, error: DatabaseError) -> None:
        if not isinstance(error, AwayError):
            self._refused = str(error)

    def _start_writing(self) -> None:
        """Has a thread write the runs that wait, unless one does."""
        with self._lock:
            if self._thread is not None or self._closed.is_set():
                return
            self._thread = threading.Thread(target=self._keep_writing, daemon=True, name="benchmark history")
            self._thread.start()

    def _keep_writing(self) -> None:
        """The thread: it ends when nothing waits."""
        pause = 0.0
        while not self._closed.wait(pause):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - it tries again, and the log has it
                _LOG.exception("runs that wait could not be written")
            pause = PAUSE_SECONDS
            with self._lock:
                if not self._spool.waiting():
                    self._thread = None
                    return
