"""The Benchmark tab in a browser: the run that is there at once, measurements that go on, losses, looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.benchmark_lab import (
    NO_COMPARISON,
    answering_app,
    await_end,
    await_rounds,
    bench,
    coordinator_of,
    give_up,
    keep,
    kill,
    made_up,
    panel,
    process_of,
    quick_app,
    recorded,
    rows,
    runs,
    start,
    until,
)
from tests.browser.conftest import TROUBLE
from tests.browser.hooks_lab import SLOW_MS
from tests.browser.lab import contrast
from tests.browser.server import Server, serve
from tests.browser.visitor import Visitor
from ui.onnx.inputs import BENCH_VIEWS

NewVisitor = Callable[..., Visitor]
ENDLESS: Mapping[str, str] = {"batches": "1, 2, 4, 8, 16, 32", "rounds": "1000"}
QUICK: Mapping[str, str] = {"batches": "1", "rounds": "20"}
ASKS = (
    "Measure it fairly and unfairly",
    "Find the fastest",
    "Measure the roof and the engines",
    "Profile both",
)
MEASURED = re.compile(r": measured (just now|\d+ (minute|hour|day)s? ago) on ")
GIVEN_UP = "It was given up; what was measured by then is here."


def serving(folder: Path, **environment: str) -> AbstractContextManager[Server]:
    """A server of its own that measures in few seconds."""
    script, needed = quick_app(folder)
    return serve(folder, script, {**needed, **environment})


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that measures in earnest; its log must stay without trouble."""
    with serving(tmp_path_factory.mktemp("benchmark")) as server:
        yield server.url
        log = server.log.read_text()
        # What measures ends with the server.
        below = process_of(server.url).children(recursive=True)
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log
    _, alive = psutil.wait_procs(below, timeout=30)
    assert alive == []


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has a made-up answer to each question at once, and a finished run."""
    folder = tmp_path_factory.mktemp("answers")
    keep(folder, made_up(1), made_up(8, faster=1.5), made_up(64, faster=0.7))
    script, environment = answering_app(folder)
    with serve(folder, script, environment) as server:
        yield server.url
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log


def result(page: Page) -> str:
    """The line above the numbers of the run that is shown."""
    expect(panel(page).get_by_text(MEASURED)).to_be_visible(timeout=SLOW_MS)
    return panel(page).get_by_text(MEASURED).inner_text()


def expect_result(page: Page) -> None:
    """A run with its verdict, or with the words that too few rounds count on a busy machine."""
    expect(panel(page).get_by_text(MEASURED)).to_be_visible(timeout=SLOW_MS)
    said = panel(page).locator(".uth-verdict .what")
    expect(said).to_have_text(
        re.compile(rf"^(✓ ONNX Runtime: (faster|slower|cannot tell here)|✗ {NO_COMPARISON})")
    )
    if NO_COMPARISON not in said.inner_text():
        expect(panel(page).locator(".uth-number", has_text="Eager PyTorch").locator(".value")).to_have_text(
            re.compile(r"^\d[\d.]* (ns|µs|ms|s)$")
        )
        expect(panel(page).locator(".uth-number", has_text="ONNX Runtime").locator(".value")).to_have_text(
            re.compile(r"^\d[\d.,]*×$")
        )
    table = rows(panel(page))
    expect(table.filter(has_text="Eager PyTorch").first).to_be_attached()
    expect(table.filter(has_text="ONNX Runtime").first).to_be_attached()


def wide(page: Page) -> bool:
    """Whether the page can be moved sideways."""
    found: bool = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth > main.clientWidth")
    return found


def at(visitor: Visitor, address: str) -> Visitor:
    """The visitor, at another server."""
    visitor.origin = address
    return visitor


# The run that is there at once.


def test_the_worked_example_is_measured_after_the_start_without_a_click(
    new_visitor: NewVisitor, tmp_path: Path
) -> None:
    with serving(tmp_path, UTH_MEASURE_AT_START="true") as server:
        visitor = at(new_visitor(), server.url)
        visitor.open(bench())
        page = visitor.page
        # Nobody presses anything: the server exports the worked example first, then it measures.
        says = panel(page).get_by_text("The worked example is measured after the server's start")
        expect(says).to_be_visible(timeout=SLOW_MS)
        expect(panel(page).get_by_test_id("stProgress")).to_be_visible()
        # It is nobody's to give up.
        expect(give_up(page)).to_have_count(0)
        expect(panel(page).get_by_text(MEASURED)).to_be_visible(timeout=4 * SLOW_MS)
        expect_result(page)
        assert re.search(r"measured (just now|\d minutes? ago) on ", result(page))
        page.close()
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log
    (run,) = recorded(tmp_path)
    assert run.shared
    assert run.owner == ""
    assert [(case.model, case.batch) for case in run.report.cases] == [
        ("simple_mlp", 1),
        ("simple_mlp", 8),
        ("simple_mlp", 64),
    ]


def test_a_server_whose_machine_was_measured_shows_it_and_measures_nothing(
    new_visitor: NewVisitor, tmp_path: Path
) -> None:
    run = keep(tmp_path, made_up(1), made_up(8), made_up(64), days=2)
    with serving(tmp_path, UTH_MEASURE_AT_START="true") as server:
        visitor = at(new_visitor(), server.url)
        visitor.open(bench())
        page = visitor.page
        expect_result(page)
        assert "measured 2 days ago on" in result(page)
        expect(panel(page).get_by_test_id("stProgress")).to_have_count(0)
        measures = [child.cmdline() for child in process_of(server.url).children(recursive=True)]
        assert not [line for line in measures if "core.benchmark.coordinator" in line]
        page.close()
    assert [each.id for each in recorded(tmp_path)] == [run.id]


# Measurements that go on.


def test_a_measurement_is_asked_for_and_its_run_is_kept(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(bench(**QUICK))
    start(page)
    await_end(page)
    expect_result(page)
    assert "measured just now on" in result(page) or "minute" in result(page)
    expect(panel(page).locator(".uth-error")).to_have_count(0)
    page.get_by_role("link", name="This run, to keep and to compare").click()
    expect(page).to_have_url(re.compile(r"/runs\?run=[\w-]{16,}"))
    expect(page.get_by_role("button", name="JSON", exact=True)).to_be_visible()
    expect(page.locator(".uth-verdict")).to_be_visible()


def test_a_measurement_goes_on_while_the_visitor_is_away(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(bench(batches="1, 2", rounds="20"))
    start(page)
    page.get_by_test_id("stHeader").get_by_role("link", name="Autograd").click()
    expect(page.locator("h1")).to_have_text("Autograd")
    visitor.open(bench(batches="1, 2", rounds="20"))
    # On return and after a reload it is the same one: it runs, or it is over by now.
    page.reload()
    visitor.wait()
    await_end(page)
    expect_result(page)
    expect(panel(page).get_by_role("radio", name="batch 2")).to_be_visible()
    expect(panel(page).get_by_text("The inputs above have changed since")).to_have_count(0)
    visitor.open("/runs?view=Machines")
    expect(page.get_by_text(re.compile("^Benchmark: done"))).to_be_visible()


def test_a_measurement_is_given_up_and_what_was_measured_is_kept(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(bench(**ENDLESS))
    start(page)
    await_rounds(page)
    give_up(page).click()
    await_end(page)
    expect(panel(page).get_by_text(GIVEN_UP)).to_be_visible()
    expect_result(page)
    page.get_by_role("link", name="This run, to keep and to compare").click()
    expect(page.get_by_role("button", name="JSON", exact=True)).to_be_visible()


def test_a_second_visitor_waits_in_line_and_is_told(new_visitor: NewVisitor) -> None:
    first, second = new_visitor(), new_visitor()
    first.open(bench(**ENDLESS))
    start(first.page)
    await_rounds(first.page)
    second.open(bench(**QUICK))
    start(second.page)
    expect(panel(second.page).get_by_text("Waiting: 1 measurement before yours")).to_be_visible()
    # Each has a button of their own alone: the first one's leaves the other's in line.
    give_up(first.page).click()
    await_end(first.page)
    await_end(second.page)
    expect_result(second.page)
    expect(panel(first.page).get_by_text(GIVEN_UP)).to_be_visible()
    expect(panel(second.page).get_by_text(GIVEN_UP)).to_have_count(0)


# Losses.


def test_a_measuring_process_that_is_killed_is_one_line_and_the_next_one_works(
    new_visitor: NewVisitor, tmp_path: Path
) -> None:
    # A server of its own: its log has what became of the processes.
    with serving(tmp_path) as server:
        visitor = at(new_visitor(), server.url)
        page = visitor.page
        visitor.open(bench(**ENDLESS))
        start(page)
        await_rounds(page)
        lost = coordinator_of(visitor.origin)
        below = lost.children(recursive=True)
        kill(lost)
        await_end(page)
        said = panel(page).locator(".uth-error")
        expect(said).to_have_count(1)
        assert "\n" not in said.inner_text().strip()
        for trace in ("Traceback", "Error:", ".py"):
            assert trace not in said.inner_text()
        # Its engines end with it.
        _, alive = psutil.wait_procs(below, timeout=30)
        assert alive == []
        visitor.open(bench(**QUICK))
        start(page)
        await_end(page)
        expect(panel(page).locator(".uth-error")).to_have_count(0)
        expect_result(page)
        assert coordinator_of(visitor.origin).pid != lost.pid
        page.close()


def test_a_server_that_is_killed_loses_nothing_that_was_recorded(
    new_visitor: NewVisitor, tmp_path: Path
) -> None:
    before = keep(tmp_path, made_up(1), days=1)
    with serving(tmp_path) as server:
        visitor = at(new_visitor(), server.url)
        page = visitor.page
        visitor.open(bench(**QUICK))
        start(page)
        await_end(page)
        (finished,) = [run for run in recorded(tmp_path) if run.id != before.id]
        visitor.open(bench(**ENDLESS))
        start(page)
        await_rounds(page)
        lost = process_of(server.url)
        below = lost.children(recursive=True)
        assert below
        # The browser would say that its server is gone.
        page.context.close()
        kill(lost)
        _, alive = psutil.wait_procs(below, timeout=30)
        assert alive == []
    assert {run.id for run in recorded(tmp_path)} == {before.id, finished.id}
    with serving(tmp_path) as server:
        visitor = at(new_visitor(), server.url)
        page = visitor.page
        visitor.open(runs())
        for run in (before, finished):
            expect(rows(page.get_by_test_id("stMain")).filter(has_text=run.id)).to_have_count(1)
        visitor.open(bench(**QUICK))
        expect_result(page)
        start(page)
        await_end(page)
        expect_result(page)
        assert len(recorded(tmp_path)) == 3
        page.context.close()
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log


def test_a_database_that_is_away_keeps_no_run_from_being_measured_and_shown(
    new_visitor: NewVisitor, tmp_path: Path
) -> None:
    # Nothing listens on the port that is for discarding.
    away = {"UTH_DATABASE_URL": "postgresql://somebody:CANARY-7f3a@127.0.0.1:9/runs"}
    with serving(tmp_path, **away) as server:
        visitor = at(new_visitor(), server.url)
        page = visitor.page
        visitor.open(bench(**QUICK))
        start(page)
        await_end(page)
        said = panel(page).locator(".uth-error").first
        expect(said).to_contain_text("1 run waits in a file, to be written when that is over.")
        expect_result(page)
        visitor.open(runs())
        expect(rows(page.get_by_test_id("stMain")).filter(has_text="waits for the database")).to_have_count(1)
        assert "CANARY" not in page.content()
        page.close()
        assert "CANARY" not in server.log.read_text()
        assert "Traceback" not in server.log.read_text()
    waiting = until(lambda: list((tmp_path / "data/waiting").iterdir()))
    assert not [path for path in waiting if b"CANARY" in path.read_bytes()]


# What cannot be measured.


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"batches": "1000000"}, "The batch is 1,000,000: its inputs and layers would take about"),
        ({"threads": "999"}, "Got 999 threads, expected 1 to"),
        ({"bench": BENCH_VIEWS[3], "examples": "1000000"}, "The batch is 1,000,000: "),
        ({"bench": BENCH_VIEWS[4], "cores": "999"}, "Got 999 threads, expected 1 to"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_has_no_button(
    visitor: Visitor, query: dict[str, str], said: str
) -> None:
    visitor.open(bench(**query))
    error = panel(visitor.page).locator(".uth-error")
    expect(error).to_have_count(1)
    expect(error).to_contain_text(said)
    for label in ("Measure", *ASKS):
        expect(visitor.page.get_by_role("button", name=label, exact=True)).to_have_count(0)


def test_garbage_in_a_link_is_one_notice(visitor: Visitor) -> None:
    bait = "<img src=x onerror=alert(1)>"
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(bench(bench=bait, engines=bait, batches=bait, threads="-1", rounds="1e9", spin=bait))
    page = visitor.page
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_role("button", name="Measure", exact=True)).to_be_visible()
    assert page.locator('img[src="x"]').count() == 0


# How it looks.


def answered(visitor: Visitor, answers: str, view: str, **query: str) -> Page:
    """A question's view with its answer."""
    at(visitor, answers).open(bench(bench=view, **query))
    if view != BENCH_VIEWS[0]:
        label = ASKS[BENCH_VIEWS.index(view) - 1]
        visitor.page.get_by_role("button", name=label, exact=True).click()
    expect(panel(visitor.page).locator(".uth-verdict")).to_be_visible(timeout=SLOW_MS)
    visitor.wait()
    return visitor.page


