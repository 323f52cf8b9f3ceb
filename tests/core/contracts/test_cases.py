"""What abc does not catch: every program and remedy gives what its card says, also in the sandbox."""

import abc
import ast
from pathlib import Path
from typing import Any, Protocol

import pytest

from core.contracts.article import timeline
from core.contracts.cases import CASES, Case
from core.contracts.verdict import Moment
from tests.core.contracts.programs import Printed, in_host, in_sandbox, worded

FACTS = {"none", "signature", "async", "register", "no-metaclass", "list", "patched"}
# Python's own warning, which the card of this one speaks of.
WARNS = {"async": "coroutine 'Model.predict' was never awaited\n"}

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def check(printed: Printed, expected: str, warning: str = "") -> None:
    assert printed.stdout == expected
    assert printed.code == 0
    assert printed.stderr.endswith(warning) if warning else not printed.stderr


@every_case
def test_a_program_and_its_remedy_print_what_the_card_says(case: Case, tmp_path: Path) -> None:
    check(in_host(case.program, tmp_path), worded(case.expected), WARNS.get(case.name, ""))
    check(in_host(case.remedy, tmp_path), worded(case.remedied))


@every_case
def test_they_print_the_same_in_the_sandbox_word_for_word(case: Case) -> None:
    check(in_sandbox(case.program), case.expected, WARNS.get(case.name, ""))
    check(in_sandbox(case.remedy), case.remedied)


def test_every_verified_case_is_there_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert set(names) >= FACTS
    assert names[0] == "none"


@every_case
def test_a_card_asks_a_question_with_one_right_answer(case: Case) -> None:
    assert len(case.choices) >= 3
    assert len(set(case.choices)) == len(case.choices)
    assert case.choices.count(case.answer) == 1
    assert case.question.endswith("?")
    assert case.why.endswith(".")


def test_the_right_answer_is_not_always_at_the_same_place() -> None:
    assert len({case.choices.index(case.answer) for case in CASES}) >= 3


@every_case
def test_a_program_is_short_and_a_remedy_hardly_longer(case: Case) -> None:
    program, remedy = ([line for line in text.splitlines() if line] for text in (case.program, case.remedy))
    assert len(program) <= 20
    assert len(remedy) <= 25
    assert max(map(len, program + remedy)) <= 100


@every_case
def test_the_line_on_which_a_program_fails_is_that_of_its_moment(case: Case) -> None:
    reached = [each.moment for each in timeline(case.expected)]
    assert [each.moment for each in timeline(case.remedied)][-1] is case.caught
    if case.fails is not Moment.NEVER:
        assert reached[-1] is case.fails


@every_case
def test_a_remedy_tells_no_later_than_the_program_fails(case: Case) -> None:
    moments = list(Moment)
    assert moments.index(case.caught) <= moments.index(case.fails)


@every_case
def test_a_program_that_never_fails_prints_no_error_of_the_call(case: Case) -> None:
    catches = any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(case.program)))
    # The one that catches in vain shows a refusal first, and then a way around it.
    assert catches == (case.fails is not Moment.NEVER or case.name == "changed-class")


@pytest.mark.parametrize("builtin", [dict, tuple, str, int, list, Exception])
def test_builtins_that_make_their_own_objects_do_not_ask_what_is_missing(builtin: type) -> None:
    class Interface(abc.ABC):
        @abc.abstractmethod
        def predict(self) -> None: ...

    incomplete: Any = abc.ABCMeta("Incomplete", (builtin, Interface), {})
    assert incomplete.__abstractmethods__ == {"predict"}
    assert isinstance(incomplete(), Interface)


def test_a_protocol_itself_cannot_be_instantiated() -> None:
    class Predictor(Protocol):
        def predict(self) -> None: ...

    protocol: Any = Predictor
    with pytest.raises(TypeError, match="Protocols cannot be instantiated"):
        protocol()


def test_a_method_that_is_taken_away_is_not_missed() -> None:
    class Interface(abc.ABC):
        @abc.abstractmethod
        def predict(self) -> None: ...

    class Complete(Interface):
        def predict(self) -> None: ...

    complete: Any = Complete
    del complete.predict
    assert complete().predict() is None
    abc.update_abstractmethods(complete)
    with pytest.raises(TypeError, match="abstract class Complete"):
        complete()
