"""A person with a browser: opens pages and notices everything that goes wrong."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

# Written before any of the page's scripts run; a violation of the policy is not always a console error.
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
    console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
_IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
# Seconds would do, but the first page of a cold server imports torch.
_PATIENCE_MS = 60_000


@dataclass
class Visitor:
    """One visitor on one page, with a browser context of their own.

    `requests` are the addresses of all requests; `errors` what console, scripts and network complained of.
    """

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_REPORT_VIOLATIONS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        self.page.on("requestfailed", self._miss)
        self.page.on("response", self._judge)

    def open(self, path: str = "/") -> Response:
        """Go to a path of the app, and wait until its script has run."""
        response = self.page.goto(self.origin + path)
        assert response is not None
        self.wait()
        return response

    def wait(self) -> None:
        """Wait until the page shows its last element and the script is not running."""
        # The element first: a page that has just connected is idle too, as its script has not begun.
        self.page.wait_for_selector(
            '[data-testid="stMain"] [data-testid="stElementContainer"]',
            state="attached",
            timeout=_PATIENCE_MS,
        )
        self.page.wait_for_selector(_IDLE, timeout=_PATIENCE_MS)
        # An element that a rerun has not confirmed yet is stale.
        self.page.locator('[data-testid="stMain"] [data-stale="true"]').first.wait_for(state="detached")

    def outside(self) -> list[str]:
        """The requests that left the app's origin."""
        home = urlsplit(self.origin).netloc
        inside = re.compile(r"(data|blob|about):")
        return [url for url in self.requests if not inside.match(url) and urlsplit(url).netloc != home]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text}")

    def _miss(self, request: Request) -> None:
        # The browser aborts what it no longer needs when a visitor goes on to another page.
        if request.failure != "net::ERR_ABORTED":
            self.errors.append(f"request: {request.url} {request.failure}")

    def _judge(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"response: {response.url} {response.status}")
