"""What a program writes to stderr is shown, without the traceback that the page tells by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import sandbox
from core.sandbox.result import GuestError, Limit, SandboxResult
from ui.contracts.stderr import besides_traceback

WARN = "import sys\nprint('a warning', file=sys.stderr)\n"
DEEP = "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\n"
CHAIN = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('no') from error\n"
LATE = "class D:\n    def __del__(self):\n        raise ValueError('v')\nd = D()\nraise ValueError('v')\n"


def beside(program: str) -> str:
    """What is shown of the stderr of a program that is run for real."""
    return besides_traceback(sandbox.run(program))


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "def f():\n    return 1 / 0\nf()\n",
        "raise ValueError('a\\nb')\n",
        "raise ValueError('y' * 700)\n",
        "raise ValueError\n",
        "class Mine(Exception): pass\nraise Mine('no')\n",
        "import json\njson.loads('{')\n",
        "def f(n):\n    return f(n + 1)\nf(0)\n",
        f"{DEEP}f(0)\n",
        "exec('x = (')\n",
    ],
    ids=["none", "frames", "two lines", "long", "no text", "own", "library", "deep", "deeper", "exec"],
)
def test_the_warning_stays_and_the_traceback_that_is_told_goes(ending: str) -> None:
    assert beside(WARN + ending).strip() == "a warning"


def test_of_a_program_that_is_no_python_only_what_the_compiler_warned_of_stays() -> None:
    assert beside("def f(:\n    pass\n") == ""
    assert beside("class A:\n\nx = 1\n") == ""
    said = beside("x = '\\d'\ndef f(:\n    pass\n")
    assert said.startswith("program.py:1: SyntaxWarning: invalid escape sequence")
    assert "SyntaxError" not in said


def test_what_stands_before_the_traceback_in_its_line_stays() -> None:
    assert beside("import sys\nsys.stderr.write('x')\n1 / 0\n") == "x"


def test_a_chain_of_errors_says_more_than_the_last_of_them_and_stays() -> None:
    said = beside(CHAIN)
    assert said.startswith("Traceback")
    assert "ZeroDivisionError" in said
    assert said.rstrip().endswith("ValueError: no")


def test_an_error_that_came_after_the_end_stays_though_it_says_the_same() -> None:
    said = beside(LATE)
    assert said.startswith("Exception ignored in")
    assert said.count("ValueError: v") == 1


def test_what_an_exit_says_stays() -> None:
    assert beside("raise SystemExit('bye')\n").strip() == "bye"


def test_of_a_run_that_was_stopped_all_stays() -> None:
    stderr = 'Traceback (most recent call last):\n  File "program.py", line 1\nA: b\n'
    error = GuestError("A", "b", 1, 1, "")
    assert besides_traceback(SandboxResult("", stderr, 1, None, 1, 0.1, error)) == ""
    assert besides_traceback(SandboxResult("", stderr, None, Limit.TIME, 1, 0.1, error)) == stderr


@given(st.text(), st.text(min_size=1), st.text())
def test_without_a_traceback_of_that_error_all_stays(stderr: str, kind: str, message: str) -> None:
    text = stderr.replace("Traceback", "")
    error = GuestError(kind, message, 1, 1, "")
    assert besides_traceback(SandboxResult("", text, 1, None, 1, 0.1, error)) == text


@given(st.text(alphabet="ab :\n[]", max_size=40), st.text(alphabet="ab :\n", max_size=20))
def test_what_a_visitor_wrote_before_the_traceback_is_never_lost(before: str, message: str) -> None:
    trace = 'Traceback (most recent call last):\n  File "program.py", line 1, in <module>\n    f()\n'
    said = f"ValueError: {message}" if message else "ValueError"
    error = GuestError("ValueError", message, 1, 1, "")
    result = SandboxResult("", f"{before}{trace}{said}\n", 1, None, 1, 0.1, error)
    assert besides_traceback(result).strip("\n") == before.strip("\n")
