"""Which classes are interfaces, what they ask for, and of whom."""

from __future__ import annotations

import ast

import pytest

from core.contracts.hierarchy import Hierarchy
from core.contracts.interface import Relation, Style, interfaces, pairs
from core.contracts.reading import read

HEAD = "from abc import *\nfrom typing import Protocol\nfrom collections.abc import Sized\n"
BASE = "class B(ABC):\n @abstractmethod\n def f(self): ...\n"


def found(source: str) -> tuple[dict[str, tuple[Style, list[str]]], list[tuple[str, str, Relation]]]:
    program = read(ast.parse(HEAD + source))
    hierarchy = Hierarchy(program)
    known = interfaces(program, hierarchy)
    return (
        {each.node.name: (each.style, list(each.required)) for each in known.values()},
        [
            (each.implementation.name, each.interface.node.name, each.relation)
            for each in pairs(program, hierarchy, known)
        ],
    )


@pytest.mark.parametrize(
    ("source", "style", "required"),
    [
        ("class I(ABC):\n @abstractmethod\n def f(self): ...\n @abstractmethod\n def e(self): ...",
         Style.ABSTRACT, ["f", "e"]),
        ("class I(ABC):\n @abstractmethod\n def f(self): ...\n def g(self): return self.f()",
         Style.ABSTRACT, ["f"]),
        ("class I(ABC):\n @abstractmethod\n def f(self): ...\n def g(self): raise NotImplementedError",
         Style.ABSTRACT, ["f", "g"]),
        ("class I(ABC):\n @abstractmethod\n def __init__(self): ...\n @abstractmethod\n def f(self): ...",
         Style.ABSTRACT, ["f"]),
        ("class I:\n @abstractmethod\n def f(self): ...", Style.UNENFORCED, ["f"]),
        ("class I(Protocol):\n x: int\n def f(self): ...\n def g(self): return 1",
         Style.PROTOCOL, ["f", "g", "x"]),
        ("class I:\n def f(self): raise NotImplementedError\n def g(self): return 1",
         Style.CONVENTION, ["f"]),
        (f"{BASE}class I(B):\n @abstractmethod\n def g(self): ...", Style.ABSTRACT, ["f", "g"]),
        (f"{BASE}class I(B):\n def f(self): return 1\n @abstractmethod\n def g(self): ...",
         Style.ABSTRACT, ["g"]),
    ],
)  # fmt: skip
def test_an_interface_asks_for_its_methods_in_its_way(source: str, style: Style, required: list[str]) -> None:
    known, _ = found(source)
    assert known["I"][0] is style
    assert sorted(known["I"][1]) == sorted(required)


ASKS = "class I(ABC):\n @abstractmethod\n def f(self): ...\n @abstractmethod\n def g(self): ...\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A(I): pass", [("A", "I", Relation.INHERITS)]),
        (
            "class A(I): pass\nclass B(A): pass",
            [("A", "I", Relation.INHERITS), ("B", "I", Relation.INHERITS)],
        ),
        ("class A: pass\nI.register(A)", [("A", "I", Relation.REGISTERED)]),
        ("class A:\n def f(self): ...", [("A", "I", Relation.LOOKS_LIKE)]),
        ("class A:\n def h(self): ...", []),
        ("class A:\n def f(self): ...\nclass B(A, I): pass", [("B", "I", Relation.INHERITS)]),
        (
            "class J(I):\n @abstractmethod\n def h(self): ...\nclass A(J): pass",
            [("A", "J", Relation.INHERITS)],
        ),
        ("class A(I):\n def f(self): raise NotImplementedError", [("A", "I", Relation.INHERITS)]),
        ("class A(Sized): pass", [("A", "Sized", Relation.INHERITS)]),
        ("class A(I, I): pass", [("A", "I", Relation.INHERITS)]),
    ],
)
def test_a_class_is_held_to_what_it_inherits_from_is_registered_with_or_looks_like(
    source: str, expected: list[tuple[str, str, Relation]]
) -> None:
    assert found(ASKS + source)[1] == expected
