"""The address bar: back, reload, a copied link, a broken link."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import (
    WORKED,
    by_pytorch,
    dial,
    expect_gradients,
    gradient,
    hold,
    number,
    tab,
    type_number,
)
from tests.browser.visitor import Visitor

NewVisitor = Callable[..., Visitor]


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.open("/autograd")
    expect_gradients(visitor.page, WORKED)
    return visitor.page


def test_the_worked_example_has_a_short_address(page: Page) -> None:
    assert page.url.endswith("/autograd")


def expect_what_the_address_says(page: Page) -> None:
    """Waits until all is as the address says; what it leaves out is the worked example's."""
    query = dict(parse_qsl(urlsplit(page.url).query))
    values = {name: float(query.get(name, value)) for name, value in WORKED.items()}
    for name, value in values.items():
        expect(number(page, name)).to_have_value(f"{value:g}")
    expect(page.get_by_role("textbox", name="Loss L")).to_have_value("(w*x + b - y)**2")
    expect_gradients(page, values)


def test_back_and_forward_show_what_their_addresses_say(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.get_by_test_id("stHeader").get_by_role("link", name="Autograd").click()
    expect(number(page, "w")).to_be_visible()
    expect_gradients(page, WORKED)
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    page.get_by_role("button", name="Reset").click()
    expect_gradients(page, WORKED)
    type_number(page, "y", "-3")
    expect_gradients(page, {**WORKED, "y": -3.0})
    # A step back is the lab as it was at that address: what was set at once is one step, typing is none.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/autograd\?w=1\.25$"))
    expect_what_the_address_says(page)
    page.go_back()
    expect(page.locator("h1")).to_have_text("Under the Hood")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Autograd")
    expect_gradients(page, {**WORKED, "w": 1.25})
    page.go_forward()
    expect_gradients(page, {**WORKED, "y": -3.0})
    expect_what_the_address_says(page)


def test_a_reset_leaves_no_values_in_the_address(page: Page) -> None:
    type_number(page, "w", "1.25")
    type_number(page, "y", "-3")
    expect_gradients(page, {**WORKED, "w": 1.25, "y": -3.0})
    page.get_by_role("button", name="Reset").click()
    expect_gradients(page, WORKED)
    expect(page).to_have_url(re.compile("/autograd$"))


def test_back_after_a_drag_is_not_a_step_of_the_drag(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.get_by_test_id("stHeader").get_by_role("link", name="Autograd").click()
    expect(number(page, "b")).to_be_visible()
    expect_gradients(page, WORKED)
    hold(page, "b", 0.55)
    page.mouse.down()
    hold(page, "b", 0.7, steps=30)
    page.mouse.up()
    expect_gradients(page, {**WORKED, "b": 4.0})
    page.go_back()
    if "/autograd" in page.url:
        expect_gradients(page, WORKED)
    else:
        expect(page.locator("h1")).to_have_text("Under the Hood")
        page.go_forward()
        expect_gradients(page, {**WORKED, "b": 4.0})


def test_quick_hands_break_nothing(page: Page) -> None:
    """Who types while the first answers are still on their way empties no other input."""
    for _ in range(4):
        page.goto(page.url.split("?")[0])
        expect(gradient(page, "w")).to_have_text("-15.6000")
        page.get_by_role("button", name="Share").click()
        page.keyboard.press("Escape")
        type_number(page, "b", "0.2")
        expect_what_the_address_says(page)
        expect(page.locator(".uth-error")).to_have_count(0)


def test_a_reload_keeps_the_state(page: Page) -> None:
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    tab(page, "Take it away")
    expect(page.get_by_text("By autograd", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("tab=Take"))
    page.reload()
    expect_gradients(page, {**WORKED, "w": 1.25})
    expect(page.get_by_role("tab", name="Take it away")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("By autograd", exact=True)).to_be_visible()


def test_a_copied_link_shows_the_same_in_another_browser(page: Page, new_visitor: NewVisitor) -> None:
    loss = page.get_by_role("textbox", name="Loss L")
    loss.fill("sigmoid(w*x) + b")
    loss.press("Enter")
    expect(number(page, "y")).to_have_count(0)
    type_number(page, "w", "-1.5")
    wanted = by_pytorch({"w": -1.5, "x": 2.0, "b": 0.1}, "w", lambda w, x, b: (w * x).sigmoid() + b)
    expect(gradient(page, "w")).to_have_text(wanted)
    page.get_by_role("radio", name="Four witnesses").click()
    expect(page.get_by_text("Every digit")).to_be_visible()
    page.get_by_role("button", name="Share").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(code).to_contain_text("w=-1.5")
    link = code.locator("code").inner_text().strip()
    assert link.startswith("http")
    other = new_visitor()
    other.page.goto(link)
    other.wait()
    expect(gradient(other.page, "w")).to_have_text(wanted)
    expect(other.page.get_by_role("textbox", name="Loss L")).to_have_value("sigmoid(w*x) + b")
    expect(number(other.page, "w")).to_have_value("-1.5")
    expect(dial(other.page, "w")).to_have_attribute("aria-valuenow", "-1.5")
    expect(other.page.get_by_text("Every digit")).to_be_visible()
    assert other.page.get_by_test_id("stAlert").count() == 0


def test_the_shared_link_is_of_now(page: Page) -> None:
    page.get_by_role("button", name="Share").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(code).to_contain_text("/autograd")
    page.keyboard.press("Escape")
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    page.get_by_role("button", name="Share").click()
    expect(code).to_contain_text("w=1.25")


def test_a_broken_link_says_so_and_is_mended(visitor: Visitor) -> None:
    visitor.open("/autograd?w=abc&loss=foo(&dtype=float8&x=3")
    page = visitor.page
    # The run that mends the link replaces what was drawn before it.
    expect(gradient(page, "w")).to_have_count(1)
    expect_gradients(page, {**WORKED, "x": 3.0})
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_contain_text("w=abc")
    expect(number(page, "w")).to_have_value("0.5")
    expect(page.get_by_role("textbox", name="Loss L")).to_have_value("(w*x + b - y)**2")
    expect(page).to_have_url(re.compile(r"/autograd\?x=3(\.0)?$"))
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect_gradients(page, WORKED)


def test_reset_leaves_an_address_of_the_worked_example(page: Page) -> None:
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    page.get_by_role("button", name="Reset").click()
    expect_gradients(page, WORKED)
    expect(page).not_to_have_url(re.compile("1.25"))
    expect_what_the_address_says(page)


def test_markup_in_a_link_is_only_text(visitor: Visitor) -> None:
    bait = "<img src=x onerror=alert(1)>"
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(f"/autograd?w={bait}&loss={bait}&tab={bait}&own={bait}&view=Your+own+derivative")
    expect_gradients(visitor.page, WORKED)
    assert visitor.page.locator('img[src="x"]').count() == 0
