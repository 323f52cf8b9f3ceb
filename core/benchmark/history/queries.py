"""What is asked of the database and written to it, each in a transaction that the caller has begun."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite

from core import wire
from core.benchmark.history.lines import MachineLine, ResultLine, RunLine, TrendPoint, point_of
from core.benchmark.history.schema import DOCUMENTS, RESULTS, RUNS
from core.benchmark.verdict import Verdict
from core.machine import Machine, Versions

_RESULT_FIELDS: Final = tuple(each.name for each in fields(ResultLine))


@dataclass(frozen=True)
class Bounds:
    """How much is kept.

    Attributes:
        per_owner: runs of one visitor that are not shared; the oldest are forgotten.
        run_bytes: what one run may take, compressed.
        total_bytes: what all take; then the oldest are forgotten, shared ones last.
        waiting: runs that wait in files for the database.
        waiting_bytes: what these take together.
    """

    per_owner: int = 500
    run_bytes: int = 16 * 2**20
    total_bytes: int = 2 * 2**30
    waiting: int = 200
    waiting_bytes: int = 256 * 2**20


@dataclass(frozen=True)
class Series:
    """What a trend follows: one engine on one model, with one setting, on one machine.

    Attributes:
        model, engine: names.
        batch, threads, seed: of the comparison.
        machine_id: the fingerprint of the machine.
        machine: its name in a cluster; empty if it is no cluster's.
    """

    model: str
    engine: str
    batch: int
    threads: int
    machine_id: str
    machine: str = ""
    seed: int = 0

    def has(self, line: RunLine, result: ResultLine) -> bool:
        """Whether a result of a run belongs to it."""
        return line.machine_id == self.machine_id and all(
            getattr(result, name) == getattr(self, name)
            for name in ("model", "engine", "batch", "threads", "machine", "seed")
        )


@dataclass(frozen=True)
class Filter:
    """Which runs are asked for.

    Attributes:
        owner: the visitor's own; None for everybody's.
        shared: whether the shared ones come too.
        model: only with results of it; None for any.
        machine_id: only of it; None for any.
    """

    owner: str | None
    shared: bool = True
    model: str | None = None
    machine_id: str | None = None

    def has(self, line: RunLine) -> bool:
        """Whether a run is among them."""
        return (
            line.visible_to(self.owner, shared=self.shared)
            and self.model in {None, *line.models}
            and self.machine_id in {None, line.machine_id}
        )

    @property
    def clause(self) -> ColumnElement[bool]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = [true()]
        if self.owner is not None:
            mine = RUNS.c.owner == self.owner
            found.append(or_(mine, RUNS.c.shared) if self.shared else mine)
        if self.model is not None:
            runs = select(RESULTS.c.run).where(RESULTS.c.model == self.model)
            found.append(RUNS.c.sequence.in_(runs))
        if self.machine_id is not None:
            found.append(RUNS.c.machine_id == self.machine_id)
        return and_(*found)


def insert(connection: Connection, line: RunLine, data: bytes, bounds: Bounds) -> bool:
    """Writes a run unless it is there already, and forgets what is too much; whether it was new.

    Args:
        connection: in a transaction.
        line: of the run.
        data: all of it, as `document.pack` gives it.
        bounds: how much is kept.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {column.name: getattr(line, column.name, None) for column in RUNS.columns}
    del row["sequence"]
    row |= {"machine": _written(line.machine), "size": len(data)}
    new = make(RUNS).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(RUNS.c.sequence)
    sequence = connection.execute(new).scalar()
    if sequence is None:
        return False
    connection.execute(DOCUMENTS.insert(), {"run": sequence, "data": data})
    results = [
        {"run": sequence, "position": position, **asdict(result)}
        for position, result in enumerate(line.results)
    ]
    if results:
        connection.execute(RESULTS.insert(), results)
    _forget(connection, sequence, line.owner, bounds)
    return True


def document(connection: Connection, run: str) -> bytes | None:
    """All of a run, as `document.pack` gave it; None if it is not there."""
    asked = select(DOCUMENTS.c.data).join(RUNS, RUNS.c.sequence == DOCUMENTS.c.run).where(RUNS.c.id == run)
    found = connection.execute(asked).scalar()
    return None if found is None else bytes(found)


def present(connection: Connection, runs: Sequence[str]) -> frozenset[str]:
    """Those of the runs that are there."""
    return frozenset(connection.execute(select(RUNS.c.id).where(RUNS.c.id.in_(runs))).scalars())


def remove(connection: Connection, run: str, owner: str | None) -> bool:
    """Deletes a run, if it is this owner's, or whoever's for None; whether it was there and was."""
    which = RUNS.c.id == run if owner is None else and_(RUNS.c.id == run, RUNS.c.owner == owner)
    return bool(connection.execute(delete(RUNS).where(which)).rowcount)


def lines(connection: Connection, which: Filter, limit: int, offset: int) -> list[RunLine]:
    """Runs, the newest first."""
    asked = select(RUNS).where(which.clause).order_by(RUNS.c.sequence.desc()).limit(limit).offset(offset)
    return _lines(connection, asked)


