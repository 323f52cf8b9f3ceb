"""First paint, change to changed number and server memory, beside a blank Streamlit page, in a real Chromium."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.measure import Ratio, percentile, ratio, shuffled
from bench.registry import Cell, Table, Target
from core.gradients import compare
from core.gradients.gallery import EXAMPLES
from tests.browser import chromium
from tests.browser.conftest import FLAGS
from tests.browser.server import ROOT, Server, serve
from ui.numbers import fixed

CHANGE_RATIO: Final = 1.5
PAINT_RATIO: Final = 2.0
MEMORY_MIB: Final = 400
GROWTH_MIB: Final = 10

_MIB: Final = 2**20
_PAUSE_MS: Final = 50
_PATIENCE_MS: Final = 60_000
_WINDOW: Final[Any] = {"width": 1280, "height": 720}
_PROBE: Final = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")
_WORKED: Final = EXAMPLES[0]
_NUMBER: Final = ".uth-number .value"
_NUMBERS: Final = ("-15.6000", "-14.8000")  # on arrival, at w = 0.5, and at 0.6
_INPUT: Final = 'input[aria-label="w"]'
_IDLE: Final = (
    '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
)
_METRIC: Final = '[data-testid="stMetricValue"]'

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
    number: str = _NUMBER
    keys: tuple[str, str] = ("ArrowUp", "ArrowDown")


BLANK: Final = Place("blank: number input and metric", ours=False, path="/", number=_METRIC)
SLIDER: Final = Place(
    "blank: slider and metric", ours=False, path="/?kind=slider", number=_METRIC,
    keys=("ArrowRight", "ArrowLeft"),
)  # fmt: skip
LAB: Final = Place("autograd", ours=True, path="/autograd")
PROJECTOR: Final = Place("autograd, projector", ours=True, path="/autograd?projector=true")
HOME: Final = Place("home", ours=True, path="/")
TABS: Final = tuple(
    Place(f"autograd, tab {tab}", ours=True, path=f"/autograd?tab={tab}")
    for tab in ("What if?", "Where does it break?", "Take it away")
)


def run(changes: int = 40, paints: int = 10, visits: int = 30, drag_s: float = 2.0) -> list[Table]:
    """Measure; the counts are smaller when trying it out."""
    with ExitStack() as stack:
        browser = stack.enter_context(_browser())
        ours = stack.enter_context(_serve_ours())
        at_once = _paint(browser, ours, LAB)
        blank = stack.enter_context(_serve_blank())
        servers = {True: ours, False: blank}
        paint = _first_paint(browser, servers, paints, at_once)
        change = _changes(browser, servers, changes)
        drag = _drag(browser, ours, drag_s)
        stack.pop_all().close()
    with _browser() as browser:
        memory = _memory(browser, visits)
    return [change, paint, drag, memory]


@contextmanager
def _browser() -> Iterator[Browser]:
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        yield browser
        browser.close()


@contextmanager
def _serve_ours(environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), environment=environment) as server:
        yield server


@contextmanager
def _serve_blank() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "blank.py"
        script.write_text(_BLANK, encoding="utf-8")
        with serve(Path(folder), script, _BLANK_SETTINGS) as server:
            yield server


def _context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport=_WINDOW)
    context.add_init_script(_PROBE)
    return context


def _open(context: BrowserContext, server: Server, place: Place) -> Page:
    page = context.new_page()
    page.goto(server.url + place.path)
    page.locator(place.number, has_text=_NUMBERS[0]).wait_for(timeout=_PATIENCE_MS)
    _wait(page)
    return page


def _wait(page: Page) -> None:
    """Until the script has run and the browser has had time to draw what is below the number."""
    page.wait_for_selector(_IDLE, timeout=_PATIENCE_MS)
    page.wait_for_timeout(_PAUSE_MS)


def _first_paint(
    browser: Browser, servers: Mapping[bool, Server], rounds: int, at_once: dict[str, Any]
) -> Table:
    places = {place.name: place for place in (BLANK, LAB, PROJECTOR, HOME)}
    for place in places.values():
        _paint(browser, servers[place.ours], place)
    paints: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
    for turn, order in enumerate(shuffled(list(places), rounds)):
        for name in _those_for(turn, order, (BLANK, LAB)):
            paints[name].append(_paint(browser, servers[places[name].ours], places[name]))
    blank = [paint["seen"] for paint in paints[BLANK.name]]

    def median(name: str, what: str) -> float:
        return statistics.median(paint[what] for paint in paints[name])

    rows: list[tuple[Cell, ...]] = []
    for name, several in paints.items():
        seen = [paint["seen"] for paint in several]
        parts = (
            median(name, what)
            for what in ("first_byte", "scripts_loaded", "connected", "first_message", "arrived")
        )
        sizes = (round(median(name, "requests")), median(name, "kilobytes"))
        rows.append(
            (name, median(name, "seen"), percentile(seen, 90), str(_beside(seen, blank)), *parts, *sizes)
        )
    parts = (
        at_once[what] for what in ("first_byte", "scripts_loaded", "connected", "first_message", "arrived")
    )
    sizes = (at_once["requests"], at_once["kilobytes"])
    rows.append(("autograd, the first visit after the start", at_once["seen"], None, "", *parts, *sizes))
    found = ratio([paint["seen"] for paint in paints[LAB.name]], blank)
    return Table(
        title="First paint: from navigation to the frame with the number, cold browser, ms",
        columns=(
            "page", "median", "p90", "times blank (95% interval)", "first byte", "scripts loaded", "websocket open",
            "first message", "number sent", "requests", "kB",
        ),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds, a new browser context each; the projector and home in every second one.",
            "Medians; every column since the navigation.",
            "scripts loaded: the last script that was loaded before the websocket opened. "
            "number sent: the last websocket message before the number was on the page.",
            "kB: what crossed the network before the number was on the page, as it was sent.",
        ),
        targets=(
            Target(f"the lab's first paint at most {PAINT_RATIO:g} times the blank page's: {found}", met=found.value <= PAINT_RATIO),
        ),
    )  # fmt: skip


def _paint(browser: Browser, server: Server, place: Place) -> dict[str, Any]:
    """Milliseconds since the navigation, in a browser context without a cache."""
    context = _context(browser)
    try:
        page = context.new_page()
        page.goto(server.url + place.path, wait_until="commit")
        paint: dict[str, Any] = page.evaluate(
            "([selector, text]) => bench.paint(selector, text)", [place.number, _NUMBERS[0]]
        )
        # The next measurement does not share the machine with the rest of this one.
        _wait(page)
        return paint
    finally:
        context.close()


def _changes(browser: Browser, servers: Mapping[bool, Server], rounds: int) -> Table:
    places = {place.name: place for place in (BLANK, SLIDER, LAB, PROJECTOR, *TABS)}
    milliseconds: dict[str, list[dict[str, float]]] = {name: [] for name in places}
    with ExitStack() as stack:
        pages: dict[str, Page] = {}
        for name, place in places.items():
            context = _context(browser)
            stack.callback(context.close)
            pages[name] = _open(context, servers[place.ours], place)
            for up in (True, False):
                _change(pages[name], place, up=up)
        for turn, order in enumerate(shuffled(list(places), rounds)):
            # Up and down in turns, also for those that come only every second round.
            for name in _those_for(turn // 2, order, (BLANK, SLIDER, LAB, PROJECTOR)):
                place = places[name]
                milliseconds[name].append(_change(pages[name], place, up=turn % 2 == 0))
    times = {name: [change["seen"] for change in several] for name, several in milliseconds.items()}

    def median(name: str, what: str) -> float:
        return statistics.median(change[what] for change in milliseconds[name])

    targets = []
    for place in (LAB, PROJECTOR):
        found = ratio(times[place.name], times[BLANK.name])
        text = f"{place.name}: at most {CHANGE_RATIO:g} times the blank page: {found}"
        targets.append(Target(text, met=found.value <= CHANGE_RATIO))
    return Table(
        title="Change of w: from the key press to the frame with the changed number, ms",
        columns=(
            "page", "median", "p90", "times blank (95% interval)", "times slider", "sent", "arrived", "idle again",
        ),
        rows=tuple(
            (
                name, statistics.median(several), percentile(several, 90), str(_beside(several, times[BLANK.name])),
                str(_beside(several, times[SLIDER.name])), median(name, "sent"), median(name, "arrived"), median(name, "idle"),
            )
            for name, several in times.items()
        ),
        notes=(
            f"{rounds} interleaved rounds of one change each; the other tabs in half of them.",
            "Medians; every column since the key press. The lab alone has the tab Why? open.",
            "sent: the browser asks the server; arrived: the message that holds the number; idle again: the script has run.",
        ),
        targets=tuple(targets),
    )  # fmt: skip


def _change(page: Page, place: Place, *, up: bool) -> dict[str, float]:
    """Milliseconds since the key press."""
    page.locator(_INPUT).focus()
    page.evaluate("([selector, text]) => { bench.watch(selector, text) }", [place.number, _NUMBERS[up]])
    page.keyboard.press(place.keys[not up])
    page.evaluate("bench.changed")
    _wait(page)
    times: dict[str, float] = page.evaluate("bench.times()")
    return times


def _those_for(turn: int, order: Sequence[str], always: Sequence[Place]) -> list[str]:
    """The names in a round's order, in odd rounds without what is only information."""
    names = {place.name for place in always}
    return [name for name in order if name in names or turn % 2 == 0]


