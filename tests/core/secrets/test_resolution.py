"""What load_dotenv() leaves in the environment: compared with real programs that call it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.secrets.declared import SecretKind
from core.secrets.env_text import EnvTextError
from core.secrets.mask import DOTS, Masked
from core.secrets.resolution import MAX_REFERENCES, NOWHERE, Resolved, resolve

CANARY = "canary-4f1c09d2"
# Answers a line with the environment that load_dotenv() leaves, for each case in a line of its input.
PROGRAM = """
import io, json, logging, os, sys
from dotenv import load_dotenv
logging.disable()
for line in sys.stdin:
    case = json.loads(line)
    os.environ.clear()
    os.environ.update(case["process"])
    try:
        stream = io.StringIO(case["text"])
        load_dotenv(stream=stream, override=case["override"], interpolate=case["interpolate"])
    except ValueError:
        pass
    print(json.dumps(dict(os.environ)))
"""
PIECES = (
    "a", "b c", "${A}", "${B}", "${PATH}", "${A:-d}", "${C:-}", "$A", "'", '"', "\\n", "\\", "#", " #x",
    "${", "}", "", " ", "é", "\n", "=",
)  # fmt: skip
VALUES = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
NAMES = st.sampled_from(["A", "B", "C", "PATH"])
LINES = st.one_of(
    st.tuples(NAMES, st.sampled_from(["", "'", '"']), VALUES).map(
        lambda part: f"{part[0]}={part[1]}{part[2]}{part[1]}"
    ),
    NAMES,
    NAMES.map(lambda name: f"export {name} = x"),
    VALUES,
    st.just("'A=B'=x"),
    st.just("PYTHON_DOTENV_DISABLED=1"),
)
CASES = st.fixed_dictionaries(
    {
        "text": st.lists(LINES, max_size=5).map("\n".join),
        "process": st.dictionaries(
            NAMES,
            st.lists(st.sampled_from([piece for piece in PIECES if piece != "\n"]), max_size=3).map("".join),
        )
        | st.just({"PYTHON_DOTENV_DISABLED": "True", "A": "1"}),
        "override": st.booleans(),
        "interpolate": st.booleans(),
    }
)


def program(cases: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in found.stdout.splitlines()]


def unmasked(value: str, *, kind: SecretKind) -> Masked:
    return Masked(value, kind)


def environment(case: dict[str, Any]) -> dict[str, str]:
    """The same from `resolve`, with the mask and the words for odd names out of the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.secrets.resolution.mask", unmasked)
        patch.setattr("core.secrets.resolution.shown_name", str)
        found = resolve(
            case["text"],
            "".join(f"{name}={value}\n" for name, value in case["process"].items()),
            override=case["override"],
            interpolate=case["interpolate"],
        )
    return {row.name: row.masked.text for row in found.rows if row.source != NOWHERE}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(CASES, min_size=60, max_size=60))
def test_the_result_is_the_one_of_a_real_program(cases: list[dict[str, Any]]) -> None:
    for case, expected in zip(cases, program(cases), strict=True):
        assert environment(case) == expected, case


@pytest.mark.parametrize("override", [False, True])
@pytest.mark.parametrize("process", [{}, {"PATH": "/visitor"}])
def test_a_reference_to_path_never_gives_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: bool, process: dict[str, str]
) -> None:
    monkeypatch.setenv("PATH", f"/{CANARY}")
    monkeypatch.setenv("UTH_TEST_CANARY", CANARY)
    text = "X=${PATH}\nY=${UTH_TEST_CANARY}${UTH_TEST_CANARY:-d}\n"
    case = {"text": text, "process": process, "override": override, "interpolate": True}
    # A program of its own, started with these variables and no others, that reads a file.
    (tmp_path / ".env").write_text(text)
    code = (
        "import json, os, dotenv; "
        f"dotenv.load_dotenv({str(tmp_path / '.env')!r}, override={override}); "
        "print(json.dumps(dict(os.environ)))"
    )
    started = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env=process,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    real = {name: value for name, value in json.loads(started.stdout).items() if name in {"X", "Y", "PATH"}}
    assert environment(case) == real == {"X": process.get("PATH", ""), "Y": "d", **process}


