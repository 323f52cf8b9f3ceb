"""What recording with hooks costs: against a bare run, against TorchLens, by model size, and in memory."""

import ctypes
import gc
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import psutil
import torch
from torch import Tensor, nn

from bench.measure import Ratio, ratio, shuffled
from bench.registry import Cell, Table, Target
from core.hooks.events import Event
from core.hooks.recorder import BUDGET_BYTES, HookRecorder
from core.hooks.spec import Action, HookKind, HookSpec
from core.hooks.statistics import Statistics

SLOW_MS: Final = 0.8
"""The time of a bare forward from which on a ratio is the target: below it, PyTorch's own hooks show."""
STATISTICS_RATIO: Final = 1.6
STATISTICS_US: Final = 12.0
CAPTURE_RATIO: Final = 1.25
GRADIENTS_RATIO: Final = 1.5
TORCHLENS_RATIO: Final = 10.0
FLAT: Final = 1.5
GROWTH_MIB: Final = 1.0

OBSERVE: Final = "observe"
READ: Final = "observe, statistics read"
CAPTURE: Final = "capture"
WHOLE: Final = "one recording: snapshot, observe, put back"

_MIB: Final = 2**20
_M_TRIM_THRESHOLD: Final = -1
"""The names are those of glibc's `malloc.h`."""
_M_MMAP_THRESHOLD: Final = -3

Call = Callable[[], object]
Way = Callable[[], AbstractContextManager[Call]]
"""A way to run a model: its block makes it ready and calls it once; only the call that it gives is timed."""


@dataclass(frozen=True)
class Example:
    """A model and its input.

    Attributes:
        calls: how often it is called per round, for the clock. Where copies are large, once, so that they go
            where those of the call before it were.
    """

    name: str
    model: nn.Module
    x: Tensor
    calls: int

    @property
    def layers(self) -> tuple[str, ...]:
        """Every module by name, the root first."""
        return tuple(name for name, _ in self.model.named_modules())

    def specs(
        self, action: Action = Action.OBSERVE, kind: HookKind = HookKind.FORWARD
    ) -> tuple[HookSpec, ...]:
        """The same hook on every module."""
        return tuple(HookSpec(layer, kind, action) for layer in self.layers)


def examples() -> list[Example]:
    """Two tiny models, where Python's own cost shows, and two where PyTorch has work to do; in eval mode."""
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    hidden: list[nn.Module] = []
    for place in range(8):
        hidden += [nn.Linear(32 if place else 16, 32), nn.ReLU()]
    convolutions = nn.Sequential(*(nn.Conv2d(16, 16, 3, padding=1) for _ in range(10)))
    block = nn.TransformerEncoderLayer(128, 4, 512, batch_first=True)
    return [
        Example("MLP", mlp.eval(), torch.randn(8, 16), 50),
        Example("MLP-8", nn.Sequential(*hidden, nn.Linear(32, 4)).eval(), torch.randn(8, 16), 20),
        Example("10 convolutions", convolutions.eval(), torch.randn(8, 16, 32, 32), 1),
        Example("transformer block", block.eval(), torch.randn(8, 32, 128), 1),
    ]


def run() -> list[Table]:
    """Measure, in a process that is there for nothing else."""
    return measure(steady=True)


def keep_freed_memory() -> None:
    """Tells glibc to keep what is freed, for the rest of this process; of other systems nothing is changed.

    Otherwise what happens to lie at the end of the heap decides whether a call's memory goes back to the
    system after it, to be new again in the next one, which takes as long as the copies themselves.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, 2**28)
        mallopt(_M_MMAP_THRESHOLD, 2**25)


def _return_freed_memory() -> None:
    """Tells glibc to give what is freed back to the system; of other systems nothing is changed."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def measure(
    rounds: int = 40,
    torchlens_rounds: int = 8,
    sizes: tuple[int, ...] = (10, 100, 500, 2_000),
    size_rounds: int = 10,
    repeats: int = 200,
    *,
    steady: bool = False,
) -> list[Table]:
    """Measure; the counts are smaller in a test. `steady`: times are taken with `keep_freed_memory`."""
    memory = _memory(repeats)
    if steady:
        keep_freed_memory()
    return [
        _forward(rounds),
        _backward(rounds),
        _against_torchlens(torchlens_rounds),
        _sizes(sizes, size_rounds),
        memory,
        _on_one_thread(rounds),  # last: to change the number of threads disturbs what is measured after it
    ]


