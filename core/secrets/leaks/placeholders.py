"""What stands where a secret will be: `<your-key>`, `sk-...`, `${KEY}`, `os.getenv("KEY")`, `changeme`."""

from __future__ import annotations

import re
from typing import Final

# Words that only an example has: a random key of 48 letters and digits has one of them once in 100,000.
_EXAMPLE: Final = re.compile(
    r"example|sample|placeholder|dummy|replace|change.?me|change.?this|redacted|insert|<[^<>]*>|\.\.\.|…|•"
    r"|(?<![^\W_])(?:your|fake|todo)(?![0-9])|\*{3}|\$\{|\{\{|xxxx|not.?(?:a.?)?real|goes.?here|deadbeef|lorem"
    r"|0123456789|1234567890|abcdefgh",
    re.IGNORECASE,
)
# References: the value is elsewhere.
_REFERENCE: Final = re.compile(
    r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_][A-Za-z0-9_]*|%[A-Za-z_][A-Za-z0-9_]*%|%\([A-Za-z_]\w*\)s|%s"
    r"|\{\{.*\}\}|\{[A-Za-z_][\w.\[\]'\"!:]*\}|\{\}|<%.*%>|@[A-Z_]+@"
    r"|(?:os\.)?(?:getenv|environ)\b.*|(?:process|import\.meta)\.env\b.*|st\.secrets\b.*|ENV\[.*|secrets\..*"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# A value of nothing but these is no secret.
_NAMES: Final = frozenset({
    "a", "access", "account", "admin", "aka", "an", "any", "api", "app", "apikey", "apitoken", "auth",
    "authorization", "aws", "azure", "basic", "bearer", "blank", "canary", "client", "code", "cookie",
    "credential", "credentials", "database", "db", "default", "demo", "empty", "enter", "env", "false",
    "foo", "bar", "baz", "foobar", "tiger", "scott", "mypassword", "myuser", "mysecret",
    "github", "google", "hello", "hidden",
    "here", "host", "id", "is",
    "it", "key", "keyring", "local", "localhost", "login", "masked", "me", "mock", "my", "name", "new",
    "nil", "no", "none", "null", "of", "old", "on", "off", "openai", "or", "pass", "passphrase",
    "password", "passwd", "postgres", "private", "prompt", "public", "pwd", "required", "root", "secret",
    "secrets", "session", "set", "some", "something", "string", "str", "test", "tester", "testing", "the",
    "this", "to", "token", "tokens", "true", "undefined", "unknown", "unset", "use", "user", "username",
    "value", "variable", "with", "world", "xxx", "yes", "change", "changed", "changeit", "replace",
    "repeat", "confirm", "forgot", "reset", "wrong", "invalid", "missing", "show", "type",
})  # fmt: skip
_FEW: Final = 4
_SHORT: Final = 40


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a secret and is none, as far as its own text says."""
    text = value.strip()
    if not text or _REFERENCE.fullmatch(text) or _EXAMPLE.search(text):
        return True
    return _repeats(text) or _is_named(text)


def is_example(token: str) -> bool:
    """Whether a token of a provider's form is an example: it says so, or repeats a few characters."""
    return _EXAMPLE.search(token) is not None or _repeats(token)


def _repeats(text: str) -> bool:
    """Whether it is one or two characters over and over, or a run of the alphabet's or the keyboard's."""
    if len(set(text)) <= 2:
        return True
    low = text.lower()
    return len(text) >= 6 and any(
        low in run
        for run in ("qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz", "01234567890123456789")
    )


def _is_named(text: str) -> bool:
    """Whether it consists of words for secrets, and of nothing else but a short number."""
    if len(text) > _SHORT:
        return False
    words = [word.lower() for word in _WORD.findall(text)]
    numbers = sum(len(word) for word in words if word.isdigit())
    rest = len(_WORD.sub("", text))
    named = all(word in _NAMES or word.isdigit() for word in words)
    return named and numbers <= _FEW and rest <= len(words) + 2
