"""The whole measurement: the machine's peak, the model's work, and the engines' times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from core.benchmark.errand import run_errand
from core.benchmark.method import Progress, Stop, Tell, measure_case
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.roofline.peak import Peak, PeakPlan, measure_peak
from core.benchmark.roofline.point import Roofline, roofline_of
from core.benchmark.roofline.work import Work, WorkPlan, count_work
from core.engines.engine import EngineKind, EngineOptions

_PEAK_SHARE: Final = 0.2
_WORK_SHARE: Final = 0.25


@dataclass(frozen=True)
class RooflinePlan:
    """What to place under this machine's roof.

    Attributes:
        model, seed, batch: what runs.
        engines: how it runs; the first is what the others are compared with.
        threads: how many compute one operator, for the engines and for the peak.
        options: the other settings of ONNX Runtime's engines.
        method: how the engines are timed.
        peak: how the machine is measured; the threads are the plan's.
    """

    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 1
    engines: tuple[EngineKind, ...] = (EngineKind.EAGER, EngineKind.ORT)
    threads: int = 1
    options: EngineOptions = field(default_factory=EngineOptions)
    method: Method = field(default_factory=lambda: Method(samples=0))
    peak: PeakPlan = field(default_factory=PeakPlan)

    def check(self) -> None:
        """Refuses what cannot be measured; errors as `BenchmarkPlan.check`."""
        self.benchmark().check()

    def benchmark(self) -> BenchmarkPlan:
        """The comparison that the times are taken from."""
        return BenchmarkPlan(
            models=(self.model,),
            engines=self.engines,
            batches=(self.batch,),
            threads=(self.threads,),
            options=self.options,
            seed=self.seed,
            method=self.method,
        )


def roofline(plan: RooflinePlan, *, tell: Tell = lambda _: None, stop: Stop = lambda: False) -> Roofline:
    """Measures the machine and the engines, each in processes of their own.

    Args:
        plan: what.
        tell: called as the measurement goes on.
        stop: asked again and again; when it says so, what there is by then is the result.

    Raises:
        BenchmarkError, ZooError, EngineError: if the plan cannot be measured.
        WorkerError: if the process that measures the machine, or counts the work, fails.
    """
    tell(Progress("Exporting", 0.0, None))
    case = plan.benchmark().cases()[0]
    peak: Peak | None = None
    work: Work | None = None
    if not stop():
        tell(Progress("Measuring the processor's peak and the memory's bandwidth", 0.05, None))
        peak = run_errand(
            measure_peak,
            replace(plan.peak, threads=plan.threads),
            Peak,
            name="the machine's peak",
            threads=plan.threads,
            stop=stop,
        )
    if peak is not None and not stop():
        tell(Progress("Counting the model's operations", _PEAK_SHARE, None))
        counted = WorkPlan(plan.model, plan.seed, plan.batch)
        work = run_errand(count_work, counted, Work, name="the model's work", stop=stop)
    if peak is None or work is None:
        return Roofline(
            plan.model, plan.batch, plan.threads, peak, work, (), None, ("It was stopped.",), complete=False
        )

    def tell_of_all(each: Progress) -> None:
        tell(replace(each, share=_WORK_SHARE + (1 - _WORK_SHARE) * each.share))

    return roofline_of(peak, work, measure_case(case, plan.method, tell=tell_of_all, stop=stop, memory=False))
