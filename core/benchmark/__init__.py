"""An honest benchmark of engines: rounds in random order, ratios with an interval, a verdict in words."""

from core.benchmark.jobs import JobError, JobRunner, JobState, JobStatus, Limits
from core.benchmark.machines import ANYWHERE, EVERYWHERE, MachineInfo, Where
from core.benchmark.meter import Foreign, Mark, Meter
from core.benchmark.method import Progress, measure
from core.benchmark.plan import BenchmarkPlan, Case, Method
from core.benchmark.report import CaseReport, EngineResult, Report
from core.benchmark.rounds import BenchmarkError, Round
from core.benchmark.runner import runner
from core.benchmark.statistics import Ratio, Summary
from core.benchmark.verdict import Floor, Judgement, Verdict, judge
from core.benchmark.warmup import Warmup

__all__ = [
    "ANYWHERE",
    "EVERYWHERE",
    "BenchmarkError",
    "BenchmarkPlan",
    "Case",
    "CaseReport",
    "EngineResult",
    "Floor",
    "Foreign",
    "JobError",
    "JobRunner",
    "JobState",
    "JobStatus",
    "Judgement",
    "Limits",
    "MachineInfo",
    "Mark",
    "Meter",
    "Method",
    "Progress",
    "Ratio",
    "Report",
    "Round",
    "Summary",
    "Verdict",
    "Warmup",
    "Where",
    "judge",
    "measure",
    "runner",
]
