"""Many visitors at once, or one after the other: no error, no word of another's, memory that comes back."""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.browsing import browsing, new_context, serve_blank
from bench.measure import percentile
from bench.registry import Cell, OptionError, Table, Target
from bench.soak_visitor import CANARY, Heard, Visitor, new_canary
from bench.soak_walk import LABS, walk, walk_once
from tests.browser.server import Server, serve
from tests.browser.visitor import Visitor as BrowserVisitor
from ui.visit import LOOK_SECONDS

VISITORS: Final = 30
MINUTES: Final = 10.0
THINK_S: Final = 5.0
BROWSERS: Final = 2
RETURN_MIB: Final = 50
"""How much more memory the server may hold after many visits than before."""
FLAT_MIB: Final = 20.0
"""By how much its memory may rise in the second half of a run with many visitors at once."""
FORGET_S: Final = 3
"""In the run of many visits: how long a visit is kept whose browser has gone. By default it is 120 s."""
_ABREAST: Final = 3
_LOOK_S: Final = 30.0
_MIB: Final = 2**20
_BROKEN: Final = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b")


@dataclass(frozen=True)
class Sample:
    """The server at one moment.

    Attributes:
        seconds: since the start.
        server: resident bytes of its process.
        children: resident bytes of the processes that it has started.
        processes: how many those are.
        threads: of the server.
        files: that the server has open, sockets too.
    """

    seconds: float
    server: int
    children: int
    processes: int
    threads: int
    files: int


@dataclass
class Found:
    """What came of a run."""

    heard: list[Heard] = field(default_factory=list)
    blank: Heard = field(default_factory=Heard)
    browser_errors: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    log: str = ""


def run(
    visitors: int = VISITORS,
    minutes: float = MINUTES,
    visits: int = 0,
    think: float = THINK_S,
    browsers: int = BROWSERS,
    seed: int = 0,
) -> list[Table]:
    """Measure.

    Args:
        visitors: how many at once.
        minutes: for how long.
        visits: in place of that: how many short visits, each to every lab once.
        think: how long a visitor does nothing between two actions, in seconds on average.
        browsers: how many of the visitors beside have a real Chromium.
        seed: of what they do.
    """
    if visits:
        return asyncio.run(_many_visits(visits, seed))
    found = asyncio.run(_crowd(visitors, minutes * 60, think, browsers, seed))
    return [
        _answers(found, visitors, minutes, think, browsers),
        _over_time(found.samples),
        _wrong(found),
    ]


