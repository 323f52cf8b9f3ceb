"""A visitor's classes: what the run says is put beside what reading said, and only where it belongs."""

from __future__ import annotations

from core.contracts import Trial, TriedClass
from core.contracts.verdict import Check, Moment, Verdict
from core.sandbox.result import SandboxResult
from ui.contracts.own_class import RETRY_SECONDS, Examined, OwnClass, may_run, with_trial

RESULT = SandboxResult("", "", 0, None, 1, 0.1)


def said(
    name: str,
    check: Check,
    passes: bool | None,
    moment: Moment = Moment.NEVER,
    interface: str = "I",
    line: int = 5,
) -> Verdict:
    return Verdict(name, interface, line, check, passes, moment, f"{name} {check} {passes}")


def own(name: str, *read: Verdict, interface: str = "I", line: int = 5) -> OwnClass:
    return OwnClass(name, interface, line, read, (), "")


def trial(*verdicts: Verdict) -> Trial:
    names = dict.fromkeys(each.class_name for each in verdicts)
    classes = tuple(
        TriedClass(name, tuple(each for each in verdicts if each.class_name == name)) for name in names
    )
    return Trial(classes, "3.12.0", "", "", RESULT)


def test_without_a_run_reading_is_the_best_there_is() -> None:
    read = said("A", Check.ABC, passes=True)
    (only,) = with_trial([own("A", read)], None)
    assert only.best == (read,)
    assert only.checks == ((read, None),)


def test_the_run_has_the_last_word_where_it_has_one() -> None:
    read = [said("A", Check.ABC, passes=None), said("A", Check.DUCK, passes=True)]
    ran = [
        said("A", Check.ABC, passes=False, moment=Moment.INSTANTIATION),
        said("A", Check.DUCK, passes=None),
    ]
    (only,) = with_trial([own("A", *read)], trial(*ran))
    assert only.best == (ran[0], read[1])
    assert only.refused == ran[0]


def test_a_class_with_two_interfaces_keeps_their_verdicts_apart() -> None:
    ran = [
        said("A", Check.ABC, passes=True, interface="I"),
        said("A", Check.ABC, passes=False, moment=Moment.INSTANTIATION, interface="J"),
    ]
    first, second = with_trial([own("A"), own("A", interface="J")], trial(*ran))
    assert first.ran == (ran[0],)
    assert second.ran == (ran[1],)


def test_of_two_classes_of_one_name_the_run_knows_the_last() -> None:
    first, second = with_trial(
        [own("A", line=5), own("A", line=20)], trial(said("A", Check.ABC, passes=True, line=20))
    )
    assert first.ran == ()
    assert len(second.ran) == 1


def test_a_class_that_only_the_run_found_is_shown_too() -> None:
    ran = said("Made", Check.ABC, passes=True, line=0)
    known, found = with_trial([own("A")], trial(ran))
    assert known.name == "A"
    assert (found.name, found.read, found.best) == ("Made", (), (ran,))


def test_a_problem_without_a_place_is_looked_at_again_and_one_with_a_place_is_not() -> None:
    long_ago = -2 * RETRY_SECONDS
    assert Examined("x", problem="Too many ask.", at=long_ago).is_stale
    assert not Examined("x", problem="Too many ask.").is_stale
    assert not Examined("x", problem="No Python in line 1.", excerpt="x", at=long_ago).is_stale
    assert not Examined("x", at=long_ago).is_stale


def test_what_cannot_be_read_may_be_run_and_what_is_no_text_of_a_program_may_not() -> None:
    assert may_run("class Box[T](ABC): ...")
    assert may_run("def f(:")
    assert not may_run("x = '\x00'")
    assert not may_run("x = '\udc80'")
    assert not may_run("x" * 10_000_000)
