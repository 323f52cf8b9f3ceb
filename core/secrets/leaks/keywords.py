"""Values that are secrets because of what they are called: `password = "..."`, `"api_key": "..."`.

A name is read as words: `dbPassword`, `DB_PASSWORD` and `db-password` are the same. The last words decide, so
that `TOKEN_URL`, `max_tokens` and `password_hash` are none.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from core.secrets.leaks.entropy import entropy, is_fingerprint
from core.secrets.leaks.placeholders import is_placeholder

LONGEST: Final = 200
"""How long a value may be: what is longer is data."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PASSWORDS: Final = frozenset({"password", "passwd", "pwd", "passphrase", "pass", "pw"})
_SECRETS: Final = frozenset(
    {"secret", "token", "apikey", "apitoken", "credential", "credentials", "bearer", "authorization", "dsn"}
)
_KEYS: Final = frozenset({
    "api", "access", "secret", "private", "auth", "encryption", "signing", "master", "service", "account",
    "admin", "app", "webhook", "storage", "license", "openai", "anthropic", "google", "pinecone",
    "gemini", "huggingface", "hf", "groq", "cohere", "mistral", "stripe", "sendgrid", "twilio", "aws",
    "azure", "shared", "session", "cookie", "jwt", "hmac", "aes", "deploy",
})  # fmt: skip
# What a model's text, a grammar and a web page call a token.
_NO_TOKEN: Final = frozenset({
    "pad", "eos", "bos", "unk", "mask", "cls", "sep", "special", "stop", "start", "end", "begin", "image",
    "audio", "video", "user", "assistant", "system", "first", "last", "next", "prev", "previous",
    "current", "new", "num", "csrf", "text", "input", "output", "prompt",
})  # fmt: skip
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|apikey)[ \t]{1,4}", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"""(?<![A-Za-z0-9_.-])(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,60}+)["']?\]?[ \t]{0,8}(?::=|=>|[:=])(?!=)"""
    r"""[ \t]{0,8}(?:[rbuRBU]{0,2}(?:"(?P<double>[^"\\\r\n\x00]{1,400})["]"""
    r"""|'(?P<single>[^'\\\r\n\x00]{1,400})')"""
    r"""|(?P<bare>(?:(?:[Bb]earer|[Bb]asic)[ \t]{1,4})?[^\s"'`<({\[\x00][^\s"'`\x00]{0,399}))"""
)
# What is not in quotes and not called a secret: it may hold further assignments.
_NARROW: Final = re.compile(r"[^,;&<>(){}\[\]]*")
# A call or an item, whole or as far as its first quote or space.
_EXPRESSION: Final = re.compile(r"[A-Za-z_][\w.]*(?:\((?:.*\).*)?|\[(?:.*\].*)?)|\$\(.*")
_CLOSING: Final = {")": "(", "]": "[", "}": "{", ">": "<"}
_TRIMMED: Final = 3
_USER: Final = re.compile(
    r"""(?<=[\s"'])(?:-u|--user)[\s"',=]{0,6}[^\s"':]{1,100}:(?P<password>[^\s"'`\x00]{1,200})"""
)
_AUTH: Final = re.compile(
    r"""\bauth\s{0,4}=\s{0,4}[(\[]\s{0,4}["'][^\s"']{1,100}["']\s{0,4},\s{0,4}"""
    r"""(?:"(?P<double>[^"\\\r\n\x00]{1,200})"|'(?P<single>[^'\\\r\n\x00]{1,200})')"""
)
_OPTION: Final = re.compile(
    r"""(?<![\w-])--(?P<name>[A-Za-z][A-Za-z0-9_-]{1,60}+)[ \t]{1,8}"""
    r"""(?:"(?P<double>[^"\\\r\n\x00]{1,400})["]|'(?P<single>[^'\\\r\n\x00]{1,400})'"""
    r"""|(?P<bare>[^\s"'`<({\[\x00-][^\s"'`\x00]{0,399}))"""
)
_CURL: Final = 400
"""How many characters before `-u` the command may stand that it is an option of."""
_CODE: Final = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[a-z]+(?:[_-][a-z]+)+|[A-Z]+(?:_[A-Z]+)+|[A-Za-z]+"
)
_PATH: Final = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|[~.]{0,2}/|[A-Za-z]:\\).*")


class Kind(Enum):
    """What a name says of its value."""

    NONE = 0
    TOKEN = 1
    PASSWORD = 2


def kind_of(name: str) -> Kind:
    """Whether a name is one for a password, for another secret, or for none."""
    words = [word.lower() for word in _WORD.findall(name[-80:])]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return Kind.NONE
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _PASSWORDS:
        return (
            Kind.NONE if last == "pass" and before in {"by", "first", "second", "forward"} else Kind.PASSWORD
        )
    if last in _SECRETS:
        return Kind.NONE if last == "token" and before in _NO_TOKEN else Kind.TOKEN
    if last in {"key", "keys"} and before in _KEYS:
        return Kind.TOKEN
    return Kind.TOKEN if (before, last) == ("connection", "string") else Kind.NONE


