"""What is asked before it is shown, and which words count as an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.contracts.verdict import Check, Moment, Verdict
from ui.contracts.own_class import OwnClass
from ui.contracts.pair import Told
from ui.contracts.predictions import answers, class_questions, pair_questions


def verdict(name: str, check: Check, moment: Moment, passes: bool | None = False) -> Verdict:
    return Verdict(name, "I", 3, check, passes, moment, f"`{name}` fails.")


PAIR = (
    Told("Late", "", "", Moment.FIRST_CALL, "It crashed.", None),
    Told("Early", "", "", Moment.INSTANTIATION, "It was refused.", None),
)


@pytest.mark.parametrize("guess", ["first call", " First  Call ", "call"])
def test_any_usual_word_for_the_moment_is_right(guess: str) -> None:
    late, _ = pair_questions(PAIR)
    assert late.judge(guess) == (True, "It crashed.")
    assert late.answer == "first call"


@pytest.mark.parametrize("guess", ["instantiation", "never", "import"])
def test_another_moment_is_wrong_and_the_line_says_what_happened(guess: str) -> None:
    late, _ = pair_questions(PAIR)
    assert late.judge(guess) == (False, "It crashed.")


def test_what_is_no_moment_is_one_line_with_the_choices() -> None:
    late, _ = pair_questions(PAIR)
    with pytest.raises(ValueError, match=r"^Got no moment: type definition, import, .* or never\.$"):
        late.judge("<b>whenever</b>")


def own(name: str, *read: Verdict, ran: tuple[Verdict, ...] = ()) -> OwnClass:
    return OwnClass(name, "I", 3, read, ran, "")


FAILS = (
    verdict("A", Check.ABC, Moment.INSTANTIATION),
    verdict("A", Check.SIGNATURE, Moment.IMPORT),
    verdict("A", Check.DUCK, Moment.FIRST_CALL),
)


def test_of_own_classes_the_first_is_asked_for_by_abc_and_by_duck_typing() -> None:
    asked = class_questions([own("A", *FAILS), own("B", verdict("B", Check.ABC, Moment.NEVER, passes=True))])
    assert [question.name for question in asked] == ["A, ABC", "A, duck typing"]
    assert asked[0].judge("creation") == (True, "A fails.")


def test_a_guess_is_judged_by_the_run_where_there_is_one() -> None:
    ran = verdict("A", Check.ABC, Moment.PRODUCTION, passes=True)
    abc, duck = class_questions([own("A", *FAILS, ran=(ran,))])
    assert (abc.answer, abc.judge("production")[0], abc.judge("creation")[0]) == ("production", True, False)
    assert duck.answer == "first call"


def test_a_run_that_says_the_same_in_other_words_leaves_the_guesses() -> None:
    ran = tuple(replace(each, reason="TypeError: no") for each in FAILS)
    late = (verdict("A", Check.DUCK, Moment.PRODUCTION, passes=True),)
    read = answers(class_questions([own("A", *FAILS)]))
    assert answers(class_questions([own("A", *FAILS, ran=ran)])) == read
    assert answers(class_questions([own("A", *FAILS, ran=late)])) != read


def test_what_cannot_be_told_is_not_asked_and_the_next_class_is() -> None:
    unsure = own("A", verdict("A", Check.ABC, Moment.NEVER, passes=None))
    assert class_questions([unsure]) == []
    assert class_questions([]) == []
    (asked,) = class_questions([unsure, own("B", verdict("B", Check.ABC, Moment.IMPORT))])
    assert asked.name == "B, ABC"
