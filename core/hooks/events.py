"""What the hooks saw: one event per firing, and the log that they are written to."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from time import perf_counter_ns
from typing import Any, Final

import torch
from torch import Tensor

from core.hooks.nested import tensors_in
from core.hooks.spec import Action, HookKind, HookSpec
from core.hooks.statistics import (
    Statistics,
    Summary,
    countable,
    read_summary,
    same_numbers,
    settle,
    summarize,
)


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


class _Copied(Observed):
    """The same with a copy that is counted when someone asks for the statistics, and then let go."""

    def __init__(self, role: str, copy: Tensor, kept: bool, release: Callable[[Tensor], None]) -> None:
        known = {
            "role": role,
            "shape": _shape(copy),
            "dtype": _name(copy.dtype),
            "value": copy if kept else None,
            "_copy": copy,
            "_release": release,
        }
        # All at once, and past the lock on attributes.
        object.__setattr__(self, "__dict__", known)

    @property
    def statistics(self) -> Statistics | None:
        """None where it has no numbers that can be counted."""
        mine = vars(self)
        if "_counted" not in mine:
            copy: Tensor = mine["_copy"]
            counted = _settled(copy)
            one: _Copied | None = self
            while one is not None:
                one = one._settle(copy, counted)
        known: Statistics | None = mine["_counted"]
        return known

    def __reduce__(self) -> tuple[type[Observed], tuple[object, ...]]:
        """Pickled, it is counted, and tied to nothing here any more."""
        return Observed, (self.role, self.shape, self.dtype, self.statistics, self.value)

    def follow(self, before: _Copied) -> None:
        """Says that this was seen right after another: a layer that passes its input on gives the same."""
        vars(before)["_next"] = weakref.ref(self)

    def _settle(self, copy: Tensor, counted: Statistics | None) -> _Copied | None:
        """Takes what was counted of a copy, and lets go of its own if that is the same; whom to ask next."""
        mine = vars(self)
        own: Tensor | None = mine.get("_copy")
        if own is None or (own is not copy and not same_numbers(own, copy)):
            return None
        del mine["_copy"]
        mine["_counted"] = counted
        release = mine.pop("_release")
        if self.value is None:
            release(own)
        following: weakref.ref[_Copied] | None = mine.pop("_next", None)
        return None if following is None else following()


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


@dataclass(frozen=True, slots=True)
class _Uncopied:
    """A tensor that was not copied: its shape and dtype, and what was counted on the spot."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    counted: Statistics | tuple[int, Summary] | None


_STRIDED: Final = torch.strided
LARGE: Final = 2**18
"""From how many bytes on a tensor is counted at once: memory new from the system costs more than counting."""


Taken = tuple[str, Tensor | _Uncopied]
"""A role, and a copy of the tensor or what stands for it."""


_Entry = tuple[int, HookSpec, int, list[Taken], bool, str, int, int]
"""A firing as it was taken down: index, spec, firing, what was taken, changed, note, start, end.

A plain tuple: it is made while the model runs, and anything else takes longer.
"""


class Log:
    """The firings of a run, in order. Its copies take at most `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.stopped = ""
        self._room = budget
        self._entries: list[_Entry] = []
        self._events: list[Event] = []
        self._drained = 0
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
        if isinstance(value, Tensor) and value.layout is _STRIDED:
            size = value.nbytes
            if size <= self._room and (size < LARGE or capture or not _counted_fast(value)):
                self._room -= size
                copy = (value.detach() if value.requires_grad else value).clone()
                entry: _Entry = index, spec, firing, [(role, copy)], False, "", start, perf_counter_ns()
                self._entries.append(entry)
                return
        taken: list[Taken] = []
        self.take(role, value, taken, capture=capture)
        self._entries.append((index, spec, firing, taken, False, "", start, perf_counter_ns()))

    def take(self, role: str, value: Any, taken: list[Taken], *, capture: bool = False) -> None:  # noqa: ANN401
        """Copies the tensors in a value as they are now, or counts what is large or has no room."""
        if type(value) is tuple:  # as many layers give: faster than what knows all that may be nested
            for place, item in enumerate(value):
                if item is not None:
                    self.take(f"{role}[{place}]", item, taken, capture=capture)
            return
        if not isinstance(value, Tensor):
            for inner, tensor in tensors_in(value, role):
                self.take(inner, tensor, taken, capture=capture)
            return
        size = value.nbytes if value.layout is torch.strided else 0
        if size <= self._room and (size < LARGE or capture or not _counted_fast(value)):
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
        """The firings so far; their statistics are counted when someone asks for them."""
        new = self._entries[len(self._events) :]
        for position, entry in enumerate(new, self._drained + len(self._events)):
            index, spec, firing, taken, changed, note, start, end = entry
            captures = spec.action is Action.CAPTURE
            observed = tuple(
                Observed(role, tensor.shape, _name(tensor.dtype), _read(tensor.counted))
                if isinstance(tensor, _Uncopied)
                else _Copied(role, tensor, captures, self._release)
                for role, tensor in taken
            )
            taken.clear()
            for one in observed:
                if isinstance(one, _Copied):
                    if self._last is not None:
                        one.follow(self._last)
                    self._last = one
            self._events.append(
                Event(
                    position, index, spec, firing, observed, changed, note,
                    (start - self._origin) / 1e9, (end - start) / 1e9,
                )
            )  # fmt: skip
        return tuple(self._events)

    def _release(self, copy: Tensor) -> None:
        """Gives back the room of a copy that nobody holds any more."""
        if copy.layout is torch.strided:
            self._room += copy.nbytes

    def drain(self) -> tuple[Event, ...]:
        """The firings since the last drain, which the log forgets: all room is free again."""
        events = self.events()
        self._drained += len(events)
        self._entries.clear()
        self._events.clear()
        self._last = None
        self._room = self.budget
        return events


def _counted_fast(tensor: Tensor) -> bool:
    return tensor.dtype is torch.float32 and tensor.device.type == "cpu" and tensor.is_contiguous()


def _settled(tensor: Tensor) -> Statistics | None:
    if not countable(tensor):
        return None
    try:
        return settle([tensor])[0]
    except (RuntimeError, TypeError, NotImplementedError):
        return None  # a stand-in without numbers, such as a tracer's


def _counted_now(tensor: Tensor) -> Statistics | tuple[int, Summary] | None:
    if not countable(tensor):
        return None
    # To count on another device would wait for it.
    summary = None if tensor.device.type == "cpu" else summarize(tensor.detach())
    return _settled(tensor) if summary is None else (tensor.numel(), summary)


def _read(counted: Statistics | tuple[int, Summary] | None) -> Statistics | None:
    return read_summary(*counted) if isinstance(counted, tuple) else counted


def _shape(tensor: Tensor) -> tuple[int, ...]:
    # A nested tensor has no single shape.
    return () if tensor.is_nested else tuple(tensor.shape)


@cache
def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
