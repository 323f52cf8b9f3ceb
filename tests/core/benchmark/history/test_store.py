"""Runs are kept, listed, deleted and followed over time, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.benchmark.history import Bounds, History, HistoryError, Saved, Series
from core.benchmark.verdict import Verdict
from core.machine import Machine, Versions
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open

OTHER_MACHINE = replace(made.MACHINE, cpu="Another CPU")


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    history = History(None, tmp_path / "data")
    assert history.problem == ""
    assert not (tmp_path / "data").exists()


def test_a_run_comes_back_as_it_was(history: History) -> None:
    run = made.run(owner="me", note="a note — with “signs”")
    assert history.add(run) is Saved.WRITTEN
    assert history.get(run.id) == run
    assert (history.pending, history.problem) == (0, "")


def test_a_run_that_nobody_has_is_none(history: History) -> None:
    assert history.get("x" * 22) is None


def test_what_is_kept_is_there_for_the_next_process(history: History, url: str | None, open_at: Open) -> None:
    run = made.run()
    history.add(run)
    history.close()
    assert open_at(url).get(run.id) == run


def test_the_same_run_twice_is_one(history: History) -> None:
    run = made.run()
    history.add(run)
    assert history.add(run) is Saved.WRITTEN
    assert [line.id for line in history.runs(None)] == [run.id]


def test_a_list_has_what_its_reader_needs(history: History) -> None:
    run = made.run(made.case("mlp", 8), owner="me", note="mine")
    history.add(run)
    (line,) = history.runs("me")
    assert (line.id, line.owner, line.note, line.started) == (run.id, "me", "mine", made.STARTED)
    assert (line.machine, line.machine_id, line.versions_id) == (
        made.MACHINE,
        run.machine_id,
        run.versions_id,
    )
    assert (line.complete, line.seconds, line.imported, line.shared, line.waiting) == (
        True, 1.5, False, False, False,
    )  # fmt: skip
    eager, ort = line.results
    engine = run.report.cases[0].engines[1]
    assert engine.summary is not None
    assert engine.judgement is not None
    assert (eager.engine, eager.ratio, eager.verdict, eager.agrees) == ("eager", None, None, None)
    assert (ort.model, ort.batch, ort.threads, ort.model_id) == ("mlp", 8, 1, made.MODEL_ID)
    assert (ort.engine, ort.baseline, ort.verdict, ort.agrees) == ("ort", "eager", Verdict.FASTER, True)
    assert (ort.median, ort.rounds) == (engine.summary.median, 23)
    assert (ort.ratio, ort.low, ort.high) == (
        engine.judgement.ratio.value, engine.judgement.ratio.low, engine.judgement.ratio.high,
    )  # fmt: skip


def test_a_run_without_a_verdict_says_so(history: History) -> None:
    history.add(made.run())
    history.add(made.run(replace(made.case(), engines=made.case().engines[:1])))
    assert [line.judged for line in history.runs(None)] == [False, True]


def test_a_visitor_sees_their_own_and_the_shared(history: History) -> None:
    mine, theirs, demo = made.run(owner="me"), made.run(owner="you"), made.run(shared=True)
    for run in (mine, theirs, demo):
        history.add(run)
    assert {line.id for line in history.runs("me")} == {mine.id, demo.id}
    assert {line.id for line in history.runs("me", shared=False)} == {mine.id}
    assert {line.id for line in history.runs("nobody")} == {demo.id}
    assert {line.id for line in history.runs(None)} == {mine.id, theirs.id, demo.id}


def test_whoever_has_a_link_may_see_the_run(history: History) -> None:
    theirs = made.run(owner="you")
    history.add(theirs)
    assert history.get(theirs.id) == theirs


def test_only_the_owner_deletes(history: History) -> None:
    mine, demo = made.run(owner="me"), made.run(shared=True)
    history.add(mine)
    history.add(demo)
    assert not history.delete(mine.id, "you")
    assert not history.delete(demo.id, "me")
    assert history.delete(mine.id, "me")
    assert history.get(mine.id) is None
    assert not history.delete(mine.id, "me")
    assert history.delete(demo.id, None)
    assert history.runs(None) == []


def test_runs_are_found_by_model_and_machine(history: History) -> None:
    mlp = made.run(made.case("mlp"))
    both = made.run(made.case("mlp"), made.case("cnn"), machine=OTHER_MACHINE)
    history.add(mlp)
    history.add(both)
    assert [line.id for line in history.runs(None, model="cnn")] == [both.id]
    assert [line.id for line in history.runs(None, model="mlp")] == [both.id, mlp.id]
    assert [line.id for line in history.runs(None, machine_id=mlp.machine_id)] == [mlp.id]
    assert history.runs(None, model="cnn", machine_id=mlp.machine_id) == []


def test_a_clock_that_jumps_back_changes_no_order(history: History) -> None:
    runs = [made.run(started=made.STARTED + timedelta(days=days)) for days in (0, -400, 3, -1)]
    for run in runs:
        history.add(run)
    lines = history.runs(None)
    assert [line.id for line in lines] == [run.id for run in reversed(runs)]
    assert [line.started for line in lines] == [run.started for run in reversed(runs)]


def test_a_list_comes_in_pages(history: History) -> None:
    runs = [made.run() for _ in range(7)]
    for run in runs:
        history.add(run)
    pages = [[line.id for line in history.runs(None, limit=3, offset=start)] for start in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert [each for page in pages for each in page] == [run.id for run in reversed(runs)]
    assert history.runs(None, limit=0) == history.runs(None, limit=-1) == []


def test_a_trend_has_a_point_per_run_of_this_machine(history: History) -> None:
    newer = replace(made.MACHINE, versions=replace(made.VERSIONS, torch="2.14.0"))
    runs = [
        made.run(made.case(faster=2.0)),
        made.run(made.case(faster=3.0), machine=newer, started=made.STARTED - timedelta(days=1)),
        made.run(made.case(), machine=OTHER_MACHINE),
        made.run(made.case(batch=8)),
        made.run(replace(made.case(), machine="in a cluster")),
        made.run(made.case(), owner="you"),
    ]
    for run in runs:
        history.add(run)
    series = Series("mlp", "ort", 1, 1, runs[0].machine_id)
    points = history.trend("me", series)
    assert points == []
    points = history.trend("", series)
    assert [point.run for point in points] == [runs[0].id, runs[1].id]
    assert [point.versions.torch for point in points] == ["2.13.0", "2.14.0"]
    assert [point.result.median for point in points] == [
        line.results[1].median for line in _lines(history, runs[:2])
    ]
    assert len(history.trend(None, series)) == 3
    assert [point.run for point in history.trend(None, series, limit=1)] == [runs[5].id]
    clustered = history.trend(None, replace(series, machine="in a cluster"))
    assert [point.run for point in clustered] == [runs[4].id]


def _lines(history: History, runs: list[made.Run]) -> list[made.RunLine]:
    by_id = {line.id: line for line in history.runs(None)}
    return [by_id[run.id] for run in runs]


def test_machines_are_those_that_have_runs(history: History) -> None:
    history.add(made.run(replace(made.case(), machine="node b"), made.case()))
    history.add(made.run(machine=OTHER_MACHINE, owner="you"))
    history.add(made.run(machine=replace(made.MACHINE, memory_available_bytes=1), shared=True))
    found = history.machines(None)
    assert [(each.machine.cpu, each.runs, each.names) for each in found] == [
        ("A CPU", 2, ("node b",)),
        ("Another CPU", 1, ()),
    ]
    assert found[0].machine.memory_available_bytes == 1
    assert [each.machine.cpu for each in history.machines("nobody")] == ["A CPU"]


def test_a_run_that_is_too_large_is_refused_in_one_line(url: str | None, open_at: Open) -> None:
    history = open_at(url, bounds=Bounds(run_bytes=100))
    with pytest.raises(HistoryError, match=r"at most 100 are kept: measure fewer") as caught:
        history.add(made.run())
    assert "\n" not in str(caught.value)
    assert (history.runs(None), history.pending) == ([], 0)


def test_a_report_without_any_comparison_is_kept(history: History) -> None:
    run = replace(made.run(), report=replace(made.run().report, cases=(), complete=False))
    history.add(run)
    assert history.get(run.id) == run
    assert history.runs(None)[0].results == ()


def test_many_threads_may_use_it_at_once(history: History) -> None:
    runs = [made.run(made.case(rounds=4), owner=str(number % 3)) for number in range(24)]
    problems: list[BaseException] = []

    def work(mine: list[made.Run]) -> None:
        try:
            for run in mine:
                assert history.add(run) is Saved.WRITTEN
                assert history.get(run.id) == run
                assert run.id in {line.id for line in history.runs(run.owner)}
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            problems.append(error)

    threads = [threading.Thread(target=work, args=(runs[number::6],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(history.runs(None)) == 24


def test_text_that_a_database_might_not_take_is_kept(history: History) -> None:
    odd = "a\x00b\ud800c\n\u202e"
    case = made.case()
    engines = (replace(case.engines[0], problem=odd), case.engines[1])
    machine = Machine(odd, 1, 1, 1, 1, odd, (), odd, Versions(odd, None, None, None), (odd,))
    run = made.run(replace(case, engines=engines), machine=machine)
    assert history.add(run) is Saved.WRITTEN
    assert history.get(run.id) == run
    assert history.runs(None)[0].results[0].problem == "a b c"
