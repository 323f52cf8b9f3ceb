"""A text is read as its language says, or as plain text with a note."""

import pytest

from core.secrets.leaks.document import NOT_PYTHON, read
from core.secrets.leaks.leak import Language
from tests.core.secrets.leaks.notebooks import code, markdown, notebook, stream


@pytest.mark.parametrize("language", [Language.PYTHON, Language.ENV, Language.TEXT])
def test_other_texts_are_one_section(language: Language) -> None:
    document = read("a = 1\nb = 2", language)
    assert [section.text for section in document.sections] == ["a = 1\nb = 2"]
    assert document.lines == 2
    assert document.notes == ()


@pytest.mark.parametrize("text", ["x = (", "\0", "x = '\ud800' \ud800", "(" * 3000])
def test_a_program_that_python_cannot_read_is_read_as_text_and_says_so(text: str) -> None:
    document = read(text, Language.PYTHON)
    assert document.notes == (NOT_PYTHON,)
    assert document.sections[0].python is None
    assert [each.text for each in document.sections[0].passages] == [text]


def test_a_notebook_has_a_section_for_each_text() -> None:
    document = read(
        notebook(markdown("a\nb"), code("x = 1", stream("c\n")), code("x = (")), Language.NOTEBOOK
    )
    named = [(section.text, section.python is not None) for section in document.sections]
    assert ("a\nb", False) in named
    assert ("x = 1", True) in named
    assert ("c\n", False) in named
    assert document.lines == 4
    assert document.notes == (f"Cell 3: {NOT_PYTHON}",)


def test_the_cells_of_another_language_are_text() -> None:
    document = read(
        notebook(code("x <- 1"), code("%%bash\nls"), kernelspec={"language": "R"}), Language.NOTEBOOK
    )
    assert all(section.python is None for section in document.sections)
    assert document.notes == ()
