"""A configuration that names code needs trust, however it is written; what only looks like one does not."""

import json

import pytest

from core.pickles.containers.configs import named_code
from core.pickles.scan import scan
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from core.pickles.walk import CHUNK
from tests.core.pickles.samples import zipped

FUNCTION = {"module": "builtins", "class_name": "function", "config": "exec"}
CODE = {
    "module": [
        json.dumps({"module": "keras", "class_name": "Model", "layers": [FUNCTION]}),
        '{"module": "subprocess", "class_name": "Popen", "config": {"args": "echo"}}',
        '{"class_name": "Popen", "module"' + " " * 5_000 + ':"subprocess"}',
        '{"class_name": "Popen", "module":\n\n  "kerastic"}',
    ],
    "Lambda": [
        '{"class_name": "Lambda"}',
        '{"class_name": "\\u004cambda"}',
        '{"class\\u005fname": "Lambda"}',
        '{"class_name": "Dense", "config": {"activation": {"class_name": "__lambda__"}}}',
        "- class_name: 'Lambda'\n",
    ],
    "py/": [
        '{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["echo"]}]}',
        '{"py\\/object": "a.B"}',
    ],
    "__loader__": ['{"__class__": "system", "__module__": "os", "__loader__": "TypeNode"}'],
    "_target_": ['{"model": {"_target_": "os.system"}}', "model:\n  _target_: os.system\n"],
    "auto_map": ['{"auto_map": {"AutoModel": "modeling.Model"}}'],
    "chat_template": ['{"chat_template": "{{ messages }}"}'],
    "!!python": [
        "a: !!python/object/apply:os.system [echo]\n",
        '!<tag:yaml.org,2002:python/object/apply:os.system> ["echo"]\n',
        '%TAG !p! tag:yaml.org,2002:python/\n---\n!p!object/apply:os.system ["echo"]\n',
        '!!python%2Fobject/apply:os.system ["echo"]\n',
        '- !!pyth%6fn/object/apply:os.system ["echo"]\n',
        "!<tag:yaml.org%2C2002:pytho%6e/name:os.system>\n",
    ],
}
PLAIN = [
    '{"module": "keras.layers", "class_name": "Dense", "config": {"name": "a"}}',
    '{"module": null, "class_name": "Dense"}',
    '{"class_name": "Dense", "config": {"activation": "relu"}}',
    '{"module": "os"}',
    '{"name": "Lambda"}',
    '{"chat_template": null}',
    '{"a/py/object": 1}',
    "a: !!str text\nb: ! 50%\n",
    "Look !<b>here</b>, 100%20\n",
    "the _target_ of a test\n",
]


@pytest.mark.parametrize(("subject", "text"), [(key, text) for key, texts in CODE.items() for text in texts])
def test_code_that_a_configuration_names_is_found(subject: str, text: str) -> None:
    assert [found for found, _ in named_code(Span.of(text.encode()))] == [subject]
    report = scan(text.encode(), "config.json")
    assert report.verdict is Verdict.NEEDS_TRUST
    assert [finding.subject for finding in report.findings] == [subject]
    packed = scan(zipped({"metadata.json": b"{}", "config.json": text.encode()}), "model.keras")
    assert packed.verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_configuration_is_data_only(text: str) -> None:
    assert list(named_code(Span.of(text.encode()))) == []
    assert scan(text.encode(), "config.json").verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("place", [0, CHUNK - 40, CHUNK - 8, CHUNK, 3 * CHUNK - 12])
def test_it_is_found_wherever_it_stands_in_a_long_text(place: int) -> None:
    text = b"\n".ljust(place, b"x") + b'\n{"py/reduce": 1} "Lambda" ' + b"y" * CHUNK + b' "class_name": 1'
    assert {found for found, _ in named_code(Span.of(text))} == {"py/", "Lambda"}
