"""What is asked of the tables: the same as of the runs themselves, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, Table, func, select

from core.benchmark.history import Bounds, History, Run, RunLine, Series, queries
from core.benchmark.history.database import Database
from core.benchmark.history.document import pack
from core.benchmark.history.lines import line_of, point_of
from core.benchmark.history.queries import Filter
from core.benchmark.history.schema import DOCUMENTS, RESULTS, RUNS
from core.benchmark.verdict import Verdict
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open


def test_the_oldest_runs_of_one_owner_are_forgotten(url: str | None, open_at: Open) -> None:
    history = open_at(url, bounds=Bounds(per_owner=3))
    demo, other = made.run(owner="me", shared=True), made.run(owner="you")
    history.add(demo)
    history.add(other)
    runs = [made.run(owner="me") for _ in range(5)]
    for run in runs:
        history.add(run)
    assert [line.id for line in history.runs(None)] == [runs[4].id, runs[3].id, runs[2].id, other.id, demo.id]
    assert history.get(runs[0].id) is None


def test_all_runs_together_are_bounded_and_shared_ones_stay_longest(url: str | None, open_at: Open) -> None:
    size = len(made.pack(made.run()))
    history = open_at(url, bounds=Bounds(total_bytes=int(3.5 * size)))
    demo = made.run(shared=True)
    history.add(demo)
    runs = [made.run(owner=str(number)) for number in range(4)]
    for run in runs:
        history.add(run)
    assert [line.id for line in history.runs(None)] == [runs[3].id, runs[2].id, demo.id]


def test_a_machine_that_is_described_by_other_facts_is_listed(history: History) -> None:
    history.add(made.run())
    change = RUNS.update().values(machine='{"quantum": true}')
    history._database.run(lambda connection: connection.execute(change).rowcount, write=True)
    (line,) = history.runs(None)
    assert line.machine.cpu == "a machine that this version cannot describe"
    assert line.results[1].verdict is Verdict.FASTER


ALL = Filter(None)
OTHER_MACHINE = replace(made.MACHINE, cpu="Another CPU")


def add(database: Database, runs: Iterable[Run], bounds: Bounds | None = None) -> list[bool]:
    """Adds runs in one transaction; which of them were new."""

    def work(connection: Connection) -> list[bool]:
        return [queries.insert(connection, line_of(run), pack(run), bounds or Bounds()) for run in runs]

    return database.run(work, write=True)


def listed(database: Database, which: Filter = ALL, limit: int = 100, offset: int = 0) -> list[RunLine]:
    return database.run(lambda one: queries.lines(one, which, limit, offset))


def rows(database: Database, table: Table) -> int:
    return database.run(lambda one: one.execute(select(func.count()).select_from(table)).scalar_one())


def sample() -> list[Run]:
    """Runs that differ in all that can be asked for."""
    machines = (made.MACHINE, OTHER_MACHINE)
    cluster = [
        replace(made.case("cnn"), machine="node a"),
        replace(made.case("cnn"), machine="node b", seed=7),
    ]
    compared = ([made.case("mlp")], [made.case("cnn", 8), made.case("mlp")], cluster)
    return [
        made.run(*cases, owner=owner, shared=shared, machine=machine)
        for owner, shared, machine in itertools.product(("me", "you"), (False, True), machines)
        for cases in compared
    ]


def test_a_filter_finds_in_the_tables_what_it_finds_among_the_runs(opened: Database) -> None:
    runs = sample()
    assert add(opened, runs) == [True] * len(runs)
    newest_first = [line_of(run) for run in reversed(runs)]
    found = set()
    machines = (None, runs[0].machine_id, runs[3].machine_id, "nothing")
    for values in itertools.product(
        (None, "me", "nobody"), (True, False), (None, "mlp", "cnn", "nothing"), machines
    ):
        which = Filter(*values)
        expected = [
            line for line in newest_first
            if (which.owner is None or line.owner == which.owner or (which.shared and line.shared))
            and (which.model is None or any(each.model == which.model for each in line.results))
            and (which.machine_id is None or line.machine_id == which.machine_id)
        ]  # fmt: skip
        assert [line for line in newest_first if which.has(line)] == expected
        assert listed(opened, which) == expected
        found.add(len(expected))
    assert len(found) > 5


def test_a_series_finds_in_the_tables_what_it_finds_among_the_runs(opened: Database) -> None:
    runs = sample()
    add(opened, runs)
    lines = [line_of(run) for run in runs]
    which = Filter("me")
    sizes = set()
    machines = (runs[0].machine_id, runs[3].machine_id)
    for model, engine, batch, machine_id, machine, seed in itertools.product(
        ("mlp", "cnn"), ("eager", "ort"), (1, 8), machines, ("", "node b"), (0, 7)
    ):
        series = Series(model, engine, batch, 1, machine_id, machine, seed)
        expected = [
            point_of(line, each)
            for line in lines
            if line.owner == "me" or line.shared
            for each in line.results
            if (line.machine_id, each.model, each.engine, each.batch, each.threads, each.machine, each.seed)
            == (machine_id, model, engine, batch, 1, machine, seed)
        ]
        assert [
            point_of(line, each) for line in lines if which.has(line)
            for each in line.results if series.has(line, each)
        ] == expected  # fmt: skip
        for limit in (100, 2):
            found = opened.run(lambda one, s=series, n=limit: queries.trend(one, which, s, n))  # type: ignore[misc]
            assert found == expected[max(0, len(expected) - limit) :]
        sizes.add(len(expected))
    assert len(sizes) > 1


def test_a_run_that_is_there_already_stays_as_it_was(opened: Database) -> None:
    run = made.run(owner="me")
    other = replace(made.run(made.case("cnn"), owner="you"), id=run.id)
    assert add(opened, [run, other, run]) == [True, False, False]
    assert listed(opened) == [line_of(run)]
    assert opened.run(lambda one: queries.document(one, run.id)) == pack(run)
    assert [rows(opened, each) for each in (RUNS, RESULTS, DOCUMENTS)] == [1, 2, 1]


def test_nothing_is_left_of_what_is_deleted(opened: Database) -> None:
    mine, theirs = made.run(owner="me"), made.run(owner="you")
    add(opened, [mine, theirs])
    for number, owner, there in ((theirs.id, "me", False), (mine.id, "me", True), (mine.id, "me", False)):
        assert opened.run(lambda one, n=number, o=owner: queries.remove(one, n, o), write=True) is there  # type: ignore[misc]
    assert [rows(opened, each) for each in (RUNS, RESULTS, DOCUMENTS)] == [1, 2, 1]
    assert opened.run(lambda one: queries.remove(one, theirs.id, None), write=True)
    assert [rows(opened, each) for each in (RUNS, RESULTS, DOCUMENTS)] == [0, 0, 0]
    assert opened.run(lambda one: queries.document(one, mine.id)) is None


def test_it_says_which_runs_are_there(opened: Database) -> None:
    runs = [made.run() for _ in range(3)]
    add(opened, runs[:2])
    numbers = [run.id for run in runs]
    assert opened.run(lambda one: queries.present(one, numbers)) == set(numbers[:2])
    assert opened.run(lambda one: queries.present(one, [])) == frozenset()


def test_pages_have_every_line_once(opened: Database) -> None:
    runs = [made.run(made.case(rounds=2)) for _ in range(5)]
    add(opened, runs)
    pages = [listed(opened, limit=2, offset=start) for start in range(0, 7, 2)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [line for page in pages for line in page] == [line_of(run) for run in reversed(runs)]


def test_machines_come_in_the_order_of_their_latest_runs(opened: Database) -> None:
    newer = replace(made.MACHINE, memory_available_bytes=5)
    runs = [
        made.run(replace(made.case(), machine="node b")),
        made.run(machine=OTHER_MACHINE),
        made.run(replace(made.case(), machine="node a"), machine=newer, owner="me"),
    ]
    add(opened, runs)
    one, other = opened.run(lambda each: queries.machines(each, ALL))
    assert (one.machine, one.runs, one.names) == (newer, 2, ("node a", "node b"))
    assert (other.machine, other.runs, other.names) == (OTHER_MACHINE, 1, ())
    (mine,) = opened.run(lambda each: queries.machines(each, Filter("me", shared=False)))
    assert (mine.machine, mine.runs, mine.names) == (newer, 1, ("node a",))


def test_the_newest_run_stays_however_little_is_kept(opened: Database) -> None:
    runs = [made.run(owner="me", shared=number == 0) for number in range(3)]
    for run in runs:
        assert add(opened, [run], Bounds(per_owner=0, total_bytes=1)) == [True]
        assert [line.id for line in listed(opened)] == [run.id]