def _beside(several: Sequence[float], base: Sequence[float]) -> Ratio:
    """The ratio of medians; of what was measured in half of the rounds, against half as many of the base."""
    step = len(base) // len(several)
    return ratio(several, base[: len(several) * step : step])


def _drag(browser: Browser, server: Server, seconds: float) -> Table:
    context = _context(browser)
    try:
        page = _open(context, server, LAB)
        dial = page.get_by_role("slider", name="drag w")
        box = dial.bounding_box()
        if box is None:
            raise RuntimeError("the dial `drag w` is not on the page")
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] / 2, middle)
        page.mouse.down()
        page.evaluate("selector => bench.count(selector)", LAB.number)
        start = time.perf_counter()
        while (share := (time.perf_counter() - start) / seconds) < 1:
            # There and back, so that every position differs from the last.
            page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * abs(1 - 2 * share)), middle)
            page.wait_for_timeout(8)
        page.mouse.up()
        took = time.perf_counter() - start
        seen, gaps = page.evaluate("[bench.frames.length, bench.gaps()]")
        page.wait_for_timeout(500)
        _wait(page)
        last = float(dial.get_attribute("aria-valuenow") or "nan")
        shown = page.locator(LAB.number).first.inner_text()
        expected = fixed(compare(_WORKED.loss, {**_WORKED.values, "w": last}, _WORKED.wrt)["w"].autograd)
    finally:
        context.close()
    return Table(
        title=f"Dragging w for {seconds:g} s",
        columns=(
            "changes per second",
            "median gap ms",
            "p90 gap ms",
            "last position",
            "number shown",
            "its gradient",
        ),
        rows=((seen / took, *_middle(gaps), last, shown, expected),),
        notes=("A change: a frame in which the number differs from the frame before.",),
        targets=(Target("the last position wins", met=shown == expected),),
    )


