"""Keys that open nothing, made anew of parts: no scanner finds one in this repository's files."""

from __future__ import annotations

import base64
import string
from collections import Counter
from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

from core.secrets.leaks.rule import Rule
from core.secrets.leaks.rules import RULES

BASE62 = string.ascii_letters + string.digits
DASHES = "-" * 5


def chance(seed: int) -> Random:
    """The same chance each time."""
    return Random(seed)  # noqa: S311 - what it makes opens nothing


def draw(random: Random, length: int, alphabet: str = BASE62) -> str:
    """Characters drawn by chance, each kind of them at least once."""
    while True:
        text = "".join(random.choices(alphabet, k=length))
        kinds = [set(string.digits), set(string.ascii_lowercase), set(string.ascii_uppercase)]
        if length < 12 or all(set(text) & kind for kind in kinds if kind & set(alphabet)):
            return text


def pem(random: Random, kind: str = "RSA ", newline: str = "\n") -> str:
    body = base64.b64encode(random.randbytes(300)).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    label = f"{kind}PRIVATE KEY{DASHES}"
    return newline.join([f"{DASHES}BEGIN {label}", *lines, f"{DASHES}END {label}"])


def b64url(random: Random, length: int) -> str:
    return draw(random, length, BASE62 + "-_").replace("-", "A", 1)


# The forms that stand within something else: the whole text, and the secret in it.
SHAPES: dict[str, Callable[[Random], tuple[str, str]]] = {
    "aws-secret-access-key": lambda r: _within("aws_secret_access_key = {}", draw(r, 40)),
    "google-service-account": lambda r: _within(
        '{{"type": "service_account", "private_key": "{}"}}', pem(r, "", "\\n")
    ),
    "azure-storage-key": lambda r: _within(
        "DefaultEndpointsProtocol=https;AccountName=a;Account" + "Key={};x=y",
        base64.b64encode(r.randbytes(64)).decode(),
    ),
    "azure-client-secret": lambda r: _within("{}", f"{draw(r, 3)}8Q~{draw(r, 34)}"),
    "slack-webhook": lambda r: _within(
        "{}", "https://hooks." + f"slack.com/services/T{draw(r, 10)}/B{draw(r, 10)}/{draw(r, 24)}"
    ),
    "discord-webhook": lambda r: _within(
        "{}", f"https://discord.com/api/webhooks/{r.randint(10**17, 10**18)}/{draw(r, 68)}"
    ),
    "telegram": lambda r: _within("{}", f"{r.randint(10**8, 10**10 - 1)}:" + f"AA{draw(r, 33)}"),
    "private-key": lambda r: _within("{}", pem(r)),
    "database-url": lambda r: _within(
        "{}", f"postgresql+psycopg://app:{draw(r, 14)}@db.internal:5432/app?sslmode=require"
    ),
    "url-password": lambda r: _within("https://app:{}@git.internal/app.git", draw(r, 14)),
}


def _within(text: str, secret: str) -> tuple[str, str]:
    return text.format(secret), secret


def tokens(rule: Rule) -> st.SearchStrategy[str]:
    """Tokens of a rule's form, as various as ones that were drawn by chance."""
    # What repeats one character is an example, and not meant to be found.
    made = st.from_regex(rule.form, fullmatch=True)
    return made.filter(lambda value: max(Counter(value).values()) <= len(value) / 4)


def by_key(key: str) -> Rule:
    return next(rule for rule in RULES if rule.key == key)


def openai(random: Random) -> str:
    return "sk-" + f"proj-{draw(random, 48)}"


def anthropic(random: Random) -> str:
    return "sk-" + f"ant-api03-{draw(random, 93)}AA"


def huggingface(random: Random) -> str:
    return "hf" + f"_{draw(random, 34)}"


def github(random: Random) -> str:
    return "gh" + f"p_{draw(random, 36)}"


def aws(random: Random) -> str:
    return "AK" + f"IA{draw(random, 16, string.ascii_uppercase + '234567')}"


KEYS: tuple[Callable[[Random], str], ...] = (openai, anthropic, huggingface, github, aws)
