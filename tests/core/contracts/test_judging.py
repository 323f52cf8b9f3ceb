"""The sentences of verdicts."""

from __future__ import annotations

import pytest

from core.contracts.examination import examine_here
from core.contracts.judging import later, listed
from core.contracts.verdict import Check, Moment

HEAD = "from abc import *\nfrom typing import Protocol\n"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"),
        (list("abcdefgh"), "a, b, c, d, e and 3 more"),
    ],
)  # fmt: skip
def test_names_are_listed_as_a_sentence_has_them(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_when_it_fails_all_the_same_is_told_in_the_same_sentence() -> None:
    assert later("It is let through.", Moment.FIRST_CALL, "f is None") == (
        "It is let through; at the first call, f is None."
    )
    assert later("It is let through.", Moment.PRODUCTION, "it waits").endswith("; in production, it waits.")


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("class A(I, I): pass", "Python refuses the class statement: it has the same base twice."),
        ("@I\nclass A(I): pass", "The text alone does not tell: its decorator @I may change it."),
        ("for i in 'ab':\n class A(I): pass", "The text alone does not tell: a condition in line 6"),
    ],
)
def test_a_class_that_is_not_settled_gets_the_same_verdict_from_all_checks(statement: str, why: str) -> None:
    source = f"{HEAD}class I(ABC):\n @abstractmethod\n def f(self): ...\n{statement}\n"
    found = examine_here(source).verdicts
    assert [each.check for each in found] == list(Check)
    assert len({(each.passes, each.moment, each.reason) for each in found}) == 1
    assert found[0].reason.startswith(why)


def test_a_hook_of_the_interface_makes_the_definition_unsure() -> None:
    asks = f"{HEAD}class I(ABC):\n @abstractmethod\n def f(self): ...\n def __init_subclass__(cls): ...\n"
    source = f"{asks}class A(I): pass"
    assert {each.passes for each in examine_here(source).verdicts} == {None}


def test_several_faults_are_counted_and_the_earliest_is_told() -> None:
    asks = f"{HEAD}class P(Protocol):\n def f(self): ...\n def g(self): ...\n def h(self): ...\n"
    source = f"{asks}class A:\n f = None\n g = 1\n"
    signature = next(each for each in examine_here(source).verdicts if each.check is Check.SIGNATURE)
    assert signature.reason == "f is None and has to be a method, and 2 more are at fault."


def test_a_class_that_inherits_from_a_protocol_is_one_whatever_it_lacks() -> None:
    source = f"{HEAD}class P(Protocol):\n def f(self): ...\nclass A(P): pass\n"
    protocol = next(each for each in examine_here(source).verdicts if each.check is Check.PROTOCOL)
    assert (protocol.passes, protocol.moment, protocol.missing) == (True, Moment.PRODUCTION, ("f",))
    assert protocol.reason.endswith("in production, f gives None: the interface's empty body runs.")


def test_checks_that_no_object_can_take_say_what_they_suppose() -> None:
    source = f"{HEAD}class I(ABC):\n @abstractmethod\n def f(self): ...\nclass A(I): pass\nclass B:\n g = 1\n"
    refused, *others = examine_here(source + "I.register(B)\n").verdicts
    assert refused.moment is Moment.INSTANTIATION
    suppose = [each.reason for each in others if each.class_name == "A"]
    assert [reason.lower() for reason in suppose] == [
        "without its base, an object has no f.", "without its base, it has no f.",
        "without its base, an object has no f.",
    ]  # fmt: skip
    assert "without its base" not in "".join(each.reason for each in others if each.class_name == "B")
