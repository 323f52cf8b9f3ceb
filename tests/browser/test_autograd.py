"""The autograd lab in a browser: what a visitor types, drags, clicks, reads and takes away."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from core.gradients.traps import TRAPS
from tests.browser.lab import (
    WORKED,
    by_pytorch,
    contrast,
    dial,
    expect_gradients,
    gradient,
    hold,
    node,
    number,
    tab,
    texts,
    type_number,
)
from tests.browser.server import serve
from tests.browser.visitor import Visitor

NewVisitor = Callable[..., Visitor]
LAB = "/autograd"


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The lab as it opens."""
    visitor.open(LAB)
    expect_gradients(visitor.page, WORKED)
    return visitor.page


def test_a_deep_link_is_the_very_first_request_of_a_server(browser: Browser, tmp_path: Path) -> None:
    with serve(tmp_path) as server, browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        visitor = Visitor(context.new_page(), server.url)
        assert visitor.open(f"{LAB}?w=1.5&tab=Take+it+away").ok
        page = visitor.page
        expect_gradients(page, {**WORKED, "w": 1.5})
        expect(page.get_by_role("link", name="Under the Hood")).to_be_visible()
        expect(page.get_by_role("link", name="Autograd")).to_be_visible()
        expect(page.get_by_text("Projector", exact=True)).to_be_visible()
        expect(page.get_by_text("By hand", exact=True)).to_be_visible()
        assert visitor.errors == []
        assert visitor.outside() == []


def test_the_worked_example_is_on_the_screen(page: Page) -> None:
    expect(gradient(page, "w")).to_have_text("-15.6000")
    expect(gradient(page, "b")).to_have_text("-7.8000")
    expect(page.locator(".uth-verdict")).to_contain_text("✓ four witnesses agree")
    expect(node(page, "w")).to_have_accessible_name("w, value 0.5, gradient -15.6")
    expect(page.locator(".st-key-lab-stage .katex").first).to_be_visible()
    for name, value in WORKED.items():
        expect(number(page, name)).to_have_value(f"{value:g}")


def test_a_typed_number_changes_what_pytorch_would_change(page: Page) -> None:
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    expect(node(page, "w")).to_have_accessible_name(re.compile(r"^w, value 1\.25, gradient -9\.6"))
    type_number(page, "y", "-3e2")
    expect_gradients(page, {**WORKED, "w": 1.25, "y": -300})


def test_step_buttons_and_arrows(page: Page) -> None:
    field = page.get_by_test_id("stNumberInput").filter(has=number(page, "x"))
    field.get_by_test_id("stNumberInputStepUp").click()
    expect_gradients(page, {**WORKED, "x": 2.1})
    field.get_by_test_id("stNumberInputStepDown").click()
    expect_gradients(page, WORKED)
    number(page, "b").press("ArrowUp")
    expect_gradients(page, {**WORKED, "b": 0.2})


def test_many_quick_arrows_end_where_they_should(page: Page) -> None:
    for _ in range(20):
        number(page, "w").press("ArrowUp")
    expect(number(page, "w")).to_have_value("2.5")
    expect_gradients(page, {**WORKED, "w": 2.5})
    expect(page).to_have_url(re.compile(r"[?&]w=2\.5(&|$)"))
    expect(dial(page, "w")).to_have_attribute("aria-valuenow", "2.5")


def test_the_numbers_follow_a_drag_and_the_last_position_wins(page: Page) -> None:
    entries = page.evaluate("history.length")
    hold(page, "w", 0.525)
    page.mouse.down()
    seen = set()
    for share in (0.6, 0.7, 0.8):
        hold(page, "w", share, steps=10)
        # Still held.
        expect_gradients(page, {**WORKED, "w": round(20 * share - 10, 2)}, ["w"])
        seen.add(gradient(page, "w").inner_text())
    assert len(seen) == 3
    hold(page, "w", 0.1, steps=40)
    hold(page, "w", 0.65, steps=3)
    page.mouse.up()
    expect_gradients(page, {**WORKED, "w": 3.0})
    expect(number(page, "w")).to_have_value("3")
    expect(page).to_have_url(re.compile(r"[?&]w=3\.0(&|$)"))
    assert page.evaluate("history.length") - entries <= 1


