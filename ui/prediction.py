"""Predict first: a visitor types a guess before the answer is shown, and is told what the guess got right."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.secrets.leaks.redact import redact


@dataclass(frozen=True)
class Question:
    """One thing to guess.

    Attributes:
        name: what it is called, such as `∂L/∂w`.
        judge: gives, for the text of a guess, whether it is right and one line on it; raises ValueError with
            one line for a text that is no answer.
        answer: what is shown once a guess was made.
    """

    name: str
    judge: Callable[[str], tuple[bool, str]]
    answer: str


def predict(questions: Sequence[Question], *, about: str, hint: str, conclusion: Callable[[], None]) -> bool:
    """Draws the questions and returns whether all were answered, so that the rest may be shown.

    Args:
        questions: what to guess.
        about: a text that changes when the answers do; guesses belong to it and are forgotten with it.
        hint: what an answer looks like, shown until all are given.
        conclusion: draws what is shown beside the questions once all are answered.
    """
    mark = hashlib.sha256(about.encode()).hexdigest()[:12]
    answered = 0
    *places, last = st.columns(len(questions) + 1, gap="small")
    for place, (question, column) in enumerate(zip(questions, places, strict=True)):
        with column.container(gap="xxsmall"):
            text = st.text_input(
                f"Your guess for {question.name}",
                key=f"guess:{mark}:{place}:{question.name}",
                placeholder=f"{question.name} = ?",
                label_visibility="collapsed",
            )
            if not text.strip():
                continue
            try:
                right, line = question.judge(text)
            except ValueError as error:
                st.html(f"<div class='uth-plain' role='alert'>{html.escape(redact(str(error)))}</div>")
                continue
            answered += 1
            sign = "✓" if right else "✗"
            st.html(
                f"<div class='uth-number'><div class='what'>{html.escape(question.name)}</div>"
                f"<div class='value'>{html.escape(question.answer)}</div>"
                f"<div class='said'>{sign} {html.escape(line)}</div></div>"
            )
    done = answered == len(questions)
    with last:
        if done:
            conclusion()
        else:
            st.html(f"<div class='uth-plain'>{html.escape(hint)}</div>")
    return done
