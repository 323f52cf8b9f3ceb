"""What the hooks saw: one event per firing, and the log that they are written to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.hooks.nested import tensors_in
from core.hooks.spec import Action, HookKind, HookSpec
from core.hooks.statistics import Statistics, Summary, countable, read_summary, settle, summarize


@dataclass(frozen=True)
class Observed:
    """One tensor that a hook saw.

    Attributes:
        role: what it was to the layer: `input[0]`, `output`, `output['class']`, `grad_output[0]`, `gradient`.
        shape, dtype: its shape and the name of its dtype.
        statistics: None where it has no numbers that can be counted.
        value: a copy, for the action capture, unless there was no room for it.
    """

    role: str
    shape: tuple[int, ...]
    dtype: str
    statistics: Statistics | None
    value: Tensor | None = None


@dataclass(frozen=True)
class Event:
    """One firing of one hook.

    Attributes:
        position: its place in the firing order, from 0.
        index: which of the recorder's specs.
        spec: the hook.
        firing: the how-manieth firing of this hook, from 1.
        observed: what it saw, before it changed anything.
        changed: whether it gave another value back.
        note: what else is worth knowing: keyword arguments seen, no output because the layer raised.
        at: seconds since the recorder was entered.
        seconds: what the hook took, as measured in this process.
    """

    position: int
    index: int
    spec: HookSpec
    firing: int
    observed: tuple[Observed, ...]
    changed: bool
    note: str
    at: float
    seconds: float

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self.spec.layer

    @property
    def kind(self) -> HookKind:
        """The kind of the hook."""
        return self.spec.the_kind


@dataclass(frozen=True, slots=True)
class _Uncopied:
    """A tensor for which there was no room: its shape and dtype, and what was counted on the spot."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    counted: Statistics | tuple[int, Summary] | None


Taken = tuple[str, Tensor | _Uncopied]
"""A role, and a copy of the tensor or what stands for it."""


@dataclass(slots=True)
class _Entry:
    """A firing as it was taken down."""

    index: int
    spec: HookSpec
    firing: int
    taken: list[Taken]
    changed: bool
    note: str
    start: int
    end: int


class Log:
    """The firings of a run, in order. Its copies take at most `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.stopped = ""
        self._room = budget
        self._entries: list[_Entry] = []
        self._events: list[Event] = []
        self._drained = 0
        self._origin = time.perf_counter_ns()

    def write(  # noqa: PLR0917 - called for every firing, and keywords cost time
        self,
        index: int,
        spec: HookSpec,
        firing: int,
        taken: list[Taken],
        changed: bool,
        note: str,
        start: int,
    ) -> None:
        """Adds a firing that began at `start` (of `perf_counter_ns`) and ends now."""
        self._entries.append(_Entry(index, spec, firing, taken, changed, note, start, time.perf_counter_ns()))

    def take(self, role: str, value: Any, taken: list[Taken], *, capture: bool = False) -> None:  # noqa: ANN401
        """Copies the tensors in a value as they are now, as long as there is room."""
        if not isinstance(value, Tensor):
            for inner, tensor in tensors_in(value, role):
                self.take(inner, tensor, taken, capture=capture)
            return
        size = value.numel() * value.element_size() if value.layout is torch.strided else 0
        if size <= self._room:
            self._room -= size
            taken.append((role, (value.detach() if value.requires_grad else value).clone()))
            return
        if capture and not self.stopped:
            firing = self._drained + len(self._entries) + 1
            self.stopped = (
                f"Captures stopped at firing {firing}: `{role}` takes {size:,} bytes, and of the "
                f"{self.budget:,} for copies {self._room:,} are left."
            )
        taken.append((role, _Uncopied(_shape(value), value.dtype, _counted_now(value))))

    def events(self) -> tuple[Event, ...]:
        """The firings so far. Copies that were only made to be counted are counted now, and let go."""
        new = self._entries[len(self._events) :]
        statistics = iter(_settled([copy for entry in new for copy in _copies(entry) if countable(copy)]))
        for position, entry in enumerate(new, self._drained + len(self._events)):
            observed = []
            captures = entry.spec.action is Action.CAPTURE
            for role, tensor in entry.taken:
                if isinstance(tensor, _Uncopied):
                    counted = _read(tensor.counted)
                    observed.append(Observed(role, tensor.shape, _name(tensor.dtype), counted))
                    continue
                counted = next(statistics) if countable(tensor) else None
                kept = tensor if captures else None
                observed.append(Observed(role, _shape(tensor), _name(tensor.dtype), counted, kept))
                if not captures and tensor.layout is torch.strided:
                    self._room += tensor.nbytes
            entry.taken.clear()
            self._events.append(
                Event(
                    position, entry.index, entry.spec, entry.firing, tuple(observed), entry.changed,
                    entry.note, (entry.start - self._origin) / 1e9, (entry.end - entry.start) / 1e9,
                )
            )  # fmt: skip
        return tuple(self._events)

    def drain(self) -> tuple[Event, ...]:
        """The firings since the last drain, which the log forgets: all room is free again."""
        events = self.events()
        self._drained += len(events)
        self._entries.clear()
        self._events.clear()
        self._room = self.budget
        return events


def _copies(entry: _Entry) -> list[Tensor]:
    return [tensor for _, tensor in entry.taken if isinstance(tensor, Tensor)]


def _settled(tensors: list[Tensor]) -> list[Statistics | None]:
    try:
        return list(settle(tensors))
    except (RuntimeError, TypeError, NotImplementedError):
        # Among them is a stand-in without numbers, such as a tracer's: one by one, so that it alone has none.
        if len(tensors) == 1:
            return [None]
        return [statistics for tensor in tensors for statistics in _settled([tensor])]


def _counted_now(tensor: Tensor) -> Statistics | tuple[int, Summary] | None:
    if not countable(tensor):
        return None
    # To count on another device would wait for it.
    summary = None if tensor.device.type == "cpu" else summarize(tensor.detach())
    return _settled([tensor])[0] if summary is None else (tensor.numel(), summary)


def _read(counted: Statistics | tuple[int, Summary] | None) -> Statistics | None:
    return read_summary(*counted) if isinstance(counted, tuple) else counted


def _shape(tensor: Tensor) -> tuple[int, ...]:
    # A nested tensor has no single shape.
    return () if tensor.is_nested else tuple(tensor.shape)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
