"""What a function or an assignment in a class defines, as Python itself would say."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import pytest

from core.contracts.members import mangled, signature_of
from core.contracts.model import Body, Kind, Member
from core.contracts.reading import read

HEAD = """\
import functools, contextlib, typing
from abc import abstractmethod
from elsewhere import change
"""


def member(body: str, name: str = "f") -> Member:
    source = f"{HEAD}class X:\n{textwrap.indent(body, '    ')}\n"
    return next(each for each in read(ast.parse(source)).classes if each.name == "X").members[name]


@pytest.mark.parametrize(
    ("body", "kind", "abstract", "is_async"),
    [
        ("def f(self): ...", Kind.METHOD, False, False),
        ("async def f(self): ...", Kind.METHOD, False, True),
        ("@abstractmethod\ndef f(self): ...", Kind.METHOD, True, False),
        ("@property\n@abstractmethod\ndef f(self): ...", Kind.PROPERTY, True, False),
        ("@classmethod\n@abstractmethod\ndef f(cls): ...", Kind.CLASS_METHOD, True, False),
        ("@staticmethod\n@abstractmethod\ndef f(): ...", Kind.STATIC_METHOD, True, False),
        ("@functools.cached_property\n@abstractmethod\ndef f(self): ...", Kind.PROPERTY, False, False),
        ("@functools.cache\n@abstractmethod\ndef f(self): ...", Kind.METHOD, True, False),
        ("@functools.lru_cache(maxsize=3)\ndef f(self): ...", Kind.METHOD, False, False),
        ("@functools.cache\nasync def f(self): ...", Kind.METHOD, False, None),
        ("@functools.cache\n@change\ndef f(self): return 1", Kind.UNKNOWN, False, None),
        ("@contextlib.contextmanager\ndef f(self): yield", Kind.METHOD, False, False),
        ("@typing.override\ndef f(self): ...", Kind.METHOD, False, False),
        ("@change\ndef f(self): return 1", Kind.UNKNOWN, False, None),
        ("@change\ndef f(self): ...", Kind.UNKNOWN, None, None),
        ("@change\n@abstractmethod\ndef f(self): return 1", Kind.UNKNOWN, None, None),
        ("@abstractmethod\n@change\ndef f(self): ...", Kind.UNKNOWN, True, None),
        ("f = property(abstractmethod(lambda self: 1))", Kind.PROPERTY, True, False),
        ("f = staticmethod(len)", Kind.STATIC_METHOD, False, None),
        ("f = change(abstractmethod)", Kind.UNKNOWN, None, None),
    ],
)
def test_decorators_are_applied_from_the_inside_to_the_outside(
    body: str, kind: Kind, abstract: bool | None, is_async: bool | None
) -> None:
    found = member(body)
    assert (found.kind, found.abstract, found.asynchronous) == (kind, abstract, is_async)


@pytest.mark.parametrize("decorator", ["property", "classmethod", "staticmethod"])
def test_abstractmethod_above_a_descriptor_fails_as_it_does_in_python(decorator: str) -> None:
    import abc
    import builtins

    with pytest.raises(AttributeError, match="not writable"):
        abc.abstractmethod(getattr(builtins, decorator)(len))
    assert (
        f"@abstractmethod stands above @{decorator}"
        in member(f"@abstractmethod\n@{decorator}\ndef f(self): ...").problem
    )


@pytest.mark.parametrize(
    ("accessors", "abstract", "writable"),
    [
        ("@property\n@abstractmethod\ndef f(self): ...\n@f.setter\ndef f(self, v): return 1", True, True),
        ("@property\ndef f(self): return 1\n@f.setter\n@abstractmethod\ndef f(self, v): ...", True, True),
        ("@property\n@abstractmethod\ndef f(self): ...\n@f.getter\ndef f(self): return 1", False, False),
        ("@property\ndef f(self): return 1\n@f.deleter\ndef f(self): return 1", False, False),
        ("@elsewhere.setter\ndef f(self, v): return 1", None, False),
    ],
)
def test_a_property_is_abstract_as_long_as_one_accessor_is(
    accessors: str, abstract: bool | None, writable: bool
) -> None:
    found = member(accessors)
    assert (found.abstract, found.writable) == (abstract, writable)


@pytest.mark.parametrize(
    ("body", "does"),
    [
        ("def f(self): ...", Body.EMPTY),
        ("def f(self): pass", Body.EMPTY),
        ('def f(self):\n    """Only words."""', Body.EMPTY),
        ('def f(self):\n    """Words."""\n    raise NotImplementedError("later")', Body.RAISES),
        ("def f(self): raise NotImplementedError", Body.RAISES),
        ("def f(self): raise ValueError", Body.REAL),
        ("def f(self): raise", Body.REAL),
        ("def f(self): return None", Body.REAL),
    ],
)
def test_a_body_is_empty_or_raises_or_does_something(body: str, does: Body) -> None:
    assert member(body).body is does


@pytest.mark.parametrize(
    ("body", "awaitable"),
    [
        ("async def f(self): return 1", True),
        ("async def f(self): yield 1", None),
        ("def f(self): return 1", False),
        ("def f(self): return [self.g()]", False),
        ("def f(self): print(1)", False),
        ("def f(self): return self.g()", None),
        ("def f(self):\n    def g(): return h()\n    return 1", False),
        ("def f(self):\n    if self.g: return self.g", None),
        ("def f(self): yield self.g()", False),
    ],
)
def test_whether_a_result_can_be_awaited_is_known_if_it_is_plain(body: str, awaitable: bool | None) -> None:
    assert member(body).awaitable is awaitable


@pytest.mark.parametrize(
    "function",
    [
        lambda: 0, lambda a: 0, lambda a, b=1: 0, lambda a, /, b, *, c: 0,
        lambda a=1, /, b=2, *rest, c=3, **n: 0, lambda *, a, b=1: 0, lambda *rest: 0, lambda **named: 0,
        lambda a, b, /: 0,
    ],
)  # fmt: skip
def test_a_signature_is_the_one_that_python_gives_the_function(function: Any) -> None:  # noqa: ANN401
    expected = inspect.signature(function)
    text = str(expected).removeprefix("(").removesuffix(")")
    node = ast.parse(f"lambda {text}: 0", mode="eval").body
    assert isinstance(node, ast.Lambda)
    found = signature_of(node.args)
    assert found is not None
    assert [(each.name, each.kind) for each in found.parameters.values()] == [
        (each.name, each.kind) for each in expected.parameters.values()
    ]
    required = [each.default is inspect.Parameter.empty for each in expected.parameters.values()]
    assert [each.default is inspect.Parameter.empty for each in found.parameters.values()] == required


@pytest.mark.parametrize("class_name", ["Model", "_Model", "__Model", "Outer.Model", "_"])
def test_private_names_are_mangled_as_python_does(class_name: str) -> None:
    class Model:
        __hidden = 1

    assert mangled("__hidden", "Model") in vars(Model)
    assert mangled("__hidden", class_name) == ("__hidden" if class_name == "_" else "_Model__hidden")
    assert mangled("__init__", class_name) == "__init__"
    assert mangled("_one", class_name) == "_one"
