"""The record of a stream: what is kept is bounded, what counts is not, and a danger is never crowded out."""

from __future__ import annotations

from dataclasses import replace

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.record import Record
from core.pickles.value import Called, Global, Value
from core.pickles.verdict import Verdict

NESTED: Value = [[[["deep"]]]]


def record(bounds: Bounds = DEFAULT) -> Record:
    return Record("member", 100, bounds)


def test_what_was_said_once_is_not_said_again() -> None:
    ours = record()
    for offset in range(5):
        ours.find(offset, "REDUCE", "the reason", Verdict.NEEDS_TRUST)
    assert [(one.offset, one.member) for one in ours.findings] == [(100, "member")]


def test_a_danger_takes_the_place_of_what_is_less() -> None:
    ours = record(replace(DEFAULT, findings=3))
    for number in range(10):
        ours.find(0, "REDUCE", f"mild {number}", Verdict.NEEDS_TRUST)
    for number in range(10):
        ours.find(0, "REDUCE", f"danger {number}", Verdict.DANGEROUS)
    assert {one.reason for one in ours.findings} == {"danger 0", "danger 1", "danger 2"}


def test_what_is_held_back_counts_unless_it_is_harmless_and_alone() -> None:
    cases: list[tuple[bool, bool, bool]] = [(True, False, False), (False, False, True), (True, True, True)]
    for harmless, other, counts in cases:
        ours = record()
        ours.hold(5, "GLOBAL", "the reason", "m.f")
        assert not ours.findings
        if other:
            ours.find(0, "REDUCE", "mild", Verdict.NEEDS_TRUST)
        ours.settle(harmless=harmless)
        assert ours.verdict is (Verdict.DANGEROUS if counts else Verdict.DATA_ONLY)
        assert [one.offset for one in ours.findings if one.subject] == [105] * counts


def test_calls_are_in_the_order_of_the_stream() -> None:
    ours = record()
    for offset, known in ((1, True), (2, False), (3, True)):
        ours.note_call(Called(Global("m", "f"), (), "REDUCE", offset), known=known)
    assert [(call.offset, call.known) for call in ours.calls] == [(101, True), (102, False), (103, True)]


def test_calls_are_kept_as_long_as_there_is_room() -> None:
    ours = record(replace(DEFAULT, calls=2))
    kept = [ours.note_call(Called(1, (), "REDUCE", offset), known=False) for offset in range(3)]
    assert kept == [True, True, False]
    assert ours.note_call(Called(1, (), "REDUCE", 3), known=True)


def test_only_the_first_allowed_calls_are_shown_with_all_that_they_hold() -> None:
    ours = record()
    for known in (True, False):
        for offset in range(50):
            ours.note_call(Called(Global("m", "f"), (NESTED,), "REDUCE", offset), known=known)
    shown = {known: [call.arguments for call in ours.calls if call.known is known] for known in (True, False)}
    assert set(shown[False]) == {"([[<list of 1>]],)"}
    assert shown[True][0] == "([[<list of 1>]],)"
    assert shown[True][-1] == "(1 argument)"


def test_of_each_allowed_function_some_calls_are_shown_with_all_that_they_hold() -> None:
    ours = record(replace(DEFAULT, calls_in_full=2))
    one, two = Global("m", "one"), Global("m", "two")
    for offset, function in enumerate([one, one, one, one, two, one, two, two]):
        ours.note_call(Called(function, (offset, ()), "REDUCE", offset), known=True)
    assert [(call.function, call.arguments) for call in ours.calls] == [
        ("m.one", "(0, ())"),
        ("m.one", "(1, ())"),
        ("m.one", "(2 arguments)"),
        ("m.one", "(2 arguments)"),
        ("m.two", "(4, ())"),
        ("m.one", "(2 arguments)"),
        ("m.two", "(6, ())"),
        ("m.two", "(2 arguments)"),
    ]


def test_calls_that_are_not_allowed_are_shown_in_full_and_count_for_no_others() -> None:
    for most in (0, 1):
        ours = record(replace(DEFAULT, calls_in_full=most))
        for offset, known in enumerate([True, False, True, False]):
            ours.note_call(Called(Global("m", "f"), (offset,), "REDUCE", offset), known=known)
        first = "(0,)" if most else "(1 argument)"
        assert [call.arguments for call in ours.calls] == [first, "(1,)", "(1 argument)", "(3,)"]


def test_what_was_asked_before_is_said() -> None:
    ours = record(replace(DEFAULT, findings=2))
    assert [ours.said("BUILD", subject) for subject in ("a", "a", "b", "c")] == [False, True, False, True]


def test_a_verdict_only_ever_gets_worse() -> None:
    ours = record()
    seen = []
    for verdict in (Verdict.NEEDS_TRUST, Verdict.DATA_ONLY, Verdict.DANGEROUS, Verdict.COULD_NOT_READ):
        ours.worsen(verdict)
        seen.append(ours.verdict)
    assert seen == [Verdict.NEEDS_TRUST, Verdict.NEEDS_TRUST, Verdict.DANGEROUS, Verdict.DANGEROUS]
