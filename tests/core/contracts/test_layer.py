"""PythonicLinearLayer: the hooks lab's class, and lessons that hold in PyTorch too."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

from core.contracts.layer import LESSONS, PROGRAM, Lesson
from core.hooks.story import HookedLinear, run_story
from tests.core.contracts.programs import Printed, in_host, in_sandbox

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w, self.b = 0.5, 0.1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w * x + self.b


def seen_by(layer: torch.nn.Module) -> list[float]:
    """The inputs that a hook on the layer sees from now on."""
    seen: list[float] = []
    layer.register_forward_pre_hook(lambda _layer, args: seen.append(args[0].item()))
    return seen


def test_the_class_is_the_storys_under_the_articles_name() -> None:
    story = inspect.getsource(HookedLinear).replace("HookedLinear", "PythonicLinearLayer")
    assert PROGRAM.startswith(story)
    assert "PythonicLinearLayer(w=0.5, b=0.1)" in PROGRAM


def test_the_program_prints_what_the_story_does(tmp_path: Path) -> None:
    printed = "".join(f"{line}\n" for line in run_story()[1])
    assert in_host(PROGRAM, tmp_path) == Printed(printed, "", 0)
    assert in_sandbox(PROGRAM) == Printed(printed, "", 0)


@every_lesson
def test_a_lesson_prints_what_it_says(lesson: Lesson, tmp_path: Path) -> None:
    assert in_host(lesson.program, tmp_path) == Printed(lesson.expected, "", 0)


@every_lesson
def test_a_lesson_prints_the_same_in_the_sandbox(lesson: Lesson) -> None:
    assert in_sandbox(lesson.program) == Printed(lesson.expected, "", 0)


@every_lesson
def test_a_lesson_is_the_program_with_a_few_lines_changed(lesson: Lesson) -> None:
    kept = set(PROGRAM.splitlines()) & set(lesson.program.splitlines())
    assert len(kept) >= len(set(PROGRAM.splitlines())) - 4
    assert lesson.program != PROGRAM
    assert max(map(len, lesson.program.splitlines())) <= 70


def test_each_lesson_has_a_name_of_its_own() -> None:
    assert [lesson.name for lesson in LESSONS] == ["direct", "result", "raises", "super"]


def test_pytorchs_forward_called_directly_skips_the_hook_too() -> None:
    layer = Layer()
    seen = seen_by(layer)
    assert torch.equal(layer.forward(torch.tensor(2.0)), layer(torch.tensor(2.0)))
    assert seen == [2.0]


def test_pytorchs_hook_that_returns_a_value_replaces_the_input_too() -> None:
    layer = Layer()
    layer.register_forward_pre_hook(lambda _layer, args: 10 * args[0])
    assert layer(torch.tensor(2.0)).item() == pytest.approx(10.1)


def test_pytorch_does_not_catch_what_a_hook_raises_either() -> None:
    def telemetry(_layer: torch.nn.Module, _args: Any) -> None:  # noqa: ANN401 - as torch declares it
        raise RuntimeError("the telemetry server is away")

    layer = Layer()
    layer.register_forward_pre_hook(telemetry)
    seen = seen_by(layer)
    with pytest.raises(RuntimeError, match="telemetry server"):
        layer(torch.tensor(2.0))
    assert seen == []


def test_pytorchs_layer_without_its_bases_init_has_no_hooks_either() -> None:
    class Forgetful(Layer):
        def __init__(self) -> None:
            self.w, self.b = 0.5, 0.1

    layer = Forgetful()
    assert layer.forward(torch.tensor(2.0)).item() == pytest.approx(1.1)
    with pytest.raises(AttributeError, match="_forward_pre_hooks"):
        seen_by(layer)
    with pytest.raises(AttributeError, match="_hooks"):
        layer(torch.tensor(2.0))
