"""A notebook's JSON is read within bounds, and every text in it once."""

import json

import pytest

from core.secrets.leaks.leak import LeakError
from core.secrets.leaks.notebook import dump, is_python, parse, printed, slots
from tests.core.secrets.leaks.notebooks import code, failure, markdown, notebook, result, stream


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret = 1", r"line 1, column 1"),
        ('{"cells": [\n"secret",', r"line 2, column 10"),
        ("[" * 100_000, "nested too deep"),
        ('{"cells": ' + "9" * 5000 + "}", "number that is too long"),
        ('{"secret": 1}', "without a list of cells"),
        ('["secret"]', "without a list of cells"),
        ('{"cells": {"secret": 1}}', "without a list of cells"),
        ('{"worksheets": [], "nbformat": 3}', "format 3 or older"),
        ("", "line 1, column 1"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line_that_quotes_nothing(text: str, said: str) -> None:
    with pytest.raises(LeakError, match=said) as refused:
        parse(text)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_every_text_is_read_once_and_pictures_never() -> None:
    text = notebook(
        markdown("one\ntwo"),
        code(
            ["three\n", "four"],
            stream("five\n"),
            result(text_plain=["six"], image_png="iVBOR", image_svg="seven"),
        ),
        code("eight", failure("nine", "ten", "eleven"), result(application_json={"a": [{"b": "twelve"}]})),
        {"cell_type": "raw", "source": "thirteen", "metadata": {"tags": ["fourteen", "fifteen"]}},
        kernelspec={"name": "sixteen"},
    )
    known = list(slots(parse(text)))
    found = [(slot.text, slot.cell, slot.output) for slot in known]
    assert ("one\ntwo", 1, None) in found
    assert ("three\nfour", 2, None) in found
    assert ("five\n", 2, 0) in found
    assert {("six", 2, 1), ("seven", 2, 1), ("nine", 3, 0), ("ten\neleven", 3, 0), ("twelve", 3, 1)} <= set(
        found
    )
    assert {
        ("thirteen", 4, None),
        ("fourteen", 4, None),
        ("fifteen", 4, None),
        ("sixteen", None, None),
    } <= set(found)
    assert not any("iVBOR" in text for text, _, _ in found)
    assert len({(id(slot.holder), slot.key) for slot in known}) == len(known)


@pytest.mark.parametrize(
    "cell", [None, 3, "text", [], {}, {"source": 3}, {"source": [1]}, {"outputs": 3}, {"outputs": [3]}]
)
def test_cells_that_are_none_are_let_be(cell: object) -> None:
    assert list(slots({"cells": [cell]})) is not None


@pytest.mark.parametrize(
    ("metadata", "python"),
    [
        ({}, True),
        ({"language_info": {"name": "python"}}, True),
        ({"kernelspec": {"language": "R"}}, False),
        ({"language_info": {"name": "julia"}}, False),
        ({"language_info": 3, "kernelspec": []}, True),
        (3, True),
    ],
)
def test_the_language_of_the_cells(metadata: object, python: bool) -> None:
    assert is_python({"cells": [], "metadata": metadata}) is python


def test_the_colors_of_a_traceback_are_left_out_of_what_is_read() -> None:
    text = "\x1b[0;31mValueError\x1b[0m: abc\x1b[1m"
    (slot,) = [each for each in slots(parse(notebook(code("", stream(text))))) if each.key == "text"]
    passage = printed(slot)
    assert passage.text == "ValueError: abc"
    assert text[slice(*passage.source(12, 15))] == "abc"


def test_a_text_is_written_back_as_it_was_kept() -> None:
    document = parse(notebook(markdown("a\nb"), code("c")))
    first, second = (slot for slot in slots(document) if slot.source)
    first.put("x\ny\n")
    second.put("z")
    assert document["cells"][0]["source"] == ["x\n", "y\n"]
    assert document["cells"][1]["source"] == "z"


@pytest.mark.parametrize("text", ["é😀", "\\ud800"])
def test_what_is_written_is_json_that_says_the_same(text: str) -> None:
    document = parse(notebook(code(json.loads(f'"{text}"'))))
    written = dump(document)
    assert json.loads(written.encode()) == document
    assert written.endswith("}\n")
