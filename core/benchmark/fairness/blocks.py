"""A comparison without rounds: all blocks of one engine, then all of the other.

It shows what such a benchmark says when others begin to use the machine between the two. Everything else is
as in a fair one: a process per engine, a warm-up, and the first engine a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from core.benchmark.method import Progress, Stop, Tell, compare
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport, EngineResult
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio, summary
from core.benchmark.verdict import Floor, judge
from core.benchmark.worker import Runs

_NONE_REJECTED: Final = 2.0


def compare_blocks(
    first: Runs,
    second: Runs,
    method: Method,
    neighbor: AbstractContextManager[object],
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
) -> CaseReport:
    """Compares two engines one after the other, a neighbor beside the second.

    Args:
        first: the baseline, which has the machine for itself.
        second: the other; of another name.
        method: how many blocks, and how long. None is rejected, whatever others use.
        neighbor: entered between the two, and left after the second.
        tell: called as the measurement goes on.
        stop: asked between blocks.

    Returns:
        A report without the model's name and settings. Its rounds are of the blocks of the same number, which
        have nothing in common but that.
    """
    method = replace(method, most_foreign=_NONE_REJECTED, samples=0)

    def half(begin: float) -> Tell:
        return lambda each: tell(Progress(each.stage, begin + each.share / 2, None))

    before = compare([first], method, tell=half(0.0), stop=stop)
    if stop() or not before.baseline:
        return replace(before, engines=(*before.engines, EngineResult(second.name)), complete=False)
    with neighbor:
        after = compare([second], method, tell=half(0.5), stop=stop)
    rounds = _together(before.rounds, after.rounds, second.name)
    floor = None
    baseline, other = before.engines[0], after.engines[0]
    if rounds and all({first.name, before.twin} <= each.seconds.keys() for each in rounds):
        floor = Floor((ratio(rounds, before.twin, first.name),))
        judgement = judge(ratio(rounds, second.name, first.name), floor)
        baseline = replace(baseline, summary=summary(rounds, first.name))
        other = replace(other, summary=summary(rounds, second.name), judgement=judgement)
    return replace(
        before,
        engines=(baseline, other),
        floor=floor,
        rounds=rounds,
        caveats=(*before.caveats, *(each for each in after.caveats if each not in before.caveats)),
        complete=before.complete and after.complete,
    )


def _together(before: Sequence[Round], after: Sequence[Round], second: str) -> tuple[Round, ...]:
    """Rounds of the blocks with the same number; what others used is that of the second half."""
    return tuple(
        Round(
            one.number,
            {**one.seconds, second: two.seconds[second]},
            {**one.calls, second: two.calls[second]},
            two.foreign,
            one.rejected or two.rejected,
        )
        for one, two in zip(before, after, strict=False)
        if second in two.seconds
    )
