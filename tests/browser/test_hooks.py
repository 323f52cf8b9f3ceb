"""The hooks lab in a browser: what a visitor chooses, registers, runs, guesses, trains and takes away."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.hooks_lab import (
    BACKWARD,
    CALL,
    FORWARD,
    LAB,
    MLP,
    SLOW_MS,
    by_pytorch,
    chips,
    choose,
    expect_fired,
    fill_form,
    link,
    number,
    remove,
    tab,
    verdict,
    worked_output,
)
from tests.browser.lab import contrast, texts
from tests.browser.visitor import Visitor

NewVisitor = Callable[..., Visitor]
WORKED = ["model forward_pre observe", "model forward observe"]
CHAIN = "Your own chain of layers"


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The lab as it opens."""
    visitor.open(LAB)
    expect_fired(visitor.page, [0, 0])
    return visitor.page


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


# The stage.


def test_the_worked_example_is_on_the_screen(page: Page) -> None:
    assert page.url.endswith(LAB)
    expect_fired(page, by_pytorch("scalar_linear", WORKED, FORWARD))
    expect(number(page, "output of this run")).to_have_text(worked_output())
    expect(number(page, "model(x) without hooks")).to_have_text(worked_output())
    expect(verdict(page)).to_have_text("✗ 2 hooks were skipped, and nothing said so")
    lanes = page.locator(".uth-route .lane")
    expect(lanes.locator("> code")).to_have_text([CALL, FORWARD])
    expect(lanes.first.locator(".hook")).to_have_text(["✓ model pre hook", "✓ model hook"])
    expect(lanes.last.locator(".hook")).to_have_text(["✗ model pre hook", "✗ model hook"])
    expect(chips(page)).to_have_text(WORKED)
    shown = page.locator(".uth-number, .uth-verdict, .lane, .uth-board tr").all()
    stage = [item.bounding_box() for item in shown[:9]]
    assert len(stage) == 9
    assert [box for box in stage if box is None or box["y"] + box["height"] > 720] == []
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


@pytest.mark.parametrize("predict", ["false", "true"])
def test_the_projected_stage_is_large_and_above_the_fold(new_visitor: NewVisitor, predict: str) -> None:
    visitor = new_visitor()
    visitor.open(link(projector="true", predict=predict))
    page = visitor.page
    lanes = page.locator(".uth-route .lane")
    expect(lanes).to_have_count(2)
    if predict == "true":
        expect(page.get_by_role("textbox", name=re.compile("^Your guess for "))).to_have_count(2)
    else:
        expect(number(page, "hooks that fired")).to_have_text("0 of 2")
    expect(page.locator("html")).to_have_css("font-size", "24px")
    for value in page.locator(".uth-number .value").all():
        assert float(value.evaluate("v => parseFloat(getComputedStyle(v).fontSize)")) >= 40
    stage = page.locator(
        ".st-key-lab-stage .uth-number, .st-key-lab-stage .uth-verdict, .lane, .lane .hook, "
        ".st-key-lab-stage input"
    ).all()
    assert len(stage) > 8
    low = []
    for item in stage:
        box = item.bounding_box()
        if box is not None and (box["y"] + box["height"] > 720 or box["x"] + box["width"] > 1280):
            low.append(item.evaluate("item => item.outerHTML.slice(0, 90)"))
    assert low == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_a_run_that_is_about_one_layer_fits_the_projector_too(visitor: Visitor) -> None:
    visitor.open(link(projector="true", model=MLP, run="an exception in the middle"))
    lanes = visitor.page.locator(".uth-route .lane")
    expect(lanes).to_have_count(2)
    boxes = [lane.bounding_box() for lane in lanes.all()]
    assert [box for box in boxes if box is None or box["y"] + box["height"] > 720] == []


