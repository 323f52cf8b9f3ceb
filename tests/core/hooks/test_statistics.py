"""The statistics of tensors against exact sums, NumPy and torch in float64, whatever is in them."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.hooks.statistics import (
    BINS,
    EXACT,
    SAMPLE,
    Histogram,
    Statistics,
    count_fast,
    countable,
    holds_still,
    read_summary,
    same_numbers,
    settle,
    summarize,
)

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
ODD = (0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e-40, 3e38, -3e38, 65504.0)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Of any dtype, shape and layout in memory, with odd numbers in it."""
    dtype = draw(st.sampled_from(FLOATS + WHOLE))
    shape = draw(st.sampled_from([(), (0,), (1,), (2, 0, 3), (5,), (3, 4), (2, 3, 4), (64,)]))
    size = math.prod(shape)
    if dtype in WHOLE:
        low, high = (0, 1) if dtype is torch.bool else (0, 200) if dtype is torch.uint8 else (-100, 100)
        number = st.integers(low, high).map(float)
    else:
        number = st.one_of(st.sampled_from(ODD), st.floats(-1e3, 1e3), st.floats(-1e150, 1e150))
    numbers = draw(st.lists(number, min_size=size, max_size=size))
    tensor = torch.tensor(numbers, dtype=torch.float64).to(dtype).reshape(shape)
    layout = draw(st.sampled_from(["plain", "transposed", "strided", "expanded"]))
    if layout == "transposed":
        return tensor.movedim(0, -1) if tensor.dim() else tensor
    if layout == "strided":
        return torch.stack([tensor, torch.ones_like(tensor)], -1)[..., 0]
    return tensor.expand(3, *shape) if layout == "expanded" else tensor


def listed(tensor: Tensor) -> list[float]:
    return [float(number) for number in tensor.to(torch.float64).reshape(-1).tolist()]


def check(found: Statistics, numbers: Sequence[float]) -> None:
    """Against exact sums in plain Python."""
    finite = [number for number in numbers if math.isfinite(number)]
    assert found.count == len(numbers)
    assert found.nans == sum(math.isnan(number) for number in numbers)
    assert found.infinities == sum(math.isinf(number) for number in numbers)
    assert found.zeros == sum(number == 0 for number in numbers)
    assert found.finite is (len(finite) == len(numbers))
    if not finite:
        assert all(math.isnan(value) for value in (found.mean, found.std, found.minimum, found.maximum))
        assert (found.norm, found.histogram) == (0.0, None)
        return
    count, largest = len(finite), max(map(abs, finite))
    mean = math.fsum(finite) / count
    rounding = 4 * count * 2.0**-53 * largest
    assert found.mean == pytest.approx(mean, rel=0, abs=rounding)
    unit = largest or 1.0
    std = math.sqrt(math.fsum(((number - mean) / unit) ** 2 for number in finite) / count) * unit
    assert found.std == pytest.approx(std, rel=1e-12, abs=4 * rounding + 1e-150)
    assert (found.minimum, found.maximum) == (min(finite), max(finite))
    norm = math.sqrt(math.fsum((number / unit) ** 2 for number in finite)) * unit
    assert found.norm == pytest.approx(norm, rel=1e-12, abs=1e-150)
    assert found.histogram is not None
    assert found.histogram.of_every == 1
    check_histogram(found.histogram, finite)


def check_histogram(histogram: Histogram, finite: Sequence[float]) -> None:
    """Below every edge lie as many numbers as counted; a number may be rounded across the edge it is on."""
    low, high, counts = histogram.low, histogram.high, histogram.counts
    assert len(counts) == BINS
    assert min(counts) >= 0
    assert sum(counts) == len(finite)
    assert low < high
    assert low <= min(finite)
    assert max(finite) <= high
    ties = 16 * 2.0**-53 * max(abs(low), abs(high))
    for place in range(1, BINS):
        edge = low * (1 - place / BINS) + high * (place / BINS)
        surely = sum(number < edge - ties for number in finite)
        at_most = sum(number <= edge + ties for number in finite)
        assert surely <= sum(counts[:place]) <= at_most


