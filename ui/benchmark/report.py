"""A report on the page: large numbers, the conclusion in words, figures, and a table that says the same."""

from __future__ import annotations

import statistics
from typing import Final

import streamlit as st

from core.benchmark import CaseReport, Method, Report, Verdict, breakeven
from core.benchmark.conclusion import case_label, conclusions
from core.benchmark.report import EngineResult
from core.benchmark.statistics import P90_SAMPLES, P99_SAMPLES
from core.units import duration
from ui.benchmark.plots import distribution_figure, foreign_figure, ratio_figure, sweep_figure
from ui.benchmark.words import name_of, others, said, same_numbers
from ui.cards import card, show_cards, verdict
from ui.figures import show_figure
from ui.numbers import gap, times
from ui.text import plain

MIB: Final = 2**20
_CARDS: Final = 3
_CARD_COLOURS: Final = {
    Verdict.FASTER: "fired",
    Verdict.SLOWER: "silent",
    Verdict.CANNOT_TELL: "forward",
}
_TIMES: Final = ("Mean of each round", "Single calls")


def show_numbers(case: CaseReport, why: str) -> None:
    """The large numbers of one comparison, and its verdict.

    Args:
        case: the comparison.
        why: the sentence below the verdict.
    """
    baseline = next((each for each in case.engines if each.name == case.baseline), None)
    cards = []
    if baseline is not None and baseline.summary is not None:
        cards.append(
            card(f"{name_of(case.baseline)}, per call", duration(baseline.summary.median), "forward")
        )
    judged = others(case)
    for engine in judged[:_CARDS]:
        assert engine.judgement is not None
        found = engine.judgement.ratio
        same = same_numbers(engine)
        colour = _CARD_COLOURS[engine.judgement.verdict] if same else "silent"
        interval = f"{times(found.low)} to {times(found.high)}{'' if same else ', other numbers'}"
        name = f"{'' if same else '✗ '}{name_of(engine.name)}"
        cards.append(card(name, times(found.value), colour, interval))
    cards.append(_verdict(case, judged, why))
    show_cards(*cards)


def show_report(report: Report, method: Method, *, key: str, projector: bool, about: str = "") -> None:
    """All of a report below its large numbers: a comparison is chosen, then seen from every side.

    Args:
        report: with at least one comparison.
        method: by which it was measured.
        key: of the widgets.
        projector: whether type must be readable from the last row.
        about: a sentence that the verdict begins with.
    """
    case = chosen_case(report, key=key)
    show_numbers(case, f"{about} {_why(report)}".strip())
    said = [*conclusions(report), *(f"⚠ {caveat}" for caveat in case.caveats)]
    st.html(f"<ul class='uth-said'>{''.join(f'<li>{plain(each)}</li>' for each in said)}</ul>")
    _figures(report, case, method, key=key, projector=projector)
    _tables(report, case)


def chosen_case(report: Report, *, key: str) -> CaseReport:
    """The comparison that the visitor looks at; a choice is drawn where there are several."""
    if len(report.cases) == 1:
        return report.cases[0]
    labels = [case_label(case, report.cases) for case in report.cases]
    label = st.segmented_control(
        "Comparison",
        labels,
        default=labels[0],
        key=f"{key}:case",
        label_visibility="collapsed",
        required=True,
    )
    return report.cases[labels.index(label) if label in labels else 0]


def table_rows(case: CaseReport) -> list[dict[str, object]]:
    """A line per engine with every number of the figures, and what it costs."""
    return [_row(each, case) for each in case.engines]


def _row(engine: EngineResult, case: CaseReport) -> dict[str, object]:
    times_of, calls = engine.summary, engine.latency
    judgement, error, memory = engine.judgement, engine.error, engine.memory
    return {
        "engine": name_of(engine.name),
        "verdict": said(engine, case),
        "times as fast": "" if judgement is None else times(judgement.ratio.value),
        "95% interval": ""
        if judgement is None
        else f"{times(judgement.ratio.low)} to {times(judgement.ratio.high)}",
        "median": "" if times_of is None else duration(times_of.median),
        "quartiles": ""
        if times_of is None
        else f"{duration(times_of.lower_quartile)} to {duration(times_of.upper_quartile)}",
        "p90 of calls": _percentile(None if calls is None else calls.p90, engine, P90_SAMPLES),
        "p99 of calls": _percentile(None if calls is None else calls.p99, engine, P99_SAMPLES),
        "examples per second": "" if times_of is None else f"{case.batch / times_of.median:,.0f}",
        "largest error": "baseline"
        if error is None and engine.name == case.baseline
        else ""
        if error is None
        else error.problem or f"{'✓' if error.agree else '✗'} {gap(error.absolute)}",
        "load": "" if engine.load_seconds is None else duration(engine.load_seconds),
        "first call": "" if engine.first_seconds is None else duration(engine.first_seconds),
        "pays off": _payback(engine, case),
        "memory": "" if memory is None else f"{(memory.after - memory.before) / MIB:,.1f} MiB",
        "memory at most": "" if memory is None else f"{(memory.peak - memory.before) / MIB:,.1f} MiB",
        "settings": "; ".join(f"{name} {value}" for name, value in (engine.metadata or {}).items()),
    }


