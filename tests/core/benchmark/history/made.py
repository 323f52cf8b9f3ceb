"""Runs that are made up, quickly: their numbers come from `simulated`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.benchmark.fingerprint import machine_fingerprint, versions_fingerprint
from core.benchmark.history import Run, RunLine, new_id
from core.benchmark.history.document import pack
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.statistics import ratio, summarize, summary
from core.benchmark.verdict import Floor, judge
from core.benchmark.worker import Memory
from core.engines.engine import EngineKind
from core.machine import Machine, Versions
from tests.core.benchmark import simulated

VERSIONS = Versions(python="3.11.9", torch="2.13.0", onnx="1.23.0", onnxruntime="1.32.0")
MACHINE = Machine(
    "A CPU",
    2,
    4,
    16 * 2**30,
    8 * 2**30,
    "Linux 6 (x86_64)",
    (),
    "no card",
    VERSIONS,
    ("CPUExecutionProvider",),
)
__all__ = ["Run", "RunLine", "case", "pack", "run"]
STARTED = datetime(2026, 11, 28, 12, 30, 15, 123456, tzinfo=UTC)
MODEL_ID = "0123456789abcdef" * 2
EAGER, ORT, TWIN = "eager", "ort", "eager, again"


def case(
    model: str = "mlp", batch: int = 1, *, faster: float = 2.0, rounds: int = 24, seed: int = 0
) -> CaseReport:
    """A comparison in which ONNX Runtime is so many times as fast, judged as `core.benchmark.method` does."""
    times = {EAGER: 1e-4, TWIN: 1e-4, ORT: 1e-4 / faster}
    found = [replace(each, foreign=0.01) for each in simulated.Machine().run(times, rounds, seed)]
    if rounds > 3:
        found[3] = replace(found[3], foreign=0.5, rejected=True)
    floor = Floor((ratio(found, TWIN, EAGER),))
    samples = (1.1e-4, 1.2e-4, 1.05e-4)
    engines = (
        EngineResult(
            EAGER, metadata={"library": "torch", "threads": 1, "scale": 0.5, "grad": False},
            load_seconds=0.1, first_seconds=0.01, warm_seconds=0.3, settled=True,
            summary=summary(found, EAGER), samples=samples, latency=summarize(samples),
            memory=Memory(100, 200, 300),
        ),
        EngineResult(
            ORT, metadata={"library": "onnxruntime"}, load_seconds=0.2, first_seconds=0.02, warm_seconds=0.3,
            settled=True, error=Error(1e-7, 1e-6, agree=True), summary=summary(found, ORT),
            judgement=judge(ratio(found, ORT, EAGER), floor),
        ),
    )  # fmt: skip
    caveats = (f"1 of {rounds} rounds do not count: others used this machine meanwhile.",)
    return CaseReport(model, 0, batch, 1, EAGER, TWIN, engines, floor, tuple(found), caveats, complete=True)


def run(*cases: CaseReport, **changes: Any) -> Run:  # noqa: ANN401 - as many types as attributes
    """A run of these comparisons, or of one on the model `mlp`; `changes` are attributes of a `Run`."""
    found = cases or (case(),)
    models = tuple(dict.fromkeys(each.model for each in found))
    plan = BenchmarkPlan(
        models=models,
        engines=(EngineKind.EAGER, EngineKind.ORT),
        batches=tuple(dict.fromkeys(each.batch for each in found)),
    )
    machine = changes.get("machine", MACHINE)
    values: dict[str, Any] = {
        "id": new_id(),
        "owner": "",
        "shared": False,
        "started": STARTED,
        "plan": plan,
        "report": Report(found, 1.5, complete=True),
        "machine": machine,
        "machine_id": machine_fingerprint(machine),
        "versions_id": versions_fingerprint(machine.versions),
        "model_ids": dict.fromkeys(models, MODEL_ID),
    }
    return Run(**values | changes)
