"""What a visitor does and reads on the Benchmark tab and the page of runs, for the browser tests of them."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

import psutil
from playwright.sync_api import Locator, Page, expect

from core.benchmark.history import History, Run, record
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, EngineResult, Error
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio, summarize, summary
from core.benchmark.verdict import Floor, judge
from tests.browser.hooks_lab import SLOW_MS
from tests.browser.server import ROOT
from tests.core.benchmark.reports import AGAIN, report

ROUNDS: Final = 40
PATIENCE_S: Final = 120
REJECTED: Final = f"2 of {ROUNDS} rounds do not count: others used this machine meanwhile."
NO_COMPARISON: Final = "no comparison"

_T = TypeVar("_T")

# In place of the process that measures: each plan has its made-up answer at once.
_ANSWERS: Final = """
import dataclasses
import secrets

import ui.benchmark.desk
from core.benchmark.fairness import FairnessPlan
from core.benchmark.jobs import JobRunner, JobState, JobStatus
from core.benchmark.machines import ANYWHERE, MachineInfo
from core.benchmark.operators import OperatorsPlan
from core.benchmark.roofline import RooflinePlan
from core.benchmark.search import SearchPlan
from core.machine import describe
from tests.browser.benchmark_lab import made_up
from tests.core.benchmark.answers import fairness_of, profile_of, roofline_for, search_of
from tests.core.benchmark.reports import report

ANSWERS = {
    FairnessPlan: fairness_of, SearchPlan: search_of, RooflinePlan: roofline_for, OperatorsPlan: profile_of,
}


class Answers(JobRunner):
    def __init__(self):
        self.jobs = {}

    def submit(self, plan, visitor, on=ANYWHERE):
        answer = ANSWERS.get(type(plan), lambda plan: report(*map(made_up, plan.batches)))
        job = secrets.token_urlsafe(12)
        self.jobs[job] = JobStatus(job, JobState.DONE, result=answer(plan))
        return job

    def status(self, job):
        return self.jobs[job]

    def cancel(self, job):
        pass

    def machines(self):
        return (MachineInfo("this machine", "as it is", 1, usable=True, facts=describe()),)

    @property
    def problem(self):
        return ""

    def close(self):
        pass


ui.benchmark.desk.runner = lambda *_: Answers()
"""

_QUICK: Final = """
import ui.benchmark.desk
import ui.benchmark.inputs
from core.benchmark import BenchmarkPlan, Method


def quick():
    return Method(
        block_seconds=0.005, most_foreign=1.0, least_rounds=20, least_seconds=0.0, warm_seconds=0.05,
        samples=10,
    )


ui.benchmark.inputs.Method = quick
ui.benchmark.desk.DEMO = BenchmarkPlan(batches=(1, 8, 64), method=quick())
"""


def bench(**query: str | Sequence[str]) -> str:
    """The tab's address with these inputs."""
    return f"/onnx?{urlencode({'tab': 'Benchmark', **query}, doseq=True)}"


def runs(**query: str | Sequence[str]) -> str:
    """The page of runs' address with these inputs."""
    return f"/runs{'?' if query else ''}{urlencode(query, doseq=True)}"


def made_up(
    batch: int = 1, *, faster: float = 2.0, seed: int = 0, wrong: bool = False, model: str = "simple_mlp"
) -> CaseReport:
    """A comparison as a machine gives them: eager about 2 ms, ONNX Runtime so many times as fast.

    Every round is off by a percent or so, two were rejected, and there are single calls.

    Args:
        batch: of the comparison; eager takes the longer, the more there are.
        faster: how many times as fast ONNX Runtime is.
        seed: of what the rounds are off by.
        wrong: whether ONNX Runtime's numbers are others.
        model: the zoo's.
    """
    chance = random.Random(seed + batch)  # noqa: S311 - no secret
    typical = {"eager": 2e-3 * batch**0.2, "ort": 2e-3 * batch**0.2 / faster, AGAIN: 2e-3 * batch**0.2}
    found = tuple(
        Round(
            number,
            {name: seconds * chance.lognormvariate(0, 0.01) for name, seconds in typical.items()},
            dict.fromkeys(typical, 10),
            0.3 if number in {7, 21} else chance.uniform(0, 0.03),
            number in {7, 21},
        )
        for number in range(ROUNDS)
    )
    floor = Floor((ratio(found, AGAIN, "eager"),))
    engines = []
    for name in ("eager", "ort"):
        samples = tuple(typical[name] * chance.lognormvariate(0, 0.05) for _ in range(200))
        engines.append(
            EngineResult(
                name,
                load_seconds=0.02,
                first_seconds=0.005,
                summary=summary(found, name),
                samples=samples,
                latency=summarize(samples),
            )
        )
    error = Error(0.5, 0.5, agree=False) if wrong else Error(6e-8, 1e-7, agree=True)
    engines[1] = replace(engines[1], error=error, judgement=judge(ratio(found, "ort", "eager"), floor))
    return CaseReport(
        model, 0, batch, 1, "eager", AGAIN, tuple(engines), floor, found,
        (REJECTED,), complete=True,
    )  # fmt: skip


