"""What attributes are, as the running class has them."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from core.contracts.guest.attributes import (
    body_of,
    is_asynchronous,
    is_demand,
    is_protocol,
    kind_of,
    read,
    signature_of,
)
from tests.core.contracts.guest import module

LINES, BODIES = read(Path(module.__file__).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("cls", "name", "kind", "body", "asks"),
    [
        (module.Asks, "fit", "method", "empty", True),
        (module.Asks, "name", "value", "empty", True),
        (module.Asks, "make", "class method", "empty", True),
        (module.Whole, "name", "value", "real", False),
        (module.Whole, "make", "class method", "real", False),
        (module.Reads, "read", "method", "empty", True),
        (module.Alike, "read", "method", "real", False),
        (module.Reminds, "go", "method", "raises", False),
        (module.Forgets, "other", "method", "real", False),
        (module.Forgets, "tool", "static method", "real", False),
    ],
)
def test_an_attribute_is_what_its_class_statement_made_of_it(
    cls: type, name: str, kind: str, body: str, asks: bool
) -> None:
    value = vars(cls)[name]
    assert (kind_of(value), body_of(value, BODIES), is_demand(value, cls, BODIES)) == (kind, body, asks)


def test_the_lines_of_the_classes_are_those_of_the_module() -> None:
    for name in ("Asks", "Whole", "Alike.Inner"):
        cls = module.Alike.Inner if "." in name else getattr(module, name)
        assert LINES[name] == inspect.getsourcelines(cls)[1]


def test_only_a_protocol_itself_is_one() -> None:
    assert is_protocol(module.Reads)
    assert not is_protocol(module.Alike)
    assert not is_protocol(type("Inherits", (module.Reads,), {}))


def test_signatures_and_async_are_read_from_the_function_behind() -> None:
    assert str(signature_of(vars(module.Forgets)["other"])) == "(self) -> 'int'"
    assert str(signature_of(vars(module.Asks)["make"])) == "(cls) -> 'Asks'"
    assert signature_of(3) is None
    assert is_asynchronous(vars(module.Forgets)["wait"])
    assert not is_asynchronous(vars(module.Forgets)["tool"])


@pytest.mark.parametrize("source", ["def f(:", "x = '\x00'", "-" * 100_000 + "1"])
def test_a_text_that_is_no_program_has_no_lines(source: str) -> None:
    assert read(source) == ({}, {})
