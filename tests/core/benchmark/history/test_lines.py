"""What lists show of a run follows from its rounds, and is text on one line."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.history import Run, RunLine
from core.benchmark.history.lines import clean, line_of, point_of
from core.benchmark.report import EngineResult
from tests.core.benchmark.history import made
from tests.core.benchmark.history.strategies import runs


def counted(run: Run, engine: str) -> list[float]:
    """The seconds of an engine in the rounds of the first comparison that count."""
    return [each.seconds[engine] for each in run.report.cases[0].rounds if not each.rejected]


def test_a_line_has_the_medians_and_the_ratio_of_the_rounds_that_count() -> None:
    run = made.run()
    eager, ort = line_of(run).results
    for line in (eager, ort):
        times = counted(run, line.engine)
        assert line.rounds == len(times) == 23
        assert (line.lower_quartile, line.median, line.upper_quartile) == pytest.approx(
            np.percentile(times, [25, 50, 75])
        )
    ratios = np.divide(counted(run, "eager"), counted(run, "ort"))
    assert ort.ratio == pytest.approx(np.median(ratios))
    assert ort.low is not None
    assert ort.high is not None
    assert ratios.min() < ort.low < np.median(ratios) < ort.high < ratios.max()
    assert (eager.ratio, eager.low, eager.high, eager.verdict) == (None, None, None, None)


@given(runs(), st.booleans())
def test_a_line_says_of_any_run_what_the_run_says(run: Run, waiting: bool) -> None:
    line = line_of(run, waiting=waiting)
    own = {each.name for each in fields(RunLine)} & {each.name for each in fields(Run)}
    assert own >= {"id", "owner", "shared", "started", "imported", "note", "machine", "machine_id"}
    assert all(getattr(line, name) == getattr(run, name) for name in own)
    assert (line.seconds, line.complete, line.waiting) == (run.report.seconds, run.report.complete, waiting)
    engines = [(case, engine) for case in run.report.cases for engine in case.engines]
    for (case, engine), result in zip(engines, line.results, strict=True):
        assert (result.engine, result.seed, result.batch) == (engine.name, case.seed, case.batch)
        assert result.agrees == (engine.error and engine.error.agree)
        assert result.machine.isprintable()
        assert result.problem.isprintable()
    assert line.judged == any(each.verdict for each in line.results)


def test_an_engine_without_a_time_has_its_problem() -> None:
    case = replace(made.case(), engines=(EngineResult("ort", problem="Two\nlines."),))
    (result,) = line_of(made.run(case)).results
    assert (result.problem, result.rounds, result.median, result.agrees) == ("Two lines.", 0, None, None)


def test_the_models_of_a_line_come_once_each_in_their_order() -> None:
    cases = [made.case("cnn"), made.case("mlp"), made.case("cnn", 8)]
    assert line_of(made.run(*cases)).models == ("cnn", "mlp")


def test_a_model_whose_weights_are_not_known_has_no_fingerprint() -> None:
    found = line_of(made.run(made.case("mlp"), made.case("cnn"), model_ids={"cnn": made.MODEL_ID}))
    assert [each.model_id for each in found.results] == ["", "", made.MODEL_ID, made.MODEL_ID]


def test_an_owner_is_not_printed() -> None:
    assert "t0ken" not in repr(line_of(made.run(owner="t0ken")))


def test_who_sees_a_run_in_the_list() -> None:
    seen = {
        (owner, is_shared, shared)
        for owner, is_shared, shared in itertools.product((None, "me", "you"), (False, True), (False, True))
        if line_of(made.run(owner="me", shared=is_shared)).visible_to(owner, shared=shared)
    }
    everybody = {(None, one, two) for one, two in itertools.product((False, True), repeat=2)}
    mine = {("me", one, two) for one, two in itertools.product((False, True), repeat=2)}
    assert seen == everybody | mine | {("you", True, True)}


def test_a_point_is_one_result_with_what_may_have_changed_since() -> None:
    run = made.run(imported=True)
    line = line_of(run)
    point = point_of(line, line.results[1])
    assert (point.run, point.started, point.imported, point.complete) == (run.id, made.STARTED, True, True)
    assert (point.versions, point.versions_id) == (made.VERSIONS, run.versions_id)
    assert point.result.engine == "ort"


@given(st.text(), st.integers(1, 40))
def test_cleaned_text_is_short_on_one_line_and_clean(text: str, most: int) -> None:
    found = clean(text, most)
    assert found.isprintable()
    assert len(found) <= most
    assert found == " ".join(found.split())
    assert clean(found, most) == found


@given(st.lists(st.text("abc\u00e9\u4e2d", min_size=1), max_size=5).map(" ".join))
def test_text_that_is_clean_stays(text: str) -> None:
    assert clean(text, max(1, len(text))) == text


def test_text_that_was_cut_says_so() -> None:
    assert clean("abcdef", 4) == "abc…"
    assert clean("a\u202eb\x00c\td") == "a b c d"