def keep(
    folder: Path, *cases: CaseReport, owner: str = "", shared: bool = True, days: float = 0, note: str = ""
) -> Run:
    """Puts a run into the history of the server in this folder, which need not run yet."""
    plan = BenchmarkPlan(
        models=tuple(dict.fromkeys(each.model for each in cases)),
        batches=tuple(dict.fromkeys(each.batch for each in cases)),
    )
    started = datetime.now(UTC) - timedelta(days=days, minutes=5)
    run = record(plan, report(*cases), owner=owner, shared=shared, started=started, note=note)
    with closing(History(None, folder / "data")) as history:
        history.add(run)
    return run


def recorded(folder: Path) -> list[Run]:
    """All runs of the server in this folder, the newest first."""
    with closing(History(None, folder / "data")) as history:
        found = [history.get(line.id) for line in history.runs(None)]
    return [run for run in found if run is not None]


def answering_app(folder: Path) -> tuple[Path, Mapping[str, str]]:
    """The app with made-up answers in place of measurements; its script and environment, for `serve`."""
    return _changed_app(folder, _ANSWERS)


def quick_app(folder: Path) -> tuple[Path, Mapping[str, str]]:
    """The app that measures in earnest, but in few seconds, and all rounds count; script and environment."""
    return _changed_app(folder, _QUICK)


def _changed_app(folder: Path, change: str) -> tuple[Path, Mapping[str, str]]:
    script = folder / "app.py"
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit", dirs_exist_ok=True)
    text = (ROOT / "app.py").read_text(encoding="utf-8")
    frame = 'Path(__file__).with_name("dashboard.py")'
    assert frame in text
    head, found, tail = text.partition("_LOGGER: Final")
    assert found
    dashboard = f"Path({str(ROOT / 'dashboard.py')!r})"
    script.write_text(head + change + found + tail.replace(frame, dashboard), encoding="utf-8")
    return script, {"PYTHONPATH": str(ROOT)}


def process_of(address: str) -> psutil.Process:
    """The server at this address."""
    port = str(urlsplit(address).port)
    (server,) = [
        process
        for process in psutil.Process().children()
        if "--server.port" in process.cmdline() and port in process.cmdline()
    ]
    return server


def coordinator_of(address: str) -> psutil.Process:
    """The process of the server there that measures, once there is one."""

    def look() -> psutil.Process | None:
        return next(
            (
                child
                for child in process_of(address).children()
                if child.is_running()
                and child.status() != psutil.STATUS_ZOMBIE
                and "core.benchmark.coordinator" in child.cmdline()
            ),
            None,
        )

    return until(look)


def until(look: Callable[[], _T | None]) -> _T:
    """What is looked for, as soon as it is there."""
    end = time.monotonic() + PATIENCE_S
    while True:
        with suppress(psutil.NoSuchProcess):
            found = look()
            if found:
                return found
        assert time.monotonic() < end, "It did not happen."
        time.sleep(0.1)


def kill(process: psutil.Process) -> None:
    """Ends a process at once, as `kill -9` does."""
    process.send_signal(signal.SIGKILL)


def start(page: Page, label: str = "Measure") -> None:
    """Asks for a measurement, which then waits or runs."""
    page.get_by_role("button", name=label, exact=True).click()
    expect(give_up(page)).to_be_visible(timeout=SLOW_MS)


def give_up(page: Page) -> Locator:
    """The button of a measurement that goes on."""
    return page.get_by_role("button", name="Give up", exact=True)


def measuring(page: Page) -> Locator:
    """How far the measurement is, in words."""
    return panel(page).get_by_text("…").filter(has_text="hourglass_top")


def await_rounds(page: Page) -> None:
    """Waits until the engines are being timed."""
    expect(measuring(page)).to_contain_text("ound", timeout=SLOW_MS)


def await_end(page: Page) -> None:
    """Waits until the measurement is over."""
    expect(give_up(page)).to_have_count(0, timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Measure", exact=True)).to_be_visible(timeout=SLOW_MS)


def panel(page: Page) -> Locator:
    """The Benchmark tab."""
    return page.get_by_role("tabpanel", name="Benchmark")


def rows(place: Locator) -> Locator:
    """The rows of the tables in a place, as assistive technology has them."""
    return place.get_by_test_id("stDataFrame").locator("canvas tr")
