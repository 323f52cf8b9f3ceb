import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core import machine, wire, zoo
from core.benchmark.method import Progress
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport, EngineResult, Error
from core.benchmark.roofline import (
    Bound,
    Copy,
    Gemm,
    OperatorWork,
    Peak,
    PeakPlan,
    Roof,
    Roofline,
    RooflinePlan,
    Work,
    WorkPlan,
    count_work,
    measure_peak,
    place,
    roofline,
    roofline_of,
    work_of,
)
from core.benchmark.roofline import peak as peaks
from core.benchmark.roofline.point import roof_for
from core.benchmark.rounds import BenchmarkError
from core.benchmark.statistics import summarize
from core.engines.engine import EngineKind
from core.zoo import ZooError

QUICK = Method(
    block_seconds=0.002, least_rounds=3, least_seconds=0.0, warm_seconds=0.01, most_foreign=1.0, samples=0
)
QUICK_PEAK = PeakPlan(sizes=(32, 64), seconds=0.01, copy_bytes=2**20)
# 100 GFLOP/s; 10 GB/s from memory and 50 GB/s from a cache.
PEAK = Peak(1, (Gemm(256, 60e9), Gemm(512, 100e9)), Copy(2**29, 10e9), Copy(2**18, 50e9), 2**25)


def work(products: int, elementwise: int = 0, moved: int = 1000) -> Work:
    return Work((OperatorWork("mm", 1, products, elementwise),), moved, 0, 0, 0)


# The model's operations, against numbers derived by hand.


