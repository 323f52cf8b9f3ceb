"""What every engine owes, and that one which lacks it cannot be made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.engines import EngineError, EngineOptions, InferenceEngine
from core.engines.engine import Array, Fact, one_line

DUTIES = ("load", "predict", "metadata", "close")


class Doubling(InferenceEngine):
    def __init__(self, *, fails: bool = False) -> None:
        self.said: list[str] = []
        self._fails = fails

    def load(self) -> None:
        self.said.append("load")
        if self._fails:
            raise EngineError("No.")

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        return tuple(2 * each.numpy() for each in inputs)

    def metadata(self) -> Mapping[str, Fact]:
        return {}

    def close(self) -> None:
        self.said.append("close")


@pytest.mark.parametrize("missing", DUTIES)
def test_an_incomplete_engine_is_refused_when_it_is_made(missing: str) -> None:
    def duty(self: object, *args: Any) -> None:  # noqa: ANN401 - whatever a duty takes
        del self, args

    incomplete = type("Incomplete", (InferenceEngine,), {name: duty for name in DUTIES if name != missing})
    with pytest.raises(TypeError, match=rf"Incomplete\b.*\b{missing}\b"):
        incomplete()


def test_a_complete_engine_needs_no_more() -> None:
    engine = Doubling()
    call = engine.prepare([torch.ones(2), torch.zeros(1)])
    engine.synchronize()
    assert [each.tolist() for each in call()] == [[2, 2], [0]]
    assert engine.said == []


def test_it_is_loaded_inside_and_closed_after_whatever_happens() -> None:
    engine = Doubling()

    def fail() -> None:
        with engine as entered:
            entered.said.append("inside")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert engine.said == ["load", "inside", "close"]


def test_one_that_does_not_load_is_not_entered() -> None:
    with pytest.raises(EngineError, match="No"), Doubling(fails=True):
        pytest.fail("It was entered.")


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads: int) -> None:
    with pytest.raises(EngineError, match=f"^{threads} threads were asked for: give 1 or more.$"):
        EngineOptions(threads=threads)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\n  two\tthree \n"), "one two three"),
        (KeyError(), "KeyError"),
        (
            ValueError("Traceback (most recent call last):\n  at/some/place\nRuntimeError: so\n"),
            "RuntimeError: so",
        ),
        (ValueError("x" * 1000), "x" * 239 + "…"),
        (ValueError(np.float32(2)), "2.0"),
    ],
)
def test_an_error_is_told_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