def _payback(engine: EngineResult, case: CaseReport) -> str:
    """After how many calls its load and first call have paid off beside the baseline; without an export."""
    found = breakeven.of_report(case, engine.name)
    if found is None:
        return ""
    return str(found.payback) if found.calls is None else f"{found.payback} {found.calls:,} calls"


def _percentile(value: float | None, engine: EngineResult, least: int) -> str:
    if value is not None:
        return duration(value)
    return f"needs {least}, has {len(engine.samples)}" if engine.samples else ""


def _verdict(case: CaseReport, judged: list[EngineResult], why: str) -> str:
    if not judged:
        problem = next((each.problem for each in case.engines if each.problem), "")
        what = problem or "Too few rounds count: measure again when this machine is quiet."
        return verdict("✗", "no comparison", what)
    best = max(
        judged,
        key=lambda each: (same_numbers(each), each.judgement is not None and each.judgement.ratio.value),
    )
    assert best.judgement is not None
    sign = "✓" if same_numbers(best) else "✗"
    return verdict(sign, f"{name_of(best.name)}: {best.judgement.verdict}", why)


def _why(report: Report) -> str:
    counted = sum(len(case.rounds) - case.rejected for case in report.cases)
    rejected = sum(case.rejected for case in report.cases)
    words = f"{counted} interleaved rounds count"
    return f"{words}, {rejected} do not." if rejected else f"{words}, none was rejected."


def _figures(report: Report, case: CaseReport, method: Method, *, key: str, projector: bool) -> None:
    left, right = (st.container(), st.container()) if projector else st.columns(2, gap="medium")
    if others(case):
        with left:
            st.markdown("**How many times as fast**, with the 95% interval")
            rows = len(others(case))
            show_figure(
                ratio_figure(case),
                key=f"{key}:ratio",
                alt=_alt(case),
                projector=projector,
                height=150 + 60 * rows,
                download="ratios",
            )
    if case.rounds:
        with right:
            _distribution(case, key=key, projector=projector)
    swept = [each for each in report.cases if each.model == case.model and others(each)]
    if len({each.batch for each in swept}) > 1:
        st.markdown("**Over the batch**")
        show_figure(
            sweep_figure(swept),
            key=f"{key}:sweep",
            projector=projector,
            height=320,
            download="batch-sweep",
            alt="; ".join(f"{case_label(each, report.cases)}: {_alt(each)}" for each in swept),
        )
    meter = foreign_figure(case, method.most_foreign)
    if meter is not None:
        shares = [each.foreign for each in case.rounds if each.foreign is not None]
        st.markdown(
            f"**What others used of this machine** in each round, {statistics.fmean(shares):.1%} on average: "
            "a round above the line by more than the clock's ticks may be off does not count"
        )
        show_figure(
            meter,
            key=f"{key}:foreign",
            projector=projector,
            height=190,
            download="foreign-cpu",
            alt=f"Others used {statistics.fmean(shares):.1%} of this machine on average, "
            f"{max(shares):.1%} at most",
        )


def _distribution(case: CaseReport, *, key: str, projector: bool) -> None:
    view = _TIMES[0]
    if any(each.samples for each in case.engines):
        view = st.segmented_control(
            "Times",
            _TIMES,
            default=_TIMES[0],
            key=f"{key}:times",
            label_visibility="collapsed",
            required=True,
        )
    single = view == _TIMES[1]
    found = {each.name: each.latency if single else each.summary for each in case.engines}
    medians = [f"{name_of(name)} {duration(of.median)}" for name, of in found.items() if of is not None]
    show_figure(
        distribution_figure(case, single=single),
        key=f"{key}:distribution",
        projector=projector,
        height=150 + 60 * (len(found) + 1),
        alt=f"Medians: {', '.join(medians) or 'none, no round counts'}",
        download="distribution",
    )


def _alt(case: CaseReport) -> str:
    return ", ".join(
        f"{name_of(each.name)} {times(each.judgement.ratio.value)} "
        f"({times(each.judgement.ratio.low)} to {times(each.judgement.ratio.high)}), {each.judgement.verdict}"
        for each in others(case)
        if each.judgement is not None
    )


def _tables(report: Report, case: CaseReport) -> None:
    st.dataframe(
        table_rows(case),
        hide_index=True,
        height="content",
        alt="Every engine of this comparison with its times, its error and what it costs",
    )
    if len(report.cases) > 1:
        with st.expander("All comparisons"):
            st.dataframe(
                [
                    {"comparison": case_label(each, report.cases), **row}
                    for each in report.cases
                    for row in table_rows(each)
                ],
                hide_index=True,
                alt="Every engine of every comparison",
            )
