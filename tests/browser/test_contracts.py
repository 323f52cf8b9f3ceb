"""The contracts lab in a browser: the pair at first paint, code edited, run, shared, guessed and swapped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import contrast, tab, texts
from tests.browser.visitor import Visitor
from ui.contracts.inputs import CASE_TITLES, OWN_CLASS, STARTING, TABS
from ui.contracts.shared_code import unpack

NewVisitor = Callable[..., Visitor]

COMPLETE = f"{STARTING}\n    def get_model_metadata(self) -> dict[str, str]:\n        return {{}}\n"
# The interpreter is compiled after the server's start, once.
PREPARED_MS = 180_000


def link(**query: str) -> str:
    return f"/contracts?{urlencode(query)}" if query else "/contracts"


def open_lab(visitor: Visitor, **query: str) -> Page:
    """The lab, once the sandbox can be used."""
    visitor.open(link(**query))
    expect(visitor.page.get_by_text("Preparing the sandbox")).to_have_count(0, timeout=PREPARED_MS)
    visitor.wait()
    return visitor.page


def lane(page: Page, name: str) -> Locator:
    """The line of moments of a class on the stage."""
    return page.locator(".st-key-lab-stage .uth-moments .lane").filter(
        has=page.locator(".name", has_text=re.compile(rf"^{name}"))
    )


def stops(page: Page, name: str) -> list[str]:
    """What stands on it."""
    return [text.strip() for text in lane(page, name).locator(".stop").all_inner_texts()]


def editor(page: Page) -> Locator:
    return page.get_by_label("Your code")


def write(page: Page, code: str) -> None:
    editor(page).fill(code)
    editor(page).press("Control+Enter")


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def verdict(page: Page) -> Locator:
    return page.locator(".st-key-lab-stage .uth-verdict .what")


def below_the_fold(page: Page, *selectors: str) -> list[str]:
    """What of the stage is outside of the window."""
    outside = []
    for selector in selectors:
        for item in page.locator(f".st-key-lab-stage {selector}").all():
            box = item.bounding_box()
            if box is None or box["y"] + box["height"] > 720 or box["x"] + box["width"] > 1280:
                outside.append(f"{selector}: {box}")
    return outside


def test_the_first_paint_is_the_pair_run_for_real(visitor: Visitor) -> None:
    page = open_lab(visitor)
    # Until a worker of the sandbox has started, the pair is read and not run.
    for name in ("IncompletePredictor", "RobustPredictor"):
        expect(lane(page, name).locator(".chip")).to_have_text("✗ fails here", timeout=60_000)
    assert stops(page, "IncompletePredictor") == ["✓", "✓", "✓", "✗ fails here", "·"]
    assert stops(page, "RobustPredictor") == ["✓", "✓", "✗ fails here", "·", "·"]
    expect(page.get_by_text("Runtime Crash: Subclasses must implement this method!").first).to_be_visible()
    expect(
        page.get_by_text("Instantiation blocked: Can't instantiate abstract class RobustPredictor").first
    ).to_be_visible()
    assert page.url.endswith("/contracts")
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


@pytest.mark.parametrize("query", [{}, {"show": OWN_CLASS}, {"predict": "true"}])
def test_the_projected_stage_is_above_the_fold(new_visitor: NewVisitor, query: dict[str, str]) -> None:
    visitor = new_visitor()
    page = open_lab(visitor, projector="true", **query)
    expect(page.locator(".st-key-lab-stage .lane")).not_to_have_count(0)
    expect(page.locator("html")).to_have_css("font-size", "24px")
    assert (
        below_the_fold(page, ".uth-number", ".uth-verdict", ".lane", ".lane .stop > *", "input", "textarea")
        == []
    )
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_code_is_read_as_it_is_edited_and_run_when_asked(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    expect(verdict(page)).to_have_text("✓ Doubler is refused at instantiation")
    expect(page.get_by_text("Read, not run.")).to_be_visible()
    run(page)
    expect(page.get_by_text("Run just now by Python 3.12")).to_be_visible()
    row = page.locator(".uth-checks tr").filter(has_text="ABC").first
    expect(row.locator("td")).to_have_text(
        ["ABC", "✗ instantiation", "✗ instantiation", re.compile("Can't instantiate abstract class Doubler")]
    )
    write(page, COMPLETE)
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    expect(page.get_by_text("The code has changed since the last run")).to_be_visible()
    run(page)
    expect(page.get_by_text("Run just now by Python 3.12")).to_be_visible()
    expect(page.locator(".uth-checks td.said-fired")).to_have_count(8)


def test_typing_and_then_pressing_run_runs_what_was_typed(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    editor(page).fill(f'{COMPLETE}\nprint("typed just now")\n')
    run(page)
    page.get_by_role("button", name="What it printed").click()
    expect(page.get_by_text("typed just now", exact=True)).to_be_visible()


def test_what_a_program_prints_is_neither_html_nor_markdown(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    printed = "<b id='bold'>bold</b> **stars** :red[red] <script>window.hacked = true</script>"
    write(page, f"{COMPLETE}\nprint({printed!r})\n")
    run(page)
    page.get_by_role("button", name="What it printed").click()
    expect(page.get_by_text(printed, exact=True)).to_be_visible()
    assert page.locator("#bold").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_syntax_error_has_its_line_and_a_caret(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    write(page, "class A:\n    def f(:\n        pass\n")
    error = page.locator(".uth-error")
    expect(error).to_contain_text("line 2")
    expect(error.locator("pre")).to_have_text("    def f(:\n          ^")
    write(page, STARTING)
    expect(error).to_have_count(0)
    expect(verdict(page)).to_have_text("✓ Doubler is refused at instantiation")


def test_a_loop_without_an_end_is_stopped_and_the_next_run_works(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    write(page, f"{STARTING}\nwhile True:\n    print('again and again')\n")
    run(page)
    expect(page.locator(".uth-error")).to_contain_text("it printed more than a program may", timeout=60_000)
    write(page, STARTING)
    run(page)
    expect(page.get_by_text("Run just now by Python 3.12")).to_be_visible()
    expect(page.locator(".uth-error")).to_have_count(0)


def test_a_link_with_code_shows_it_and_does_not_run_it(new_visitor: NewVisitor) -> None:
    first = new_visitor()
    page = open_lab(first, show=OWN_CLASS)
    write(page, f'{COMPLETE}\nprint("from a link")\n')
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    assert "code" not in parse_qs(urlsplit(page.url).query)
    page.get_by_role("button", name="Make a link with my code").click()
    expect(page).to_have_url(re.compile("code="))
    address = urlsplit(page.url)
    assert unpack(parse_qs(address.query)["code"][0]) == f'{COMPLETE}\nprint("from a link")\n'
    expect(page.get_by_text(re.compile(r"^http.*code=")).first).to_be_visible()

    second = new_visitor()
    second.open(f"{address.path}?{address.query}")
    other = second.page
    expect(editor(other)).to_have_value(f'{COMPLETE}\nprint("from a link")\n')
    expect(other.get_by_text("A link brought this code. It has not run")).to_be_visible()
    expect(other.get_by_text("Read, not run.")).to_be_visible()
    run(other)
    expect(other.get_by_text("Run just now by Python 3.12")).to_be_visible()
    expect(other.get_by_text("A link brought this code. You have started it.")).to_be_visible()
    write(other, STARTING)
    expect(other).not_to_have_url(re.compile("code="))


def test_a_hostile_link_is_one_notice(visitor: Visitor) -> None:
    page = open_lab(visitor, code="A" * 3_000, show="<script>")
    expect(page.get_by_text("This link could not be used as it is")).to_be_visible()
    expect(page.locator(".st-key-lab-stage .lane")).to_have_count(2)
    assert "code=" not in page.url


def test_predict_first_sends_nothing_that_tells(visitor: Visitor) -> None:
    page = open_lab(visitor, predict="true")
    late, early = (
        page.get_by_label(f"Your guess for {name}") for name in ("IncompletePredictor", "RobustPredictor")
    )
    assert [secret for secret in ("fails here", "fails at", "would fail") if secret in texts(page)] == []
    late.fill("first call")
    late.press("Enter")
    expect(page.locator(".said").first).to_contain_text("✓ Runtime Crash")
    assert "fails here" not in texts(page)
    early.fill("first call")
    early.press("Enter")
    expect(page.locator(".said").last).to_contain_text("✗ Instantiation blocked")
    expect(lane(page, "RobustPredictor").locator(".chip")).to_have_text("✗ fails here")
    expect(verdict(page)).to_contain_text("found broken before a user calls")


def test_a_case_is_guessed_and_then_run(visitor: Visitor) -> None:
    page = open_lab(visitor, tab=TABS[2])
    title = list(CASE_TITLES)[2]
    page.get_by_text(title, exact=True).click()
    case = CASE_TITLES[title]
    button = page.get_by_role("button", name="Run it")
    expect(button).to_be_disabled()
    page.get_by_text(case.answer, exact=True).click()
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_text(f"✓ right: {case.answer}")).to_be_visible()
    expect(page.get_by_text(case.expected.strip(), exact=True)).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["case"] == [title]
    page.get_by_role("button", name="Open in the editor").last.click()
    expect(editor(page)).to_have_value(case.program)


def test_a_part_is_swapped_and_an_incomplete_one_is_refused(visitor: Visitor) -> None:
    page = open_lab(visitor, tab=TABS[1])
    expect(page.get_by_text("HostedClient fits, and the pipeline is untouched")).to_be_visible()
    page.get_by_text("LocalClient", exact=True).click()
    expect(page.get_by_text("LocalClient fits, and the pipeline is untouched")).to_be_visible()
    page.get_by_text("NamelessClient", exact=True).click()
    expect(page.get_by_text("NamelessClient is refused before the pipeline begins")).to_be_visible()
    page.get_by_text("A data source: CSV file or database stream").click()
    expect(page.get_by_text("CsvSource fits, and the pipeline is untouched")).to_be_visible()
    page.get_by_text("DatabaseSource", exact=True).click()
    expect(page.get_by_text("DatabaseSource fits, and the pipeline is untouched")).to_be_visible()


def test_what_is_downloaded_is_what_the_editor_has(visitor: Visitor, tmp_path: Path) -> None:
    page = open_lab(visitor, show=OWN_CLASS, tab=TABS[4])
    write(page, COMPLETE)
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="my_contract.py").click()
    assert waiting.value.path().read_text() == COMPLETE


def test_two_tabs_do_not_know_of_each_other(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    write(page, f"# mine alone\n{COMPLETE}")
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    other = page.context.new_page()
    other.goto(page.url)
    expect(editor(other)).to_have_value(STARTING)
    expect(verdict(other)).to_have_text("✓ Doubler is refused at instantiation")
    tab(other, TABS[3])
    expect(other.get_by_text("✓ refused at instantiation")).to_be_visible()
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    other.close()


def test_the_code_stays_while_its_visitor_looks_at_another_lab(visitor: Visitor) -> None:
    page = open_lab(visitor, show=OWN_CLASS)
    write(page, COMPLETE)
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")
    page.get_by_role("link", name="Hooks").click()
    expect(page.get_by_role("heading", name="Hooks")).to_be_visible()
    page.get_by_role("link", name="Contracts").click()
    expect(editor(page)).to_have_value(COMPLETE)
    expect(verdict(page)).to_have_text("✓ every class keeps its contract")


KEY_TEXTS = {
    "failed late": ".uth-moments .chip.late",
    "failed early": ".uth-moments .chip.early",
    "reached": ".uth-moments .dot",
    "not reached": ".uth-moments .dot.unreached",
    "moment": ".uth-moments .moment:nth-child(2)",
    "class": ".uth-moments .name",
    "about": ".uth-moments .name small",
    "message": ".uth-number .said",
    "verdict": ".uth-verdict .what",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_line_of_moments_can_be_read_in_both_themes(new_visitor: NewVisitor, scheme: str) -> None:
    page = open_lab(new_visitor(color_scheme=scheme))
    expect(lane(page, "RobustPredictor").locator(".chip")).to_have_text("✗ fails here")
    poor = {
        what: ratio
        for what, selector in KEY_TEXTS.items()
        if (ratio := round(contrast(page.locator(selector).first), 2)) < 4.5
    }
    assert poor == {}