@given(st.lists(tensors(), max_size=5))
@settings(max_examples=150)
def test_statistics_are_exact_for_any_tensors_counted_together(given_tensors: list[Tensor]) -> None:
    found = settle(given_tensors)
    assert len(found) == len(given_tensors)
    for statistics, tensor in zip(found, given_tensors, strict=True):
        check(statistics, listed(tensor))


@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_statistics_are_those_of_torch_and_numpy_in_float64(dtype: torch.dtype, size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    tensor = (torch.randn(size, generator=generator, dtype=torch.float64) * 40).abs().to(dtype)
    wide = tensor.to(torch.float64)
    (found,) = settle([tensor])
    torch.testing.assert_close(found.mean, float(wide.mean()), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.std, float(wide.std(correction=0)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.norm, float(torch.linalg.vector_norm(wide)), rtol=1e-12, atol=1e-12)
    assert (found.minimum, found.maximum) == (float(wide.min()), float(wide.max()))
    assert found.zeros == int((tensor == 0).sum())
    assert found.histogram is not None
    sampled = wide.numpy()[:: found.histogram.of_every]
    counts, edges = np.histogram(sampled, BINS, (found.histogram.low, found.histogram.high))
    on_edges = int(np.isclose(sampled[:, None], edges[None], rtol=1e-14, atol=1e-14).any(1).sum())
    difference = np.abs(counts - np.array(found.histogram.counts)).sum()
    assert difference <= 2 * on_edges


@pytest.mark.parametrize("mean", [1e3, 1e6, -1e8, 1e12])
def test_a_small_spread_around_a_large_mean_is_not_lost(mean: float) -> None:
    steps = torch.arange(1_000, dtype=torch.float64) % 2  # exactly 0 and 1: the std is 0.5
    (found,) = settle([steps + mean])
    assert found.mean == pytest.approx(mean + 0.5, rel=1e-14)
    assert found.std == pytest.approx(0.5, rel=1e-9)


def test_the_largest_numbers_of_float32_do_not_overflow() -> None:
    largest = torch.finfo(torch.float32).max
    (found,) = settle([torch.tensor([largest, -largest, largest, -largest])])
    assert (found.mean, found.std, found.norm) == (0.0, largest, 2 * largest)
    assert found.histogram is not None
    assert found.histogram.counts == (2, *[0] * (BINS - 2), 2)


def test_the_ends_of_float64_keep_their_minimum_maximum_and_histogram() -> None:
    largest = torch.finfo(torch.float64).max
    (found,) = settle([torch.tensor([largest, -largest, 0.0], dtype=torch.float64)])
    assert (found.minimum, found.maximum, found.nans, found.infinities) == (-largest, largest, 0, 0)
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 3
    assert found.histogram.counts[BINS // 2] == 1


@pytest.mark.parametrize("number", [0.0, -3.0, 1e-300, 1e300, 7.0])
def test_a_lone_number_gets_a_histogram_around_it(number: float) -> None:
    (found,) = settle([torch.full((6,), number, dtype=torch.float64)])
    assert found.std == pytest.approx(0.0, abs=abs(number) * 1e-15)
    assert found.histogram is not None
    assert found.histogram.low < number < found.histogram.high
    assert found.histogram.counts == tuple(6 if place == BINS // 2 else 0 for place in range(BINS))


def test_nothing_has_no_statistics_but_a_count() -> None:
    empty, _, nothing = settle([torch.ones(0), torch.ones(2), torch.full((2,), math.nan)])
    assert (empty.count, empty.zeros, empty.norm, empty.histogram) == (0, 0, 0.0, None)
    assert math.isnan(empty.mean)
    assert empty.finite
    assert (nothing.count, nothing.nans, nothing.histogram) == (2, 2, None)
    assert settle([]) == []


def test_many_tensors_are_counted_as_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = [1, 0, 7, 700_000, 3, 700_000, 5, 1_100_000, 0, 2]
    given_tensors = [torch.randn(size, generator=generator) for size in sizes]
    together = settle(given_tensors)
    for tensor, found in zip(given_tensors, together, strict=True):
        (alone,) = settle([tensor])
        for one, two in zip(dataclasses.astuple(found), dataclasses.astuple(alone), strict=True):
            assert one == two or one == pytest.approx(two, rel=1e-9, abs=1e-12, nan_ok=True)


def test_counting_leaves_the_tensor_and_the_warnings_alone() -> None:
    tensor = torch.tensor([1.0, math.nan, math.inf, 3e38], requires_grad=True)
    before = tensor.detach().numpy().tobytes()
    with np.errstate(all="raise"):
        settle([tensor, torch.full((3,), 1e300, dtype=torch.float64)])
    assert tensor.detach().numpy().tobytes() == before


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, device="meta"),
        torch.ones(2, 2).to_sparse(),
        torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged),
    ],
)
def test_what_has_no_real_numbers_in_a_row_is_not_countable(tensor: Tensor) -> None:
    assert not countable(tensor)
    assert countable(torch.ones(2).expand(3, 2))


