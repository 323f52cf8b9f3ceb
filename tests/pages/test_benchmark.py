"""The ONNX lab's Benchmark tab: the last run at once, a new one measured, bad input in one line."""

import dataclasses
import time
from collections.abc import Callable

import pytest
from streamlit.runtime.memory_media_file_storage import _calculate_file_id

import ui.benchmark.inputs
from core.benchmark.history import Run, record
from core.benchmark.jobs import JobState
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.program import program
from core.engines import EngineKind
from core.export.plan import Exporter, ExportPlan
from tests.core.benchmark.reports import case, report
from tests.pages.test_onnx import known
from tests.pages.visit import Visit, open_page
from ui.benchmark.desk import DEMO, measure_ahead, the_desk
from ui.onnx.inputs import BENCH_VIEWS

PAGE = "pages/onnx.py"
TAB = "Benchmark"
FAST = case({"eager": 2e-3, "ort": 1e-3})
PATIENCE_S = 300


@pytest.fixture(autouse=True)
def _exported() -> None:
    known(ExportPlan(exporter=Exporter.LEGACY))


def visit_tab(**query: str | list[str]) -> Visit:
    return open_page(PAGE, {"tab": TAB, "exporter": "legacy", **query})


def keep(plan: BenchmarkPlan = BenchmarkPlan()) -> Run:  # noqa: B008 - it cannot be changed
    run = record(plan, report(FAST), owner="", shared=True)
    the_desk().history.add(run)
    return run


def until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_the_last_run_of_this_machine_is_there_with_its_age() -> None:
    run = keep()
    visit = visit_tab()
    numbers = visit.numbers()
    assert numbers["Eager PyTorch, per call"] == "2 ms"
    assert numbers["ONNX Runtime"] == "2.00×"
    text = visit.text()
    assert "measured just now on" in text
    assert run.id in text


def test_without_a_run_it_says_so() -> None:
    visit = visit_tab()
    assert "This model has not been measured here yet." in visit.captions()
    assert visit.troubles() == []


def test_a_run_of_other_inputs_says_so() -> None:
    keep(BenchmarkPlan(batches=(1, 8, 64)))
    assert "The inputs above have changed since." not in visit_tab().text()
    assert "The inputs above have changed since." in visit_tab(batches="2").text()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"batches": "1000000"}, "The batch is 1,000,000: its inputs and layers would take about"),
        ({"batches": "0"}, "The batch is 0: choose a whole number from 1 to 256."),
        ({"threads": "999"}, "Got 999 threads, expected 1 to"),
        (
            {"batches": ", ".join(map(str, range(1, 65))), "threads": "1, 2"},
            "and at most 64 are measured at once",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_there_is_no_button(query: dict[str, str], said: str) -> None:
    run = keep()
    visit = visit_tab(**query)
    (trouble,) = visit.troubles()
    assert said in trouble
    assert "\n" not in trouble
    assert not [button for button in visit.app.button if button.key == "onnx:bench:start"]
    assert run.id in visit.text()


@pytest.mark.parametrize("text", ["", "one", "1;2", "-1", "1.5", "1e3", "٣"])
def test_what_is_no_list_of_numbers_is_one_line(text: str) -> None:
    (trouble,) = visit_tab().set(batches=text).troubles()
    assert trouble.startswith(f"Batches: got {text!r}, expected 1 to 64 whole numbers")


def test_no_engine_and_no_rounds_are_one_line() -> None:
    assert visit_tab().set(engines=[]).troubles() == ["There is no engine: choose one or more."]
    assert visit_tab().set(rounds=0).troubles() == ["Got 0 rounds, expected 1 to 1000: give a whole number."]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"engines": "The fastest one"}, "`engines=The fastest one` is not one of the choices on the page"),
        ({"batches": "many"}, "`batches=many` is no list of whole numbers"),
        ({"bench": "Who knows?"}, "`bench=Who knows?` is not one of"),
    ],
)
def test_a_link_that_cannot_be_used_is_said(query: dict[str, str], said: str) -> None:
    (notice,) = visit_tab(**query).notices()
    assert said in notice


