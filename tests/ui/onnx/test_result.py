"""The stage's words: the numbers, the verdict and what a guess gets right, for every kind of answer."""

import dataclasses
import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export import child
from core.export.child import Answer
from core.export.hazards import detect
from core.export.parity import Case, Deviation, OutputParity, Parity
from core.export.plan import Exporter, ExportPlan
from core.process import Child
from ui.onnx import result


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: dict[str, Any]) -> None:
        assert "stage" in line


@pytest.fixture(scope="module")
def plain() -> Answer:
    return child.answer(ExportPlan(exporter=Exporter.LEGACY), cast(Child, Silent()))


def case(absolute: float, agree: bool, runtime: str = "ONNX Runtime") -> Case:
    found = Deviation(absolute, absolute, 1, (0, 0), 0.0, absolute, agree)
    return Case(2, 0, "normal", runtime, Parity((OutputParity("output", (2, 2), "float32", found),)))


def refused(answer: Answer) -> Answer:
    return dataclasses.replace(answer, exported=None, refusal="It is refused.", cases=())


def test_the_verdict_of_a_plain_export_counts_its_runs(plain: Answer) -> None:
    runs = [each for each in plain.cases if each.runtime == "ONNX Runtime"]
    assert detect(plain) == ()
    assert result._headline(plain) == (
        "✓", "the same numbers as PyTorch", f"{len(runs)} runs at batches 1, 2, 3, 8, 64."
    )  # fmt: skip
    assert result.file_name(plain) == "simple_mlp.onnx"


def test_the_worst_trap_is_the_headline(plain: Answer) -> None:
    wrong = dataclasses.replace(plain, cases=(case(0.5, False),))
    sign, headline, why = result._headline(wrong)
    worst = detect(wrong)[0]
    assert (sign, headline, why) == ("✗", worst.title, worst.evidence[0])


def test_what_surprises_only_is_to_know(plain: Answer) -> None:
    assert plain.exported is not None
    files = (*plain.exported.files, ("simple_mlp.onnx.data", 0))
    known = dataclasses.replace(plain, exported=dataclasses.replace(plain.exported, files=files))
    (hazard,) = detect(known)
    assert result._headline(known) == ("✓", "the same numbers, and one thing to know", hazard.title)


def test_a_refusal_is_its_line(plain: Answer) -> None:
    assert result._headline(refused(plain)) == ("✗", "no file came out", "It is refused.")


def test_the_largest_difference_is_onnx_runtime_s_and_says_if_it_is_no_number(plain: Answer) -> None:
    def of(*cases: Case) -> str:
        return result._difference(dataclasses.replace(plain, cases=cases))

    assert of(case(1e-7, True), case(2e-7, True)) == "2e-07" or of(case(2e-7, True)) == "2.0e-07"
    assert of(case(1e-7, True), case(0.5, False, "reference")) == of(case(1e-7, True))
    assert of(case(0.25, False), case(0.5, False)) == "0.5"
    assert of(case(math.nan, False), case(0.25, False)) == "nan"
    failed = Case(2, 0, "normal", "ONNX Runtime", Parity((), "It does not run."))
    assert of(failed, case(0.25, False)) == "1 of 2 fail"


@pytest.mark.parametrize(
    ("text", "right"), [("15", True), (" 15 ", True), ("18", False), ("none", False), ("REFUSED", False)]
)
def test_a_guess_of_the_opset(text: str, right: bool, plain: Answer) -> None:
    opset, _ = result.questions(plain)
    assert opset.judge(text) == (right, "Opset 15 was asked for, and came out.")
    assert opset.answer == "15"


def test_a_guess_of_an_opset_that_was_not_kept(plain: Answer) -> None:
    assert plain.exported is not None
    other = dataclasses.replace(plain, exported=dataclasses.replace(plain.exported, opset=18))
    opset, _ = result.questions(other)
    assert opset.judge("15") == (False, "Opset 15 was asked for; 18 came out.")
    assert opset.judge("18")[0]


@pytest.mark.parametrize(("text", "right"), [("none", True), ("Refused", True), ("15", False)])
def test_a_guess_that_it_is_refused(text: str, right: bool, plain: Answer) -> None:
    opset, same = result.questions(refused(plain))
    assert opset.judge(text) == (right, "The exporter refuses this model.")
    assert (opset.answer, same.answer) == ("refused", "no")


@pytest.mark.parametrize(("text", "yes"), [("yes", True), ("Y", True), (" no ", False), ("N", False)])
def test_a_guess_of_the_numbers(text: str, yes: bool, plain: Answer) -> None:
    _, same = result.questions(plain)
    assert same.judge(text)[0] is yes
    _, same = result.questions(dataclasses.replace(plain, cases=(case(0.5, False),)))
    assert same.judge(text)[0] is not yes


@given(st.text())
def test_any_text_is_a_guess_or_one_line(text: str) -> None:
    answer = Answer(ExportPlan(), None, "It is refused.", "", (), 0, 0.0)
    for question in result.questions(answer):
        try:
            right, line = question.judge(text)
        except ValueError as error:
            line, right = str(error), False
        assert isinstance(right, bool)
        assert len(line.splitlines()) == 1
        assert len(line) < 200