@pytest.mark.parametrize("view", BENCH_VIEWS)
def test_a_projector_shows_it_large_and_nothing_is_cut_off(
    new_visitor: NewVisitor, answers: str, view: str
) -> None:
    page = answered(new_visitor(), answers, view, projector="true")
    texts = panel(page).locator(
        ".js-plotly-plot .xtick text, .js-plotly-plot .ytick text, .js-plotly-plot .legendtext, "
        ".uth-number .what, .uth-number .said, .uth-verdict .why, .uth-said li, .uth-reason"
    )
    expect(texts.first).to_be_visible()
    sizes = texts.evaluate_all("texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize))")
    assert min(sizes) >= 16
    values = panel(page).locator(".uth-number .value")
    sizes = values.evaluate_all("texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize))")
    assert min(sizes) >= 24
    assert not wide(page)


@pytest.mark.parametrize("view", BENCH_VIEWS)
def test_a_phone_shows_it_without_moving_sideways(new_visitor: NewVisitor, answers: str, view: str) -> None:
    page = answered(new_visitor(viewport={"width": 390, "height": 844}), answers, view)
    assert not wide(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", BENCH_VIEWS)
def test_an_answer_can_be_read_in_both_themes(
    new_visitor: NewVisitor, answers: str, view: str, scheme: str
) -> None:
    page = answered(new_visitor(color_scheme=scheme), answers, view)
    texts = panel(page).locator(
        ".uth-number .what, .uth-number .value, .uth-number .said, .uth-verdict .what, .uth-verdict .why, "
        ".uth-said li, .uth-reason, .js-plotly-plot .xtick text, .js-plotly-plot .xtitle, "
        ".js-plotly-plot .legendtext"
    )
    expect(texts.first).to_be_visible()
    assert [text.text_content() for text in texts.all() if contrast(text) < 4.5] == []


def test_the_graph_of_a_profile_is_drawn_with_both_times(visitor: Visitor, answers: str) -> None:
    page = answered(visitor, answers, BENCH_VIEWS[4])
    nodes = panel(page).get_by_test_id("stGraphVizChart").locator("g.node")
    expect(nodes).to_have_count(3)
    expect(nodes.first).to_contain_text("ONNX Runtime 6 µs")
    expect(nodes.first).to_contain_text("PyTorch's module 12 µs")
