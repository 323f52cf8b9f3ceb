"""What watching costs: a model with a plan's hooks beside the same model without, measured and compared.

To be run in a process of its own: it turns the garbage collector off while it measures.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from core.hooks.events import Event
from core.hooks.nested import tensors_in
from core.hooks.plan import Mode, Plan
from core.hooks.preserve import same_bits
from core.hooks.recorder import HookRecorder
from core.hooks.run import loss_of, prepare_inputs
from core.hooks.spec import HookError
from core.rng import seeded

ROUNDS: Final = 40
ROUND_SECONDS: Final = 2e-3
"""How long a round without hooks takes at least."""
RECORDED_RUNS: Final = 15

_MAX_CALLS: Final = 4_096
_RESAMPLES: Final = 2_000


@dataclass(frozen=True)
class NodeChange:
    """Autograd nodes of one name that the graph has more (or, below 0, fewer) with hooks."""

    name: str
    count: int


@dataclass(frozen=True)
class Duration:
    """What one firing takes.

    Attributes:
        hook: which of the plan's hooks.
        firing: the how-manieth of this hook in one call, from 1.
        seconds: the median over the recorded runs; the copying included, the counting not.
    """

    hook: int
    firing: int
    seconds: float


@dataclass(frozen=True)
class Effect:
    """The observer effect of a plan's hooks. Times are seconds for one call, medians over the rounds.

    Attributes:
        backward: whether a call goes back from a loss too.
        bare_seconds, hooked_seconds: without and with the hooks; what the hooks saw is copied in it, and not
            yet counted.
        ratio: hooked over bare.
        low, high: the ends of the ratio's 95% interval, by bootstrap over the rounds.
        firings: how often hooks fire in a call.
        microseconds_per_firing: what a firing adds to the call; nan if none fires.
        reading_seconds: to count the statistics of a call afterwards.
        bare_nodes, hooked_nodes: how many autograd nodes the output hangs on.
        changes: by which nodes the two graphs differ, by name.
        identical: whether the output is the same, bit for bit.
        difference: the largest absolute difference of the outputs; nan if one has numbers where the other has
            none.
        durations: of each firing, by hook and firing.
        rounds: how many of each kind, in random order.
        calls: in a round.
        threads: how many PyTorch computed with.
    """

    backward: bool
    bare_seconds: float
    hooked_seconds: float
    ratio: float
    low: float
    high: float
    firings: float
    microseconds_per_firing: float
    reading_seconds: float
    bare_nodes: int
    hooked_nodes: int
    changes: tuple[NodeChange, ...]
    identical: bool
    difference: float
    durations: tuple[Duration, ...]
    rounds: int
    calls: int
    threads: int


class _Subject:
    """A model of the plan with its input: made twice, it computes the same twice."""

    def __init__(self, plan: Plan) -> None:
        model = plan.build()
        self.module = model.module
        self._plan = plan
        self._inputs = prepare_inputs(plan, model)
        self._args, self._kwargs = model.arguments(self._inputs)
        self._grad = torch.no_grad if plan.mode is Mode.NO_GRAD else torch.enable_grad
        self.backward = plan.mode.has_backward

    def call(self) -> Any:  # noqa: ANN401 - whatever the model gives
        """Computes once; the output."""
        with self._grad():
            output = self.module(*self._args, **self._kwargs)
            if self.backward and (loss := loss_of(output)) is not None:
                loss.backward()  # type: ignore[no-untyped-call]
        return output

    def forward(self) -> Any:  # noqa: ANN401
        """The output of a call whose graph is still there."""
        with seeded(self._plan.seed), self._grad():
            return self.module(*self._args, **self._kwargs)

    def time(self, calls: int) -> float:
        """Seconds for one call, as the mean over some."""
        with seeded(self._plan.seed):
            start = time.perf_counter_ns()
            for _ in range(calls):
                self.call()
            took = time.perf_counter_ns() - start
        self.forget()
        return took / 1e9 / calls

    def forget(self) -> None:
        """Drops the gradients, and cycles that calls left behind."""
        for value in (*self.module.parameters(), *self._inputs):
            value.grad = None
        gc.collect(0)


def measure(plan: Plan, rounds: int = ROUNDS) -> Effect:
    """Measures a plan's model with its hooks and without, in rounds that take turns at random.

    The model is called, whatever way of running it the plan's mode names; it goes back from a loss if the
    mode does.

    Args:
        plan: what to measure.
        rounds: of each kind; at least 2.

    Raises:
        ZooError, BuilderError: if there is no such model or input.
        HookError: for a hook on a layer that the model does not have, or one with which it cannot be run.
    """
    if rounds < 2:
        raise HookError(f"Got {rounds} rounds: an interval needs at least 2.")
    bare, hooked = _Subject(plan), _Subject(plan)
    recorder = HookRecorder(hooked.module, plan.hooks, restore=False, seed=plan.seed)
    with _no_garbage_collection(), recorder:
        nodes, changes, identical, difference = _compare(bare, hooked)
        recorder.drain()
        calls = _calls_per_round(bare)
        hooked.time(1)
        recorder.drain()
        times: dict[bool, list[float]] = {False: [], True: []}
        readings: list[float] = []
        events = 0
        order = random.Random(plan.seed)  # noqa: S311 - the order of rounds is no secret
        for _ in range(rounds):
            for with_hooks in order.sample([False, True], 2):
                times[with_hooks].append((hooked if with_hooks else bare).time(calls))
                start = time.perf_counter_ns()
                drained = recorder.drain()
                counted = [observed.statistics for event in drained for observed in event.observed]
                if with_hooks:
                    readings.append((time.perf_counter_ns() - start) / 1e9 / calls)
                    events += len(drained)
                del counted
        durations = _durations(hooked, recorder)
    bare_seconds, hooked_seconds = statistics.median(times[False]), statistics.median(times[True])
    firings = events / rounds / calls
    low, high = _interval(times[False], times[True], plan.seed)
    return Effect(
        backward=bare.backward,
        bare_seconds=bare_seconds,
        hooked_seconds=hooked_seconds,
        ratio=hooked_seconds / bare_seconds,
        low=low,
        high=high,
        firings=firings,
        microseconds_per_firing=(hooked_seconds - bare_seconds) * 1e6 / firings if firings else math.nan,
        reading_seconds=statistics.median(readings),
        bare_nodes=nodes[0],
        hooked_nodes=nodes[1],
        changes=changes,
        identical=identical,
        difference=difference,
        durations=durations,
        rounds=rounds,
        calls=calls,
        threads=torch.get_num_threads(),
    )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _compare(bare: _Subject, hooked: _Subject) -> tuple[tuple[int, int], tuple[NodeChange, ...], bool, float]:
    """The sizes of both graphs, how they differ, whether the outputs are identical, and how far apart."""
    expected = bare.forward()
    try:
        found = hooked.forward()
        if hooked.backward and (loss := loss_of(found)) is not None:
            loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    except Exception as error:
        line = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise HookError(
            f"With these hooks the model cannot be run, so there is nothing to time: {line}"
        ) from error
    before, after = _nodes(expected), _nodes(found)
    changes = tuple(
        NodeChange(name, after[name] - before[name])
        for name in sorted(before.keys() | after.keys())
        if after[name] != before[name]
    )
    one, other = dict(tensors_in(expected, "output")), dict(tensors_in(found, "output"))
    identical = one.keys() == other.keys() and all(same_bits(one[role], other[role]) for role in one)
    hooked.forget()
    return (before.total(), after.total()), changes, identical, 0.0 if identical else _gap(one, other)


def _nodes(output: object) -> Counter[str]:
    """The autograd nodes that an output hangs on, by name."""
    waiting = [tensor.grad_fn for _, tensor in tensors_in(output, "output")]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return Counter(type(node).__name__ for node in seen)


def _gap(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest absolute difference of two outputs; nan where they cannot be subtracted."""
    if one.keys() != other.keys() or any(one[role].shape != other[role].shape for role in one):
        return math.nan
    gaps = [0.0]
    for role, tensor in one.items():
        wide, beside = tensor.detach().double(), other[role].detach().double()
        same = (wide == beside) | (wide.isnan() & beside.isnan())
        gaps += torch.where(same, 0.0, (wide - beside).abs()).reshape(-1).tolist()
    return math.nan if any(math.isnan(gap) for gap in gaps) else max(gaps)


