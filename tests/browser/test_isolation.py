"""Two visitors at once, on one server: neither ever sees a value of the other."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.lab import WORKED, expect_gradients, gradient, number, type_number
from tests.browser.visitor import Visitor


def test_interleaved_edits(new_visitor: Callable[..., Visitor]) -> None:
    visitors = [new_visitor(), new_visitor()]
    pages = [visitor.page for visitor in visitors]
    for visitor in visitors:
        visitor.open("/autograd")
    for turn in range(4):
        mine = [{**WORKED, "w": 1.5 + turn, "b": -2.0}, {**WORKED, "w": -7.25 - turn, "y": 9.0}]
        # Both send before either has its answer.
        for page, values in zip(pages, mine, strict=True):
            for name in ("w", "b", "y"):
                number(page, name).fill(str(values[name]))
        for page in pages:
            number(page, "y").press("Enter")
        for page, values in zip(pages, mine, strict=True):
            expect_gradients(page, values)
            for name, value in values.items():
                expect(number(page, name)).to_have_value(f"{value:g}")


def test_one_who_predicts_is_told_nothing_by_one_who_does_not(new_visitor: Callable[..., Visitor]) -> None:
    guessing, looking = new_visitor(), new_visitor()
    guessing.open("/autograd?predict=true")
    looking.open("/autograd")
    expect_gradients(looking.page, WORKED)
    guess = guessing.page.get_by_role("textbox", name="Your guess for ∂L/∂w")
    expect(guess).to_have_value("")
    type_number(looking.page, "w", "3")
    expect_gradients(looking.page, {**WORKED, "w": 3.0})
    assert gradient(guessing.page, "w").count() == 0
    guess.fill("1")
    guess.press("Enter")
    expect(guessing.page.locator(".said")).to_have_count(1)
    looking.page.reload()
    expect_gradients(looking.page, {**WORKED, "w": 3.0})


def test_another_tab_of_the_same_browser_is_another_visit(new_visitor: Callable[..., Visitor]) -> None:
    first = new_visitor()
    first.open("/autograd")
    second = Visitor(first.page.context.new_page(), first.origin)
    second.open("/autograd")
    type_number(first.page, "w", "3")
    expect_gradients(first.page, {**WORKED, "w": 3.0})
    type_number(second.page, "x", "1")
    expect_gradients(second.page, {**WORKED, "x": 1.0})
    expect_gradients(first.page, {**WORKED, "w": 3.0})
    assert second.errors == []
    assert second.outside() == []
