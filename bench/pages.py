"""First paint, change to changed number and server memory, in a real Chromium, beside a blank page."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

import psutil
from playwright.sync_api import Browser, BrowserContext

from bench.browsing import (
    INPUT,
    NUMBERS,
    Place,
    arrive,
    browsing,
    change,
    new_context,
    paint,
    rest,
    serve_blank,
    serve_ours,
)
from bench.expressions import WORKED
from bench.measure import Ratio, percentile, ratio, shuffled
from bench.registry import Cell, Table, Target
from core.gradients import compare
from tests.browser.server import Server
from ui.numbers import fixed

CHANGE_RATIO: Final = 1.5
PAINT_RATIO: Final = 2.0
MEMORY_MIB: Final = 400
GROWTH_MIB: Final = 10

_METRIC: Final = '[data-testid="stMetricValue"]'
BLANK: Final = Place("blank: number input, metric", ours=False, path="/", number=_METRIC)
SLIDER: Final = Place(
    "blank: slider, metric",
    ours=False,
    path="/?kind=slider",
    number=_METRIC,
    keys=("ArrowRight", "ArrowLeft"),
)
LAB: Final = Place("autograd", ours=True, path="/autograd")
PROJECTOR: Final = Place("autograd, projector", ours=True, path="/autograd?projector=true")
HOME: Final = Place("home", ours=True, path="/")
TABS: Final = tuple(
    Place(f"autograd, tab {tab}", ours=True, path=f"/autograd?tab={tab}")
    for tab in ("What if?", "Where does it break?", "Take it away")
)

# Column -> name in what probe.js measures.
_PAINT_PARTS: Final = {
    "first byte": "first_byte",
    "scripts loaded": "scripts_loaded",
    "websocket open": "connected",
    "first message": "first_message",
    "number sent": "arrived",
}
_CHANGE_PARTS: Final = {"asked": "sent", "number sent": "arrived", "idle again": "idle"}
_MIB: Final = 2**20

Samples = dict[str, dict[int, dict[str, float]]]
"""Page -> round -> what was measured."""


def run(changes: int = 40, paints: int = 10, visits: int = 30, drag_s: float = 2.0) -> list[Table]:
    """Measure; smaller counts are for trying it out."""
    with browsing() as browser:
        with ExitStack() as servers:
            ours = servers.enter_context(serve_ours())
            at_once = paint(browser, ours, LAB)
            both = {True: ours, False: servers.enter_context(serve_blank())}
            first_paint = _first_paint(browser, both, paints, at_once)
            tables = [_changes(browser, both, changes), first_paint, _drag(browser, ours, drag_s)]
        return [*tables, _memory(browser, visits)]


def in_round(turn: int, order: Sequence[str], always: Sequence[Place]) -> list[str]:
    """The names in a round's order; those that are not measured `always` come only in even rounds."""
    names = {place.name for place in always}
    return [name for name in order if name in names or turn % 2 == 0]


def beside(samples: Samples, name: str, base: str, what: str = "seen") -> Ratio:
    """The ratio of two pages over the rounds in which both were measured."""
    rounds = sorted(samples[name].keys() & samples[base].keys())
    over, under = ([samples[page][turn][what] for turn in rounds] for page in (name, base))
    return ratio(over, under)


def _values(samples: Samples, name: str, what: str = "seen") -> list[float]:
    return [sample[what] for sample in samples[name].values()]


