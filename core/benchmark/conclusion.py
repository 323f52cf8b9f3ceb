"""What a report says, in plain words: a sentence per engine and model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from core.benchmark.report import CaseReport, EngineResult, Report
from core.benchmark.verdict import Verdict
from core.engines.catalog import title
from core.units import factor
from core.zoo import titles


def conclusions(report: Report) -> tuple[str, ...]:
    """A sentence per model and engine but the baseline: where it is faster, where slower, by how much.

    An engine whose numbers are not the baseline's is said to be so before anything about its speed.
    """
    found = []
    for model in _unique(case.model for case in report.cases):
        cases = [case for case in report.cases if case.model == model]
        names = _unique(each.name for case in cases for each in case.engines)
        several = len({case.model for case in report.cases}) > 1
        start = f"{titles().get(model, model)}: " if several else ""
        found += [f"{start}{said}" for name in names if (said := _engine(name, cases))]
    return tuple(found)


def case_label(case: CaseReport, cases: Sequence[CaseReport]) -> str:
    """What tells a comparison from the others: `batch 8`, `2 threads`, both, or with its model."""
    parts = []
    if len({each.model for each in cases}) > 1:
        parts.append(titles().get(case.model, case.model))
    alone = len(cases) == 1
    if alone or len({each.batch for each in cases}) > 1:
        parts.append(f"batch {case.batch}")
    if alone or len({each.threads for each in cases}) > 1:
        parts.append(f"{case.threads} thread{'s' if case.threads > 1 else ''}")
    if len({each.machine for each in cases}) > 1:
        parts.append(case.machine)
    return ", ".join(parts)


def _engine(name: str, cases: Sequence[CaseReport]) -> str:
    found = [(case, each) for case in cases for each in case.engines if each.name == name]
    judged = [(case, each) for case, each in found if each.judgement is not None]
    if not judged:
        problems = _unique(each.problem for _, each in found if each.problem)
        baseline = any(case.baseline == name for case, _ in found)
        return "" if baseline or not problems else f"{title(name)} was not measured. {problems[0]}"
    against = title(judged[0][0].baseline)
    wrong = [case for case, each in judged if each.error is not None and not each.error.agree]
    clauses = []
    for verdict, words in (
        (Verdict.FASTER, lambda low, high: f"{_range(low, high)} times as fast"),
        (Verdict.SLOWER, lambda low, high: f"{_range(1 / high, 1 / low)} times as long per call"),
        (Verdict.CANNOT_TELL, lambda *_: ""),
    ):
        clause = _clause(verdict, words, judged, cases)
        if clause:
            clauses.append(clause)
    warning = ""
    if wrong:
        where = "" if len(wrong) == len(judged) else f" {_at(wrong, cases)}"
        warning = f"does not give the same numbers{where}; "
    return f"{title(name)} against {against}: {warning}{', '.join(clauses)}."


def _clause(
    verdict: Verdict,
    words: Callable[[float, float], str],
    judged: Sequence[tuple[CaseReport, EngineResult]],
    cases: Sequence[CaseReport],
) -> str:
    these = [(case, each) for case, each in judged if each.judgement and each.judgement.verdict is verdict]
    if not these:
        return ""
    ratios = [each.judgement.ratio.value for _, each in these if each.judgement]
    range_words = words(min(ratios), max(ratios))
    where = "" if len(these) == len(judged) else f" {_at([case for case, _ in these], cases)}"
    return f"{verdict}{where}{f' ({range_words})' if range_words else ''}"


def _at(some: Sequence[CaseReport], cases: Sequence[CaseReport]) -> str:
    labels = [case_label(case, cases) for case in some]
    first, *rest = labels
    # `batch 1, 8` and not `batch 1, batch 8` where only the batch differs.
    word = first.split(" ")[0]
    if rest and all(label.startswith(f"{word} ") and "," not in label for label in labels):
        rest = [label.removeprefix(f"{word} ") for label in rest]
    listed = [first, *rest]
    return "at " + (listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}")


def _range(low: float, high: float) -> str:
    one, two = factor(low), factor(high)
    return one if one == two else f"{one} to {two}"


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
