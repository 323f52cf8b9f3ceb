import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.benchmark.method import Progress, compare, error_of
from core.benchmark.plan import Method
from core.benchmark.rounds import BenchmarkError
from core.benchmark.statistics import summarize
from core.benchmark.verdict import Verdict
from tests.core.benchmark.known import Known

# Other tests may run beside these: what others use of the machine is another test's matter.
QUICK = Method(block_seconds=0.01, least_seconds=0.0, warm_seconds=0.01, most_foreign=1.0, samples=5)


def test_a_sleep_twice_as_long_is_half_as_fast() -> None:
    report = compare([Known("one", seconds=0.002), Known("two", seconds=0.004)], QUICK)
    assert (report.baseline, report.twin) == ("one", "one, again")
    assert report.complete
    one, two = report.engines
    assert one.summary is not None
    assert two.summary is not None
    assert one.judgement is None
    assert two.judgement is not None
    assert one.summary.minimum >= 0.002
    assert two.summary.minimum >= 0.004
    # A sleep lasts a little longer than asked for, and that much is not doubled.
    assert 0.45 < two.judgement.ratio.value < 0.65
    assert two.judgement.verdict is Verdict.SLOWER
    assert report.floor is not None
    assert len(report.rounds) - report.rejected >= 20
    for each in report.rounds:
        assert set(each.seconds) == {"one", "one, again", "two"}


def test_an_engine_is_never_faster_than_itself() -> None:
    report = compare([Known("one", seconds=0.003), Known("other", seconds=0.003)], QUICK)
    judgement = report.engines[1].judgement
    assert judgement is not None
    assert judgement.verdict is Verdict.CANNOT_TELL


def test_blocks_are_as_long_as_the_method_says() -> None:
    report = compare([Known("one", seconds=0.001)], replace(QUICK, block_seconds=0.02))
    calls = {each.calls["one"] for each in report.rounds}
    assert len(calls) == 1
    assert 10 <= calls.pop() <= 20


def test_there_are_rounds_until_the_least_time_is_over() -> None:
    report = compare([Known("one", seconds=0.004)], replace(QUICK, least_rounds=2, least_seconds=0.5))
    assert len(report.rounds) > 2


def test_rounds_in_which_others_use_the_machine_do_not_count() -> None:
    report = compare([Known("one", seconds=0.001)], replace(QUICK, most_foreign=-2.0, most_rounds=5))
    assert report.rejected == len(report.rounds) == 5
    assert report.floor is None
    assert report.engines[0].summary is None
    assert "5 of 5 rounds do not count: others used this machine meanwhile." in report.caveats


def test_there_are_no_more_rounds_than_the_method_allows() -> None:
    report = compare(
        [Known("one", seconds=0.001)],
        replace(QUICK, block_seconds=0.001, least_rounds=500, most_rounds=7),
    )
    assert len(report.rounds) == 7
    assert "Fewer than 20 rounds count: no verdict can be given." in report.caveats


def test_first_call_and_loading_are_told_apart_from_the_rest() -> None:
    report = compare([Known("one", seconds=0.002, first=0.1)], QUICK)
    (one,) = report.engines
    assert one.first_seconds is not None
    assert one.load_seconds is not None
    assert one.summary is not None
    assert one.first_seconds >= 0.1
    assert 0.002 <= one.load_seconds < 0.1
    assert one.summary.median < 0.1
    assert one.metadata is not None
    assert one.metadata["library"] == "none"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("unavailable", "bad: There is no such engine here."),
        ("fail", "bad: ValueError: no numbers today"),
        ("die", "bad crashed or was killed in the middle (SIGKILL)."),
    ],
)
def test_an_engine_that_fails_is_told_and_the_others_are_measured(does: str, said: str) -> None:
    report = compare([Known("one"), Known("bad", does), Known("two")], QUICK)
    assert [each.problem for each in report.engines] == ["", said, ""]
    assert report.engines[2].judgement is not None
    assert not report.complete


def test_an_engine_that_dies_in_the_middle_keeps_its_rounds() -> None:
    report = compare([Known("one"), Known("late", "late")], replace(QUICK, least_rounds=60))
    late = report.engines[1]
    assert late.problem == "late crashed or was killed in the middle (SIGKILL)."
    counted = [each for each in report.rounds if "late" in each.seconds]
    assert 0 < len(counted) < len(report.rounds)
    assert late.summary is not None
    assert late.summary.count <= len(counted)
    assert report.engines[0].summary is not None


def test_without_its_first_engine_the_next_is_the_baseline() -> None:
    report = compare([Known("bad", "unavailable"), Known("one"), Known("two")], QUICK)
    assert report.baseline == "one"
    assert "bad could not be loaded: one is what the others are compared with." in report.caveats
    assert report.engines[2].judgement is not None


def test_without_any_engine_there_are_only_problems() -> None:
    report = compare([Known("bad", "unavailable"), Known("worse", "fail")], QUICK, memory=True)
    assert report.baseline == ""
    assert report.floor is None
    assert report.rounds == ()
    assert all(each.problem for each in report.engines)


@pytest.mark.parametrize("names", [[], ["one", "one"]])
def test_nothing_to_compare_is_one_line(names: Sequence[str]) -> None:
    with pytest.raises(BenchmarkError, match="expected one or more, each once"):
        compare([Known(name) for name in names], QUICK)


def test_progress_only_goes_forward_and_says_what_is_done() -> None:
    told: list[Progress] = []
    compare([Known("one"), Known("two")], QUICK, tell=told.append, memory=True)
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    stages = [each.stage for each in told]
    for stage in ("Loading two", "Warming up one", "Round 20", "Memory of two"):
        assert stage in stages


def test_what_is_stopped_keeps_what_there_is() -> None:
    told: list[Progress] = []
    report = compare(
        [Known("one"), Known("two")], QUICK, tell=told.append, stop=lambda: len(told) > 15, memory=True
    )
    assert not report.complete
    assert 0 < len(report.rounds) < 20
    assert report.engines[0].summary is not None
    assert report.engines[0].memory is None
    assert report.caveats[-1] == "It was stopped before its end."


def test_memory_is_of_a_process_of_its_own() -> None:
    (one,) = compare([Known("one")], QUICK, memory=True).engines
    assert one.memory is not None
    assert 0 < one.memory.before <= one.memory.after <= one.memory.peak


def test_the_error_is_the_largest_over_all_outputs() -> None:
    base = (np.array([1.0, 2.0], np.float32), np.array([[4.0]], np.float32))
    near = (np.array([1.0, 2.5], np.float32), np.array([[5.0]], np.float32))
    found = error_of(base, near)
    assert (found.absolute, found.relative, found.agree) == (1.0, 0.25, False)
    assert error_of(base, base).agree
    lost = error_of(base, (base[0], np.array([[np.nan]], np.float32)))
    assert math.isnan(lost.absolute)
    assert not lost.agree
    other = error_of(base, base[:1])
    assert other.problem == "The outputs are [(2,)], not [(2,), (1, 1)]."


def test_percentiles_come_from_single_calls_that_are_all_kept() -> None:
    method = replace(QUICK, samples=70, sample_seconds=30.0)
    found = compare([Known("one", "sleep", 0.002), Known("other", "sleep", 0.004)], method)
    for each, seconds in zip(found.engines, (0.002, 0.004), strict=True):
        assert len(each.samples) == 70
        assert each.latency is not None
        assert each.latency == summarize(each.samples)
        assert each.latency.p90 is not None
        assert each.latency.p99 is None
        assert seconds <= each.latency.minimum <= each.latency.median < seconds + 0.02
