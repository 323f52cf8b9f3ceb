"""After how many calls an engine that costs more at first has paid off: break-even.

An engine's time for n calls is `once + n * per_call`. What it costs once is its export, its load and what its
first call takes beyond a later one. The sums are made with fractions, so no rounding moves the answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from core.benchmark.report import CaseReport, EngineResult
from core.benchmark.rounds import BenchmarkError
from core.units import duration


class Payback(StrEnum):
    """How an engine's total time goes beside another's, as the calls go on."""

    AT_ONCE = "at once"
    AFTER = "after"
    UNTIL = "until"
    NEVER = "never"


@dataclass(frozen=True)
class BreakEven:
    """Whether, and after how many calls, one engine pays beside another.

    Attributes:
        engine: the one that the answer speaks of.
        other: the one that it would replace.
        payback: at once (it is never behind), after some calls, only until some, or never.
        calls: of `AFTER`, the first number of calls that take no longer in all; of `UNTIL`, the first for
            which the other takes no longer; else None, as the totals never meet.
        low, high: the same over the ratio's interval, `low` the fewer calls; `high` is None if the totals
            never meet at one end, both are None if they meet nowhere. Both are `calls` without an interval.
        extra: what the engine costs more once, in seconds; below 0 if it costs less.
        saved: what it saves with each call, in seconds; below 0 if a call takes longer.
    """

    engine: str
    other: str
    payback: Payback
    calls: int | None
    low: int | None
    high: int | None
    extra: float
    saved: float

    def __str__(self) -> str:
        """The answer in a sentence."""
        return f"{self._answer()}{self._range()}."

    def _answer(self) -> str:
        extra, saved = duration(abs(self.extra)), duration(abs(self.saved))
        match self.payback:
            case Payback.AT_ONCE:
                return f"at once: {self.engine} costs no more at first and no more per call than {self.other}"
            case Payback.NEVER if not self.saved:
                return f"never: {self.engine} costs {extra} more at first and a call takes the same time"
            case Payback.NEVER if not self.extra:
                return f"never: a call of {self.engine} takes {saved} longer, and it saves nothing at first"
            case Payback.NEVER:
                return f"never: {self.engine} costs {extra} more at first and {saved} more per call"
            case Payback.AFTER:
                return (
                    f"after {_calls(self.calls)}: {self.engine} costs {extra} more at first and "
                    f"saves {saved} per call"
                )
            case Payback.UNTIL:
                return (
                    f"until {_calls(self.calls)}: {self.engine} saves {extra} at first and "
                    f"costs {saved} more per call"
                )

    def _range(self) -> str:
        if self.low == self.high == self.calls:
            return ""
        endless = "never" if self.extra > 0 else "for ever"
        ends = [endless if each is None else _calls(each) for each in (self.low, self.high)]
        return f" (over the ratio's interval: {ends[0]} to {ends[1]})"


def calls(
    once_a: float,
    per_call_a: float,
    once_b: float,
    per_call_b: float,
    *,
    interval: tuple[float, float] | None = None,
    names: tuple[str, str] = ("the first engine", "the second engine"),
) -> BreakEven:
    """After how many calls engine b has paid off beside engine a.

    Args:
        once_a: what a costs once, in seconds.
        per_call_a: what each of its calls takes then, in seconds.
        once_b: what b costs once.
        per_call_b: what each of its calls takes.
        interval: how many times as fast b is as a, at least and at most; `Ratio.low` and `Ratio.high`.
        names: of a and b.

    Raises:
        BenchmarkError: if a time is none.
    """
    _check(once_a, per_call_a, once_b, per_call_b, interval)
    extra = Fraction(once_b) - Fraction(once_a)
    saved = Fraction(per_call_a) - Fraction(per_call_b)
    payback, found = _payback(extra, saved), _meeting(extra, saved)
    low, high = found, found
    if interval is not None:
        per_call = Fraction(per_call_a)
        ends = [_meeting(extra, per_call - per_call / Fraction(factor)) for factor in interval]
        # The ratio is a median of its own: the times given need not lie in its interval.
        numbers = [each for each in (*ends, found) if each is not None]
        low = min(numbers) if numbers else None
        high = None if None in (*ends, found) else max(numbers)
    return BreakEven(names[1], names[0], payback, found, low, high, float(extra), float(saved))


def once(load: float, first: float, per_call: float, export: float = 0.0) -> float:
    """What an engine costs once, in seconds: the first call only as far as it exceeds a later one."""
    return export + load + max(first - per_call, 0.0)


def of_report(report: CaseReport, engine: str, *, export_seconds: float = 0.0) -> BreakEven | None:
    """When an engine of a comparison has paid off beside the baseline; None if one of them was not measured.

    Args:
        report: of the comparison.
        engine: its name.
        export_seconds: what the engine's file took to export; 0 for an engine that needs none.
    """
    by_name = {each.name: each for each in report.engines}
    baseline, other = by_name.get(report.baseline), by_name.get(engine)
    if baseline is None or other is None or other.judgement is None:
        return None
    costs = _cost(baseline, 0.0), _cost(other, export_seconds)
    if costs[0] is None or costs[1] is None:
        return None
    ratio = other.judgement.ratio
    return calls(*costs[0], *costs[1], interval=(ratio.low, ratio.high), names=(baseline.name, other.name))


def _cost(result: EngineResult, export: float) -> tuple[float, float] | None:
    """What an engine costs once and per call, in seconds."""
    if result.summary is None or result.load_seconds is None or result.first_seconds is None:
        return None
    per_call = result.summary.median
    return once(result.load_seconds, result.first_seconds, per_call, export), per_call


def _payback(extra: Fraction, saved: Fraction) -> Payback:
    if extra <= 0 and saved >= 0:
        return Payback.AT_ONCE
    if extra >= 0 and saved <= 0:
        return Payback.NEVER
    return Payback.AFTER if extra > 0 else Payback.UNTIL


def _meeting(extra: Fraction, saved: Fraction) -> int | None:
    """The first whole number of calls at which whoever costs more at first takes no longer in all."""
    return math.ceil(extra / saved) if extra * saved > 0 else None


def _check(
    once_a: float, per_call_a: float, once_b: float, per_call_b: float, interval: tuple[float, float] | None
) -> None:
    for seconds in (once_a, once_b):
        if not (math.isfinite(seconds) and seconds >= 0):
            raise BenchmarkError(f"Got {seconds:g} s as the cost at first: expected 0 or more, not endless.")
    for seconds in (per_call_a, per_call_b):
        if not (math.isfinite(seconds) and seconds > 0):
            raise BenchmarkError(f"A call of {seconds:g} s: expected more than 0 and not endless.")
    if interval is not None and not 0 < interval[0] <= interval[1] < math.inf:
        raise BenchmarkError(
            f"Got an interval from {interval[0]:g} to {interval[1]:g}: expected two ratios above 0, "
            "the lower first."
        )


def _calls(number: int | None) -> str:
    return f"{number:,} call" + ("" if number == 1 else "s")
