"""The first part of a search: everything gets a few rounds beside the baseline, a handful at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from core.benchmark.configuration import Configuration, Maker, Named
from core.benchmark.method import Progress, compare
from core.benchmark.plan import MAX_ENGINES, Method
from core.benchmark.report import CaseReport, EngineResult, Error
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.budget import Budget
from core.benchmark.search.findings import Tried, per_example
from core.benchmark.search.space import SearchPlan, defaults, other_threads, variations
from core.benchmark.worker import Worker, WorkerError
from core.engines.engine import Array, EngineKind

ROUNDS: Final = 6
BLOCK_SECONDS: Final = 0.02
WARM_SECONDS: Final = 0.05
VARIED: Final = 3
"""Of how many of the best the other settings are tried."""
REBATCHED: Final = 4
"""How many of the best are tried with each other batch."""
FAVORITES: Final = 3
"""How many of the best come to the last comparison before its places go to engines as they are."""
HOPELESS: Final = 2.0
"""How many times as long as the best one may take in the few rounds and still have a chance."""
COMPILE_FIRST: Final = frozenset({EngineKind.COMPILED, EngineKind.ORT_TENSORRT})
"""Engines that take seconds to minutes until they are ready: tried when all others have been."""
MOST_RESERVED: Final = 0.6
"""The share of the time that is kept for the last comparison at most."""
PROCESS_SECONDS: Final = 0.3
"""What starting a process and looking at its outputs takes, generously."""
PLACES: Final = MAX_ENGINES - 2
"""How many processes a comparison has beside the baseline's two."""


class Screening:
    """Chooses who comes to the last comparison.

    Args:
        plan: what to search.
        make: makes contenders.
        budget: the time for it.
        done: called with each configuration as soon as it has had its rounds.

    Attributes:
        tried: what has had its rounds.
        untried: for what there was no time, by name.
    """

    def __init__(
        self, plan: SearchPlan, make: Maker, budget: Budget, done: Callable[[Tried], object]
    ) -> None:
        self.tried: list[Tried] = []
        self.untried: list[str] = []
        self._plan = plan
        self._make = make
        self._budget = budget
        self._done = done
        self._scales: dict[int, float] = {}
        self._defaults: frozenset[Configuration] = frozenset()

    def run(self, kinds: Sequence[EngineKind]) -> None:
        """Tries engines as they are, then other settings and batches of those that look best.

        Raises:
            BenchmarkError: if the baseline cannot be run.
        """
        batch, *others = self._plan.batches
        early = [kind for kind in kinds if kind not in COMPILE_FIRST]
        late = [kind for kind in kinds if kind in COMPILE_FIRST]
        self._defaults = frozenset(defaults(kinds, batch))
        self._stage("Engines as they are", defaults(early, batch), 0.05, 0.2)
        self._stage("Other numbers of threads", other_threads(self._going(early), batch), 0.2, 0.3)
        self._stage("Other settings of the best", variations(self._best()[:VARIED]), 0.3, 0.4)
        self._stage("Engines that compile first", defaults(late, batch), 0.4, 0.5)
        near = {each.kind for each in self._near_best()}
        going = [kind for kind in self._going(late) if kind in near]
        self._stage("Other numbers of threads", other_threads(going, batch), 0.5, 0.55)
        best = self._best()[:REBATCHED]
        for number, other in enumerate(others):
            group = dict.fromkeys(replace(each, batch=other) for each in (self._plan.baseline, *best))
            begin, end = (0.55 + 0.1 * place / len(others) for place in (number, number + 1))
            self._stage(f"Batches of {other}", tuple(group), begin, end)

    def finalists(self) -> tuple[Configuration, ...]:
        """Who comes to the last comparison beside the baseline: the best, and the best as they are.

        Who took `HOPELESS` times as long as the best is not among them, but for the best as it is.
        """
        ranked = [each for each in self._best() if each != self._plan.baseline]
        near = [each for each in self._near_best() if each != self._plan.baseline]
        as_they_are = [each for each in ranked if each in self._defaults]
        chosen = [*near[:FAVORITES], *as_they_are[:1], *(each for each in as_they_are if each in near), *near]
        return tuple(dict.fromkeys(chosen))[:PLACES]

    def contender(self, each: Configuration) -> Named:
        """What runs a configuration, under its name."""
        return Named(each.name, self._make(each))

    def _best(self) -> list[Configuration]:
        """What may win, what seemed fastest first."""
        found = [
            (each.ratio.value, each.configuration) for each in self.tried if each.eligible and each.ratio
        ]
        return [one for _, one in sorted(found, key=lambda pair: -pair[0])]

    def _near_best(self) -> list[Configuration]:
        """The best of what may win, those that are hopeless left out."""
        told = {each.configuration: each.ratio.value for each in self.tried if each.eligible and each.ratio}
        return [each for each in self._best() if told[each] * HOPELESS >= max(told.values())]

    def _going(self, kinds: Iterable[EngineKind]) -> list[EngineKind]:
        """The engines without those that failed: what is too far off is so with any number of threads."""
        failed = {each.configuration.kind for each in self.tried if each.problem}
        return [kind for kind in kinds if kind not in failed]

    def _stage(self, what: str, all_: Sequence[Configuration], begin: float, end: float) -> None:
        baseline = self._plan.baseline
        wanted = [each for each in all_ if each != baseline]
        size = PLACES if all(each.batch == baseline.batch for each in wanted) else PLACES - 1
        groups = [wanted[at : at + size] for at in range(0, len(wanted), size)]
        if baseline in all_ and not groups:
            groups = [[]]
        for number, group in enumerate(groups):
            if self._budget.only_reserve():
                self.untried += [each.name for each in group]
                continue

            def tell(each: Progress, number: int = number) -> None:
                share = begin + (end - begin) * (number + each.share) / len(groups)
                self._budget.say(f"{what}: {each.stage}", share)

            self._group(group, tell)
            self._budget.reserve = self._last_takes()

    def _group(self, group: Sequence[Configuration], tell: Callable[[Progress], object]) -> None:
        baseline = self._plan.baseline
        batch = group[0].batch if group else baseline.batch
        witness = replace(baseline, batch=batch)
        # The outputs are held against those of the first, the times against the baseline's.
        runs = list(dict.fromkeys([witness, baseline, *group]))
        scale = self._scale(witness)
        case = compare(
            [self.contender(each) for each in runs],
            self._budget.within(_quick(self._plan.method)),
            tell=tell,
            stop=self._budget.only_reserve,
        )
        if case.baseline != witness.name:
            raise BenchmarkError(_no_baseline(case.engines[0].problem))
        known = {each.configuration for each in self.tried}
        for each, result in zip(runs, case.engines, strict=True):
            if each in known:
                continue
            found = self._found(each, result, case, scale)
            if found is None:
                self.untried.append(each.name)
                continue
            self.tried.append(found)
            self._done(found)

    def _found(
        self, each: Configuration, result: EngineResult, case: CaseReport, scale: float
    ) -> Tried | None:
        """What is known of a configuration after its rounds; None if it was stopped before them."""
        tried = Tried(
            each,
            each in self._defaults,
            error=result.error,
            error_share=_share(result.error, scale),
            load_seconds=result.load_seconds,
            first_seconds=result.first_seconds,
            problem=result.problem.removeprefix(f"{each.name}: "),
        )
        if result.problem:
            return tried
        try:
            tried = replace(tried, ratio=per_example(case.rounds, each, self._plan.baseline))
        except BenchmarkError:
            return None
        # Only the baselines of each batch have no error.
        too_far = (
            "" if result.error is None else _too_far(result.error, tried.error_share, self._plan.max_error)
        )
        return replace(tried, within=not too_far, problem=too_far)

    def _last_takes(self) -> float:
        """What the last comparison would take now, in seconds, as far as that can be said before."""
        method, chosen = self._plan.method, {self._plan.baseline, *self.finalists()}
        starts = {
            each.configuration: each.load_seconds + each.first_seconds for each in self.tried
            if each.load_seconds is not None and each.first_seconds is not None
        }  # fmt: skip
        loads = sum(starts.get(each, 0.0) + method.warm_seconds + PROCESS_SECONDS for each in chosen)
        rounds = max(method.least_seconds, method.least_rounds * method.block_seconds * (len(chosen) + 1))
        return min(MOST_RESERVED * self._plan.seconds, loads + rounds)

    def _scale(self, baseline: Configuration) -> float:
        """What an error is a share of: the largest output, of several the smallest of these."""
        if baseline.batch not in self._scales:
            seconds = self._budget.within(self._plan.method).load_seconds
            with Worker(self.contender(baseline), seconds=seconds) as worker:
                try:
                    worker.load()
                    self._scales[baseline.batch] = scale_of(worker.outputs())
                except WorkerError as error:
                    raise BenchmarkError(_no_baseline(str(error))) from error
        return self._scales[baseline.batch]


