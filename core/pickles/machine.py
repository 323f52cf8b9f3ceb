"""The symbolic pickle machine: what loading a stream of bytes would do, told without doing it.

It has the unpickler's stack, memo and marks, but nothing is imported and nothing is called: a global is a
name on the stack, the result of a call is a note of the call. So the whole program can be followed, past
every call.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.errors import UnreadableError
from core.pickles.globals import GlobalUse
from core.pickles.interpreter import AfterBuild, Interpreter
from core.pickles.judge import Judge, load_nothing
from core.pickles.opcodes import name_of
from core.pickles.reader import Budget
from core.pickles.record import Call
from core.pickles.rules.executors import executor
from core.pickles.rules.standard_types import ENCODINGS
from core.pickles.rules.zones import GETATTR
from core.pickles.trace import StackView, Step, Tracer
from core.pickles.value import Called, Long, Value
from core.pickles.verdict import Finding, Verdict

__all__ = ["Call", "PickleRun", "StackView", "Step", "Stream", "guarded", "run"]

_COPIED: Final = 2**24
"""A stream up to this size is copied, because bytes are read faster than a view of them."""
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
"""What the first pickle of a legacy torch file says."""
_NAMING: Final = frozenset({"GLOBAL", "STACK_GLOBAL"})
_LEGACY_PICKLES: Final = 5
"""Magic number, protocol, system, object, keys of the storages."""


@dataclass(frozen=True)
class PickleRun:
    """What loading a stream would do.

    Attributes:
        values: the final value of each pickle in the stream.
        globals: the first use of each global that is named.
        calls: the calls that would happen, in order, as many as the bounds keep.
        findings: what speaks against loading it.
        verdict: the worst that follows, from all of it.
        end: the offset behind the last STOP; where reading stopped, if that was before one.
        trailing: bytes behind the end.
        opcodes: how many were run.
        steps: every opcode with stack and memo, if a trace was asked for, as many as the bounds keep.
        persistent_ids: what the loader would be asked for.
    """

    values: tuple[Value, ...]
    globals: tuple[GlobalUse, ...]
    calls: tuple[Call, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    end: int
    trailing: int
    opcodes: int
    steps: tuple[Step, ...] = ()
    persistent_ids: tuple[Value, ...] = ()


def run(
    data: bytes | memoryview,
    *,
    member: str = "",
    start: int = 0,
    trace: bool = False,
    bounds: Bounds = DEFAULT,
    several: bool = True,
    after_build: AfterBuild | None = None,
    base: int = 0,
) -> PickleRun:
    """Follows the pickles in a stream, one after another. Never raises, whatever the bytes are.

    Args:
        data: the stream. What is long in it is not copied.
        member: the name of the part of a file that it is, for findings.
        start: where the first pickle begins.
        trace: whether every step is kept.
        bounds: how much is read and kept.
        several: whether there may be more than one pickle. If so, bytes behind the last one that are no
            pickle are a finding; if not, they are only counted.
        after_build: is told of the object after each BUILD and of the offset behind it, and gives the
            offset where opcodes go on.
        base: what is added to the offsets of findings, calls, globals and steps.
    """
    stream = Stream(data, member, bounds, Budget.of(bounds), base)
    stream.after_build = after_build
    # Containers come by the million, and none is garbage before the end.
    collects = gc.isenabled()
    gc.disable()
    try:
        stream.read(start, trace=trace, several=several)
    finally:
        if collects:
            gc.enable()
    return stream.result()


def guarded(action: Callable[[], None]) -> str:
    """Does something with a machine. Why it did not come to its end; empty if it did."""
    try:
        action()
    except UnreadableError as error:
        return str(error)
    except (MemoryError, RecursionError) as error:
        return f"the memory is not enough for it ({type(error).__name__})"
    except Exception as error:  # noqa: BLE001 - no bytes may end the program that looks at them
        return f"the machine itself failed ({type(error).__name__})"
    return ""


class Stream:
    """The pickles of one stream, and what was seen in them so far."""

    def __init__(
        self, data: bytes | memoryview, member: str, bounds: Bounds, budget: Budget, base: int
    ) -> None:
        copied = isinstance(data, memoryview) and len(data) <= _COPIED
        self.data = bytes(data) if copied else data
        self.member = member
        self.bounds = bounds
        self.budget = budget
        self.base = base
        self.judge = Judge(member, base, bounds, self._load)
        self.after_build: AfterBuild | None = None
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.opcodes = 0
        self.end = 0
        self._kept: dict[int, Value] = {}
        self._loaded: set[tuple[int, int, str] | bytes | memoryview] = set()

    def read(self, start: int, *, trace: bool = False, several: bool = True, most: int | None = None) -> None:
        """Follows pickles from an offset on, to the end of the stream or the first that has no end."""
        self.end = start
        while (most is None or len(self.values) < most) and self._one(self.end, trace=trace):
            if not several or self.end >= len(self.data):
                break
        self.judge.finish()

    def result(self) -> PickleRun:
        """What was seen."""
        judge = self.judge
        return PickleRun(
            values=tuple(self.values),
            globals=tuple(judge.globals.values()),
            calls=judge.calls,
            findings=tuple(judge.findings),
            verdict=judge.verdict,
            end=self.end,
            trailing=max(len(self.data) - self.end, 0),
            opcodes=self.opcodes,
            steps=tuple(self.steps),
            persistent_ids=tuple(judge.persistent_ids),
        )

    def _one(self, start: int, *, trace: bool) -> bool:
        """Follows one pickle. Whether it came to its STOP."""
        machine = Interpreter(self.data, start, self.judge, self.bounds, self.budget)
        machine.after_build = self.after_build
        problem = self.follow(machine, trace=trace)
        self.opcodes += machine.count
        self._as_one_unpickler(machine, start)
        if not problem:
            self.values.append(machine.value)
            self.end = machine.pos
            return True
        if self.values:
            # The offset stays behind the last STOP: what follows is no pickle, or one that does not end.
            left = len(self.data) - self.end
            problem = f"{left:,} bytes behind the last STOP are no whole pickle: {problem}"
        else:
            self.end = machine.pos
        machine.check_frame()
        self.judge.find(machine.pos, _name(machine), problem, Verdict.COULD_NOT_READ)
        return False

    def follow(self, machine: Interpreter, *, trace: bool) -> str:
        """Runs a machine to its STOP. Why it did not come there; empty if it did."""

        def go() -> None:
            if trace:
                tracer = Tracer(machine, self.base)
                while not machine.stopped and len(self.steps) < self.bounds.trace_steps:
                    self.steps.append(tracer.step())
            machine.run()

        return guarded(go)

    def _as_one_unpickler(self, machine: Interpreter, start: int) -> None:
        """What a later pickle names to an unpickler that keeps its memo from one pickle to the next.

        Most loaders begin with an empty memo each time. One that does not can read another name where the
        stream numbers its memo entries by how many there are.
        """
        kept = self._kept
        if kept and (machine.protocol > 3 or not machine.stopped):
            judge = Judge(self.member, self.base, self.bounds, load_nothing)
            again = Interpreter(self.data, start, judge, self.bounds, self.budget, kept)
            self.follow(again, trace=False)
            reached = {each.subject for each in judge.findings if each.opcode not in _NAMING} & {GETATTR}
            for key, use in judge.globals.items():
                why = executor(*key)
                if why and (key not in self.judge.globals or use.full in reached):
                    reason = (
                        f"names {use.full}, which {why}, for a loader that keeps its memo between pickles"
                    )
                    found = Finding(self.member, use.offset, use.opcode, reason, Verdict.DANGEROUS, use.full)
                    self.judge.add(found)
        elif kept:
            kept.update(machine.memo)
        else:
            self._kept = machine.memo

    def _load(self, value: Value, offset: int) -> None:
        """Judges the legacy torch file that `torch.storage._load_from_bytes` would load from bytes."""
        place, encoding = _place(value)
        inner = self._inner(value, place, encoding)
        base = self.base + value.offset if isinstance(value, Long) else None
        key = (place.offset, place.size, encoding) if place else inner
        if key in self._loaded:
            return
        self._loaded.add(key)
        if self.budget.depth <= 0:
            self.judge.find(
                offset, "REDUCE", "files within files, too deep to be read", Verdict.COULD_NOT_READ
            )
            return
        self.budget.depth -= 1
        stream = Stream(inner, self.member, self.bounds, self.budget, base or 0)
        stream.read(0, most=_LEGACY_PICKLES)
        self.budget.depth += 1
        self.opcodes += stream.opcodes
        self._take(stream, offset, placed=base is not None)

    def _inner(self, value: Value, place: Long | None, encoding: str) -> bytes | memoryview:
        """The bytes of a file within the stream, copied only if they are not written as they are."""
        if place is None:
            return bytes(value) if isinstance(value, bytes | bytearray) else b""
        data = memoryview(self.data)[place.offset : place.offset + place.size]
        if not encoding:
            return data
        if place.size > self.budget.room:
            return b""
        self.budget.room -= place.size
        try:
            return str(data, place.encoding, "surrogatepass").encode(encoding)
        except (UnicodeError, LookupError):
            return b""

    def _take(self, stream: Stream, offset: int, *, placed: bool) -> None:
        """What was seen in a file within the stream, as seen in the stream.

        Args:
            stream: the file.
            offset: of the call that would load it.
            placed: whether its own offsets are offsets in this stream; else all is said of the call.
        """
        whole = len(stream.values) == _LEGACY_PICKLES and stream.values[0] == _LEGACY_MAGIC
        if not whole:
            reason = "loads bytes of the stream as a torch file, which could not be read as a legacy one"
            self.judge.find(offset, "REDUCE", reason, Verdict.COULD_NOT_READ)
        for found in stream.judge.findings:
            reason = f"in the torch file within the stream: {found.reason}"
            place = found.offset if placed else offset + self.base
            self.judge.add(replace(found, reason=reason, offset=place))
        for key, use in stream.judge.globals.items():
            self.judge.globals.setdefault(key, use if placed else replace(use, offset=offset + self.base))
        self.judge.verdict = Verdict.worst(self.judge.verdict, stream.judge.verdict)


def _place(value: Value) -> tuple[Long | None, str]:
    """Where bytes lie in the stream, if they are too long to be kept, and how a text there becomes bytes.

    The encoding is empty where the bytes are written as they are. Neither is known of what any other call
    gives.
    """
    if isinstance(value, Long):
        return (value, "") if value.kind in ("bytes", "bytearray") else (None, "")
    if isinstance(value, Called) and value.full == "_codecs.encode" and len(value.args) == 2:
        text, encoding = value.args
        known = ENCODINGS.holds(encoding)
        if known and isinstance(encoding, str) and isinstance(text, Long) and text.kind == "str":
            return text, encoding
    return None, ""


def _name(machine: Interpreter) -> str:
    """The opcode where a machine is; empty at the end of the stream."""
    return name_of(machine.code) if machine.pos < machine.size else ""
