"""What the hooks saw: one event per firing, and the log that they are written to."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cache
from time import perf_counter_ns
from typing import Any, Final

import torch
from torch import Tensor

from core.hooks.nested import tensors_in
from core.hooks.spec import Action, HookKind, HookSpec
from core.hooks.statistics import (
    EXACT,
    Statistics,
    Summary,
    count_fast,
    countable,
    holds_still,
    read_summary,
    same_numbers,
    settle,
    summarize,
)

_STRIDED: Final = torch.strided
_FLOAT32: Final = "float32"
_NO_NUMBERS: Final = (RuntimeError, TypeError, NotImplementedError, FloatingPointError)
"""What is raised for a stand-in without numbers, such as a tracer's, and by NumPy where it was told to."""


@dataclass
class Observed:
    """One tensor that a hook saw.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.

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


class _Later(Observed):
    """The same with statistics that are counted when someone asks for them."""

    def __getattr__(self, name: str) -> Statistics | None:
        # Asked for what is not there yet.
        if name != "statistics":
            raise AttributeError(name)
        self._count()
        return self.statistics

    def __reduce__(self) -> tuple[type[Observed], tuple[object, ...]]:
        """Pickled, it is counted, and tied to nothing here any more."""
        return Observed, (self.role, self.shape, self.dtype, self.statistics, self.value)

    def _count(self) -> None:
        """Sets the statistics."""
        raise NotImplementedError


class _Room:
    """For how many bytes of copies there is room. Copies know it, and not the log, which knows them."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Copied(_Later):
    """Of a copy, which is let go when it is counted, unless it is kept."""

    def __init__(self, role: str, copy: Tensor, kept: bool, room: _Room) -> None:
        self.role = role
        self.shape = _shape(copy)
        self.dtype = _name(copy.dtype)
        self.value = copy if kept else None
        self._copy: Tensor | None = copy
        self._room = room
        self._next: weakref.ref[_Copied] | None = None

    def follow(self, before: _Copied) -> None:
        """Says that this was seen right after another: a layer that passes its input on gives the same."""
        before._next = weakref.ref(self)

    def _count(self) -> None:
        copy = self._copy
        if copy is None:
            return  # another thread has just counted it
        counted = _settled(copy)
        one: _Copied | None = self
        while one is not None:
            one = one._settle(copy, counted)

    def _settle(self, copy: Tensor, counted: Statistics | None) -> _Copied | None:
        """Takes what was counted of a copy, and lets go of its own if that is the same; whom to ask next."""
        own = self._copy
        if own is None or (own is not copy and not same_numbers(own, copy)):
            return None
        self.statistics = counted
        self._copy = None
        if self.value is None and own.layout is _STRIDED:
            self._room.left += own.nbytes
        return None if self._next is None else self._next()


class _Summarized(_Later):
    """Of fast reductions on another device, for which nobody waits before."""

    def __init__(self, role: str, tensor: Tensor, summary: Summary) -> None:
        self.role = role
        self.shape = _shape(tensor)
        self.dtype = _name(tensor.dtype)
        self.value = None
        self._size = tensor.numel()
        self._summary = summary

    def _count(self) -> None:
        self.statistics = read_summary(self._size, self._summary)
        del self._summary


@dataclass(slots=True)
class Event:
    """One firing of one hook.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.

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


Taken = tuple[str, Tensor | Observed]
"""A role, and a copy of the tensor or what was seen of it."""


_Entry = tuple[int, HookSpec, int, list[Taken], bool, str, int, int]
"""A firing as it was taken down: index, spec, firing, what was taken, changed, note, start, end.

