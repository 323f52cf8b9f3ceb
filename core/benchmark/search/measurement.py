"""Best here: the fastest configuration of a model on this machine, found in a given time.

First everything gets a few rounds, a handful of processes at a time and always beside the baseline: every
engine as it is, other numbers of threads, other settings of those that look best, other batches. Then those
that look best, and the best of the engines as they are, are compared once more in common rounds with all the
care of `core.benchmark.method`; only this comparison decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.benchmark import breakeven
from core.benchmark.breakeven import BreakEven
from core.benchmark.configuration import Configuration, Maker, contenders
from core.benchmark.exported import Exported, export_if_possible
from core.benchmark.method import Progress, Stop, Tell, compare
from core.benchmark.report import CaseReport
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.budget import Budget
from core.benchmark.search.findings import Finalist, SearchReport, Tried, conclude, per_example
from core.benchmark.search.screening import Screening
from core.benchmark.search.space import Excluded, SearchPlan, choices
from core.benchmark.verdict import Floor, Judgement, judge


def search(
    plan: SearchPlan,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
    done: Callable[[Tried], object] = lambda _: None,
    make: Maker | None = None,
) -> SearchReport:
    """Searches for the fastest configuration.

    Args:
        plan: what to search, and for how long.
        tell: called as the search goes on.
        stop: asked between blocks; when it says so, the report has what there is by then.
        done: called with each configuration as soon as it has had its few rounds.
        make: makes contenders; None for the engines of the plan's model.

    Raises:
        BenchmarkError, ZooError, EngineError: if the plan cannot be searched, or its baseline not be run.
    """
    plan.check()
    budget = Budget(plan.seconds, tell, stop)
    kinds, excluded = choices(plan)
    exported = Exported()
    if make is None:
        if any(replace(plan.baseline, kind=kind).needs_export for kind in kinds):
            budget.say("Exporting", 0.0)
            exported = export_if_possible(plan.model, plan.seed)
        make = contenders(plan.model, plan.seed, exported)
        if exported.refusal:
            refused = tuple(kind for kind in kinds if replace(plan.baseline, kind=kind).needs_export)
            excluded += tuple(Excluded(kind, exported.refusal) for kind in refused)
            kinds = tuple(kind for kind in kinds if kind not in refused)
    screening = Screening(plan, make, budget, done)
    screening.run(kinds)
    case = _decide(plan, screening, budget)
    finalists = _ranked(plan, screening.tried, case) if case is not None else ()
    failed = tuple(Excluded(each.name, each.problem) for each in screening.tried if each.problem)
    report = SearchReport(
        plan=plan,
        best=finalists[0] if finalists else None,
        finalists=finalists,
        tried=tuple(screening.tried),
        excluded=excluded + failed,
        untried=tuple(screening.untried),
        breakeven=_breakeven(plan.baseline, finalists, exported.seconds),
        export_seconds=exported.seconds,
        final=case,
        conclusion="",
        seconds=budget.spent,
        complete=not screening.untried and case is not None and case.complete,
    )
    return replace(report, conclusion=conclude(report))


def _decide(plan: SearchPlan, screening: Screening, budget: Budget) -> CaseReport | None:
    """The last comparison; None if all was given up before it."""
    chosen = (plan.baseline, *screening.finalists())
    if budget.stopped() or not screening.tried:
        return None

    def tell(each: Progress) -> None:
        budget.say(f"The best {len(chosen)} with care: {each.stage}", 0.65 + 0.35 * each.share)

    case = compare(
        [screening.contender(each) for each in chosen],
        budget.within(plan.method, reserve=True),
        tell=tell,
        stop=budget.over,
    )
    errors = {each.name: each.error for each in screening.tried}
    return replace(
        case,
        model=plan.model,
        seed=plan.seed,
        batch=plan.baseline.batch,
        # The outputs of other batches can only be held against their own baseline's, as was done before.
        engines=tuple(replace(each, error=errors.get(each.name)) for each in case.engines),
        caveats=tuple(each for each in case.caveats if "does not give the numbers" not in each),
    )


def _ranked(plan: SearchPlan, tried: Sequence[Tried], case: CaseReport) -> tuple[Finalist, ...]:
    """Those that ran in the last comparison to its end, the fastest first; none without the baseline."""
    by_name = {each.name: each for each in tried}
    ran = [by_name[each.name] for each in case.engines if each.summary is not None and not each.problem]
    baseline, floor = plan.baseline, case.floor
    if floor is None or baseline.name not in {each.name for each in ran}:
        return ()
    ran.sort(key=lambda each: -per_example(case.rounds, each.configuration, baseline).value)
    return tuple(
        Finalist(
            each,
            None if each.configuration == baseline else _judged(case, each.configuration, baseline, floor),
            None if each is ran[0] else _judged(case, ran[0].configuration, each.configuration, floor),
            _median(case, each.name) / each.configuration.batch,
        )
        for each in ran
    )


def _judged(case: CaseReport, one: Configuration, other: Configuration, floor: Floor) -> Judgement | None:
    try:
        return judge(per_example(case.rounds, one, other), floor)
    except BenchmarkError:
        return None


def _median(case: CaseReport, name: str) -> float:
    """Seconds per call."""
    return next(each.summary.median for each in case.engines if each.name == name and each.summary)


def _breakeven(
    baseline: Configuration, finalists: Sequence[Finalist], export_seconds: float
) -> BreakEven | None:
    """After how many calls, of the best's batch, the best has paid off beside the baseline."""
    best = finalists[0] if finalists else None
    beside = next((each for each in finalists if each.tried.configuration == baseline), None)
    if best is None or beside is None or best.judgement is None:
        return None
    batch = best.tried.configuration.batch
    exported = export_seconds if best.tried.configuration.needs_export else 0.0
    costs = [_cost(each, batch, export) for each, export in ((beside, 0.0), (best, exported))]
    if costs[0] is None or costs[1] is None:
        return None
    ratio = best.judgement.ratio
    names = (beside.name, best.name)
    return breakeven.calls(*costs[0], *costs[1], interval=(ratio.low, ratio.high), names=names)


def _cost(one: Finalist, batch: int, export: float) -> tuple[float, float] | None:
    """What it costs once and per so many examples, in seconds."""
    load, first = one.tried.load_seconds, one.tried.first_seconds
    if load is None or first is None:
        return None
    own = one.seconds_per_example * one.tried.configuration.batch
    return breakeven.once(load, first, own, export), one.seconds_per_example * batch
