import itertools
import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.benchmark import tasks
from core.benchmark.cluster.shard import Shard, split, spread
from core.benchmark.cluster.station import Description, Order, Outcome
from core.benchmark.configuration import Configuration
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow
from core.benchmark.fairness.setting import Setting
from core.benchmark.operators import OperatorsPlan
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.roofline import RooflinePlan
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.findings import SearchReport, Tried
from core.benchmark.search.space import SearchPlan
from core.benchmark.tasks import Plan, write_part
from core.engines.engine import EngineKind, EngineOptions

CASE = CaseReport(
    model="mlp", seed=1, batch=2, threads=1, baseline="eager", twin="", engines=(), floor=None, rounds=(),
    caveats=("It was cold.",), complete=True,
)  # fmt: skip
WRITTEN = json.dumps({"result": tasks.write_result(Report((CASE,), 1.0, complete=True))})


def started(host: str = "A") -> Shard:
    shard = Shard(BenchmarkPlan())
    shard.start(host)
    return shard


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True),
)
def test_a_plan_is_split_into_its_comparisons_in_their_order(
    models: list[str], batches: list[int], threads: list[int]
) -> None:
    plan = BenchmarkPlan(models=tuple(models), batches=tuple(batches), threads=tuple(threads), seed=5)
    shards = comparisons(split(plan))
    found = [(each.models, each.batches, each.threads) for each in shards]
    assert found == [((m,), (b,), (t,)) for m, b, t in itertools.product(models, batches, threads)]
    assert {(each.engines, each.method, each.seed) for each in shards} == {(plan.engines, plan.method, 5)}


def test_on_several_machines_each_comparison_is_made_on_each() -> None:
    shards = spread(BenchmarkPlan(batches=(1, 2)), ["A", "B"])
    batches = [each.batches for each in comparisons(shard.plan for shard in shards)]
    assert list(zip(batches, [shard.machine for shard in shards], strict=True)) == [
        ((1,), "A"), ((1,), "B"), ((2,), "A"), ((2,), "B"),
    ]  # fmt: skip


def comparisons(plans: Iterable[Plan]) -> list[BenchmarkPlan]:
    found = []
    for each in plans:
        assert isinstance(each, BenchmarkPlan)
        found.append(each)
    return found


@pytest.mark.parametrize(
    ("plan", "threads"),
    [
        (FairnessPlan(threads=2), 2),
        (SearchPlan(), 1),
        (RooflinePlan(threads=3), 3),
        (OperatorsPlan(threads=4), 4),
    ],
)
def test_what_is_no_comparison_is_measured_in_one_go(plan: Plan, threads: int) -> None:
    assert split(plan) == (plan,)
    shard = Shard(plan)
    assert shard.threads == threads
    shard.start("A")
    shard.fail("It cannot be.")
    assert shard.failed_case() == ()


def test_parts_and_the_result_of_a_search_are_kept() -> None:
    tried = Tried(Configuration(EngineKind.EAGER, EngineOptions()), default=True)
    found = SearchReport(
        SearchPlan(), None, (), (tried,), (), (), None, 0.0, CASE, "Nothing won.", 1.0, complete=True
    )
    shard = Shard(SearchPlan())
    shard.start("A")
    lines = ({"part": write_part(tried)}, {"result": tasks.write_result(found)})
    shard.finish(Outcome(tuple(map(json.dumps, lines))))
    assert shard.parts == (tried,)
    assert shard.result == replace(found, final=replace(CASE, machine="A"))


@pytest.mark.parametrize("plan", [BenchmarkPlan(models=()), BenchmarkPlan(engines=())])
def test_an_empty_plan_is_refused(plan: BenchmarkPlan) -> None:
    with pytest.raises(BenchmarkError, match=r"^The plan is empty: "):
        split(plan)


def test_what_a_machine_measured_carries_its_name() -> None:
    shard = started()
    shard.finish(Outcome((WRITTEN,)))
    assert shard.over
    assert [(case.machine, case.caveats) for case in shard.cases] == [("A", ("It was cold.",))]
    assert shard.result == Report(shard.cases, 1.0, complete=True)


