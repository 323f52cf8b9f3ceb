"""Names lead to what Python would find, or to nothing."""

from __future__ import annotations

import ast

import pytest

from core.contracts.scope import Scope, blocks, shown


def resolved(imports: str, expression: str) -> object:
    scope = Scope()
    for node in ast.parse(imports).body:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        scope.take_imports(node, surely=True)
    return scope.resolve(ast.parse(expression, mode="eval").body)


@pytest.mark.parametrize(
    ("imports", "expression", "meaning"),
    [
        ("import abc", "abc.ABC", "abc.ABC"),
        ("import abc as a", "a.ABC", "abc.ABC"),
        ("import collections.abc", "collections.abc.Mapping", "collections.abc.Mapping"),
        ("import collections.abc as c", "c.Mapping", "collections.abc.Mapping"),
        ("from collections import abc", "abc.Mapping", "collections.abc.Mapping"),
        ("from typing import Protocol as P", "P[int]", "typing.Protocol"),
        ("from typing_extensions import Protocol", "Protocol", "typing.Protocol"),
        ("from typing import *", "Protocol", "typing.Protocol"),
        ("from abc import *", "abstractmethod", "abc.abstractmethod"),
        ("from elsewhere import *", "ABC", None),
        ("from . import abc", "abc.ABC", "..abc.ABC"),
        ("", "list", "builtins.list"),
        ("", "nothing", None),
        ("import abc", "abc().ABC", None),
    ],
)
def test_an_expression_stands_for_a_full_name(imports: str, expression: str, meaning: str | None) -> None:
    assert resolved(imports, expression) == meaning


def test_a_name_of_an_inner_scope_does_not_change_the_outer_one() -> None:
    outer = Scope()
    outer.set("a", "abc.ABC")
    inner = outer.inner("X.")
    inner.set("a", None)
    name = ast.parse("a", mode="eval").body
    assert outer.resolve(name) == "abc.ABC"
    assert inner.resolve(name) is None


def test_a_long_expression_is_cut() -> None:
    assert len(shown(ast.parse("a" * 500, mode="eval").body)) == 60


@pytest.mark.parametrize(
    ("statement", "surely"),
    [
        ("with a: b", [True]),
        ("try: b\nexcept E: c\nfinally: d", [True, False, True]),
        ("if a: b\nelse: c", [False, False]),
        ("if True: b\nelse: c", [True, False]),
        ("if 0: b\nelse: c", [False, True]),
        ("for a in b: c", [False, False]),
        ("match a:\n    case 1: b", [False]),
        ("a = 1", []),
    ],
)
def test_the_blocks_of_a_statement_run_surely_or_not(statement: str, surely: list[bool]) -> None:
    assert [sure for _, sure in blocks(ast.parse(statement).body[0])] == surely
