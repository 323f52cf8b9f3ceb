"""The acts are complete short programs that a learner can read, of nothing but what everybody has."""

import ast
import sys

import pytest

from core.secrets.theatre import Act, acts
from core.secrets.theatre.act import PROGRAMS
from tests.test_architecture import imported

PARTS = [(act, side, getattr(act, side)) for act in acts() for side in ("wrong", "right")]
IDS = [f"{act.name}_{side}" for act, side, _ in PARTS]


def test_the_classic_leaks_are_there() -> None:
    assert [act.name for act in acts()] == [
        "print", "exception", "repr", "logging", "fstring", "notebook", "cache", "pickle", "url",
    ]  # fmt: skip


def test_every_program_belongs_to_an_act() -> None:
    files = {path.stem for path in PROGRAMS.glob("*.py")} - {"__init__"}
    assert files == set(IDS)


@pytest.mark.parametrize(("act", "side", "program"), PARTS, ids=IDS)
def test_a_program_imports_the_standard_library_and_pydantic_only(act: Act, side: str, program: str) -> None:
    assert set(imported(ast.parse(program))) <= {*sys.stdlib_module_names, "pydantic"}


@pytest.mark.parametrize(("act", "side", "program"), PARTS, ids=IDS)
def test_a_program_is_short_and_says_what_it_does(act: Act, side: str, program: str) -> None:
    assert 8 <= len(program.splitlines()) <= 28
    assert max(map(len, program.splitlines())) <= 110
    assert ast.get_docstring(ast.parse(program))


@pytest.mark.parametrize(("act", "side", "program"), PARTS, ids=IDS)
def test_a_program_reads_the_key_from_the_environment(act: Act, side: str, program: str) -> None:
    assert "API_KEY" in program
    assert "environ" in program


@pytest.mark.parametrize(("act", "side", "program"), PARTS, ids=IDS)
def test_a_program_carries_no_remarks_for_a_linter(act: Act, side: str, program: str) -> None:
    assert "noqa" not in program
    assert all(line == line.rstrip() for line in program.splitlines())


@pytest.mark.parametrize("act", acts(), ids=lambda act: act.name)
def test_an_act_has_a_title_and_a_lesson(act: Act) -> None:
    assert act.title
    assert act.lesson.endswith(".")
    assert act.wrong != act.right
