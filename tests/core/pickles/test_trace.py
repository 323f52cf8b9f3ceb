"""The trace: the same opcodes and arguments as pickletools says, and stack and memo as pickle.py has them."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings

from core.pickles.bounds import DEFAULT
from core.pickles.machine import run
from core.pickles.trace import SlotKind
from core.pickles.value import Long, OldString, Value, render
from core.pickles.verdict import Verdict
from tests.core.pickles.programs import PROGRAMS, STREAMS
from tests.core.pickles.unpicklers import call, program, text


def same_argument(ours: Value, theirs: object) -> bool:
    if isinstance(ours, OldString):
        return isinstance(theirs, str)
    if isinstance(ours, Long):
        return isinstance(theirs, str | bytes | bytearray | int)
    return ours == theirs or repr(ours) == repr(theirs)


@given(STREAMS)
@settings(max_examples=500)
def test_the_steps_are_the_opcodes_that_pickletools_reads(data: bytes) -> None:
    steps = run(data, trace=True, several=False).steps
    try:
        theirs = list(pickletools.genops(data))
    except Exception:  # noqa: BLE001 - what pickletools cannot read, it raises about in many ways
        return
    for step, (opcode, argument, place) in zip(steps, theirs, strict=False):
        assert (step.offset, step.opcode) == (place, opcode.name)
        assert same_argument(step.argument, argument), (step, argument)


class Stepping(pickle._Unpickler):
    """pickle.py with a note of its stack's height and its memo's keys after each opcode."""

    stack: list[object]
    metastack: list[list[object]]
    memo: dict[int, object]

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.notes: list[tuple[int, list[int]]] = []
        noting = {code: self.noting(do) for code, do in pickle._Unpickler.dispatch.items()}
        vars(self)["dispatch"] = noting

    def noting(self, do: Callable[..., None]) -> Callable[..., None]:
        def noted(unpickler: Stepping) -> None:
            do(unpickler)
            height = len(unpickler.stack) + sum(len(part) + 1 for part in unpickler.metastack)
            unpickler.notes.append((height, sorted(unpickler.memo)))

        return noted

    def find_class(self, module: str, attribute: str) -> object:
        return dict

    def persistent_load(self, pid: object) -> object:
        return {}


@given(PROGRAMS)
@settings(max_examples=300)
def test_stack_and_memo_are_as_high_and_as_full_as_those_of_pickle_py(data: bytes) -> None:
    stepping = Stepping(data)
    with suppress(Exception):  # what came before it counts
        stepping.load()
    steps = run(data, trace=True, several=False).steps
    for step, (height, memo) in zip(steps, stepping.notes, strict=False):
        assert len(step.after) == height, step
        assert list(step.after.memo) == memo


@given(STREAMS)
@settings(max_examples=200)
def test_each_step_begins_where_the_one_before_it_ended(data: bytes) -> None:
    steps = run(data, trace=True, several=False).steps
    for before, after in pairwise(steps):
        assert after.before is before.after
        assert after.offset == before.end
    for step in steps:
        assert len(step.after.slots) == len(step.after)


def test_the_last_step_before_a_call_shows_what_would_be_called() -> None:
    found = run(
        program("PROTO", 4) + call("os", "system", text("id")) + program("MEMOIZE", "STOP"), trace=True
    )
    step = next(step for step in found.steps if step.opcode == "REDUCE")
    assert [slot.text for slot in step.before.slots] == ["os.system", "('id',)"]
    assert [slot.kind for slot in step.before.slots] == [SlotKind.GLOBAL, SlotKind.CONTAINER]
    assert [(slot.kind, slot.text) for slot in step.after.slots] == [(SlotKind.CALLED, "os.system('id')")]
    assert step.offset == found.calls[0].offset


def test_marks_are_shown_and_go_with_what_takes_them() -> None:
    steps = run(program("MARK", "NONE", "MARK", "NEWTRUE", "LIST", "TUPLE", "STOP"), trace=True).steps
    shown = [[slot.text for slot in step.after.slots] for step in steps]
    assert shown == [
        ["MARK"],
        ["MARK", "None"],
        ["MARK", "None", "MARK"],
        ["MARK", "None", "MARK", "True"],
        ["MARK", "None", "[True]"],
        ["(None, [True])"],
        [],
    ]


def test_an_object_that_changes_is_shown_anew_wherever_it_lies_and_as_it_was_before() -> None:
    data = program("EMPTY_LIST", "BINPUT", 3, "DUP", "NONE", "APPEND", "STOP")
    append = next(step for step in run(data, trace=True).steps if step.opcode == "APPEND")
    assert [slot.text for slot in append.before.slots] == ["[]", "[]", "None"]
    assert append.before.memo[3].text == "[]"
    assert [slot.text for slot in append.after.slots] == ["[None]", "[None]"]
    assert append.after.memo[3].text == "[None]"


def test_a_trace_has_no_more_steps_than_allowed_and_the_rest_is_still_read() -> None:
    data = program("NONE", "POP") * 50 + call("os", "system") + program("STOP")
    found = run(data, trace=True, bounds=replace(DEFAULT, trace_steps=10))
    assert len(found.steps) == 10
    assert found.verdict is Verdict.DANGEROUS


def test_without_a_trace_no_step_is_kept() -> None:
    assert run(pickle.dumps([1])).steps == ()


def test_a_memo_that_repeats_itself_into_gigabytes_is_shown_in_short_lines() -> None:
    level = program("BINPUT", 0, "BINGET", 0, "TUPLE2")
    steps = run(program("NONE", level * 500, "STOP"), trace=True).steps
    assert max(len(slot.text) for step in steps for slot in step.after) <= 80


@pytest.mark.parametrize(
    ("stream", "argument"),
    [
        (program("PUT", b"7\n"), 7),
        (program("EXT2", b"\1\2"), 513),
        (program("PERSID", b"abc\n"), "abc"),
        (program("GLOBAL", b"a\nb\n"), "a b"),
        (program("TUPLE2"), None),
    ],
)
def test_an_argument_is_shown_as_what_it_means(stream: bytes, argument: Value) -> None:
    data = program("NONE", "EMPTY_TUPLE") + stream
    assert render(run(data, trace=True).steps[2].argument) == render(argument)
