"""The loop: it stops where it is told, goes on where it stopped, and keeps what it is allowed to keep."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from core.pickles.bounds import DEFAULT
from core.pickles.errors import TruncatedError, UnreadableError
from core.pickles.interpreter import Interpreter
from core.pickles.judge import Judge
from core.pickles.reader import Budget
from core.pickles.value import Long
from tests.core.pickles.unpicklers import program

VALUE = [1, "a", {"b": (1.5, None)}, list(range(300))]


def machine(data: bytes | memoryview, budget: Budget | None = None) -> Interpreter:
    judge = Judge("", 0, DEFAULT, lambda value, offset: None)
    return Interpreter(data, 0, judge, DEFAULT, budget or Budget.of(DEFAULT))


@pytest.mark.parametrize("protocol", range(6))
def test_step_by_step_it_comes_to_the_same_value(protocol: int) -> None:
    data = pickle.dumps(VALUE, protocol)
    whole, steps = machine(data), machine(data)
    whole.run()
    while not steps.stopped:
        before = steps.count
        steps.run(1)
        assert steps.count == before + 1
    assert steps.value == whole.value == VALUE
    assert (steps.pos, steps.count) == (whole.pos, whole.count)


def test_a_budget_is_shared() -> None:
    budget = Budget(10, Budget.of(DEFAULT).deadline)
    first = machine(program("NONE", "POP", "NONE", "STOP"), budget)
    first.run()
    assert budget.opcodes == 6
    with pytest.raises(UnreadableError, match="opcodes that are read at most"):
        machine(program("NONE", "POP") * 10, budget).run()


def test_where_there_is_no_room_a_text_stays_in_the_stream() -> None:
    text = program("BINUNICODE", (300).to_bytes(4, "little"), b"a" * 300)
    one = machine(program("MARK", text, text, "LIST", "STOP"), replace(Budget.of(DEFAULT), room=300))
    one.run()
    assert isinstance(one.value, list)
    first, second = one.value
    assert first == "a" * 300
    assert isinstance(second, Long)


def test_the_end_of_a_stream_is_not_taken_for_an_empty_stack() -> None:
    for data in (b"", b"K", b"M\1", b"J\1\2", b"G1234567", b"\x8c", b"X\1\0", b"N", b"]q", b"\x95\1"):
        with pytest.raises(TruncatedError):
            machine(data).run()
    with pytest.raises(UnreadableError, match="takes more from the stack than there is"):
        machine(b"q\1.").run()
