"""What predict-first asks in the pickles lab, and how it judges."""

from dataclasses import replace

import pytest

from core.pickles import Verdict, scan
from core.pickles.lab import samples
from ui.pickles.predictions import questions
from ui.pickles.subject import Subject


def subject(name: str) -> Subject:
    sample = samples.sample(name)
    report = scan(sample.data, sample.file_name)
    return Subject(name, sample.title, sample.file_name, sample.data, sample.says, report)


@pytest.mark.parametrize(
    ("name", "guess", "right"),
    [
        ("planted", "dangerous", True),
        ("planted", " Dangerous ", True),
        ("planted", "needs trust", False),
        ("ordered_dict", "data", True),
        ("ordered_dict", "nothing", True),
        ("truncated", "could-not-read", True),
        ("simple_mlp", "needs-trust", True),
        ("simple_mlp", "data-only", False),
    ],
)
def test_a_guess_is_right_if_it_is_the_scan_s_verdict(name: str, guess: str, right: bool) -> None:
    (question,) = questions([subject(name)])
    judged, said = question.judge(guess)
    assert judged is right
    assert said
    assert question.answer in set(map(str, Verdict))


def test_a_word_that_is_no_verdict_is_refused_with_the_words_that_are() -> None:
    (question,) = questions([subject("planted")])
    with pytest.raises(ValueError, match="type data-only, needs-trust, could-not-read, dangerous"):
        question.judge("perhaps")


def test_a_long_title_is_cut() -> None:
    (question,) = questions([replace(subject("planted"), title="x" * 100)])
    assert len(question.name) < 40
