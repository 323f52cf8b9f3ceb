"""The ONNX lab in a browser: what a visitor exports, sees in Netron, guesses, drops, runs and takes away."""

import ast
import datetime
import re
import time
from collections.abc import Callable, Iterator
from os import environ
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.conftest import TROUBLE
from tests.browser.hooks_lab import SLOW_MS, choose, number, tab, verdict
from tests.browser.lab import texts
from tests.browser.onnx_lab import (
    CNN,
    ENCODER,
    LAB,
    LINEAR,
    MLP,
    OPERATOR,
    OPERATORS,
    OWN_FILE,
    PROGRESS,
    await_none,
    drawn_texts,
    drop_file,
    expect_graph,
    exports_of,
    graph,
    link,
    loads,
    model_of,
    progress,
    stage,
)
from tests.browser.server import serve
from tests.browser.visitor import Visitor
from ui.browser_runtime.assets import RUNTIME
from ui.browser_runtime.fetch import FetchError, fetch, registry

NewVisitor = Callable[..., Visitor]
SAME = "✓ the same numbers as PyTorch"


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real app with the browser's runtime; it forgets a closed visit after a second, not two minutes."""
    try:
        fetch(RUNTIME, registry(environ))
    except FetchError as error:
        pytest.fail(str(error), pytrace=False)
    forgets = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
    with serve(tmp_path_factory.mktemp("onnx"), environment=forgets) as server:
        yield server.url
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The lab as it opens."""
    visitor.open(LAB)
    expect_graph(visitor.page, "simple_mlp.onnx", ["Gemm"])
    return visitor.page


def no_sideways(page: Page) -> bool:
    wide: bool = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    return wide


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


# The stage.


def test_the_worked_example_is_there_without_a_click(page: Page) -> None:
    assert page.url.endswith(LAB)
    expect(number(page, "opset, 15 asked for")).to_have_text("15")
    # float32 keeps 7 digits of these numbers.
    expect(number(page, "largest difference")).to_have_text(re.compile(r"^(0|\d\.\de-0[678])$"))
    expect(number(page, "nodes · bytes")).to_have_text(re.compile(r"^1 · [45]\d\d$"))
    expect(verdict(page)).to_have_text(SAME)
    canvas = graph(page, "simple_mlp.onnx").locator("#canvas")
    for name in ("input", "output", "batch×10", "batch×2"):
        expect(canvas.get_by_text(name, exact=True)).to_be_visible()
    shown = stage(page).locator(".uth-number, .uth-verdict, iframe, button:visible").all()
    boxes = [item.bounding_box() for item in shown]
    assert len(boxes) > 10
    assert [box for box in boxes if box is None or box["y"] + box["height"] > 720] == []
    assert no_sideways(page)
    expect(page.locator(".uth-error")).to_have_count(0)


def test_a_projector_shows_all_of_it_larger(page: Page, new_visitor: NewVisitor) -> None:
    laptop = drawn_texts(page)
    visitor = new_visitor()
    visitor.open(link(projector="true"))
    projected = visitor.page
    expect_graph(projected, "simple_mlp.onnx", ["Gemm"])
    assert projected.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"
    values = stage(projected).locator(".uth-number .value")
    expect(values).to_have_count(3)
    for value in values.all():
        assert value.evaluate("value => parseFloat(getComputedStyle(value).fontSize)") >= 40
    enlarged = drawn_texts(projected)
    assert set(enlarged) == set(laptop) >= {"input", "Gemm", "output"}
    for text, box in enlarged.items():
        assert box["height"] >= 1.4 * laptop[text]["height"]
    around = projected.locator("iframe").bounding_box()
    assert around is not None
    assert around["y"] + around["height"] <= 720
    for box in enlarged.values():
        assert around["x"] <= box["x"]
        assert box["x"] + box["width"] <= around["x"] + around["width"]
        assert around["y"] <= box["y"]
        assert box["y"] + box["height"] <= around["y"] + around["height"]
    assert no_sideways(projected)


def test_in_the_dark_the_graph_is_dark_too(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(color_scheme="dark")
    visitor.open(LAB)
    frame = expect_graph(visitor.page, "simple_mlp.onnx", ["Gemm"])
    behind = visitor.page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert behind == "rgb(15, 20, 28)"
    expect(frame.locator("#target")).to_have_css("background-color", behind)


def test_next_year_the_graph_is_still_shown(visitor: Visitor) -> None:
    then = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=365)
    visitor.page.clock.set_fixed_time(then)
    visitor.page.goto(visitor.origin + LAB)
    frame = expect_graph(visitor.page, "simple_mlp.onnx", ["Gemm"])
    expect(frame.get_by_text("update")).to_be_hidden()
    expect(verdict(visitor.page)).to_have_text(SAME)


# Exports.


def test_another_model_is_exported_while_the_visitor_looks_on(page: Page) -> None:
    page.get_by_role("radio", name="legacy").click()
    choose(page, "Model", MLP)
    expect(progress(page)).to_be_visible(timeout=SLOW_MS)
    expect_graph(page, "mlp.onnx", OPERATORS[MLP])
    expect(verdict(page)).to_have_text(SAME)
    expect(number(page, "nodes · bytes")).to_have_text(re.compile("^5 · "))
    assert address(page) == {"model": [MLP], "exporter": ["legacy"]}


def test_reset_brings_the_worked_example_and_back_undoes_the_reset(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.get_by_test_id("stHeader").get_by_role("link", name="ONNX").click()
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    page.get_by_role("radio", name="legacy").click()
    choose(page, "Model", MLP)
    expect_graph(page, "mlp.onnx", OPERATORS[MLP])
    page.get_by_role("button", name="Reset").click()
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    expect(page.get_by_role("radio", name="dynamo")).to_be_checked()
    expect(page).to_have_url(re.compile(f"{LAB}$"))
    seen = []
    # Every step back is the lab as it was at that address, until the home page. Playwright's own way back
    # waits for a frame that goes with the page.
    for _ in range(6):
        before = page.url
        page.evaluate("history.back()")
        expect(page).not_to_have_url(before)
        if LAB not in page.url:
            break
        model = address(page).get("model", [LINEAR])[0]
        expect_graph(page, {LINEAR: "simple_mlp.onnx", MLP: "mlp.onnx"}[model], OPERATORS[model])
        expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value(model)
        seen.append(model)
    assert MLP in seen
    expect(page.locator("h1")).to_have_text("Under the Hood")


def test_two_visitors_with_two_models_each_see_only_theirs(new_visitor: NewVisitor) -> None:
    both = [(new_visitor(), CNN, "cnn.onnx"), (new_visitor(), MLP, "mlp.onnx")]
    for visitor, model, _ in both:
        visitor.page.goto(visitor.origin + link(model=model, exporter="legacy", seed="3"))
    for visitor, model, file in both:
        expect_graph(visitor.page, file, OPERATORS[model])
        expect(verdict(visitor.page)).to_have_text(SAME)
    models = [{url for url in visitor.requests if "/netron/data/" in url} for visitor, _, _ in both]
    assert [len(urls) for urls in models] == [1, 1]
    assert not models[0] & models[1]
    for visitor, _, file in both:
        (other,) = {"cnn.onnx", "mlp.onnx"} - {file}
        assert other not in texts(visitor.page)


def test_meanwhile_the_page_answers_and_an_export_is_stopped_and_made_again(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.origin + link(model=ENCODER, opset="18"))
    expect(progress(page)).to_be_visible(timeout=SLOW_MS)
    stage(page).get_by_role("button", name="Stop", exact=True).click()
    expect(stage(page).locator(".uth-error")).to_have_text("Stopped.")
    expect(progress(page)).to_have_count(0)
    assert page.locator("iframe").count() == 0
    stage(page).get_by_role("button", name="Export", exact=True).click()
    expect(progress(page)).to_be_visible(timeout=SLOW_MS)
    expect(tab(page, "Take it away").get_by_role("button", name="export.py")).to_be_visible()
    page.get_by_text("Projector", exact=True).click()
    expect(page.locator("html")).to_have_css("font-size", "24px")
    graph(page, "transformer.onnx")
    expect(verdict(page)).to_have_text(re.compile("^✓ the same numbers"))
    expect(page.locator(".uth-error")).to_have_count(0)


def test_quick_clicks_end_with_the_last_one_and_leave_no_process(page: Page, visitor: Visitor) -> None:
    processes = exports_of(visitor.origin)
    await_none(processes)
    visitor.open(link(exporter="legacy", seed="11"))
    counts = []
    for model in (MLP, "Residual block", "Dropout", "Layers in containers", LINEAR, CNN):
        choose(page, "Model", model)
        counts.append(len(processes()))
    expect_graph(page, "cnn.onnx", OPERATORS[CNN])
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value(CNN)
    expect(page.locator(".uth-error")).to_have_count(0)
    assert max(counts) <= 4
    await_none(processes)


@pytest.mark.usefixtures("page")  # a server that has just started exports the worked example
def test_an_export_ends_with_the_tab_of_its_visitor(new_visitor: NewVisitor, app_url: str) -> None:
    processes = exports_of(app_url)
    await_none(processes)
    guest = new_visitor()
    guest.page.goto(guest.origin + link(model=ENCODER, seed="77"))
    expect(progress(guest.page)).to_be_visible(timeout=SLOW_MS)
    (export,) = processes()
    guest.page.context.close()
    closed = time.monotonic()
    # Streamlit looks after closed visits when another one closes.
    while export.is_running() and time.monotonic() < closed + 30:
        passer = new_visitor()
        passer.open("/")
        passer.page.context.close()
    assert not export.is_running()
    # It was still at work: the same export is not there for the next visitor.
    visitor = new_visitor()
    visitor.page.goto(visitor.origin + link(model=ENCODER, seed="77"))
    expect(progress(visitor.page)).to_be_visible(timeout=SLOW_MS)
    stage(visitor.page).get_by_role("button", name="Stop", exact=True).click()
    await_none(processes)


# Links.


def test_a_copied_link_restores_everything_in_another_browser(page: Page, new_visitor: NewVisitor) -> None:
    page.get_by_role("radio", name="legacy").click()
    choose(page, "Model", MLP)
    expect_graph(page, "mlp.onnx", OPERATORS[MLP])
    opset = page.get_by_role("spinbutton", name="Opset asked for")
    opset.fill("17")
    opset.press("Enter")
    expect(page).to_have_url(re.compile("opset=17"))
    page.get_by_role("button", name=re.compile("batch 2 · seed 0")).click()
    options = page.get_by_test_id("stPopoverBody")
    for name, role, text in (
        ("Batch of the example", "spinbutton", "3"),
        ("Open axes", "textbox", "none"),
        ("Output names", "textbox", "scores"),
    ):
        field = options.get_by_label(name, exact=True)
        expect(field).to_have_role(role)  # type: ignore[arg-type]
        field.fill(text)
        field.press("Enter")
        expect(page).to_have_url(re.compile(f"={text}(&|$)"))
    page.keyboard.press("Escape")
    tab(page, "What if?")
    expect(page).to_have_url(re.compile("tab=What"))
    expect(number(page, "opset, 17 asked for")).to_have_text("17", timeout=SLOW_MS)
    expect(verdict(page)).to_contain_text("batch")
    page.get_by_role("button", name="Share").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(code).to_contain_text("scores")
    other = new_visitor()
    other.page.goto(code.locator("code").inner_text().strip())
    frame = expect_graph(other.page, "mlp.onnx", OPERATORS[MLP])
    for name in ("scores", "3×8", "3×4"):
        expect(frame.locator("#canvas").get_by_text(name, exact=True)).to_be_visible()
    expect(other.page.get_by_role("combobox", name="Model", exact=True)).to_have_value(MLP)
    expect(other.page.get_by_role("radio", name="legacy")).to_be_checked()
    expect(number(other.page, "opset, 17 asked for")).to_have_text("17")
    expect(verdict(other.page)).to_have_text(verdict(page).inner_text())
    expect(other.page.get_by_role("tab", name="What if?")).to_have_attribute("aria-selected", "true")
    other.page.get_by_role("button", name=re.compile("batch 3 · seed 0 · none open")).click()
    options = other.page.get_by_test_id("stPopoverBody")
    expect(options.get_by_label("Batch of the example", exact=True)).to_have_value("3")
    expect(options.get_by_label("Output names", exact=True)).to_have_value("scores")
    expect(other.page.get_by_test_id("stAlert")).to_have_count(0)


def test_garbage_in_a_link_is_one_notice(visitor: Visitor) -> None:
    bait = "<img src=x onerror=alert(1)>"
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(
        link(
            model=bait, exporter="onnxifier", opset="-1e9", batch="two", seed="1" * 200, optimize="maybe",
            tab="Why not?", preset=bait, where="nowhere", language="COBOL",
        )
    )  # fmt: skip
    page = visitor.page
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(verdict(page)).to_have_text(SAME)
    assert page.locator('img[src="x"]').count() == 0
    expect(page).to_have_url(re.compile(f"{LAB}$"))
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"opset": "99"}, "Opset 99 is none that the dynamo exporter knows: choose 7 to 23."),
        ({"batch": "0"}, "The example's batch is 0: choose 1 to 64."),
        ({"axes": "<b>x</b>:9"}, "`<b>x</b>:9` is no axis of simple_mlp: choose among input:0, input:1."),
    ],
)
def test_what_no_exporter_can_do_is_one_line(visitor: Visitor, query: dict[str, str], said: str) -> None:
    visitor.open(link(**query))
    expect(visitor.page.locator(".uth-error")).to_have_text(said)
    expect(visitor.page.locator("iframe")).to_have_count(0)
    expect(visitor.page.get_by_role("tab")).to_have_count(6)


# Predict first.


def test_what_comes_out_never_reaches_the_browser_before_the_guess(visitor: Visitor) -> None:
    page = visitor.page
    frames: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode()),
        )

    page.on("websocket", listen)
    visitor.open(link(model=CNN, predict="true"))
    guesses = page.get_by_role("textbox", name=re.compile("^Your guess for "))
    expect(guesses).to_have_count(2, timeout=SLOW_MS)
    for title in ("What if?", "Where does it break?", "Where it runs", "Why?"):
        expect(tab(page, title).get_by_text("Hidden until you have made your guess above")).to_be_visible()
    taken = tab(page, "Take it away")
    expect(taken.get_by_role("button", name="export.py")).to_be_visible()
    expect(taken.get_by_role("button", name="cnn.onnx")).to_have_count(0)
    secrets = ["opset 18", "18 came out", "Another opset than asked for", "same numbers as"]
    secrets += ["opset, 15 asked for", "ReduceMean", "nodes · bytes", "/netron/"]
    assert [secret for secret in secrets if secret in texts(page)] == []
    assert frames
    assert any(PROGRESS.encode() in frame for frame in frames)
    assert [secret for secret in secrets if any(secret.encode() in frame for frame in frames)] == []
    assert [url for url in visitor.requests if "/netron/" in url] == []
    guesses.first.fill("perhaps")
    guesses.first.press("Enter")
    expect(stage(page).get_by_role("alert")).to_contain_text("perhaps")
    guesses.first.fill("15")
    guesses.first.press("Enter")
    expect(page.locator(".said")).to_have_text(["✗ Opset 15 was asked for; 18 came out."])
    assert page.locator("iframe").count() == 0
    guesses.last.fill("yes")
    guesses.last.press("Enter")
    expect(page.locator(".said").last).to_have_text(re.compile("^✓"))
    expect(number(page, "opset out")).to_have_text("18")
    expect(verdict(page)).to_be_visible()
    frame = graph(page, "cnn.onnx")
    expect(frame.locator(OPERATOR).filter(has_text="ReduceMean")).to_be_visible(timeout=SLOW_MS)
    assert any(b"Another opset than asked for" in frame for frame in frames)


# The tabs.


def test_a_trap_is_set_shown_with_its_evidence_and_avoided(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(link(tab="Where does it break?"))
    panel = page.get_by_role("tabpanel", name="Where does it break?")
    panel.get_by_role("button", name="Set it", exact=True).click()
    expect(progress(page)).to_be_visible(timeout=SLOW_MS)
    graph(page, "transformer.onnx")
    expect(verdict(page)).to_have_text("✗ Made for a batch of one")
    expect(panel.locator("strong").filter(has_text="✗ Made for a batch of one")).to_be_visible()
    expect(number(page, "opset, 18 asked for")).to_have_text("18")
    evidence = panel.locator(".uth-evidence").first.locator("li")
    expect(evidence.filter(has_text="the output output says (1, 4)")).to_be_visible()
    expect(evidence.filter(has_text="Reshape").first).to_contain_text("At batch")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(evidence.first).to_be_visible()
    assert no_sideways(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    panel.get_by_role("button", name="Set it without the trap", exact=True).click()
    expect(verdict(page)).to_have_text(re.compile("^✓ the same numbers"), timeout=SLOW_MS)
    expect(panel.locator("strong").filter(has_text="Made for a batch of one")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("batch 2 · seed 0 · batch open"))).to_be_visible()


def test_both_exporters_and_all_layers_are_compared(visitor: Visitor) -> None:
    # A seed of its own: answers are shared, and what another test exported needs no button any more.
    visitor.open(link(seed="41"))
    page = visitor.page
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    panel = tab(page, "What if?")
    panel.get_by_role("button", name="Export with legacy", exact=True).click()
    rows = panel.get_by_test_id("stDataFrame").first.locator("canvas tr")
    expect(rows.filter(has_text="bytes").first).to_be_attached(timeout=SLOW_MS)
    expect(panel.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    panel = tab(page, "Why?")
    panel.get_by_role("radio", name="Layer by layer").click()
    panel.get_by_role("button", name="Compare the layers", exact=True).click()
    expect(panel.get_by_text("✓ No layer drifts at batch 2, seed 41, normal numbers.")).to_be_visible(
        timeout=SLOW_MS
    )
    rows = panel.get_by_test_id("stDataFrame").locator("canvas tr")
    expect(rows.filter(has_text="Gemm").first).to_contain_text("✓ agrees")
    expect(page.locator(".uth-error")).to_have_count(0)


def test_the_file_runs_in_the_visitor_s_own_browser(visitor: Visitor) -> None:
    visitor.open(link(tab="Where it runs"))
    page = visitor.page
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    panel = page.get_by_role("tabpanel", name="Where it runs")
    panel.get_by_text("Run it in this browser", exact=True).click()
    agrees = re.compile(r"^✓ output: (0|\d\.\de-0[678]) apart at most from PyTorch on the server\.$")
    expect(panel.get_by_text(agrees)).to_be_visible(timeout=SLOW_MS)
    rows = panel.get_by_test_id("stDataFrame").locator("canvas tr")
    expect(rows.filter(has_text="one call, median")).to_have_text(re.compile(r"\d+\.\d µs over \d+ rounds"))
    expect(rows.filter(has_text="first call")).to_have_text(re.compile(r"\d+\.\d\d ms"))
    asked = {url.removeprefix(visitor.origin) for url in visitor.requests}
    assert {f"{RUNTIME.prefix}/{file.name}" for file in RUNTIME.package.files} <= asked


def test_the_file_and_its_program_are_taken_away(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(link(tab="Take it away"))
    page = visitor.page
    expect_graph(page, "simple_mlp.onnx", ["Gemm"])
    for name in ("simple_mlp.onnx", "export.py"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name, exact=True).click()
        assert waiting.value.suggested_filename == name
        waiting.value.save_as(tmp_path / name)
    data = (tmp_path / "simple_mlp.onnx").read_bytes()
    model = loads(data)
    assert [node.op_type for node in model.graph.node] == ["Gemm"]
    assert [opset.version for opset in model.opset_import if opset.domain == ""] == [15]
    expect(number(page, "nodes · bytes")).to_have_text(f"1 · {len(data)}")
    program = (tmp_path / "export.py").read_text(encoding="utf-8")
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)}
    assert "torch.onnx.export" in called


# A file of the visitor's.


def test_a_file_is_examined_run_shown_to_its_owner_alone_and_removed(new_visitor: NewVisitor) -> None:
    visitor, other = new_visitor(), new_visitor()
    name = "<script>alert(1)<img src=x onerror=alert(2)>.onnx"
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(link(model=OWN_FILE))
    page = visitor.page
    expect(page.locator("iframe")).to_have_count(0)
    drop_file(page, name, model_of(["Relu", "Tanh"]))
    expect(verdict(page)).to_have_text("✓ examined, and it runs", timeout=SLOW_MS)
    expect_graph(page, name, ["Relu", "Tanh", "Add"])
    expect(number(page, "opset")).to_have_text("17")
    expect(number(page, "nodes · bytes")).to_have_text(re.compile("^3 · "))
    assert page.locator('img[src="x"]').count() == 0
    rows = tab(page, "Why?").get_by_test_id("stDataFrame").last.locator("canvas tr")
    # Two rows, since the batch is open.
    expect(rows.filter(has_text="float32")).to_contain_text("(2, 3)")
    expect(rows.filter(has_text="float32")).to_contain_text("✓")
    expect(tab(page, "Where it runs").get_by_test_id("stCode")).to_contain_text(".onnx")
    other.open(link(model=OWN_FILE))
    expect(other.page.locator("iframe")).to_have_count(0)
    assert "alert(1)" not in texts(other.page)
    page.get_by_role("button", name=f"Remove {name}", exact=True).click()
    expect(page.locator("iframe")).to_have_count(0)
    expect(verdict(page)).to_have_count(0)
    expect(stage(page).locator(".uth-number")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("picture.onnx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "PNG"),
        ("model.onnx", model_of(["Relu"], outside=True), "secrets.bin"),
    ],
)
def test_what_is_no_model_or_reads_other_files_is_refused(
    visitor: Visitor, name: str, data: bytes, said: str
) -> None:
    visitor.open(link(model=OWN_FILE))
    page = visitor.page
    drop_file(page, name, data)
    expect(verdict(page)).to_have_text("✗ refused, and nothing of it was run", timeout=SLOW_MS)
    rows = stage(page).locator(".uth-board tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("✗ refused")
    expect(rows).to_contain_text(said)
    expect(page.locator("iframe")).to_have_count(0)
    assert [url for url in visitor.requests if "/netron/" in url] == []
