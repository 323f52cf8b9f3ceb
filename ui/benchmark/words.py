"""The words and marks of a report: who is faster, with which sign and colour."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from core.benchmark import CaseReport, Verdict
from core.benchmark.report import EngineResult
from core.engines import title

SIGNS: Final = {Verdict.FASTER: "▲", Verdict.SLOWER: "▼", Verdict.CANNOT_TELL: "≈"}
COLOURS: Final = {Verdict.FASTER: "fired", Verdict.SLOWER: "silent", Verdict.CANNOT_TELL: "muted"}


def said(engine: EngineResult, case: CaseReport) -> str:
    """An engine's verdict in its comparison, with its sign; why there is none, if there is none."""
    if engine.judgement is None:
        return engine.problem or ("the baseline" if engine.name == case.baseline else "too few rounds count")
    return f"{SIGNS[engine.judgement.verdict]} {engine.judgement.verdict}"


def others(case: CaseReport) -> list[EngineResult]:
    """The engines that were judged, in the plan's order."""
    return [each for each in case.engines if each.judgement is not None]


def same_numbers(engine: EngineResult) -> bool:
    """Whether an engine gives the baseline's numbers: the baseline does."""
    return engine.error is None or engine.error.agree


def name_of(engine: str) -> str:
    """What an engine or the baseline's twin is called."""
    name, again, _ = engine.partition(", again")
    return f"{title(name)}{', again' if again else ''}"


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago something was: `just now`, `5 minutes ago`, `3 days ago`."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count >= 1:
            return f"{count:,} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds > -60 else "in the future, by this machine's clock"
