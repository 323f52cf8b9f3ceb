"""What one check says of one member."""

from __future__ import annotations

import ast

import pytest

from core.contracts.findings import Finding, Members
from core.contracts.hierarchy import Hierarchy
from core.contracts.interface import interfaces, pairs
from core.contracts.reading import read
from core.contracts.verdict import Moment

HEAD = "from abc import *\nfrom typing import Protocol\nfrom elsewhere import Base, change\n"
ASKS = HEAD + "class I(ABC):\n @abstractmethod\n def f(self, x): ...\n"


def members(source: str, name: str = "A") -> Members:
    program = read(ast.parse(source))
    hierarchy = Hierarchy(program)
    found = pairs(program, hierarchy, interfaces(program, hierarchy))
    return Members(next(pair for pair in found if pair.implementation.name == name), hierarchy)


def test_a_member_without_fault_is_passed_by_every_check() -> None:
    found = members(ASKS + "class A(I):\n def f(self, x): return 1\n")
    assert [found.protocol("f"), found.signature("f"), found.duck("f")] == [Finding()] * 3
    assert not found.is_missing("f")


def test_a_missing_member_fails_at_import_at_instantiation_and_at_the_first_call() -> None:
    found = members(ASKS + "class A(I): pass\n")
    assert found.is_missing("f")
    assert found.supplied("f") is None
    assert [each.moment for each in (found.signature("f"), found.protocol("f"), found.duck("f"))] == [
        Moment.IMPORT, Moment.INSTANTIATION, Moment.FIRST_CALL
    ]  # fmt: skip


def test_a_reminder_of_the_interface_is_not_a_member_but_one_of_the_class_is() -> None:
    reminder = HEAD + "class I:\n def f(self): raise NotImplementedError\n"
    inherited, own = (
        members(reminder + "class A(I): pass"),
        members(reminder + "class A(I):\n def f(self): raise NotImplementedError"),
    )
    assert inherited.is_missing("f")
    assert not own.is_missing("f")
    assert inherited.protocol("f").passes
    assert inherited.duck("f").moment is own.duck("f").moment is Moment.FIRST_CALL
    assert inherited.signature("f").passes is False
    assert own.signature("f").passes


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("class A(Base, I): pass", "its base Base is not known here"),
        ("class A(I):\n if Base:\n  def f(self, x): ...", "a condition decides whether A has f"),
        ("class A(I):\n @change\n def f(self, x): ...", "a decorator decides whether f is abstract"),
        ("class A(I):\n def __getattr__(self, name): ...", "its __getattr__ answers"),
        ("class A(I):\n def __init__(self):\n  if Base:\n   self.f = 1", "its __init__ sets f"),
    ],
)
def test_what_the_text_does_not_tell_is_said_to_be_unknown(statement: str, why: str) -> None:
    found = members(ASKS + statement).duck("f")
    assert found.passes is None
    assert why in found.reason


def test_what_is_used_as_a_value_and_is_a_method_fails_in_production() -> None:
    asks = HEAD + "class I(ABC):\n @property\n @abstractmethod\n def f(self): ...\n"
    found = members(asks + "class A(I):\n def f(self): ...").duck("f")
    assert (found.passes, found.moment) == (True, Moment.PRODUCTION)
    assert members(asks + "class A(I):\n f = 3").duck("f") == Finding()
    assert members(asks + "class A(I):\n def __init__(self): self.f = 3").duck("f") == Finding()


def test_a_method_that_the_class_itself_offers_has_to_stay_one() -> None:
    asks = HEAD + "class I(ABC):\n @classmethod\n @abstractmethod\n def f(cls): ...\n"
    found = members(asks + "class A(I):\n def f(self): ...")
    assert "can no longer be called on the class" in found.signature("f").reason
    assert (found.duck("f").passes, found.duck("f").moment) == (True, Moment.PRODUCTION)


def test_more_parameters_than_are_compared_are_said_to_be_too_many() -> None:
    many = ", ".join(f"a{number}" for number in range(60))
    found = members(
        f"{HEAD}class I(ABC):\n @abstractmethod\n def f(self, {many}): ...\nclass A(I):\n def f(self): ..."
    )
    assert found.signature("f").passes is None
    assert "more than 40 parameters" in found.signature("f").reason
