"""The questions of predict-first in the autograd lab: one per derivative."""

from __future__ import annotations

from functools import partial

from core.gradients import Comparison, Problem
from core.gradients.guess import diagnose, read_guess
from ui.numbers import fixed
from ui.prediction import Question

MAX_QUESTIONS = 4
HINT = "Type a guess for each, then Enter: a number such as 3.5 or 7/2."


def questions(comparison: Comparison) -> list[Question]:
    """What a visitor is asked to guess: every derivative on the stage."""
    return [
        Question(f"∂L/∂{row.name}", partial(_judge, comparison.problem, row.name), fixed(row.autograd))
        for row in comparison.rows[:MAX_QUESTIONS]
    ]


def _judge(problem: Problem, name: str, text: str) -> tuple[bool, str]:
    diagnosis = diagnose(problem, name, read_guess(text))
    return diagnosis.correct, diagnosis.explanation