def timed(ways: Mapping[str, Way], rounds: int, calls: int) -> dict[str, list[float]]:
    """Times ways to run a model in interleaved rounds in random order, without garbage collection in between.

    As `bench.measure.timed`, but each way is made ready before it is timed in a round, and taken down after:
    hooks are on the model only then.

    Args:
        ways: by name.
        rounds: how often each is timed.
        calls: how often each is called per round; the round's time is that of one call.

    Returns:
        Seconds per call: per name one number per round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for order in shuffled(list(ways), rounds):
            gc.collect()
            for name in order:
                with ways[name]() as call:
                    start = time.perf_counter()
                    for _ in range(calls):
                        call()
                    seconds[name].append((time.perf_counter() - start) / calls)
    finally:
        if collecting:
            gc.enable()
    return seconds


@contextmanager
def bare(call: Call) -> Iterator[Call]:
    """The call itself."""
    call()
    yield call


@contextmanager
def unrecorded(model: nn.Module, call: Call) -> Iterator[Call]:
    """With a hook of plain PyTorch on every module that does nothing."""
    handles = [module.register_forward_hook(lambda *_: None) for module in model.modules()]
    try:
        call()
        yield call
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _unrecorded_gradients(model: nn.Module, call: Call) -> Iterator[Call]:
    """With a hook of plain PyTorch on every module's output that does nothing."""

    def watch(_module: nn.Module, _args: object, output: object) -> None:
        tensors = (output,) if isinstance(output, Tensor) else output
        assert isinstance(tensors, tuple)
        for tensor in tensors:
            if tensor is not None and tensor.requires_grad:
                tensor.register_hook(lambda _: None)

    handles = [module.register_forward_hook(watch) for module in model.modules()]
    try:
        call()
        yield call
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def recorded(
    model: nn.Module,
    specs: Sequence[HookSpec],
    call: Call,
    *,
    read: bool = False,
    budget_bytes: int = BUDGET_BYTES,
) -> Iterator[Call]:
    """Within a new recorder; with `read`, each call also counts and reads what its hooks saw."""
    with HookRecorder(model, specs, restore=False, budget_bytes=budget_bytes) as recorder:
        call()
        # So that copies go where those of the call before were, as when a page replaces its run.
        recorder.drain()
        yield (lambda: (call(), _read(recorder.drain()))) if read else call


def whole(model: nn.Module, specs: Sequence[HookSpec], call: Call, *, read: bool = False) -> object:
    """One recording from nothing: a recorder, its snapshot, the call, the model put back; `read` as above."""
    with HookRecorder(model, specs) as recorder:
        call()
    return _read(recorder.events) if read else recorder


def _read(events: Sequence[Event]) -> list[Statistics | None]:
    """Every statistic: reading is what counts them."""
    return [observed.statistics for event in events for observed in event.observed]