KEY_TEXTS = {
    "fired": ".uth-route .hook.fired",
    "silent": ".uth-route .hook.silent",
    "board, fired": ".uth-board .said-fired",
    "board, silent": ".uth-board .said-silent",
    "board, usual": ".uth-board td:nth-child(3)",
    "board, head": ".uth-board th",
    "arrow": ".uth-route .arrow",
    "layer": ".uth-route .layer",
    "end": ".uth-route .end",
    "code": ".uth-route code",
    "number": ".uth-number .value",
    "its name": ".uth-number .what",
    "verdict": ".uth-verdict .what",
    "reason": ".uth-reason",
    "chip": ".st-key-hook [data-tag] span",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fired_and_silent_are_readable_in_both_themes(new_visitor: NewVisitor, scheme: str) -> None:
    visitor = new_visitor(color_scheme=scheme)
    hooks = ["model forward observe", "fc1 forward observe"]
    visitor.open(link(model=MLP, hook=hooks))
    expect_fired(visitor.page, by_pytorch("mlp", hooks, FORWARD))
    poor = {
        what: ratio
        for what, selector in KEY_TEXTS.items()
        if (ratio := round(contrast(visitor.page.locator(selector).first), 2)) < 4.5
    }
    assert poor == {}


def test_another_run_changes_what_fires(page: Page) -> None:
    choose(page, "Run", CALL)
    expect_fired(page, by_pytorch("scalar_linear", WORKED, CALL))
    expect(verdict(page)).to_have_text("✓ every hook fired")
    assert address(page) == {"run": [CALL]}
    choose(page, "Run", FORWARD)
    expect_fired(page, [0, 0])
    expect(page).to_have_url(re.compile(r"/hooks(\?run=model.forward.*)?$"))


def test_quick_hands_end_in_a_page_that_agrees_with_itself(page: Page) -> None:
    choose(page, "Model", MLP)
    expect(number(page, "output of this run")).to_contain_text("…")
    for run in (CALL, BACKWARD, "under torch.no_grad()", FORWARD, "a copy in another thread", CALL, FORWARD):
        choose(page, "Run", run)
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value(FORWARD)
    expect_fired(page, by_pytorch("mlp", WORKED, FORWARD))
    expect(page.locator(".uth-route .lane code").last).to_have_text(FORWARD)
    expect(page.locator(".uth-route .lane > code").last).to_have_text(FORWARD)
    assert address(page).get("run", [FORWARD]) == [FORWARD]
    choose(page, "Run", CALL)
    choose(page, "Run", FORWARD)
    choose(page, "Run", CALL)
    expect_fired(page, by_pytorch("mlp", WORKED, CALL))


# Registering.


def test_a_hook_is_registered_by_the_form_and_removed_by_its_cross(page: Page) -> None:
    choose(page, "Run", CALL)
    expect_fired(page, [1, 1])
    form = fill_form(page, {"What it does": "scale"})
    amount = form.get_by_role("spinbutton", name="Amount")
    amount.fill("3")
    amount.press("Enter")
    form.get_by_role("button", name="Register", exact=True).click()
    hooks = [*WORKED, "model forward scale=3"]
    expect(chips(page)).to_have_text(hooks)
    page.keyboard.press("Escape")
    expect_fired(page, [1, 1, 1])
    expect(page.locator(".uth-route .hook")).to_have_text(["✓ model pre hook", *["✓ model hook"] * 2])
    expect(number(page, "output of this run")).to_have_text(re.compile(r"^3\.30*"))
    expect(number(page, "model(x) without hooks")).to_have_text(worked_output())
    expect(page).to_have_url(re.compile("scale"))
    assert address(page)["hook"] == hooks
    remove(page, hooks[2])
    expect(chips(page)).to_have_text(WORKED)
    expect_fired(page, [1, 1])
    expect(number(page, "output of this run")).to_have_text(worked_output())
    remove(page, WORKED[0])
    expect(chips(page)).to_have_text(WORKED[1:])
    expect_fired(page, [1])
    expect(page).to_have_url(re.compile(r"hook="))
    assert address(page)["hook"] == WORKED[1:]


def test_back_undoes_a_registration_and_forward_repeats_it(page: Page) -> None:
    form = fill_form(page, {"What it does": "scale"})
    form.get_by_role("button", name="Register", exact=True).click()
    hooks = [*WORKED, "model forward scale"]
    expect(chips(page)).to_have_text(hooks)
    expect_fired(page, [0, 0, 0])
    page.keyboard.press("Escape")
    page.go_back()
    expect(chips(page)).to_have_text(WORKED)
    expect_fired(page, [0, 0])
    assert "hook" not in address(page)
    page.go_forward()
    expect(chips(page)).to_have_text(hooks)
    expect_fired(page, [0, 0, 0])


def test_on_every_layer_and_none_at_all(visitor: Visitor) -> None:
    visitor.open(link(model=MLP, run=CALL))
    page = visitor.page
    form = fill_form(page, {"What it does": "capture"})
    form.get_by_role("button", name="On every layer", exact=True).click()
    layers = ["model", "fc1", "relu", "fc2", "relu2", "fc3"]
    hooks = [*WORKED, *(f"{layer} forward capture" for layer in layers)]
    expect(chips(page)).to_have_text(hooks)
    page.keyboard.press("Escape")
    expect_fired(page, by_pytorch("mlp", hooks, CALL))
    for hook in hooks:
        remove(page, hook)
        expect(page.get_by_role("button", name=f"Remove {hook}", exact=True)).to_have_count(0)
    expect(number(page, "hooks that fired")).to_have_text("no hook")
    expect(page.locator(".uth-board")).to_have_count(0)
    expect(page.locator(".uth-error")).to_have_count(0)
    visitor.wait()
    page.get_by_role("button", name="Reset").click()
    expect_fired(page, [0, 0])
    expect(chips(page)).to_have_text(WORKED)


# Links.


def test_no_hooks_at_all_survive_a_reload(visitor: Visitor) -> None:
    visitor.open(link(hook=["model forward observe"]))
    page = visitor.page
    expect_fired(page, [0])
    remove(page, "model forward observe")
    expect(number(page, "hooks that fired")).to_have_text("no hook")
    visitor.wait()
    page.reload()
    visitor.wait()
    expect(number(page, "hooks that fired")).to_have_text("no hook")
    expect(chips(page)).to_have_text(["none"])


def test_a_copied_link_shows_the_same_in_another_browser(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    hooks = ["fc1 forward observe", "model forward_pre observe", "fc2 forward scale=2.5"]
    visitor.open(link(model=MLP, hook=hooks))
    page = visitor.page
    expect_fired(page, by_pytorch("mlp", hooks, FORWARD))
    tab(page, "Why?").get_by_role("radio", name="Layer by layer").click()
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    page.get_by_role("button", name="Share").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(code).to_contain_text("Layer")
    copied = code.locator("code").inner_text().strip()
    other = new_visitor()
    other.page.goto(copied)
    other.wait()
    expect_fired(other.page, by_pytorch("mlp", hooks, FORWARD))
    expect(chips(other.page)).to_have_text(hooks)
    expect(other.page.get_by_role("combobox", name="Model", exact=True)).to_have_value(MLP)
    expect(other.page.get_by_test_id("stPlotlyChart")).to_be_visible()
    for what in ("output of this run", "model(x) without hooks"):
        expect(number(other.page, what)).to_have_text(number(page, what).inner_text())
    expect(other.page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_link_to_a_chain_shows_it_before_its_tab_is_opened(visitor: Visitor) -> None:
    visitor.open(link(model=CHAIN, chain="Input(3)\nLinear(3, 1)", run=CALL, hook="0 forward observe"))
    page = visitor.page
    expect_fired(page, [1])
    # One output: the worked chain has four.
    expect(number(page, "output of this run")).to_have_text(re.compile(r"^-?\d+\.\d+$"))
    text = tab(page, "The model").get_by_role("textbox", name="Your layers, one per line")
    expect(text).to_have_value("Input(3)\nLinear(3, 1)")


def test_a_layer_chosen_in_the_table_is_the_one_that_the_form_begins_with(visitor: Visitor) -> None:
    visitor.open(link(model=MLP))
    page = visitor.page
    table = tab(page, "The model").get_by_test_id("stDataFrame")
    rows = table.locator("canvas tr")  # what the canvas tells screen readers; the first has the headings
    expect(rows.nth(3)).to_contain_text("relu")
    table.scroll_into_view_if_needed()
    grid = table.get_by_test_id("data-grid-canvas").bounding_box()
    assert grid is not None
    line = grid["height"] / rows.count()
    page.mouse.click(grid["x"] + 12, grid["y"] + 3.5 * line)
    expect(rows.nth(3)).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Register a hook").click()
    form = page.get_by_test_id("stPopoverBody")
    expect(form.get_by_role("combobox", name="Layer", exact=True)).to_have_value("relu")


def test_markup_in_a_link_is_only_text(visitor: Visitor) -> None:
    bait = "<img/src=x/onerror=alert(1)>"
    visitor.page.on("dialog", lambda dialog: visitor.errors.append(dialog.message))
    visitor.open(link(hook=f"{bait} forward observe", run=CALL, model=bait, layer=bait))
    page = visitor.page
    expect(page.locator(".uth-error")).to_have_count(1)
    expect(page.locator(".uth-error")).to_contain_text("img")
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    assert page.locator('img[src="x"]').count() == 0
    page.get_by_role("button", name="Reset").click()
    expect_fired(page, [0, 0])


def test_a_link_s_text_becomes_no_link_on_the_page(visitor: Visitor) -> None:
    visitor.open(link(hook="model [here](https://example.org)"))
    alert = visitor.page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("here")
    expect(alert.get_by_role("link")).to_have_count(0)


# Visitors.


def test_two_visitors_with_two_models_never_see_each_other_s(new_visitor: NewVisitor) -> None:
    first, second = new_visitor(), new_visitor()
    first.open(LAB)
    second.open(link(model=MLP))
    for run in (CALL, FORWARD, CALL):
        # Both send before either has its answer.
        choose(first.page, "Run", run)
        choose(second.page, "Run", run)
        for page, model in ((first.page, "scalar_linear"), (second.page, "mlp")):
            expect_fired(page, by_pytorch(model, WORKED, run))
        expect(number(first.page, "output of this run")).to_have_text(worked_output())
        expect(number(second.page, "output of this run")).to_contain_text("…")
    remove(first.page, WORKED[0])
    expect_fired(first.page, [1])
    expect_fired(second.page, [1, 1])
    second.page.reload()
    expect_fired(second.page, [1, 1])
    expect(chips(first.page)).to_have_text(WORKED[1:])


# The tabs.


def test_the_keys_n_and_b_step_through_the_timeline(visitor: Visitor) -> None:
    hooks = ["fc1 forward observe", "fc2 forward observe", "fc3 full_backward observe"]
    visitor.open(link(model=MLP, run=BACKWARD, hook=hooks, view="Timeline"))
    page = visitor.page
    panel = page.get_by_role("tabpanel", name="Why?")
    position = panel.get_by_test_id("stSlider").get_by_role("slider")
    expect(position).to_have_value("1")
    expect(panel).to_contain_text("1. fc1")
    page.locator("h1").click()
    for value, layer in (("2", "fc2"), ("3", "fc3")):
        page.keyboard.press("n")
        expect(position).to_have_value(value)
        expect(panel).to_contain_text(f"{value}. {layer}")
    expect(panel).to_contain_text("backward")
    expect(panel.get_by_role("button", name="Next")).to_be_disabled()
    page.keyboard.press("b")
    expect(position).to_have_value("2")
    expect(panel).to_contain_text("2. fc2")
    expect(page).to_have_url(re.compile(r"[?&]step=2(&|$)"))


def test_a_wrong_chain_has_a_caret_and_is_repaired(visitor: Visitor) -> None:
    visitor.open(link(model=CHAIN, tab="The model", run=CALL))
    page = visitor.page
    expect_fired(page, [1, 1])
    text = page.get_by_role("textbox", name="Your layers, one per line")
    text.fill("Input(8)\nLinear(8, 16)\nLinear(17, 4)")
    text.press("Control+Enter")
    wrong = page.get_by_role("tabpanel", name="The model").locator(".uth-error")
    expect(wrong).to_contain_text("Line 3")
    expect(wrong).to_contain_text("(N, 16)")
    expect(wrong).to_contain_text("(N, 17)")
    expect(wrong.locator("pre")).to_have_text(re.compile(r"^Linear\(17, 4\)\n\s*\^$"))
    expect(page.locator(".uth-number")).to_have_count(0)
    text.fill("Input(8)\nLinear(8, 16)\nLinear(16, 1)")
    text.press("Control+Enter")
    expect(page.locator(".uth-error")).to_have_count(0)
    expect_fired(page, [1, 1])
    expect(number(page, "output of this run")).to_have_text(re.compile(r"^-?\d+\.\d+$"))


def test_the_program_that_is_taken_away_prints_what_the_page_shows(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(link(run=CALL, hook=["model forward scale=3"], tab="Take it away"))
    page = visitor.page
    expect_fired(page, [1])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="hooks.py").click()
    assert waiting.value.suggested_filename == "hooks.py"
    saved = tmp_path / "hooks.py"
    waiting.value.save_as(saved)
    done = subprocess.run(
        [sys.executable, str(saved)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("1. model forward")]
    (output,) = [line.split()[-1] for line in lines if line.startswith("output")]
    shown = float(number(page, "output of this run").inner_text())
    assert abs(float(output) - shown) < 1e-5


# Predict first.


def test_what_fires_never_reaches_the_browser_before_the_guess(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.page
    frames: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode()),
        )

    page.on("websocket", listen)
    visitor.open(link(model=MLP, hook=["model forward observe", "fc1 forward observe"], predict="true"))
    secrets = ["✗ model hook", "silent · ", "fired once", "Silent: ", "1 of 2", "skipped, and"]
    guesses = page.get_by_role("textbox", name=re.compile("^Your guess for "))
    expect(guesses).to_have_count(2)
    expect(page.locator(".uth-route .lane").last.locator(".hook")).to_have_text(
        ["? fc1 hook", "? model hook"]
    )
    for title in ("What if?", "Take it away", "Why?"):
        panel = tab(page, title)
        expect(panel.get_by_text("Hidden until you have made your guess above")).to_be_visible()
    assert [secret for secret in secrets if secret in texts(page)] == []
    assert frames
    assert [secret for secret in secrets if any(secret.encode() in frame for frame in frames)] == []
    guesses.first.fill("yes")
    guesses.first.press("Enter")
    expect(page.locator(".said")).to_contain_text("✗")
    expect(page.locator(".uth-route .lane").last.locator(".hook")).to_have_text(
        ["? fc1 hook", "? model hook"]
    )
    guesses.last.fill("once")
    guesses.last.press("Enter")
    expect(page.locator(".said")).to_have_text([re.compile("^✗"), re.compile("^✓")])
    expect(verdict(page)).to_have_text("✗ 1 hook was skipped, and nothing said so")
    expect(page.locator(".uth-route .lane").last.locator(".hook")).to_have_text(
        ["✓ fc1 hook", "✗ model hook"]
    )
    choose(page, "Run", CALL)
    expect(guesses.first).to_have_value("")
    expect(page.locator(".said")).to_have_count(0)


# What runs elsewhere.


def training(**query: str) -> str:
    return link(
        model="Convolutional network", tab="What if?", explore="Train live", steps="2000", every_layer="true",
        **query,
    )  # fmt: skip


def test_a_training_is_watched_paused_resumed_and_stopped_while_others_go_on(
    new_visitor: NewVisitor,
) -> None:
    visitor, other = new_visitor(), new_visitor()
    visitor.open(training())
    other.open(LAB)
    page = visitor.page
    panel = page.get_by_role("tabpanel", name="What if?")
    panel.get_by_role("button", name="Start").click()
    progress = panel.get_by_test_id("stProgress")
    expect(progress).to_contain_text(re.compile(r"step [1-9][\d,]* of 2,000"), timeout=SLOW_MS)
    panel.get_by_role("button", name="Pause").click()
    expect(panel.get_by_role("button", name="Resume")).to_be_visible(timeout=SLOW_MS)
    # The chart of the last steps takes the place of the one before.
    expect(panel.get_by_test_id("stPlotlyChart")).to_have_count(1)
    visitor.wait()
    held = progress.inner_text()
    # Another visitor's page answers meanwhile, and knows nothing of it.
    choose(other.page, "Run", CALL)
    expect_fired(other.page, [1, 1])
    expect(other.page.get_by_test_id("stProgress")).to_have_count(0)
    assert progress.inner_text() == held
    panel.get_by_role("button", name="Resume").click()
    expect(progress).not_to_have_text(held, timeout=SLOW_MS)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Run again")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".uth-error")).to_have_count(0)
    panel.get_by_role("button", name="Run again").click()
    expect(panel.get_by_role("button", name="Start")).to_be_visible()


def test_a_training_tells_where_a_nan_comes_from(visitor: Visitor) -> None:
    visitor.open(training(nan_at="3"))
    panel = visitor.page.get_by_role("tabpanel", name="What if?")
    panel.get_by_role("button", name="Start").click()
    expect(panel.get_by_role("button", name="Run again")).to_be_visible(timeout=SLOW_MS)
    finding = panel.locator(".uth-verdict").first
    # It was planted in the input, so the first layer is the first that gives one.
    expect(finding.locator(".what")).to_have_text("✗ step 3: not finite · conv1")
    expect(panel.get_by_test_id("stProgress")).to_contain_text("loss nan")


def test_what_watching_costs_is_measured_elsewhere_and_outdated_by_a_change(visitor: Visitor) -> None:
    visitor.open(link(run=CALL, tab="What if?", explore="What watching costs"))
    page = visitor.page
    panel = page.get_by_role("tabpanel", name="What if?")
    panel.get_by_role("button", name="Measure", exact=True).click()
    expect(panel.get_by_text("times as long with the hooks")).to_be_visible(timeout=SLOW_MS)
    expect(panel.locator(".uth-number", has_text="per firing")).to_contain_text("2 firings in a call")
    expect(panel.locator(".uth-number", has_text="output")).to_contain_text("identical")
    expect(panel.locator(".uth-number", has_text="times as long")).to_contain_text(re.compile(r"\d\.\d\d×"))
    remove(page, WORKED[0])
    expect(panel.get_by_text("The inputs have changed since the last result.")).to_be_visible()
    expect(panel.locator(".uth-number")).to_have_count(0)


def test_a_run_that_compiles_goes_on_elsewhere(visitor: Visitor) -> None:
    visitor.open(link(run="torch.compile, then hooks"))
    page = visitor.page
    page.get_by_role("button", name="Compile and run").click()
    expect(page.get_by_text("Compiling and running, in a process of its own")).to_be_visible()
    # PyTorch documents it: hooks that are added after compilation are skipped.
    expect(number(page, "hooks that fired")).to_have_text("0 of 2", timeout=SLOW_MS)
    expect(number(page, "output of this run")).to_have_text(worked_output())
    choose(page, "Run", CALL)
    expect_fired(page, [1, 1])
