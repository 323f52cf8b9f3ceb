"""The questions of predict-first in the secrets lab: which source wins, and how many keys can be used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from core.secrets import KeyStatus, SourceKind
from ui.prediction import Question
from ui.secrets.result import usable

HINT: Final = (
    "Which source wins: process, .env or st.secrets? And how many of the keys can be used as they are?"
)
_NAMES: Final = {
    "process": SourceKind.PROCESS,
    "process environment": SourceKind.PROCESS,
    "environment": SourceKind.PROCESS,
    ".env": SourceKind.DOTENV,
    "env": SourceKind.DOTENV,
    "dotenv": SourceKind.DOTENV,
    "st.secrets": SourceKind.STREAMLIT,
    "secrets": SourceKind.STREAMLIT,
    "none": None,
}


def questions(found: Sequence[KeyStatus]) -> list[Question]:
    """What a visitor is asked before the board is shown."""
    # A key over which sources fight is the better question.
    asked = max(found, key=lambda each: sum(rung.state != "not set" for rung in each.rungs))
    good = sum(map(usable, found))
    return [
        Question(asked.key.name, partial(_judge_source, asked), str(asked.winner or "none")),
        Question("keys to be used", partial(_judge_count, good, len(found)), f"{good} of {len(found)}"),
    ]


def _judge_source(status: KeyStatus, text: str) -> tuple[bool, str]:
    word = " ".join(text.lower().split())
    if word not in _NAMES:
        raise ValueError("Got no source: type process, .env, st.secrets or none.")
    if status.winner is None:
        return _NAMES[word] is None, "No source has it."
    return _NAMES[word] is status.winner, f"The first that has the name wins: {status.winner}."


def _judge_count(good: int, of: int, text: str) -> tuple[bool, str]:
    word = text.strip()
    if not word.isdecimal() or len(word) > 4:
        raise ValueError(f"Got no number: type one from 0 to {of}.")
    return int(word) == good, f"{good} of {of} are set and look right."
