"""Secrets of a known shape, whoever gave them: private keys, passwords in URLs, JSON web tokens."""

from __future__ import annotations

from typing import Final

from core.secrets.leaks.leak import Confidence
from core.secrets.leaks.rule import Rule, token

# A user's name and a password in front of a host. A password may hold an @ or a / that was not escaped.
_USER: Final = r"""[^\s:/@"'<>`\x00]{0,64}"""
_WORD: Final = r"""[^\s"'<>`\x00]{1,128}"""
_HOST: Final = r"""(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"""
_REST: Final = r"""(?::[0-9]{1,5})?(?:[/?][^\s"'<>`\x00]{0,500})?"""
_DATABASES: Final = (
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|oracle|cockroachdb|clickhouse|snowflake)"
    r"(?:\+[a-z0-9_]{1,20})?"
)

SHAPE_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "private-key",
        "Private key (PEM)",
        "PRIVATE_KEY",
        "",
        r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
        r"(?=(?:(?!-----)[\x20-\x7e\s]){0,300}?[A-Za-z0-9+/]{30})(?:(?!-----)[\x20-\x7e\s]){40,8000}+"
        r"(?:-----END (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----)?",
        "Make a new key pair, and take the old public key off every server that knows it.",
        ("PRIVATE KEY",),
        public=r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
    ),
    Rule(
        "database-url",
        "Database URL with a password",
        "DATABASE_URL",
        "",
        rf"(?P<secret>{_DATABASES}://{_USER}:(?P<password>{_WORD})@{_HOST}{_REST})",
        "Change the password of the database's user.",
        ("://",),
        public=rf"{_DATABASES}://",
        least=0.0,
    ),
    Rule(
        "url-password",
        "Password in a URL",
        "URL_PASSWORD",
        "",
        rf"://{_USER}:(?P<secret>[^\s\"'<>`/@\x00]{{1,128}})@(?P<host>{_HOST})",
        "Change the password; a URL ends up in logs and histories.",
        ("://",),
        confidence=Confidence.MEDIUM,
        least=0.0,
    ),
    token(
        "jwt",
        "JSON web token",
        "JWT",
        "eyJ",
        r"[A-Za-z0-9_-]{10,600}+\.eyJ[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{16,1000}+",
        "End the session or change the signing key at whoever issued it.",
        confidence=Confidence.MEDIUM,
    ),
)
