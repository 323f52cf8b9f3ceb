"""Netron in a page: each visitor's own graph, in their theme, on one port, whatever their clock says."""

import datetime
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import TROUBLE
from tests.browser.server import ROOT, Server, serve
from tests.browser.visitor import Visitor

SCRIPTS = Path(__file__).parent / "scripts"
PATIENCE_MS = 60_000
OPERATOR = ".node-item-type text"
# .streamlit/config.toml has them too.
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 28)"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("netron")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    shutil.copy(SCRIPTS / "netron_script.py", folder)
    script = shutil.copy(SCRIPTS / "netron_app.py", folder)
    # A visit that is closed is forgotten after a second, not after two minutes.
    environment = {"PYTHONPATH": str(ROOT), "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
    with serve(folder, Path(script), environment) as running:
        yield running
        log = running.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log
    assert "/netron/" not in log


@pytest.fixture
def meet(browser: Browser, server: Server) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; none may meet an error or ask another server for anything."""
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def make(**options: Any) -> Visitor:  # noqa: ANN401 - Playwright's own options
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
            stack.callback(context.close)
            visitors.append(Visitor(context.new_page(), server.url))
            return visitors[-1]

        yield make
        for visitor in visitors:
            assert visitor.errors == []
            assert visitor.outside() == []


def netron(page: Page, operators: str) -> FrameLocator:
    """The frame that shows this model, once it does.

    Netron forbids `eval` in its frame, with which Playwright evaluates: what needs that, asks from outside.
    """
    frame = page.frame_locator(f'iframe[title="the graph of {operators}"]')
    expect(frame.locator("body")).to_have_class("default", timeout=PATIENCE_MS)
    frame.locator(f"#canvas {OPERATOR}").first.wait_for(timeout=PATIENCE_MS)
    return frame


def inside(page: Page, operators: str, script: str) -> Any:  # noqa: ANN401 - what the script gives
    """What a function of the frame's window gives."""
    frame = page.locator(f'iframe[title="the graph of {operators}"]')
    return frame.evaluate(f"frame => ({script})(frame.contentWindow)")


def shown(page: Page, operators: str) -> list[str]:
    """The operators in the graph of the frame that has this name."""
    netron(page, operators)
    script = (
        f"""view => [...view.document.querySelectorAll("#canvas {OPERATOR}")].map(text => text.textContent)"""
    )
    return sorted(inside(page, operators, script))


def kept(page: Page) -> int:
    text = page.get_by_text(re.compile(r"^\d+ kept now$")).inner_text()
    return int(text.split()[0])


def test_the_graph_is_this_model_s(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    visitor.open("/?ops=Relu,Tanh,Sigmoid")
    assert shown(visitor.page, "Relu,Tanh,Sigmoid") == ["Add", "Relu", "Sigmoid", "Tanh"]
    asked = [url for url in visitor.requests if "/netron/" in url]
    assert any("/netron/data/" in url for url in asked)
    assert not any("pytorch" in url or "tflite" in url for url in asked)
    # A rerun with the same model leaves the frame as it is.
    visitor.page.get_by_label("extra").fill("")
    visitor.page.get_by_label("extra").press("Enter")
    visitor.wait()
    assert [url for url in visitor.requests if "/netron/" in url] == asked


def test_nothing_is_asked_and_nothing_stored(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    visitor.open("/?ops=Relu,Tanh")
    frame = netron(visitor.page, "Relu,Tanh")
    expect(frame.locator("#message")).to_be_hidden()
    expect(frame.locator("#logo")).to_be_hidden()
    names = {cookie["name"] for cookie in visitor.page.context.cookies()}
    assert not names & {"consent", "_ga"}


def test_a_node_tells_about_itself_and_closes_again(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    visitor.open("/?ops=Relu,Tanh")
    frame = netron(visitor.page, "Relu,Tanh")
    frame.locator(OPERATOR, has_text="Tanh").click()
    expect(frame.locator("#sidebar-title")).to_have_text("Node Properties")
    # The documentation comes out of the wheel's metadata.
    frame.get_by_title("Show Definition").click()
    expect(frame.locator(".sidebar-documentation")).to_contain_text("hyperbolic tangent")
    frame.locator("#sidebar-closebutton").click()
    expect(frame.locator(".sidebar-documentation")).to_have_count(0)


def test_a_link_opens_beside_the_app(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    context = visitor.page.context
    context.route("https://github.com/**", lambda route: route.fulfill(body="elsewhere"))
    visitor.open("/?ops=Relu")
    frame = netron(visitor.page, "Relu")
    frame.locator("#menu-button").click()
    with context.expect_page() as opened:
        frame.get_by_text("Report Issue").click()
    expect(opened.value).to_have_url("https://github.com/lutzroeder/netron/issues/new")
    assert shown(visitor.page, "Relu") == ["Add", "Relu"]


def test_two_visitors_with_two_models_each_see_only_theirs(meet: Callable[..., Visitor]) -> None:
    one, other = meet(), meet()
    one.page.goto(f"{one.origin}/?ops=Relu,Tanh&ops=Exp")
    other.page.goto(f"{other.origin}/?ops=Sigmoid&ops=Abs,Neg")
    assert shown(one.page, "Relu,Tanh") == ["Add", "Relu", "Tanh"]
    assert shown(other.page, "Sigmoid") == ["Add", "Sigmoid"]
    assert shown(one.page, "Exp") == ["Add", "Exp"]
    assert shown(other.page, "Abs,Neg") == ["Abs", "Add", "Neg"]
    models = [{url for url in visitor.requests if "/netron/data/" in url} for visitor in (one, other)]
    assert [len(urls) for urls in models] == [2, 2]
    assert not models[0] & models[1]


def test_a_changed_model_takes_the_place_of_the_old_one(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    visitor.open("/?ops=Relu")
    assert shown(visitor.page, "Relu") == ["Add", "Relu"]
    before = kept(visitor.page)
    for extra in ("Tanh", "Sigmoid"):
        visitor.page.get_by_label("extra").fill(extra)
        visitor.page.get_by_label("extra").press("Enter")
        frame = netron(visitor.page, "Relu")
        expect(frame.locator(OPERATOR, has_text=extra)).to_be_visible(timeout=PATIENCE_MS)
        assert shown(visitor.page, "Relu") == sorted(["Add", "Relu", extra])
        # The last one stays, for a browser may be loading it still; the one before that has gone.
        assert kept(visitor.page) == before + 1


@pytest.mark.parametrize("days", [-400, 365, 3650])
def test_the_visitor_s_clock_does_not_matter(meet: Callable[..., Visitor], days: int) -> None:
    visitor = meet()
    then = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=days)
    visitor.page.clock.set_fixed_time(then)
    visitor.page.goto(f"{visitor.origin}/?ops=Relu,Tanh")
    frame = netron(visitor.page, "Relu,Tanh")
    assert inside(visitor.page, "Relu,Tanh", "view => view.Date.now()") == pytest.approx(
        then.timestamp() * 1000, abs=1
    )
    assert shown(visitor.page, "Relu,Tanh") == ["Add", "Relu", "Tanh"]
    expect(frame.get_by_text("update")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_app_s(meet: Callable[..., Visitor], scheme: str) -> None:
    visitor = meet(color_scheme=scheme)
    visitor.open("/?ops=Relu")
    target = netron(visitor.page, "Relu").locator("#target")
    app = visitor.page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert app == BACKGROUNDS[scheme]
    expect(target).to_have_css("background-color", app)


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_not_the_system_s(meet: Callable[..., Visitor], theme: str, system: str) -> None:
    visitor = meet(color_scheme=system)
    visitor.open("/?ops=Relu")
    netron(visitor.page, "Relu")
    source = visitor.page.locator("iframe").get_attribute("src")
    assert source is not None
    visitor.page.goto(visitor.origin + source.replace(f"theme={system}", f"theme={theme}"))
    page = visitor.page
    page.locator(f"#canvas {OPERATOR}").first.wait_for(timeout=PATIENCE_MS)
    expect(page.locator("#target")).to_have_css("background-color", BACKGROUNDS[theme])
    edge = {"light": "rgb(0, 0, 0)", "dark": "rgb(136, 136, 136)"}[theme]
    expect(page.locator(".edge-path").first).to_have_css("stroke", edge)


def test_ten_megabytes_are_shown(meet: Callable[..., Visitor]) -> None:
    visitor = meet()
    visitor.open("/?ops=Relu,Tanh&numbers=2600000")
    frame = netron(visitor.page, "Relu,Tanh")
    assert shown(visitor.page, "Relu,Tanh") == ["Add", "Relu", "Tanh"]
    expect(frame.locator("#canvas")).to_contain_text("2600000")
    expect(frame.locator("#message")).to_be_hidden()


def test_hundreds_of_nodes_are_shown_without_a_question(meet: Callable[..., Visitor]) -> None:
    operators = ",".join(["Relu", "Tanh"] * 150)
    visitor = meet()
    visitor.open(f"/?ops={operators}")
    frame = netron(visitor.page, operators)
    assert len(shown(visitor.page, operators)) == 301
    expect(frame.locator("#message")).to_be_hidden()


def test_models_go_when_the_visit_is_closed(meet: Callable[..., Visitor]) -> None:
    watcher = meet()
    watcher.open("/?ops=Relu")
    shown(watcher.page, "Relu")
    guest = meet()
    guest.open("/?ops=Exp&ops=Abs&ops=Neg")
    for operators in ("Exp", "Abs", "Neg"):
        shown(guest.page, operators)
    addresses = [url for url in guest.requests if "/netron/data/" in url]
    assert len(addresses) == 3
    assert all(watcher.page.request.get(url).ok for url in addresses)
    guest.page.context.close()
    # Streamlit looks after closed visits when another one closes.
    for _ in range(20):
        passer = meet()
        passer.open("/?ops=Relu")
        passer.page.context.close()
        if all(watcher.page.request.get(url).status == 404 for url in addresses):
            break
        watcher.page.wait_for_timeout(500)
    assert [watcher.page.request.get(url).status for url in addresses] == [404] * 3
    mine = next(url for url in watcher.requests if "/netron/data/" in url)
    assert watcher.page.request.get(mine).ok
