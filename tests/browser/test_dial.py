"""Dragging a number: it follows the hand, the last position wins, and the Back button stays of use."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.server import ROOT, serve

SCRIPT = Path(__file__).parent / "scripts" / "dial_script.py"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dial")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    script = shutil.copy(SCRIPT, folder)
    with serve(folder, Path(script), {"PYTHONPATH": str(ROOT)}) as server:
        yield server.url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/?q=1&b=0.2")
    dial(page).wait_for(timeout=PATIENCE_MS)
    expect(page.get_by_text("w is 0.5")).to_be_visible(timeout=PATIENCE_MS)
    yield page
    context.close()
    assert errors == []


def dial(page: Page, name: str = "w") -> Locator:
    return page.get_by_role("slider", name=f"drag {name}")


def hold(page: Page, share: float, steps: int = 1) -> None:
    """Moves the mouse to a share of the track of `w`."""
    box = dial(page).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=steps)


def entries(page: Page) -> int:
    length: int = page.evaluate("history.length")
    return length


def typed(page: Page, text: str, name: str = "w") -> None:
    number = page.get_by_label(name, exact=True)
    number.fill(text)
    number.press("Enter")


def test_numbers_follow_the_hand_and_the_last_position_wins(page: Page) -> None:
    before = entries(page)
    hold(page, 0.55)
    page.mouse.down()
    hold(page, 0.8, steps=40)
    # Still held: the page is there already.
    expect(page.get_by_text("w is 3.0")).to_be_visible()
    hold(page, 0.6, steps=40)
    hold(page, 0.7, steps=5)
    page.mouse.up()
    expect(page.get_by_text("w is 2.0")).to_be_visible()
    expect(page.get_by_label("w", exact=True)).to_have_value("2")
    expect(dial(page)).to_have_attribute("aria-valuenow", "2")
    expect(page).to_have_url(re.compile(r"\?q=1&b=0\.2&w=2\.0$"))
    assert entries(page) - before <= 1
    shown = re.search(r"run (\d+)", page.get_by_text("w is").text_content() or "")
    assert shown is not None
    assert int(shown[1]) < 60


def test_a_drag_adds_no_history(page: Page) -> None:
    before = entries(page)
    dial(page).press("ArrowRight")
    expect(page.get_by_text("w is 0.51")).to_be_visible()
    hold(page, 0.5)
    page.mouse.down()
    hold(page, 0.9, steps=60)
    page.mouse.up()
    expect(page.get_by_text("w is 4.0")).to_be_visible()
    assert entries(page) == before


def test_escape_takes_the_drag_back(page: Page) -> None:
    hold(page, 0.6)
    page.mouse.down()
    hold(page, 0.9, steps=5)
    expect(page.get_by_text("w is 4.0")).to_be_visible()
    page.keyboard.press("Escape")
    hold(page, 0.7, steps=5)
    page.mouse.up()
    expect(page.get_by_text("w is 0.5,")).to_be_visible()
    expect(page).to_have_url(re.compile(r"w=0\.5$"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("ArrowLeft", "0.49"), ("ArrowUp", "0.51"), ("PageDown", "0.4"), ("Home", "-5.0"), ("End", "5.0")],
)
def test_keys(page: Page, key: str, value: str) -> None:
    dial(page).press(key)
    expect(page.get_by_text(f"w is {value},")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"w={re.escape(value)}$"))


def test_a_typed_number_moves_the_thumb_and_widens_the_range(page: Page) -> None:
    typed(page, "3")
    expect(dial(page)).to_have_attribute("aria-valuenow", "3")
    expect(dial(page)).to_have_attribute("aria-valuemax", "5")
    typed(page, "30")
    expect(dial(page)).to_have_attribute("aria-valuemax", "50")
    # Within the widened range it stays wide; a number from elsewhere makes it narrow again.
    dial(page).press("Home")
    expect(page.get_by_text("w is -50.0")).to_be_visible()
    hold(page, 0.51)
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("w is 1.0,")).to_be_visible()
    expect(dial(page)).to_have_attribute("aria-valuemax", "50")
    page.get_by_role("button", name="reset").click()
    expect(dial(page)).to_have_attribute("aria-valuemax", "5")


def test_the_same_value_can_be_dragged_to_again_after_a_reset(page: Page) -> None:
    for _ in range(2):
        dial(page).press("End")
        expect(page.get_by_text("w is 5.0")).to_be_visible()
        page.get_by_role("button", name="reset").click()
        expect(page.get_by_text("w is 0.5,")).to_be_visible()
        expect(dial(page)).to_have_attribute("aria-valuenow", "0.5")


def test_an_empty_number_has_no_thumb(page: Page) -> None:
    typed(page, "")
    expect(page.locator(".dial.empty")).to_have_count(1)
    typed(page, "1")
    expect(page.locator(".dial.empty")).to_have_count(0)


def test_touch(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    dial(page).wait_for(timeout=PATIENCE_MS)
    box = dial(page).bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    expect(page.get_by_text(re.compile(r"w is (2\.9|3\.0)"))).to_be_visible()
    context.close()


def test_the_address_is_written_as_python_writes_floats(page: Page) -> None:
    source = (ROOT / "ui" / "dial.js").read_text(encoding="utf-8")
    values = [
        0.0,
        -0.0,
        5.0,
        0.1,
        -15.6,
        1e15,
        1e16,
        1.5e16,
        1.2345e-05,
        1e-05,
        0.0001,
        1e21,
        -2.5e-300,
        123456.789,
    ]
    written = page.evaluate(
        """async ([source, values]) => {
            const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
            const { python } = await import(address)
            return values.map(python)
        }""",
        [source, values],
    )
    assert written == [repr(value + 0.0) for value in values]
