"""`.env` text: read as python-dotenv reads it, never expanded, bounded, with problems that quote nothing."""

import io
import logging
from collections.abc import Callable

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.env_text import (
    MAX_LINES,
    MAX_PROBLEMS,
    MAX_SPACES,
    SAMPLE,
    EnvProblem,
    EnvText,
    EnvTextError,
    decode,
    has_reference,
    read_env_text,
    statements,
)

CANARY = "canary-4f1c09d2"
PIECES = (
    "A",
    "B",
    "KEY",
    "=",
    "=",
    "'",
    '"',
    "\\",
    " ",
    "#",
    "\n",
    "\n",
    "\t",
    "${A}",
    "export ",
    "é",
    "1",
    "\u2028",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def problems(text: str | bytes) -> list[tuple[int, str]]:
    return [(problem.line, problem.said) for problem in read_env_text(text).problems]


def refused(read: Callable[[], EnvText]) -> str:
    with pytest.raises(EnvTextError) as caught:
        read()
    assert caught.value.__context__ is None, "an error that it carries along could hold the text"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(TEXTS)
def test_every_value_is_the_one_of_python_dotenv(text: str) -> None:
    expected = dotenv_values(stream=io.StringIO(text), interpolate=False)
    source = read_env_text(text).source
    assert {name: source.get(name) for name in expected} == expected
    assert repr(source) == f"<Source .env: {len(expected)} names>"
    assert all(name in source for name in expected)


@given(TEXTS)
def test_every_problem_is_in_a_line_of_the_text(text: str) -> None:
    for line, said in problems(text):
        assert 0 <= line <= text.count("\n") + 1
        assert said.endswith((".", "?"))
        assert "\n" not in said


@given(TEXTS)
def test_dropped_statements_are_the_ones_of_which_python_dotenv_warns(text: str) -> None:
    records: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keeping()
    logger = logging.getLogger("dotenv.main")
    logger.addHandler(handler)
    try:
        dotenv_values(stream=io.StringIO(text), interpolate=False)
    finally:
        logger.removeHandler(handler)
    assert len(records) == sum(bool(statement.wrong) for statement in statements(decode(text)))


def test_nothing_is_logged_and_nothing_is_quoted(caplog: pytest.LogCaptureFixture) -> None:
    text = (
        f"A='{CANARY}\nB={CANARY} #{CANARY}\n{CANARY}\nC D={CANARY}\n={CANARY}\nE=${{{CANARY}}}\n"
        f'E="{CANARY}" {CANARY}\nF="{CANARY}\nG={CANARY}" {CANARY}\nH="{CANARY}\nG={CANARY}"\n'
    )
    with caplog.at_level(logging.DEBUG):
        found = read_env_text(text)
    assert caplog.text == ""
    assert len(found.problems) >= 9
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nexport B=2\nC = 3\n\n# note\nD='x' # note\nE=x # note\nF=a#b\nG=\nH= # note\nI=#x\n", []),
        ('A=1\nB="x\nC=2\n', [(2, "It opens a quote that is never closed: python-dotenv drops it")]),
        ("B='x\n", [(1, "It opens a quote that is never closed")]),
        ('\n\nB="x" y\n', [(3, "It goes on after the closing quote")]),
        (
            'A="1\n2\n3" x\n\nB\n',
            [(1, "It goes on after the closing quote, 3 lines on: "), (5, "A word without =")],
        ),
        ('A="1\nB=2\nC="\n', [(1, "Its value goes over several lines, one of them like NAME=value")]),
        ('A="1\n2=3\n"\n', []),
        ("A B=1\n", [(1, "It has a space in its name")]),
        ("just words\n", [(1, "It is not NAME=value")]),
        ("=1\n", [(1, "It has no name before the =")]),
        ("'A=1\n", [(1, "It has a quote around its name that is never closed")]),
        ("A\n", [(1, "A word without =: python-dotenv sets nothing. Write NAME= for an empty value.")]),
        ("1A=1\nA-B=1\n", [(1, "A name has only letters, digits and _"), (2, "A name has only letters")]),
        (
            "A=1\nB=2\nA=3\nA=4\n",
            [(3, "A is in line 1 too: the later one"), (4, "A is in line 3 too: the later")],
        ),
        ("A=x #y\n", [(1, "What follows the space and # is a comment")]),
        ("A= #y\n", [(1, "What follows the space and # is a comment")]),
        ("A='x #y' #z\n", []),
        ("A=${B}\n", [(1, "python-dotenv would expand ${...} from the environment")]),
        ("A='${B:-c}'\n", [(1, "python-dotenv would expand ${...}")]),
        ("A=$B ${ }{\nC=${\n", [(1, "python-dotenv would expand ${...}")]),
        (
            "A=1\r\nB\r\nC D=1\r\nE\r\n",
            [(2, "A word without ="), (3, "It has a space in its name"), (4, "A word without =")],
        ),
        ("A=1\rB\r", [(2, "A word without =")]),
    ],
)
def test_what_will_not_do_what_it_looks_like_is_said(text: str, said: list[tuple[int, str]]) -> None:
    found = problems(text)
    assert len(found) == len(said)
    for (line, full), (expected_line, start) in zip(found, said, strict=True):
        assert (line, full[: len(start)]) == (expected_line, start)


