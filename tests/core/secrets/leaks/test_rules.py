"""Every rule finds what has its form, shows only its prefix, and reads a hostile text in linear time."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.secrets.leaks import Confidence, Language, scan
from core.secrets.leaks.rule import Rule
from core.secrets.leaks.rules import RULES
from tests.core.secrets.leaks.fakes import SHAPES, by_key, chance, draw, tokens

ROOT = Path(__file__).parents[4]
TOKENS = [rule for rule in RULES if rule.lead]


def test_there_are_more_than_twenty_rules_each_with_a_key_of_its_own() -> None:
    assert len(RULES) > 20
    assert len({rule.key for rule in RULES}) == len(RULES)
    assert {rule.key for rule in RULES if not rule.lead} == set(SHAPES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_rule_says_what_to_do(rule: Rule) -> None:
    assert rule.title
    assert rule.advice.endswith(".")
    assert rule.env.isupper()
    assert rule.marks
    assert all(rule.marks)


@pytest.mark.parametrize("rule", TOKENS, ids=lambda rule: rule.key)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_token_of_its_form_is_found(rule: Rule, data: st.DataObject) -> None:
    value = data.draw(tokens(rule))
    if any(word in value.lower() for word in ("example", "sample", "xxxx", "dummy", "lorem")):
        return
    leaks = scan(f"log: {value}\n", Language.TEXT).leaks
    assert [(leak.line, leak.column) for leak in leaks] == [(1, 6)]
    assert leaks[0].rule == rule.key
    assert leaks[0].confidence is rule.confidence


@pytest.mark.parametrize("rule", TOKENS, ids=lambda rule: rule.key)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_mask_shows_no_character_that_a_provider_does_not_put_before_every_key(
    rule: Rule, data: st.DataObject
) -> None:
    value = data.draw(tokens(rule))
    for leak in scan(value, Language.TEXT).leaks:
        assert leak.masked.endswith("•" * 8)
        shown = leak.masked.rstrip("•")
        assert value.startswith(shown)
        # No rule's public part is longer than this one.
        assert len(shown) <= len("sk-svcacct-")
        assert leak.confidence is Confidence.HIGH or not shown


@pytest.mark.parametrize("key", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_a_shape_is_found_where_it_stands(key: str, seed: int) -> None:
    text, secret = SHAPES[key](chance(seed))
    leak = next(leak for leak in scan(f"é {text}", Language.TEXT).leaks if leak.rule == key)
    assert (leak.line, leak.column) == (1, 3 + text.index(secret))
    assert leak.confidence is by_key(key).confidence


@pytest.mark.parametrize(
    "text",
    [
        "AK" + "IAIOSFODNN7EXAMPLE",
        "sk-" + "proj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-" + "ant-your-key-goes-here-0000",
        "hf" + "_" + "a" * 34,
        "gh" + "p_" + "0" * 36,
        "sk-" + "learn-and-other-libraries-of-python",
        "postgresql://user:password@localhost/app",
        "postgresql://app:${DB_PASSWORD}@db/app",
        "https://user:pass@example.org",
        "https://localhost:8501/path@x",
        "git@github.com:someone/something.git",
        "-----BEGIN RSA " + "PRIVATE KEY-----\n...\n-----END RSA " + "PRIVATE KEY-----",
        "task_id task-1234 risk-assessment-of-the-whole-enterprise",
        "AC" + "CEPTED SK" + "IPPED",
        "{{token}} <your token> ${TOKEN}",
    ],
)
def test_an_example_is_no_leak(text: str) -> None:
    assert scan(text, Language.TEXT).leaks == ()


def test_forty_characters_are_an_aws_secret_only_beside_a_key_id_or_under_its_name() -> None:
    secret, key = draw(chance(3), 40), "AK" + "IA" + draw(chance(4), 16, "ABCDEFGHJKLMNPQRSTUV234567")
    assert "aws-secret-access-key" not in {leak.rule for leak in scan(f"x {secret}", Language.TEXT).leaks}
    beside = scan(f'session = Session("{key}", "{secret}")', Language.PYTHON).leaks
    assert [leak.rule for leak in beside] == ["aws-access-key-id", "aws-secret-access-key"]
    named = scan(f'aws_secret_access_key = "{secret}"', Language.PYTHON).leaks
    assert [leak.rule for leak in named] == ["aws-secret-access-key"]


def test_githubs_new_tokens_are_found_whole() -> None:
    random = chance(5)
    parts = ".".join(draw(random, length, "ABCDEFabcdef0123456789-_") for length in (60, 300, 150))
    text = "gh" + f"s_123456_{parts}"
    leaks = scan(f'x = "{text}"', Language.PYTHON).leaks
    assert [leak.rule for leak in leaks] == ["github-app"]


HOSTILE = """
import sys, time
from core.secrets.leaks.rules import RULES
from core.secrets.leaks.detect import find
from core.secrets.leaks.keywords import assignments
size = 200_000
slowest = {}
for rule in RULES:
    pieces = ["a", "a.", "a-", "A1b2", "://", "://a:", "=", "-----BEGIN PRIVATE KEY-----", " ", "a:b@", "eyJ"]
    leads = {mark for mark in rule.marks}
    for lead in leads:
        pieces += [lead, lead + "a", "-" + lead, lead + "0123456789abcdefABCDEF" * 3, "." + lead + "a" * 12]
    for piece in pieces:
        text = "".join(sorted(leads)) + " " + piece * (size // len(piece))
        start = time.process_time()
        for _ in find(rule, text):
            pass
        slowest[rule.key, piece[:30]] = time.process_time() - start
for piece in ("a", "a_", "a=", "a:", "password", "password=", 'a="', "a = b ", "a" * 61 + " "):
    start = time.process_time()
    assignments(piece * (size // len(piece)))
    slowest["keyword", piece] = time.process_time() - start
slow = {name: seconds for name, seconds in slowest.items() if seconds > 2}
print(slow)
sys.exit(bool(slow))
"""


def test_no_rule_is_slow_on_a_hostile_text() -> None:
    # A pattern that backtracks over 200 kB takes minutes; these take milliseconds, and may take 2 s of CPU.
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
