"""Arguments that nobody chose: of the annotated type, or of a kind that takes part in everything."""

from __future__ import annotations

import inspect
import operator
from typing import Annotated, Any

import pytest

from core.contracts.calls import Call, shortest
from core.contracts.guest.placeholders import Placeholder, placeholder, values


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1), (float, 1.0), (str, "text"), (bytes, b"bytes"), (bool, True), (None, None), (list, []),
        (dict, {}), (dict[str, int], {}), (list[int], [1]), (list[list[str]], [["text"]]), (int | None, 1),
        (str | None, "text"), (Annotated[float, "m"], 1.0), ("int", 1), ("list[int]", []),
        ("str | None", "text"), ("None", None), (tuple[int, ...], ()),
    ],
)  # fmt: skip
def test_a_simple_annotation_gets_a_value_of_its_type(annotation: object, value: object) -> None:
    found = placeholder(annotation)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("annotation", [inspect.Parameter.empty, Any, object, "Model", "", [], 3, {}])
def test_anything_else_gets_a_placeholder(annotation: object) -> None:
    assert isinstance(placeholder(annotation), Placeholder)


def test_values_that_can_be_changed_are_new_each_time() -> None:
    first = placeholder(list)
    assert isinstance(first, list)
    first.append(1)
    assert placeholder(list) == []


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x + 1, lambda x: 2 * x, lambda x: x @ x, lambda x: -x, lambda x: x.weight.data(3)["a"],
        lambda x: [each * 2 for each in x], lambda x: sum(x, start=0.0), len, int, float, range,
        lambda x: x > 3 or 1 / 0, lambda x: x(1)(2), lambda x: list(zip(x, [1], strict=True)), str, repr,
        operator.index, lambda x: {x: 1}, lambda x: "a" in x or 1 / 0, lambda x: x == 2, bool,
    ],
)  # fmt: skip
def test_a_placeholder_takes_part_in_what_is_done_with_it(use: Any) -> None:  # noqa: ANN401
    use(Placeholder())


def test_a_placeholder_opens_as_a_context() -> None:
    with Placeholder() as opened:
        assert isinstance(opened, Placeholder)


def test_a_call_gets_a_value_for_each_argument() -> None:
    def model(a: int, /, b: str, *, c: float, d: bool = False) -> None: ...

    signature = inspect.signature(model, eval_str=True)
    assert values(shortest(signature), signature) == ([1, "text"], {"c": 1.0})
    assert values(Call((), ("c", "d")), signature) == ([], {"c": 1.0, "d": True})
    several, _ = values(Call(("a", "b", "...", "..."), ()), signature)
    assert len(several) == 4
