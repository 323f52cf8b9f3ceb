"""Runs as hypothesis makes them up: whatever a measurement may leave, with any text in it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hypothesis import strategies as st

from core.benchmark.derivation import STOPPED
from core.benchmark.history import Run
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.rounds import Round
from core.benchmark.worker import Memory
from core.engines.engine import EngineKind, EngineOptions
from core.machine import Gpu, Machine, Versions
from tests.core.benchmark.history import made

# What a run of ours may hold: any text where text comes from libraries and machines, any time that is one.
text = st.text(max_size=30)
facts = st.dictionaries(
    st.text(min_size=1, max_size=12).filter(
        lambda name: name.isprintable() and name == " ".join(name.split())
    ),
    text
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)
times = st.floats(1e-9, 1e3)
shares = st.none() | st.floats(0, 1)
counts = st.integers(0, 2**53)
distances = st.floats(min_value=0) | st.just(math.nan)
# UTC has no hour that comes twice.
moments = st.datetimes(datetime(2020, 1, 2), datetime(2199, 12, 31)).map(
    lambda each: each.replace(tzinfo=UTC, fold=0)
)


@st.composite
def engine_results(draw: st.DrawFn, name: str, baseline: bool) -> EngineResult:
    """An engine's, with what no round can tell."""
    optional = st.none() | times
    return EngineResult(
        name,
        problem=draw(text),
        metadata=draw(st.none() | facts),
        load_seconds=draw(optional),
        first_seconds=draw(optional),
        warm_seconds=draw(optional),
        settled=draw(st.booleans()),
        error=None if baseline else draw(st.builds(Error, distances, distances, st.booleans(), text)),
        samples=tuple(draw(st.lists(times, max_size=4))),
        memory=draw(st.none() | st.builds(Memory, counts, counts, counts)),
    )


@st.composite
def case_reports(draw: st.DrawFn, model: str, batch: int, threads: int) -> CaseReport:
    """A comparison with its rounds, and without what follows from them."""
    kinds = draw(st.lists(st.sampled_from(list(EngineKind)), min_size=1, max_size=4, unique=True))
    names = [kind.value for kind in kinds]
    baseline = draw(st.sampled_from(["", *names]))
    twin = draw(st.sampled_from(["", f"{baseline}, again"])) if baseline else ""
    runners = [*names, *([twin] if twin else [])]
    rounds = []
    for number in range(draw(st.integers(0, 6))):
        there = draw(st.lists(st.sampled_from(runners), min_size=1, unique=True))
        rejected = draw(st.booleans())
        foreign = draw(st.floats(0.5, 1)) if rejected else draw(shares)
        seconds = {name: draw(times) for name in there}
        calls = {name: draw(st.integers(1, 10**7)) for name in there}
        rounds.append(Round(number, seconds, calls, foreign, rejected))
    engines = tuple(draw(engine_results(name, name == baseline)) for name in names)
    stopped = draw(st.booleans())
    return CaseReport(
        model, draw(st.integers(0, 2**63 - 1)), batch, threads, baseline, twin, engines, None, tuple(rounds),
        (STOPPED,) if stopped else (), complete=not stopped, machine=draw(text),
    )  # fmt: skip


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A run as a measurement may leave it."""
    version = st.none() | text
    machine = Machine(
        draw(text), draw(st.integers(1, 512)), draw(st.integers(1, 512)), draw(counts), draw(counts),
        draw(text),
        tuple(draw(st.lists(st.builds(Gpu, text, counts), max_size=2))), draw(text),
        Versions(draw(text), draw(version), draw(version), draw(version)),
        tuple(draw(st.lists(text, max_size=3))),
    )  # fmt: skip
    batches, threads = draw(st.sampled_from([(1,), (1, 8)])), (1,)
    options = draw(st.builds(EngineOptions, st.integers(1, 64)))
    plan = BenchmarkPlan(
        ("mlp",), (EngineKind.EAGER,), batches, threads, options, draw(st.integers(0, 9)), Method()
    )
    cases = [draw(case_reports("mlp", batch, 1)) for batch in batches]
    report = Report(tuple(cases), draw(times), complete=draw(st.booleans()))
    return made.run(
        plan=plan, report=report, machine=machine, started=draw(moments), model_ids={"mlp": made.MODEL_ID},
        note=draw(text.filter(str.isprintable)), owner=draw(text.filter(str.isprintable)),
    )  # fmt: skip
