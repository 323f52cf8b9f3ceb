"""What is mended has no secret left in it, in any form, and is still a program, a notebook, a .env."""

import ast
import base64
import io
import json
import re
from urllib.parse import quote

import pytest
from dotenv import dotenv_values
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.secrets.leaks import EXAMPLES, Fix, Language, LeakError, fix, scan
from core.secrets.leaks.examples import Example
from core.secrets.leaks.fixing import KEEP_OUT, NOTHING, REVOKE
from tests.core.secrets.leaks.fakes import BASE62, KEYS, chance, draw, huggingface, openai, pem
from tests.core.secrets.leaks.notebooks import code, failure, markdown, notebook, result, stream

KEY = openai(chance(1))
TOKEN = huggingface(chance(2))
# K is the key, A and B its halves, N a name, X its first character as an escape and R the rest.
STATEMENTS = (
    'N = "K"',
    "N = 'K'",
    'N = """K"""',
    "N = f'Bearer K'",
    'N = f"{x} K {x!r:>10}"',
    'N = "pre{}fix A" "B"',
    "N = 'A' + 'B'",
    "N = 'A' + x + 'B ' 'K'",
    "N = b'K'",
    "N = b'Basic K {x}'",
    "N = rb'\\d K'",
    "N = r'\\d{} K'",
    "N = u'K a'",
    "N = dict(api_key='K', other=1)",
    'N = {"Authorization": "Bearer K"}',
    'N = {"K": "K"}',
    'def f_N(t="K"): return"K"',
    "# K",
    "x = 1  # api_key=K",
    '"""doc K"""',
    "print('a', 'K' if x else'K')",
    'N = ("A"\n    # why K\n    "B")',
    "N = f\"{d['K']}\"",
    "N = f\"{f('a K')} K\"",
    "N = f\"{f'{x} K'}\"",
    'match x:\n    case "K": pass',
    'N = "XR"',
    "N = ','.join(['K'])",
    'class C_N:\n    """K"""\n    secret: str = "K"',
    "N = '%s K' % x",
    "N = '{}K'.format(x)",
    "N: str = 'K'; M = 'K'",
    "lambda k='K': k",
    "assert N != 'K', 'K'",
    "N = x['K']['a K']",
    "import os\nN = 'K'",
    "from __future__ import annotations",
    "N = (yield_ := 'K')",
    "@d('K')\ndef g_N(): ...",
    "for N in ['K', 'a K']: pass",
    "with f('K') as os: pass",
    "N = '''\\\nK\\\n'''",
    "N = 'a ' 'K' f'{x}' 'K'",
    "del x['K']",
    "N = -len('K')",
    "N = not'K'",
    "password = 'hunter2x'",
    "N = 'postgresql://app:s3cr3tpw@db:5432/K'",
    "N = 'https://a:K@db.io?key=K'",
    "N = 'K,K;K'",
)


def program(statement: str, key: str, name: str) -> str:
    half = len(key) // 2
    words = {
        "K": key,
        "A": key[:half],
        "B": key[half:],
        "N": name,
        "X": f"\\x{ord(key[0]):02x}",
        "R": key[1:],
    }
    return re.sub(
        r"(?<![A-Za-z])[KABNXR](?![A-Za-z])|(?<=_)N\b|(?<=X)R|X(?=R)",
        lambda m: words[m[0]],
        statement,
    )


def encodings(key: str) -> list[str]:
    data = key.encode()
    found = [key, quote(key, safe=""), json.dumps(key)[1:-1], data.hex()]
    found += [base64.b64encode(b"a" * n + data).decode()[4:-4] for n in range(3)]
    return found


