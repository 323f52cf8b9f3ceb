"""Verdicts as words and shapes, and texts of a file as text."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles import Verdict
from ui.pickles.style import _CSS
from ui.pickles.words import LOOKS, chip, headline, line, several, text_of


def test_every_verdict_has_a_sign_and_a_shape_of_its_own() -> None:
    assert set(LOOKS) == set(Verdict)
    assert len({look.sign for look in LOOKS.values()}) == len(Verdict)
    borders = set()
    for look in LOOKS.values():
        rule = _CSS.partition(f".uth-pk-chip.{look.kind} {{ border: ")[2]
        borders.add(rule.split()[1])
    assert borders == {"solid", "double", "dotted", "dashed"}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_is_told_in_words_too(verdict: Verdict) -> None:
    for text in (chip(verdict), headline(verdict)):
        assert str(verdict) in text
        assert LOOKS[verdict].sign in text


@given(st.text(max_size=300))
def test_no_text_of_a_file_is_markup_or_acts(text: str) -> None:
    html = text_of(text)
    assert "<" not in html
    assert '"' not in html
    assert "'" not in html
    assert all(sign.isprintable() for sign in unescape(html))


def test_a_title_is_escaped() -> None:
    assert "<b>" not in headline(Verdict.DATA_ONLY, "<b>x</b>")
    assert "<b>" not in line(Verdict.DATA_ONLY, "<b>x</b>", "<b>why</b>")


def test_numbers_have_their_noun() -> None:
    assert [several(count, "call") for count in (0, 1, 1234)] == ["0 calls", "1 call", "1,234 calls"]