@st.composite
def float_tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from(FLOATS))
    size = draw(st.sampled_from([1, 2, 3, 100, SAMPLE - 1, SAMPLE, 2 * SAMPLE + 1, 10_000]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1_000)))
    mean = draw(st.sampled_from([0.0, 1e-3, 1.0, -30.0, 1e4]))
    std = draw(st.sampled_from([0.0, 1e-30, 1e-22, 1e-6, 1.0, 100.0, 1e25]))
    numbers = torch.randn(size, generator=generator, dtype=torch.float64)
    kind = draw(st.sampled_from(["normal", "signs", "sparse"]))
    if kind == "signs":
        numbers = 1 - 2 * (torch.arange(size, dtype=torch.float64) % 2)
    elif kind == "sparse":
        numbers = numbers * (torch.arange(size) % 7 == 0)
    tensor = (numbers * std + mean).to(dtype)
    return tensor if size % 2 else torch.stack([tensor, tensor], -1)[..., 1]


@given(float_tensors())
@settings(max_examples=300)
def test_the_fast_statistics_are_within_their_error_or_none(tensor: Tensor) -> None:
    summary = summarize(tensor)
    assert summary is not None
    found = read_summary(tensor.numel(), summary)
    if found is None:
        return
    (exact,) = settle([tensor])
    size = exact.norm / math.sqrt(exact.count)
    assert found.mean == pytest.approx(exact.mean, rel=0, abs=1e-4 * size)
    assert found.std == pytest.approx(exact.std, rel=0.01)
    assert found.norm == pytest.approx(exact.norm, rel=1e-4)
    assert (found.minimum, found.maximum, found.count) == (exact.minimum, exact.maximum, exact.count)
    assert (found.zeros, found.nans, found.infinities) == (None, 0, 0)
    assert found.histogram is not None
    assert exact.histogram is not None
    assert (found.histogram.low, found.histogram.high) == (exact.histogram.low, exact.histogram.high)
    sampled = listed(tensor)[:: found.histogram.of_every]
    assert found.histogram.of_every == exact.histogram.of_every
    assert sum(found.histogram.counts) == len(sampled)
    check_histogram(dataclasses.replace(found.histogram, of_every=1), sampled)


@pytest.mark.parametrize(
    "numbers",
    [
        [1.0, math.nan],
        [math.inf, 1.0],
        [math.inf, -math.inf],
        [3e38, 3e38],
        [1e25, -1e25],
        [1e4, 1e4 + 1e-2],
        [1e-30, -1e-30],
        [1e-23, -1e-23],
    ],
)
def test_where_the_fast_statistics_would_be_wrong_there_are_none(numbers: list[float]) -> None:
    summary = summarize(torch.tensor(numbers, dtype=torch.float32))
    assert summary is not None
    assert read_summary(2, summary) is None


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=6), st.integers(0, 5), st.sampled_from(ODD))
def test_the_same_numbers_are_the_same_bits(numbers: list[float], place: int, other: float) -> None:
    one = torch.tensor(numbers, dtype=torch.float32, requires_grad=True)
    changed = one.detach().clone()
    changed[place % len(numbers)] = other
    assert same_numbers(one, one.detach().clone())
    assert same_numbers(one, changed) is torch.equal(
        one.detach().view(torch.int32), changed.view(torch.int32)
    )


