"""The pickles lab in a browser: first paint, files of one's own, building, stepping, judging, guessing."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from core.pickles.lab import samples
from tests.browser.lab import contrast, tab, texts
from tests.browser.visitor import Visitor
from ui.pickles.inputs import (
    BUILT,
    CONTAINER_TITLES,
    FORMATS_TAB,
    OWN_FILE,
    PAYLOAD_TITLES,
    TABS,
    WHAT_IF_VIEWS,
    WHY_VIEWS,
)

NewVisitor = Callable[..., Visitor]
# Three processes, one of which imports torch; and the interpreter of the sandbox is compiled once.
SLOW_MS = 180_000
CALL = "This call would happen"


def link(**query: str) -> str:
    return f"/pickles?{urlencode(query)}" if query else "/pickles"


def open_lab(visitor: Visitor, **query: str) -> Page:
    """The lab by a link."""
    visitor.open(link(**query))
    return visitor.page


def verdicts(page: Page) -> Locator:
    """The verdicts on the stage."""
    return page.locator(".st-key-lab-stage .uth-pk-verdict .what")


def tape(page: Page) -> Locator:
    """The tapes on the stage."""
    return page.locator(".st-key-lab-stage .uth-tape")


def give(page: Page, name: str, data: bytes) -> None:
    """Uploads a file."""
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def below_the_fold(page: Page, *selectors: str) -> list[str]:
    """What of the stage is outside of the window."""
    outside = []
    for selector in selectors:
        for item in page.locator(f".st-key-lab-stage {selector}").all():
            box = item.bounding_box()
            if box is None or box["y"] + box["height"] > 720 or box["x"] + box["width"] > 1280:
                outside.append(f"{selector}: {box}")
    return outside


def test_the_first_paint_shows_both_programs_and_where_they_would_call(visitor: Visitor) -> None:
    page = open_lab(visitor)
    expect(verdicts(page)).to_have_text(["! SimpleMLP: needs-trust", "✗ The planted command: dangerous"])
    expect(tape(page)).to_have_count(2)
    expect(tape(page).locator(".head .operation")).to_have_text(["NEWOBJ", "REDUCE"])
    expect(tape(page).last.locator(".uth-pk-call")).to_contain_text(CALL)
    expect(tape(page).last.locator(".uth-pk-call")).to_contain_text(samples.COMMAND)
    assert page.url.endswith("/pickles")
    assert below_the_fold(page, ".uth-pk-verdict", ".uth-pk-numbers", ".uth-tape", ".uth-reason") == []
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"predict": "true"},
        {"file": samples.titles()["polyglot"]},
        {"file": samples.titles()["state_dict"]},
    ],
)
def test_the_projected_stage_is_above_the_fold(new_visitor: NewVisitor, query: dict[str, str]) -> None:
    page = open_lab(new_visitor(), projector="true", **query)
    expect(tape(page)).not_to_have_count(0)
    expect(page.locator("html")).to_have_css("font-size", "24px")
    selectors = (
        ".uth-pk-verdict", ".uth-pk-numbers", ".uth-number", ".uth-tape", ".uth-pk-call",
        ".uth-pk-found", "input",
    )  # fmt: skip
    assert below_the_fold(page, *selectors) == []
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


@pytest.mark.parametrize(("query", "files"), [({}, 2), ({"file": samples.titles()["planted"]}, 1)])
def test_the_projected_answers_are_above_the_fold_too(
    new_visitor: NewVisitor, query: dict[str, str], files: int
) -> None:
    page = open_lab(new_visitor(), projector="true", predict="true", **query)
    boxes = page.get_by_role("textbox", name=re.compile("^Your guess for "))
    expect(boxes).to_have_count(files)
    for place in range(files):
        boxes.nth(place).fill("dangerous")
        boxes.nth(place).press("Enter")
        expect(page.locator(".uth-number .said")).to_have_count(place + 1)
    expect(tape(page).locator(".uth-pk-call")).to_have_count(files)
    assert below_the_fold(page, ".uth-number", ".uth-tape .head", ".uth-pk-call", "input") == []


KEY_TEXTS = {
    "verdict": ".uth-pk-verdict .what",
    "why": ".uth-pk-verdict .why",
    "opcode": ".uth-tape .operation",
    "argument": ".uth-tape .argument",
    "offset": ".uth-tape .at",
    "after": ".uth-tape .after .operation",
    "call": ".uth-pk-call .what",
    "code": ".uth-pk-call .code",
    "number": ".uth-pk-numbers .value",
    "marked byte": ".uth-pk-hex mark",
    "slot": ".uth-pk-stack .slot",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tape_can_be_read_in_both_themes(new_visitor: NewVisitor, scheme: str) -> None:
    page = open_lab(new_visitor(color_scheme=scheme), step="3")
    expect(page.locator(".uth-pk-hex")).to_be_visible()
    poor = {
        f"{what} {place}": round(ratio, 2)
        for what, selector in KEY_TEXTS.items()
        for place, item in enumerate(page.locator(selector).all())
        if (ratio := contrast(item)) < 4.5
    }
    assert poor == {}


class Boom:
    """Would write a file if it were loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_a_file_of_one_s_own_is_read_and_never_loaded(visitor: Visitor, tmp_path: Path) -> None:
    page = open_lab(visitor, file=OWN_FILE)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Boom(tmp_path / "loaded"), protocol=2))
    give(page, "model.pt", file.getvalue())
    expect(verdicts(page)).to_have_text("✗ dangerous", timeout=SLOW_MS)
    expect(tape(page).locator(".uth-pk-call")).to_contain_text("exec(")
    assert "loaded" not in page.url
    tab(page, TABS[4])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="report.json").click()
    report = json.loads(waiting.value.path().read_bytes())
    assert report["verdict"] == "dangerous"
    assert any(finding["member"] == "model/data.pkl" for finding in report["findings"])
    assert not (tmp_path / "loaded").exists()


