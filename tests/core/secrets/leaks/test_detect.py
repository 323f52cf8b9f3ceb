"""Which rule has the last word, and what is kept of a secret."""

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks import Confidence, Language, find_leaks, scan
from core.secrets.leaks.detect import detect, has_key, shown_name, tells
from core.secrets.leaks.passage import plain
from tests.core.secrets.leaks.fakes import KEYS, chance, draw, openai

KEY = openai(chance(1))


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        (f'password = "{KEY}"', ["openai"]),
        (f'secret = "x{draw(chance(2), 40)}"', ["keyword"]),
        (f'x = "{draw(chance(3), 48)}"', ["entropy"]),
        ('url = "postgresql://app:s3cr3tpw@db/app"', ["database-url"]),
        ('url = "https://app:s3cr3tpw@db.io/app"', ["url-password"]),
        ('dsn = "host=db password=s3cr3tpw"', ["keyword"]),
        (f'x = "{KEY} {KEY}"', ["openai", "openai"]),
        ('x = "password: hunter2x"', ["keyword"]),
        ("# api_key = 3f9a8c21d0", ["keyword"]),
        ('"""Set token=3f9a8c21d0."""', ["keyword"]),
        ('requests.get("https://api.example.com/x?api_key=aB3dE5fG7hJ9kL1mN3pQ4567")', ["keyword"]),
        ('p.add_argument("--token", default="aB3dE5fG7hJ9kL1mN3pQ")', ["keyword"]),
        ("""os.system('curl -H "X-Api-Key: Ab9cd8ef7gh6ij5kl4mn"')""", ["keyword"]),
        ('get(x, auth=("admin","S3cr3tPass!x"))', ["keyword"]),
        ('HTTPBasicAuth("admin", "S3cr3tPass!x")', ["keyword"]),
        ("""os.system("curl -u admin:S3cr3tPass!x https://a.io")""", ["keyword"]),
        ("""os.system("mysql --password S3cr3tPass!x -h db")""", ["keyword"]),
        ("""os.system('mysql --password "S3cr3t Pass"')""", []),
        ('run(["mysql", "--password", "S3cr3tPass!x", "-h", "db"])', ["keyword"]),
        ('run(("deploy", "--api-key", "aB3dE5fG7hJ9kL1mN3pQ"))', ["keyword"]),
        (f"{'gh' + 'p_' + draw(chance(4), 36)} = 1", ["github"]),
    ],
)
def test_the_most_specific_rule_has_the_last_word(source: str, rules: list[str]) -> None:
    assert [leak.rule for leak in find_leaks(source, Language.PYTHON)] == rules


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "from core.secrets.leaks.detect import detect",
        'commit = "3f786850e387550fdab836ed7e6dc881de23001b"',
        'token_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
        'request_id = "123e4567-e89b-42d3-a456-426614174000"',
        'integrity = "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"',
        'pad_token = "<pad>"\neos_token = "</s>"\nmax_tokens = 4096',
        'token = os.getenv("TOKEN")\npassword = getpass("Password: ")',
        'password = f"{user}-pw"',
        'help = "The API key is read from the environment."',
        'model = "meta-llama/Llama-3.1-8B-Instruct"',
        'image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"',
        'x = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt"',
        'api_key = "your-api-key"\nsecret = "<secret>"\npassword = "changeme"',
        'parser.add_argument("--token", help="the token of your account")',
        'raise ValueError("password: expected 8 characters")',
        'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")',
        'run(["x", "--password", password, "--token", "$TOKEN", "--password", "--verbose"])',
        'run("x --token TOKEN --password ${PW} --password <password>")',
        'run("x --max-tokens 4096 --secret-file a1/b2.txt")',
        'choices = ["--password", "--token"]',
        'alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"',
    ],
)
def test_what_is_no_secret_is_let_be(source: str) -> None:
    assert find_leaks(source, Language.PYTHON) == []


@pytest.mark.parametrize("make", KEYS, ids=lambda make: make.__name__)
@given(seed=st.integers(0, 10**6))
def test_a_leak_has_no_trace_of_its_secret(make: object, seed: int) -> None:
    key = make(chance(seed))  # type: ignore[operator]
    for source in (f'x = "{key}"', f'd = {{"{key}": "{key}"}}', f"{key} = 1", f"f({key}='{key}')"):
        for language in (Language.PYTHON, Language.TEXT, Language.ENV):
            found = scan(source, language)
            shown = repr(found) + str(dataclasses.asdict(found))
            assert all(key[start : start + 6] not in shown for start in range(12, len(key) - 6))
            assert key.encode() not in pickle.dumps(found)


def test_what_stays_within_the_package_shows_no_secret_either() -> None:
    (found,) = detect([plain(f"x = {KEY}")])
    assert found.value == KEY
    assert KEY not in repr(found)
    assert KEY not in repr(plain(KEY))


def test_a_name_that_is_a_key_is_not_shown() -> None:
    assert shown_name("api_key") == "api_key"
    assert shown_name(KEY.replace("-", "_")) in {"", KEY.replace("-", "_")}
    assert shown_name("hf" + "_" + draw(chance(5), 34)) == ""
    assert shown_name("two words") == ""
    assert shown_name("a" * 61) == ""
    assert has_key(KEY)
    assert not has_key("api_key")


def test_only_a_certain_match_shows_its_prefix() -> None:
    for leak in find_leaks(f'a = "{KEY}"\npassword = "hunter2x"', Language.PYTHON):
        assert leak.masked == ("sk-proj-" + "•" * 8 if leak.confidence is Confidence.HIGH else "•" * 8)


def test_a_name_that_says_a_value_is_not_shown() -> None:
    canary = "CANARY" + draw(chance(8), 32)
    key = "sk-" + f"proj-{canary}"
    for language in (Language.PYTHON, Language.ENV, Language.TEXT):
        found = scan(f"{key.replace('-', '_')}='{key}'", language)
        assert [leak.variable for leak in found.leaks] == [""]
    assert tells("HUNTER2XYZ", "hunter2-xyz")
    assert tells("my_hunter2", "hunter2")
    assert not tells("password", "mypassword12")
    assert not tells("api_key", "x")
