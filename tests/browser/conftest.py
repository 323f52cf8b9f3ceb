"""The real server and a real Chromium for the browser tests. Without Chromium they fail, in one line."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.server import serve
from tests.browser.visitor import Visitor

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Signs of trouble in the server's log.
TROUBLE = ("Traceback", "WARNING", "Warning", "ERROR", "CRITICAL")

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here as a browser test."""
    for item in items:
        if item.path.is_relative_to(HERE) and "visitor" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


# Not for the session: while Playwright is at work the main thread has a running event loop, and no other test
# could start one.
@pytest.fixture(scope="package")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real app; its log must stay without trouble."""
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server.url
        log = server.log.read_text()
    assert not [line for line in log.splitlines() if any(sign in line for sign in TROUBLE)], log


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    try:
        path = chromium.find()
    except chromium.ChromiumError as error:
        pytest.fail(str(error), pytrace=False)
    # Chromium's sandbox refuses to run as root, which is what containers do.
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def new_visitor(browser: Browser, app_url: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, each in a browser context of its own; takes Playwright's context options.

    At the end, no visitor may have met an error or made a request to anywhere else.
    """
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def make(**options: Any) -> Visitor:  # noqa: ANN401 - Playwright's own options
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
            stack.callback(context.close)
            visitors.append(Visitor(context.new_page(), app_url))
            return visitors[-1]

        yield make
        for visitor in visitors:
            assert visitor.errors == []
            assert visitor.outside() == []


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    """One visitor with a laptop's window."""
    return new_visitor()
