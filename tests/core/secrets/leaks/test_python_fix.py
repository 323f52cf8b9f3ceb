"""A mended program parses, has no key in it, and with its variables set does what the old one did."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from core.secrets.leaks import Language, fix, scan
from tests.core.secrets.leaks.fakes import aws, chance, draw, huggingface, openai

KEY = openai(chance(1))
TOKEN = huggingface(chance(2))
HEAD, TAIL = KEY[:20], KEY[20:]
AWS = aws(chance(3))


def fixed(source: str) -> str:
    return fix(source, Language.PYTHON).text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f'API_KEY = "{KEY}"', 'import os\n\nAPI_KEY = os.getenv("API_KEY")'),
        (f"apiKey = '{KEY}'", 'import os\n\napiKey = os.getenv("API_KEY")'),
        (f'f("{KEY}")', 'import os\n\nf(os.getenv("OPENAI_API_KEY"))'),
        (f'f(api_key="{KEY}")', 'import os\n\nf(api_key=os.getenv("OPENAI_API_KEY"))'),
        (f'd = {{"k": "{KEY}"}}', 'import os\n\nd = {"k": os.getenv("OPENAI_API_KEY")}'),
        (
            f'd = {{"Authorization": "Bearer {KEY}"}}',
            "import os\n\nd = {\"Authorization\": f\"Bearer {os.getenv('OPENAI_API_KEY')}\"}",
        ),
        (f"x = 'a {{b}} {KEY}'", 'import os\n\nx = f\'a {{b}} {os.getenv("OPENAI_API_KEY")}\''),
        (f'x = f"a {{b}} {KEY}"', "import os\n\nx = f\"a {b} {os.getenv('OPENAI_API_KEY')}\""),
        (f'x = r"\\d {KEY}"', "import os\n\nx = rf\"\\d {os.getenv('OPENAI_API_KEY')}\""),
        (f'x = "\\N{{BULLET}} {KEY}"', "import os\n\nx = f\"\\N{BULLET} {os.getenv('OPENAI_API_KEY')}\""),
        (f'x = "{HEAD}" "{TAIL}"', 'import os\n\nx = os.getenv("X")'),
        (f'x = "{HEAD}" + "{TAIL}"', 'import os\n\nx = os.getenv("X")'),
        (f'x = ("{HEAD}"\n     "{TAIL}")', 'import os\n\nx = (os.getenv("X"))'),
        (f'x = "a {HEAD}" "{TAIL} b"', "import os\n\nx = f\"a {os.getenv('OPENAI_API_KEY')}\" \" b\""),
        (f'x = b"{KEY}"', 'import os\n\nx = os.getenv("X", "").encode()'),
        (f'x = b"a {KEY} b"', 'import os\n\nx = (b"a " + os.getenv("OPENAI_API_KEY", "").encode() + b" b")'),
        (f"def f(k='{KEY}'): return'{KEY}'",
        'import os\n\ndef f(k=os.getenv("OPENAI_API_KEY")): return os.getenv("OPENAI_API_KEY")'),
        (f"x = 1  # {KEY}", "x = 1  # <OPENAI_API_KEY>"),
        (f'"""Use {KEY}."""', '"""Use <OPENAI_API_KEY>."""'),
        (f"match x:\n    case '{KEY}': pass", "match x:\n    case '<OPENAI_API_KEY>': pass"),
        (f"x = f'{{d[\"{KEY}\"]}}'", "import os\n\nx = f'{d[os.getenv(\"OPENAI_API_KEY\")]}'"),
        (
            f"x = f'{{g(\"a {KEY}\")}}'",
            "import os\n\nx = f'{g((\"a \" + os.getenv(\"OPENAI_API_KEY\", \"\")))}'",
        ),
        (f"x = {TOKEN}", "x = HF_TOKEN"),
        ('password = "hunter2x"', 'import os\n\npassword = os.getenv("PASSWORD")'),
        (
            f'import os\nx = "{KEY}"\ny = "{TOKEN}"\nz = "{KEY}"',
            'import os\nx = os.getenv("X")\ny = os.getenv("Y")\nz = os.getenv("X")',
        ),
        (f'os = "{KEY}"', 'import os as _os\n\nos = _os.getenv("OS")'),
        (f'x = "\\x{ord(KEY[0]):x}{KEY[1:]}"', 'import os\n\nx = os.getenv("X")'),
        ('u = "https://app:k3yk3y9z@db.io/x"', "import os\n\nu = f\"https://app:{os.getenv('URL_PASSWORD')}@db.io/x\""),
    ],
)  # fmt: skip
def test_a_program_asks_for_its_key(source: str, expected: str) -> None:
    assert fixed(source) == expected
    ast.parse(expected)


def test_two_keys_have_two_variables_and_the_same_key_one() -> None:
    other = openai(chance(9))
    result = fix(f'f("{KEY}")\ng("{other}")\nh("{KEY}")', Language.PYTHON)
    assert result.variables == ("OPENAI_API_KEY", "OPENAI_API_KEY_2")
    assert result.env_example == "OPENAI_API_KEY=\nOPENAI_API_KEY_2=\n"
    assert result.text.count('"OPENAI_API_KEY")') == 2


# Programs, what gives them their values, and the names whose values are compared.
PROGRAMS = {
    "variable": f'x = "{KEY}"',
    "partly": f'x = "Bearer {KEY}, {{not a field}}"',
    "f-string": f'n = 3\nx = f"{{n:>5}} {KEY} {{n!r}} {{{{braces}}}}"',
    "joined": f'x = ("a {HEAD}"  # why\n     "{TAIL} b" r"\\c{{}}")',
    "sum": f'n = "n"\nx = "a" + n + "{HEAD}" + "{TAIL}" + n',
    "bytes": f'x = b"a\\x00 {KEY} \\xff"',
    "joined bytes": f'x = b"a" b" {HEAD}" b"{TAIL} {{}}"',
    "triple": f'x = """\n  "quoted" \'both\' {KEY}\n\\tend"""',
    "raw": f"x = r'\\N{{DASH}} \\d {KEY}'",
    "escaped": f'x = "\\u00e9 \\N{{BULLET}} \\x41 {KEY}\\n"',
    "format": f'x = "{{}} {KEY} {{{{}}}}".format(1)',
    "percent": f'x = "%s {KEY} %%" % 1',
    "nested": f"d = {{'{KEY}': 1}}\nx = f\"{{d['{KEY}']}} {{'a {KEY}'}}\"",
    "default": f'def f(k="{KEY}"):\n    """{KEY}"""\n    return k\nx = f()',
    "lookup": f'import os\nx = os.environ.get("UNSET_HERE", "{KEY}")',
    "several": f'x, y = "{KEY}", "{TOKEN}"\nz = [x, y, "{AWS}"]\nx = z',
    "future": f'"""Doc."""\nfrom __future__ import annotations\nx = "{KEY}"',
    "shadowed": f'os = "mine"\nx = "{KEY}" + os',
    "keyword": 'password = "hunter2x"\nx = dict(password="hunter2x")',
    "database": f'x = "postgresql://app:{draw(chance(4), 12)}@db:5432/app"',
    "spec": f'x = f"{{1:5}}{KEY}"',
    "late": f'def f():\n    return "{KEY}"\nimport os\nx = f()',
}
RUN = """
import json, sys
found = {}
for name, (source, environ) in json.load(sys.stdin).items():
    import os
    os.environ.clear()
    os.environ.update(environ)
    space = {"__name__": "program"}
    exec(source, space)
    found[name] = repr(space["x"])
print(json.dumps(found))
"""


def run(programs: dict[str, tuple[str, dict[str, str]]]) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def candidates() -> Iterator[str]:
    yield from (KEY, TOKEN, AWS, "hunter2x")
    yield PROGRAMS["database"].partition('"')[2].rstrip('"')


def test_a_mended_program_does_what_it_did_once_its_variables_are_set() -> None:
    mended = {}
    for name, source in PROGRAMS.items():
        result = fix(source, Language.PYTHON)
        # The variables come in the order in which the values first stand in these programs.
        keys = [each for each in candidates() if each in source or (each == KEY and HEAD in source)]
        mended[name] = (result.text, dict(zip(result.variables, keys, strict=False)))
    before = run({name: (source, {}) for name, source in PROGRAMS.items()})
    assert run(mended) == before


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_mended_program_has_no_leak_and_parses(name: str) -> None:
    text = fixed(PROGRAMS[name])
    ast.parse(text)
    assert scan(text).leaks == ()
    for secret in (KEY, HEAD, TAIL, TOKEN, AWS):
        assert secret not in text
