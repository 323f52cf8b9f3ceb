"""Whether the search for the best configuration finds one that no engine beats as it is, for every model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.registry import Cell, Table, Target
from core import zoo
from core.benchmark.breakeven import BreakEven, Payback
from core.benchmark.configuration import Configuration, Maker, Named, contenders
from core.benchmark.exported import Exported, export_if_possible
from core.benchmark.method import compare
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport, EngineResult
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.findings import SearchReport
from core.benchmark.search.measurement import search
from core.benchmark.search.space import SearchPlan, choices, defaults
from core.benchmark.verdict import LEAST_ROUNDS, Verdict
from core.engines.engine import EngineError

SECONDS: Final = 60.0
MAX_ERROR: Final = 0.01
METHOD: Final = Method(
    block_seconds=0.02, least_rounds=25, most_rounds=75, least_seconds=0.0, warm_seconds=0.1, samples=0
)
"""Of the comparison after the search."""

Search = Callable[[SearchPlan], SearchReport]


@dataclass(frozen=True)
class Contest:
    """A search, and what was measured after it.

    Attributes:
        report: of the search.
        again: its best as the baseline, beside every engine as it is; None if nothing was found.
        left_out: engines as they are that may not win, with why.
    """

    report: SearchReport
    again: CaseReport | None
    left_out: tuple[tuple[str, str], ...]

    @property
    def compared(self) -> tuple[EngineResult, ...]:
        """The engines as they are that the best was compared with."""
        return () if self.again is None else tuple(each for each in self.again.engines[1:] if each.judgement)

    @property
    def beaten_by(self) -> tuple[str, ...]:
        """Who is faster than the best; the engines whose numbers are off are not among them."""
        return tuple(
            each.name for each in self.compared
            if each.judgement is not None and each.judgement.verdict is Verdict.FASTER
        )  # fmt: skip

    @property
    def problem(self) -> str:
        """Why it cannot be told whether the best is as fast as all; empty if it can."""
        if self.again is None:
            return "nothing was found"
        if self.again.floor is None or self.again.baseline != self.again.engines[0].name:
            return f"the best could not be measured again. {self.again.engines[0].problem}".strip()
        if self.again.floor.rounds < LEAST_ROUNDS:
            return f"{self.again.floor.rounds} rounds counted after the search"
        ran = {each.name for each in self.report.tried if not each.problem}
        lost = [each.name for each in self.again.engines if each.problem and each.name in ran]
        return f"not measured again: {', '.join(lost)}" if lost else ""


def run(
    models: Sequence[str] | None = None,
    seconds: float = SECONDS,
    max_error: float = MAX_ERROR,
    batch: int = 1,
    method: Method = METHOD,
) -> list[Table]:
    """Measure; with all models and the default time about 23 minutes on two cores.

    Args:
        models: of the zoo; None for all.
        seconds: for each search.
        max_error: what the best may be off by, as a share of the baseline's largest output.
        batch: how many examples at once.
        method: of the comparison after the search.
    """
    found: list[Contest] = []
    failed: list[tuple[str, str]] = []
    for model in models or zoo.names():
        print(f"searching {model} for {seconds:g} s", file=sys.stderr, flush=True)
        plan = SearchPlan(model, batches=(batch,), max_error=max_error, seconds=seconds)
        try:
            found.append(contest(plan, method))
        except (BenchmarkError, EngineError) as error:
            # The other models are measured all the same.
            failed.append((model, str(error)))
    return [contests(found, seconds, max_error, failed), beside(found)]


def run_with(arguments: Sequence[str]) -> list[Table]:
    """Measure what the command's arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench engines")
    parser.add_argument("--models", nargs="+", choices=zoo.names(), default=None, metavar="MODEL")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each search")
    parser.add_argument("--max-error", type=float, default=MAX_ERROR, help="a share of the largest output")
    parser.add_argument("--batch", type=int, default=1)
    return run(**vars(parser.parse_args(arguments)))