def test_another_loss(page: Page) -> None:
    loss = page.get_by_role("textbox", name="Loss L")
    loss.fill("tanh(w*x)")
    loss.press("Enter")
    expect(gradient(page, "w")).to_have_text(
        by_pytorch({"w": 0.5, "x": 2.0}, "w", lambda w, x: (w * x).tanh())
    )
    expect(number(page, "y")).to_have_count(0)
    page.get_by_role("button", name="Reset").click()
    expect_gradients(page, WORKED)
    expect(loss).to_have_value("(w*x + b - y)**2")


def test_an_example_from_the_gallery(page: Page) -> None:
    page.get_by_role("combobox", name="Example").click()
    page.get_by_role("option", name="Bell curve", exact=True).click()
    expect(page.get_by_role("textbox", name="Loss L")).to_have_value("exp(-x**2)")
    expect(gradient(page, "x")).to_have_text(by_pytorch({"x": 0.5}, "x", lambda x: (-(x**2)).exp()))


def test_the_dtype_and_what_to_differentiate_by(page: Page) -> None:
    page.get_by_role("button", name="float32").click()
    page.get_by_role("radio", name="float64").click()
    expect(page.get_by_role("button", name="float64 · ∂w, ∂b")).to_be_visible()
    page.get_by_test_id("stButtonGroup").filter(has_text="Differentiate by").get_by_text(
        "x", exact=True
    ).click()
    expect(gradient(page, "x")).to_have_text("-3.9000")


@pytest.mark.parametrize("text", ["", "1e400", "nan", "-", "0x10"])
def test_a_field_without_a_number_is_one_line(page: Page, text: str) -> None:
    number(page, "w").press("Control+a")
    number(page, "w").press("Delete")
    number(page, "w").press_sequentially(text)
    number(page, "w").press("Enter")
    alert = page.locator(".uth-error")
    if text == "0x10":  # The browser keeps the digits only.
        expect(alert.or_(gradient(page, "w")).first).to_be_visible()
        return
    expect(alert).to_contain_text("`w`")
    expect(alert).to_contain_text("finite number")
    expect(page.locator(".uth-number")).to_have_count(0)
    type_number(page, "w", "0.5")
    expect_gradients(page, WORKED)


def test_a_wrong_loss_has_a_caret_and_the_traps_still_work(page: Page) -> None:
    loss = page.get_by_role("textbox", name="Loss L")
    loss.fill("w*x + foo(b)")
    loss.press("Enter")
    expect(page.locator(".uth-error")).to_contain_text("Unknown function `foo`")
    expect(page.locator(".uth-error pre")).to_have_text(re.compile(r"^w\*x \+ foo\(b\)\n {6}\^$"))
    expect(page.locator(".uth-number")).to_have_count(0)
    tab(page, "Where does it break?")
    expect(page.get_by_text("What is the slope of relu at exactly 0")).to_be_visible()


def test_the_stepper_by_keyboard_and_by_a_click_on_a_node(page: Page) -> None:
    position = page.get_by_test_id("stSlider").get_by_role("slider")
    page.locator("h1").click()
    for value in ("2", "3"):
        page.keyboard.press("n")
        expect(position).to_have_value(value)
    page.keyboard.press("b")
    expect(position).to_have_value("2")
    marked = page.get_by_role("tabpanel", name="Why?").locator('[aria-current="step"]')
    expect(marked).to_have_count(1)
    before = marked.get_attribute("data-id")
    page.get_by_role("tabpanel", name="Why?").get_by_role("button", name=re.compile("^w, value")).click()
    expect(marked).not_to_have_attribute("data-id", before or "")
    expect(marked).to_have_accessible_name(re.compile("^w"))


