"""The lines that show a trap: each comparison with its numbers, and nothing said twice."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from core.export.child import Answer, answer
from core.export.evidence import File, Severity, failed_ones, line_of, reason, short
from core.export.parity import Case, Deviation, OutputParity, Parity
from core.export.plan import Exporter, ExportPlan
from core.process import Child

RUNTIME, REFERENCE = "ONNX Runtime", "reference"
RESHAPE = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Reshape node. "
    "Name:'reshape' Status Message: /onnxruntime/core/reshape_helper.h:45 size was false."
)
SAID = "Non-zero status code returned while running Reshape node. Name:'reshape'"


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: Mapping[str, Any]) -> None:
        assert "stage" in line


@pytest.fixture(scope="module")
def plain() -> Answer:
    return answer(ExportPlan(exporter=Exporter.LEGACY), cast(Child, Silent()))


def file_with(found: Answer, *cases: Case) -> File:
    assert found.exported is not None
    return File(replace(found, cases=cases), found.exported)


def refused(batch: int, problem: str = RESHAPE, seed: int = 0, runtime: str = RUNTIME) -> Case:
    return Case(batch, seed, "normal", runtime, Parity((), problem))


def differing(batch: int, other: float = 0.75, seed: int = 0, runtime: str = RUNTIME) -> Case:
    apart = abs(0.5 - other)
    numbers = Deviation(apart, apart, 1, (0, 1), 0.5, other, other == 0.5)
    return Case(batch, seed, "normal", runtime, Parity((OutputParity("y", (batch, 2), "float32", numbers),)))


def test_one_reason_is_one_line_with_its_batches(plain: Answer) -> None:
    cases = [refused(batch, seed=seed) for batch in (64, 1, 3) for seed in (0, 1)]
    seen = failed_ones(file_with(plain, *cases, differing(2, 0.5)), cases)
    assert seen.evidence == (
        f"At batches 1, 3, 64, ONNX Runtime refuses: {SAID}",
        "6 of 7 comparisons in ONNX Runtime fail.",
    )
    assert seen.severity is Severity.BREAKS
    assert seen.failed == set(cases)


def test_a_reason_with_the_sizes_of_each_batch_is_quoted_with_the_first_s(plain: Answer) -> None:
    cases = [refused(batch, f"Got: {batch} Expected: 2") for batch in (1, 8)]
    assert failed_ones(file_with(plain, *cases), cases).evidence == (
        "At batches 1, 8, ONNX Runtime refuses, at 1 with: Got: 1 Expected: 2",
        "2 of 2 comparisons in ONNX Runtime fail.",
    )


def test_other_reasons_and_other_runtimes_are_other_lines(plain: Answer) -> None:
    cases = [refused(1, "No."), refused(3), refused(8, "No."), differing(64)]
    cases.append(refused(2, "No.", runtime=REFERENCE))
    seen = failed_ones(file_with(plain, *cases, differing(2, runtime=REFERENCE)), cases)
    assert seen.evidence == (
        "At batches 1, 8, ONNX Runtime refuses: No.",
        "At batch 2, seed 0, random numbers, ONNX's reference evaluator refuses: No.",
        f"At batch 3, seed 0, random numbers, ONNX Runtime refuses: {SAID}",
        "4 of 4 comparisons in ONNX Runtime fail.",
        "2 of 2 comparisons in ONNX's reference evaluator fail.",
    )
    assert seen.severity is Severity.WRONG


def test_numbers_are_one_line_a_batch_up_to_three(plain: Answer) -> None:
    cases = [differing(batch) for batch in (1, 2, 3, 8)]
    lines = failed_ones(file_with(plain, *cases), cases).evidence
    assert [line.split(",")[0] for line in lines[:-1]] == ["At batch 1", "At batch 2", "At batch 3"]
    assert lines[-1] == "4 of 4 comparisons in ONNX Runtime fail."


def test_nothing_that_fails_is_no_evidence(plain: Answer) -> None:
    assert not failed_ones(file_with(plain, differing(2)), []).evidence


def test_a_comparison_is_quoted_with_its_numbers_and_nan_without_a_distance() -> None:
    where = "At batch 3, seed 1, random numbers, y[0, 1] is 0.5 in PyTorch and"
    assert line_of(differing(3, seed=1)) == f"{where} 0.75 in ONNX Runtime: 0.25 apart."
    assert line_of(differing(3, math.nan, seed=1)) == f"{where} nan in ONNX Runtime."


def test_a_runtime_s_words_are_quoted_without_the_places_in_its_source() -> None:
    assert reason(RESHAPE) == SAID
    assert short("x" * 300) == "x" * 199 + "…"
