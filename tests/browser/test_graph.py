"""The autograd graph in a browser: drawn, updated in place, chosen, in both themes and projected."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.server import ROOT, serve

SCRIPT = Path(__file__).parent / "scripts" / "graph_script.py"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("graph")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    script = shutil.copy(SCRIPT, folder)
    with serve(folder, Path(script), {"PYTHONPATH": str(ROOT)}) as server:
        yield server.url


@pytest.fixture
def show(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with a query and a colour scheme; no script may fail in it."""
    contexts = []
    errors: list[str] = []

    def make(query: str = "", scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/?{query}")
        node(page, 0).wait_for(timeout=PATIENCE_MS)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def node(page: Page, number: int) -> Locator:
    return page.locator(f'[data-id="{number}"]')


def test_worked_example_is_drawn_and_named(show: Callable[..., Page]) -> None:
    page = show()
    graph = page.get_by_role("group", name="the graph of the loss")
    expect(graph.get_by_role("button")).to_have_count(8)
    expect(page.get_by_role("button", name="w, value 0.5, gradient -15.6")).to_be_visible()
    expect(node(page, 1)).to_contain_text("no grad")
    expect(node(page, 7)).to_contain_text("( )² = L")


def test_a_new_number_changes_texts_in_place(show: Callable[..., Page]) -> None:
    page = show()
    page.evaluate("""() => {
        const host = [...document.querySelectorAll("*")].find(any => any.shadowRoot?.querySelector(".graph"))
        window.before = host.shadowRoot.querySelector('[data-id="0"]')
        window.tall = host.shadowRoot.querySelector("svg").getBoundingClientRect().height
    }""")
    number = page.get_by_label("w", exact=True)
    number.fill("3")
    number.press("Enter")
    expect(node(page, 0)).to_contain_text("→3")
    same = node(page, 0).evaluate("""(element) =>
        element === window.before &&
        element.ownerSVGElement.getBoundingClientRect().height === window.tall""")
    assert same is True


@pytest.mark.parametrize("how", ["click", "Enter", " "])
def test_a_node_is_chosen(show: Callable[..., Page], how: str) -> None:
    page = show()
    if how == "click":
        node(page, 5).click()
    else:
        node(page, 5).focus()
        page.keyboard.press(how)
    expect(page.get_by_text("picked 5")).to_be_visible()


def test_hidden_gradients_are_nowhere_in_the_page(show: Callable[..., Page]) -> None:
    page = show("hide=true")
    expect(node(page, 0)).to_contain_text("?")
    everything = page.evaluate("""() => {
        const text = root => root.innerHTML +
            [...root.querySelectorAll("*")].map(any => any.shadowRoot ? text(any.shadowRoot) : "").join("")
        return text(document.body)
    }""")
    assert "3.9" in everything
    assert "15.6" not in everything
    assert "7.8" not in everything


def test_the_stepper_s_node_is_marked_and_in_view(show: Callable[..., Page]) -> None:
    page = show("deep=60&step=30")
    marked = node(page, 30)
    expect(marked).to_have_attribute("aria-current", "step")
    expect(page.locator(".edge.entering")).to_have_count(2)
    page.wait_for_function(
        """box => {
            const stage = box.closest(".stage").getBoundingClientRect()
            const { left, right } = box.getBoundingClientRect()
            return left >= stage.left && right <= stage.right
        }""",
        arg=marked.element_handle(),
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    expect(page.locator(".fold")).to_have_count(2)


@pytest.mark.parametrize(("query", "width", "height"), [("font=24&width=1050", 1050, 235), ("", 780, 235)])
def test_worked_example_fits_the_stage(
    show: Callable[..., Page], query: str, width: int, height: int
) -> None:
    page = show(query)
    box = page.locator(".graph").bounding_box()
    assert box is not None
    assert box["width"] <= width
    assert box["height"] <= height
    stage = page.locator(".stage")
    assert stage.evaluate("stage => stage.scrollWidth <= stage.clientWidth")
    smallest = page.locator(".graph").evaluate("""graph => Math.min(...[...graph.querySelectorAll("text")]
        .filter(text => text.textContent && getComputedStyle(text).visibility === "visible")
        .map(text => text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize)))""")
    assert smallest >= (19 if "24" in query else 12.9)


def test_no_text_leaves_its_box(show: Callable[..., Page]) -> None:
    page = show("detailed=true&loss=sigmoid(w*x%2Bb)*max(w,y)/sqrt(y)-1e-9*b")
    spilled = page.locator(".graph").evaluate("""graph => {
        const spills = (text, box) => text.right > box.right || text.bottom > box.bottom + 1
        return [...graph.querySelectorAll(".node")].flatMap(node => {
            const box = node.querySelector(".box").getBoundingClientRect()
            return [...node.querySelectorAll(":scope > text")]
                .filter(text => text.textContent && spills(text.getBoundingClientRect(), box))
                .map(text => text.textContent)
        })
    }""")
    assert spilled == []


def test_both_themes_have_enough_contrast(show: Callable[..., Page]) -> None:
    for scheme in ("light", "dark"):
        page = show("step=5", scheme)
        poorest = page.locator(".graph").evaluate("""graph => {
            const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number)
            const luminance = text => rgb(text).map(c => c / 255)
                .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
            const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
            return Math.min(...[...graph.querySelectorAll(".node > text")].map(text => ratio(
                luminance(getComputedStyle(text).fill),
                luminance(getComputedStyle(text.parentNode.querySelector(".box")).fill))))
        }""")
        assert poorest >= 4.5, scheme