def _middle(gaps: Sequence[float]) -> tuple[float | None, float | None]:
    return (statistics.median(gaps), percentile(gaps, 90)) if gaps else (None, None)


def _memory(browser: Browser, visits: int) -> Table:
    # One second instead of 120 until a visit whose browser has gone is forgotten.
    expiry = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
    with _serve_ours(expiry) as server:
        process = _process(server)
        idle = _settled(process)
        first = _paint(browser, server, LAB)["seen"]
        context = browser.new_context(viewport=_WINDOW)
        page = _open(context, server, LAB)
        one = _settled(process)
        page.close()
        for _ in range(max(visits // 3, 1)):
            _visit(context, server)
        before = _after_expiry(context, server, process)
        for _ in range(visits):
            _visit(context, server)
        after = _after_expiry(context, server, process)
        context.close()
    growth = (after - before) / _MIB
    return Table(
        title="Memory of the server and its processes, MiB resident",
        columns=("when", "MiB"),
        rows=(
            ("idle: everything imported, no visit yet", idle / _MIB),
            ("with one visit open", one / _MIB),
            (f"after {max(visits // 3, 1)} visits, closed and expired", before / _MIB),
            (f"after {visits} more", after / _MIB),
            ("growth", growth),
        ),
        notes=(
            "A visit: open the lab, change w, close. server.disconnectedSessionTTL is 1 s here instead of 120.",
            f"The first visit once everything was imported saw its number after {first:.0f} ms.",
        ),
        targets=(
            Target(
                f"at most {MEMORY_MIB} MiB with one visit: {one / _MIB:.0f} MiB", met=one <= MEMORY_MIB * _MIB
            ),
            Target(f"less than {GROWTH_MIB} MiB of growth: {growth:.1f} MiB", met=growth < GROWTH_MIB),
        ),
    )


def _visit(context: BrowserContext, server: Server) -> None:
    page = _open(context, server, LAB)
    page.locator(_INPUT).press("ArrowUp")
    page.locator(LAB.number, has_text=_NUMBERS[1]).wait_for()
    _wait(page)
    page.close()


def _after_expiry(context: BrowserContext, server: Server, process: psutil.Process) -> int:
    """Memory when the visits so far are forgotten: Streamlit drops the expired ones when the next one closes."""
    time.sleep(1.5)
    _visit(context, server)
    return _settled(process)


def _process(server: Server) -> psutil.Process:
    """The server's process: the child of ours that was told the port."""
    port = server.url.rsplit(":", 1)[-1]
    return next(child for child in psutil.Process().children() if port in child.cmdline())


def _settled(process: psutil.Process, patience_s: float = 40) -> int:
    """Resident bytes of a process and its children, once they have not moved for two seconds."""
    deadline = time.monotonic() + patience_s
    readings: list[int] = []
    while time.monotonic() < deadline:
        readings.append(
            sum(member.memory_info().rss for member in (process, *process.children(recursive=True)))
        )
        if len(readings) > 8 and max(readings[-8:]) - min(readings[-8:]) < _MIB // 4:
            break
        time.sleep(0.25)
    return readings[-1]
