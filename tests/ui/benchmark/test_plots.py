import pytest

from tests.core.benchmark.reports import case
from ui.benchmark.plots import distribution_figure, factor_axis, foreign_figure, ratio_figure, sweep_figure

pytestmark = pytest.mark.usefixtures("_light")


@pytest.fixture
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.benchmark.plots.theme_colour", lambda _: "#123456")


BOTH = case({"eager": 2e-3, "ort": 1e-3, "torchscript": 4e-3})


def test_the_ratios_are_those_of_the_report_from_top_to_bottom() -> None:
    figure = ratio_figure(BOTH)
    # Plotly draws a category axis from below.
    assert [trace.y[0] for trace in figure.data] == ["TorchScript", "ONNX Runtime"]
    assert [trace.x[0] for trace in figure.data] == pytest.approx([0.5, 2.0])


def test_rejected_rounds_are_drawn_and_do_not_count() -> None:
    figure = distribution_figure(case({"eager": 2e-3, "ort": 1e-3}, rejected=[0, 1]), single=False)
    boxes = {trace.name: trace for trace in figure.data if trace.type == "box"}
    assert set(boxes) == {"Eager PyTorch", "Eager PyTorch, again", "ONNX Runtime"}
    assert [len(box.x) for box in boxes.values()] == [22] * 3
    assert [len(trace.x) for trace in figure.data if trace.type == "scatter"] == [2] * 3


def test_a_report_without_a_round_that_counts_can_be_drawn() -> None:
    all_out = case({"eager": 2e-3}, rejected=[])
    figure = distribution_figure(all_out, single=True)
    assert not figure.data


def test_the_sweep_has_a_line_per_engine_and_number_of_threads() -> None:
    cases = [
        case({"eager": 2e-3, "ort": 1e-3}, batch=batch, threads=threads)
        for batch in (8, 1) for threads in (1, 2)
    ]  # fmt: skip
    figure = sweep_figure(cases)
    assert [trace.name for trace in figure.data] == ["ONNX Runtime, 1 threads", "ONNX Runtime, 2 threads"]
    assert [list(trace.x) for trace in figure.data] == [[1, 8]] * 2


def test_what_others_used_is_drawn_in_percent() -> None:
    figure = foreign_figure(BOTH, 0.06)
    assert figure is not None
    assert sum(len(trace.x) for trace in figure.data) == len(BOTH.rounds)


@pytest.mark.parametrize("values", [[1.0, 1.02], [0.001, 1000.0], [1.0], [3.0, 3.001]])
def test_a_factor_axis_has_ticks_inside_its_range(values: list[float]) -> None:
    axis = factor_axis(values)
    low, high = (10**exponent for exponent in axis["range"])
    assert low < min(values) <= max(values) < high
    assert len(axis["tickvals"]) >= 3
    assert all(low * 0.99 <= tick <= high * 1.01 for tick in axis["tickvals"])
