"""A `.env.example` names every variable and holds no real value; no value is in a check; each fix works."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.env_file import Answer
from core.secrets.env_file.example import real_values
from tests.core.secrets.env_file.conftest import Look
from tests.core.secrets.repository import Repository

REAL = "q7Zt" + "R2mX9vLp4KsW8bNd"
OPENAI = "sk-" + "proj-" + "Ab3dE5gH7jK9mN1pQ2sT4vW6yZ8aC0eF" * 2


@pytest.mark.parametrize(
    "line",
    [
        f"API_KEY={REAL}",
        f'export API_KEY="{REAL}"',
        f"  API_KEY = '{REAL}'  # a comment",
        f"DB_PASSWORD={REAL}",
        f"session_secret={REAL}",
        f"OPENAI_API_KEY={OPENAI}",
        f"WHATEVER={OPENAI}",
        "DATABASE_URL=postgresql://app:" + f"{REAL}@db.internal:5432/app",
    ],
)
def test_a_real_value_is_found_and_the_fix_empties_it(bare_folder: Repository, look: Look, line: str) -> None:
    bare_folder.write(".env.example", f"# what the app reads\n\nLOG_LEVEL=INFO\n{line}\nLAST=1\n")
    check = look("example values")
    assert (check.answer, check.good) == (Answer.YES, False)
    name = line.replace("export", "").split("=")[0].strip()
    assert f"These look real: {name}." in check.detail
    assert REAL not in f"{check.detail}{check.fix}"
    assert OPENAI not in f"{check.detail}{check.fix}"
    bare_folder.shell(check.fix)
    assert look("example values").good
    text = (bare_folder.folder / ".env.example").read_text(encoding="utf-8")
    assert "LOG_LEVEL=INFO\n" in text
    assert "LAST=1\n" in text
    assert f"{name}" in text
    assert REAL not in text


@pytest.mark.parametrize(
    "line",
    [
        "API_KEY=",
        "API_KEY",
        "API_KEY=your-key-here",
        "API_KEY=<your key>",
        "API_KEY=changeme",
        "API_KEY=sk-...",
        "API_KEY=xxxxxxxx",
        "API_KEY=${OTHER_KEY}",
        "USE_TOKEN=true",
        "PUBLIC_KEY=abcdefabcdef",
        "LOG_LEVEL=INFO",
        "PORT=8501",
        "DATABASE_URL=sqlite:///app.db",
        "# API_KEY=remark",
    ],
)
def test_placeholders_and_plain_settings_are_fine(bare_folder: Repository, look: Look, line: str) -> None:
    bare_folder.write(".env.example", f"{line}\n")
    check = look("example values")
    assert (check.answer, check.good, check.fix) == (Answer.NO, True, "")


def test_a_value_in_the_place_of_a_name_is_given_by_its_line(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env.example", f"\nFINE=\n{OPENAI}\n")
    check = look("example values")
    assert check.good is False
    assert "line 3" in check.detail
    assert OPENAI not in f"{check.detail}{check.fix}"


def test_a_value_of_several_lines_is_emptied_by_hand(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env.example", f'SECRET="{REAL}\n{REAL}"\nAPI_KEY={REAL}\n')
    check = look("example values")
    assert "These look real: SECRET, API_KEY." in check.detail
    # A command by lines would leave the second one.
    assert check.fix.splitlines()[1:] == ['"${EDITOR:-vi}" .env.example']


def test_without_an_example_no_value_is_in_it(bare_folder: Repository, look: Look) -> None:
    assert (look("example values").answer, look("example values").good) == (Answer.NO, True)
    assert look("example values").question == "Does .env.example hold a real value?"


def test_other_names_for_an_example_are_known(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env.template", f"API_KEY={REAL}\n")
    assert look("example values").question == "Does .env.template hold a real value?"
    assert look("example values").good is False


def test_a_missing_name_is_named_and_the_fix_adds_it_empty(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env", f"API_KEY={REAL}\nLOG_LEVEL=INFO\nEMPTY=\nALONE\n")
    bare_folder.write(".env.example", "LOG_LEVEL=")  # no line break at its end
    check = look("example names")
    assert (check.answer, check.good) == (Answer.NO, False)
    assert "Missing: API_KEY, EMPTY." in check.detail
    assert REAL not in f"{check.detail}{check.fix}"
    bare_folder.shell(check.fix)
    assert look("example names").good
    assert look("example values").good


def test_the_fix_makes_the_example_where_there_is_none(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env", f"API_KEY={REAL}\n")
    bare_folder.shell(look("example names").fix)
    assert (bare_folder.folder / ".env.example").read_text(encoding="utf-8").split() == ["API_KEY="]


def test_without_a_file_its_names_are_unknown(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env.example", "A=\n")
    assert (look("example names").answer, look("example names").good) == (Answer.UNKNOWN, None)


def test_a_line_that_cannot_be_read_makes_the_names_unknown(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env", f'A=1\n\nKEY="{REAL}\nmore{REAL}=\n')
    check = look("example names")
    assert check.answer is Answer.UNKNOWN
    assert "Line 3 of .env" in check.detail
    assert REAL not in check.detail


def test_the_lines_of_an_unquoted_key_file_are_not_shown_as_names(
    bare_folder: Repository, look: Look
) -> None:
    tail = "MIIEvQIBADANBgkqhkiG9w0BAQ=="
    bare_folder.write(".env", f"PEM=-----BEGIN\n{tail}\n-----END\n")
    check = look("example names")
    assert check.good is False
    assert tail.rstrip("=") not in f"{check.detail}{check.fix}"
    assert "1 that could be a value in the wrong place" in check.detail


@pytest.mark.parametrize("file", [".env", ".env.example"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("A=1\n".encode("utf-16"), "it is not UTF-8"),
        (b"A=\xff\n", "it is not UTF-8"),
        (b"A=1\n" * 2**19, "it is longer than 1,048,576 bytes"),
    ],
)
def test_what_cannot_be_read_is_unknown_with_the_reason(
    bare_folder: Repository, look: Look, file: str, data: bytes, reason: str
) -> None:
    bare_folder.write(".env", "A=1\n")
    bare_folder.write(".env.example", "A=\n")
    (bare_folder.folder / file).write_bytes(data)
    assert look("example names").answer is Answer.UNKNOWN
    assert look("example names").detail == f"{file} cannot be read: {reason}."
    if file == ".env.example":
        assert look("example values").detail == f"{file} cannot be read: {reason}."


def test_too_many_lines_are_unknown(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env.example", "\n" * 30_000)
    assert look("example values").answer is Answer.UNKNOWN


def test_a_byte_order_mark_is_no_part_of_a_name(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env", "\ufeffA=1\n")
    bare_folder.write(".env.example", "A=\n")
    assert look("example names").good


@pytest.mark.parametrize("file", [".env", ".env.example"])
def test_a_pipe_is_not_waited_for(bare_folder: Repository, look: Look, file: str) -> None:
    bare_folder.write(".env", "A=1\n")
    bare_folder.write(".env.example", "A=\n")
    (bare_folder.folder / file).unlink()
    os.mkfifo(bare_folder.folder / file)
    assert "not a regular file" in look("example names").detail


def test_the_projects_own_example_holds_nothing_real() -> None:
    text = (Path(__file__).parents[4] / ".env.example").read_text(encoding="utf-8")
    assert real_values(text) == ()


@given(st.lists(st.sampled_from(["A", "B_1", "API_KEY", "LOG"]), max_size=6), st.randoms())
def test_line_numbers_are_those_of_the_text(names: list[str], random: object) -> None:
    lines = [part for name in names for part in ("", f"{name}=", "# remark")]
    text = "\n".join([*lines, f"A-LINE={OPENAI}", ""])
    assert real_values(text) == (f"line {len(lines) + 1}",)
