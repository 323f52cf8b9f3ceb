"""The page of runs in a browser: whose runs are listed, a run by its link, comparisons, files in and out."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.benchmark.history import Run, read_json
from tests.browser.benchmark_lab import REJECTED, ROUNDS, keep, made_up, recorded, rows, runs
from tests.browser.conftest import TROUBLE
from tests.browser.hooks_lab import SLOW_MS
from tests.browser.lab import contrast
from tests.browser.server import serve
from tests.browser.visitor import Visitor
from tests.core.benchmark.reports import AGAIN
from ui.visitor import COOKIE

NewVisitor = Callable[..., Visitor]
CLAIM = "from a file: what it says of its machine is its sender's claim"
MINE, THEIRS = "m" * 32, "t" * 32


@dataclass(frozen=True)
class House:
    """A hosted server with runs: two that all may see, and one of each of two visitors."""

    url: str
    older: Run
    newer: Run
    mine: Run
    theirs: Run


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("runs")
    older = keep(folder, made_up(1), made_up(8, faster=0.5), days=3)
    newer = keep(folder, made_up(1, faster=3.0, seed=7), made_up(8, faster=0.5, seed=7), days=1)
    mine = keep(folder, made_up(2), owner=MINE, shared=False)
    theirs = keep(folder, made_up(4, wrong=True), owner=THEIRS, shared=False)
    with serve(folder, environment={"UTH_MODE": "hosted"}) as server:
        yield House(server.url, older, newer, mine, theirs)
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log


@pytest.fixture(scope="module")
def app_url(house: House) -> str:
    return house.url


def known_as(visitor: Visitor, token: str) -> Page:
    """A visitor who was here before, under this number."""
    visitor.page.context.add_cookies([{"name": COOKIE, "value": token, "url": visitor.origin}])
    return visitor.page


def links(page: Page) -> Locator:
    """The rows of the list."""
    return rows(page.get_by_test_id("stMain"))


def numbers(page: Page) -> dict[str, str]:
    """The large numbers by the line above each."""
    cards = page.locator(".uth-number")
    expect(cards.first).to_be_visible()
    return {card.locator(".what").inner_text(): card.locator(".value").inner_text() for card in cards.all()}


def expect_listed(page: Page, *shown: Run, hidden: tuple[Run, ...] = ()) -> None:
    for run in shown:
        expect(links(page).filter(has_text=run.id)).to_have_count(1)
    for run in hidden:
        expect(links(page).filter(has_text=run.id)).to_have_count(0)


def wide(page: Page) -> bool:
    """Whether the page can be moved sideways."""
    found: bool = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth > main.clientWidth")
    return found


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


# Whose runs.


def test_two_visitors_list_the_shared_runs_and_their_own(new_visitor: NewVisitor, house: House) -> None:
    for token, own, foreign in ((MINE, house.mine, house.theirs), (THEIRS, house.theirs, house.mine)):
        visitor = new_visitor()
        page = known_as(visitor, token)
        visitor.open(runs())
        expect_listed(page, house.older, house.newer, own, hidden=(foreign,))
    stranger = new_visitor()
    stranger.open(runs())
    expect_listed(stranger.page, house.older, house.newer, hidden=(house.mine, house.theirs))


def test_a_browser_gets_a_number_that_scripts_cannot_read(visitor: Visitor) -> None:
    visitor.open(runs())
    (cookie,) = [each for each in visitor.page.context.cookies() if each.get("name") == COOKIE]
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", str(cookie.get("value")))
    assert cookie.get("httpOnly")
    assert cookie.get("sameSite") == "Lax"
    visitor.page.reload()
    visitor.wait()
    (again,) = [each for each in visitor.page.context.cookies() if each.get("name") == COOKIE]
    assert again.get("value") == cookie.get("value")


def test_whoever_has_the_link_sees_the_run_and_cannot_delete_it(
    new_visitor: NewVisitor, house: House
) -> None:
    visitor = new_visitor()
    page = known_as(visitor, MINE)
    visitor.open(runs(run=house.theirs.id))
    expect(page.locator(".uth-verdict .what")).to_have_text("✗ ONNX Runtime: faster")
    expect(page.get_by_text("does not give the same numbers; faster")).to_be_visible()
    expect(page.get_by_role("button", name="JSON", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_have_count(0)
    assert THEIRS not in page.content()
    # Nor a shared one, which is the server's.
    visitor.open(runs(run=house.older.id))
    expect(page.get_by_role("button", name="JSON", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_have_count(0)


def test_ones_own_run_is_deleted_for_all(new_visitor: NewVisitor, tmp_path: Path) -> None:
    gone, other = (
        keep(tmp_path, made_up(batch), owner=MINE, shared=False) for batch in (1, 2)
    )  # fmt: skip
    with serve(tmp_path, environment={"UTH_MODE": "hosted"}) as server:
        visitor, guest = new_visitor(), new_visitor()
        visitor.origin = guest.origin = server.url
        page = known_as(visitor, MINE)
        visitor.open(runs(run=gone.id))
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete this run", exact=True).click()
        expect_listed(page, other, hidden=(gone,))
        expect(page).not_to_have_url(re.compile("run="))
        guest.open(runs(run=gone.id))
        expect(guest.page.locator(".uth-error")).to_contain_text("There is no such run here")
        for each in (visitor, guest):
            each.page.close()
    assert [run.id for run in recorded(tmp_path)] == [other.id]


# One run.


def test_a_run_opens_with_its_numbers_words_figures_and_facts(visitor: Visitor, house: House) -> None:
    visitor.open(runs(run=house.older.id))
    page = visitor.page
    expect(page.get_by_text("measured 3 days ago")).to_be_visible()
    shown = numbers(page)
    assert shown["Eager PyTorch, per call"].endswith(" ms")
    assert re.fullmatch(r"(1\.9\d|2\.0\d)×", shown["ONNX Runtime"])
    said = page.locator(".uth-said")
    expect(said).to_contain_text("faster at batch 1")
    expect(said).to_contain_text("slower at batch 8")
    expect(said).to_contain_text(f"⚠ {REJECTED}")
    # Ratios, distribution, the sweep, and the meter of what others used.
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    for name in ("How many times as fast", "Over the batch", "What others used of this machine"):
        expect(page.get_by_text(name).first).to_be_visible()
    expect(rows(page.get_by_test_id("stMain")).filter(has_text="the baseline").first).to_be_attached()
    page.get_by_role("radio", name="batch 8").click()
    expect(page.locator(".uth-number", has_text="ONNX Runtime").locator(".value")).to_have_text(
        re.compile(r"^0\.(49|50|51)\d*×$|^0\.5×$")
    )
    page.get_by_text("How and where it was measured").click()
    facts = page.get_by_test_id("stTable")
    for fact in (house.older.machine_id, house.older.versions_id, house.older.id, "blocks of 50 ms"):
        expect(facts).to_contain_text(fact)
    expect(page.locator(".uth-error")).to_have_count(0)


def test_every_figure_can_be_saved_as_a_picture(visitor: Visitor, house: House, tmp_path: Path) -> None:
    visitor.open(runs(run=house.older.id))
    page = visitor.page
    figures = page.locator(".js-plotly-plot")
    expect(figures).to_have_count(4)
    for number, name in enumerate(("ratios", "distribution", "batch-sweep", "foreign-cpu")):
        figures.nth(number).hover()
        save = figures.nth(number).locator(".modebar-btn")
        expect(save).to_have_count(1)
        with page.expect_download() as waiting:
            save.click()
        assert waiting.value.suggested_filename == f"{name}.png"
        path = tmp_path / f"{name}.png"
        waiting.value.save_as(path)
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_csv_has_a_line_per_engine_and_round(visitor: Visitor, house: House, tmp_path: Path) -> None:
    visitor.open(runs(run=house.older.id))
    path = download(visitor.page, "CSV", tmp_path)
    assert path.name == f"run-{house.older.id}.csv"
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    # Two comparisons; eager runs twice in each round.
    expected = {
        (str(case.batch), str(one.number), engine): seconds
        for case in house.older.report.cases
        for one in case.rounds
        for engine, seconds in one.seconds.items()
    }
    assert len(expected) == len(lines) == 2 * 3 * ROUNDS
    found = {
        (line["batch"], line["round"], AGAIN if line["twin"] == "true" else line["engine"]): float(
            line["seconds_per_call"]
        )
        for line in lines
    }
    assert found == expected


def test_json_comes_in_again_elsewhere_with_the_same_numbers_as_a_claim(
    new_visitor: NewVisitor, house: House, tmp_path: Path
) -> None:
    visitor = new_visitor()
    visitor.open(runs(run=house.newer.id))
    before = numbers(visitor.page)
    path = download(visitor.page, "JSON", tmp_path)
    assert path.name == f"run-{house.newer.id}.json"
    assert json.loads(path.read_text(encoding="utf-8"))
    assert read_json(path.read_bytes()).report == house.newer.report
    with serve(tmp_path) as server:
        guest = new_visitor()
        guest.origin = server.url
        guest.open(runs(view="From a file"))
        page = guest.page
        page.locator("input[type=file]").set_input_files(path)
        expect(page.get_by_text(CLAIM)).to_be_visible(timeout=SLOW_MS)
        assert numbers(page) == before
        (run,) = recorded(tmp_path)
        expect(page).to_have_url(re.compile(f"run={run.id}"))
        page.get_by_role("button", name="All runs").click()
        expect_listed(page, run)
        expect(links(page).filter(has_text=run.id)).to_contain_text("from a file")
        page.close()
    assert run.id != house.newer.id
    assert run.imported
    assert not run.shared
    assert run.report == house.newer.report


@pytest.mark.parametrize("data", [b"", b"{}", b"\x89PNG\r\n\x1a\n", b"[" * 10_000])
def test_a_file_that_is_no_run_is_one_line(visitor: Visitor, data: bytes) -> None:
    visitor.open(runs(view="From a file"))
    page = visitor.page
    page.locator("input[type=file]").set_input_files(
        {"name": "run.json", "mimeType": "application/json", "buffer": data}
    )
    expect(page.locator(".uth-error")).to_have_count(1, timeout=SLOW_MS)
    assert "\n" not in page.locator(".uth-error").inner_text().strip()


@pytest.mark.parametrize("number", ["x" * 22, "<img src=x onerror=alert(1)>", "../../etc/passwd", "a" * 2000])
def test_a_link_to_no_run_is_one_line_above_the_list(visitor: Visitor, house: House, number: str) -> None:
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(runs(run=number))
    expect(visitor.page.locator(".uth-error")).to_have_text(
        "There is no such run here: it may have been deleted, or the link is not complete."
    )
    expect_listed(visitor.page, house.older, house.newer)


# Several runs.


def test_runs_stand_side_by_side_by_a_link(visitor: Visitor, house: House) -> None:
    visitor.open(runs(view="Side by side", compare=[house.older.id, house.newer.id]))
    page = visitor.page
    expect(page.get_by_text("✓ The same machine, libraries, weights and method.")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    table = rows(page.get_by_test_id("stMain"))
    # Batch 1 went from 2 to 3 times as fast; batch 8 stayed at half.
    expect(table.filter(has_text="✗ intervals apart")).to_have_count(1)
    expect(table.filter(has_text="≈ intervals meet")).to_have_count(1)
    expect(page.locator(".uth-error")).to_have_count(0)


def test_runs_are_chosen_and_the_address_is_a_link_to_them(new_visitor: NewVisitor, house: House) -> None:
    visitor = new_visitor()
    page = known_as(visitor, MINE)
    visitor.open(runs(view="Side by side"))
    expect(page.get_by_text("Choose at least two.")).to_be_visible()
    menu = page.get_by_role("combobox", name=re.compile("^Runs to set side by side"))
    for when in ("3 days ago", "1 day ago"):
        menu.click()
        page.get_by_role("option", name=re.compile(when)).click()
        page.keyboard.press("Escape")
    expect(page.get_by_text("✓ The same machine, libraries, weights and method.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"compare={house.older.id}.*compare={house.newer.id}"))
    other = new_visitor()
    other.page.goto(page.url)
    other.wait()
    expect(other.page.get_by_text("✓ The same machine, libraries, weights and method.")).to_be_visible()


def test_a_run_of_another_visitor_stands_beside_ones_own_by_its_link(
    new_visitor: NewVisitor, house: House
) -> None:
    visitor = new_visitor()
    page = known_as(visitor, MINE)
    visitor.open(runs(view="Side by side", compare=[house.mine.id, house.theirs.id, "y" * 22]))
    expect(page.locator(".uth-error").first).to_contain_text("Not here: yyyyyyyy.")
    # Batch 2 and batch 4 have nothing in common.
    expect(
        page.get_by_text("They have no engine of the same model, batch and threads in common.")
    ).to_be_visible()


def test_an_engine_is_followed_over_time_and_its_runs_are_opened(visitor: Visitor, house: House) -> None:
    visitor.open(runs(view="Over time"))
    page = visitor.page
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    expect_listed(page, house.older, house.newer)
    menu = page.get_by_role("combobox", name=re.compile("^Engine, model, batch and threads"))
    menu.click()
    page.get_by_role("option", name=re.compile("^ONNX Runtime: One linear layer, batch 1, 1 thread")).click()
    found = rows(page.get_by_test_id("stMain"))
    expect(found.filter(has_text=house.newer.id)).to_contain_text(re.compile(r"(2\.9\d|3\.0\d)×"))
    expect(found.filter(has_text=house.older.id)).to_contain_text(re.compile(r"(1\.9\d|2\.0\d)×"))
    expect(found.filter(has_text=house.older.id)).to_contain_text("faster")


def test_the_machine_that_measures_is_listed(visitor: Visitor) -> None:
    visitor.open(runs(view="Machines"))
    expect(rows(visitor.page.get_by_test_id("stMain")).filter(has_text="✓ measures")).to_have_count(1)
    expect(visitor.page.get_by_text("You have asked for no measurement in this visit.")).to_be_visible()


# How it looks.


@pytest.mark.parametrize("view", ["run", "Side by side", "Over time", "All runs"])
def test_a_projector_shows_it_large_and_nothing_is_cut_off(
    new_visitor: NewVisitor, house: House, view: str
) -> None:
    visitor = new_visitor()
    query = {"run": house.older.id} if view == "run" else {"view": view}
    visitor.open(runs(projector="true", compare=[house.older.id, house.newer.id], **query))
    page = visitor.page
    if view != "All runs":
        ticks = page.locator(".js-plotly-plot .xtick text, .js-plotly-plot .ytick text")
        expect(ticks.first).to_be_visible()
        sizes = ticks.evaluate_all("texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize))")
        assert min(sizes) >= 16
    for card in page.locator(".uth-number .what, .uth-number .said, .uth-verdict .why, .uth-said li").all():
        assert card.evaluate("text => parseFloat(getComputedStyle(text).fontSize)") >= 16
    assert not wide(page)


@pytest.mark.parametrize("view", ["run", "Side by side", "Over time", "All runs", "Machines", "From a file"])
def test_a_phone_shows_it_without_moving_sideways(new_visitor: NewVisitor, house: House, view: str) -> None:
    visitor = new_visitor(viewport={"width": 390, "height": 844})
    query = {"run": house.older.id} if view == "run" else {"view": view}
    visitor.open(runs(compare=[house.older.id, house.newer.id], **query))
    assert not wide(visitor.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_cards_of_a_run_can_be_read_in_both_themes(
    new_visitor: NewVisitor, house: House, scheme: str
) -> None:
    visitor = new_visitor(color_scheme=scheme)
    visitor.open(runs(run=house.theirs.id))
    texts = visitor.page.locator(
        ".uth-number .what, .uth-number .value, .uth-number .said, .uth-verdict .what, .uth-verdict .why, "
        ".uth-said li, .js-plotly-plot .xtick text, .js-plotly-plot .gtitle, .js-plotly-plot .xtitle"
    )
    expect(texts.first).to_be_visible()
    assert texts.count() > 8
    assert [text.inner_text() for text in texts.all() if contrast(text) < 4.5] == []