def named_secret(name: str, value: str, *, bare: bool = False) -> tuple[int, int] | None:
    """Where in a value its secret stands, as start and end; None if the value is none under that name.

    A password is whatever is no placeholder; any other secret also has to look made up: letters and digits
    mixed, 8 characters or more, no path, address, word or name from code. The scheme of an authorization
    ("Bearer") is no part of it.

    Args:
        name: what the value is given to.
        value: the value.
        bare: whether it stands in a text without quotes, where a word is only a word ("password: required").
    """
    kind = kind_of(name)
    if bare and name.lower() == "pass":
        return None
    if kind is Kind.NONE or len(value) > LONGEST or is_placeholder(value):
        return None
    start = len(value) - len(value.lstrip())
    scheme = _SCHEME.match(value, start)
    start = scheme.end() if scheme else start
    text = value[start:].strip()
    if (
        is_placeholder(text)
        or (bare and (text.isalpha() or _EXPRESSION.fullmatch(text)))
        or not text.isprintable()
        or any(map(str.isspace, text))
    ):
        return None
    password = kind is Kind.PASSWORD and len(text) >= 4 and not _PATH.fullmatch(text) and text[-1] != ":"
    if not password and (kind is Kind.PASSWORD or len(text) < 8 or not _is_made_up(text)):
        return None
    start = value.index(text, start)
    return start, start + len(text)


def assignments(text: str) -> list[tuple[str, int, int]]:
    """Where a text that is no program gives a value to a name: the name, and where the value stands.

    What is called a secret and is not in quotes ends at a space or a quote; in a URL's query at an `&`, too.
    """
    found = []
    match = _ASSIGNED.search(text)
    while match:
        group = match.lastgroup or "bare"
        start, end = match.span(group)
        following = None
        if group == "bare":
            end, following = _bare_end(text, match)
        if end > start:
            found.append((match["name"], start, end))
        match = following or _ASSIGNED.search(text, match.end() if group != "bare" else end)
    return found


def _bare_end(text: str, match: re.Match[str]) -> tuple[int, re.Match[str] | None]:
    """Where a value without quotes ends, and the assignment within it that ends it."""
    start, end = match.span("bare")
    if kind_of(match["name"]) is Kind.NONE:
        narrow = _NARROW.match(text, start + 1, end)
        end = narrow.end() if narrow else end
        inner = _ASSIGNED.search(text, start, min(len(text), end + LONGEST))
        while inner and inner.start() < end:
            if kind_of(inner["name"]) is not Kind.NONE:
                # The match is made again, since what it saw of the text was cut off.
                return inner.start(), _ASSIGNED.search(text, inner.start())
            inner = _ASSIGNED.search(text, inner.start(inner.lastgroup or 0), min(len(text), end + LONGEST))
        return _trimmed(text, start, end), None
    if text[max(0, match.start() - 1) : match.start()] in {"?", "&"}:
        # A URL's query.
        amp = text.find("&", start + 1, end)
        end = end if amp < 0 else amp
    return _trimmed(text, start, end), None


def _trimmed(text: str, start: int, end: int) -> int:
    """Where a value without quotes ends before the marks that end its sentence or close its bracket."""
    least = max(start + 1, end - _TRIMMED)
    while end > least and (text[end - 1] in ".:!?,;" or _closes(text, start, end)):
        end -= 1
    return end


def _closes(text: str, start: int, end: int) -> bool:
    opening = _CLOSING.get(text[end - 1])
    return opening is not None and opening not in text[start:end]


def logins(text: str) -> list[tuple[int, int]]:
    """Where a text that is no program has a password beside its user: as `curl -u` does, or `auth=(...)`."""
    found = [
        match.span("password")
        for match in _USER.finditer(text)
        if "curl" in text[max(0, match.start() - _CURL) : match.start()]
    ]
    return found + [match.span(match.lastgroup or 0) for match in _AUTH.finditer(text)]


def options(text: str) -> list[tuple[str, int, int]]:
    """Where a command line gives a value to a long option, as `--password VALUE`: the name, and its place.

    `--password=VALUE` is an assignment.
    """
    return [(match["name"], *match.span(match.lastgroup or 0)) for match in _OPTION.finditer(text)]


def _is_made_up(text: str) -> bool:
    if _PATH.fullmatch(text):
        return False
    if _CODE.fullmatch(text):
        # One long "word" of upper and lower case with many different letters is none.
        return text.isalpha() and len(text) >= 24 and entropy(text) > 3.5 and not text.islower()
    if is_fingerprint(text):
        return entropy(text) > 2.5
    return entropy(text) > 2.2 and any(map(str.isdigit, text)) and any(map(str.isalpha, text))
