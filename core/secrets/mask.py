"""What may be shown of a secret.

The rules are those of GitLab (nothing of short values) and of reviewers who do not accept "the last four":
dots of one width whatever the length; the end of a value only for the app's owner, and only of a long token
that a provider made at random; of a URL where it leads, of JSON the names that everybody's has, of PEM the
label, of a path the ending.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.secrets.declared import SecretKind

DOTS: Final = "••••••••"
"""Stands for a secret, whatever its length."""
TAIL: Final = 5
"""How many characters of a token's end are shown at most."""
TAIL_FROM: Final = 24
"""How long a token must be for its end to be shown."""

_BUCKETS: Final = (
    (7, "1 to 7"),
    (15, "8 to 15"),
    (23, "16 to 23"),
    (39, "24 to 39"),
    (79, "40 to 79"),
    (159, "80 to 159"),
)
_LONGEST: Final = "160 or more"

_SCHEMES: Final = frozenset({
    "postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg", "mysql",
    "mysql+pymysql", "mysql+mysqldb", "mariadb", "mssql", "mssql+pyodbc", "oracle", "mongodb", "mongodb+srv",
    "redis", "rediss", "amqp", "amqps", "http", "https",
})  # fmt: skip
# Narrower than RFC 3986: what is not certainly a host and a port shows nothing. An @ that is not the one
# behind the user, a backslash or a space can be a part of a password that was not percent-encoded.
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+]{0,30})://"
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?"
    r"(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?#][!-?A-\[\]-~]*)?"
)
# A lone word can be a password that lost its user; a name with a dot, or an address, can hardly.
_HOST_NAME: Final = re.compile(
    r"localhost|(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:.]+\]",
    re.IGNORECASE,
)
_MAX_URL: Final = 4_096
_MAX_JSON: Final = 2**16
# The names in Google's files of credentials. Any other name could itself be a secret.
_JSON_NAMES: Final = (
    "type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "client_secret",
    "auth_uri", "token_uri", "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain",
    "refresh_token", "quota_project_id", "account",
)  # fmt: skip
_PEM: Final = re.compile(r"\s*-----BEGIN ([A-Z0-9 ]{1,40})-----.*-----END \1-----\s*", re.DOTALL)
_PEM_LABELS: Final = frozenset({
    "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST",
    "PGP PRIVATE KEY BLOCK", "PGP PUBLIC KEY BLOCK",
})  # fmt: skip
_MAX_PEM: Final = 2**17
_SUFFIXES: Final = (".json", ".pem", ".key")


@dataclass(frozen=True)
class Masked:
    """A secret as it may be shown.

    Attributes:
        text: dots, and what the rules allow beside them; nothing for an empty value.
        length: how long it is, in words: `24 to 39 characters`.
    """

    text: str
    length: str


def mask(
    value: str, *, kind: SecretKind = SecretKind.TOKEN, known: bool = False, owner: bool = False
) -> Masked:
    """What of a secret may be shown.

    Args:
        value: the secret.
        kind: what it is.
        known: whether it has the form of a provider's opaque token.
        owner: whether the app runs for the owner of the secret alone.
    """
    if not value:
        return Masked("", length_of(value))
    text = DOTS
    if kind is SecretKind.TOKEN:
        text = _token(value, known=known, owner=owner)
    elif kind is SecretKind.URL:
        text = _url(value)
    elif kind is SecretKind.JSON:
        text = _json(value)
    elif kind is SecretKind.PEM:
        text = _pem(value)
    elif kind is SecretKind.PATH:
        text = _path(value)
    return Masked(text, length_of(value))


def length_of(value: str) -> str:
    """How long a value is, as a range in words."""
    if not value:
        return "empty"
    bucket = next((words for most, words in _BUCKETS if len(value) <= most), _LONGEST)
    return f"{bucket} characters"


def _token(value: str, *, known: bool, owner: bool) -> str:
    opaque = (
        len(value) >= TAIL_FROM
        # One line of printing ASCII without spaces, and no URL, JSON or PEM.
        and all("!" <= char <= "~" for char in value)
        and "://" not in value
        and value[0] not in "{["
        and not value.startswith("-----")
    )
    return f"{DOTS}...{value[-TAIL:]}" if owner and known and opaque else DOTS


def _url(value: str) -> str:
    found = _URL.fullmatch(value) if len(value) <= _MAX_URL else None
    if found is None or found["scheme"] not in _SCHEMES or _HOST_NAME.fullmatch(found["host"]) is None:
        return DOTS
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return DOTS
    agreed = (
        parts.scheme == found["scheme"]
        and host == found["host"].strip("[]").lower()
        and port == (int(found["port"]) if found["port"] else None)
    )
    if not agreed:
        return DOTS
    place = found["host"].lower() + (f":{port}" if port is not None else "")
    return f"{found['scheme']}://{place}/{DOTS}"


def _json(value: str) -> str:
    if len(value) > _MAX_JSON:
        return DOTS
    try:
        table = json.loads(value)
    except (ValueError, RecursionError):
        return DOTS
    if not isinstance(table, dict):
        return DOTS
    shown = [name for name in _JSON_NAMES if name in table]
    others = len(table) - len(shown)
    if others:
        shown.append(f"{others} other{'s' if others > 1 else ''}")
    return f"JSON with {', '.join(shown)}: {DOTS}" if shown else DOTS


def _pem(value: str) -> str:
    found = _PEM.fullmatch(value) if len(value) <= _MAX_PEM else None
    label = found[1] if found else ""
    return f"{label} {DOTS}" if label in _PEM_LABELS else DOTS


def _path(value: str) -> str:
    suffix = next((suffix for suffix in _SUFFIXES if value.lower().endswith(suffix)), "")
    return f"{DOTS}{suffix}"
