"""A rule: what a provider's key looks like, and where to revoke it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from core.secrets.leaks.leak import Confidence

# What may not stand beside a token: it would be a part of it.
_JOINED: Final = "A-Za-z0-9_"
_AFTER: Final = rf"(?![{_JOINED}-])"


@dataclass(frozen=True)
class Rule:
    """How one kind of secret is recognized.

    A token begins with a `lead` that is looked for as it is, which is quick, and goes on with `body`. A shape
    (a URL, a PEM block) has no such beginning and gives the whole as `body`, with an empty lead.

    Attributes:
        key: short name.
        title: what it is, for a reader.
        env: the environment variable that its provider's own library reads.
        lead: how it begins: a regular expression of a fixed width.
        body: how it goes on; every repetition is bounded. The secret is the group `secret` if there is one.
        advice: where to revoke it.
        marks: one of these is in every text that it matches.
        public: how much of its beginning is no secret, as a regular expression.
        confidence: how sure a match is.
        beside: what has to stand shortly before it, if its form alone says too little.
        least: bits per character that its characters must have, counted over the whole.
    """

    key: str
    title: str
    env: str
    lead: str
    body: str
    advice: str
    marks: tuple[str, ...]
    public: str = ""
    confidence: Confidence = Confidence.HIGH
    beside: str = ""
    least: float = 2.5

    @property
    def form(self) -> str:
        """The secret's form, without what may stand around it."""
        return self.lead + self.body

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The form where nothing is joined to it.

        Before it may also stand an escape that ends with a letter or digit: of a printed string (a backslash
        and n), or of a URL (%3D).
        """
        if not self.lead:
            return re.compile(self.body)
        before = (
            rf"(?:(?<![{_JOINED}]{self.lead})|(?<=\\[nrtbf]{self.lead})|(?<=%[0-9A-Fa-f]{{2}}{self.lead}))"
        )
        return re.compile(f"{self.lead}{before}(?:{self.body}){_AFTER}")

    @cached_property
    def context(self) -> re.Pattern[str]:
        """What has to stand shortly before a match."""
        return re.compile(self.beside)

    @cached_property
    def prefix(self) -> re.Pattern[str]:
        """The public beginning."""
        return re.compile(self.public or self.lead)


def token(
    key: str,
    title: str,
    env: str,
    lead: str,
    body: str,
    advice: str,
    *marks: str,
    public: str = "",
    confidence: Confidence = Confidence.HIGH,
) -> Rule:
    """A rule for a token whose beginning is its provider's. Without `marks`, its lead is the mark."""
    return Rule(key, title, env, lead, body, advice, marks or (lead.replace("\\", ""),), public, confidence)