def contest(
    plan: SearchPlan, method: Method, *, make: Maker | None = None, searched: Search | None = None
) -> Contest:
    """Searches, then compares what was found with every engine as it is, in common rounds.

    Who was found to be wrong, or not to run, by the search is left out; who was not tried is not.

    Args:
        plan: of the search.
        method: of the comparison.
        make: makes contenders; None for the engines of the plan's model.
        searched: the search; None for the real one.
    """
    report = searched(plan) if searched is not None else search(plan, make=make)
    known = {each.configuration: each for each in report.tried}
    kinds, excluded = choices(plan)
    # What needs a file that the exporter refuses to write.
    refused = tuple(each for each in report.excluded if each.name in kinds)
    as_they_are = defaults(
        [kind for kind in kinds if kind not in {each.name for each in refused}], plan.batches[0]
    )
    wrong = [
        (each.name, known[each].problem) for each in as_they_are if each in known and known[each].problem
    ]
    left_out = tuple([(each.name, each.reason) for each in excluded + refused] + wrong)
    if report.best is None:
        return Contest(report, None, left_out)
    best = report.best.tried.configuration
    names = {name for name, _ in wrong}
    field = [best, *(each for each in as_they_are if each != best and each.name not in names)]
    if make is None:
        needed = any(each.needs_export for each in field)
        exported = export_if_possible(plan.model, plan.seed) if needed else Exported()
        make = contenders(plan.model, plan.seed, exported)
    return Contest(report, compare([Named(each.name, make(each)) for each in field], method), left_out)


def contests(
    found: Sequence[Contest], seconds: float, max_error: float, failed: Sequence[tuple[str, str]] = ()
) -> Table:
    """A line per model.

    Args:
        found: the searches.
        seconds: that each had.
        max_error: that each was allowed.
        failed: models that could not be searched, with why.
    """
    rows: list[tuple[Cell, ...]] = []
    missed = [f"{model} ({why.strip()})" for model, why in failed]
    for each in found:
        report, model = each.report, each.report.plan.model
        if each.beaten_by or each.problem:
            missed.append(f"{model} ({', '.join(each.beaten_by) or each.problem})")
        best = report.best
        rows.append((
            model,
            None if best is None else best.name,
            _speedup(each),
            None if best is None or best.tried.error is None else best.tried.error.absolute,
            None if best is None else best.tried.error_share,
            len(each.compared),
            ", ".join(each.beaten_by) or "none",
            len(report.tried),
            len(report.untried),
            report.seconds,
            _paid(report.breakeven),
        ))  # fmt: skip
    rows += [(model, *(None,) * 10) for model, _ in failed]
    return Table(
        title="The best configuration of every model, against every engine as it is",
        columns=(
            "model", "best", "times eager (95%)", "error", "share of output", "defaults beside it",
            "faster than it", "tried", "untried", "search s", "pays after calls",
        ),
        rows=tuple(rows),
        notes=(
            f"Each search had {seconds:g} s, and may be off by {max_error:g} of the largest output.",
            "times eager: measured again after the search, beside eager with the threads that it takes.",
            "faster than it: engines as they are, in the same rounds; eager is the baseline of the search.",
            "pays after calls: with the export, load and first call, against eager.",
        ),
        targets=(
            Target(
                f"the best is at least as fast as every engine as it is, for each of {len(rows)} models; "
                f"missed: {', '.join(missed) or 'none'}",
                met=not missed,
            ),
        ),
    )  # fmt: skip


def beside(found: Sequence[Contest]) -> Table:
    """A line per model and engine as it is."""
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        model = each.report.plan.model
        for one in each.compared:
            assert one.judgement is not None
            ratio = one.judgement.ratio
            times = None if one.summary is None else one.summary.median * 1e6
            said = f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
            rows.append((model, one.name, times, said, str(one.judgement.verdict)))
        again = () if each.again is None else each.again.engines
        failed = [(one.name, one.problem) for one in again if one.problem]
        rows += [(model, name, None, None, why[:60]) for name, why in (*each.left_out, *failed)]
    return Table(
        title="Every engine as it is, beside the best that was found",
        columns=("model", "engine", "median us", "times the best's speed (95%)", "verdict"),
        rows=tuple(rows),
        notes=("An engine without a time may not win, or cannot be had: the verdict has why.",),
    )


def _speedup(contest: Contest) -> str | None:
    """How many times as fast the best is as the search's baseline; None if one was not measured again."""
    baseline: Configuration = contest.report.plan.baseline
    best = contest.report.best
    if best is not None and best.tried.configuration == baseline:
        return "1: it is eager"
    for each in contest.compared:
        if each.name == baseline.name and each.judgement is not None:
            ratio = each.judgement.ratio
            return f"{1 / ratio.value:.2f} ({1 / ratio.high:.2f} to {1 / ratio.low:.2f})"
    return None


def _paid(found: BreakEven | None) -> str | None:
    if found is None:
        return None
    if found.payback is Payback.AFTER:
        return f"{found.calls:,}"
    return str(found.payback) if found.calls is None else f"{found.payback} {found.calls:,}"
