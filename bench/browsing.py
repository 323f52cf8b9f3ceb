"""What `bench pages` measures with: Chromium, our server and a blank one, gestures that time themselves."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import chromium
from tests.browser.conftest import FLAGS
from tests.browser.server import Server, serve

NUMBERS: Final = ("-15.6000", "-14.8000")
"""What every page shows on arrival, at w = 0.5, and at w = 0.6."""

INPUT: Final = 'input[aria-label="w"]'

_PATIENCE_MS: Final = 60_000
_PAUSE_MS: Final = 50
_PROBE: Final = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")
_IDLE: Final = (
    '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
)

# The least that does the same: a number goes to the server, another comes back.
_BLANK: Final = """
import streamlit as st

kind = st.query_params.get("kind", "number")
w = st.slider("w", -10.0, 10.0, 0.5, 0.1) if kind == "slider" else st.number_input("w", value=0.5, step=0.1)
st.metric("L", f"{2 * (w * 2 + 0.1 - 5) * 2:.4f}")
"""
# The blank page gets of our settings what touches speed, not the theme.
_BLANK_SETTINGS: Final = {
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_RUNNER_MAGIC_ENABLED": "false",
    "STREAMLIT_CLIENT_TOOLBAR_MODE": "viewer",
}


@dataclass(frozen=True)
class Place:
    """A page to measure.

    Attributes:
        name: what the tables call it.
        ours: whether our server serves it, or the blank one.
        path: its address below the server's.
        number: CSS selector of the number that changes.
        keys: the key that raises `w` by 0.1, and the one that lowers it again.
    """

    name: str
    ours: bool
    path: str
    number: str = ".uth-number .value"
    keys: tuple[str, str] = ("ArrowUp", "ArrowDown")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium, as the browser tests use it."""
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        yield browser
        browser.close()


@contextmanager
def serve_ours(environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The app, as `make run` serves it."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), environment=environment) as server:
        yield server


@contextmanager
def serve_blank() -> Iterator[Server]:
    """A page with one input, one metric and nothing else, in a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "blank.py"
        script.write_text(_BLANK, encoding="utf-8")
        with serve(Path(folder), script, _BLANK_SETTINGS) as server:
            yield server


def new_context(browser: Browser) -> BrowserContext:
    """A browser context with nothing in its cache; its pages can time themselves (`probe.js`)."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(_PROBE)
    return context


def arrive(context: BrowserContext, server: Server, place: Place, *, loaded: bool = True) -> Page:
    """A new visit, once the page shows its number and rests; `loaded`: and all its code has come.

    Streamlit loads the code of an input when it is first shown, which would be part of the first change.
    """
    page = context.new_page()
    page.goto(server.url + place.path)
    page.locator(place.number, has_text=NUMBERS[0]).wait_for(timeout=_PATIENCE_MS)
    if loaded:
        page.wait_for_load_state("networkidle")
    rest(page)
    return page


def rest(page: Page) -> None:
    """Wait until the script has run and the browser has had time to draw what is below the number."""
    page.wait_for_selector(_IDLE, timeout=_PATIENCE_MS)
    page.wait_for_timeout(_PAUSE_MS)


def paint(browser: Browser, server: Server, place: Place) -> dict[str, float]:
    """A first visit without a cache: milliseconds since the navigation, requests and bytes."""
    context = new_context(browser)
    try:
        page = context.new_page()
        page.goto(server.url + place.path, wait_until="commit")
        found: dict[str, float] = page.evaluate(
            "([selector, text]) => bench.paint(selector, text)", [place.number, NUMBERS[0]]
        )
        # The next measurement does not share the machine with the rest of this one.
        rest(page)
        return found
    finally:
        context.close()


def change(page: Page, place: Place, *, up: bool) -> dict[str, float]:
    """Raise or lower `w` by a key: milliseconds since the key press."""
    page.locator(INPUT).focus()
    page.evaluate("([selector, text]) => { bench.watch(selector, text) }", [place.number, NUMBERS[up]])
    page.keyboard.press(place.keys[not up])
    page.evaluate("bench.changed")
    rest(page)
    found: dict[str, float] = page.evaluate("bench.times()")
    return found