def check(result: Fix, keys: list[str]) -> None:
    for key in keys:
        for form in encodings(key):
            assert form not in result.text
            assert form not in repr(result)
    assert scan(result.text).leaks == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(STATEMENTS),
            st.sampled_from(KEYS),
            st.integers(0, 3),
            st.sampled_from(["a", "api_key", "os", "pwd", "token", "x2"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_a_mended_program_parses_and_has_no_leak(
    statements: list[tuple[str, object, int, str]], newline: str, bom: bool
) -> None:
    keys = [make(chance(seed)) for _, make, seed, _ in statements]  # type: ignore[operator]
    lines = [program(each[0], key, each[3]) for each, key in zip(statements, keys, strict=True)]
    source = "\ufeff" * bom + "\n".join(lines).replace("\n", newline)
    try:
        ast.parse(source.removeprefix("\ufeff"))
    except SyntaxError:
        return
    result = fix(source, Language.PYTHON)
    check(result, keys)
    ast.parse(result.text.removeprefix("\ufeff"))
    assert scan(result.text, Language.PYTHON).leaks == ()
    assert fix(result.text, Language.PYTHON).text == result.text
    assert result.env_example == "".join(f"{name}=\n" for name in result.variables)
    assert len(set(result.variables)) == len(result.variables)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_statement_that_is_tried_parses(statement: str) -> None:
    ast.parse(program(statement, KEY, "name"))


@given(
    st.lists(
        st.sampled_from(["{}", "a {} b", "x={}", "'{}'", "token: {}", "{}\n", "\\n{}", "é{}"]), max_size=6
    ),
    st.integers(0, 9),
)
def test_a_mended_text_has_no_leak(parts: list[str], seed: int) -> None:
    key = openai(chance(seed))
    result = fix(" ".join(parts).format(*[key] * len(parts)), Language.TEXT)
    assert scan(result.text, Language.TEXT).leaks == ()
    # Joined to a letter it is no key, and is let be.
    assert key not in result.text or any(part.startswith("é") for part in parts)


@given(
    st.text(st.characters(exclude_characters="\0"), max_size=100),
    st.sampled_from([None, Language.PYTHON, Language.ENV, Language.TEXT]),
)
def test_any_text_can_be_mended(text: str, language: Language | None) -> None:
    result = fix(text, language)
    assert scan(result.text, language).leaks == ()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_keys_in_f_strings_in_f_strings_all_go(depth: int) -> None:
    text = "x"
    for mark in ("'", '"', '"""')[:depth]:
        text = f"f{mark}{{{text}}} {openai(chance(len(text)))}{mark}"
    result = fix(f"y = {text}", Language.PYTHON)
    ast.parse(result.text)
    assert scan(result.text, Language.PYTHON).leaks == ()
    assert "sk-" not in result.text


def test_where_no_call_helps_names_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.secrets.leaks.fixing.CALLS", 0)
    result = fix(f"x = '{KEY}'\ny = f'{{x}} {KEY}'\nz = b'a {TOKEN}'", Language.PYTHON)
    assert result.text == "x = '<OPENAI_API_KEY>'\ny = f'{x} <OPENAI_API_KEY>'\nz = b'a <HF_TOKEN>'"


def test_a_text_without_a_leak_stays_as_it_is() -> None:
    result = fix("x = 1\n", Language.PYTHON)
    assert (result.text, result.variables, result.env_example) == ("x = 1\n", (), "")
    assert result.notes == (NOTHING,)


def test_a_broken_program_loses_its_keys_too() -> None:
    result = fix(f"import os\nx = ('{KEY}'\ny = '{TOKEN}'", Language.PYTHON)
    check(result, [KEY, TOKEN])
    assert "'<X>'" in result.text or "'<OPENAI_API_KEY>'" in result.text


def test_a_private_key_of_many_lines_goes_whole() -> None:
    key = pem(chance(3))
    result = fix(f'KEY = """{key}\n"""\n', Language.PYTHON)
    assert "BEGIN" not in result.text
    assert not any(line in result.text for line in key.splitlines())
    joined = "\n".join(f'    "{line}\\n"' for line in key.splitlines())
    result = fix(f"KEY = (\n{joined}\n)\n", Language.PYTHON)
    assert not any(line in result.text for line in key.splitlines())
    ast.parse(result.text)


def test_of_a_env_the_names_are_left() -> None:
    text = (
        f"# Keys, such as {TOKEN}\nexport A={KEY}\nB='{TOKEN}' # {TOKEN}\n\nC=plain\nno assignment\nA={KEY}\n"
    )
    result = fix(text, Language.ENV)
    check(result, [KEY, TOKEN])
    assert result.text == "# Keys, such as <HF_TOKEN>\nexport A=\nB=\n\nC=\nA=\n"
    assert result.variables == ("A", "B", "C")
    assert result.env_example == "A=\nB=\nC=\n"
    assert result.notes[0] == KEEP_OUT
    assert "1 lines are left out" in result.notes[1]
    assert set(dotenv_values(stream=io.StringIO(result.text)).values()) == {""}


@given(
    st.lists(
        st.sampled_from(["A=K", "B='K'", "# K", "C=a # K", 'D="x\nK"', "K", "K=1", "", "export E=K"]),
        max_size=6,
    )
)
def test_a_mended_env_has_no_leak(lines: list[str]) -> None:
    text = "\n".join(lines).replace("K", huggingface(chance(5)))
    check(fix(text, Language.ENV), [huggingface(chance(5))])


def test_a_notebook_is_mended_in_its_sources_and_loses_the_outputs_that_showed_a_key() -> None:
    text = notebook(
        markdown(f"Use {KEY}"),
        code(["%%time\n", f"api_key = '{KEY}'\n"], stream("fine\n"), stream(f"key {KEY}\n")),
        code(
            f"!export A={TOKEN}\nf('{TOKEN}', '{KEY}')",
            failure("no", f"\x1b[31m{KEY}\x1b[0m"),
            result(image_png="iVBOR"),
        ),
        code("print(1)", stream("1\n")),
        tags=["a", KEY],
    )
    fixed = fix(text)
    check(fixed, [KEY, TOKEN])
    cells = json.loads(fixed.text)["cells"]
    name = fixed.variables[0]
    assert cells[0]["source"] == [f"Use <{name}>"]
    assert "".join(cells[1]["source"]) == f'%%time\nimport os\n\napi_key = os.getenv("{name}")\n'
    assert [output["text"] for output in cells[1]["outputs"]] == [["fine\n"]]
    assert cells[2]["source"] == f'!export A=<HF_TOKEN>\nf(os.getenv("HF_TOKEN"), os.getenv("{name}"))'
    assert [output["output_type"] for output in cells[2]["outputs"]] == ["execute_result"]
    assert cells[3] == json.loads(text)["cells"][3]
    assert REVOKE in fixed.notes
    assert any("cell 2, 3" in note for note in fixed.notes)


@given(
    st.lists(
        st.tuples(st.sampled_from(STATEMENTS), st.sampled_from(["%time 'K'", "", "!x 'K"]), st.booleans()),
        max_size=4,
    )
)
@settings(max_examples=50, deadline=None)
def test_a_mended_notebook_is_one_and_has_no_leak(cells: list[tuple[str, str, bool]]) -> None:
    sources = [f"{magic}\n{program(statement, TOKEN, 'n')}" for statement, magic, _ in cells]
    made = [
        code(source.replace("'K", f"'{TOKEN}"), *[stream(TOKEN)] * shown)
        for source, (_, _, shown) in zip(sources, cells, strict=True)
    ]
    fixed = fix(notebook(*made), Language.NOTEBOOK)
    check(fixed, [TOKEN])
    assert len(json.loads(fixed.text)["cells"]) == len(cells)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_examples_can_be_mended(example: Example) -> None:
    result = fix(example.text)
    assert scan(result.text).leaks == ()
    assert scan(result.text, example.language).leaks == ()


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(LeakError):
        fix("a" * 2**21)


def test_more_leaks_than_are_listed_are_all_taken_out() -> None:
    keys = [openai(chance(seed)) for seed in range(250)]
    result = fix("\n".join(f"f('{key}', '{draw(chance(0), 4)}')" for key in keys), Language.PYTHON)
    assert not any(key in result.text for key in keys)
    assert len(result.variables) == 250


MARKS = "&,;!#%+*-_.:/=?@^~|$>)"
# A tail with a digit is no word of a program or of a note; what begins with a sign or a number may be a sum.
PASSWORDS = st.builds(
    lambda left, right: f"{left}Tq7{right}",
    st.text(BASE62 + MARKS, max_size=12),
    st.text(BASE62 + MARKS, min_size=8, max_size=16),
).filter(lambda value: len(set(value)) >= 10 and value[0].isalpha() and any(map(str.isdigit, value[-4:])))
PLACES = (
    "db:\n  password: P",
    "db:\n  password: P\n  user: u",
    "a password: P of words",
    "host=h password=P dbname=x",
    'curl -H "Authorization: Bearer P" https://x.io/',
    "curl -H 'X-Auth-Token: P' https://x.io/",
    "curl -u user:P https://x.io",
    "curl --user 'user:P' https://x.io",
    'c("host=h password=P dbname=x")',
    "c('host=h password=P dbname=x')\n# why P",
    'password = "P"\nprint("is P")  # P',
    'x = 1\n"""P"""\nf(auth=("u", "P"))\n',
    "note P\npassword: P\nP and xP9",
    "import os\npassword='P'\nd = {'P': b'a P b'}\n",
)


def is_found(value: str) -> bool:
    # The marks at its end are read as its sentence's where it is not in quotes.
    texts = [
        f'{name} = "{each}"' for name in ("password", "token") for each in (value, value.rstrip(".:!?,;)>"))
    ]
    return all(len(scan(text, Language.PYTHON).leaks) == 1 for text in texts)


def has_tail(text: str, value: str) -> bool:
    # A longer tail ends with the shortest.
    return value[-4:] in text


@given(st.sampled_from(PLACES), PASSWORDS, st.sampled_from([None, Language.TEXT]))
@settings(max_examples=400, deadline=None)
def test_no_found_value_is_left_and_no_tail_of_it(place: str, value: str, language: Language | None) -> None:
    assume(is_found(value) and not has_tail(place, value))
    result = fix(place.replace("P", value), language)
    assert value not in result.text
    assert not has_tail(result.text, value)
    assert not has_tail(repr(result), value)


@given(PASSWORDS)
@settings(max_examples=60, deadline=None)
def test_no_found_value_is_left_in_a_notebook(value: str) -> None:
    text = notebook(
        markdown(f"Use {value} here"),
        code(f'password="{value}"\nprint(password)', stream(f"{value}\n"), stream("fine\n")),
        code("f()", result(text_html=f"<b>{value}</b>"), failure("no", f"at {value}")),
        title=value,
        names={value: 1},
    )
    assume(is_found(value) and not has_tail(notebook(code("password print fine nbformat")), value))
    fixed = fix(text)
    assert value not in fixed.text
    assert not has_tail(fixed.text, value)
    assert json.loads(fixed.text)["cells"][1]["outputs"][0]["text"] == ["fine\n"]


@pytest.mark.parametrize("value", ["Tr0ub4dor" + "&3xyz9", "Tr0ub4dor" + "&3xyzlonger" + "Q7"])
@pytest.mark.parametrize("place", PLACES)
def test_a_password_with_an_ampersand_goes_whole(place: str, value: str) -> None:
    result = fix(place.replace("P", value))
    assert not any(value[start : start + 4] in repr(result) for start in range(len(value) - 3))


@given(st.integers(0, 10**6))
def test_in_a_urls_query_the_value_ends_at_the_next(seed: int) -> None:
    value = draw(chance(seed), 24)
    assume(is_found(value))
    result = fix(f"see https://a.io/x?user=me&api_key={value}&page=2", Language.TEXT)
    assert result.text == "see https://a.io/x?user=me&api_key=<API_KEY>&page=2"


def test_a_key_that_is_a_name_too_is_in_no_name() -> None:
    canary = "CANARY" + draw(chance(9), 32)
    key = "sk-" + f"proj-{canary}"
    name = key.replace("-", "_")
    for language in (Language.PYTHON, Language.ENV, Language.TEXT, None):
        for space in ("", " "):
            result = fix(f'{name}{space}={space}"{key}"\n', language)
            assert "canary" not in repr(result).lower()
    env = fix(f"{name}={key}\nSECRET_1=a\n{name}=b\n", Language.ENV)
    assert env.text == "SECRET_2=\nSECRET_1=\nSECRET_2=\n"
    assert env.variables == ("SECRET_2", "SECRET_1")
    program = fix(f'{name} = "{key}"\nf({name})\n', Language.PYTHON).text
    assert program == 'import os\n\nOPENAI_API_KEY = os.getenv("OPENAI_API_KEY")\nf(OPENAI_API_KEY)\n'


def test_a_env_comment_loses_the_copy_of_a_value() -> None:
    result = fix("# was hunter2xyz\nDB_PASSWORD=hunter2xyz\nhunter2xyz=1\n", Language.ENV)
    assert result.text == "# was <DB_PASSWORD>\nDB_PASSWORD=\nSECRET_1=\n"
