"""The judge: what is kept is bounded, what counts is not, and a danger is never crowded out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.errors import UnreadableError
from core.pickles.judge import Judge
from core.pickles.value import Called, Global, PersistentId, Value
from core.pickles.verdict import Verdict

ORDERED = Global("collections", "OrderedDict", Verdict.DATA_ONLY)


def judge(bounds: Bounds = DEFAULT) -> Judge:
    return Judge("member", 100, bounds, lambda value, offset: None)


def test_what_is_not_kept_still_counts() -> None:
    ours = judge(replace(DEFAULT, findings=0, calls=0, globals=0))
    ours.name("m", "C", 4, 0, "GLOBAL")
    verdicts = [ours.verdict]
    ours.call(Global("os", "system", Verdict.DANGEROUS), (), None, 0, "REDUCE")
    assert [*verdicts, ours.verdict] == [Verdict.NEEDS_TRUST, Verdict.DANGEROUS]
    assert (ours.findings, ours.calls, ours.globals) == ([], (), {})


def test_the_same_name_is_the_same_object() -> None:
    ours = judge()
    assert ours.name("m", "C", 4, 0, "GLOBAL") is ours.name("m", "C", 5, 9, "STACK_GLOBAL")
    assert [use.offset for use in ours.globals.values()] == [100]


def test_a_call_is_noted_with_what_it_would_be_given() -> None:
    ours = judge()
    result = ours.call(ORDERED, (), None, 7, "REDUCE")
    assert isinstance(result, Called)
    (call,) = ours.calls
    assert (call.offset, call.opcode, call.function, call.arguments) == (
        107,
        "REDUCE",
        "collections.OrderedDict",
        "()",
    )
    assert call.known
    assert ours.verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("kwargs", [{"a": 1}, {1: 2}, [], "a"])
def test_no_allowed_name_takes_keyword_arguments(kwargs: Value) -> None:
    ours = judge()
    ours.call(ORDERED, (), kwargs, 0, "NEWOBJ_EX", new=True)
    assert ours.verdict is not Verdict.DATA_ONLY


def test_a_file_within_the_stream_is_handed_on() -> None:
    given: list[tuple[Value, int]] = []
    ours = Judge("", 0, DEFAULT, lambda value, offset: given.append((value, offset)))
    ours.call(ours.name("torch.storage", "_load_from_bytes", 2, 0, "GLOBAL"), (b"abc",), None, 5, "REDUCE")
    assert given == [(b"abc", 5)]


def test_the_same_large_state_is_not_looked_through_for_ever() -> None:
    ours = judge()
    state: Value = [None] * 2**16

    def build() -> None:
        target = ours.call(ORDERED, (), None, 0, "REDUCE")
        ours.build(target, state, 1)

    def build_often() -> None:
        for _ in range(2_000):
            build()

    with pytest.raises(UnreadableError, match="more work on the same values"):
        build_often()


def test_persistent_ids_are_kept_within_bounds() -> None:
    ours = judge(replace(DEFAULT, globals=2))
    for number in range(5):
        assert isinstance(ours.persistent(number, 0, "BINPERSID"), PersistentId)
    assert ours.persistent_ids == [0, 1]
