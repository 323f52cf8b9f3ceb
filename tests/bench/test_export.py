"""The export benchmark with two models: that it runs and says what it should, not how fast it is.

What it measures of a page needs a browser and minutes: here is only its arithmetic.
"""

import time
from functools import partial

import pytest

from bench import export
from bench.__main__ import render
from bench.export import ALONE, BESIDE, exports, waiting
from bench.pages import SLIDER
from core.export.child import start_export
from core.export.plan import Exporter


def test_every_model_is_exported_in_a_process_of_its_own() -> None:
    table = exports(("simple_mlp", "early_exit"), (Exporter.LEGACY,))
    assert [row[:2] for row in table.rows] == [("simple_mlp", "legacy"), ("early_exit", "legacy")]
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        answered, exported = cells["seconds to answer"], cells["export seconds"]
        assert isinstance(answered, float)
        assert isinstance(exported, float)
        assert 0 < exported < answered < 120
        assert isinstance(cells["peak MiB"], float)
        assert cells["peak MiB"] > 50
        assert cells["opset"] == 15
    assert [row[-3] for row in table.rows] == [1, 5]
    # Random numbers at ten batches and seeds, zeros and a ramp; one seed of each in the other runtime too.
    assert [row[-1] for row in table.rows] == ["19 of 19 agree", "17 of 19 agree"]
    (target,) = table.targets
    assert target.met
    assert render(table)


def test_a_refusal_has_a_row_and_no_numbers() -> None:
    table = exports(("early_exit",), (Exporter.DYNAMO,))
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert str(cells["parity"]).startswith("refused: The dynamo exporter refuses this model: Could not guard")
    assert (cells["export seconds"], cells["bytes"], cells["nodes"], cells["opset"]) == (None,) * 4
    assert table.targets[0].met


def test_a_page_that_waits_misses_the_target() -> None:
    blank = [10.0, 12.0, 11.0]
    samples = {
        ("lab", ALONE): [20.0, 22.0, 21.0],
        ("lab", BESIDE): [40.0, 44.0, 42.0],
        (SLIDER.name, ALONE): blank,
        (SLIDER.name, BESIDE): [4 * each for each in blank],
    }
    table = waiting(samples, "lab")
    assert [row[:3] for row in table.rows] == [
        ("lab", ALONE, 21.0),
        ("lab", BESIDE, 42.0),
        (SLIDER.name, ALONE, 11.0),
        (SLIDER.name, BESIDE, 44.0),
    ]
    assert [str(row[-2])[:4] for row in table.rows] == ["1.00", "2.00", "1.00", "4.00"]
    assert [str(row[-1])[:4] for row in table.rows] == ["1.91", "0.95", "1.00", "1.00"]
    assert [target.met for target in table.targets] == [False, True]
    assert "3 interleaved rounds" in render(table)


def test_an_export_that_ends_too_early_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "start_export", partial(start_export, seconds=1.0))
    with pytest.raises(RuntimeError, match="The export was over too early"), export._exporting():
        time.sleep(2.0)