def trend(connection: Connection, which: Filter, series: Series, limit: int) -> list[TrendPoint]:
    """The newest points of a series, the oldest of them first."""
    wanted = and_(
        RESULTS.c.model == series.model,
        RESULTS.c.engine == series.engine,
        RESULTS.c.batch == series.batch,
        RESULTS.c.threads == series.threads,
        RESULTS.c.machine == series.machine,
        RESULTS.c.seed == series.seed,
        RUNS.c.machine_id == series.machine_id,
        which.clause,
    )
    joined = select(RUNS, *_results()).join(RESULTS, RESULTS.c.run == RUNS.c.sequence)
    asked = joined.where(wanted).order_by(RUNS.c.sequence.desc(), RESULTS.c.position.desc()).limit(limit)
    rows = connection.execute(asked).all()
    return [point_of(_line(row, ()), _result(row)) for row in reversed(rows)]


def machines(connection: Connection, which: Filter) -> list[MachineLine]:
    """The machines of these runs, in the order of their latest runs, the newest first."""
    grouped = (
        select(func.max(RUNS.c.sequence).label("latest"), func.count().label("runs"))
        .where(which.clause)
        .group_by(RUNS.c.machine_id)
        .subquery()
    )
    asked = (
        select(RUNS, grouped.c.runs)
        .join(grouped, grouped.c.latest == RUNS.c.sequence)
        .order_by(RUNS.c.sequence.desc())
    )
    named: dict[str, set[str]] = {}
    names = select(RUNS.c.machine_id, RESULTS.c.machine).join(RESULTS, RESULTS.c.run == RUNS.c.sequence)
    for machine_id, name in connection.execute(names.where(which.clause, RESULTS.c.machine != "").distinct()):
        named.setdefault(machine_id, set()).add(name)
    return [
        MachineLine(
            row.machine_id,
            _read(row.machine),
            tuple(sorted(named.get(row.machine_id, ()))),
            row.runs,
            row.started,
        )
        for row in connection.execute(asked)
    ]


def _forget(connection: Connection, new: int, owner: str, bounds: Bounds) -> None:
    """Deletes the oldest runs that are too much: never the new one."""
    mine = and_(RUNS.c.owner == owner, RUNS.c.shared.is_(False))
    newest = select(RUNS.c.sequence).where(mine).order_by(RUNS.c.sequence.desc())
    last = connection.execute(newest.offset(bounds.per_owner).limit(1)).scalar()
    if last is not None:
        connection.execute(delete(RUNS).where(mine, RUNS.c.sequence <= last, RUNS.c.sequence != new))
    if (connection.execute(select(func.sum(RUNS.c.size))).scalar() or 0) <= bounds.total_bytes:
        return
    order = [RUNS.c.shared.desc(), RUNS.c.sequence.desc()]
    sums = select(RUNS.c.sequence, func.sum(RUNS.c.size).over(order_by=order).label("total")).subquery()
    over = select(sums.c.sequence).where(sums.c.total > bounds.total_bytes)
    connection.execute(delete(RUNS).where(RUNS.c.sequence.in_(over), RUNS.c.sequence != new))


def _lines(connection: Connection, asked: Select[Any]) -> list[RunLine]:
    rows = connection.execute(asked).all()
    found: dict[int, list[ResultLine]] = {row.sequence: [] for row in rows}
    results = select(RESULTS.c.run, *_results()).where(RESULTS.c.run.in_(found))
    for row in connection.execute(results.order_by(RESULTS.c.run, RESULTS.c.position)):
        found[row.run].append(_result(row))
    return [_line(row, found[row.sequence]) for row in rows]


def _results() -> list[ColumnElement[Any]]:
    """The columns of a result, named apart from those of its run."""
    return [RESULTS.c[name].label(f"result_{name}") for name in _RESULT_FIELDS]


def _result(row: Row[Any]) -> ResultLine:
    found = {name: getattr(row, f"result_{name}") for name in _RESULT_FIELDS}
    verdict = found["verdict"]
    return ResultLine(**found | {"verdict": None if verdict is None else Verdict(verdict)})


def _line(row: Row[Any], results: Iterable[ResultLine]) -> RunLine:
    return RunLine(
        id=row.id,
        owner=row.owner,
        shared=row.shared,
        started=row.started,
        imported=row.imported,
        note=row.note,
        machine=_read(row.machine),
        machine_id=row.machine_id,
        versions_id=row.versions_id,
        seconds=row.seconds,
        complete=row.complete,
        results=tuple(results),
    )


def _written(machine: Machine) -> str:
    return json.dumps(wire.write(Machine, machine))


def _read(text: str) -> Machine:
    try:
        return wire.read(Machine, json.loads(text))
    except ValueError:
        # A version that describes machines by other facts: the rest of its runs can be listed all the same.
        unknown = Versions("", None, None, None)
        return Machine("a machine that this version cannot describe", 0, 0, 0, 0, "", (), "", unknown, ())
