"""A stub makes the class complete, and says so when it is called."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings

from core.contracts import Check, ContractError
from core.contracts.examination import examine_here
from core.contracts.stub import stub_here
from tests.core.contracts.small_modules import modules
from tests.core.contracts.trials import on_host, verdicts

ASKS = '''\
import abc
from typing import Protocol

LIMIT = 3

class Model(abc.ABC):
    """What is asked for."""
    SIZE = 4
    @abc.abstractmethod
    def predict(self, x: list[int], /, y: int = LIMIT, *rest: str, size=SIZE, **named: bool) -> float:
        """One number
        for many."""
    @abc.abstractmethod
    async def load(self, path: str) -> None: ...
    @property
    @abc.abstractmethod
    def name(self) -> str: ...
    @name.setter
    def name(self, value): ...
    @classmethod
    @abc.abstractmethod
    def make(cls, text: "str") -> "Model": ...
    @staticmethod
    @abc.abstractmethod
    def tool(a, b=None): ...
    @abc.abstractmethod
    def __len__(self): ...
    @abc.abstractmethod
    def __hidden(self): ...

class Whole(Model):
    pass
'''


def pasted(source: str, name: str, stub: str) -> str:
    """The program with a text at the end of a class's body."""
    lines = source.splitlines()
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name == name.rpartition(".")[2]
    ]
    end = max(found, key=lambda node: node.lineno).end_lineno
    assert end is not None
    return "\n".join([*lines[:end], "", stub, *lines[end:]]) + "\n"


def test_the_stub_of_everything_is_what_one_would_write() -> None:
    assert (
        stub_here(ASKS, "Whole")
        == '''\
    def predict(self, x: list[int], /, y: int=LIMIT, *rest: str, size=Model.SIZE, **named: bool) -> float:
        """One number"""
        raise NotImplementedError("Whole.predict is not written yet")

    async def load(self, path: str) -> None:
        """What Model asks for."""
        raise NotImplementedError("Whole.load is not written yet")

    @property
    def name(self) -> str:
        """What Model asks for."""
        raise NotImplementedError("Whole.name is not written yet")

    @name.setter
    def name(self, value):
        raise NotImplementedError("Whole.name is not written yet")

    @classmethod
    def make(cls, text: 'str') -> 'Model':
        """What Model asks for."""
        raise NotImplementedError("Whole.make is not written yet")

    @staticmethod
    def tool(a, b=None):
        """What Model asks for."""
        raise NotImplementedError("Whole.tool is not written yet")

    def __len__(self):
        """What Model asks for."""
        raise NotImplementedError("Whole.__len__ is not written yet")

    def _Model__hidden(self):
        """What Model asks for."""
        raise NotImplementedError("Whole._Model__hidden is not written yet")
'''
    )


def test_with_its_stub_a_class_can_be_created_and_says_what_is_not_written() -> None:
    source = pasted(ASKS, "Whole", stub_here(ASKS, "Whole"))
    tried = verdicts(on_host(source))
    assert tried["Whole", "Model", Check.ABC].passes
    # Up to Python 3.11 isinstance runs the property, which says that it is not written yet.
    assert tried["Whole", "Model", Check.PROTOCOL].passes is not False
    assert tried["Whole", "Model", Check.SIGNATURE].passes
    assert "not written yet" in tried["Whole", "Model", Check.DUCK].reason
    assert stub_here(source, "Whole") == ""


@settings(max_examples=12)
@given(modules())
def test_with_its_stub_any_class_that_was_refused_for_a_method_is_not(source: str) -> None:
    before = [
        each
        for each in examine_here(source).verdicts
        if each.check is Check.ABC and each.passes is False and each.missing
    ]
    after = source
    for each in before:
        after = pasted(after, each.class_name, stub_here(source, each.class_name))
    tried = verdicts(on_host(after))
    for each in before:
        found = tried[each.class_name, each.interface, Check.ABC]
        # What is patched in later is put over the stub again.
        assert found.passes, (found, after)


def test_a_protocol_s_values_and_methods_are_stubbed_too() -> None:
    source = (
        "from typing import Protocol\n"
        "class P(Protocol):\n    size: int\n    def read(self, n: int) -> bytes: ...\n"
        "class File(P):\n        kind = 3\n"
    )
    stub = stub_here(source, "File")
    assert stub.startswith(("        def read(self, n: int) -> bytes:", "        size = ..."))
    tried = verdicts(on_host(pasted(source, "File", stub)))
    assert tried["File", "P", Check.SIGNATURE].passes


def test_interfaces_of_the_standard_library_are_stubbed_with_their_signatures() -> None:
    source = "from collections.abc import Mapping\nclass Config(Mapping):\n    def __len__(self): return 0\n"
    stub = stub_here(source, "Config")
    assert "def __getitem__(self, key):" in stub
    assert verdicts(on_host(pasted(source, "Config", stub)))["Config", "Mapping", Check.ABC].passes


def test_a_nested_class_gets_its_stub_at_its_own_indentation() -> None:
    source = (
        "import abc\nclass I(abc.ABC):\n  @abc.abstractmethod\n  def f(self): ...\n"
        "class A:\n  class B(I):\n    pass\n"
    )
    stub = stub_here(source, "A.B")
    assert all(line.startswith("    ") for line in stub.splitlines())
    assert verdicts(on_host(pasted(source, "A.B", stub)))["A.B", "I", Check.ABC].passes


@pytest.mark.parametrize("source", ["class A: pass", "class A:\n    def f(self): raise NotImplementedError"])
def test_a_class_that_lacks_nothing_has_no_stub(source: str) -> None:
    assert stub_here(source, "A") == ""


def test_a_class_that_is_not_there_is_refused_in_one_line() -> None:
    with pytest.raises(ContractError, match="has no class B") as found:
        stub_here("class A: pass", "B" * 500)
    assert len(str(found.value)) < 200