@given(
    st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.booleans()
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_a_linear_layer_takes_two_operations_per_weight_and_example(
    batch: int, inner: int, outer: int, bias: bool
) -> None:
    found = work_of(nn.Linear(inner, outer, bias=bias), (torch.randn(batch, inner),))
    assert (found.products, found.elementwise) == (2 * batch * inner * outer, 0)
    assert found.bytes == 4 * (inner * outer + bias * outer + batch * inner + batch * outer)


@given(
    st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2),
    st.integers(0, 2),
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_a_convolution_takes_two_operations_per_weight_and_place(
    batch: int, groups: int, times: int, kernel: int, stride: int, padding: int
) -> None:
    channels, outer, size = 4, 4 * times, 7
    conv = nn.Conv2d(channels, outer, kernel, stride=stride, padding=padding, groups=groups)
    found = work_of(conv, (torch.randn(batch, channels, size, size),))
    places = ((size + 2 * padding - kernel) // stride + 1) ** 2
    assert found.products == 2 * batch * outer * places * (channels // groups) * kernel**2
    assert found.elementwise == 0


def test_attention_takes_what_its_projections_scores_and_mix_take() -> None:
    batch, length, width, heads = 3, 5, 16, 4
    attention = nn.MultiheadAttention(width, heads, batch_first=True)

    class OnItself(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: Tensor) -> Tensor:
            mixed: Tensor = self.attention(x, x, x, need_weights=False)[0]
            return mixed

    found = work_of(OnItself(), (torch.randn(batch, length, width),))
    projections = 2 * batch * length * width * (3 * width + width)
    scores = batch * heads * length * length
    assert found.products == projections + 2 * scores * (width // heads) * 2
    # Scaling and softmax of the scores; the bias of the input's projection is added by itself.
    assert found.elementwise == 6 * scores + batch * length * 3 * width


def test_a_fused_encoder_layer_hides_nothing() -> None:
    found = count_work(WorkPlan("transformer", batch=4))
    steps, width, inner = 4 * 6, 32, 64
    attention = 2 * steps * width * 4 * width + 2 * 4 * 4 * 6 * 6 * 8 * 2
    assert found.products == attention + 2 * 2 * steps * width * inner + 2 * 4 * width * 4


# PyTorch has its fused layer for float32 only; step by step, it adds some of the biases by themselves.
@pytest.mark.parametrize(("dtype", "bias"), [(torch.float32, True), (torch.float64, False)])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_an_lstm_takes_the_same_fused_or_step_by_step(
    dtype: torch.dtype, bias: bool, layers: int, both: bool
) -> None:
    batch, steps, features, units = 3, 5, 8, 16
    lstm = nn.LSTM(features, units, layers, bias=bias, batch_first=True, bidirectional=both, dtype=dtype)
    found = work_of(lstm, (torch.randn(batch, steps, features, dtype=dtype),))
    directions = 2 if both else 1
    products = elementwise = 0
    for layer in range(layers):
        inner = units * directions if layer else features
        products += directions * 2 * batch * steps * (inner + units) * 4 * units
        elementwise += directions * 13 * batch * steps * units
    assert (found.products, found.elementwise) == (products, elementwise)
    if dtype is torch.float64:
        assert "mkldnn_rnn_layer" not in {each.operator for each in found.operators}


def test_what_is_no_product_counts_as_the_convention_says() -> None:
    layers = nn.Sequential(
        nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    found = work_of(layers, (torch.randn(2, 4, 8, 8),))
    numbers = 2 * 4 * 8 * 8
    # A scale and a shift, a comparison, three comparisons per pool, one addition per number that is averaged.
    assert found.elementwise == 2 * numbers + numbers + 3 * numbers // 4 + numbers // 4
    assert found.products == 0


def test_a_shared_weight_moves_once() -> None:
    made = zoo.build("reused")
    found = count_work(WorkPlan("reused", batch=3))
    assert found.parameters == 4 * sum(each.numel() for each in made.module.parameters())
    assert found.parameters < 4 * sum(each.numel() for each in made.module.state_dict().values())
    assert (found.buffers, found.inputs, found.outputs) == (0, 4 * 3 * 16, 4 * 3 * 4)


def test_buffers_keywords_and_dictionaries_count() -> None:
    made = zoo.build("cnn")
    buffers = sum(each.nbytes for each in made.module.buffers())
    assert count_work(WorkPlan("cnn")).buffers == buffers > 0
    assert count_work(WorkPlan("keywords", batch=2)).inputs == 4 * 2 * (8 + 16 + 16)
    assert count_work(WorkPlan("dict_output", batch=2)).outputs == 4 * 2 * 4


@pytest.mark.parametrize("name", zoo.names())
def test_counting_changes_nothing_and_grows_with_the_batch(name: str) -> None:
    made = zoo.build(name)
    before = {key: each.clone() for key, each in made.module.state_dict().items()}
    args, kwargs = made.arguments(made.example_inputs(2, zoo.InputKind.NORMAL))
    found = work_of(made.module, args, kwargs)
    assert found == work_of(made.module, args, kwargs)
    assert made.module.training
    assert all(torch.equal(before[key], each) for key, each in made.module.state_dict().items())
    twice = count_work(WorkPlan(name, batch=4))
    assert twice.products == 2 * count_work(WorkPlan(name, batch=2)).products > 0
    assert found.intensity == found.flops / found.bytes
    assert wire.read(Work, wire.write(Work, found)) == found


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ZooError, match="There is no model"):
        count_work(WorkPlan("nothing"))


# The machine.


def test_the_machine_is_measured_at_every_size() -> None:
    found = measure_peak(QUICK_PEAK)
    assert [each.size for each in found.gemms] == [32, 64]
    assert found.flops_per_second == max(each.flops_per_second for each in found.gemms) > 1e6
    assert found.memory.array_bytes == 2**20
    assert found.memory.bytes_per_second > 1e6
    assert found.cache.bytes_per_second > 1e6
    assert found.foreign is None or 0 <= found.foreign <= 1
    assert "write-allocate" in found.rule
    assert wire.read(Peak, wire.write(Peak, found)) == found


def test_operations_and_bytes_are_counted_by_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "_best", lambda call, seconds: call() is not None and 0.5)
    found = measure_peak(PeakPlan(sizes=(10,), copy_bytes=4000))
    assert found.gemms == (Gemm(10, 2 * 10**3 / 0.5),)
    assert found.memory == Copy(4000, 2 * 4000 / 0.5)


@pytest.mark.parametrize(
    ("sizes", "largest"),
    [(["48K", "2048K", "32M"], 32 * 2**20), (["64"], 64), (["", "many"], None), ([], None)],
)
def test_the_last_cache_is_the_largest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sizes: Sequence[str], largest: int | None
) -> None:
    for number, size in enumerate(sizes):
        (tmp_path / f"index{number}").mkdir()
        (tmp_path / f"index{number}" / "size").write_text(f"{size}\n", encoding="ascii")
    monkeypatch.setattr(peaks, "_CACHES", tmp_path)
    assert peaks.last_level_cache() == largest


@given(st.text(max_size=8))
def test_any_text_is_a_size_or_none(text: str) -> None:
    assert peaks._size(text) >= 0


@pytest.mark.parametrize(
    ("last", "free", "expected"),
    [
        (None, 2**40, 64 * 2**20),
        (32 * 2**20, 2**40, 128 * 2**20),
        (2**30, 2**40, 512 * 2**20),
        (2**30, 2**30, 2**27),
        (2**30, 0, peaks.CACHED_BYTES),
    ],
)
def test_the_large_copy_is_beyond_the_cache_as_far_as_memory_allows(
    monkeypatch: pytest.MonkeyPatch, last: int | None, free: int, expected: int
) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: (free, free))
    assert peaks._beyond(last) == expected


@pytest.mark.parametrize("wrong", [{"sizes": ()}, {"sizes": (0,)}, {"copy_bytes": 3}])
def test_a_machine_cannot_be_measured_with_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give at least one size"):
        replace(PeakPlan(), **wrong)  # type: ignore[arg-type]  # one of its attributes


# The roof.


@given(st.floats(1e-3, 1e6), st.floats(1e6, 1e15), st.floats(1e6, 1e13))
def test_a_roof_is_the_lower_of_two_lines_that_meet_at_the_ridge(
    intensity: float, peak: float, bandwidth: float
) -> None:
    roof = Roof(peak, bandwidth, cached=False)
    assert roof.at(intensity) == min(peak, bandwidth * intensity)
    assert math.isclose(roof.at(roof.ridge), peak)
    assert roof.at(intensity) <= roof.at(2 * intensity) <= 2 * roof.at(intensity)


@pytest.mark.parametrize(
    ("flops", "seconds", "share", "bound", "said"),
    [
        # 10 operations per byte are the ridge: 100 GFLOP/s over 10 GB/s.
        (
            100_000,
            2e-6,
            0.5,
            Bound.COMPUTE,
            "which is the processor's peak: 100 operations per byte are more",
        ),
        (1_000, 2e-7, 0.5, Bound.MEMORY, "which is the memory's bandwidth: 1 operations per byte are fewer"),
        (100_000, 1e-4, 0.01, Bound.OVERHEAD, "reaches 1.0% of the roof: nearly all of its time is overhead"),
        (100_000, 1.0, 1e-6, Bound.OVERHEAD, "reaches less than 0.1% of the roof"),
        (1_000, 5e-8, 2.0, Bound.MEMORY, "200.0% of the roof, so this roof is not its own"),
    ],
)
def test_an_engine_is_bound_by_overhead_memory_or_the_peak(
    flops: int, seconds: float, share: float, bound: Bound, said: str
) -> None:
    point = place("one", seconds, work(flops), Roof(100e9, 10e9, cached=False))
    assert point.flops_per_second == flops / seconds
    assert math.isclose(point.share, share)
    assert point.bound is bound
    assert said in point.words


def test_a_model_that_computes_nothing_is_all_overhead() -> None:
    point = place("one", 1e-6, work(0), Roof(100e9, 10e9, cached=False))
    assert (point.share, point.bound) == (0.0, Bound.OVERHEAD)
    assert "computes nothing" in point.words


def test_what_fits_into_the_small_copy_has_the_roof_of_the_cache() -> None:
    assert roof_for(PEAK, work(1, moved=2 * 2**18)) == Roof(100e9, 50e9, cached=True)
    assert roof_for(PEAK, work(1, moved=2 * 2**18 + 1)) == Roof(100e9, 10e9, cached=False)
    slow = replace(PEAK, cache=Copy(2**18, 9e9))
    assert roof_for(slow, work(1, moved=8)) == Roof(100e9, 10e9, cached=False)


def case(names: Sequence[str], *, agree: bool = True) -> CaseReport:
    error = None if agree else Error(1.0, 1.0, agree=False)
    times = summarize([0.001, 0.002, 0.003])
    engines = tuple(
        EngineResult(name, summary=times, error=error if name != names[0] else None) for name in names
    )
    broken = EngineResult("broken", problem="It is not here.")
    return CaseReport("m", 0, 8, 1, names[0], "", (*engines, broken), None, (), ("So.",), complete=True)


def test_a_roofline_holds_all_that_a_plot_needs() -> None:
    found = roofline_of(PEAK, work(10**6, 10**5, moved=10**7), case(["eager", "ort-int8-dynamic"]))
    assert [each.engine for each in found.points] == ["eager", "ort-int8-dynamic"]
    assert found.points[0].flops_per_second == 1.1 * 10**6 / 0.002
    assert [each.bandwidth for each in found.roofs] == [10e9, 50e9]
    assert found.roof == found.roofs[0]
    assert (found.model, found.batch, found.threads, found.complete) == ("m", 8, 1, True)
    said = " ".join(found.caveats)
    assert "the fewest that any engine must move" in said
    assert "fit into the last cache" in said
    assert "ort-int8-dynamic may be above this roof" in said
    assert wire.read(Roofline, wire.write(Roofline, found)) == found


def test_a_peak_that_others_disturbed_is_told() -> None:
    busy = replace(PEAK, foreign=0.4, disturbed=True)
    said = roofline_of(busy, work(1), case(["eager"])).caveats
    assert any(
        each.startswith("Others used 40% of this machine while its peak was measured") for each in said
    )
    assert not any("Others used" in each for each in roofline_of(PEAK, work(1), case(["eager"])).caveats)


def test_an_engine_with_other_numbers_is_marked() -> None:
    found = roofline_of(PEAK, work(1), case(["eager", "ort"], agree=False))
    assert [each.agrees for each in found.points] == [True, False]
    assert found.caveats[0] == "So."


def test_a_copy_that_a_cache_may_hold_is_told() -> None:
    small = replace(PEAK, memory=Copy(2**26, 10e9))
    assert not small.beyond_cache
    (said,) = [each for each in roofline_of(small, work(1), case(["eager"])).caveats if "copied" in each]
    assert said.startswith("The arrays copied had 64 MiB each, not 4 times the last cache's 32 MiB")
    assert PEAK.beyond_cache
    assert replace(small, last_level_cache=None).beyond_cache


# All together.


def test_engines_are_placed_under_the_roof_of_this_machine() -> None:
    told: list[Progress] = []
    plan = RooflinePlan(
        "mlp", batch=3, engines=(EngineKind.EAGER, EngineKind.EAGER_GRAD), method=QUICK, peak=QUICK_PEAK
    )
    found = roofline(plan, tell=told.append)
    assert found.complete
    assert found.work == count_work(WorkPlan("mlp", batch=3))
    assert found.peak is not None
    assert found.case is not None
    assert found.roof is not None
    assert [each.engine for each in found.points] == ["eager", "eager-grad"]
    for point, engine in zip(found.points, found.case.engines, strict=True):
        assert engine.summary is not None
        assert point.seconds == engine.summary.median
        assert math.isclose(
            point.share, found.work.flops / point.seconds / found.roof.at(found.work.intensity)
        )
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert told[-1].share <= 1
    assert wire.read(Roofline, wire.write(Roofline, found)) == found


def test_one_that_is_stopped_says_so() -> None:
    found = roofline(RooflinePlan("mlp", engines=(EngineKind.EAGER,), peak=QUICK_PEAK), stop=lambda: True)
    assert (found.complete, found.points, found.peak, found.roofs, found.roof) == (False, (), None, (), None)
    assert wire.read(Roofline, wire.write(Roofline, found)) == found


def test_a_plan_that_cannot_be_measured_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="threads, expected 1 to"):
        roofline(RooflinePlan("mlp", threads=10_000))
    plan = RooflinePlan("cnn", batch=2, method=QUICK, peak=QUICK_PEAK)
    assert wire.read(RooflinePlan, wire.write(RooflinePlan, plan)) == plan
