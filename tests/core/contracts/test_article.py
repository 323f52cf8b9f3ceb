"""The article's pair: what each program prints, where, and how that becomes a line of moments."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.article import BLOCKED, CRASH, ORDER, PAIR, Reached, timeline
from core.contracts.verdict import Moment
from tests.core.contracts.programs import Printed, in_host, in_sandbox, worded

LATE = """\
definition: IncompletePredictor is a class without predict
import: the file is loaded, and nothing complained
instantiation: IncompletePredictor() is asked for
The object exists. The service is deployed and healthy.
first call: a user sends features
Runtime Crash: Subclasses must implement this method!
"""
EARLY = """\
definition: RobustPredictor is a class without get_model_metadata
import: the file is loaded, and nothing complained
instantiation: RobustPredictor() is asked for
Instantiation blocked: Can't instantiate abstract class RobustPredictor \
without an implementation for abstract method 'get_model_metadata'
"""
PROGRAMS = [(PAIR.late, LATE), (PAIR.early, EARLY), (PAIR.both, LATE + EARLY)]
PREDICT = "    def predict(self, features):\n        return sum(features)\n"
METADATA = "    def get_model_metadata(self):\n        return 'robust'\n"


@pytest.mark.parametrize(("program", "printed"), PROGRAMS, ids=["late", "early", "both"])
def test_each_program_prints_the_articles_message_here(program: str, printed: str, tmp_path: Path) -> None:
    assert in_host(program, tmp_path) == Printed(worded(printed), "", 0)


@pytest.mark.parametrize(("program", "printed"), PROGRAMS, ids=["late", "early", "both"])
def test_each_program_prints_the_articles_message_in_the_sandbox(program: str, printed: str) -> None:
    assert in_sandbox(program) == Printed(printed, "", 0)


def test_the_late_program_fails_at_the_first_call_after_its_object_was_made() -> None:
    *before, last = timeline(LATE)
    assert [each.moment for each in before] == [Moment.DEFINITION, Moment.IMPORT, Moment.INSTANTIATION]
    assert not any(each.failure for each in before)
    assert last == Reached(
        Moment.FIRST_CALL,
        "a user sends features",
        "Runtime Crash: Subclasses must implement this method!",
    )


def test_the_early_program_fails_when_the_object_is_asked_for() -> None:
    *before, last = timeline(EARLY)
    assert [each.moment for each in before] == [Moment.DEFINITION, Moment.IMPORT]
    assert last.moment is Moment.INSTANTIATION
    assert last.failure.startswith("Instantiation blocked: Can't instantiate abstract class RobustPredictor")
    assert "get_model_metadata" in last.failure


@pytest.mark.parametrize(
    ("program", "old", "new"),
    [
        (PAIR.late, '    """Forgets predict."""\n', PREDICT),
        (PAIR.early, PREDICT, PREDICT + METADATA),
    ],
    ids=["late", "early"],
)
def test_with_the_missing_method_each_program_comes_to_production(
    program: str, old: str, new: str, tmp_path: Path
) -> None:
    assert program.count(old) == 1
    printed = in_host(program.replace(old, new), tmp_path)
    assert (printed.stderr, printed.code) == ("", 0)
    reached = timeline(printed.stdout)
    assert tuple(each.moment for each in reached) == ORDER
    assert not any(each.failure for each in reached)
    assert reached[-1].said.endswith(" answers 3.0")


def test_both_programs_classes_are_in_the_third() -> None:
    def classes(program: str) -> list[str]:
        return [ast.unparse(node) for node in ast.parse(program).body if isinstance(node, ast.ClassDef)]

    assert classes(PAIR.both) == classes(PAIR.late) + classes(PAIR.early)
    assert {"BrittlePredictor", "IncompletePredictor", "CustomModelInterface", "RobustPredictor"} == {
        node.name for node in ast.parse(PAIR.both).body if isinstance(node, ast.ClassDef)
    }


@pytest.mark.parametrize("program", [PAIR.late, PAIR.early, PAIR.both])
def test_the_programs_fit_a_screen(program: str) -> None:
    assert max(map(len, program.splitlines())) <= 76


def test_nothing_after_a_failure_counts() -> None:
    assert timeline(LATE + EARLY) == timeline(LATE)


def test_a_moment_that_is_over_does_not_come_back() -> None:
    assert timeline("first call: now\nimport: later\nfirst call: again\nproduction: on\n") == (
        Reached(Moment.FIRST_CALL, "now"),
        Reached(Moment.PRODUCTION, "on"),
    )


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "Runtime Crash: before anything",
        "Import: x",
        "import:x",
        " import: x",
        "never: x",
        "\u2028import: x",
    ],
)
def test_a_line_without_a_moments_name_reaches_none(stdout: str) -> None:
    assert timeline(stdout) == ()


def test_only_a_line_feed_ends_a_line() -> None:
    assert timeline("import: a\rfirst call: b\u2028production: c") == (
        Reached(Moment.IMPORT, "a\rfirst call: b\u2028production: c"),
    )


def test_a_long_line_is_cut() -> None:
    (reached,) = timeline(f"import: {'a' * 10_000}\n{CRASH}{'b' * 10_000}")
    assert len(reached.said) == len(reached.failure) == 300
    assert reached.said.endswith("a…")
    assert reached.failure.startswith(CRASH)


PIECES = st.sampled_from([*(f"{moment}: " for moment in Moment), CRASH, BLOCKED, "\n", "x", "\r", ": "])


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3))).map("".join)))
def test_any_text_gives_moments_in_order_of_which_only_the_last_may_fail(stdout: str) -> None:
    reached = timeline(stdout)
    places = [ORDER.index(each.moment) for each in reached]
    assert places == sorted(set(places))
    assert not any(each.failure for each in reached[:-1])
    lines = stdout.split("\n")
    assert all(f"{each.moment}: {each.said}" in lines for each in reached)
    assert all(each.failure in lines for each in reached if each.failure)