def scale_of(outputs: Sequence[Array]) -> float:
    """The largest finite magnitude of an output, of several the smallest of these; 0 if there is none."""
    largest = []
    for each in outputs:
        magnitudes = np.abs(each.astype(np.float64))
        magnitudes = magnitudes[np.isfinite(magnitudes)]
        if magnitudes.size:
            largest.append(float(magnitudes.max()))
    return min(largest, default=0.0)


def _share(error: Error | None, scale: float) -> float | None:
    """An error as a share of the scale; None where there is none."""
    if error is None or math.isnan(error.absolute):
        return None
    if not scale:
        return 0.0 if not error.absolute else None
    return error.absolute / scale


def _too_far(error: Error, share: float | None, allowed: float) -> str:
    """Why outputs are not what the plan allows; empty if they are."""
    if error.agree or (share is not None and share <= allowed):
        return ""
    if error.problem:
        return error.problem
    if share is None:
        return f"Its outputs differ from the baseline's by {error.absolute:g}, which is no share of theirs."
    return (
        f"Its outputs are off by up to {share:.2g} of the baseline's largest, and "
        + (f"{allowed:.2g} is allowed." if allowed else "no more than rounding is allowed.")
    )  # fmt: skip


def _quick(method: Method) -> Method:
    """The method with a few short rounds, whatever others do meanwhile: both engines of a ratio feel it."""
    return replace(
        method,
        block_seconds=min(method.block_seconds, BLOCK_SECONDS),
        least_rounds=ROUNDS,
        most_rounds=ROUNDS,
        least_seconds=0.0,
        most_foreign=1.0,
        warm_seconds=min(method.warm_seconds, WARM_SECONDS),
        samples=0,
    )


def _no_baseline(why: str) -> str:
    why = why or "There was no time for it: allow more seconds."
    return f"The baseline, with which all are compared, could not be run. {why}"
