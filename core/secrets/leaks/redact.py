"""Log lines without secrets."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from core.secrets.leaks.detect import is_beside
from core.secrets.leaks.leak import DOTS
from core.secrets.leaks.placeholders import is_placeholder
from core.secrets.leaks.rule import Rule
from core.secrets.leaks.rules import RULES

LEAST_LENGTH: Final = 4
"""Known values that are shorter are left in: a log without every "a" could not be read."""
LEAST_BASE64: Final = 6
"""So much of a known value's base64 is the least that is looked for."""
UNREADABLE: Final = f"{DOTS} (a text that could not be searched for secrets)"

_DOT: Final = DOTS[0]
# What is known by what stands beside it comes first, as long as that is there.
_RULES: Final = tuple(sorted(RULES, key=lambda rule: not rule.beside))
_DELIMITER: Final = r"""\s"'<>&=?;,•"""
_ENCODED: Final = re.compile(
    rf"(?<![^{_DELIMITER}])(?:[^{_DELIMITER}%]|%(?![0-9A-Fa-f]{{2}}))*+%[0-9A-Fa-f]{{2}}[^{_DELIMITER}]*+"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}+={0,2}")
# A digest or a UUID, whose characters are base64's too.
_HEX: Final = re.compile(r"[0-9a-fA-F-]+")
# Each round takes something away, and what is left is searched again: dots may part what was one word.
_ROUNDS: Final = 20


def redact(text: str, known: Iterable[str] = ()) -> str:
    """A text in which dots stand for every secret: what a provider's key looks like, and every known value.

    A known value is also found URL-encoded, in base64 wherever in it it begins, in hexadecimal, and escaped
    as in JSON, in a Python literal or in HTML; a provider's key also URL-encoded and in base64. A known value
    of less than `LEAST_LENGTH` characters is left in. It never raises, and changes nothing when it is done
    twice.

    With the same known values for many texts, a `Redactor` is quicker.
    """
    return Redactor(known).redact(text)


class Redactor:
    """Takes the same known values out of many texts. It shows neither what they are nor how many.

    Args:
        known: values that must not be shown, whatever they look like.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        try:
            forms = {form for value in known for part in value.split(_DOT) for form in _forms(part)}
        except Exception:  # noqa: BLE001 - what logs never raises, and what it cannot know it must not show
            self._forms: tuple[str, ...] | None = None
        else:
            self._forms = tuple(sorted(forms, key=len, reverse=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __reduce__(self) -> str:
        raise TypeError("A Redactor holds secrets and cannot be pickled or copied.")

    def redact(self, text: str) -> str:
        """A text in which dots stand for every secret."""
        if self._forms is None:
            return UNREADABLE
        try:
            for _ in range(_ROUNDS):
                before, text = text, self._once(text)
                if text == before:
                    return text
        except Exception:  # noqa: BLE001 - see above
            return UNREADABLE
        return UNREADABLE

    def _once(self, text: str) -> str:
        for form in self._forms or ():
            if form in text:
                text = text.replace(form, DOTS)
        text = _by_rules(text)
        if "%" in text:
            text = _ENCODED.sub(_encoded, text)
        return _without_base64(text)


def _by_rules(text: str) -> str:
    for rule in _RULES:
        if any(mark in text for mark in rule.marks):
            text = rule.pattern.sub(partial(_dots, rule), text)
    return text


def _dots(rule: Rule, match: re.Match[str]) -> str:
    """What stands for a match: dots for its secret, or the match itself if it is none."""
    groups = rule.pattern.groupindex
    start, end = match.span("secret" if "secret" in groups else 0)
    if not is_beside(rule, match.string, start, end):
        return match[0]
    if "host" in groups or "password" in groups:
        # The form of a URL, as a message explains it, has no password.
        password = match["password" if "password" in groups else "secret"]
        if is_placeholder(password):
            return match[0]
    return f"{match[0][: start - match.start()]}{DOTS}{match[0][end - match.start() :]}"


def _encoded(match: re.Match[str]) -> str:
    """A URL-encoded word, or dots if it holds a secret once it is decoded."""
    text = unquote_plus(match[0])
    return DOTS if _by_rules(text) != text else match[0]


def _without_base64(text: str) -> str:
    """A text in which dots stand for each word that holds a provider's key once base64 is taken off it."""
    words = [match[0] for match in _BASE64.finditer(text) if not _HEX.fullmatch(match[0])]
    # Nearly always there is none: then all words are searched at once.
    all_decoded = "\x00".join(map(_decoded, words))
    if _by_rules(all_decoded) == all_decoded:
        return text
    return _BASE64.sub(_in_base64, text)


def _in_base64(match: re.Match[str]) -> str:
    text = _decoded(match[0])
    return DOTS if _by_rules(text) != text else match[0]


def _decoded(word: str) -> str:
    """What a word in base64 says, from each of the four places where it could begin."""
    word = word.rstrip("=").replace("-", "+").replace("_", "/")
    texts = []
    for skipped in range(4):
        part = word[skipped:]
        part = part[:-1] if len(part) % 4 == 1 else part
        texts.append(base64.b64decode(part + "=" * (-len(part) % 4)).decode("latin-1"))
    return "\x00".join(texts)


def _forms(value: str) -> Iterator[str]:
    """A value as it is, and as it looks in a URL, in JSON, in a literal, in HTML and in base64."""
    if len(value) < LEAST_LENGTH:
        return
    text = json.dumps(value)[1:-1]
    wide = json.dumps(value, ensure_ascii=False)[1:-1]
    literal = repr(value)[1:-1]
    forms = {value, text, wide, literal, text.replace("/", "\\/"), json.dumps(text)[1:-1], html.escape(value)}
    forms.add(html.escape(value, quote=False))
    data = value.encode("utf-8", "surrogatepass")
    forms.update(_percent(data))
    forms.update((data.hex(), data.hex().upper()))
    forms.update(_base64(data))
    yield from (form for form in forms if len(form) >= LEAST_LENGTH and _DOT not in form)


def _percent(data: bytes) -> Iterator[str]:
    for form in (quote(data, safe=""), quote(data), quote_plus(data), quote(data, safe="/:@!$&'()*+,;=~")):
        yield form
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form)


def _base64(data: bytes) -> Iterator[str]:
    """What of a value's base64 is the same whatever stands before and behind it, for each of three places."""
    for before in range(3):
        text = base64.b64encode(b"\x00" * before + data).decode()
        # Six bits a character: those that hold bits of a neighbor are left out.
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        core = text[first:last]
        if len(core) >= LEAST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")
