"""The secrets lab in a browser: live, masked, in both modes, and no value in what leaves the server."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, Response, WebSocket, expect

from tests.browser.conftest import TROUBLE
from tests.browser.lab import contrast, tab
from tests.browser.server import ROOT, serve
from tests.browser.visitor import Visitor
from ui.secrets.inputs import ACTS, DEPLOYMENTS, LEAK_VIEWS, OWN_TEXT, PASTED, TABS, THIS_MACHINE

NewVisitor = Callable[..., Visitor]


def token() -> str:
    """A key as OpenAI issues them, of this run alone."""
    return "sk-" + "proj-" + secrets.token_hex(24)


@dataclass(frozen=True)
class Home:
    """A server on its owner's machine, with a value planted in each source."""

    url: str
    folder: Path
    log: Path
    planted: tuple[str, ...]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    app = folder / "app"
    for name in ("core", "ui", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "dashboard.py"):
        shutil.copy(ROOT / name, app)
    planted = tuple(token() for _ in range(4))
    (app / ".env").write_text(f"ANTHROPIC_API_KEY={planted[0]}\n")
    (app / ".streamlit" / "secrets.toml").write_text(f'HF_TOKEN = "{planted[1]}"\n')
    environment = {"OPENAI_API_KEY": planted[2], "NOT_DECLARED": planted[3]}
    with serve(folder, app / "app.py", environment) as server:
        yield Home(server.url, app, server.log, planted)
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log
    assert not any(form in log.encode() for value in planted for form in forms(value))


@pytest.fixture
def app_url(home: Home) -> str:
    return home.url


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("hosted")
    planted = (token(),)
    with serve(folder, environment={"UTH_MODE": "hosted", "OPENAI_API_KEY": planted[0]}) as server:
        yield Home(server.url, folder, server.log, planted)
        log = server.log.read_text()
    assert not any(form in log.encode() for form in forms(planted[0]))


def forms(value: str) -> list[bytes]:
    """A value as it could stand in what is sent, whatever it is wrapped in."""
    raw = value.encode()
    aligned = [base64.b64encode(b"." * shift + raw).decode()[4:-4].encode() for shift in range(3)]
    return [raw, quote(value, safe="").encode(), json.dumps(value)[1:-1].encode(), *aligned]


