"""Is it fair? The same two engines, measured fairly and then under settings that move the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core import machine, zoo
from core.benchmark.configuration import Configuration, Maker, contenders
from core.benchmark.exported import Exported, export_timed
from core.benchmark.fairness.blocks import compare_blocks
from core.benchmark.fairness.cold import compare_cold
from core.benchmark.fairness.neighbor import Neighbor
from core.benchmark.fairness.setting import OTHER_BATCHES, DoesNotApplyError, Duel, Setting
from core.benchmark.method import Progress, Stop, Tell, compare
from core.benchmark.plan import Method, check_batch, needs_export
from core.benchmark.report import CaseReport
from core.benchmark.rounds import BenchmarkError
from core.benchmark.statistics import Ratio
from core.benchmark.verdict import LEAST_ROUNDS, Judgement, Verdict
from core.engines.catalog import title
from core.engines.engine import EngineKind, EngineOptions

MOST_CALLS: Final = 1_000
"""Over how many calls the cold mean may be taken."""


@dataclass(frozen=True)
class FairnessPlan:
    """Two engines on one model, to be compared fairly and unfairly.

    The defaults are a pair whose winner flips on most machines.

    Attributes:
        model, seed: of the zoo.
        batch: how many examples at once.
        threads: how many compute one operator of either engine, in the fair comparison.
        first: the engine that the other one is compared with.
        second: the other one; all ratios say how many times as fast it is as the first.
        cold_calls: over how many calls the mean without a warm-up is taken.
        method: how each pair is compared.
    """

    model: str = "transformer"
    seed: int = 0
    batch: int = 64
    threads: int = 1
    first: EngineKind = EngineKind.EAGER
    second: EngineKind = EngineKind.ORT
    cold_calls: int = 10
    method: Method = field(default_factory=Method)

    def check(self) -> None:
        """Refuses what cannot be measured.

        Raises:
            BenchmarkError: if the engines are one, or this machine has not so many cores.
            ZooError: if there is no such model or batch.
        """
        if self.first is self.second:
            raise BenchmarkError(f"Got {self.first} twice: choose two engines.")
        cores = machine.logical_cores()
        if not 1 <= self.threads <= cores:
            raise BenchmarkError(f"Got {self.threads} threads, expected 1 to {cores}, as this machine has.")
        if not 1 <= self.cold_calls <= MOST_CALLS:
            raise BenchmarkError(f"Got {self.cold_calls} cold calls, expected 1 to {MOST_CALLS:,}.")
        check_batch(zoo.build(self.model, self.seed), self.batch)


@dataclass(frozen=True)
class FairnessRow:
    """The pair under one setting.

    Attributes:
        setting: which.
        title: the setting in a few words.
        about: what is unfair in it, in one sentence.
        reference: the fair setting that it is held against; None for the fair one itself.
        judgement: of the second engine beside the first; None if there is none.
        moved: by what factor the ratio is another than the reference's; above 1 in favor of the second.
        flips: whether the winner is the other one than under the reference.
        gains: the engine that the setting favors beyond both intervals; empty if that cannot be told.
        case: the comparison with all its rounds; None if there was none.
        problem: why there is no judgement; empty if there is one.
    """

    setting: Setting
    title: str
    about: str
    reference: Setting | None
    judgement: Judgement | None = None
    moved: float | None = None
    flips: bool = False
    gains: str = ""
    case: CaseReport | None = None
    problem: str = ""

    @property
    def words(self) -> str:
        """The verdict in a sentence, or why there is none."""
        return str(self.judgement) if self.judgement is not None else self.problem


@dataclass(frozen=True)
class FairnessReport:
    """What settings alone make of one comparison.

    Attributes:
        plan: what was measured.
        rows: the fair one first.
        conclusion: plain words.
        seconds: what all of it took.
        complete: whether every setting had its turn.
    """

    plan: FairnessPlan
    rows: tuple[FairnessRow, ...]
    conclusion: str
    seconds: float
    complete: bool


def fairness(
    plan: FairnessPlan,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
    done: Callable[[FairnessRow], object] = lambda _: None,
    make: Maker | None = None,
) -> FairnessReport:
    """Measures a pair of engines under every setting.

    Args:
        plan: the pair and the method.
        tell: called as the measurement goes on.
        stop: asked between blocks; when it says so, the report has the rows that there are by then.
        done: called with each row as soon as it is measured.
        make: makes contenders; None for the engines of the plan's model.

    Raises:
        BenchmarkError, ZooError, EngineError: if the plan cannot be measured.
    """
    plan.check()
    start = time.monotonic()
    if make is None:
        tell(Progress("Exporting", 0.0, None))
        needed = needs_export(plan.first) or needs_export(plan.second)
        exported = export_timed(plan.model, plan.seed) if needed else Exported()
        make = contenders(plan.model, plan.seed, exported)
    options = EngineOptions(threads=plan.threads)
    duel = Duel(
        Configuration(plan.first, options, plan.batch),
        Configuration(plan.second, options, plan.batch),
        make,
        plan.cold_calls,
        plan.method.block_seconds,
    )
    # Single calls tell nothing here that the blocks do not.
    method = replace(plan.method, samples=0)
    rows: dict[Setting, FairnessRow] = {}
    for number, setting in enumerate(Setting):
        if stop():
            break
        named = duel.title(setting)

        def tell_of_all(each: Progress, number: int = number, named: str = named) -> None:
            share = (number + each.share) / len(Setting)
            spent = time.monotonic() - start
            left = spent * (1 - share) / share if share > 0.02 else None
            tell(Progress(f"{named}: {each.stage}", share, left))

        row = FairnessRow(setting, named, duel.about(setting), duel.reference(setting))
        row = _measured(row, duel, replace(plan, method=method), tell_of_all, stop)
        if row.case is not None and row.judgement is None and not row.case.complete and stop():
            break
        rows[setting] = _against(row, rows)
        done(rows[setting])
    found = tuple(rows.values())
    complete = len(rows) == len(Setting) and all(row.case is None or row.case.complete for row in found)
    conclusion = conclude(found, title(plan.first), title(plan.second))
    return FairnessReport(plan, found, conclusion, time.monotonic() - start, complete)


def conclude(rows: Sequence[FairnessRow], first: str, second: str) -> str:
    """What the rows say together: from which ratio to which the pair goes by settings alone.

    Args:
        rows: as measured.
        first: the name of the engine that the other one is compared with.
        second: the name of the other one.
    """
    told = {row.setting: row.judgement for row in rows if row.judgement is not None}
    fair = told.get(Setting.FAIR)
    if fair is None:
        why = next((row.problem for row in rows if row.setting is Setting.FAIR), "it was stopped before that")
        return f"{second} and {first} could not be compared fairly: {why.rstrip('.')}."
    said = [f"Measured fairly, {second} beside {first} is {fair}."]
    same = {
        setting: each for setting, each in told.items()
        if setting not in OTHER_BATCHES and each.ratio.rounds >= LEAST_ROUNDS
    }  # fmt: skip
    if len(same) > 1:
        said.append(_span(rows, same, first, second))
    said.append(_flips(rows, fair))
    said += [
        f"With {row.title.partition(',')[0].lower()} instead, it is {row.words}."
        for row in rows
        if row.setting in OTHER_BATCHES and row.judgement is not None
    ]
    return " ".join(said)


def _span(rows: Sequence[FairnessRow], told: Mapping[Setting, Judgement], first: str, second: str) -> str:
    """From where to where the ratio goes, by the near ends of the intervals: a wild ratio claims little."""
    titles = {row.setting: row.title for row in rows}
    low = min(told, key=lambda setting: told[setting].ratio.high)
    high = max(told, key=lambda setting: told[setting].ratio.low)
    least, most = told[low].ratio, told[high].ratio
    factor = most.low / least.high
    if factor <= 1:
        return "No setting moves the answer beyond what noise does here."
    return (
        f"By settings alone the same model on the same machine goes from {second} {_shown(least)} times as "
        f"fast as {first} ({titles[low]}) to {_shown(most)} times as fast ({titles[high]}), a factor of at "
        f"least {factor:.3g}."
    )


def _shown(ratio: Ratio) -> str:
    return f"{ratio.value:.3g} [{ratio.low:.3g} to {ratio.high:.3g}]"


def _flips(rows: Sequence[FairnessRow], fair: Judgement) -> str:
    flipped = [row.title for row in rows if row.flips]
    if flipped:
        what = "1 setting" if len(flipped) == 1 else f"{len(flipped)} settings"
        return f"The winner flips under {what}: {'; '.join(flipped)}."
    if fair.verdict is Verdict.CANNOT_TELL:
        named = [
            row.title for row in rows
            if row.judgement is not None and row.judgement.verdict is not Verdict.CANNOT_TELL
        ]  # fmt: skip
        if named:
            return f"Neither wins fairly, and yet there is a winner under {len(named)}: {'; '.join(named)}."
    return "The winner flips under none of them here."


def _measured(row: FairnessRow, duel: Duel, plan: FairnessPlan, tell: Tell, stop: Stop) -> FairnessRow:
    try:
        pair = duel.pair(row.setting)
    except DoesNotApplyError as error:
        return replace(row, problem=str(error))
    if row.setting is Setting.COLD:
        case = compare_cold(*pair, plan.cold_calls, plan.method, tell=tell, stop=stop)
    elif row.setting is Setting.NEIGHBOR:
        neighbor = Neighbor(machine.logical_cores())
        case = compare_blocks(*pair, plan.method, neighbor, tell=tell, stop=stop)
    else:
        case = compare(pair, plan.method, tell=tell, stop=stop)
    batch = OTHER_BATCHES.get(row.setting, plan.batch)
    case = replace(case, model=plan.model, seed=plan.seed, batch=batch)
    judgement = case.engines[1].judgement if case.baseline == pair[0].name else None
    if judgement is not None:
        return replace(row, case=case, judgement=judgement)
    problems = [each.problem for each in case.engines if each.problem] or list(case.caveats)
    return replace(row, case=case, problem=(problems or ["No round was measured."])[0])


def _against(row: FairnessRow, rows: Mapping[Setting, FairnessRow]) -> FairnessRow:
    """The row with what it changes against its reference."""
    held = rows.get(row.reference) if row.reference is not None else None
    fair = held.judgement if held is not None else None
    if row.judgement is None or fair is None:
        return row
    mine, theirs = row.judgement.ratio, fair.ratio
    gains = ""
    if mine.low > theirs.high:
        gains = mine.engine
    elif mine.high < theirs.low:
        gains = mine.baseline
    winners = {row.judgement.verdict, fair.verdict}
    return replace(
        row,
        moved=mine.value / theirs.value,
        flips=winners == {Verdict.FASTER, Verdict.SLOWER},
        gains=gains,
    )
