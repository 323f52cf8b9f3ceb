"""Swap the part: complete parts run behind an untouched pipeline, an incomplete one is refused before it."""

import ast
import csv
import io
import math
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import linear_regression

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import sandbox
from core.contracts.swap import ASSEMBLIES, Assembly, Part, assemble
from tests.core.contracts.make_readings import DATA, csv_file, readings, sqlite_file
from tests.core.contracts.programs import Printed, in_host, in_sandbox, worded

CLIENT, SOURCE = ASSEMBLIES
PAIRS = [(assembly, part) for assembly in ASSEMBLIES for part in assembly.parts]
COMPLETE = [(assembly, part) for assembly, part in PAIRS if part.complete]
INCOMPLETE = [(assembly, part) for assembly, part in PAIRS if not part.complete]
TEAMS = "I want a refund: billing\nI forgot my password: accounts\nThe app crashes: engineering\n"
FITTED = "48 rows: power = 0.4992 * temperature + 0.1269\n"
EXPECTED = {
    "HostedClient": f"Asking hosted-model (an API; the answers are fixed text)\n{TEAMS}",
    "LocalClient": f"Asking local-model (on this machine; the answers are fixed text)\n{TEAMS}",
    "CsvSource": FITTED,
    "DatabaseSource": FITTED,
}
REFUSED = {
    "NamelessClient": "TypeError: Can't instantiate abstract class NamelessClient without an implementation "
    "for abstract method 'model_name'",
    "OpenEndedSource": "TypeError: Can't instantiate abstract class OpenEndedSource without an "
    "implementation for abstract method 'close'",
}


def ids(value: object) -> str:
    assert isinstance(value, Assembly | Part)
    return value.name


complete_parts = pytest.mark.parametrize(("assembly", "part"), COMPLETE, ids=ids)
incomplete_parts = pytest.mark.parametrize(("assembly", "part"), INCOMPLETE, ids=ids)


@complete_parts
def test_a_complete_part_runs(assembly: Assembly, part: Part, tmp_path: Path) -> None:
    printed = in_host(assemble(assembly, part), tmp_path, assembly.files)
    assert printed == Printed(EXPECTED[part.name], "", 0)


@complete_parts
def test_a_complete_part_gives_the_same_in_the_sandbox(assembly: Assembly, part: Part) -> None:
    assert in_sandbox(assemble(assembly, part), assembly.files) == Printed(EXPECTED[part.name], "", 0)


@incomplete_parts
def test_an_incomplete_part_is_refused_before_the_pipeline_runs(
    assembly: Assembly, part: Part, tmp_path: Path
) -> None:
    stdout, stderr, code = in_host(assemble(assembly, part), tmp_path, assembly.files)
    assert (stdout, code) == ("", 1)
    assert stderr.splitlines()[-1] == worded(REFUSED[part.name])


@incomplete_parts
def test_an_incomplete_part_is_refused_in_the_sandbox_where_it_is_plugged_in(
    assembly: Assembly, part: Part
) -> None:
    program = assemble(assembly, part)
    result = sandbox.run(program, files=assembly.files)
    assert (result.stdout, result.exit_code, result.ok) == ("", 1, False)
    assert result.error is not None
    assert f"{result.error.kind}: {result.error.message}" == REFUSED[part.name]
    assert result.error.line is not None
    assert "(PART())" in program.splitlines()[result.error.line - 1]


@pytest.mark.parametrize("assembly", ASSEMBLIES, ids=ids)
def test_each_assembly_has_two_complete_parts_and_an_incomplete_one(assembly: Assembly) -> None:
    assert [part.complete for part in assembly.parts] == [True, True, False]


@pytest.mark.parametrize("assembly", ASSEMBLIES, ids=ids)
def test_the_pipeline_names_no_part_and_stays_as_it_is(assembly: Assembly) -> None:
    assert not any(part.name in assembly.pipeline + assembly.interface for part in assembly.parts)
    for part in assembly.parts:
        assert assemble(assembly, part).endswith(f"\n{assembly.pipeline}")


@pytest.mark.parametrize(("assembly", "part"), PAIRS, ids=ids)
def test_a_part_is_one_class_of_its_name_that_it_plugs_in(assembly: Assembly, part: Part) -> None:
    tree = ast.parse(part.source)
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == [part.name]
    assert part.source.endswith(f"\nPART = {part.name}\n")
    assert max(map(len, assemble(assembly, part).splitlines())) <= 100


def test_a_mended_part_runs_behind_the_same_pipeline(tmp_path: Path) -> None:
    method = "    def model_name(self) -> str:\n        return 'mine'\n\n    def complete"
    nameless = CLIENT.parts[2]
    mended = replace(nameless, source=nameless.source.replace("    def complete", method))
    stdout, stderr, code = in_host(assemble(CLIENT, mended), tmp_path)
    assert (stderr, code) == ("", 0)
    assert stdout.startswith("Asking mine\n")


@given(st.text(), st.sampled_from(ASSEMBLIES))
def test_whatever_a_visitor_writes_stands_between_interface_and_pipeline(
    source: str, assembly: Assembly
) -> None:
    program = assemble(assembly, Part("Mine", source, complete=True))
    before, after = program.split(assembly.interface, 1)[1], assembly.pipeline
    assert before.endswith(f"\n\n\n# The pipeline: the same for every part.\n{after}")
    assert source.strip("\n") in before


@pytest.mark.parametrize("assembly", ASSEMBLIES, ids=ids)
def test_the_files_of_an_assembly_cannot_be_changed(assembly: Assembly) -> None:
    with pytest.raises(TypeError):
        assembly.files["readings.csv"] = b""  # type: ignore[index]
    assert isinstance(hash(assembly), int)


def test_what_is_made_up_says_so() -> None:
    assert "fixed text" in CLIENT.says
    assert all("fixed" in part.source for part in CLIENT.parts if part.complete)
    assert "made-up" in SOURCE.says


def test_the_shipped_files_are_those_that_the_script_makes() -> None:
    assert dict(SOURCE.files) == {"readings.csv": csv_file(), "readings.sqlite": sqlite_file()}
    assert {name: (DATA / name).read_bytes() for name in SOURCE.files} == SOURCE.files


def test_both_files_hold_the_same_rows() -> None:
    text = SOURCE.files["readings.csv"].decode()
    rows = [
        (int(row["hour"]), float(row["temperature"]), float(row["power"]))
        for row in csv.DictReader(io.StringIO(text))
    ]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(SOURCE.files["readings.sqlite"])
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT * FROM readings ORDER BY hour").fetchall() == rows
    assert rows == readings()
    assert len(rows) == 48


def test_the_fit_is_that_of_the_standard_library() -> None:
    rows = readings()
    slope, intercept = linear_regression([row.temperature for row in rows], [row.power for row in rows])
    found = re.search(r"= ([\d.]+) \* temperature \+ ([\d.]+)", FITTED)
    assert found is not None
    assert math.isclose(float(found[1]), slope, abs_tol=5e-5)
    assert math.isclose(float(found[2]), intercept, abs_tol=5e-5)