def test_every_comparison_in_a_result_carries_the_name_of_its_machine() -> None:
    row = FairnessRow(Setting.FAIR, "fair", "", None, case=CASE)
    report = FairnessReport(FairnessPlan(), (row, replace(row, case=None)), "", 1.0, complete=True)
    shard = Shard(FairnessPlan())
    shard.start("A")
    lines = ({"part": write_part(row)}, {"result": tasks.write_result(report)})
    shard.finish(Outcome(tuple(map(json.dumps, lines))))
    marked = replace(row, case=replace(CASE, machine="A"))
    assert shard.parts == (marked,)
    assert shard.result == replace(report, rows=(marked, report.rows[1]))


def test_after_one_loss_it_is_measured_again_and_says_so() -> None:
    shard = started()
    shard.lose(0.0)
    assert shard.waiting
    assert shard.note == "A worker on A was lost in the middle; it is measured again."
    shard.start("B")
    shard.finish(Outcome((WRITTEN,)))
    said = "A worker on A was lost in the middle; it was measured again on B."
    assert shard.cases[0].caveats == ("It was cold.", said)


def test_after_two_losses_it_fails_and_so_does_its_comparison() -> None:
    shard = started()
    shard.lose(0.0)
    shard.start("B")
    shard.lose(1.0)
    why = "A worker on A and then one on B was lost in the middle: it may need more memory than they have."
    assert (shard.over, shard.problem, shard.note) == (True, why, "")
    (case,) = shard.failed_case()
    assert (case.model, case.batch, case.complete, case.caveats) == ("simple_mlp", 1, False, (why,))
    assert [(each.name, each.problem) for each in case.engines] == [("eager", why), ("ort", why)]


def test_a_scheduler_may_be_lost_three_times() -> None:
    shard = started()
    for _ in range(3):
        shard.restart()
        assert shard.waiting
        shard.start("A")
    shard.restart()
    assert shard.problem == "The cluster's scheduler was lost 4 times in the middle of it."


def test_lines_without_a_result_keep_what_was_finished() -> None:
    shard = started()
    shard.finish(Outcome((json.dumps({"part": write_part(CASE)}), '{"ready": true}')))
    assert shard.over
    assert [case.model for case in shard.cases] == ["mlp"]
    assert shard.result is None


def test_why_it_failed_is_its_problem() -> None:
    shard = started()
    shard.finish(Outcome(('{"failed": "There is no such model."}',)))
    assert (shard.over, shard.problem, shard.cases) == (True, "There is no such model.", ())


@given(
    st.dictionaries(st.sampled_from(["result", "part", "progress"]), st.none() | st.integers(), min_size=1)
    | st.integers()
    | st.lists(st.text())
)
def test_lines_that_nobody_says_are_refused(line: object) -> None:
    with pytest.raises(ValueError, match=r"Expected a (result|part|message)|validation error"):
        started().finish(Outcome((json.dumps(line),)))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        started().finish(Outcome(("no JSON",)))


@given(st.floats(), st.floats())
def test_numbers_that_are_none_come_through(absolute: float, relative: float) -> None:
    engine = EngineResult("ort", error=Error(absolute, relative, agree=False))
    report = Report((replace(CASE, engines=(engine,)),), 1.0, complete=True)
    sent = Outcome((json.dumps({"result": tasks.write_result(report)}),))
    shard = started()
    shard.finish(wire.read(Outcome, json.loads(json.dumps(wire.write(Outcome, sent)))))
    # nan equals nothing: the text of a value is what can be compared.
    assert repr(shard.cases[0].engines[0].error) == repr(engine.error)


@given(
    st.builds(
        Order,
        st.text(),
        st.text(),
        st.text(),
        st.text(),
        st.text(),
    )
    | st.builds(Description, st.text(), st.text(), st.text(), st.integers(0, 2**40), st.text())
    | st.builds(Outcome, st.lists(st.text()).map(tuple), st.booleans())
)
def test_what_crosses_the_cluster_comes_out_as_it_went_in(value: Order | Description | Outcome) -> None:
    kind: type[Order | Description | Outcome] = type(value)
    assert wire.read(kind, json.loads(json.dumps(wire.write(kind, value)))) == value


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda each: st.dictionaries(st.text(), each)))
def test_what_is_no_order_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        wire.read(Order, written)
