"""The benchmark of the search, on engines of known speed: that it tells a miss, not how fast engines are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bench import engines
from bench.__main__ import render
from bench.engines import Contest, beside, contest, contests
from bench.known import Known
from core.benchmark.breakeven import calls
from core.benchmark.configuration import Configuration
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport, Error
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.findings import Finalist, SearchReport, Tried
from core.benchmark.search.space import SearchPlan, default
from core.engines.engine import EngineKind
from tests.core.benchmark.reports import case

QUICK = Method(
    block_seconds=0.004, least_rounds=20, most_rounds=20, least_seconds=0.0, warm_seconds=0.01,
    most_foreign=1.0, samples=0,
)  # fmt: skip
PLAN = SearchPlan(
    "scalar_linear", engines=(EngineKind.EAGER, EngineKind.TORCHSCRIPT), seconds=30.0, method=QUICK
)
EAGER = default(EngineKind.EAGER, 1)
SCRIPT = default(EngineKind.TORCHSCRIPT, 1)


def found(best: Configuration | None = SCRIPT, *others: Tried) -> SearchReport:
    """A search that found `best`; eager and TorchScript as they are were tried."""
    tried = [
        Tried(each, default=True, within=True, error=None if each == EAGER else Error(2e-6, 1e-6, agree=True))
        for each in (EAGER, SCRIPT)
        if each not in {other.configuration for other in others}
    ]
    finalists = [Finalist(each, None, None, 1.0) for each in tried if each.configuration == best]
    return SearchReport(
        plan=PLAN,
        best=finalists[0] if finalists else None,
        finalists=tuple(finalists),
        tried=(*tried, *others),
        excluded=(),
        untried=(),
        breakeven=calls(0.0, 2.0, 10.0, 1.0),
        export_seconds=0.0,
        final=None,
        conclusion="",
        seconds=3.0,
        complete=True,
    )


def searched_with(seconds: Mapping[EngineKind, float], report: SearchReport) -> Contest:
    """What is measured after a search, on engines that sleep for so long."""

    def make(each: Configuration) -> Known:
        return Known(each.name, sleeps=seconds[each.kind], threads=each.options.threads)

    return contest(PLAN, QUICK, make=make, searched=lambda _: report)


def as_measured(again: CaseReport) -> Contest:
    return Contest(found(), again, (("compiled", "There is no compiler."),))


def test_a_search_is_made_and_its_best_is_measured_beside_every_engine_as_it_is() -> None:
    sleeps = {EngineKind.EAGER: 0.004, EngineKind.TORCHSCRIPT: 0.001}

    def make(each: Configuration) -> Known:
        return Known(each.name, sleeps=sleeps[each.kind], threads=each.options.threads)

    one = contest(PLAN, QUICK, make=make)
    assert one.report.best is not None
    assert one.report.best.tried.configuration.kind is EngineKind.TORCHSCRIPT
    assert one.again is not None
    assert one.again.baseline == one.report.best.name
    assert EAGER.name in {each.name for each in one.compared}
    assert (one.beaten_by, one.problem) == ((), "")
    (target,) = contests([one], 30.0, 0.0).targets
    assert target.met


def test_real_engines_are_measured_again_on_one_exported_file() -> None:
    plan = replace(PLAN, engines=(EngineKind.EAGER, EngineKind.ORT))
    best = Tried(default(EngineKind.ORT, 1), default=True, within=True)
    report = replace(found(None, best), best=Finalist(best, None, None, 1.0))
    one = contest(plan, QUICK, searched=lambda _: report)
    assert one.again is not None
    assert one.again.baseline == best.name
    assert EAGER.name in {each.name for each in one.compared}
    assert one.again.complete
    assert all(each.error is None or each.error.agree for each in one.again.engines)


def test_a_default_that_is_faster_than_the_best_is_a_miss() -> None:
    one = searched_with({EngineKind.EAGER: 0.001, EngineKind.TORCHSCRIPT: 0.003}, found())
    assert one.beaten_by == (EAGER.name,)
    table = contests([one], 30.0, 0.0)
    assert not table.targets[0].met
    assert f"missed: scalar_linear ({EAGER.name})" in table.targets[0].text


def test_an_engine_that_the_search_refused_does_not_compete_but_is_listed() -> None:
    wrong = Tried(EAGER, default=True, problem="Its outputs are off.")
    one = searched_with({EngineKind.EAGER: 0.001, EngineKind.TORCHSCRIPT: 0.003}, found(SCRIPT, wrong))
    assert one.left_out == ((EAGER.name, "Its outputs are off."),)
    assert (one.compared, one.beaten_by, one.problem) == ((), (), "")
    assert (EAGER.name, None, None, "Its outputs are off.") in [row[1:] for row in beside([one]).rows]


def test_a_search_that_found_nothing_is_a_miss() -> None:
    one = searched_with({}, found(None))
    assert one.problem == "nothing was found"
    table = contests([one], 30.0, 0.0)
    assert not table.targets[0].met
    assert table.rows[0][:3] == ("scalar_linear", None, None)


@pytest.mark.parametrize(
    ("news", "problem"),
    [
        ({"rounds": 30, "rejected": range(11)}, "19 rounds counted after the search"),
        ({"problems": {EAGER.name: "It crashed."}}, f"not measured again: {EAGER.name}"),
    ],
)
def test_what_could_not_be_measured_again_is_a_miss(news: dict[str, Any], problem: str) -> None:
    one = as_measured(case({SCRIPT.name: 1.0, "slow": 2.0}, **news))
    assert one.problem == problem
    assert not contests([one], 30.0, 0.0).targets[0].met


def test_an_engine_that_was_never_tried_and_does_not_run_is_listed_and_no_miss() -> None:
    again = case({SCRIPT.name: 1.0, EAGER.name: 2.0}, problems={"never tried": "It takes images."})
    one = as_measured(again)
    assert (one.beaten_by, one.problem) == ((), "")
    assert beside([one]).rows[-1] == ("scalar_linear", "never tried", None, None, "It takes images.")


def test_the_tables_have_what_was_found() -> None:
    one = as_measured(case({SCRIPT.name: 1.0, EAGER.name: 2.0, "slow": 4.0}))
    table = contests([one], 60.0, 0.01)
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["best"] == SCRIPT.name
    assert cells["times eager (95%)"] == "2.00 (2.00 to 2.00)"
    assert (cells["error"], cells["defaults beside it"], cells["faster than it"]) == (2e-6, 2, "none")
    assert (cells["tried"], cells["search s"], cells["pays after calls"]) == (2, 3.0, "10")
    assert table.targets[0].met
    rows = beside([one]).rows
    assert rows[0][1:2] + rows[0][3:] == (EAGER.name, "0.50 (0.50 to 0.50)", "slower")
    assert rows[0][2] == pytest.approx(2e6)
    assert rows[2] == ("scalar_linear", "compiled", None, None, "There is no compiler.")
    assert render(table)
    assert render(beside([one]))


def test_where_eager_is_the_best_that_is_said() -> None:
    one = Contest(found(EAGER), case({EAGER.name: 1.0, SCRIPT.name: 1.0}), ())
    cells = dict(zip(contests([one], 60.0, 0.0).columns, contests([one], 60.0, 0.0).rows[0], strict=True))
    assert cells["times eager (95%)"] == "1: it is eager"
    assert cells["error"] is None


def test_the_arguments_say_which_models(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SearchPlan] = []
    outcomes = itertools.repeat(as_measured(case({SCRIPT.name: 1.0, EAGER.name: 2.0})))

    def made(plan: SearchPlan, _: Method) -> Contest:
        asked.append(plan)
        return next(outcomes)

    monkeypatch.setattr(engines, "contest", made)
    tables = engines.run_with(["--models", "mlp", "cnn", "--seconds", "5", "--max-error", "0.1"])
    assert [(each.model, each.seconds, each.max_error) for each in asked] == [
        ("mlp", 5.0, 0.1),
        ("cnn", 5.0, 0.1),
    ]
    assert len(tables[0].rows) == 2


def test_a_model_that_cannot_be_searched_is_a_miss_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(plan: SearchPlan, _: Method) -> Contest:
        if plan.model == "mlp":
            raise BenchmarkError("The baseline could not be run.")
        return as_measured(case({SCRIPT.name: 1.0, EAGER.name: 2.0}))

    monkeypatch.setattr(engines, "contest", made)
    table, _ = engines.run(["mlp", "cnn"])
    assert {row[0] for row in table.rows} == {"scalar_linear", "mlp"}
    assert not table.targets[0].met
    assert "each of 2 models; missed: mlp (The baseline could not be run.)" in table.targets[0].text