def rows(
    text: str, process: str = "", *, override: bool = False, interpolate: bool = True
) -> dict[str, Resolved]:
    found = resolve(text, process, override=override, interpolate=interpolate)
    return {row.name: row for row in found.rows}


def test_which_source_wins_and_which_one_loses() -> None:
    text, process = "A=file\nB=file\nC\nD=\n", "A=process\nE=process\nC=process\nD=process\n"
    plain = {name: (row.source, row.loser) for name, row in rows(text, process).items()}
    assert plain == {
        "A": ("process environment", ".env"),
        "B": (".env", ""),
        "C": ("process environment", ""),
        "D": ("process environment", ".env"),
        "E": ("process environment", ""),
    }
    over = {name: (row.source, row.loser) for name, row in rows(text, process, override=True).items()}
    assert over == plain | {"A": (".env", "process environment"), "D": (".env", "process environment")}


def test_an_empty_process_variable_wins_and_the_note_says_so() -> None:
    row = rows("A=file\n", "A=\n")["A"]
    assert (row.source, row.masked, row.lines) == ("process environment", Masked("", "empty"), 1)
    assert (
        row.note == "override=False: what the process environment has stays, even though it is empty there."
    )


def test_a_name_without_equals_is_not_set() -> None:
    row = rows("A\n")["A"]
    assert row == Resolved(
        "A", NOWHERE, Masked("", NOWHERE), (), 0, "", "The file has the name without =, which sets nothing."
    )


@pytest.mark.parametrize(
    ("text", "process", "expands", "note"),
    [
        ("A=1\nX=${A}", "", ("A",), "${A} comes from a line before."),
        ("A=1\nX=${A}", "A=2", ("A",), "${A} comes from the process environment."),
        ("X=${A:-d}", "", ("A",), "${A} is not set: its default counts."),
        ("X=${A}", "", ("A",), "${A} is not set: it becomes empty."),
        ("A\nX=${A:-d}", "", ("A",), "${A} stands there without =: it becomes empty."),
        ("X=${A}\nA=1", "", ("A",), "${A} is not set: it becomes empty."),
        (
            "A=1\nX=${A}${A}-${B:-}",
            "",
            ("A", "B"),
            "${A} comes from a line before. ${B} is not set: its default",
        ),
        (
            "X='${A}'",
            "A=2",
            ("A",),
            "The single quotes are taken off. python-dotenv expands ${...} in single quotes",
        ),
        ('X="a\\nb"', "", (), "The double quotes are taken off, and \\n and its like become characters."),
        ("X=$A", "A=2", (), "$NAME without braces stays as it is."),
        (f"X=${{{CANARY}}}", "", ("A name that is not shown",), "${...} is not set: it becomes empty."),
    ],
)
def test_a_note_says_what_was_expanded_from_what(
    text: str, process: str, expands: tuple[str, ...], note: str
) -> None:
    row = rows(text, process)["X"]
    assert row.expands == expands
    assert row.note.startswith(note)


def test_with_override_a_line_before_wins_over_the_process() -> None:
    row = rows("A=1\nX=${A}", "A=2", override=True)["X"]
    assert row.note == "${A} comes from a line before."


def test_without_interpolation_a_reference_stays() -> None:
    row = rows("X=${A}", "A=2", interpolate=False)["X"]
    assert (row.expands, row.note) == ((), "interpolate=False: ${...} stays as it is.")


def test_a_process_variable_is_literal() -> None:
    found = rows("", 'A="x"\nB=${A}\nC= x \n# note\n\nD=\'')
    assert found["A"].note == "Its quotes are a part of the value: nobody takes them off a process variable."
    assert found["B"].note == "Nobody expands ${...} in a process variable."
    assert environment({"text": "", "process": {"C": " x "}, "override": False, "interpolate": True}) == {
        "C": " x "
    }
    assert list(found) == ["A", "B", "C", "D"]


def test_lines_are_counted() -> None:
    found = rows('A="1\n2\\n3"\nB=\nC=x\n')
    assert [found[name].lines for name in "ABC"] == [3, 1, 1]