def run_with(arguments: Sequence[str]) -> list[Table]:
    """Measure what the command's arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench soak")
    parser.add_argument("--visitors", type=int, default=VISITORS, help="at once")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--visits", type=int, default=0, help="short visits, in place of many at once")
    parser.add_argument("--think", type=float, default=THINK_S, help="seconds between two actions, about")
    parser.add_argument(
        "--browsers", type=int, default=BROWSERS, help="visitors with a real Chromium, beside"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what the visitors do")
    options = parser.parse_args(arguments)
    if options.visitors < 1 or options.minutes <= 0 or options.visits < 0:
        raise OptionError("expected at least 1 visitor, more than 0 minutes and no negative number of visits")
    return run(**vars(options))


async def _crowd(visitors: int, seconds: float, think: float, browsers: int, seed: int) -> Found:
    """All visitors at once, on the app and one on a blank page; the server is looked at meanwhile."""
    found = Found()
    with ExitStack() as stack:
        ours = stack.enter_context(_serve())
        blank = stack.enter_context(serve_blank())
        process = server_process(ours)
        await _warm(ours.url)
        start = time.monotonic()
        stop = threading.Event()
        watch = threading.Thread(
            target=_watch, args=(process, start, min(_LOOK_S, seconds / 12), stop, found.samples), daemon=True
        )
        watch.start()
        browsing_thread = threading.Thread(
            target=_browse, args=(ours.url, browsers, start + seconds, found), daemon=True
        )
        browsing_thread.start()
        await asyncio.gather(
            _at_blank(blank.url, start + seconds, found.blank),
            *(
                _one(ours.url, start + seconds, think, random.Random(f"{seed} {number}"), found.heard, number)  # noqa: S311
                for number in range(visitors)
            ),
        )
        await asyncio.to_thread(browsing_thread.join)
        stop.set()
        await asyncio.to_thread(watch.join)
        found.log = ours.log.read_text(errors="replace")
    return found


async def _one(
    url: str, until: float, think: float, chance: random.Random, heard: list[Heard], number: int
) -> None:
    """One visitor until the end, in visits of a few minutes."""
    mine = Heard()
    heard.append(mine)
    canary = new_canary()
    # Not all at the same moment.
    await asyncio.sleep(chance.uniform(0, think))
    while time.monotonic() < until:
        try:
            async with Visitor(url, canary, mine) as visitor:
                leave = min(until, time.monotonic() + chance.uniform(90, 240))
                await walk(visitor, leave, think, chance, measures=number == 0)
        except (OSError, TimeoutError) as error:
            mine.errors.append(f"a visit ended: {type(error).__name__}: {error}")
            await asyncio.sleep(think)


async def _at_blank(url: str, until: float, heard: Heard) -> None:
    """One visitor of a page with a number and nothing else, as a clock."""
    async with Visitor(url, "", heard) as visitor:
        heard.seconds.clear()
        turn = 0
        while time.monotonic() < until:
            turn += 1
            number = next(each for each in visitor.widgets.values() if each.kind == "number_input")
            await visitor.set(number.key if number.key in visitor.widgets else number.id, 0.5 + turn % 7 / 10)
            await asyncio.sleep(1.0)


async def _warm(url: str) -> None:
    """The first visit, which imports what is imported late; it does not count."""
    async with Visitor(url) as visitor:
        await walk_once(visitor, random.Random(0))  # noqa: S311


def _browse(url: str, browsers: int, until: float, found: Found) -> None:
    """Visitors with a real browser: they open the labs in turn, and notice every complaint of theirs."""
    if not browsers:
        return
    try:
        with browsing() as browser:
            contexts = [new_context(browser) for _ in range(browsers)]
            people = [BrowserVisitor(context.new_page(), url) for context in contexts]
            words = [new_canary() for _ in people]
            turn = 0
            while time.monotonic() < until:
                for person, word in zip(people, words, strict=True):
                    person.open(f"/{LABS[turn % len(LABS)]}")
                    if LABS[turn % len(LABS)] == "autograd":
                        box = person.page.get_by_role("textbox").first
                        box.fill(f"(w*x + b - y)**2 + 0*{word}")
                        box.press("Enter")
                        person.wait()
                    others = set(CANARY.findall(person.page.content().encode())) - {word.encode()}
                    found.browser_errors += [f"a word of another visitor: {each!r}" for each in others]
                    person.page.wait_for_timeout(2_000)
                turn += 1
            for person in people:
                found.browser_errors += person.errors
                found.browser_errors += [f"a request to elsewhere: {each}" for each in person.outside()]
            for context in contexts:
                context.close()
    except Exception as error:  # noqa: BLE001 - the table says what became of it
        found.browser_errors.append(f"{type(error).__name__}: {error}")


async def _many_visits(visits: int, seed: int) -> list[Table]:
    """Short visits, a few at a time; the memory before, meanwhile and after."""
    found = Found()
    with _serve({"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(FORGET_S)}) as server:
        process = server_process(server)
        idle = _settled(process)
        await _warm(server.url)
        rows: list[tuple[Cell, ...]] = [_row("idle: everything imported, no visit yet", idle)]
        first = await _forgotten(process, FORGET_S)
        rows.append(_row("after one visit, forgotten", first))
        before = first
        done = 0
        for share in _shares(visits):
            turns = asyncio.Semaphore(_ABREAST)
            await asyncio.gather(
                *(
                    _short(server.url, turns, random.Random(f"{seed} {done + number}"), found.heard)  # noqa: S311
                    for number in range(share)
                )
            )
            done += share
            print(f"{done} of {visits} visits", file=sys.stderr, flush=True)
            rows.append(_row(f"after {done} visits, forgotten", last := await _forgotten(process, FORGET_S)))
        found.log = server.log.read_text(errors="replace")
    growth = (last.server - idle.server) / _MIB
    since = (last.server - before.server) / _MIB
    memory = Table(
        title="Memory of the server before and after visits that used every lab once",
        columns=("when", "server MiB", "children MiB", "processes", "threads", "open files"),
        rows=tuple(rows),
        notes=(
            f"{visits} visits, {_ABREAST} at a time, after one that warms up.",
            f"server.disconnectedSessionTTL is {FORGET_S} s, not 120.",
            f"Growth since the start {growth:.1f} MiB, since the first visit {since:.1f} MiB.",
        ),
        targets=(
            Target(
                f"back to within {RETURN_MIB} MiB of the start: {growth:+.1f} MiB", met=growth <= RETURN_MIB
            ),
            Target(
                f"no process of a visit is left: {last.processes} where {first.processes} were",
                met=last.processes <= first.processes,
            ),
        ),
    )
    return [memory, _wrong(found)]


async def _short(url: str, turns: asyncio.Semaphore, chance: random.Random, heard: list[Heard]) -> None:
    mine = Heard()
    heard.append(mine)
    async with turns, Visitor(url, "", mine) as visitor:
        await walk_once(visitor, chance)


def _shares(visits: int) -> list[int]:
    """The visits in up to four parts, after each of which the memory is looked at."""
    parts = min(4, visits)
    return [visits // parts + (number < visits % parts) for number in range(parts)]


@contextmanager
def _serve(more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The app as the public has it, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), environment={"UTH_MODE": "hosted", **(more or {})}) as server,
    ):
        yield server


def server_process(server: Server) -> psutil.Process:
    """The server's process: the child of ours that was told its port."""
    port = server.url.rsplit(":", 1)[-1]
    return next(child for child in psutil.Process().children() if port in child.cmdline())


