"""Configurations in JSON and YAML that name code: what Keras, jsonpickle, skops, Hydra and PyYAML would run.

The text is searched, not parsed: it may be long, broken, or half of something. So a key counts wherever it
stands, and escapes are undone first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.pickles.span import Span
from core.pickles.walk import CHUNK

_OVERLAP: Final = 1_024
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(/))")
_SPACES: Final = re.compile(rb"\s{2,}")
_QUOTE: Final = rb"[\"']"


@dataclass(frozen=True)
class _Sign:
    """Something in a text that makes a loader run code.

    Attributes:
        subject: what a finding names.
        pattern: what is looked for, in a text without escapes.
        reason: what it does, in one line.
        beside: a text that has to be there too.
    """

    subject: str
    pattern: re.Pattern[bytes]
    reason: str
    beside: re.Pattern[bytes] | None = None


_KERAS: Final = re.compile(_QUOTE + rb"?class_name\b")
_SIGNS: Final = (
    _Sign(
        "Lambda",
        re.compile(_QUOTE + rb"(?:Lambda|TFOpLambda|SlicingOpLambda|__lambda__)" + _QUOTE),
        "a Keras Lambda layer: its Python bytecode runs when the model is loaded",
        _KERAS,
    ),
    _Sign(
        "module",
        re.compile(
            _QUOTE + rb"module" + _QUOTE + rb" ?: ?+(?!null\b|" + _QUOTE + rb"(?:tf_)?keras(?:[.\"']|_hub))"
        ),
        "a Keras configuration that names a module of others: loading it imports that, and calls it",
        _KERAS,
    ),
    _Sign(
        "py/",
        re.compile(_QUOTE + rb"py/(?:object|reduce|type|function|repr|newobj|mod|property|state)\b"),
        "jsonpickle's names of classes and functions: decoding it calls them",
    ),
    _Sign(
        "__loader__",
        re.compile(_QUOTE + rb"__loader__" + _QUOTE),
        "skops' names of classes: loading it imports them, and may call them",
    ),
    _Sign(
        "_target_",
        re.compile(rb"(?:^|[\s{,\"'])_target_[\"']? ?:", re.MULTILINE),
        "Hydra's name of a function: instantiating the configuration calls it",
    ),
    _Sign(
        "auto_map",
        re.compile(_QUOTE + rb"auto_map" + _QUOTE + rb" ?:"),
        "the name of a program that transformers fetches and runs, where the caller trusts it",
    ),
    _Sign(
        "chat_template",
        re.compile(_QUOTE + rb"chat_template" + _QUOTE + rb" ?: ?+(?!null\b)"),
        "it carries a chat template: a Jinja program that the loader runs",
    ),
    _Sign(
        "!!python",
        re.compile(
            rb"!!python/|tag:yaml\.org,2002:python|^%TAG\s|(?:^|[\s\[{,:-])!(?:<[^>\s]*%|[^\s<]*%)"
            rb"[0-9A-Fa-f]{2}",
            re.MULTILINE,
        ),
        "a Python tag of YAML: PyYAML's unsafe loaders call what it names",
    ),
)
_ANY_SIGN: Final = re.compile(rb"[\"':!%\\]|class_name")
"""What every pattern above needs: most short texts have nothing of it."""


def named_code(span: Span) -> Iterator[tuple[str, str]]:
    """What a text names that some loader runs: what it is called, and why that is code, once each."""
    left = list(_SIGNS)
    keras = False
    for start in range(0, len(span), CHUNK):
        written = span.read(max(start - _OVERLAP, 0), CHUNK + _OVERLAP)
        if not _ANY_SIGN.search(written):
            continue
        text = _plain(written)
        keras = keras or _KERAS.search(text) is not None
        for sign in [each for each in left if each.pattern.search(text)]:
            if sign.beside is None or keras or _somewhere(span, sign.beside):
                yield sign.subject, sign.reason
            left.remove(sign)


def _somewhere(span: Span, pattern: re.Pattern[bytes]) -> bool:
    return any(
        pattern.search(_plain(span.read(max(start - _OVERLAP, 0), CHUNK + _OVERLAP)))
        for start in range(0, len(span), CHUNK)
    )


def _plain(text: bytes) -> bytes:
    """A text without JSON's and YAML's escapes, and with one space or line break where there are several."""
    undone = _ESCAPE.sub(_character, text) if b"\\" in text else text
    return _SPACES.sub(lambda found: b"\n" if b"\n" in found[0] else b" ", undone)


def _character(found: re.Match[bytes]) -> bytes:
    if found[3]:
        return b"/"
    return chr(int(found[1] or found[2], 16)).encode("utf-8", "replace")