def test_every_tab_and_view_shows_something_and_back(page: Page) -> None:
    expected = {
        "Why?": {
            "PyTorch's graph": "AccumulateGrad",
            "Four witnesses": "forward mode",
            "Your own derivative": "Type a formula",
            "Step by step": "forward",
        },
        "What if?": {
            "A new graph in every run": "the graph has 8 nodes",
            "Landscape and descent": "The loss over w and b",
        },
    }
    for title, views in expected.items():
        tab(page, title)
        panel = page.get_by_role("tabpanel", name=title)
        for view, text in views.items():
            panel.get_by_role("radio", name=view).click()
            expect(panel.get_by_text(text).first).to_be_visible()
    tab(page, "Take it away")
    expect(page.get_by_text("By autograd", exact=True)).to_be_visible()


def test_every_trap_is_one_click(page: Page) -> None:
    tab(page, "Where does it break?")
    panel = page.get_by_role("tabpanel", name="Where does it break?")
    for trap in [*TRAPS[1:], TRAPS[0]]:
        panel.get_by_role("radio", name=trap.title, exact=True).click()
        expect(panel.get_by_text(trap.question, exact=True)).to_be_visible()
        expect(panel.get_by_test_id("stDataFrame")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("surface", ["false", "true"])
def test_the_landscape_is_drawn_in_both_themes(new_visitor: NewVisitor, scheme: str, surface: str) -> None:
    visitor = new_visitor(color_scheme=scheme)
    page = visitor.page
    visitor.open(f"{LAB}?tab=What+if%3F&surface={surface}")
    charts = page.get_by_test_id("stPlotlyChart")
    expect(charts).to_have_count(2)
    expect(charts.first.locator(".contour" if surface == "false" else "canvas").first).to_be_attached()
    lines = charts.last.locator(".js-line").first
    expect(lines).to_be_attached()
    for tick in [charts.last.locator(".xtick text").first, charts.last.locator(".ytick text").first]:
        assert contrast(tick) >= 4.5
    # The lines have this product's colours, not Plotly's.
    assert (
        lines.evaluate("line => getComputedStyle(line).stroke")
        in {
            "light": ["rgb(47, 95, 208)"],
            "dark": ["rgb(143, 178, 255)"],
        }[scheme]
    )
    if surface == "false":
        title = charts.first.locator(".xtitle")
        assert contrast(title) >= 4.5


KEY_TEXTS = {
    "number": ".uth-number .value",
    "its name": ".uth-number .what",
    "verdict": ".uth-verdict .what",
    "reason": ".uth-verdict .why",
    "formula": ".st-key-lab-stage .katex",
    "legend": ".graph .legend span",
    "chosen tab": '[role="tab"][aria-selected="true"] p',
    "tab": '[role="tab"][aria-selected="false"] p',
    "label": '[data-testid="stWidgetLabel"] p',
    "input": '[data-testid="stNumberInput"] input',
    "headline": ".uth-head h1",
    "sentence": ".uth-head p",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_themes(new_visitor: NewVisitor, scheme: str) -> None:
    visitor = new_visitor(color_scheme=scheme)
    visitor.open(f"{LAB}?view=PyTorch%27s+graph")
    page = visitor.page
    expect_gradients(page, WORKED)
    background = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 28)"}[scheme]
    caption = {"caption": '[data-testid="stCaptionContainer"] p'}
    poor = {}
    for what, selector in {**KEY_TEXTS, **caption}.items():
        ratio = contrast(page.locator(selector).first)
        if ratio < 4.5:
            poor[what] = round(ratio, 2)
    assert poor == {}


def inside(item: Locator) -> bool:
    """Whether all of it is in a window of 1280x720."""
    box = item.bounding_box()
    assert box is not None
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= 1280 and bottom <= 720


@pytest.mark.parametrize("predict", ["false", "true"])
def test_the_projected_stage_is_large_and_whole(new_visitor: NewVisitor, predict: str) -> None:
    visitor = new_visitor()
    visitor.open(f"{LAB}?projector=true&predict={predict}")
    page = visitor.page
    if predict == "true":
        expect(page.get_by_role("textbox", name="Your guess for ∂L/∂w")).to_be_visible()
    else:
        expect_gradients(page, WORKED)
    expect(page.locator(".st-key-lab-stage .graph .legend")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"
    for value in page.locator(".uth-number .value").all():
        assert float(value.evaluate("v => parseFloat(getComputedStyle(v).fontSize)")) >= 40
    stage = [number(page, name) for name in WORKED] + [dial(page, name) for name in WORKED]
    picture = page.locator(".st-key-lab-stage .graph")
    stage += page.locator(".uth-number, .uth-verdict, .st-key-lab-stage .katex").all()
    stage += [picture.locator("svg").first, picture.locator(".legend")]
    stage.append(page.get_by_role("textbox", name="Loss L"))
    assert [item.inner_text() for item in stage if not inside(item)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    clipped = page.locator(
        ".uth-number .what, .uth-number .value, .uth-verdict .what, .uth-verdict .why, .uth-head h1, "
        ".st-key-lab-stage .katex-display, .st-key-lab-stage .graph .stage, .st-key-lab-stage .legend, "
        ".st-key-lab-stage input"
    ).evaluate_all("""all => all.filter(item => item.scrollWidth > item.clientWidth)
        .map(item => item.outerHTML.slice(0, 90))""")
    assert clipped == []


@pytest.mark.parametrize("projector", ["false", "true"])
def test_the_formula_is_whole(new_visitor: NewVisitor, projector: str) -> None:
    """Nothing of it is cut off: it looks the same when nothing on its way to the page clips it."""
    visitor = new_visitor()
    visitor.open(f"{LAB}?projector={projector}")
    page = visitor.page
    expect_gradients(page, WORKED)
    box = page.locator(".st-key-lab-stage .katex-html").first.bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"] - 12, "width": box["width"], "height": box["height"] + 12}
    as_it_is = page.screenshot(clip=clip, animations="disabled")  # type: ignore[arg-type]
    page.locator(".st-key-lab-stage .katex-display").first.evaluate("""formula => {
        for (let node = formula; !node.classList.contains("st-key-lab-stage"); node = node.parentElement)
            node.style.overflow = "visible"
    }""")
    assert page.screenshot(clip=clip, animations="disabled") == as_it_is  # type: ignore[arg-type]


def test_the_heads_of_the_tabs_are_in_a_laptop_s_window(page: Page) -> None:
    for head in page.get_by_role("tab").all():
        assert inside(head)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


@pytest.mark.parametrize("width", [390, 768, 1024])
def test_no_window_scrolls_sideways(new_visitor: NewVisitor, width: int) -> None:
    visitor = new_visitor(viewport={"width": width, "height": 844})
    visitor.open(LAB)
    expect_gradients(visitor.page, WORKED)
    expect(visitor.page.locator(".graph svg").first).to_be_visible()
    assert visitor.page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_the_tab_key_reaches_every_input_in_the_order_of_the_page(page: Page) -> None:
    page.get_by_test_id("stApp").evaluate("app => document.activeElement.blur()")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
                let element = document.activeElement
                while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
                return element?.getAttribute("aria-label") ?? ""
            }""")
        )
        if "Loss L" in reached:
            break
    wanted = ["w", "drag w", "x", "drag x", "b", "drag b", "y", "drag y", "Loss L"]
    assert set(wanted) <= set(reached)
    assert [label for label in reached if label in {"w", "x", "b", "y"}] == ["w", "x", "b", "y"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "view=PyTorch%27s+graph",
        "tab=What+if%3F",
        "tab=Where+does+it+break%3F",
        "tab=Take+it+away",
        "predict=true",
        "projector=true",
    ],
)
def test_everything_that_can_be_used_or_seen_has_a_name(visitor: Visitor, query: str) -> None:
    visitor.open(f"{LAB}?{query}")
    page = visitor.page
    expect(page.locator(".graph svg").first).to_be_visible()
    if "What" in query:
        expect(page.get_by_test_id("stPlotlyChart").last.locator(".js-line").first).to_be_attached()
    if "projector" in query:
        for name in ("Share", "Reset"):
            expect(page.get_by_role("button", name=re.compile(name))).to_be_visible()
    expect(page.get_by_role("slider", name=re.compile("^drag "))).to_have_count(4)
    session = page.context.new_cdp_session(page)
    tree: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    used = {
        "button", "textbox", "spinbutton", "slider", "checkbox", "switch", "combobox", "tab", "link", "radio",
        "img", "image", "figure", "grid", "table", "radiogroup", "graphics-document",
    }  # fmt: skip
    nameless = []
    for item in tree:
        role, name = item.get("role", {}).get("value"), item.get("name", {}).get("value", "")
        if not item["ignored"] and role in used and not name.strip():
            found = session.send("DOM.describeNode", {"backendNodeId": item["backendDOMNodeId"]})["node"]
            # Plotly measures texts in a picture far off the screen. A table's twin of its canvas has no name
            # of its own: the region around both has.
            if not {"js-plotly-tester", "aria-rowcount"} & set(found["attributes"]):
                nameless.append((role, found["attributes"]))
    assert nameless == []
    charts = page.get_by_test_id("stPlotlyChart").or_(page.get_by_test_id("stDataFrame"))
    for chart in charts.all():
        named = chart.locator("xpath=descendant-or-self::*[@aria-label and string-length(@aria-label) > 10]")
        assert named.count() > 0, chart.evaluate("chart => chart.outerHTML.slice(0, 400)")


def test_a_hidden_gradient_never_reaches_the_browser_before_the_guess(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.page
    frames: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode()),
        )

    page.on("websocket", listen)
    visitor.open(f"{LAB}?predict=true&w=0.7&x=3.1&b=-0.3&y=4.9&all=true&digits=true")
    values = {"w": 0.7, "x": 3.1, "b": -0.3, "y": 4.9}
    secrets = [by_pytorch(values, name).strip("-0") for name in ("w", "b")]
    assert secrets == ["18.786", "6.06"]
    expect(node(page, "w")).to_have_accessible_name(re.compile("hidden"))
    for title in ("What if?", "Take it away", "Why?"):
        tab(page, title)
        expect(page.get_by_text("Hidden until you have made your guess above").first).to_be_visible()
        for secret in secrets:
            assert secret not in texts(page)
    guess = page.get_by_role("textbox", name="Your guess for ∂L/∂w")
    guess.fill("nonsense")
    guess.press("Enter")
    expect(page.get_by_text("A guess is a number").or_(page.locator('[role="alert"]')).first).to_be_visible()
    assert frames
    for secret in secrets:
        assert not any(secret.encode() in frame for frame in frames)
    guess.fill("18.786")
    guess.press("Enter")
    expect(page.locator(".said")).to_contain_text("✗")
    expect(page.locator(".said")).to_contain_text("sign")
    assert any(secrets[0].encode() in frame for frame in frames)
    assert not any(secrets[1].encode() in frame for frame in frames)
    second = page.get_by_role("textbox", name="Your guess for ∂L/∂b")
    second.fill("-6.06")
    second.press("Enter")
    expect(page.locator(".uth-verdict")).to_contain_text("four witnesses agree")
    expect(node(page, "w")).to_have_accessible_name(re.compile(r"gradient -18\.786"))


def test_the_programs_that_are_taken_away_print_what_the_page_shows(page: Page, tmp_path: Path) -> None:
    type_number(page, "w", "1.25")
    expect_gradients(page, {**WORKED, "w": 1.25})
    tab(page, "Take it away")
    saved = []
    for label, name in (
        ("autograd.py", "autograd.py"),
        ("by_hand.py", "by_hand.py"),
        ("notebook", "gradients.ipynb"),
    ):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).click()
        assert waiting.value.suggested_filename == name
        saved.append(tmp_path / name)
        waiting.value.save_as(saved[-1])
    notebook = json.loads(saved[2].read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    saved[2] = tmp_path / "cells.py"
    saved[2].write_text("\n".join(cells), encoding="utf-8")
    run = "import runpy, sys; [runpy.run_path(path) for path in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", run, *map(str, saved)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = re.findall(r"dL/d(\w) = (\S+)", done.stdout)
    expected = {name: by_pytorch({**WORKED, "w": 1.25}, name) for name in ("w", "b")}
    assert len(printed) == 8
    assert {(name, f"{float(value):.4f}") for name, value in printed} == set(expected.items())
