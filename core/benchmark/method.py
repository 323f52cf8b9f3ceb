"""The measurement: one process per engine, all but one stopped, rounds in random order.

To be run where nothing else is at work: in a process of its own, one at a time on a machine.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from core.benchmark import rounds as timing
from core.benchmark.derivation import derive
from core.benchmark.meter import Meter
from core.benchmark.plan import BenchmarkPlan, Case, Method
from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.rounds import BenchmarkError, Round
from core.benchmark.warmup import Warmup
from core.benchmark.worker import Block, Runs, Worker, WorkerError
from core.engines.engine import Array
from core.export.parity import deviation

WARM_BLOCK_SECONDS: Final = 0.005
"""How long the blocks are by which it is seen whether an engine is warm."""
_MEMORY_CALLS: Final = 10
_SAMPLE_TURNS: Final = 5


@dataclass(frozen=True)
class Progress:
    """How far a measurement is.

    Attributes:
        stage: what is being done, in words.
        share: how much of all is done, from 0 to 1.
        seconds_left: an estimate; None while there is nothing to go by.
    """

    stage: str
    share: float
    seconds_left: float | None


Tell = Callable[[Progress], object]
Stop = Callable[[], bool]


def measure(
    plan: BenchmarkPlan,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
    done: Callable[[CaseReport], object] = lambda _: None,
    memory: bool = True,
) -> Report:
    """Measures what a plan says.

    Args:
        plan: models, engines, batches, threads and the method.
        tell: called as the measurement goes on.
        stop: asked between blocks; when it says so, what there is by then is the report.
        done: called with each comparison as soon as it is measured.
        memory: whether each engine is run once more, alone, to see what memory it needs.

    Raises:
        BenchmarkError, ZooError, EngineError: if the plan cannot be measured.
    """
    start = time.monotonic()
    tell(Progress("Exporting", 0.0, None))
    cases = plan.cases()
    found: list[CaseReport] = []
    for number, case in enumerate(cases):

        def tell_of_all(each: Progress, number: int = number) -> None:
            share = (number + each.share) / len(cases)
            spent = time.monotonic() - start
            tell(Progress(each.stage, share, spent * (1 - share) / share if share > 0.02 else None))

        found.append(measure_case(case, plan.method, tell=tell_of_all, stop=stop, memory=memory))
        done(found[-1])
        if stop():
            break
    complete = len(found) == len(cases) and all(each.complete for each in found)
    return Report(tuple(found), time.monotonic() - start, complete)


def measure_case(
    case: Case,
    method: Method,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
    memory: bool = True,
) -> CaseReport:
    """Measures one comparison; arguments as for `measure`."""
    comparison = compare(case.contenders, method, tell=tell, stop=stop, memory=memory)
    return replace(comparison, model=case.model, seed=case.seed, batch=case.batch, threads=case.threads)


def compare(
    contenders: Sequence[Runs],
    method: Method,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
    memory: bool = False,
) -> CaseReport:
    """Compares engines; the first that can be loaded is the baseline, and runs twice.

    Args:
        contenders: what is to be compared; no two of the same name.
        method: how.
        tell: called as the measurement goes on.
        stop: asked between blocks.
        memory: whether each engine is run once more, alone, to see what memory it needs.

    Returns:
        A report without the model's name and settings, which are not known here.

    Raises:
        BenchmarkError: if there is nothing to compare, or two have the same name.
    """
    names = [each.name for each in contenders]
    if not names or len(set(names)) < len(names):
        raise BenchmarkError(f"Got engines {', '.join(names) or 'none'}: expected one or more, each once.")
    with ExitStack() as stack:
        field = _Field(contenders, method, stack, tell, stop)
        field.load()
        field.warm_up()
        field.run_rounds()
        field.take_samples()
    if memory:
        field.weigh()
    return field.report()


class _Field:
    """The engines of one comparison while it goes on."""

    def __init__(
        self, contenders: Sequence[Runs], method: Method, stack: ExitStack, tell: Tell, stop: Stop
    ) -> None:
        self._contenders = contenders
        self._method = method
        self._stack = stack
        self._tell = tell
        self._stop = stop
        self._stopped = False
        self._results = {each.name: EngineResult(each.name) for each in contenders}
        self._workers: dict[str, Worker] = {}
        self._calls: dict[str, int] = {}
        self._rounds: list[Round] = []
        self._baseline = ""
        self._twin = ""
        self._meter_says = ""
        self._resolution = timing.clock_resolution()

    def load(self) -> None:
        """Starts a process per engine, and one more for the baseline's twin."""
        for number, contender in enumerate(self._contenders):
            if self._cancelled():
                return
            self._say(f"Loading {contender.name}", 0.2 * number / len(self._contenders))
            worker = self._open(contender, contender.name)
            if worker is not None and not self._baseline:
                self._baseline = contender.name
                twin = f"{contender.name}, again"
                if self._open(contender, twin) is not None:
                    self._twin = twin
        self._compare_numbers()

    def warm_up(self) -> None:
        """Calls each engine until its times are steady, alone."""
        for name, worker in list(self._workers.items()):
            if self._cancelled():
                return
            self._say(f"Warming up {name}", 0.25)
            try:
                self._warm(name, worker)
            except WorkerError as error:
                self._drop(name, str(error))
            worker.stop()

    def run_rounds(self) -> None:
        """Times every engine in every round, until there are enough that count."""
        method = self._method
        meter = Meter([os.getpid(), *(worker.pid for worker in self._workers.values())])
        self._meter_says = meter.reason
        start = time.monotonic()
        counted = 0
        orders = timing.orders(list(self._workers), method.most_rounds, method.seed) if self._workers else ()
        for number, order in enumerate(orders):
            spent = time.monotonic() - start
            if counted >= method.least_rounds and spent >= method.least_seconds:
                return
            if self._cancelled() or not self._workers:
                return
            done = min(1.0, counted / method.least_rounds, spent / max(method.least_seconds, 1e-9))
            self._say(f"Round {number + 1}", 0.3 + 0.6 * done)
            first = meter.mark()
            blocks = self._one_round([name for name in order if name in self._workers])
            foreign = meter.between(first, meter.mark())
            if not blocks:
                continue
            one = Round(
                number,
                {name: block.seconds for name, block in blocks.items()},
                {name: block.calls for name, block in blocks.items()},
                None if foreign is None else foreign.share,
                foreign is not None and foreign.beyond(method.most_foreign),
            )
            self._rounds.append(replace(one, rejected=one.rejected or one.broken))
            counted += not self._rounds[-1].rejected

    def take_samples(self) -> None:
        """Times single calls, in turns of random order like the rounds: what percentiles are made of."""
        method = self._method
        names = [name for name in self._workers if name != self._twin]
        found: dict[str, list[float]] = {name: [] for name in names}
        turn = math.ceil(method.samples / _SAMPLE_TURNS)
        orders = timing.orders(names, _SAMPLE_TURNS, method.seed + 1) if names and turn else ()
        for number, order in enumerate(orders):
            if self._cancelled():
                break
            self._say(f"Single calls, turn {number + 1}", 0.9)
            for name in order:
                if name not in self._workers:
                    continue
                worker, left = self._workers[name], method.samples - len(found[name])
                try:
                    found[name] += worker.samples(min(turn, left), method.sample_seconds / _SAMPLE_TURNS)
                except WorkerError as error:
                    self._drop(name, str(error))
                worker.stop()
        for name, samples in found.items():
            if samples:
                self._note(name, samples=tuple(samples))

    def weigh(self) -> None:
        """Runs each engine once more, alone, to see what memory it needs."""
        for contender in self._contenders:
            if self._cancelled():
                return
            if self._results[contender.name].problem:
                continue
            self._say(f"Memory of {contender.name}", 0.95)
            with Worker(contender, seconds=self._method.load_seconds) as worker:
                try:
                    worker.load()
                    worker.time(_MEMORY_CALLS)
                    self._note(contender.name, memory=worker.memory())
                except WorkerError as error:
                    self._note(contender.name, problem=str(error))

    def report(self) -> CaseReport:
        """What was found by now."""
        case = CaseReport(
            model="",
            seed=0,
            batch=0,
            threads=self._contenders[0].threads,
            baseline=self._baseline,
            twin=self._twin,
            engines=tuple(self._results.values()),
            floor=None,
            rounds=tuple(self._rounds),
            caveats=(),
            complete=False,
        )
        return derive(case, stopped=self._stopped, first=[self._meter_says] if self._meter_says else [])

    def _open(self, contender: Runs, name: str) -> Worker | None:
        worker = self._stack.enter_context(Worker(contender, seconds=self._method.load_seconds))
        try:
            loaded = worker.load()
        except WorkerError as error:
            worker.close()
            self._note(contender.name, problem=str(error))
            return None
        worker.stop()
        self._workers[name] = worker
        if name == contender.name:
            self._note(
                name,
                metadata=loaded.metadata,
                load_seconds=loaded.load_seconds,
                first_seconds=loaded.first_seconds,
            )
        return worker

    def _compare_numbers(self) -> None:
        outputs: dict[str, tuple[Array, ...]] = {}
        for name, worker in list(self._workers.items()):
            try:
                outputs[name] = worker.outputs()
            except WorkerError as error:
                self._drop(name, str(error))
            worker.stop()
        for name in outputs.keys() - {self._baseline, self._twin}:
            if self._baseline in outputs:
                self._note(name, error=error_of(outputs[self._baseline], outputs[name]))

    def _warm(self, name: str, worker: Worker) -> None:
        rule = Warmup(
            least_seconds=self._method.warm_seconds, most_seconds=max(10.0, self._method.warm_seconds)
        )
        block = worker.time(1)
        while not rule.add(block.seconds * block.calls):
            block = worker.time(timing.calls_for(block.seconds, WARM_BLOCK_SECONDS), settle=False)
        length = timing.block_seconds(self._resolution, self._method.block_seconds)
        self._calls[name] = timing.calls_for(block.seconds, length)
        if name in self._results:
            self._note(name, warm_seconds=rule.seconds, settled=rule.settled)

    def _one_round(self, order: Sequence[str]) -> dict[str, Block]:
        blocks: dict[str, Block] = {}
        for name in order:
            worker = self._workers[name]
            try:
                blocks[name] = worker.time(self._calls[name])
            except WorkerError as error:
                self._drop(name, str(error))
            worker.stop()
        return blocks

    def _drop(self, name: str, problem: str) -> None:
        """An engine leaves the field; its rounds so far are kept."""
        self._workers.pop(name).close()
        self._note(self._baseline if name == self._twin else name, problem=problem)

    def _note(self, name: str, **news: Any) -> None:  # noqa: ANN401 - as many types as attributes
        """Keeps what is now known about an engine: attributes of its result."""
        self._results[name] = replace(self._results[name], **news)

    def _say(self, stage: str, share: float) -> None:
        self._tell(Progress(stage, share, None))

    def _cancelled(self) -> bool:
        self._stopped = self._stopped or self._stop()
        return self._stopped


def error_of(baseline: Sequence[Array], other: Sequence[Array]) -> Error:
    """How far the outputs of two engines are apart, over all of them."""
    shapes = [[each.shape for each in outputs] for outputs in (baseline, other)]
    if shapes[0] != shapes[1]:
        return Error(
            math.nan, math.nan, agree=False, problem=f"The outputs are {shapes[1]}, not {shapes[0]}."
        )
    found = [deviation(one, two) for one, two in zip(baseline, other, strict=True)]
    return Error(
        max((each.absolute for each in found), key=_badness, default=0.0),
        max((each.relative for each in found), key=_badness, default=0.0),
        all(each.agree for each in found),
    )


def _badness(value: float) -> float:
    return math.inf if math.isnan(value) else value
