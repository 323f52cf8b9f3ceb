"""The home page in a browser: the lab's card with live numbers, the way there, this machine's facts."""

import re

import torch
from playwright.sync_api import Page, expect

from tests.browser.lab import WORKED, expect_gradients, type_number
from tests.browser.visitor import Visitor


def test_the_card_has_the_numbers_and_leads_to_the_lab(visitor: Visitor) -> None:
    visitor.open("/")
    page = visitor.page
    expect_gradients(page, WORKED)
    page.get_by_test_id("stMain").get_by_role("link", name="Autograd").click()
    expect(page).to_have_url(re.compile(r"/autograd(\?|$)"))
    expect(page.locator("h1")).to_have_text("Autograd")
    expect_gradients(page, WORKED)


def test_this_machine(visitor: Visitor) -> None:
    visitor.open("/")
    table = visitor.page.get_by_test_id("stTable")
    for name in ("Processor", "Memory", "GPU", "System", "Python", "onnx", "onnxruntime"):
        expect(table.get_by_role("cell", name=name, exact=True)).to_be_visible()
    expect(table).to_contain_text(torch.__version__)
    expect(table).to_contain_text("CPUExecutionProvider")


def test_the_navigation_leads_there_and_back_and_the_inputs_stay(visitor: Visitor) -> None:
    visitor.open("/")
    page = visitor.page
    top = page.get_by_test_id("stHeader")
    top.get_by_role("link", name="Autograd").click()
    expect_gradients(page, WORKED)
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    top.get_by_role("link", name="Under the Hood").click()
    expect(page.locator("h1")).to_have_text("Under the Hood")
    top.get_by_role("link", name="Autograd").click()
    expect_gradients(page, {**WORKED, "w": 1.25})


def test_the_projector_stays_on_from_page_to_page(visitor: Visitor) -> None:
    visitor.open("/")
    page = visitor.page
    page.get_by_text("Projector", exact=True).click()
    assert_projected(page)
    page.get_by_test_id("stHeader").get_by_role("link", name="Autograd").click()
    expect_gradients(page, WORKED)
    assert_projected(page)
    expect(page).to_have_url(re.compile(r"/autograd\?.*projector=true"))


def assert_projected(page: Page) -> None:
    expect(page.locator("html")).to_have_css("font-size", "24px")
    for value in page.locator(".uth-number .value").all():
        assert float(value.evaluate("v => parseFloat(getComputedStyle(v).fontSize)")) >= 40
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