def _first_paint(
    browser: Browser, servers: Mapping[bool, Server], rounds: int, at_once: Mapping[str, float]
) -> Table:
    places = {place.name: place for place in (BLANK, LAB, PROJECTOR, HOME)}
    for place in places.values():
        paint(browser, servers[place.ours], place)
    samples: Samples = {name: {} for name in places}
    for turn, order in enumerate(shuffled(list(places), rounds)):
        for name in in_round(turn, order, (BLANK, LAB)):
            samples[name][turn] = paint(browser, servers[places[name].ours], places[name])
    rows: list[tuple[Cell, ...]] = []
    for name in places:
        seen = _values(samples, name)
        parts = (statistics.median(_values(samples, name, what)) for what in _PAINT_PARTS.values())
        sizes = (statistics.median(_values(samples, name, what)) for what in ("requests", "kilobytes"))
        several = str(beside(samples, name, BLANK.name))
        rows.append((name, statistics.median(seen), percentile(seen, 90), several, *parts, *sizes))
    once = (at_once[what] for what in (*_PAINT_PARTS.values(), "requests", "kilobytes"))
    rows.append(("autograd, right after the start", at_once["seen"], None, None, *once))
    found = beside(samples, LAB.name, BLANK.name)
    return Table(
        title="First paint: from navigation to the frame with the number, cold browser, ms",
        columns=("page", "median", "p90", "times blank (95%)", *_PAINT_PARTS, "requests", "kB"),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds, a new browser context each; projector and home in half of them.",
            "Medians; every time is since the navigation. requests, kB: until the number was on the page.",
            "scripts loaded: the last script before the websocket opened.",
            "number sent: the last websocket message before the number was on the page.",
            _load(),
        ),
        targets=(
            Target(
                f"at most {PAINT_RATIO:g} times the blank page's: {found}", met=found.value <= PAINT_RATIO
            ),
        ),
    )


def _changes(browser: Browser, servers: Mapping[bool, Server], rounds: int) -> Table:
    places = {place.name: place for place in (BLANK, SLIDER, LAB, PROJECTOR, *TABS)}
    samples: Samples = {name: {} for name in places}
    with ExitStack() as stack:
        pages = {}
        for name, place in places.items():
            context = new_context(browser)
            stack.callback(context.close)
            pages[name] = arrive(context, servers[place.ours], place)
            for up in (True, False):
                change(pages[name], place, up=up)
        for turn, order in enumerate(shuffled(list(places), rounds)):
            # Up and down in turns, also on pages that come in half of the rounds.
            for name in in_round(turn // 2, order, (BLANK, SLIDER, LAB, PROJECTOR)):
                samples[name][turn] = change(pages[name], places[name], up=turn % 2 == 0)
    rows: list[tuple[Cell, ...]] = []
    for name in places:
        seen = _values(samples, name)
        parts = (statistics.median(_values(samples, name, what)) for what in _CHANGE_PARTS.values())
        several = (str(beside(samples, name, base.name)) for base in (BLANK, SLIDER))
        spread = (percentile(seen, percent) for percent in (50, 10, 90))
        rows.append((name, *spread, *several, *parts))
    targets = []
    for place in (LAB, PROJECTOR):
        found = beside(samples, place.name, SLIDER.name)
        text = f"{place.name}: at most {CHANGE_RATIO:g} times a blank page with slider and metric: {found}"
        targets.append(Target(text, met=found.value <= CHANGE_RATIO))
    return Table(
        title="Change of w: from the key press to the frame with the changed number, ms",
        columns=("page", "median", "p10", "p90", "times blank (95%)", "times slider (95%)", *_CHANGE_PARTS),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds of one change each; the rarer tabs in half of them.",
            "Medians; every time is since the key press. `autograd` has the tab Why? open.",
            "asked: the browser asks the server. idle again: the script has run.",
            "The target is against the slider; a blank page with the lab's kind of input is quicker.",
            _load(),
        ),
        targets=tuple(targets),
    )