def look(process: psutil.Process, start: float) -> Sample:
    """The server now."""
    children = process.children(recursive=True)
    held = 0
    for child in children:
        # One may end meanwhile.
        with suppress(psutil.NoSuchProcess):
            held += child.memory_info().rss
    with process.oneshot():
        return Sample(
            time.monotonic() - start,
            process.memory_info().rss,
            held,
            len(children),
            process.num_threads(),
            process.num_fds(),
        )


def _watch(
    process: psutil.Process, start: float, every: float, stop: threading.Event, samples: list[Sample]
) -> None:
    samples.append(look(process, start))
    while not stop.wait(every):
        samples.append(look(process, start))
    samples.append(look(process, start))


def _settled(process: psutil.Process, patience_s: float = 60.0) -> Sample:
    """The server once its memory has not moved for some seconds and its processes have ended."""
    start = time.monotonic()
    seen: list[Sample] = []
    while time.monotonic() - start < patience_s:
        seen.append(look(process, start))
        last = [each.server for each in seen[-10:]]
        if len(seen) > 10 and max(last) - min(last) < _MIB and not seen[-1].processes:
            break
        time.sleep(0.5)
    return seen[-1]


async def _forgotten(process: psutil.Process, kept_s: float) -> Sample:
    """The server once the visits that are over are forgotten."""
    await asyncio.sleep(kept_s + LOOK_SECONDS + 1)
    return await asyncio.to_thread(_settled, process)


def rise(samples: Sequence[Sample]) -> float:
    """By how many MiB the server's memory rises in the second half, by the straight line through it."""
    late = [each for each in samples if each.seconds >= samples[-1].seconds / 2]
    if len(late) < 2:
        return 0.0
    seconds, bytes_ = [each.seconds for each in late], [float(each.server) for each in late]
    return statistics.linear_regression(seconds, bytes_).slope * (seconds[-1] - seconds[0]) / _MIB


def _row(when: str, sample: Sample) -> tuple[Cell, ...]:
    held = (sample.server / _MIB, sample.children / _MIB)
    return (when, *held, sample.processes, sample.threads, sample.files)


def _answers(found: Found, visitors: int, minutes: float, think: float, browsers: int) -> Table:
    """How long answers took, per page, beside a blank page in the same minutes."""
    blank = [seconds for _, seconds in found.blank.seconds]
    by_page: dict[str, list[float]] = {}
    for heard in found.heard:
        for page, seconds in heard.seconds:
            by_page.setdefault(page or "home", []).append(seconds)
    every = [seconds for each in by_page.values() for seconds in each]
    rows: list[tuple[Cell, ...]] = []
    for name, values in [*sorted(by_page.items()), ("all pages", every), ("blank page", blank)]:
        if values and blank:
            half, most = percentile(values, 50), percentile(values, 95)
            times = (half / percentile(blank, 50), most / percentile(blank, 95))
            rows.append((name, len(values), half * 1e3, most * 1e3, *times))
    troubles = sum(len(each.troubles) for each in found.heard)
    sent = sum(each.bytes for each in found.heard) / _MIB
    return Table(
        title=f"{visitors} visitors for {minutes:g} minutes, hosted: from asking to the end of the run, ms",
        columns=("page", "answers", "p50", "p95", "p50 by blank", "p95 by blank"),
        rows=tuple(rows),
        notes=(
            f"About {think:g} s between two actions of one visitor; {browsers} more with a real Chromium.",
            "The blank page has one input and one number, in a server of its own, one visitor, every second.",
            f"{sent:,.0f} MiB sent; {troubles} lines said what was wrong with an input.",
        ),
        targets=(Target(f"every visitor was answered: {len(every)} answers", met=bool(every)),),
    )


def _over_time(samples: Sequence[Sample]) -> Table:
    growth = rise(samples)
    return Table(
        title="The server over time",
        columns=("seconds", "server MiB", "children MiB", "processes", "threads", "open files"),
        rows=tuple(_row(f"{each.seconds:.0f}", each) for each in samples),
        notes=("The children are exports, runs of hooks, and what measures.",),
        targets=(
            Target(
                f"memory is flat: at most {FLAT_MIB:g} MiB more in the second half: {growth:+.1f} MiB",
                met=growth <= FLAT_MIB,
            ),
        ),
    )


def _wrong(found: Found) -> Table:
    """All that should not be, each with its first example."""
    errors = [each for heard in [*found.heard, found.blank] for each in heard.errors]
    foreign = [each for heard in [*found.heard, found.blank] for each in heard.foreign]
    broken = [line for line in found.log.splitlines() if _BROKEN.search(line)]
    logged = [word.decode() for word in CANARY.findall(found.log.encode())]
    kinds = {
        "errors on pages and answers that did not come": errors,
        "words of another visitor": foreign,
        "complaints of the browsers": found.browser_errors,
        "errors and tracebacks in the log": broken,
        "visitors' words in the log": logged,
    }
    return Table(
        title="What should not be",
        columns=("what", "times", "the first"),
        rows=tuple((what, len(each), each[0][:160] if each else None) for what, each in kinds.items()),
        targets=tuple(Target(f"no {what}: {len(each)}", met=not each) for what, each in kinds.items()),
    )
