"""The keys that the app knows: their names, whose they are, and what their values look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

MAX_NAME: Final = 100
"""How many characters a key's name may have."""
MAX_EXTRA: Final = 100
"""How many further keys may be declared."""

_POSIX_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPECTED_NAME: Final = (
    f"1 to {MAX_NAME} letters, digits and underscores that do not start with a digit, like MY_API_KEY"
)
# So long, a part of a name is more likely a value in the wrong place, unless it is of capitals alone.
_RANDOM_FROM: Final = 16
_SHOWN_NAME: Final = 64


class SecretKind(StrEnum):
    """What a secret is; decides what of it may be shown."""

    TOKEN = "token"  # noqa: S105 - the word
    URL = "URL"
    JSON = "JSON"
    PEM = "PEM"
    PATH = "path"
    IDENTIFIER = "identifier"


class DeclaredKeyError(ValueError):
    """A key's name that no variable can have. The message is one line and does not quote it."""


@dataclass(frozen=True)
class DeclaredKey:
    """A secret that the app asks for by name.

    Attributes:
        name: of the variable.
        provider: whose it is; empty if nobody knows.
        kind: what it is.
        expected: in words, what a value looks like; empty if nothing is known of it.
    """

    name: str
    provider: str
    kind: SecretKind
    expected: str
    # A form that only this provider's values have, and one that others may share.
    _own: re.Pattern[str] | None = field(default=None, repr=False)
    _shared: re.Pattern[str] | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """What a value is called, with its article: `an Anthropic key`."""
        what = f"{self.provider} {_NOUN[self.kind]}".strip()
        return f"{'an' if what[0] in 'AEIOU' else 'a'} {what}"

    def is_own(self, value: str) -> bool:
        """Whether the value has a form that no other provider uses."""
        return self._own is not None and self._own.fullmatch(value) is not None

    def is_well_formed(self, value: str) -> bool:
        """Whether the value looks like what the provider issues; always if nothing is known of that."""
        forms = [form for form in (self._own, self._shared) if form is not None]
        return not forms or any(form.fullmatch(value) for form in forms)


_NOUN: Final = {
    SecretKind.TOKEN: "key",
    SecretKind.URL: "URL",
    SecretKind.JSON: "credentials",
    SecretKind.PEM: "private key",
    SecretKind.PATH: "credentials file",
    SecretKind.IDENTIFIER: "key's identifier",
}

# What the providers issue in 2026, looser than today's lengths: those grow, and a misfit is a warning only.
# OpenAI: project, service account and admin keys, and the older ones of users; sk-or- are OpenRouter's.
_OPENAI: Final = re.compile(r"sk-(?!ant-|or-)[A-Za-z0-9_-]{32,250}")
_ANTHROPIC: Final = re.compile(r"sk-ant-[A-Za-z0-9_-]{32,250}")
_HUGGING_FACE: Final = re.compile(r"(?:hf_|api_org_)[A-Za-z0-9]{30,60}|hf_oauth_[A-Za-z0-9._-]{30,2000}")
_PINECONE: Final = re.compile(r"pcsk_[A-Za-z0-9_]{40,120}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# AKIA is a user's, ASIA a temporary one, both in base32.
_AWS_ID: Final = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}")
_AWS_SECRET: Final = re.compile(r"[A-Za-z0-9/+]{40}")
# AI Studio issues AQ. keys only since 2026; AIza are the older ones.
_GOOGLE: Final = re.compile(r"AIza[A-Za-z0-9_-]{35}|AQ\.[A-Za-z0-9_.-]{30,200}")
_JSON_FILE: Final = re.compile(r"[^\r\n{}<>\"]{1,1000}\.json", re.IGNORECASE)
# ghs_ holds a JSON Web Token since 2026, with dots and about 520 characters.
_GITHUB: Final = re.compile(
    r"gh[pour]_[A-Za-z0-9]{36,255}|ghs_[A-Za-z0-9._-]{36,2000}|github_pat_[A-Za-z0-9_]{50,255}"
)
_DATABASE: Final = re.compile(
    r"(?:postgres|postgresql|mysql|mariadb|mssql|oracle|sqlite|mongodb|redis|rediss|duckdb|snowflake)"
    r"(?:\+[a-z0-9_]{1,30})?://[^\s\x00]{1,2000}"
)