def test_a_hostile_name_and_content_are_text(visitor: Visitor) -> None:
    page = open_lab(visitor, file=OWN_FILE, view=WHY_VIEWS[1])
    module = "evil<img src=x onerror='window.hacked=1'>"
    give(page, "<img src=x onerror='window.hacked=1'> **b**.pkl", f"c{module}\nname\n.".encode())
    expect(verdicts(page)).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("evil<img src=x").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("[data-testid=stMain] img").count() == 0


def test_a_file_goes_with_its_visit_and_is_in_no_other_tab(new_visitor: NewVisitor) -> None:
    mine, other = new_visitor(), new_visitor()
    first, second = open_lab(mine, file=OWN_FILE), open_lab(other, file=OWN_FILE)
    tabs = Visitor(first.context.new_page(), mine.origin)
    third = open_lab(tabs, file=OWN_FILE)
    give(first, "mine.pkl", pickle.dumps({"canary0fmine": 1}))
    expect(verdicts(first)).to_have_text("✓ data-only", timeout=SLOW_MS)
    expect(tape(first)).to_contain_text("canary0fmine")
    for page in (second, third):
        assert "canary0fmine" not in texts(page)
        expect(verdicts(page)).to_have_count(0)
    first.reload()
    mine.wait()
    assert "canary0fmine" not in texts(first)
    assert tabs.errors == []


def test_what_is_built_is_judged_as_it_is_chosen(visitor: Visitor) -> None:
    page = open_lab(visitor, file=BUILT)
    expect(verdicts(page)).to_have_text("✗ dangerous")
    page.get_by_role("button", name="Build it").click()
    page.get_by_role("combobox", name="In what").click()
    title = next(title for title, kind in CONTAINER_TITLES.items() if kind.file_name == "array.npy")
    page.get_by_role("option", name=title).click()
    command = page.get_by_role("textbox", name="Its command")
    command.fill("echo typed just now")
    command.press("Enter")
    expect(tape(page).locator(".uth-pk-call")).to_contain_text("os.system('echo typed just now')")
    query = parse_qs(urlsplit(page.url).query)
    assert query["container"] == [title]
    assert "typed" not in page.url
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    visitor.wait()
    expect(tape(page).locator(".uth-pk-call")).to_contain_text(samples.COMMAND)


def test_stepping_by_keyboard_moves_the_marked_bytes(visitor: Visitor) -> None:
    page = open_lab(visitor, file=samples.titles()["planted"])
    marked = page.locator(".uth-pk-hex mark")
    expect(marked.first).to_have_text("80")
    page.keyboard.press("n")
    expect(page.locator(".uth-pk-opcode .name")).to_contain_text("GLOBAL")
    expect(marked.first).to_have_text("63")
    page.get_by_role("button", name="Next call").click()
    expect(page.locator(".uth-pk-opcode .name")).to_contain_text("REDUCE")
    expect(page.locator(".uth-pk-stack").nth(1)).to_contain_text("os.system('echo hello from a pickle')")
    page.keyboard.press("b")
    expect(page.locator(".uth-pk-opcode .name")).to_contain_text("TUPLE1")
    assert parse_qs(urlsplit(page.url).query)["step"] == ["4"]


def test_predict_first_shows_the_call_once_both_are_guessed(visitor: Visitor) -> None:
    page = open_lab(visitor, predict="true")
    expect(tape(page)).to_have_count(2)
    assert CALL not in texts(page)
    for name, guess in (("SimpleMLP", "needs-trust"), ("The planted command", "dangerous")):
        box = page.get_by_role("textbox", name=f"Your guess for {name}")
        box.fill(guess)
        box.press("Enter")
        expect(page.locator(".uth-number .said").filter(has_text="✓")).not_to_have_count(0)
    expect(tape(page).last.locator(".uth-pk-call")).to_contain_text(CALL)


def test_three_judges_and_the_sandbox_say_what_they_see(visitor: Visitor) -> None:
    payload = next(title for title in PAYLOAD_TITLES if "command" in title)
    page = open_lab(visitor, file=BUILT, payload=payload, tab=TABS[1])
    expect(page.locator(".uth-pk-judges .uth-pk-chip")).to_contain_text(
        ["stops it: dangerous", "stops it", "has said nothing"], timeout=SLOW_MS
    )
    page.get_by_text(WHAT_IF_VIEWS[2], exact=True).first.click()
    expect(page.get_by_text("Preparing the sandbox")).to_have_count(0, timeout=SLOW_MS)
    button = page.get_by_test_id("stMain").get_by_role("button", name="Run it in the sandbox").last
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_text("they agree: the one call, as foretold")).to_be_visible(timeout=SLOW_MS)


def test_an_evasion_is_guessed_and_scanned(visitor: Visitor) -> None:
    page = open_lab(visitor, tab=TABS[3], evasion="Only an import")
    page.get_by_role("radiogroup").get_by_text("needs-trust", exact=True).click()
    page.get_by_role("button", name="Scan it").click()
    expect(page.get_by_text("right: needs-trust")).to_be_visible()


def test_the_formats_of_a_model_by_a_link(visitor: Visitor) -> None:
    page = open_lab(visitor, tab=FORMATS_TAB)
    expect(page.locator(".uth-pk-formats tbody tr")).to_have_count(6)
    expect(page.get_by_role("button", name="Write and measure")).to_be_visible()
