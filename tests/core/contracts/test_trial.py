"""A report is read strictly: it is a stranger's text, and nothing that it says breaks anything."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts import Check, Moment, Trial, read_trial, trial_program
from core.contracts.trial import MAX_REPORT_BYTES
from core.sandbox.result import Limit, SandboxResult
from tests.core.contracts.test_examination import ARTICLE
from tests.core.contracts.trials import in_sandbox, on_host, verdicts

VERDICT = {
    "class": "A", "interface": "I", "line": 3, "check": "ABC", "passes": False, "moment": "instantiation",
    "reason": "TypeError: no", "missing": ["f"],
}  # fmt: skip
DUCK = VERDICT | {"check": "duck typing", "passes": True, "moment": "", "missing": []}
LATE = {
    "class": "A", "interface": "I", "line": 3, "late": "production", "why": "it waits",
    "checks": ["ABC", "duck typing"],
}  # fmt: skip
PLACE = {"place": 7, "column": 3, "text": "x = 1 / 0"}
END = {"end": True, "problem": ""}
DAMAGED = "the program itself has changed it"


def read(*lines: Any, limit: Limit | None = None, crash: str = "") -> Trial:  # noqa: ANN401 - any JSON
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return read_trial(SandboxResult("out", "", 0, limit, 1, 0.1, None, data, crash))


def raw(data: bytes) -> Trial:
    return read_trial(SandboxResult("out", "", 0, None, 1, 0.1, None, data))


def test_a_whole_report_is_read() -> None:
    found = read({"python": "3.12.0"}, VERDICT, DUCK, LATE, END)
    assert (found.python, found.output, found.problem) == ("3.12.0", "out", "")
    (tried,) = found.classes
    abc, duck = tried.verdicts
    assert (abc.check, abc.passes, abc.moment) == (Check.ABC, False, Moment.INSTANTIATION)
    assert dict(abc.wordings)["3.11"] == "Can't instantiate abstract class A with abstract method f"
    assert (duck.passes, duck.moment) == (True, Moment.PRODUCTION)
    assert duck.reason == "TypeError: no; in production, it waits."


def test_what_came_before_a_limit_is_shown_and_the_limit_is_told() -> None:
    found = read({"python": "3.12.0"}, VERDICT, DUCK, limit=Limit.TIME)
    assert len(found.classes[0].verdicts) == 2
    assert "took longer than a run may" in found.problem
    assert found.classes[0].verdicts[1].moment is Moment.FIRST_CALL


def test_half_a_line_at_the_end_is_what_a_stopped_run_leaves() -> None:
    data = json.dumps({"python": "3.12.0"}).encode() + b"\n" + json.dumps(VERDICT).encode()[:20]
    found = raw(data)
    assert found.python == "3.12.0"
    assert found.classes == ()
    assert "ended the run before the trial was over" in found.problem


def test_a_crash_of_the_interpreter_is_told_in_one_line() -> None:
    assert read(crash="a trap\nin it").problem == "The interpreter itself broke down: a trap in it"


@pytest.mark.parametrize(
    "line",
    [
        [], 3, "text", {}, {"python": 3}, {"python": "3" * 41}, VERDICT | {"more": 1},
        VERDICT | {"passes": 1},
        VERDICT | {"check": "other"}, VERDICT | {"moment": "later"}, VERDICT | {"line": -1},
        VERDICT | {"line": True}, VERDICT | {"line": 1.5}, VERDICT | {"missing": "f"},
        VERDICT | {"missing": [1]}, VERDICT | {"missing": ["f"] * 201}, VERDICT | {"reason": "r" * 501},
        VERDICT | {"class": ["A"]}, {"end": True}, LATE | {"late": "soon"}, LATE | {"checks": "ABC"},
        LATE | {"checks": ["other"]}, LATE | {"checks": ["ABC"] * 5}, PLACE | {"place": "7"},
        PLACE | {"column": True}, PLACE | {"text": None}, {"end": True, "problem": None},
    ],
    ids=repr,
)  # fmt: skip
def test_a_line_that_the_trial_does_not_write_ends_the_reading(line: Any) -> None:  # noqa: ANN401 - any JSON
    found = read({"python": "3.12.0"}, VERDICT | {"class": "B"}, line, VERDICT, END)
    assert DAMAGED in found.problem
    assert [tried.name for tried in found.classes] == ["B"]


def test_a_verdict_said_twice_or_after_the_end_is_damage() -> None:
    assert DAMAGED in read(VERDICT, VERDICT).problem
    assert DAMAGED in read(END, VERDICT).problem


@pytest.mark.parametrize(
    "data", [b"\xff\n", b"[" * 10_000 + b"\n", b"{}" * MAX_REPORT_BYTES, b"\n", b"NaN\n"]
)
def test_bytes_that_are_no_report_are_damage(data: bytes) -> None:
    assert DAMAGED in raw(data).problem


def test_characters_that_do_not_show_are_blanks() -> None:
    (tried,) = read(VERDICT | {"reason": "a\nb\x1b[31mc\u202ed"}, END).classes
    assert tried.verdicts[0].reason == "a b [31mc d"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.one_of(
    JSON,
    st.tuples(st.sampled_from([VERDICT, LATE, END, DUCK, PLACE]),
        st.sampled_from(sorted({*VERDICT, *LATE, *PLACE})), JSON).map(
        lambda made: dict(made[0]) | {made[1]: made[2]}
    ),
), max_size=6))  # fmt: skip
def test_no_report_breaks_the_reading(lines: list[Any]) -> None:
    found = read(*lines)
    assert "\n" not in found.problem
    for tried in found.classes:
        for verdict in tried.verdicts:
            assert verdict.reason.isprintable()
            assert isinstance(verdict.moment, Moment)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    assert isinstance(raw(data), Trial)
    assert {each.name for each in fields(Trial)} == {
        "classes", "python", "output", "problem", "result", "errors", "places"
    }  # fmt: skip


def test_the_program_and_its_files_hold_the_module_as_it_is() -> None:
    program, files = trial_program("x = 'é'\n")
    assert files["contract.py"] == "x = 'é'\n".encode()
    assert b"contract" not in program.replace(b"core.contracts", b"")
    assert all(data or name.endswith("__init__.py") for name, data in files.items())


def test_the_sandbox_tries_the_article_s_pair() -> None:
    found = in_sandbox(ARTICLE)
    assert found.python == "3.12.0"
    assert not found.problem
    refused = verdicts(found)["RobustPredictor", "CustomModelInterface", Check.ABC]
    assert refused.reason == f"TypeError: {dict(refused.wordings)['3.12+']}"
    late = verdicts(found)["IncompletePredictor", "BrittlePredictor", Check.DUCK]
    assert "Subclasses must implement this method!" in late.reason
    assert "(line 5)" in late.reason


CONTRACT = "from abc import *\nclass I(ABC):\n    @abstractmethod\n    def f(self, x): ...\n"


@pytest.mark.parametrize(
    ("module", "problem", "classes"),
    [
        ("def f(:\n", "This is no Python 3.12 in line 1: invalid syntax", []),
        (CONTRACT + "class A(I): pass\n1 / 0\nclass B(I): pass\n", "at line 6: ZeroDivisionError", ["A"]),
        (CONTRACT + "class A(I): pass\nraise SystemExit(3)\n", "stopped at line 6: SystemExit: 3", ["A"]),
        (CONTRACT + "import os\nclass A(I): pass\nos._exit(0)\n", "ended the run before", []),
        (CONTRACT + "class A(I): pass\nwhile True: pass\n", "more instructions than a run may", []),
        (CONTRACT + "class A(I): pass\nwhile True: print('x' * 1000)\n", "printed more than a run may", []),
        (CONTRACT + "class A(I):\n    def f(self, x):\n        while 1: pass\n", "more instructions", ["A"]),
        (CONTRACT + "import json\njson.dumps = None\nclass A(I): pass\n", "ended the run before", []),
        ("x = '\x00'", "null bytes", []),
    ],
    ids=["syntax", "import", "exit", "leaves", "loop", "prints", "loops later", "breaks json", "null"],
)  # fmt: skip
def test_a_program_that_breaks_off_keeps_what_was_found(
    module: str, problem: str, classes: list[str]
) -> None:
    found = in_sandbox(module)
    assert problem in found.problem
    assert [tried.name for tried in found.classes] == classes
    if problem == "more instructions":
        checks = [each.check for each in found.classes[0].verdicts]
        assert checks == [Check.ABC, Check.PROTOCOL, Check.SIGNATURE]


def test_what_the_module_writes_to_stderr_is_kept_apart() -> None:
    found = in_sandbox("import sys\nprint('careful', file=sys.stderr)\nx = '\\d'\nprint('out')\n" + ARTICLE)
    assert found.output.startswith("out\n")
    assert found.errors.count("careful\n") == 1
    assert "SyntaxWarning: invalid escape sequence" in found.errors
    assert not found.problem


def test_what_the_module_prints_is_kept_as_it_is() -> None:
    found = in_sandbox("print('<b>bold</b> *stars*')\n" + ARTICLE)
    assert found.output.startswith("<b>bold</b> *stars*\n")
    assert len(found.classes) == 2


def test_a_program_may_write_a_report_of_its_own_and_only_fools_itself() -> None:
    forged = json.dumps(VERDICT | {"class": "Forged", "passes": True})
    found = in_sandbox(f"import os\nopen('/report', 'w').write({forged!r} + chr(10))\nos._exit(0)\n")
    assert len(found.problem) < 300
    assert all(len(tried.name) < 300 for tried in found.classes)


def test_a_class_that_python_refuses_to_define_is_told() -> None:
    module = CONTRACT.replace(
        "class I(ABC):",
        "class I(ABC):\n    def __init_subclass__(cls): raise TypeError('no ' + cls.__name__)",
    )
    found = on_host(module + "try:\n    class A(I): pass\nexcept TypeError: pass\n")
    assert not found.problem
    for check in Check:
        refused = verdicts(found)["A", "I", check]
        assert (refused.passes, refused.moment) == (False, Moment.DEFINITION)
        assert "no A" in refused.reason