DECLARED: Final = (
    DeclaredKey(
        "OPENAI_API_KEY",
        "OpenAI",
        SecretKind.TOKEN,
        "sk-proj-, sk-svcacct-, sk-admin- or sk-, and 32 or more letters, digits, - and _",
        _OPENAI,
    ),
    DeclaredKey(
        "ANTHROPIC_API_KEY",
        "Anthropic",
        SecretKind.TOKEN,
        "sk-ant- and 32 or more letters, digits, - and _",
        _ANTHROPIC,
    ),
    DeclaredKey(
        "HF_TOKEN", "Hugging Face", SecretKind.TOKEN, "hf_ and 30 or more letters and digits", _HUGGING_FACE
    ),
    DeclaredKey(
        "PINECONE_API_KEY",
        "Pinecone",
        SecretKind.TOKEN,
        "pcsk_ and 40 or more letters, digits and _, or in older keys a UUID",
        _PINECONE,
        _UUID,
    ),
    DeclaredKey(
        "AWS_ACCESS_KEY_ID",
        "AWS",
        SecretKind.IDENTIFIER,
        "AKIA or ASIA and 16 capital letters and digits",
        _AWS_ID,
    ),
    DeclaredKey(
        "AWS_SECRET_ACCESS_KEY",
        "AWS",
        SecretKind.TOKEN,
        "40 letters, digits, / and +",
        None,
        _AWS_SECRET,
    ),
    DeclaredKey(
        "GOOGLE_API_KEY",
        "Google",
        SecretKind.TOKEN,
        "AQ. and 30 or more characters, or in older keys AIza and 35",
        _GOOGLE,
    ),
    DeclaredKey(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "Google",
        SecretKind.PATH,
        "the path of a .json file",
        None,
        _JSON_FILE,
    ),
    DeclaredKey(
        "GITHUB_TOKEN",
        "GitHub",
        SecretKind.TOKEN,
        "ghp_, gho_, ghu_, ghs_, ghr_ or github_pat_, and 36 or more characters",
        _GITHUB,
    ),
    DeclaredKey(
        "DATABASE_URL",
        "database",
        SecretKind.URL,
        "a URL such as postgresql://user:password@host:port/name",
        None,
        _DATABASE,
    ),
)
"""The keys that are declared by default."""


def declared_keys(extra: Iterable[str] = ()) -> tuple[DeclaredKey, ...]:
    """`DECLARED`, and behind it the further names; a name that is there already adds nothing.

    Raises:
        DeclaredKeyError: a further name is none that a variable can have, or there are too many of them.
    """
    keys = {key.name: key for key in DECLARED}
    names = list(islice(extra, MAX_EXTRA + 1))
    if len(names) > MAX_EXTRA:
        raise DeclaredKeyError(f"further keys: got more than {MAX_EXTRA} names, expected at most that many")
    for place, name in enumerate(names, 1):
        if len(name) > MAX_NAME or _POSIX_NAME.fullmatch(name) is None:
            raise DeclaredKeyError(
                f"further key {place}: got something that is not shown, expected {_EXPECTED_NAME}"
            )
        keys.setdefault(name, DeclaredKey(name, "", SecretKind.TOKEN, ""))
    return tuple(keys.values())


def is_name(text: str) -> bool:
    """Whether POSIX lets a variable be called that: letters, digits and `_`, no digit first."""
    return _POSIX_NAME.fullmatch(text) is not None


def may_show_name(name: str) -> bool:
    """Whether a name from a visitor's text may be shown: not if it could be a value in the wrong place."""
    if not is_name(name) or len(name) > _SHOWN_NAME or any(key.is_own(name) for key in DECLARED):
        return False
    return not any(_looks_random(part) for part in name.split("_"))


def _looks_random(part: str) -> bool:
    return len(part) >= _RANDOM_FROM and not (part.isupper() and part.isalpha())
