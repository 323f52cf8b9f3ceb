"""The page of runs: the list, one run by its link, several side by side, over time, from a file, deleted."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from core.benchmark.history import Run, record, write_json
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport
from tests.core.benchmark.reports import case, report
from tests.pages.visit import Visit, open_page
from ui.benchmark.desk import the_desk
from ui.runs.inputs import VIEWS

PAGE = "pages/runs.py"
FAST = case({"eager": 2e-3, "ort": 1e-3})
SLOW = case({"eager": 1e-3, "ort": 3e-3}, batch=8)
WRONG = case({"eager": 2e-3, "ort-int8-dynamic": 1e-3}, wrong=["ort-int8-dynamic"], model="cnn")


def keep(*cases: CaseReport, owner: str = "", shared: bool = True, days: int = 0) -> Run:
    models = tuple(dict.fromkeys(each.model for each in cases))
    started = datetime.now(UTC) - timedelta(days=days)
    run = record(BenchmarkPlan(models=models), report(*cases), owner=owner, shared=shared, started=started)
    the_desk().history.add(run)
    return run


def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MODE", "local")


def test_an_empty_history_says_where_to_begin() -> None:
    visit = open_page(PAGE)
    assert "the ONNX lab's Benchmark tab does" in visit.captions()
    assert visit.troubles() == []


def test_the_list_has_a_line_per_run_the_newest_first() -> None:
    older, newer = keep(FAST, SLOW, days=3), keep(WRONG)
    (rows,) = open_page(PAGE).tables()
    assert [row["open"] for row in rows] == [f"/runs?run={newer.id}", f"/runs?run={older.id}"]
    assert rows[0]["result"] == "▲ ONNX Runtime, int8 dynamic 2.00× ✗ other numbers"
    assert rows[1]["result"] == "◆ ONNX Runtime 0.333× to 2.00×"


def test_a_link_opens_a_run_with_its_numbers_words_and_settings() -> None:
    run = keep(FAST, SLOW, days=3)
    visit = open_page(PAGE, {"run": run.id})
    assert visit.numbers() == {"Eager PyTorch, per call": "2 ms", "ONNX Runtime": "2.00×"}
    text = visit.text()
    assert "faster at batch 1 (2.00 times as fast), slower at batch 8 (3.00 times as long per call)" in text
    assert "3 days ago" in text
    for fact in (run.machine_id, run.versions_id, *run.model_ids.values(), run.id):
        assert fact in text
    rows = visit.tables()[0]
    assert [(row["engine"], row["verdict"]) for row in rows] == [
        ("Eager PyTorch", "the baseline"),
        ("ONNX Runtime", "▲ faster"),
    ]


def test_another_comparison_of_the_run_is_chosen() -> None:
    run = keep(FAST, SLOW)
    visit = open_page(PAGE, {"run": run.id}).put({f"run:{run.id}:case": "batch 8"})
    assert visit.numbers() == {"Eager PyTorch, per call": "1 ms", "ONNX Runtime": "0.333×"}


def test_other_numbers_are_said_beside_the_speed() -> None:
    visit = open_page(PAGE, {"run": keep(WRONG).id})
    assert "✗ ONNX Runtime, int8 dynamic" in visit.numbers()
    assert "does not give the same numbers; faster" in visit.text()
    assert visit.verdict().startswith("✗")


@pytest.mark.parametrize("number", ["x" * 22, "<script>alert(1)</script>", "a" * 5000])
def test_a_link_to_no_run_is_one_line_and_the_list(number: str) -> None:
    run = keep(FAST)
    visit = open_page(PAGE, {"run": number})
    assert visit.troubles() == [
        "There is no such run here: it may have been deleted, or the link is not complete."
    ]
    assert visit.tables()[0][0]["open"] == f"/runs?run={run.id}"


def test_a_hosted_visitor_lists_the_shared_runs_and_their_own_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UTH_MODE", "hosted")
    shared, foreign = keep(FAST), keep(FAST, owner="another visitor", shared=False)
    visit = open_page(PAGE)
    mine = keep(FAST, owner=str(visit.get("visitor")), shared=False)
    (rows,) = visit.run().tables()
    assert [row["open"] for row in rows] == [f"/runs?run={mine.id}", f"/runs?run={shared.id}"]
    # Who was given the link may see it, and not delete it.
    opened = open_page(PAGE, {"run": foreign.id})
    assert "ONNX Runtime" in opened.numbers()
    assert not [button for button in opened.app.button if button.key == "runs:delete"]
    assert "another visitor" not in opened.text()


def test_on_ones_own_machine_all_runs_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch)
    keep(FAST, owner="an earlier visit", shared=False)
    (rows,) = open_page(PAGE).tables()
    assert len(rows) == 1


def test_a_run_is_deleted_and_the_list_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch)
    run, other = keep(FAST), keep(SLOW)
    visit = open_page(PAGE, {"run": run.id})
    visit.app.button(key="runs:delete").click()
    visit.run()
    assert the_desk().history.get(run.id) is None
    assert [row["open"] for row in visit.tables()[0]] == [f"/runs?run={other.id}"]


def test_runs_stand_side_by_side_by_a_link() -> None:
    one, two = keep(FAST), keep(case({"eager": 2e-3, "ort": 0.5e-3}))
    visit = open_page(PAGE, {"view": VIEWS[1], "compare": [one.id, two.id]})
    assert "The same machine, libraries, weights and method." in visit.text()
    rows = visit.tables()[0]
    assert [row["engine"] for row in rows] == ["Eager PyTorch", "ONNX Runtime"]
    assert rows[1][""] == "✗ intervals apart"
    cells = [value for key, value in rows[1].items() if str(key).startswith(("1:", "2:"))]
    assert cells == ["1 ms · 2.00× (2.00× to 2.00×)", "500 µs · 4.00× (4.00× to 4.00×)"]


def test_a_run_that_is_gone_is_said_and_one_alone_is_not_compared() -> None:
    run = keep(FAST)
    visit = open_page(PAGE, {"view": VIEWS[1], "compare": [run.id, "y" * 22]})
    assert visit.troubles() == [
        "Not here: yyyyyyyy. They may have been deleted, or the link is not complete.",
        "Got 1 runs to compare: choose 2 to 6.",
    ]


def test_one_engine_is_followed_over_time() -> None:
    for days in (2, 1, 0):
        keep(case({"eager": 2e-3, "ort": (3 - days) * 1e-3}), days=days)
    visit = open_page(PAGE, {"view": VIEWS[2]})
    assert [row["median"] for row in visit.tables()[0]] == ["2 ms"] * 3
    choice = visit.app.selectbox(key="runs:series")
    ort = next(each for each in choice.options if each.startswith("ONNX Runtime"))
    choice.select(ort)
    visit.run()
    assert [row["median"] for row in visit.tables()[0]] == ["3 ms", "2 ms", "1 ms"]


def test_the_machine_that_measures_is_listed() -> None:
    visit = open_page(PAGE, {"view": VIEWS[3]})
    (rows,) = visit.tables()
    assert len(rows) == 1
    assert rows[0][""] == "✓ measures"
    assert "You have asked for no measurement" in visit.captions()


def test_a_run_comes_from_a_file_and_is_marked() -> None:
    run = record(BenchmarkPlan(), report(FAST), owner="somebody else")
    visit = open_page(PAGE, {"view": VIEWS[4]})
    visit.app.file_uploader(key="runs:file").upload("run.json", write_json(run), "application/json")
    visit.run()
    (line,) = the_desk().history.runs(None)
    assert line.imported
    assert line.id != run.id
    assert "from a file: what it says of its machine is its sender's claim" in visit.text()
    assert visit.numbers()["ONNX Runtime"] == "2.00×"


def test_a_file_that_claims_more_than_its_rounds_say_is_computed_anew() -> None:
    honest = record(BenchmarkPlan(), report(FAST), owner="")
    claims = case({"eager": 9e-3, "ort": 1e-3}).engines
    lie = dataclasses.replace(honest, report=report(dataclasses.replace(FAST, engines=claims)))
    visit = open_page(PAGE, {"view": VIEWS[4]})
    visit.app.file_uploader(key="runs:file").upload("run.json", write_json(lie), "application/json")
    visit.run()
    assert visit.numbers() == {"Eager PyTorch, per call": "2 ms", "ONNX Runtime": "2.00×"}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff\xfe", json.dumps({"version": 99}).encode(), b"[" * 100_000]
)
def test_a_file_that_is_no_run_is_one_line(data: bytes) -> None:
    visit = open_page(PAGE, {"view": VIEWS[4]})
    visit.app.file_uploader(key="runs:file").upload("run.json", data, "application/json")
    visit.run()
    (said,) = visit.troubles()
    assert "\n" not in said
    assert the_desk().history.runs(None) == []


def test_a_reset_leads_back_to_the_list() -> None:
    run = keep(FAST)
    visit: Visit = open_page(PAGE, {"run": run.id})
    visit.app.button(key="runs:reset").click()
    visit.run()
    assert visit.tables()[0][0]["open"] == f"/runs?run={run.id}"
    assert "run" not in visit.app.query_params


def test_a_database_that_is_away_is_said_and_runs_are_kept_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on the port that is for discarding.
    monkeypatch.setenv("UTH_DATABASE_URL", "postgresql://somebody:CANARY-7f3a@127.0.0.1:9/runs")
    run = keep(FAST)
    visit = open_page(PAGE)
    (said,) = visit.troubles()
    assert "1 run waits in a file, to be written when that is over." in said
    assert [row["open"] for row in visit.tables()[0]] == [f"/runs?run={run.id}"]
    assert "waits for the database" in visit.text()
    opened = open_page(PAGE, {"run": run.id})
    assert opened.numbers()["ONNX Runtime"] == "2.00×"
    for page in (visit, opened):
        assert "CANARY-7f3a" not in page.text()
