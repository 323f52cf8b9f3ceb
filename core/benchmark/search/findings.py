"""What a search found: everything that was tried, the fastest of it, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.benchmark.breakeven import BreakEven
from core.benchmark.configuration import Configuration
from core.benchmark.report import CaseReport, Error
from core.benchmark.rounds import Round
from core.benchmark.search.space import Excluded, SearchPlan
from core.benchmark.statistics import Ratio, ratio
from core.benchmark.verdict import Judgement, Verdict
from core.units import duration


@dataclass(frozen=True)
class Tried:
    """A configuration that was measured.

    Attributes:
        configuration: which.
        default: whether it is an engine as it is without settings.
        ratio: how many times as fast as the baseline it seemed, per example, in the few rounds by which the
            finalists were chosen; None if it could not be measured.
        error: its outputs against the baseline's on the same inputs; None if it could not be measured.
        error_share: the largest difference as a share of the baseline's largest output; None if unknown.
        within: whether its outputs are within what the plan allows.
        load_seconds: what loading took.
        first_seconds: what the first call took.
        problem: why it was not measured, or may not win; empty otherwise.
    """

    configuration: Configuration
    default: bool
    ratio: Ratio | None = None
    error: Error | None = None
    error_share: float | None = None
    within: bool = False
    load_seconds: float | None = None
    first_seconds: float | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """All its settings in words."""
        return self.configuration.name

    @property
    def eligible(self) -> bool:
        """Whether it may win."""
        return self.within and self.ratio is not None and not self.problem


@dataclass(frozen=True)
class Finalist:
    """A configuration in the last comparison.

    Attributes:
        tried: it, as it was chosen.
        judgement: beside the baseline, per example; None for the baseline.
        beside_best: the best beside it, per example: if that cannot be told, the two are a tie. None for the
            best, and where a round is lacking.
        seconds_per_example: its median.
    """

    tried: Tried
    judgement: Judgement | None
    beside_best: Judgement | None
    seconds_per_example: float

    @property
    def name(self) -> str:
        """All its settings in words."""
        return self.tried.name

    @property
    def ties(self) -> bool:
        """Whether the best cannot be told from it."""
        return self.beside_best is not None and self.beside_best.verdict is Verdict.CANNOT_TELL


@dataclass(frozen=True)
class SearchReport:
    """What a search found.

    Attributes:
        plan: what was searched.
        best: the fastest in the last comparison; None if there was none.
        finalists: the fastest first.
        tried: everything that was measured, as it came.
        excluded: what could not be tried, or failed, with the reason.
        untried: for what there was no time, by name.
        breakeven: after how many calls the best has paid off beside the baseline, with its export, load and
            first call; None if the baseline is the best, or a time is lacking.
        export_seconds: what the file of ONNX Runtime's engines took; 0 if none was needed.
        final: the last comparison with all its rounds, per call; None if it did not come to it.
        conclusion: plain words.
        seconds: what all of it took.
        complete: whether everything was tried, and the last comparison came to its end.
    """

    plan: SearchPlan
    best: Finalist | None
    finalists: tuple[Finalist, ...]
    tried: tuple[Tried, ...]
    excluded: tuple[Excluded, ...]
    untried: tuple[str, ...]
    breakeven: BreakEven | None
    export_seconds: float
    final: CaseReport | None
    conclusion: str
    seconds: float
    complete: bool

    @property
    def ties(self) -> tuple[str, ...]:
        """The finalists from which the best cannot be told."""
        return tuple(each.name for each in self.finalists if each.ties)


def per_example(rounds: Sequence[Round], one: Configuration, other: Configuration) -> Ratio:
    """How many times as fast one configuration is as another, per example.

    Raises:
        BenchmarkError: if no round that counts has both.
    """
    found = ratio(rounds, one.name, other.name)
    if one.batch == other.batch:
        return found
    factor = one.batch / other.batch
    return replace(found, value=found.value * factor, low=found.low * factor, high=found.high * factor)


def conclude(report: SearchReport) -> str:
    """What was found, in plain words."""
    best = report.best
    if best is None:
        return _without_best(report)
    said = [_winner(report, best)]
    others = [name for name in report.ties if name != report.plan.baseline.name]
    if others:
        said.append(f"It cannot be told here from {'; '.join(others)}.")
        plain = next((each.name for each in report.finalists if each.ties and each.tried.default), None)
        if plain in others and not best.tried.default:
            said.append(f"So {plain}, as it is, will do.")
    if best.tried.configuration.kind is not report.plan.baseline.kind:
        said.append(_accuracy(best.tried))
    said.append(_once(report, best.tried))
    outside = sum(each.error is not None and not each.within for each in report.tried)
    if outside:
        said.append(f"Left out, with outputs too far from the baseline's: {_count(outside)}.")
    failed = sum(bool(each.problem) and each.error is None for each in report.tried)
    if failed:
        said.append(f"Could not be measured: {_count(failed)}.")
    if report.untried:
        said.append(f"There was no time for {_count(len(report.untried))}.")
    return " ".join(said)


def _without_best(report: SearchReport) -> str:
    if report.final is not None and report.final.complete:
        why = "too few rounds count"
    else:
        why = "the time was over" if report.untried else "it was stopped"
    said = f"No configuration was compared with care: {why} before that."
    told = [
        (each.ratio.value, each.name) for each in report.tried if each.eligible and each.ratio is not None
    ]
    if len(told) > 1:
        factor, name = max(told)
        said += (
            f" In the few rounds before, {name} seemed fastest: {factor:.3g} times as fast as the baseline."
        )
    return said


def _winner(report: SearchReport, best: Finalist) -> str:
    baseline = report.plan.baseline.name
    if best.judgement is None:
        return f"Nothing that was tried is faster here than the baseline, {baseline}."
    per = ", per example," if len(report.plan.batches) > 1 else ""
    if best.judgement.verdict is Verdict.CANNOT_TELL:
        return (
            f"Nothing that was tried can be told from the baseline, {baseline}. The fastest by a hair,{per} "
            f"{best.name}: {best.judgement}."
        )
    return f"The fastest here{per} is {best.name}. Beside {baseline} it is {best.judgement}."


def _accuracy(tried: Tried) -> str:
    if tried.error is None:
        return ""
    share = "" if tried.error_share is None else f", {tried.error_share:.2g} of the largest output"
    agree = "which rounding explains" if tried.error.agree else "within what you allow"
    return f"Its numbers are off by at most {tried.error.absolute:.2g}{share}, {agree}."


def _once(report: SearchReport, tried: Tried) -> str:
    said = f"It pays {report.breakeven}" if report.breakeven is not None else ""
    if tried.load_seconds is None or tried.first_seconds is None:
        return said
    load, first = duration(tried.load_seconds), duration(tried.first_seconds)
    costs = f"Loading takes {load}, the first call {first}"
    if report.breakeven is not None and report.export_seconds and tried.configuration.needs_export:
        costs += f", the export {duration(report.export_seconds)}"
    return f"{costs}. {said}".strip()


def _count(number: int) -> str:
    return "1 configuration" if number == 1 else f"{number} configurations"