def _drag(browser: Browser, server: Server, seconds: float) -> Table:
    context = new_context(browser)
    try:
        page = arrive(context, server, LAB)
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
            # There and back: an end that no earlier position was.
            page.mouse.move(box["x"] + box["width"] * (0.1 + 0.75 * abs(1 - 2 * share)), middle)
            page.wait_for_timeout(8)
        page.mouse.up()
        took = time.perf_counter() - start
        gaps = page.evaluate("bench.gaps()")
        page.wait_for_timeout(500)
        rest(page)
        last = float(dial.get_attribute("aria-valuenow") or "nan")
        shown = page.locator(LAB.number).first.inner_text()
    finally:
        context.close()
    expected = fixed(compare(WORKED.loss, {**WORKED.values, "w": last}, WORKED.wrt)["w"].autograd)
    spread = (statistics.median(gaps), percentile(gaps, 90)) if gaps else (None, None)
    return Table(
        title=f"Dragging w for {seconds:g} s",
        columns=(
            "changes per second",
            "median gap ms",
            "p90 gap ms",
            "last w",
            "number shown",
            "its gradient",
        ),
        rows=(((len(gaps) + 1) / took, *spread, last, shown, expected),),
        notes=("A change: a frame in which the number differs from the frame before.", _load()),
        targets=(Target("the last position wins", met=shown == expected),),
    )


def _memory(browser: Browser, visits: int) -> Table:
    first = max(visits // 3, 1)
    # One second instead of 120 until a visit whose browser has gone is forgotten.
    with serve_ours({"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}) as server:
        process = _process(server)
        idle = _settled(process)
        seen = paint(browser, server, LAB)["seen"]
        # One context: its pages share the browser's cache, and each is a visit of its own.
        context = new_context(browser)
        page = arrive(context, server, LAB)
        one = _settled(process)
        page.close()
        before = _after(first, context, server, process)
        after = _after(visits, context, server, process)
        context.close()
    growth, held = (after - before) / _MIB, one / _MIB
    return Table(
        title="Memory of the server and its child processes, MiB resident",
        columns=("when", "MiB"),
        rows=(
            ("idle: everything imported, no visit yet", idle / _MIB),
            ("with one visit open", held),
            (f"after {first} visits, closed and expired", before / _MIB),
            (f"after {visits} more", after / _MIB),
            ("growth", growth),
        ),
        notes=(
            "A visit: open the lab, change w, close. server.disconnectedSessionTTL is 1 s, not 120.",
            f"The first visit once everything was imported saw its number after {seen:.0f} ms.",
        ),
        targets=(
            Target(f"at most {MEMORY_MIB} MiB with one visit: {held:.0f} MiB", met=held <= MEMORY_MIB),
            Target(f"less than {GROWTH_MIB} MiB of growth: {growth:.1f} MiB", met=growth < GROWTH_MIB),
        ),
    )


def _after(visits: int, context: BrowserContext, server: Server, process: psutil.Process) -> int:
    """Memory after so many visits, once they are forgotten."""
    for _ in range(visits):
        _visit(context, server)
    time.sleep(1.5)
    # Streamlit drops the visits that have expired when another one closes.
    _visit(context, server)
    return _settled(process)


def _visit(context: BrowserContext, server: Server) -> None:
    page = arrive(context, server, LAB, loaded=False)
    page.locator(INPUT).press(LAB.keys[0])
    page.locator(LAB.number, has_text=NUMBERS[1]).wait_for()
    rest(page)
    page.close()


def _process(server: Server) -> psutil.Process:
    """The server's process: the child of ours that was told the port."""
    port = server.url.rsplit(":", 1)[-1]
    return next(child for child in psutil.Process().children() if port in child.cmdline())


def _settled(process: psutil.Process, patience_s: float = 40) -> int:
    """Resident bytes of a process and its children, once they have not moved for two seconds."""
    deadline = time.monotonic() + patience_s
    readings: list[int] = []
    while time.monotonic() < deadline:
        family = (process, *process.children(recursive=True))
        readings.append(sum(member.memory_info().rss for member in family))
        if len(readings) > 8 and max(readings[-8:]) - min(readings[-8:]) < _MIB // 4:
            break
        time.sleep(0.25)
    return readings[-1]


def _load() -> str:
    """Whether something else was running: a busy neighbour makes every ratio larger."""
    return f"Load of this machine afterwards: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores."
