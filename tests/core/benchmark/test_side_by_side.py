import dataclasses

import pytest

from core.benchmark.history import HistoryError, Run, record
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport
from core.benchmark.side_by_side import MAX_RUNS, side_by_side
from core.engines.engine import EngineOptions, Spin
from core.machine import Machine, Versions
from tests.core.benchmark.reports import case, report

MACHINE = Machine(
    "A processor", 2, 4, 2**33, 2**32, "Linux", (), "none", Versions("3.11", "2.13.0", "1.23", "1.32"), ()
)


def run(*cases: CaseReport, machine: Machine = MACHINE, plan: BenchmarkPlan | None = None) -> Run:
    return record(plan or BenchmarkPlan(), report(*cases), owner="", machine=machine)


def test_the_same_engine_of_the_same_comparison_stands_in_one_row() -> None:
    one = run(case({"eager": 2e-3, "ort": 1e-3}), case({"eager": 9e-3, "ort": 3e-3}, batch=8))
    two = run(case({"eager": 2e-3, "ort": 0.5e-3}))
    found = side_by_side([one, two])
    assert found.differences == ()
    assert [(row.engine, row.batch) for row in found.rows] == [("eager", 1), ("ort", 1)]
    assert found.alone == 2
    eager, ort = found.rows
    assert [cell and cell.median for cell in eager.cells] == [pytest.approx(2e-3)] * 2
    assert [cell and cell.ratio for cell in ort.cells] == [pytest.approx(2), pytest.approx(4)]
    assert (eager.apart, ort.apart) == (False, True)


def test_ratios_whose_intervals_meet_are_not_apart() -> None:
    found = side_by_side([run(case({"eager": 2e-3, "ort": 1e-3})) for _ in range(3)])
    assert not any(row.apart for row in found.rows)


def test_a_run_without_the_engine_has_an_empty_cell() -> None:
    with_ort = case({"eager": 2e-3, "ort": 1e-3})
    found = side_by_side([run(case({"eager": 2e-3})), run(with_ort), run(with_ort)])
    assert [cell is None for cell in found.rows[1].cells] == [True, False, False]


def test_other_baselines_are_other_comparisons() -> None:
    found = side_by_side([run(case({"eager": 2e-3, "ort": 1e-3})), run(case({"ort": 1e-3, "eager": 2e-3}))])
    assert found.rows == ()


def test_what_differs_is_said() -> None:
    base = run(case({"eager": 2e-3}))
    newer = dataclasses.replace(MACHINE, cpu="Another", versions=Versions("3.11", "2.14.0", "1.23", None))
    plan = BenchmarkPlan(
        seed=1, options=EngineOptions(spin=Spin.OFF), method=Method(block_seconds=0.1, most_foreign=0.5)
    )
    other = run(case({"eager": 2e-3}), machine=newer, plan=plan)
    found = side_by_side([base, dataclasses.replace(other, imported=True)]).differences
    assert found == (
        "They ran on different machines: A processor, 4 threads against Another, 4 threads.",
        "Different versions of torch: 2.13.0 against 2.14.0.",
        "Different versions of onnxruntime: 1.32 against none.",
        "One linear layer has different weights.",
        "Different settings of ONNX Runtime's idle threads: short against off.",
        "Different lengths of a block: 0.05 s against 0.1 s.",
        "Different shares that others may use: 6% against 50%.",
        "A run that came as a file is what its sender says it is.",
    )


@pytest.mark.parametrize("count", [0, 1, MAX_RUNS + 1])
def test_too_few_or_too_many_are_refused_in_one_line(count: int) -> None:
    with pytest.raises(HistoryError, match=f"^Got {count} runs to compare: choose 2 to {MAX_RUNS}\\.$"):
        side_by_side([run(case({"eager": 2e-3}))] * count)
