"""The rules at work: where in some passages a secret stands."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.secrets.declared import may_show_name
from core.secrets.leaks.entropy import entropy, looks_random
from core.secrets.leaks.keywords import LONGEST, assignments, logins, named_secret, options
from core.secrets.leaks.leak import DOTS, Confidence
from core.secrets.leaks.passage import Passage, Role
from core.secrets.leaks.placeholders import is_example, is_placeholder
from core.secrets.leaks.rule import Rule
from core.secrets.leaks.rules import RULES

KEYWORD: Final = "keyword"
ENTROPY: Final = "entropy"
_ROTATE: Final = "Change it where it is used to log in, and keep the new one out of the code."
_LOOK: Final = "Look at it: if it opens anything, change it there."
_ORDER: Final = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}
_NEAR: Final = 300
"""How many characters away what stands beside a secret may be."""
# A long token says early whether it is an example; a long random one has every short word somewhere.
_LOOKED_AT: Final = 60
TELLING: Final = 6
"""So many of a secret's letters and digits are no coincidence in a name."""
_SEPARATOR: Final = re.compile(r"[\W_]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")
_DIGEST_NAME: Final = re.compile(
    r"(?i)hash|sha(?:1|256|512)?$|digest|integrity|checksum|etag|signature|fingerprint|md5|commit|revision"
    r"|uuid|guid"
)


@dataclass(frozen=True)
class Found:
    """A secret in a passage. It holds the value, so it stays within this package.

    Attributes:
        rule: short name of the rule.
        title: what it is.
        confidence: how sure that is.
        advice: what to do about it.
        env: the environment variable of its provider; empty if no provider is known.
        public: how much of its beginning every key of its kind has.
        passage: the number of its passage.
        start: where it begins in the passage.
        end: where it ends there.
        variable: the name that it is given to.
        value: the secret.
    """

    rule: str
    title: str
    confidence: Confidence
    advice: str
    env: str
    public: str
    passage: int
    start: int
    end: int
    variable: str
    value: str = field(repr=False)

    @property
    def masked(self) -> str:
        """Dots, after what is public of a secret that is certain."""
        return (self.public if self.confidence is Confidence.HIGH else "") + DOTS


@dataclass(frozen=True)
class _Match:
    """What a rule says, before it is known which of several rules has the last word."""

    confidence: Confidence
    rank: int
    passage: int
    start: int
    end: int
    rule: Rule | None
    public: str = field(default="", repr=False)


def detect(passages: Sequence[Passage]) -> list[Found]:
    """The secrets in some passages, in their order. Where several rules match, the most specific is kept."""
    matches = [*_by_form(passages), *_by_name(passages)]
    matches.sort(key=lambda each: (_ORDER[each.confidence], each.rank, each.start))
    taken: dict[int, list[tuple[int, int]]] = {}
    kept = [each for each in matches if _take(taken.setdefault(each.passage, []), each.start, each.end)]
    kept.sort(key=lambda each: (each.passage, each.start))
    variables = _Variables(passages)
    return [_found(each, passages[each.passage], variables.of(each)) for each in kept]


