"""Frozen dataclasses travel as JSON: what arrives is what was sent, and nothing else is taken for it."""

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.export.parity import Case, Deviation, OutputParity, Parity
from core.export.plan import Exporter, ExportPlan


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Leaf:
    number: float
    colour: Colour
    text: str = ""


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pairs: tuple[tuple[str, int | str | None], ...] = ()
    names: dict[str, int] = field(default_factory=dict)
    best: Leaf | None = None


LEAVES = st.builds(Leaf, st.floats(), st.sampled_from(Colour), st.text())
TREES = st.builds(
    Tree,
    st.lists(LEAVES, max_size=3).map(tuple),
    st.lists(st.tuples(st.text(), st.none() | st.integers() | st.text()), max_size=3).map(tuple),
    st.dictionaries(st.text(), st.integers(), max_size=3),
    st.none() | LEAVES,
)


def through_json(kind: Any, value: object) -> Any:  # noqa: ANN401 - a type, and JSON
    """As a child's line carries it."""
    return json.loads(json.dumps(wire.write(kind, value)))


@given(TREES)
def test_what_arrives_is_what_was_sent(tree: Tree) -> None:
    found = wire.read(Tree, through_json(Tree, tree))
    # nan equals nothing: the text of a value is what can be compared.
    assert repr(found) == repr(tree)
    assert all(type(leaf) is Leaf and type(leaf.colour) is Colour for leaf in found.leaves)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1])
def test_every_kind_of_number_survives(number: float) -> None:
    found = wire.read(Leaf, through_json(Leaf, Leaf(number, Colour.RED))).number
    assert math.copysign(1, found) == math.copysign(1, number) or math.isnan(number)
    assert found == number or math.isnan(found)


def test_a_plan_and_a_comparison_travel() -> None:
    plan = ExportPlan("mlp", 7, 3, Exporter.LEGACY, 12, ("x:0",), training=True, input_names=("a",))
    assert wire.read(ExportPlan, through_json(ExportPlan, plan)) == plan
    deviation = Deviation(math.nan, math.inf, None, (), 1.0, -math.inf, agree=False)
    case = Case(1, 0, "normal", "reference", Parity((OutputParity("y", (1, 2), "float32", deviation),), "oh"))
    assert repr(wire.read(Case, through_json(Case, case))) == repr(case)


def test_an_alias_of_types_travels() -> None:
    mixed = [Leaf(1.0, Colour.BLUE), 3]
    assert wire.read(list[Leaf | int], through_json(list[Leaf | int], mixed)) == mixed


@pytest.mark.parametrize(
    "written",
    [
        None,
        3,
        "red",
        [],
        {},
        {"number": 1.0},
        {"number": "one", "colour": "red"},
        {"number": 1, "colour": "x"},
    ],
)
def test_what_is_no_such_value_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="Leaf"):
        wire.read(Leaf, written)


def test_a_value_that_its_type_refuses_is_refused_here_too() -> None:
    written = wire.write(ExportPlan, ExportPlan()) | {"opset": 99}
    with pytest.raises(ValueError, match="Opset 99 is none that the dynamo exporter knows"):
        wire.read(ExportPlan, written)
