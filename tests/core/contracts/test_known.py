"""What is known of the standard library's classes is what they are."""

from __future__ import annotations

import builtins
import collections.abc

import pytest

from core.contracts.known import DECORATORS, makes_itself, member_of, outside
from core.contracts.model import Kind


@pytest.mark.parametrize(
    ("dotted", "real"),
    [
        ("builtins.list", list), ("collections.abc.Mapping", collections.abc.Mapping),
        ("typing.Mapping", collections.abc.Mapping), ("typing.List", None), ("os.path", None),
        ("builtins.print", None), ("torch.nn.Module", None), ("abc.__doc__", None), ("nowhere", None),
    ],
)  # fmt: skip
def test_a_full_name_leads_to_the_class_or_to_nothing(dotted: str, real: type | None) -> None:
    assert outside(dotted).real is real


@pytest.mark.parametrize(
    "name", sorted(name for name in dir(builtins) if isinstance(getattr(builtins, name), type))
)
def test_a_built_in_class_makes_its_objects_itself_if_it_has_a_new_of_its_own(name: str) -> None:
    known = getattr(builtins, name)
    assert makes_itself(known) is (known is not object and known.__new__ is not known.__mro__[1].__new__)


def test_the_members_of_a_known_class_are_read_from_it() -> None:
    asked = member_of(collections.abc.Mapping, "__getitem__")
    assert asked is not None
    assert (asked.abstract, asked.kind) == (True, Kind.METHOD)
    assert str(asked.signature) == "(self, key)"
    mixin = member_of(collections.abc.Mapping, "get")
    assert mixin is not None
    assert mixin.abstract is False
    assert member_of(collections.abc.Mapping, "__len__") is None
    none = member_of(list, "__hash__")
    assert none is not None
    assert none.is_none


def test_decorators_are_named_in_full() -> None:
    import importlib

    for name in DECORATORS:
        module, _, attribute = name.rpartition(".")
        missing = {"typing.override", "warnings.deprecated"}
        assert name in missing or hasattr(importlib.import_module(module), attribute)
