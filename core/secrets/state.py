"""What a value is, without a word about what is in it: not set, empty, blank, a placeholder, or set."""

from __future__ import annotations

import re
import string
from enum import StrEnum
from typing import Final

INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Characters without width, as they come along with what is copied from a web page."""

_LONGEST: Final = 200
_SHORTEST: Final = 3
_QUOTES: Final = "\"'`"
_FILLERS: Final = "-_ ."
# What keys of well-known providers begin with.
_PREFIX: Final = re.compile(
    r"sk-(?:proj-|svcacct-|admin-|ant-(?:api\d\d-)?)?|hf_|pcsk_|gh[pousr]_|github_pat_|AIza(?:Sy)?|AQ\.|AKIA|ASIA",
    re.IGNORECASE,
)
_ELLIPSIS: Final = re.compile(r".{0,12}(?:\.{3,}|…).{0,8}")
_BRACKETED: Final = re.compile(r"<[^<>]*>|\{\{[^{}]*\}\}|\[[A-Za-z _-]*\]|__[A-Za-z_ -]+__|%[A-Za-z_]+%")
_PHRASE: Final = re.compile(
    r"your(?:-[a-z0-9]+)*"
    r"|(?:my|the)(?:-[a-z]+)*-(?:key|token|secret|password|here)"
    r"|(?:insert|enter|put|paste|add|replace|change|set|fill|use)(?:-[a-z]+)*"
    r"-(?:me|it|this|here|in|your|key|token|secret|password|value)"
    r"|(?:example|sample|dummy|fake|placeholder|redacted|hidden)(?:-[a-z]+)*"
    r"|(?:test|demo)(?:-(?:api|secret|access))?-(?:key|token|secret|password)"
    r"|(?:[a-z]+-)*(?:here|placeholder|goes-here)"
)
_WORDS: Final = frozenset({
    "changeme", "changeit", "replaceme", "fillme", "todo", "tbd", "fixme", "none", "null", "nil", "undefined",
    "unset", "empty", "secret", "password", "passwd", "pass", "token", "key", "apikey", "api-key", "value",
    "string", "test", "testing", "foo", "bar", "foobar", "n/a", "na", "yourkey", "yourapikey", "yourtoken",
    "yourpassword", "yoursecret",
})  # fmt: skip
# AWS ends the keys of its documentation with it.
_DOCUMENTED: Final = ("EXAMPLE", "EXAMPLEKEY")
_PATH: Final = re.compile(r"(?:\.{0,2}/|~/|[A-Za-z]:[\\/])?(?:full[\\/]|absolute[\\/])?path[\\/]to[\\/].*")
_URL: Final = re.compile(
    r"[a-z][a-z0-9+]{1,30}://"
    r"(?:(?:db_?)?user(?:name)?:(?:db_?)?(?:pass(?:word)?|pwd)@(?:db_?)?(?:host(?:name)?|server)(?:[:/?].*)?"
    r"|[^@/]*[<\[{][A-Za-z _-]+[>\]}][^@/]*@.*)",
    re.IGNORECASE,
)
_SEQUENCES: Final = ("01234567890123456789", "12345678901234567890", string.ascii_lowercase)


class KeyState(StrEnum):
    """What is known of a key's value."""

    NOT_SET = "not set"
    EMPTY = "empty"
    BLANK = "blank"
    PLACEHOLDER = "placeholder"
    SET = "set"


def classify(value: str | None) -> KeyState:
    """The state of a value; None is one that is not set.

    A placeholder is one by the whole of its text: `your-key-here`, `changeme`, `<token>`, `sk-...`, `xxxx`.
    """
    if value is None:
        return KeyState.NOT_SET
    if not value:
        return KeyState.EMPTY
    # What has no width leaves nothing to see either, and hides between spaces.
    if not value.translate(dict.fromkeys(map(ord, INVISIBLE))).strip():
        return KeyState.BLANK
    return KeyState.PLACEHOLDER if _is_placeholder(value) else KeyState.SET


def _is_placeholder(value: str) -> bool:
    value = value.strip(string.whitespace + INVISIBLE).strip(_QUOTES)
    prefix = _PREFIX.match(value)
    rest = value[prefix.end() :] if prefix else value
    if _is_repeated(value) or _is_repeated(rest) or (prefix and not rest):
        return True
    if len(value) > _LONGEST or "\n" in value or "\r" in value:
        return False
    forms = (_ELLIPSIS, _BRACKETED, _PATH, _URL)
    return (
        any(form.fullmatch(value) for form in forms)
        or _BRACKETED.fullmatch(rest) is not None
        or value.endswith(_DOCUMENTED)
        or _is_phrase(rest)
        or _is_phrase(value)
        or any(len(value) >= _SHORTEST and value.lower() in sequence for sequence in _SEQUENCES)
    )


def _is_repeated(text: str) -> bool:
    """Whether it is one character over and over, with nothing else but what groups it."""
    return len(text) >= _SHORTEST and len(set(text.lower()).difference(_FILLERS)) <= 1


def _is_phrase(text: str) -> bool:
    words = re.sub(r"[\s_-]+", "-", text.lower()).strip("-.!:")
    return words in _WORDS or _PHRASE.fullmatch(words) is not None
