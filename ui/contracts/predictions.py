"""The questions of predict-first in the contracts lab: when does each class fail?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from core.contracts.verdict import Check, Moment, Verdict
from ui.contracts.moments import LINE
from ui.contracts.own_class import OwnClass
from ui.contracts.pair import Told
from ui.prediction import Question

HINT: Final = f"When does each fail? Type one: {', '.join(LINE)}, or never; then Enter."
NOTHING: Final = "Reading cannot tell when this fails, so there is nothing to guess yet: run it, then guess."
_WORDS: Final = {
    **{str(moment): moment for moment in Moment},
    "class": Moment.DEFINITION,
    "define": Moment.DEFINITION,
    "creation": Moment.INSTANTIATION,
    "create": Moment.INSTANTIATION,
    "instance": Moment.INSTANTIATION,
    "instantiate": Moment.INSTANTIATION,
    "call": Moment.FIRST_CALL,
    "first": Moment.FIRST_CALL,
    "prod": Moment.PRODUCTION,
    "no": Moment.NEVER,
}
_CHECKS: Final = (Check.ABC, Check.DUCK)


def pair_questions(told: Sequence[Told]) -> list[Question]:
    """When each program of the pair fails."""
    return [_question(each.name, each.fails, each.message) for each in told]


def class_questions(classes: Sequence[OwnClass]) -> list[Question]:
    """When a class of the visitor's fails, by `abc` and by duck typing: the first of which that is known.

    The answers are the ones that the stage shows: the run's, where there is one.
    """
    known = (
        [each for each in own.best if each.check in _CHECKS and each.passes is not None] for own in classes
    )
    asked: list[Verdict] = next(filter(None, known), [])
    return [_question(f"{each.class_name}, {each.check}", each.moment, each.reason) for each in asked]


def answers(questions: Sequence[Question]) -> str:
    """A text that changes when the answers do: not when a run only says them in other words."""
    return repr([(each.name, each.answer) for each in questions])


def _question(name: str, fails: Moment, why: str) -> Question:
    return Question(name, partial(_judge, fails, why), str(fails))


def _judge(fails: Moment, why: str, text: str) -> tuple[bool, str]:
    word = " ".join(text.lower().split())
    if word not in _WORDS:
        raise ValueError(f"Got no moment: type {', '.join(LINE)} or never.")
    return _WORDS[word] is fails, why.replace("`", "") or f"It fails at: {fails}."
