"""The questions of predict-first in the hooks lab: which of these fire?"""

from __future__ import annotations

from functools import partial
from typing import Final

from core.hooks import Action
from core.hooks.run import Firing, Report
from ui.hooks.words import count_words
from ui.prediction import Question

MAX_QUESTIONS: Final = 4
HINT: Final = "Which of these fire? For each: yes, no, or how many times; then Enter."

_WORDS: Final = {"yes": 1, "y": 1, "no": 0, "n": 0, "never": 0, "once": 1, "twice": 2}


def questions(report: Report) -> list[Question]:
    """What a visitor is asked: whether each hook fires in this run."""
    return [
        Question(
            _name(firing),
            partial(_judge, firing),
            "silent" if firing.silent else f"fired {count_words(firing.fired)}",
        )
        for firing in report.firings[:MAX_QUESTIONS]
    ]


def _name(firing: Firing) -> str:
    action = "" if firing.spec.action is Action.OBSERVE else f" {firing.spec.action}"
    return f"{firing.spec.where} {firing.spec.kind}{action}"


def _judge(firing: Firing, text: str) -> tuple[bool, str]:
    word = text.strip().lower()
    if word in _WORDS:
        guess = _WORDS[word]
    elif word.isdecimal() and len(word) <= 6:
        guess = int(word)
    else:
        raise ValueError(f"“{text.strip()[:20]}” is neither yes, no nor a count: type one of them.")
    right = not firing.silent if word in {"yes", "y"} else guess == firing.fired
    return right, firing.sentence.replace("`", "") or f"It fires {count_words(firing.fired)}."