A plain tuple: it is made while the model runs, and anything else takes longer.
"""


class Log:
    """The firings of a run, in order. Its copies take at most `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.stopped = ""
        self._room = _Room(budget)
        self._entries: list[_Entry] = []
        self._events: list[Event] = []
        self._drained = 0
        self._counted: tuple[int, int, Statistics] | None = None
        self._last: _Copied | None = None
        self._origin = perf_counter_ns()

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
        self._entries.append((index, spec, firing, taken, changed, note, start, perf_counter_ns()))

    def note(self, index: int, spec: HookSpec, firing: int, role: str, value: Any, capture: bool) -> None:  # noqa: ANN401
        """Takes one value down and adds the firing: `take` and `write` at once, for the most common hooks."""
        start = perf_counter_ns()
        taken: list[Taken] = []
        if isinstance(value, Tensor):
            taken.append((role, self._look(role, value, capture)))
        else:
            self.take(role, value, taken, capture=capture)
        self._entries.append((index, spec, firing, taken, False, "", start, perf_counter_ns()))

    def take(self, role: str, value: Any, taken: list[Taken], *, capture: bool = False) -> None:  # noqa: ANN401
        """Takes the tensors in a value down as they are now."""
        if type(value) is tuple:  # as many layers give: faster than what knows all that may be nested
            for place, item in enumerate(value):
                if item is not None:
                    self.take(f"{role}[{place}]", item, taken, capture=capture)
            return
        if not isinstance(value, Tensor):
            for inner, tensor in tensors_in(value, role):
                self.take(inner, tensor, taken, capture=capture)
            return
        taken.append((role, self._look(role, value, capture)))

    def _look(self, role: str, tensor: Tensor, capture: bool) -> Tensor | Observed:
        """Counts a tensor if that is done quickly or if there is no room, and otherwise copies it."""
        size = 0
        if tensor.layout is _STRIDED:
            if not capture and tensor.numel() > EXACT:
                counted = self._count_fast(tensor)
                if counted is not None:
                    return Observed(role, tuple(tensor.shape), _FLOAT32, counted)
            size = tensor.nbytes
        if size <= self._room.left:
            self._room.left -= size
            return (tensor.detach() if tensor.requires_grad else tensor).clone()
        if capture and not self.stopped:
            firing = self._drained + len(self._entries) + 1
            self.stopped = (
                f"Captures stopped at firing {firing}: `{role}` takes {size:,} bytes, and of the "
                f"{self.budget:,} for copies {self._room.left:,} are left."
            )
        # To count on another device would wait for it.
        if not tensor.is_cpu and countable(tensor):
            summary = summarize(tensor.detach())
            if summary is not None:
                return _Summarized(role, tensor, summary)
        return Observed(role, _shape(tensor), _name(tensor.dtype), _settled(tensor))

    def _count_fast(self, tensor: Tensor) -> Statistics | None:
        """Counts a tensor if that is done quickly; one that a layer only passes on is not counted again."""
        try:
            if type(tensor) is not Tensor or tensor.is_inference():
                return count_fast(tensor)  # of a stand-in PyTorch knows no address, of the others no version
            place, version = tensor.data_ptr(), tensor._version
            before = self._counted
            if before and before[0] == place and before[1] == version and holds_still(tensor, before[2]):
                return before[2]
            counted = count_fast(tensor)
        except _NO_NUMBERS:
            return None
        self._counted = None if counted is None else (place, version, counted)
        return counted

    def events(self) -> tuple[Event, ...]:
        """The firings so far; their statistics are counted when someone asks for them."""
        new = self._entries[len(self._events) :]
        for position, entry in enumerate(new, self._drained + len(self._events)):
            index, spec, firing, taken, changed, note, start, end = entry
            captures = spec.action is Action.CAPTURE
            observed = []
            for role, seen in taken:
                if isinstance(seen, Observed):
                    observed.append(seen)
                    continue
                copied = _Copied(role, seen, captures, self._room)
                observed.append(copied)
                if self._last is not None:
                    copied.follow(self._last)
                self._last = copied
            taken.clear()
            self._events.append(
                Event(
                    position, index, spec, firing, tuple(observed), changed, note,
                    (start - self._origin) / 1e9, (end - start) / 1e9,
                )
            )  # fmt: skip
        return tuple(self._events)

    def drain(self) -> tuple[Event, ...]:
        """The firings since the last drain, which the log forgets: all room is free again."""
        events = self.events()
        self._drained += len(events)
        self._entries.clear()
        self._events.clear()
        self._last = None
        self._room = _Room(self.budget)
        return events


def _settled(tensor: Tensor) -> Statistics | None:
    if not countable(tensor):
        return None
    try:
        return settle([tensor])[0]
    except _NO_NUMBERS:
        return None


def _shape(tensor: Tensor) -> tuple[int, ...]:
    # A nested tensor has no single shape.
    return () if tensor.is_nested else tuple(tensor.shape)


@cache
def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
