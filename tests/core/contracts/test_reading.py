"""Names, blocks and later changes are followed as Python would follow them."""

from __future__ import annotations

import ast

import pytest

from core.contracts.model import Class, Kind, Outside, Program
from core.contracts.reading import read
from core.contracts.verdict import MAX_CLASSES, ContractError


def program(source: str) -> Program:
    return read(ast.parse(source))


def the_class(source: str, name: str = "X") -> Class:
    return next(each for each in program(source).classes if each.name == name)


@pytest.mark.parametrize(
    "source",
    [
        "from abc import ABC, abstractmethod\nclass X(ABC):\n    @abstractmethod\n    def f(self): ...",
        "import abc\nclass X(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...",
        "import abc as a\nclass X(a.ABC):\n    @a.abstractmethod\n    def f(self): ...",
        "from abc import ABC as B, abstractmethod as m\nclass X(B):\n    @m\n    def f(self): ...",
        "from abc import *\nclass X(ABC):\n    @abstractmethod\n    def f(self): ...",
        "import abc\nasked = abc.abstractmethod\nB = abc.ABC\nclass X(B):\n    @asked\n    def f(self): ...",
        "from abc import ABC, abstractmethod\nclass X(ABC):\n    f = abstractmethod(lambda self: 0)",
        "from abc import ABC, abstractproperty\nclass X(ABC):\n    @abstractproperty\n    def f(self): ...",
        "try:\n  from abc import *\nexcept E:\n  ABC = 0\nclass X(ABC):\n  @abstractmethod\n  def f(self): 1",
        "def make():\n  from abc import *\n  class X(ABC):\n    @abstractmethod\n    def f(self): 1",
    ],
)
def test_an_abstract_method_is_one_under_whatever_name(source: str) -> None:
    found = the_class(source, "make.<locals>.X" if "make" in source else "X")
    assert found.members["f"].abstract is True
    assert isinstance(found.bases[0], Outside)
    assert found.bases[0].name == "ABC"


@pytest.mark.parametrize(
    "source",
    [
        "def abstractmethod(f): return f\nclass X:\n    @abstractmethod\n    def f(self): return 1",
        "from other import abstractmethod\nclass X:\n    @abstractmethod\n    def f(self): return 1",
        "class X:\n    def f(self): ...",
    ],
)
def test_a_method_that_only_looks_abstract_is_not(source: str) -> None:
    assert the_class(source).members["f"].abstract is False


def test_the_last_class_of_a_name_counts_and_the_earlier_one_stays_a_base() -> None:
    found = program("class A:\n    def f(self): 1\nclass B(A): pass\nclass A: pass\n")
    assert [(each.name, each.line) for each in found.classes] == [("B", 3), ("A", 4)]
    base = found.classes[0].bases[0]
    assert isinstance(base, Class)
    assert base.line == 1


@pytest.mark.parametrize("gone", ["del A", "A = None", "A: object = print", "(A, b) = 1, 2"])
def test_a_class_that_no_name_leads_to_is_left_out(gone: str) -> None:
    assert program(f"class A: pass\n{gone}\n").classes == ()


def test_nested_classes_are_called_by_their_qualified_names() -> None:
    found = program(
        "class A:\n    class B:\n        class C: pass\n    class D(B): pass\nclass E(A.B.C): pass\n"
    )
    assert [each.name for each in found.classes] == ["A", "A.B", "A.B.C", "A.D", "E"]
    assert isinstance(found.classes[4].bases[0], Class)
    assert found.classes[4].bases[0].name == "A.B.C"


@pytest.mark.parametrize(
    "source",
    [
        "import random\nif random.random() > 0.5:\n    class X: pass",
        "for i in range(3):\n    class X: pass",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    class X: pass",
        "match 3:\n    case 3:\n        class X: pass",
        "from other import change\n@change\nclass X: pass",
        "bases = ()\nclass X(*bases): pass",
        "class X(**{}): pass",
    ],
)
def test_a_class_that_its_statement_does_not_settle_is_doubtful(source: str) -> None:
    assert the_class(source).doubt


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    class X: pass",
        "with open('f'):\n    class X: pass",
        "try:\n    class X: pass\nexcept TypeError:\n    pass",
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass X: pass",
    ],
)
def test_a_class_in_a_block_that_runs_is_not(source: str) -> None:
    assert not the_class(source).doubt


def test_private_names_are_mangled_and_annotations_are_no_members() -> None:
    found = the_class(
        "class X:\n    __a = 1\n    b: int\n    c: int = 2\n    def __d(self): ...\n    def __e__(self): ..."
    )
    assert set(found.members) == {"_X__a", "c", "_X__d", "__e__"}
    assert set(found.annotations) == {"b"}


def test_what_init_sets_on_the_object_is_known() -> None:
    found = the_class(
        "class X:\n    def __init__(self, a):\n        self.a = a\n        self.b: int = 2\n"
        "        if a:\n            self.c = 3\n        other.d = 4\n        super().__init__()\n"
    )
    assert found.sets == {"a": True, "b": True, "c": False}
    assert found.calls_super


def test_what_is_done_to_a_class_later_is_known() -> None:
    found = program(
        "import abc\nclass X: pass\nX.f = lambda self: 1\nabc.update_abstractmethods(X)\n"
        "setattr(X, 'g', None)\ndel X.h\nclass Y: pass\nY.__abstractmethods__ = frozenset()\n"
    )
    first, second = (found.changes[each] for each in found.classes)
    assert set(first.members) == {"f", "g", "h"}
    assert first.members["h"] is None
    assert set(first.counted or ()) == {"f"}
    assert second.cleared is True


def test_classes_that_are_registered_are_known() -> None:
    found = program(
        "class I: pass\nclass A: pass\nI.register(A)\n@I.register\nclass B: pass\nI.register(int)\n"
    )
    assert {(one.name, other.name) for one, other in found.registered} == {("I", "A"), ("I", "B")}


def test_members_are_what_their_values_are() -> None:
    found = the_class(
        "import functools\ndef helper(self): ...\nclass X:\n    a = None\n    b = 3\n    c = lambda self: 1\n"
        "    d = helper\n    e = functools.partial(helper)\n    f = c\n    g, h = 1, 2\n    class I: pass\n"
    )
    kinds = {name: (member.kind, member.callable) for name, member in found.members.items()}
    assert kinds == {
        "a": (Kind.VALUE, False), "b": (Kind.VALUE, False), "c": (Kind.METHOD, True),
        "d": (Kind.METHOD, True), "e": (Kind.UNKNOWN, None), "f": (Kind.METHOD, True),
        "g": (Kind.UNKNOWN, None), "h": (Kind.UNKNOWN, None), "I": (Kind.VALUE, True),
    }  # fmt: skip


def test_too_many_classes_are_refused_in_one_line() -> None:
    with pytest.raises(ContractError, match=f"more than {MAX_CLASSES} classes"):
        program("".join(f"class A{number}: pass\n" for number in range(MAX_CLASSES + 1)))
    assert len(program("class A: pass\n" * (MAX_CLASSES + 1)).classes) == 1
