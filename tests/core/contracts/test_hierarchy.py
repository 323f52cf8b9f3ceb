"""The order of bases and the abstract methods are those that Python itself comes to."""

from __future__ import annotations

import abc
import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.hierarchy import DefinitionError, Hierarchy, Unknown
from core.contracts.model import Class
from core.contracts.reading import read

LETTERS = "ABCDEF"


@st.composite
def bases(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """The bases of six classes, each among those before it."""
    return {
        name: tuple(draw(st.permutations(LETTERS[:at])))[: draw(st.integers(0, 3))]
        for at, name in enumerate(LETTERS)
    }


def hierarchy_of(source: str) -> tuple[Hierarchy, dict[str, Class]]:
    program = read(ast.parse(source))
    return Hierarchy(program), {each.name: each for each in program.classes}


@given(bases(), st.dictionaries(st.sampled_from(LETTERS), st.sampled_from(["asks", "has"])))
def test_the_order_and_the_abstract_methods_are_python_s(
    given_bases: dict[str, tuple[str, ...]], methods: dict[str, str]
) -> None:
    made: dict[str, type] = {}
    lines = ["from abc import ABC, abstractmethod, ABCMeta"]

    asked = abc.abstractmethod(lambda self: None)
    for name, own in given_bases.items():
        head = f"class {name}({', '.join((*own, 'metaclass=ABCMeta'))}):"
        does = methods.get(name)
        body = {"asks": "    @abstractmethod\n    def f(self): ...", "has": "    def f(self): pass"}.get(
            does or "", "    pass"
        )
        lines += [head, body]
        if all(each in made for each in own):
            namespace = {"f": {"asks": asked, "has": len}[does]} if does else {}
            try:
                made[name] = abc.ABCMeta(name, tuple(made[each] for each in own), namespace)
            except TypeError:
                continue
    hierarchy, classes = hierarchy_of("\n".join(lines))
    for name, cls in classes.items():
        if name not in made:
            with pytest.raises(DefinitionError):
                hierarchy.check_definition(cls)
            continue
        hierarchy.check_definition(cls)
        assert [each.name for each in hierarchy.order(cls)] == [each.__name__ for each in made[name].__mro__]
        assert hierarchy.abstract(cls) == frozenset(getattr(made[name], "__abstractmethods__", ()))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("class X(list, dict): pass", "cannot be in one object"),
        ("class X(bool): pass", "bool cannot be a base class"),
        ("class X(object, A): pass", "no order"),
        ("class X(A, A): pass", "same base twice"),
        ("class X(P, Q, Protocol): pass", "a Protocol can only inherit from Protocols, and Q is none"),
        ("class X:\n    @abstractmethod\n    @property\n    def f(self): ...", "has to stand below"),
        ("class X(type, metaclass=ABCMeta): pass", None),
        ("class X(A, list): pass", None),
        ("class X(P, Protocol): pass", None),
    ],
)
def test_a_class_statement_that_python_refuses_is_refused(statement: str, why: str | None) -> None:
    head = (
        "from abc import *\nfrom typing import Protocol\n"
        "class A(ABC): pass\nclass Q: pass\nclass P(Protocol): pass\n"
    )
    hierarchy, classes = hierarchy_of(head + statement)
    if why is None:
        hierarchy.check_definition(classes["X"])
    else:
        with pytest.raises(DefinitionError, match=why):
            hierarchy.check_definition(classes["X"])


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("list", "list"),
        ("dict", "dict"),
        ("ValueError", "ValueError"),
        ("A", ""),
        ("object", ""),
        ("int", "int"),
    ],
)
def test_a_built_in_base_makes_its_objects_itself(base: str, name: str) -> None:
    hierarchy, classes = hierarchy_of(f"from abc import ABC\nclass A(ABC): pass\nclass X({base}): pass")
    assert hierarchy.bypass(classes["X"]) == name


def test_what_an_unknown_base_has_is_unknown() -> None:
    hierarchy, classes = hierarchy_of("import torch\nclass X(torch.nn.Module):\n    def f(self): pass")
    assert hierarchy.unknown_bases(classes["X"]) == ("torch.nn.Module",)
    found = hierarchy.find(classes["X"], "f")
    assert found is not None
    with pytest.raises(Unknown, match=r"base torch\.nn\.Module is not known here"):
        hierarchy.find(classes["X"], "g")
    with pytest.raises(Unknown):
        hierarchy.enforces(classes["X"])


def test_a_metaclass_of_the_program_s_own_is_not_known() -> None:
    hierarchy, classes = hierarchy_of("class M(type): pass\nclass X(metaclass=M): pass")
    with pytest.raises(Unknown, match="its metaclass is its own"):
        hierarchy.enforces(classes["X"])