def _take(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Takes a place if none of it is taken yet."""
    index = bisect_left(taken, (start, end))
    if (index < len(taken) and taken[index][0] < end) or (index and taken[index - 1][1] > start):
        return False
    taken.insert(index, (start, end))
    return True


def _by_form(passages: Sequence[Passage]) -> Iterator[_Match]:
    """What the rules with a form find. All passages are searched as one text, each behind its name."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for passage in passages:
        starts.append(length + len(passage.name) + 2)
        parts.append(f"\x00{passage.name}\x00{passage.text}")
        length = starts[-1] + len(passage.text)
    text = "".join(parts)
    for rank, rule in enumerate(RULES):
        for start, end, public in find(rule, text):
            index = bisect_right(starts, start) - 1
            if index >= 0 and end - starts[index] <= len(passages[index].text):
                at = starts[index]
                yield _Match(rule.confidence, rank, index, start - at, end - at, rule, public)


def find(rule: Rule, text: str) -> Iterator[tuple[int, int, str]]:
    """Where a rule's secrets stand in a text, and what is public of each; not its examples."""
    if not any(mark in text for mark in rule.marks):
        return
    for match in rule.pattern.finditer(text):
        group = "secret" if "secret" in rule.pattern.groupindex else 0
        start, end = match.span(group)
        value = match[group]
        end -= len(value) - len(value.rstrip())
        prefix = rule.prefix.match(value)
        public = prefix[0] if prefix else ""
        if _is_real(rule, match, value[len(public) :].strip()) and is_beside(rule, text, start, end):
            yield start, end, public


def _is_real(rule: Rule, match: re.Match[str], rest: str) -> bool:
    """Whether a match is no example."""
    if "password" in rule.pattern.groupindex or "host" in rule.pattern.groupindex:
        groups = match.groupdict()
        return not is_placeholder(groups.get("password") or groups["secret"])
    return not is_example(rest[:_LOOKED_AT]) and entropy(rest) >= rule.least


def is_beside(rule: Rule, text: str, start: int, end: int) -> bool:
    """Whether what a rule asks for stands shortly before a match or behind it."""
    if not rule.beside:
        return True
    near = f"{text[max(0, start - _NEAR) : start]}\x00{text[end : end + _NEAR]}"
    return rule.context.search(near) is not None


def _by_name(passages: Sequence[Passage]) -> Iterator[_Match]:
    """What the keyword rule and the entropy rule find."""
    for index, passage in enumerate(passages):
        if passage.role is Role.CODE:
            continue
        if passage.whole and len(passage.text) <= 2 * LONGEST:
            yield from _in_value(index, passage.name, passage.text, 0)
        for name, start, end in (*assignments(passage.text), *options(passage.text)):
            bare = passage.text[start - 1] not in {"'", '"'}
            yield from _in_value(index, name, passage.text[start:end], start, bare=bare)
        for start, end in logins(passage.text):
            yield from _in_value(index, "password", passage.text[start:end], start)


def _in_value(index: int, name: str, value: str, at: int, *, bare: bool = False) -> Iterator[_Match]:
    span = named_secret(name, value, bare=bare)
    if span:
        yield _Match(Confidence.MEDIUM, len(RULES), index, at + span[0], at + span[1], None)
        return
    text = value.strip()
    if looks_random(text) and not is_placeholder(text) and not _DIGEST_NAME.search(name):
        start = at + value.index(text)
        yield _Match(Confidence.LOW, len(RULES) + 1, index, start, start + len(text), None)


class _Variables:
    """What secrets are given to, as it may be shown."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._given: dict[int, list[tuple[str, int, int]]] = {}
        self._shown: dict[str, str] = {}

    def of(self, match: _Match) -> str:
        """The name beside a match in its passage, or else the passage's own."""
        passage = self._passages[match.passage]
        if match.passage not in self._given:
            self._given[match.passage] = [] if passage.role is Role.CODE else assignments(passage.text)
        given = self._given[match.passage]
        index = bisect_right(given, match.start, key=lambda each: each[1]) - 1
        name = given[index][0] if index >= 0 and match.start < given[index][2] else passage.name
        if name not in self._shown:
            self._shown[name] = shown_name(name)
        return self._shown[name]


def _found(match: _Match, passage: Passage, variable: str) -> Found:
    rule, value = match.rule, passage.text[match.start : match.end]
    if rule:
        title, advice, key, env = rule.title, rule.advice, rule.key, rule.env
    elif match.confidence is Confidence.MEDIUM:
        title, advice, key, env = "Secret, by the name that it is given to", _ROTATE, KEYWORD, ""
    else:
        title, advice, key, env = "Text that looks drawn by chance", _LOOK, ENTROPY, ""
    return Found(
        key, title, match.confidence, advice, env, match.public, match.passage, match.start, match.end,
        "" if tells(variable, value) else variable, value,
    )  # fmt: skip


def shown_name(name: str) -> str:
    """A name that may be shown: none that is itself a key, or is no name."""
    if _NAME.fullmatch(name) is None or looks_random(name):
        return ""
    # A header's name and a setting's have dashes and dots.
    if not may_show_name(name.replace("-", "_").replace(".", "_")):
        return ""
    return "" if has_key(name) or has_key(name.replace("_", "-")) else name


def tells(name: str, value: str) -> bool:
    """Whether a name says a secret: all of it, or much of it with a digit, in whatever case."""
    return tells_any(name, {spelled(value)})


def tells_any(name: str, values: Collection[str]) -> bool:
    """The same for any of many values, each as `spelled`; it takes one pass over them."""
    said = spelled(name)
    much = len(said) >= 2 * TELLING and any(map(str.isdigit, said))
    return any((len(each) >= TELLING and each in said) or (much and said in each) for each in values)


def spelled(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return _SEPARATOR.sub("", text).casefold()


def has_key(text: str, rules: Iterable[Rule] = RULES) -> bool:
    """Whether a text holds a secret of a form that a rule knows."""
    return any(True for rule in rules for _ in find(rule, text))