@contextmanager
def fastpath(enabled: bool) -> Iterator[None]:
    """With or without the fused kernel of TransformerEncoderLayer, which any hook in it turns off."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


@contextmanager
def _fused(call: Call) -> Iterator[Call]:
    with fastpath(enabled=True), bare(call) as ready:
        yield ready


def firings(example: Example, call: Call, specs: Sequence[HookSpec]) -> int:
    """How many hooks fire in one call."""
    with HookRecorder(example.model, specs) as recorder:
        call()
    return sum(recorder.firings)


@torch.no_grad()
def _forward(rounds: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    targets: list[Target] = []
    for example in examples():
        model, call = example.model, partial(example.model, example.x)
        observe, capture = example.specs(), example.specs(Action.CAPTURE)
        ways: dict[str, Way] = {
            "bare": partial(bare, call),
            "a no-op hook, plain PyTorch": partial(unrecorded, model, call),
            OBSERVE: partial(recorded, model, observe, call),
            READ: partial(recorded, model, observe, call, read=True),
            "observe, no room for copies": partial(recorded, model, observe, call, budget_bytes=0),
            CAPTURE: partial(recorded, model, capture, call),
            WHOLE: partial(bare, partial(whole, model, observe, call)),
        }
        if isinstance(model, nn.TransformerEncoderLayer):
            ways["bare, with the fast path"] = partial(_fused, call)
        with fastpath(enabled=False):
            fired = firings(example, call, observe)
            seconds = timed(ways, rounds, example.calls)
        rows += _rows(example.name, seconds, fired)
        if statistics.median(seconds["bare"]) >= SLOW_MS / 1e3:
            targets += [
                _at_most(example.name, OBSERVE, seconds, STATISTICS_RATIO),
                _at_most(example.name, READ, seconds, STATISTICS_RATIO),
                _at_most(example.name, CAPTURE, seconds, CAPTURE_RATIO),
            ]
        else:
            each = _each(seconds[OBSERVE], seconds["bare"], fired)
            text = f"{example.name}, {OBSERVE}: at most {STATISTICS_US:g} us per hook: {each:.1f}"
            targets.append(Target(text, met=each <= STATISTICS_US))
    calls = ", ".join(str(example.calls) for example in examples())
    return Table(
        title="Forward, under no_grad, a hook on every module",
        columns=("model", "what", "median ms", "times bare (95% interval)", "us per hook"),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds of {calls} calls; {torch.get_num_threads()} threads.",
            "What is freed stays with the process, so that no call gets new memory by chance.",
            f"Load average at the end: {psutil.getloadavg()[0]:.1f}; other work disturbs all figures.",
            "us per hook: what is more than bare, by the hooks that fire in a call.",
            "observe copies what a hook sees, and counts it when it is read; above 64 KiB, at once.",
            "statistics read: the same, and every mean, std, norm, min, max, zero and nan counted and read.",
            "no room for copies: the statistics are counted in the hook, as beyond a recorder's budget.",
            "The transformer's fast path is off in all rows but its own: any hook in it turns it off.",
        ),
        targets=tuple(targets),
    )


@torch.no_grad()
def _on_one_thread(rounds: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    targets: list[Target] = []
    threads = torch.get_num_threads()
    # The benchmark's own process; put back at the end.
    torch.set_num_threads(1)
    try:
        for example in examples():
            model, call = example.model, partial(example.model, example.x)
            observe = example.specs()
            ways: dict[str, Way] = {
                "bare": partial(bare, call),
                OBSERVE: partial(recorded, model, observe, call),
                READ: partial(recorded, model, observe, call, read=True),
            }
            with fastpath(enabled=False):
                fired = firings(example, call, observe)
                seconds = timed(ways, rounds, example.calls)
            rows += _rows(example.name, seconds, fired)
            if statistics.median(seconds["bare"]) >= SLOW_MS / 1e3:
                targets.append(_at_most(example.name, READ, seconds, STATISTICS_RATIO))
    finally:
        torch.set_num_threads(threads)
    return Table(
        title="The same on one thread, where no hook lets a second one fall asleep",
        columns=("model", "what", "median ms", "times bare (95% interval)", "us per hook"),
        rows=tuple(rows),
        notes=(f"{rounds} interleaved rounds.",),
        targets=tuple(targets),
    )


def _backward(rounds: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    targets: list[Target] = []
    for example in examples():
        model, call = example.model, partial(_forward_and_backward, example.model, example.x)
        tensors = example.specs(kind=HookKind.OUTPUT_TENSOR)
        captured = example.specs(Action.CAPTURE, HookKind.OUTPUT_TENSOR)
        full = example.specs(kind=HookKind.FULL_BACKWARD)
        ways: dict[str, Way] = {
            "bare": partial(bare, call),
            "a no-op tensor hook, plain PyTorch": partial(_unrecorded_gradients, model, call),
            "output_tensor, observe": partial(recorded, model, tensors, call),
            "output_tensor, statistics read": partial(recorded, model, tensors, call, read=True),
            "output_tensor, capture": partial(recorded, model, captured, call),
            "full_backward, observe": partial(recorded, model, full, call),
        }
        fired = firings(example, call, tensors)
        with warnings.catch_warnings():
            # The first layer's full backward hook fires early: its input needs no gradient.
            warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
            seconds = timed(ways, rounds, max(1, example.calls // 2))
        rows += _rows(example.name, seconds, fired)
        targets += [
            _at_most(example.name, f"output_tensor, {action}", seconds, GRADIENTS_RATIO)
            for action in (Action.OBSERVE, Action.CAPTURE)
        ]
    return Table(
        title="Forward and backward, the gradients of every module's output",
        columns=("model", "what", "median ms", "times bare (95% interval)", "us per hook"),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds; the sum of the output goes back, to gradients that are there.",
            "output_tensor: a hook on the tensor.",
            "full_backward: on the module, two nodes more in the graph; it sees the inputs' gradients too.",
        ),
        targets=tuple(targets),
    )


def _forward_and_backward(model: nn.Module, x: Tensor) -> None:
    model(x).sum().backward()


def _rows(name: str, seconds: Mapping[str, list[float]], fired: int) -> list[tuple[Cell, ...]]:
    plain = seconds["bare"]
    return [
        (
            name,
            what,
            statistics.median(times) * 1e3,
            str(ratio(times, plain)),
            None if what.startswith("bare") else _each(times, plain, fired),
        )
        for what, times in seconds.items()
    ]


def _each(over: list[float], under: list[float], fired: int) -> float:
    """Microseconds per hook."""
    return (statistics.median(over) - statistics.median(under)) / fired * 1e6


def _at_most(name: str, what: str, seconds: Mapping[str, list[float]], limit: float) -> Target:
    found = ratio(seconds[what], seconds["bare"])
    return Target(f"{name}, {what}: at most {limit:g} times bare: {found}", met=found.value <= limit)


def _against_torchlens(rounds: int) -> Table:
    # In a process of its own: TorchLens leaves PyTorch's functions wrapped, which would slow all else here.
    # A plain one: it refuses to run in a child of multiprocessing.
    answer = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.hooks_torchlens", str(rounds)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    measured: dict[str, dict[str, list[float]]] = json.loads(answer.stdout)
    rows: list[tuple[Cell, ...]] = []
    targets = []
    for name, seconds in measured.items():
        # What TorchLens keeps: the values.
        ours = seconds["ours, values only"]
        plain = statistics.median(seconds["bare"])
        for what, times in seconds.items():
            taken = statistics.median(times)
            over_bare, over_ours = ratio(times, seconds["bare"]), ratio(times, ours)
            rows.append((name, what, taken * 1e3, (taken - plain) * 1e3, str(over_bare), str(over_ours)))
        added = {what: statistics.median(times) - plain for what, times in seconds.items()}
        times_less = added["TorchLens"] / added["ours, values only"]
        text = f"{name}: ours, values only, adds at least {TORCHLENS_RATIO:g} times less: {times_less:.1f}"
        targets.append(Target(text, met=times_less >= TORCHLENS_RATIO))
    return Table(
        title="Against TorchLens, forward under no_grad, in the same process",
        columns=("model", "what", "median ms", "adds ms", "times bare (95%)", "times ours (95%)"),
        rows=tuple(rows),
        notes=(
            f"{rounds} interleaved rounds of one call each.",
            "ours, values only: a new recorder on every module, its snapshot, the run, all put back.",
            "ours: the same, and every statistic of every output read.",
            "TorchLens: torchlens.trace: each operation's value and metadata, no statistics.",
            "TorchLens leaves PyTorch's functions wrapped, which slows ours in this process: against ours.",
        ),
        targets=tuple(targets),
    )


@torch.no_grad()
def _sizes(sizes: tuple[int, ...], rounds: int) -> Table:
    x = torch.randn(4, 4)
    found: dict[int, dict[str, list[float]]] = {}
    for size in sizes:
        model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(size)))
        specs = [HookSpec(str(place), HookKind.FORWARD) for place in range(size)]
        call = partial(model, x)
        ways: dict[str, Way] = {
            "bare": partial(bare, call),
            OBSERVE: partial(recorded, model, specs, call),
            READ: partial(recorded, model, specs, call, read=True),
            "all": partial(bare, partial(whole, model, specs, call, read=True)),
        }
        seconds = timed(ways, rounds, max(1, 200 // size))
        found[size] = {what: [taken / size * 1e6 for taken in times] for what, times in seconds.items()}
    medians = {
        size: [statistics.median(times) for times in per_event.values()] for size, per_event in found.items()
    }
    # Ten modules are mostly what a call costs whatever its length.
    base, most = sizes[min(1, len(sizes) - 1)], sizes[-1]
    targets = []
    for what in (OBSERVE, READ, "all"):
        growth: Ratio = ratio(found[most][what], found[base][what])
        text = f"{what}: an event of {most:,} takes at most {FLAT:g} times one of {base:,}: {growth}"
        targets.append(Target(text, met=growth.value <= FLAT))
    return Table(
        title="Many modules: microseconds per event, the layer's own work included",
        columns=("hooked modules", "bare", OBSERVE, READ, "all"),
        rows=tuple((size, *medians[size]) for size in sizes),
        notes=(
            f"Linear(4, 4) one after the other; medians of {rounds} rounds.",
            "all: a new recorder, its snapshot, the run, the model put back, and the statistics read.",
        ),
        targets=tuple(targets),
    )


def _memory(repeats: int) -> Table:
    example = max(examples(), key=lambda one: one.x.nbytes)
    model = example.model
    unmeasured = max(2, repeats // 4)
    rows: list[tuple[Cell, ...]] = []
    targets = []
    for what, kind, call in (
        ("outputs", HookKind.FORWARD, torch.no_grad()(partial(model, example.x))),
        ("gradients", HookKind.OUTPUT_TENSOR, partial(_forward_and_backward, model, example.x)),
    ):
        specs = example.specs(Action.CAPTURE, kind)
        last: list[HookRecorder] = []
        _replace(last, model, specs, call, unmeasured)
        values = [seen.value for event in last[0].events for seen in event.observed]
        captured = sum(value.nbytes for value in values if value is not None)
        del values
        gc.collect()
        held = _tensor_bytes()
        resident = _replace(last, model, specs, call, repeats)
        uncollected = _tensor_bytes() - held
        gc.collect()
        quarter = max(1, repeats // 4)
        growth = (statistics.median(resident[-quarter:]) - statistics.median(resident[:quarter])) / _MIB
        rows.append((what, captured / _MIB, growth, (_tensor_bytes() - held) / _MIB, uncollected / _MIB))
        text = f"{what}: at most {GROWTH_MIB:g} MiB of growth: {growth:.2f} MiB"
        targets.append(Target(text, met=growth <= GROWTH_MIB))
    return Table(
        title=f"Memory over {repeats:,} capturing runs, each in the place of the last; {example.name}",
        columns=("captured", "MiB per run", "growth: resident MiB", "tensors", "tensors before gc"),
        rows=tuple(rows),
        notes=(
            f"After {unmeasured} unmeasured runs, which fill the caches; the statistics of each are read.",
            "growth: the median of the last quarter of the runs less that of the first. After each run the",
            "allocator gives back what is free: by itself it keeps up to 5 MiB of it, by chance.",
            "before gc: with the garbage that Python's own collector has left so far.",
        ),
        targets=tuple(targets),
    )


def _replace(
    last: list[HookRecorder], model: nn.Module, specs: Sequence[HookSpec], call: Call, repeats: int
) -> list[int]:
    """Records so many runs, of which `last` holds one at a time; the resident bytes after each."""
    process, resident = psutil.Process(), []
    for _ in range(repeats):
        with HookRecorder(model, specs) as recorder:
            call()
        _read(recorder.events)
        last[:] = [recorder]
        _return_freed_memory()
        resident.append(process.memory_info().rss)
    return resident


def _tensor_bytes() -> int:
    """The bytes in all tensors that Python knows of."""
    # Not those without numbers, which an exporter may have left.
    tensors = (one for one in gc.get_objects() if type(one) in {Tensor, nn.Parameter} and not one.is_meta)
    return sum(tensor.nbytes for tensor in tensors if tensor.layout is torch.strided)
