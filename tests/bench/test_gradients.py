"""The gradients benchmark with small counts: that it runs and says what it should, not how fast it is."""

import pytest

from bench import gradients
from bench.__main__ import render
from bench.expressions import CHAIN_VALUES, chain
from core.gradients import compare


@pytest.mark.parametrize("operations", [1, 2, 7, 100])
def test_a_chain_has_as_many_operations_as_asked_for(operations: int) -> None:
    assert chain(operations).operations == operations


def test_the_value_of_a_long_chain_stays_near_a_fifth() -> None:
    assert compare(chain(1_000), CHAIN_VALUES, ["w", "b"]).loss == pytest.approx(0.2)


def test_the_benchmark_runs() -> None:
    tables = gradients.run(rounds=2, chain_rounds=1, lengths=(2, 20, 1_100), torchlens_rounds=1, repeats=2)
    worked, chains, rival, memory = tables
    assert [row[0] for row in worked.rows][1:] == ["compare", "record", "compare and record"]
    assert [row[0] for row in chains.rows] == [2, 20, 1_100]
    assert {row[0] for row in rival.rows} == {"worked example", "chain of 100"}
    assert {row[1] for row in rival.rows} >= {
        "record",
        "TorchLens, forward only",
        "TorchLens, with gradients",
    }
    assert len(memory.rows) == 2
    assert all(table.targets for table in tables)
    assert all(render(table) for table in tables)