@pytest.mark.parametrize(
    "other",
    [
        torch.zeros(6),
        torch.zeros(2, 3, dtype=torch.float64),
        torch.zeros(3, 2).T,
        torch.zeros(2, 3, device="meta"),
        torch.zeros(2, 3).to_sparse(),
    ],
)
def test_tensors_of_other_kinds_are_not_held_against_each_other(other: Tensor) -> None:
    assert not same_numbers(torch.zeros(2, 3), other)
    assert not same_numbers(other, torch.zeros(2, 3))
    assert not same_numbers(torch.zeros(0), torch.zeros(0))


def test_only_floating_point_numbers_have_fast_statistics() -> None:
    assert summarize(torch.ones(3, dtype=torch.int64)) is None
    assert summarize(torch.ones(0)) is None
    assert summarize(torch.tensor(1.0)) is not None


@given(
    st.integers(EXACT + 1, 4 * EXACT),
    st.sampled_from([0.0, 1e-3, 0.5, 1.0, 2.0, -3.2, -30.0, 1e4]),
    st.sampled_from([1e-30, 1e-6, 0.1, 1.0, 100.0, 1e25]),
    st.sampled_from([0, 2, 5]),
    st.sampled_from(["normal", "signs", "ramp"]),
    st.integers(0, 1_000),
)
@settings(max_examples=100)
def test_many_numbers_are_counted_within_the_stated_error(
    size: int, mean: float, std: float, every_zero: int, kind: str, seed: int
) -> None:
    tensor = drawn(kind, size, seed) * std + mean
    if every_zero:
        tensor[::every_zero] = 0
    wide = tensor.to(torch.float64)
    (found,) = settle([tensor])
    norm = float(torch.linalg.vector_norm(wide))
    assert found.mean == pytest.approx(float(wide.mean()), rel=0, abs=1e-5 * norm / math.sqrt(size))
    assert found.std == pytest.approx(float(wide.std(correction=0)), rel=1e-4)
    assert found.norm == pytest.approx(norm, rel=1e-4)
    assert (found.minimum, found.maximum) == (float(wide.min()), float(wide.max()))
    assert found.zeros == int((tensor == 0).sum())
    assert found.histogram is not None
    assert found.histogram.of_every >= size // SAMPLE
    sampled = listed(tensor)[:: found.histogram.of_every]
    check_histogram(dataclasses.replace(found.histogram, of_every=1), sampled)


@pytest.mark.parametrize("kind", ["normal", "signs", "ramp"])
@pytest.mark.parametrize("scale", [0.1, 0.3, 0.7])
def test_millions_of_numbers_are_counted_within_the_stated_error(kind: str, scale: float) -> None:
    tensor = drawn(kind, 5_000_000, 0) * scale
    wide = tensor.to(torch.float64)
    (found,) = settle([tensor])
    norm = float(torch.linalg.vector_norm(wide))
    assert found.mean == pytest.approx(float(wide.mean()), rel=0, abs=1e-5 * norm / math.sqrt(len(wide)))
    assert (found.std, found.norm) == pytest.approx((float(wide.std(correction=0)), norm), rel=1e-4)