def _calls_per_round(subject: _Subject) -> int:
    """So many that a round takes at least `ROUND_SECONDS`."""
    subject.time(3)
    calls = 1
    while calls < _MAX_CALLS and min(subject.time(calls) for _ in range(2)) * calls < ROUND_SECONDS:
        calls *= 2
    return calls


def _interval(bare: Sequence[float], hooked: Sequence[float], seed: int) -> tuple[float, float]:
    """The 95% interval of the ratio of the medians: rounds are drawn again, with replacement."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(bare), size=(_RESAMPLES, len(bare)))
    medians = [np.median(np.array(times)[drawn], axis=1) for times in (bare, hooked)]
    low, high = np.quantile(medians[1] / medians[0], [0.025, 0.975])
    return float(low), float(high)


def _durations(subject: _Subject, recorder: HookRecorder) -> tuple[Duration, ...]:
    """What each firing takes, from runs that are recorded one by one."""
    taken: dict[tuple[int, int], list[float]] = {}
    for _ in range(RECORDED_RUNS):
        subject.time(1)
        for key, event in _numbered(recorder.drain()):
            taken.setdefault(key, []).append(event.seconds)
    return tuple(
        Duration(hook, firing, statistics.median(seconds))
        for (hook, firing), seconds in sorted(taken.items())
    )


def _numbered(events: Sequence[Event]) -> Iterator[tuple[tuple[int, int], Event]]:
    """The events of one call, each with its hook and the number of its firing in this call."""
    firings: Counter[int] = Counter()
    for event in events:
        firings[event.index] += 1
        yield (event.index, firings[event.index]), event