def test_a_declared_name_is_masked_as_what_it_is() -> None:
    url = "postgresql://app:" + f"{CANARY}@db.example.com/app"
    found = rows(f"DATABASE_URL={url}\nOTHER={url}\nGOOGLE_APPLICATION_CREDENTIALS=/x/{CANARY}.json\n")
    assert found["DATABASE_URL"].masked.text == f"postgresql://db.example.com/{DOTS}"
    assert found["OTHER"].masked.text == DOTS
    assert found["GOOGLE_APPLICATION_CREDENTIALS"].masked.text == f"{DOTS}.json"


def test_problems_name_their_text_and_line() -> None:
    found = resolve("A=1\nB C=2\nA=2\n", "X=1\nno\nX=2\n = 3\nexport Y=1\n", override=False, interpolate=True)
    assert [(problem.line, problem.said.split(":")[0]) for problem in found.problems] == [
        (2, "Process variables"),
        (3, "Process variables"),
        (4, "Process variables"),
        (5, "Process variables"),
        (2, "It has a space in its name"),
        (3, "A is in line 1 too"),
    ]


def test_a_name_that_stops_load_dotenv_is_said() -> None:
    found = resolve("A=1\n'B=C'=2\nD=3\n", "", override=False, interpolate=True)
    assert [row.name for row in found.rows] == ["A"]
    assert found.problems[-1].said == "A name with = in it: load_dotenv() stops here with an exception."


def test_such_a_name_without_a_value_stops_nothing() -> None:
    found = resolve("A=1\n'B=C'\nD=3\n", "", override=False, interpolate=True)
    assert [row.source for row in found.rows] == [".env", NOWHERE, ".env"]
    assert program([{"text": "A=1\n'B=C'\nD=3", "process": {}, "override": False, "interpolate": True}]) == [
        {"A": "1", "D": "3"}
    ]


def test_a_reference_gives_the_latest_line_before_it() -> None:
    text = "A=1\nA=2\nX=${A}\nA=3\n"
    case = {"text": text, "process": {}, "override": False, "interpolate": True}
    assert environment(case) == {"A": "3", "X": "2"} == program([case])[0]


def test_a_program_that_switches_dotenv_off_reads_no_file() -> None:
    found = resolve("A=1\n", "PYTHON_DOTENV_DISABLED=True\n", override=True, interpolate=True)
    assert [row.name for row in found.rows] == ["PYTHON_DOTENV_DISABLED"]
    assert found.problems[0].line == 0


@pytest.mark.parametrize(
    ("text", "process", "said"),
    [
        ("A=" + "x" * 2**16, "", "The text is larger than 64 KiB"),
        ("", "A=" + "x" * 2**16, "The text is larger than 64 KiB"),
        (
            "",
            "".join(f"K{number}=\n" for number in range(2_001)),
            "The process variables are more than 2,000",
        ),
        ("A=" + "${" * (MAX_REFERENCES + 1), "", "The value in line 1 has more than 100 times ${."),
        (
            "\n".join(["A0=" + "x" * 100, *(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 40))]),
            "",
            "The value in line 11 expands to more than 64 KiB.",
        ),
        (
            "\n".join(["A=" + "x" * 40_000, *(f"B{n}=${{A}}" for n in range(100))]),
            "",
            "The values expand to more than 1 MiB",
        ),
        ("A=1\0", "", "Line 1 has a NUL character"),
        ("", "A=1\0", "Line 1 has a NUL character"),
    ],
)
def test_too_much_is_refused_in_one_line(text: str, process: str, said: str) -> None:
    with pytest.raises(EnvTextError) as caught:
        resolve(text, process, override=False, interpolate=True)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("override", [False, True])
@pytest.mark.parametrize("interpolate", [False, True])
def test_no_value_is_in_the_resolution(override: bool, interpolate: bool) -> None:
    text = (
        f"A={CANARY}\nB='${{A}}{CANARY}'\n{CANARY}\nC=\"{CANARY}\nD={CANARY} #{CANARY}\n"
        f"E=${{X:-{CANARY}}}\n{CANARY}=1\n"
    )
    found = resolve(
        text, f'A={CANARY}\n{CANARY}\n{CANARY}=2\nF="{CANARY}"\n', override=override, interpolate=interpolate
    )
    assert len(found.rows) >= 5
    assert CANARY not in repr(found)
