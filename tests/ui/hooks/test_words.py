"""Hooks in words: short, and never markup."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hooks import Action, HookKind, HookSpec, parse_spec
from ui.hooks.words import count_words, hook_words, plain, with_code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fc1 forward", "forward · observe"),
        ("fc1 forward_pre capture", "forward-pre · capture"),
        ("fc1 forward scale", "forward · scale 2"),
        ("fc1 forward scale=-1.5", "forward · scale -1.5"),
        ("fc1 full_backward clip", "full backward · clip 0.5"),
        ("fc1 output_tensor wrong_shape", "tensor hook on output · wrong shape"),
        ("fc1 parameter zero parameter=bias", "tensor hook on parameter · zero"),
    ],
)
def test_a_hook_in_words(text: str, words: str) -> None:
    assert hook_words(parse_spec(text)) == words


def test_every_kind_has_words_of_its_own() -> None:
    words = {hook_words(HookSpec("", kind)) for kind in HookKind}
    assert len(words) == len(HookKind)
    assert not any("_" in text.removesuffix("observe") and "state_dict" not in text for text in words)


def test_every_action_has_words_of_its_own() -> None:
    assert len({hook_words(HookSpec("", HookKind.FORWARD, action)) for action in Action}) == len(Action)


@pytest.mark.parametrize(("count", "words"), [(0, "never"), (1, "once"), (2, "2 times"), (10, "10 times")])
def test_a_count_in_words(count: int, words: str) -> None:
    assert count_words(count) == words


def test_what_is_between_backquotes_is_code() -> None:
    assert with_code("`fc1` ran as `fc1.forward(x)`.") == (
        "<code>fc1</code> ran as <code>fc1.forward(x)</code>."
    )
    assert plain("`fc1` ran.") == "fc1 ran."


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    coded = with_code(text)
    assert set(re.findall(r"<[^>]*>", coded)) <= {"<code>", "</code>"}
    assert unescape(re.sub("</?code>", "", coded)) == text.replace("`", "")
    assert "<" not in plain(text)
    assert unescape(plain(text)) == text.replace("`", "")


@given(st.text())
def test_code_that_is_opened_is_closed(text: str) -> None:
    coded = with_code(text)
    assert coded.count("<code>") == coded.count("</code>")