def test_names_are_in_the_order_of_the_text_each_once() -> None:
    assert read_env_text("B=1\nA\nexport C=2\nB=3\n").names == ("B", "A", "C")


def test_a_key_that_is_pasted_alone_is_no_name() -> None:
    for key in ("sk-" + "proj-" + "a" * 40, "gh" + "p_" + "aB3" * 12, "aB3" * 20 + "=="):
        found = read_env_text(f"{key}\n")
        assert found.names == ()
        assert found.problems
        assert key.rstrip("=") not in repr(found)


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert read_env_text("A=1\n".encode("utf-8-sig")).source.get("A") == "1"
    assert read_env_text("\ufeffA=1\nB\n").names == ("A", "B")
    assert problems("\ufeffA=1\nB\n")[0][0] == 2


def test_values_go_over_lines_and_lines_are_counted_on() -> None:
    found = read_env_text('A="1\n2\r\n3"\nB\n')
    assert found.source.get("A") == "1\n2\n3"
    assert found.problems[0].line == 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"A={CANARY}".encode("utf-16"), "The file is UTF-16: save it as UTF-8."),
        (b"\xfe\xff" + f"A={CANARY}".encode("utf-16-be"), "The file is UTF-16: save it as UTF-8."),
        (f"A={CANARY}".encode("utf-32"), "The file is UTF-32: save it as UTF-8."),
        (
            f"A={CANARY}".encode("utf-16-le"),
            "Line 1 has a NUL character, so this is no text: save it as UTF-8.",
        ),
        (f"A=1\r\nB={CANARY}\0", "Line 2 has a NUL character, so this is no text: save it as UTF-8."),
        (f"A={CANARY}é".encode("latin-1"), "The file is not UTF-8 (byte 18): save it as UTF-8."),
        (
            f"A={CANARY}\ud800",
            "The text has half of a character (a lone surrogate): paste it again, as UTF-8.",
        ),
        ("A=" + "x" * 10 * 2**20, "The text is larger than 1 MiB: expected a short .env file."),
        (b"A=" + b"x" * 10 * 2**20, "The text is larger than 1 MiB: expected a short .env file."),
        ("é" * 2**19 + "x", "The text is larger than 1 MiB: expected a short .env file."),
        (
            "".join(f"KEY_{number}=x\n" for number in range(10_000)),
            "The text has more than 2,000 names: expected",
        ),
        ("\n" * (MAX_LINES + 1), "The text has more than 20,000 lines: expected a short .env file."),
        ("A=1\nB=x" + " " * 10**6 + "y", "Line 2 has more than 200 spaces in a row: take them out."),
    ],
)
def test_what_is_no_short_text_is_refused_in_one_line(data: str | bytes, said: str) -> None:
    message = refused(lambda: read_env_text(data))
    assert message.startswith(said)
    assert CANARY not in message


def test_the_bounds_are_inclusive_and_can_be_set() -> None:
    assert read_env_text("".join(f"KEY_{number}=\n" for number in range(2_000))).names[-1] == "KEY_1999"
    assert read_env_text("A=" + "x" * (2**20 - 2)).names == ("A",)
    assert read_env_text("A=x" + " " * MAX_SPACES + "y").source.get("A") == "x" + " " * MAX_SPACES + "y"
    assert "larger than 3 bytes" in refused(lambda: read_env_text("A=12", max_bytes=3))
    assert "larger than 2 KiB" in refused(lambda: read_env_text("A=" + "1" * 2**11, max_bytes=2**11))
    assert "more than 1 names" in refused(lambda: read_env_text("A=1\n?? ?\nB=1", max_names=1))
    assert read_env_text("A=1\n?? ?\nA=2", max_names=1).names == ("A",)


@pytest.mark.parametrize(
    "text",
    ["A='\n" * 5_000, 'A="\\\n' * 5_000, "a " * 2**19, "'" * 2**20, "A=" + "${" * 2**18, "x\n" * MAX_LINES],
)
def test_hostile_text_within_the_bounds_is_read(text: str) -> None:
    assert len(read_env_text(text).problems) <= MAX_PROBLEMS + 1


def test_more_problems_than_one_reads_are_counted() -> None:
    found = read_env_text("no name\n" * (MAX_PROBLEMS + 7)).problems
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == EnvProblem(0, "There are 7 further problems.")


@pytest.mark.parametrize(
    ("value", "expected"), [("${A}", True), ("x${A:-b}", True), ("$A", False), ("}${", False), ("", False)]
)
def test_a_reference_is_what_python_dotenv_expands(value: str, expected: bool) -> None:
    assert has_reference(value) is expected


def test_the_sample_has_no_problem() -> None:
    assert read_env_text(SAMPLE).problems == ()