def test_an_engine_that_cannot_be_had_is_said_before_it_is_measured() -> None:
    visit = visit_tab(engines=["Eager PyTorch", "Eager on Apple's GPU"])
    assert "Eager on Apple's GPU cannot be had here, and will be listed without a time." in visit.captions()
    assert visit.troubles() == []


def test_a_measurement_is_asked_for_waited_for_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever else this machine does, the rounds count.
    method = Method(most_foreign=1.0, least_seconds=0.0, samples=10)
    monkeypatch.setattr(ui.benchmark.inputs, "Method", lambda: method)
    visit = visit_tab(batches="1", rounds="20", engines=["Eager PyTorch", "Eager, recording gradients"])
    visit.app.button(key="onnx:bench:start").click()
    visit.run()
    (held,) = the_desk().jobs(str(visit.get("visitor")))
    assert held.plan == BenchmarkPlan(
        engines=(EngineKind.EAGER, EngineKind.EAGER_GRAD), method=dataclasses.replace(method, least_rounds=20)
    )
    assert not [button for button in visit.app.button if button.key == "onnx:bench:start"]
    assert [button for button in visit.app.button if button.key == "onnx:bench:cancel"]
    until(lambda: the_desk().held(held.job).settled)
    visit.run()
    assert the_desk().held(held.job).status.state is JobState.DONE
    numbers = visit.numbers()
    assert {"Eager PyTorch, per call", "Eager, recording gradients"} <= set(numbers)
    assert the_desk().held(held.job).runs[0] in visit.text()


def test_a_measurement_is_given_up() -> None:
    visit = visit_tab(batches="1, 2, 4, 8, 16, 32", rounds="1000")
    visit.app.button(key="onnx:bench:start").click()
    visit.run()
    (held,) = the_desk().jobs(str(visit.get("visitor")))
    visit.app.button(key="onnx:bench:cancel").click()
    visit.run()
    until(lambda: the_desk().held(held.job).settled)
    visit.run()
    assert "It was given up" in visit.captions()
    assert [button for button in visit.app.button if button.key == "onnx:bench:start"]


def test_a_measurement_that_is_not_taken_is_one_line() -> None:
    visit = visit_tab()
    who = str(visit.get("visitor"))
    # Two tabs of one browser: this one still has its button when the other has asked for two.
    for _ in range(2):
        the_desk().submit(BenchmarkPlan(batches=(1, 2, 4, 8)), who)
    visit.app.button(key="onnx:bench:start").click()
    visit.run()
    assert len(the_desk().jobs(who)) == 2
    assert visit.troubles() == [
        "You have 2 measurements waiting or running, and may have 2: wait for one, or give one up."
    ]


def test_the_worked_example_is_measured_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[tuple[object, str, bool]] = []
    monkeypatch.setattr(
        type(the_desk()), "submit", lambda _, plan, who, *, shared: submitted.append((plan, who, shared))
    )
    monkeypatch.setenv("UTH_MEASURE_AT_START", "false")
    measure_ahead()
    assert submitted == []
    monkeypatch.setenv("UTH_MEASURE_AT_START", "true")
    measure_ahead()
    assert submitted == [(DEMO, "", True)]
    keep()
    measure_ahead()
    assert len(submitted) == 1


@pytest.mark.parametrize("view", BENCH_VIEWS)
def test_every_question_has_its_link(view: str) -> None:
    visit = visit_tab(bench=view)
    assert visit.notices() == []
    assert visit.troubles() == []


def test_the_program_of_the_inputs_is_taken_away() -> None:
    visit = open_page(PAGE, {"tab": "Take it away", "exporter": "legacy", "batches": "3"})
    expected = program(BenchmarkPlan(batches=(3,)))
    assert _calculate_file_id(expected.encode(), "text/x-python", "benchmark.py") in visit.text()


def test_the_program_of_a_run_is_taken_away() -> None:
    run = keep(BenchmarkPlan(batches=(5,)))
    visit = visit_tab()
    assert _calculate_file_id(program(run.plan).encode(), "text/x-python", "benchmark.py") in visit.text()
