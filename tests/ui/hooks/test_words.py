"""Hooks in words: short, and each in its own."""

import pytest

from core.hooks import Action, HookKind, HookSpec, parse_spec
from ui.hooks.words import count_words, hook_words


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