def drawn(kind: str, size: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    match kind:
        case "normal":
            return torch.randn(size, generator=generator)
        case "signs":
            return torch.randint(0, 2, (size,), generator=generator) * 2.0 - 1.0
        case _:
            return torch.linspace(-1.0, 1.0, size)


def test_many_numbers_with_one_that_is_none_are_counted_around_it() -> None:
    tensor = torch.ones(2 * EXACT)
    tensor[7], tensor[8] = math.nan, -math.inf
    (found,) = settle([tensor])
    assert (found.count, found.nans, found.infinities, found.mean) == (2 * EXACT, 1, 1, 1.0)


def test_many_numbers_whose_sums_overflow_both_ways_in_float32_are_counted() -> None:
    tensor = torch.full((2 * EXACT + 5,), 3e38)
    tensor[EXACT:] = -3e38
    (found,) = settle([tensor])
    wide = tensor.to(torch.float64)
    assert found.mean == pytest.approx(float(wide.mean()), rel=1e-9)
    assert found.std == pytest.approx(float(wide.std(correction=0)), rel=1e-9)


@pytest.mark.parametrize(("size", "of_every"), [(2 * SAMPLE - 1, 1), (2 * SAMPLE, 3), (6 * SAMPLE, 7)])
def test_one_of_an_odd_number_is_in_the_histogram(size: int, of_every: int) -> None:
    rows = torch.zeros(size // 4 + 1, 4)
    rows[:, 2] = 1  # of an even number, this column would be in it always or never
    (found,) = settle([rows.reshape(-1)[:size]])
    assert found.histogram is not None
    assert found.histogram.of_every == of_every
    ones, all_of_them = found.histogram.counts[-1], sum(found.histogram.counts)
    assert all_of_them == -(-size // of_every)
    assert ones / all_of_them == pytest.approx(0.25, abs=0.001)


def test_a_histogram_counted_later_is_of_what_was_there_when_it_was_settled() -> None:
    tensor = torch.arange(100.0)
    (found,) = settle([tensor])
    tensor.zero_()
    assert found.histogram is not None
    assert found.histogram.counts[0] < 100
    assert found.histogram is found.histogram


def test_statistics_with_a_histogram_still_to_be_counted_equal_those_with_one() -> None:
    one, two, other = settle([torch.arange(9.0), torch.arange(9.0), torch.arange(8.0)])
    counted = Statistics(*(getattr(two, field.name) for field in dataclasses.fields(Statistics)))
    assert (one == two, one == counted, counted == one) == (True, True, True)
    assert len({one, two}) == 1
    assert one != other


WRITINGS: dict[str, Callable[[Tensor], object]] = {
    "one more": lambda x: x[3].add_(1.0),
    "one nan": lambda x: x[-1].fill_(math.nan),
    "an infinity of each sign": lambda x: x[:2].copy_(torch.tensor([math.inf, -math.inf])),
    "too much to square": lambda x: x[5].fill_(1e30),
    "all signs": lambda x: x.neg_(),
    "no sign": lambda x: x.abs_(),
    "one sign": lambda x: x[x.abs().argmax()].neg_(),
    "every other sign": lambda x: x[::2].neg_(),
    "twice": lambda x: x.mul_(2.0),
    "zero": lambda x: x.zero_(),
    "no negatives": lambda x: x.relu_(),
    "around the mean": lambda x: x.sub_(x.mean()),
    "dropped": lambda x: x[::17].zero_(),
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("size", [EXACT + 1, 2**15, 100_003])
def test_what_is_written_into_a_tensor_is_noticed(size: int, writing: str) -> None:
    x = torch.randn(size, generator=torch.Generator().manual_seed(size))
    counted = count_fast(x)
    assert counted is not None
    assert holds_still(x, counted)
    assert holds_still(x.clone(), counted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        WRITINGS[writing](x)
        assert not holds_still(x, counted)


def test_a_tensor_without_a_mean_is_counted_anew() -> None:
    x = torch.tensor([3.0, -1.0, -1.0, -1.0]).repeat(8_192)
    counted = count_fast(x)
    assert counted is not None
    assert counted.mean == 0
    assert not holds_still(x, counted)


@pytest.mark.parametrize("other", [torch.float64, torch.int32, torch.bfloat16])
def test_a_tensor_of_another_kind_does_not_hold_still(other: torch.dtype) -> None:
    x = torch.arange(20_000.0)
    counted = count_fast(x)
    assert counted is not None
    assert not holds_still(x.to(other), counted)
    assert not holds_still(x[:-1], counted)


@given(st.integers(0, 2**32 - 1), st.integers(EXACT + 1, 40_000), st.integers(1, 4), st.sampled_from([1, -1]))
@settings(max_examples=60)
def test_what_holds_still_has_the_statistics_that_it_had(seed: int, size: int, count: int, sign: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Sums of small whole numbers are exact: of others than before they may well be the same.
    x = torch.randint(-3, 4, (size,), generator=generator).float()
    counted = count_fast(x)
    assert counted is not None
    places = torch.randint(0, size, (count,), generator=generator)
    x[places] = sign * x[places.roll(1)]
    (now,) = settle([x.double()])
    same = holds_still(x, counted)
    assert same is (counted.mean != 0 and math.isclose(now.mean * size, counted.mean * size, abs_tol=0.5)
                    and math.isclose(now.norm**2, counted.norm**2, abs_tol=0.5))  # fmt: skip
    if same:
        assert (counted.minimum, counted.maximum, counted.zeros) == (now.minimum, now.maximum, now.zeros)