@dataclass
class Wire:
    """All that a page gets from the server."""

    page: Page
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("websocket", self._listen)
        self.page.on("response", self._keep)

    def has(self, value: str) -> bool:
        """Whether a value came, or is on the page or in its address."""
        self.page.wait_for_timeout(100)
        seen = [*self.heard, self.page.content().encode(), self.page.url.encode()]
        return any(form in each for form in forms(value) for each in seen)

    def _listen(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", lambda data: self.heard.append(_bytes(data)))

    def _keep(self, response: Response) -> None:
        if "/static/" not in response.url:
            self.heard.append(response.url.encode())


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def link(**query: str) -> str:
    return f"/secrets?{urlencode(query)}"


def row(page: Page, key: str) -> str:
    """A key's row on the board."""
    return line(page, key).inner_text()


def line(page: Page, key: str) -> Locator:
    """A key's row on the board, by its whole name."""
    return page.locator(".uth-keys tr").filter(has=page.locator(f'td:text-is("{key}")'))


def walk(visitor: Visitor, start: dict[str, str]) -> Iterator[str]:
    """Every view of the lab, by its link."""
    views = [{"tab": title} for title in TABS]
    views += [{"tab": TABS[1], "on": title} for title in DEPLOYMENTS]
    views += [{"tab": TABS[2], "leaks": view} for view in LEAK_VIEWS]
    views += [{"predict": "true"}, {"projector": "true"}]
    for view in views:
        visitor.open(link(**start, **view))
        yield repr(view)


def test_a_change_of_the_file_shows_without_a_restart_or_a_click(visitor: Visitor, home: Home) -> None:
    file = home.folder / ".env"
    before = file.read_text()
    visitor.open(link(**{"from": THIS_MACHINE}))
    expect(line(visitor.page, "GITHUB_TOKEN")).to_contain_text("not set")
    file.write_text(before + "GITHUB_TOKEN=" + "gh" + "p_" + secrets.token_hex(18) + "\n")
    expect(line(visitor.page, "GITHUB_TOKEN")).to_contain_text("✓ set")
    file.write_text(before)
    expect(line(visitor.page, "GITHUB_TOKEN")).to_contain_text("not set")


def test_no_planted_value_comes_over_the_wire(visitor: Visitor, home: Home) -> None:
    wire = Wire(visitor.page)
    for view in walk(visitor, {"from": THIS_MACHINE}):
        for value in home.planted:
            assert not wire.has(value), view
    assert len(wire.heard) > 50
    visitor.open(link(**{"from": THIS_MACHINE}))
    assert "process" in row(visitor.page, "OPENAI_API_KEY")
    assert ".env" in row(visitor.page, "ANTHROPIC_API_KEY")
    assert "st.secrets" in row(visitor.page, "HF_TOKEN")


def test_no_planted_value_is_on_any_other_page_or_in_a_metric(visitor: Visitor, home: Home) -> None:
    wire = Wire(visitor.page)
    for path in ("/", "/autograd", "/hooks", "/onnx", "/pickles", "/contracts", "/runs"):
        visitor.open(path)
        for value in home.planted:
            assert not wire.has(value), path
    with urlopen(f"{home.url}/_stcore/metrics") as response:
        metrics = response.read()
    assert b"active_sessions" in metrics
    assert not any(form in metrics for value in home.planted for form in forms(value))


def test_what_is_downloaded_has_names_and_masks_alone(visitor: Visitor, home: Home) -> None:
    visitor.open(link(**{"from": THIS_MACHINE, "tab": TABS[4]}))
    for name in ("check_keys.py", ".env.example", "report.md"):
        with visitor.page.expect_download() as waiting:
            visitor.page.get_by_role("button", name=name).click()
        data = waiting.value.path().read_bytes()
        assert b"OPENAI_API_KEY" in data
        assert not any(form in data for value in home.planted for form in forms(value))


def test_the_end_of_a_token_is_shown_to_its_owner_who_asks(visitor: Visitor, home: Home) -> None:
    visitor.open(link(**{"from": THIS_MACHINE, "ends": "true"}))
    assert f"...{home.planted[2][-5:]}" in row(visitor.page, "OPENAI_API_KEY")


def test_a_hosted_lab_shows_nothing_of_its_server(new_visitor: NewVisitor, hosted: Home) -> None:
    visitor = new_visitor()
    visitor.origin = hosted.url
    wire = Wire(visitor.page)
    for view in walk(visitor, {"from": THIS_MACHINE, "ends": "true"}):
        assert not wire.has(hosted.planted[0]), view
    expect(visitor.page.get_by_text(THIS_MACHINE, exact=True)).to_have_count(0)


def test_a_pasted_text_stays_in_its_visit(new_visitor: NewVisitor, hosted: Home) -> None:
    mine, other = new_visitor(), new_visitor()
    mine.origin = other.origin = hosted.url
    key = token()
    wire, theirs = Wire(mine.page), Wire(other.page)
    mine.open(link(**{"from": PASTED}))
    other.open(link(**{"from": PASTED}))
    mine.page.get_by_role("textbox").fill(f"OPENAI_API_KEY={key}\nHF_TOKEN=\n")
    mine.page.get_by_role("textbox").press("Control+Enter")
    expect(line(mine.page, "OPENAI_API_KEY")).to_contain_text("✓ set")
    expect(line(mine.page, "HF_TOKEN")).to_contain_text("✗ empty")
    assert key not in mine.page.url
    mine.page.get_by_role("button", name="Share").click()
    expect(mine.page.get_by_text("Opens this page with the same inputs")).to_be_visible()
    other.page.reload()
    other.wait()
    assert not theirs.has(key)
    # What the page sends back is the text area's own value, and no other element's.
    assert sum(key.encode() in each for each in wire.heard) <= 1
    assert not any(form in hosted.log.read_bytes() for form in forms(key))


def test_code_is_scanned_and_mended(visitor: Visitor) -> None:
    key = token()
    visitor.open(link(tab=TABS[2], scanned=OWN_TEXT))
    page = visitor.page
    area = page.get_by_label("Code, a notebook's JSON")
    area.fill(f'from openai import OpenAI\n\nclient = OpenAI(api_key="{key}")\n')
    area.press("Control+Enter")
    expect(page.get_by_text("would leak").last).to_be_visible()
    expect(page.locator("code", has_text='os.getenv("OPENAI_API_KEY")')).to_be_visible()
    assert key not in page.url


def test_every_act_of_the_theatre_plays(visitor: Visitor) -> None:
    for title in list(ACTS)[:3]:
        visitor.open(link(tab=TABS[3], act=title))
        expect(visitor.page.get_by_text("✗ the canary is out")).to_be_visible()
        expect(visitor.page.get_by_text("✓ the canary is nowhere in it")).to_be_visible()
        expect(visitor.page.locator(".uth-output mark").first).to_be_visible()


def test_the_projector_shows_the_stage_without_scrolling(visitor: Visitor) -> None:
    visitor.open(link(projector="true"))
    box = visitor.page.locator(".uth-keys").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 720
    assert box["x"] + box["width"] <= 1280


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_board_can_be_read_in_both_themes(new_visitor: NewVisitor, scheme: str) -> None:
    visitor = new_visitor(color_scheme=scheme)
    visitor.open(link())
    for cell in visitor.page.locator(".uth-keys td[class]").all():
        assert contrast(cell) >= 4.5


def test_a_copied_link_and_the_back_button_keep_the_choices(visitor: Visitor) -> None:
    visitor.open(link())
    tab(visitor.page, TABS[1])
    title = list(DEPLOYMENTS)[2]
    visitor.page.get_by_text(title, exact=True).click()
    expect(visitor.page.get_by_text(f"{title}:").first).to_be_visible()
    address = visitor.page.url
    visitor.page.goto("about:blank")
    visitor.page.goto(address)
    visitor.wait()
    expect(visitor.page.get_by_text(f"{title}:").first).to_be_visible()
