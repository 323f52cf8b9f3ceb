"""The questions of predict-first in the pickles lab: what will each file do when it is loaded?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from core.pickles import Verdict
from core.pickles.member import shown
from ui.pickles.subject import Subject
from ui.pickles.words import LOOKS
from ui.prediction import Question

HINT: Final = "What will loading it do? Type data-only, needs-trust, dangerous or could-not-read."
_TITLE: Final = 28
_WORDS: Final[Mapping[str, Verdict]] = MappingProxyType({
    **{str(verdict): verdict for verdict in Verdict},
    "data": Verdict.DATA_ONLY,
    "data only": Verdict.DATA_ONLY,
    "nothing": Verdict.DATA_ONLY,
    "values": Verdict.DATA_ONLY,
    "trust": Verdict.NEEDS_TRUST,
    "needs trust": Verdict.NEEDS_TRUST,
    "danger": Verdict.DANGEROUS,
    "unreadable": Verdict.COULD_NOT_READ,
    "could not read": Verdict.COULD_NOT_READ,
    "nobody can tell": Verdict.COULD_NOT_READ,
})  # fmt: skip


def questions(subjects: Sequence[Subject]) -> list[Question]:
    """What loading each file would do."""
    return [_question(each) for each in subjects]


def _question(subject: Subject) -> Question:
    found = subject.report.verdict
    title = subject.title if len(subject.title) <= _TITLE else f"{subject.title[: _TITLE - 1]}…"
    return Question(title, partial(_judge, found), str(found))


def _judge(found: Verdict, text: str) -> tuple[bool, str]:
    word = " ".join(text.lower().split())
    if word not in _WORDS:
        raise ValueError(f"Got {shown(text, 20)}: type {', '.join(Verdict)}.")
    return _WORDS[word] is found, LOOKS[found].means
