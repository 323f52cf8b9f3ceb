"""The questions beside "Who is faster?": what their cards, tables and words say of known answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

import ui.benchmark.desk
from core.benchmark import fairness
from core.benchmark.desk import Held
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow
from core.benchmark.fairness.setting import Setting
from core.benchmark.jobs import JobState
from core.benchmark.method import Progress
from core.benchmark.operators import OperatorProfile, OperatorsPlan
from core.benchmark.roofline import Roofline, RooflinePlan
from core.benchmark.search.findings import SearchReport, Tried
from core.benchmark.search.space import SearchPlan
from core.benchmark.tasks import Plan, Result
from core.engines import EngineKind, title
from core.export.plan import Exporter, ExportPlan
from core.zoo import MAX_BATCH, titles
from tests.core.benchmark.answers import (
    FAIRNESS,
    UNKNOWN,
    fairness_of,
    profile_of,
    roofline_for,
    rows_of,
    search_of,
    tried_of,
)
from tests.core.benchmark.scripted import Scripted
from tests.pages.test_onnx import known
from tests.pages.visit import Visit, open_page
from ui.benchmark.desk import the_desk
from ui.onnx.inputs import BENCH_VIEWS

FAIR, BEST, ROOF, OPERATORS = BENCH_VIEWS[1:]
KEYS: Final = {FAIR: "onnx:fair", BEST: "onnx:best", ROOF: "onnx:roof", OPERATORS: "onnx:operators"}
OTHER: Final = "What follows was measured for other inputs than those above."
GIVEN_UP: Final = "It was given up; what was measured by then is here."
MODEL: Final = "simple_mlp"


@pytest.fixture(autouse=True)
def runner(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Stands where the process that measures would be."""
    known(ExportPlan(exporter=Exporter.LEGACY))
    made = Scripted()
    monkeypatch.setattr(ui.benchmark.desk, "runner", lambda *_: made)
    return made


def visit_view(view: str, **query: str | list[str]) -> Visit:
    return open_page("pages/onnx.py", {"tab": "Benchmark", "exporter": "legacy", "bench": view, **query})


def asked(visit: Visit, view: str) -> Held:
    """Presses the button; the job that it made."""
    visit.app.button(key=f"{KEYS[view]}:start").click()
    visit.run()
    return the_desk().jobs(str(visit.get("visitor")))[0]


def over(runner: Scripted, visit: Visit, held: Held, state: JobState = JobState.DONE, **news: object) -> None:
    """Ends a job and runs the page again."""
    runner.set(held.job, state=state, **news)
    end = time.monotonic() + 30
    while not the_desk().held(held.job).settled:
        assert time.monotonic() < end
        time.sleep(0.02)
    visit.run()


def buttons(visit: Visit) -> set[str]:
    return {str(button.key) for button in visit.app.button if str(button.key).startswith("onnx:")}


def answered(runner: Scripted, view: str, result: Callable[[Plan], Result], **query: str) -> Visit:
    """The view with the answer to what its inputs ask."""
    visit = visit_view(view, **query)
    held = asked(visit, view)
    over(runner, visit, held, result=result(held.plan))
    assert visit.troubles() == []
    return visit


def fair_answer(plan: Plan) -> FairnessReport:
    assert isinstance(plan, FairnessPlan)
    return fairness_of(plan)


def best_answer(plan: Plan) -> SearchReport:
    assert isinstance(plan, SearchPlan)
    return search_of(plan)


def roof_answer(plan: Plan) -> Roofline:
    assert isinstance(plan, RooflinePlan)
    return roofline_for(plan)


def operators_answer(plan: Plan) -> OperatorProfile:
    assert isinstance(plan, OperatorsPlan)
    return profile_of(plan)


ANSWERS: Final[dict[str, Callable[[Plan], Result]]] = {
    FAIR: fair_answer,
    BEST: best_answer,
    ROOF: roof_answer,
    OPERATORS: operators_answer,
}


# What all of them do.


@pytest.mark.parametrize(
    ("view", "plan"),
    [
        (FAIR, FairnessPlan(MODEL, batch=8)),
        (BEST, SearchPlan(MODEL)),
        (ROOF, RooflinePlan(MODEL, batch=8)),
        (OPERATORS, OperatorsPlan(MODEL, batch=8)),
    ],
)
def test_the_worked_example_is_asked_for_with_its_plan(runner: Scripted, view: str, plan: Plan) -> None:
    visit = visit_view(view)
    assert buttons(visit) & {f"{KEYS[view]}:start", f"{KEYS[view]}:cancel"} == {f"{KEYS[view]}:start"}
    asked(visit, view)
    (submitted,) = runner.plans
    # By which method it is measured is the page's to choose.
    if isinstance(submitted, FairnessPlan | SearchPlan | RooflinePlan) and not isinstance(
        plan, OperatorsPlan
    ):
        submitted = replace(submitted, method=plan.method)
    assert submitted == plan
    assert buttons(visit) & {f"{KEYS[view]}:start", f"{KEYS[view]}:cancel"} == {f"{KEYS[view]}:cancel"}


@pytest.mark.parametrize(
    ("view", "query", "expected"),
    [
        (
            FAIR,
            {"first": title(EngineKind.TORCHSCRIPT), "second": title(EngineKind.EAGER), "examples": "64"},
            ("torchscript", "eager", 64),
        ),
        (BEST, {"sizes": "1, 8", "error": "1%", "patience": "60"}, ((1, 8), 0.01, 60.0)),
        (ROOF, {"under": title(EngineKind.EAGER), "examples": "2"}, (("eager",), 2)),
        (OPERATORS, {"examples": "3", "model": titles()["mlp"], "seed": "5"}, ("mlp", 5, 3)),
    ],
)
def test_a_link_asks_for_what_it_says(
    runner: Scripted, view: str, query: dict[str, str], expected: tuple[object, ...]
) -> None:
    if "model" in query:
        known(ExportPlan("mlp", exporter=Exporter.LEGACY, seed=5))
    visit = visit_view(view, **query)
    assert visit.notices() == []
    match asked(visit, view).plan:
        case FairnessPlan() as plan:
            assert (plan.first, plan.second, plan.batch) == expected
        case SearchPlan() as plan:
            assert (plan.batches, plan.max_error, plan.seconds) == expected
        case RooflinePlan() as plan:
            assert (plan.engines, plan.batch) == expected
        case OperatorsPlan() as plan:
            assert (plan.model, plan.seed, plan.batch) == expected


@pytest.mark.parametrize("view", KEYS)
def test_a_job_that_waits_and_runs_says_how_far_it_is(runner: Scripted, view: str) -> None:
    visit = visit_view(view)
    held = asked(visit, view)
    runner.set(held.job, position=2)
    assert "Waiting: 2 measurements before yours" in visit.run().text()
    runner.set(held.job, position=0)
    assert "Next in turn" in visit.run().text()
    runner.set(held.job, state=JobState.RUNNING, progress=Progress("Somewhere in the middle", 0.4, 61.0))
    assert "Somewhere in the middle, about 61 s left" in visit.run().text()


@pytest.mark.parametrize("view", KEYS)
def test_a_job_that_failed_says_why_and_can_be_asked_for_again(runner: Scripted, view: str) -> None:
    visit = visit_view(view)
    before = visit.numbers()
    held = asked(visit, view)
    over(runner, visit, held, JobState.FAILED, problem="The process that measures ended unexpectedly.")
    assert visit.troubles() == ["The process that measures ended unexpectedly."]
    assert visit.numbers() == before
    assert f"{KEYS[view]}:start" in buttons(visit)
    again = asked(visit, view)
    assert again.job != held.job
    over(runner, visit, again, result=ANSWERS[view](again.plan))
    assert visit.troubles() == []
    assert visit.numbers() != before


@pytest.mark.parametrize("view", KEYS)
def test_a_job_that_is_not_taken_is_one_line(runner: Scripted, view: str) -> None:
    visit = visit_view(view)
    runner.refuses = "50 measurements are waiting already: try again later."
    visit.app.button(key=f"{KEYS[view]}:start").click()
    visit.run()
    assert visit.troubles() == [runner.refuses]
    assert f"{KEYS[view]}:start" in buttons(visit)
    assert visit.run().troubles() == []


@pytest.mark.parametrize("view", KEYS)
def test_a_job_is_given_up(runner: Scripted, view: str) -> None:
    visit = visit_view(view)
    held = asked(visit, view)
    visit.app.button(key=f"{KEYS[view]}:cancel").click()
    visit.run()
    assert runner.cancelled == [held.job]
    over(runner, visit, held, JobState.CANCELLED)
    assert GIVEN_UP in visit.captions()
    assert visit.troubles() == []
    assert f"{KEYS[view]}:start" in buttons(visit)


@pytest.mark.parametrize(
    ("view", "other"),
    [
        (FAIR, {"examples": 16}),
        (BEST, {"sizes": "4"}),
        (ROOF, {"examples": 16}),
        (OPERATORS, {"examples": 16}),
    ],
)
def test_an_answer_of_other_inputs_says_so(runner: Scripted, view: str, other: dict[str, str | int]) -> None:
    visit = answered(runner, view, ANSWERS[view])
    before = visit.numbers()
    assert OTHER not in visit.text()
    visit.set(**other)
    assert OTHER in visit.text()
    assert visit.numbers() == before


@pytest.mark.parametrize("view", KEYS)
def test_an_answer_is_there_again_after_another_question(runner: Scripted, view: str) -> None:
    visit = answered(runner, view, ANSWERS[view])
    before = visit.numbers()
    other = next(each for each in KEYS if each != view)
    assert visit.set(bench=other).numbers() != before
    assert visit.set(bench=view).numbers() == before
    assert OTHER not in visit.text()


@pytest.mark.parametrize(
    ("view", "values", "said"),
    [
        (FAIR, {"cores": 10_000}, "Got 10000 threads, expected 1 to "),
        (FAIR, {"examples": MAX_BATCH + 1}, f"The batch is {MAX_BATCH + 1}: "),
        (FAIR, {"second": title(EngineKind.EAGER)}, "Got eager twice: choose two engines."),
        (BEST, {"sizes": "one"}, "Batches: got 'one', expected 1 to 64 whole numbers with commas"),
        (BEST, {"sizes": "0"}, "The batch is 0: choose a whole number from 1 to"),
        (BEST, {"patience": 0}, "Got 0 s for the search, expected 1 to 3,600."),
        (ROOF, {"under": []}, "There is no engine: choose one or more."),
        (ROOF, {"examples": 0}, "The batch is 0: choose a whole number from 1 to"),
        (ROOF, {"cores": 0}, "Got 0 threads, expected 1 to "),
        (OPERATORS, {"examples": 10**6}, "The batch is 1,000,000: "),
        (OPERATORS, {"cores": 10_000}, "Got 10000 threads, expected 1 to "),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_has_no_button(
    view: str, values: dict[str, str | float | list[str]], said: str
) -> None:
    visit = visit_view(view).put(values)
    (trouble,) = visit.troubles()
    assert trouble.startswith(said)
    assert "\n" not in trouble
    assert f"{KEYS[view]}:start" not in buttons(visit)


@pytest.mark.parametrize(
    ("view", "query", "said"),
    [
        (FAIR, {"first": "The fastest"}, "`first=The fastest` is not one of the choices on the page"),
        (FAIR, {"examples": "many"}, "`examples=many`"),
        (ROOF, {"cores": "<b>2</b>"}, "`cores=<b>2</b>`"),
        (ROOF, {"under": "Abacus"}, "`under=Abacus` is not one of"),
        (BEST, {"error": "50%"}, "`error=50%` is not one of"),
        (BEST, {"patience": "for ever"}, "`patience=for ever`"),
        (BEST, {"sizes": "1, " * 100}, "is longer than 200 characters"),
    ],
)
def test_a_link_that_cannot_be_used_is_said_and_the_worked_value_is_taken(
    view: str, query: dict[str, str], said: str
) -> None:
    visit = visit_view(view, **query)
    (notice,) = visit.notices()
    assert said in notice
    assert visit.troubles() == []
    assert f"{KEYS[view]}:start" in buttons(visit)


# Is it fair?


def test_fairness_is_on_the_cards_from_least_to_most(runner: Scripted) -> None:
    numbers = answered(runner, FAIR, fair_answer).numbers()
    titles_of = {row.setting: row.title for row in rows_of(FairnessPlan(MODEL, batch=8))}
    assert numbers["fair: ONNX Runtime"] == "2.00×"
    assert numbers[titles_of[Setting.COLD]] == "0.5×"
    assert numbers[titles_of[Setting.SPIN]] == "5.00×"


def test_a_winner_that_flips_is_the_verdict_and_the_conclusion(runner: Scripted) -> None:
    visit = answered(runner, FAIR, fair_answer)
    assert "✗ the winner flips" in visit.verdicts()
    text = visit.text()
    # Two threads against one and a cold start make eager the winner.
    assert f"Under 2 of {len(FAIRNESS) - len(UNKNOWN)} settings." in text
    plan = runner.plans[0]
    assert isinstance(plan, FairnessPlan)
    said = fairness_of(plan).conclusion
    assert "The winner flips under 2 settings: " in said
    assert text.count(said) == 1


def test_every_setting_has_a_line_that_says_what_it_moves(runner: Scripted) -> None:
    (rows,) = answered(runner, FAIR, fair_answer).tables()[-1:]
    found = {str(row["setting"]): row for row in rows}
    expected = rows_of(FairnessPlan(MODEL, batch=8))
    assert list(found) == [row.title for row in expected]
    for row in expected:
        line = found[row.title]
        assert line["winner"] == ("✗ flips" if row.setting in {Setting.FIRST_THREADS, Setting.COLD} else "")
        if row.setting in UNKNOWN:
            assert line["verdict"] == "none"
            assert line["what it is"] == f"No verdict: All 40 rounds were rejected. {row.about}"
            assert line["times as fast"] == line["moved by"] == ""
        else:
            assert line["what it is"] == row.about
            assert float(str(line["times as fast"]).rstrip("×")) == pytest.approx(FAIRNESS[row.setting])
    by_setting = {row.setting: found[row.title] for row in expected}
    assert by_setting[Setting.SPIN]["moved by"] == "2.00×"
    assert by_setting[Setting.SPIN]["favors"] == "ONNX Runtime"
    assert by_setting[Setting.COLD]["favors"] == "Eager PyTorch"
    assert by_setting[Setting.COLD]["verdict"] == "▼ slower"
    assert by_setting[Setting.FAIR]["moved by"] == ""


def test_rows_of_fairness_are_there_while_it_runs_and_when_it_was_given_up(runner: Scripted) -> None:
    visit = visit_view(FAIR)
    held = asked(visit, FAIR)
    assert isinstance(held.plan, FairnessPlan)
    parts: tuple[FairnessRow, ...] = rows_of(held.plan)[:3]
    runner.set(held.job, state=JobState.RUNNING, progress=Progress("Cold", 0.3, None), parts=parts)
    (rows,) = visit.run().tables()[-1:]
    assert [row["setting"] for row in rows] == [row.title for row in parts]
    assert f"{KEYS[FAIR]}:cancel" in buttons(visit)
    over(runner, visit, held, JobState.CANCELLED)
    assert GIVEN_UP in visit.captions()
    (rows,) = visit.tables()[-1:]
    assert [row["times as fast"] for row in rows] == ["2.00×", "2.50×", "5.00×"]


def test_fairness_without_a_fair_comparison_is_no_comparison(runner: Scripted) -> None:
    def nothing(plan: Plan) -> FairnessReport:
        assert isinstance(plan, FairnessPlan)
        row = replace(
            rows_of(plan)[0], judgement=None, case=None, problem="ort: It could not be loaded: no luck."
        )
        said = fairness.conclude([row], title(plan.first), title(plan.second))
        return FairnessReport(plan, (row,), said, 1.0, complete=False)

    visit = answered(runner, FAIR, nothing)
    assert "✗ no comparison" in visit.verdicts()
    assert "could not be compared fairly: ort: It could not be loaded: no luck." in visit.text()
    (row,) = visit.tables()[-1]
    assert str(row["what it is"]).startswith("No verdict: ort: It could not be loaded: no luck. ")


# Best here.


def test_the_best_has_its_time_its_ratio_its_error_and_its_ties(runner: Scripted) -> None:
    visit = answered(runner, BEST, best_answer)
    plan = runner.plans[0]
    assert isinstance(plan, SearchPlan)
    numbers = visit.numbers()
    assert numbers["per example"] == "400 µs"
    assert numbers[f"beside {plan.baseline.name}"] == "2.50×"
    assert numbers["largest error, of the largest output"] == "1.0e-07"
    assert "≈ ort, 1 thread, batch 1" in visit.verdicts()
    text = visit.text()
    # 520 ms more at first, 0.6 ms saved by each call: 867 calls.
    assert "after 867 calls" in text
    assert "There was no time for ort, 2 threads, spin off, batch 1: allow more seconds." in text
    assert text.count("after 867 calls") == 1


def test_the_finalists_all_that_was_tried_and_what_was_left_out_are_listed(runner: Scripted) -> None:
    finalists, tried, excluded = answered(runner, BEST, best_answer).tables()[-3:]
    plan = runner.plans[0]
    assert isinstance(plan, SearchPlan)
    assert [row["per example"] for row in finalists] == ["400 µs", "410 µs", "1 ms"]
    assert [row["beside the baseline"] for row in finalists] == [
        "▲ 2.50× (2.38× to 2.62×)",
        "▲ 2.45× (2.33× to 2.57×)",
        "baseline",
    ]
    assert finalists[1]["the best beside it"] == "cannot tell here 0.99×"
    assert [row["configuration"] for row in tried] == [each.name for each in tried_of(plan)]
    assert [row["about"] for row in tried] == ["1.00×", "2.00×", "2.50×", "3.00×", ""]
    assert [row["largest error"] for row in tried] == ["✓ 0", "✓ 1.0e-07", "✓ 1.0e-07", "✗ 0.04", ""]
    assert tried[-1]["why not"] == "It could not be loaded."
    assert excluded == [{"what": "cuda", "why": "PyTorch sees no GPU here."}]


def test_what_was_tried_is_there_while_it_runs_and_when_it_was_given_up(runner: Scripted) -> None:
    visit = visit_view(BEST)
    held = asked(visit, BEST)
    assert isinstance(held.plan, SearchPlan)
    parts: tuple[Tried, ...] = tried_of(held.plan)[:2]
    runner.set(held.job, state=JobState.RUNNING, progress=Progress("Trying", 0.3, None), parts=parts)
    assert [row["about"] for row in visit.run().tables()[-1]] == ["1.00×", "2.00×"]
    over(runner, visit, held, JobState.CANCELLED)
    assert [row["about"] for row in visit.tables()[-1]] == ["1.00×", "2.00×"]
    assert GIVEN_UP in visit.captions()


def test_a_search_that_came_to_no_end_says_what_seemed_best(runner: Scripted) -> None:
    def nothing(plan: Plan) -> SearchReport:
        found = replace(best_answer(plan), best=None, finalists=(), final=None, breakeven=None)
        said = "No configuration was compared with care: the time was over before that."
        return replace(found, conclusion=said)

    visit = answered(runner, BEST, nothing)
    assert "✗ nothing was decided" in visit.verdicts()
    assert visit.text().count("No configuration was compared with care: the time was over before that.") == 1


def test_a_baseline_that_is_the_best_is_said(runner: Scripted) -> None:
    def baseline(plan: Plan) -> SearchReport:
        found = best_answer(plan)
        eager = found.finalists[-1]
        return replace(found, best=eager, finalists=(eager,), breakeven=None, untried=())

    visit = answered(runner, BEST, baseline)
    plan = runner.plans[0]
    assert isinstance(plan, SearchPlan)
    assert visit.numbers()[f"beside {plan.baseline.name}"] == "1×"
    assert f"✓ {plan.baseline.name}" in visit.verdicts()


# Roofline.


def test_the_roof_is_on_the_cards_and_the_best_engine_the_verdict(runner: Scripted) -> None:
    visit = answered(runner, ROOF, roof_answer)
    numbers = visit.numbers()
    assert numbers["peak of this machine"] == "100 GFLOP/s"
    assert numbers["bandwidth"] == "10 GB/s"
    assert numbers["the model"] == "2 op/byte"
    # 2 million operations in 1 ms, of the 20 GFLOP/s that 10 GB/s let through at 2 operations per byte.
    assert "✓ ONNX Runtime: 10.0% of the roof" in visit.verdicts()


def test_every_engine_has_its_share_and_what_binds_it(runner: Scripted) -> None:
    visit = answered(runner, ROOF, roof_answer)
    engines, operators = visit.tables()[-2:]
    assert engines == [
        {
            "engine": "Eager PyTorch",
            "per call": "2 ms",
            "reached": "1 GFLOP/s",
            "of the roof": "5.00%",
            "bound by": "memory",
        },
        {
            "engine": "ONNX Runtime",
            "per call": "1 ms",
            "reached": "2 GFLOP/s",
            "of the roof": "10.00%",
            "bound by": "memory",
        },
    ]
    assert [(row["operator"], row["operations of products"]) for row in operators] == [
        ("addmm", 1_900_000),
        ("relu", 0),
    ]
    text = visit.text()
    assert "Bytes: 900,000 of parameters, 0 of buffers, 60,000 of inputs, 40,000 of outputs." in text
    assert "The bytes are the fewest that any engine must move" in text


def test_a_roof_that_was_stopped_before_there_was_one_says_so(runner: Scripted) -> None:
    def stopped(plan: Plan) -> Roofline:
        found = roof_answer(plan)
        return replace(found, peak=None, points=(), case=None, caveats=("It was stopped.",), complete=False)

    assert "✗ not measured to the end" in answered(runner, ROOF, stopped).verdicts()


# Per operator.


def test_both_sides_have_their_time_and_what_the_profiler_costs(runner: Scripted) -> None:
    visit = answered(runner, OPERATORS, operators_answer)
    numbers = visit.numbers()
    assert numbers["PyTorch, profiled"] == "20 µs"
    assert numbers["ONNX Runtime, profiled"] == "8 µs"
    assert "✓ FusedGemm: 75%" in visit.verdicts()
    text = visit.text()
    assert "16 µs without" in text
    assert "PyTorch: A call takes 20 µs with the profiler and 16 µs without (+25%)." in text


def test_modules_nodes_operators_and_kernels_are_listed(runner: Scripted) -> None:
    visit = answered(runner, OPERATORS, operators_answer)
    modules, nodes, operators, kernels = visit.tables()[-4:]
    assert [(row["module"], row["PyTorch"], row["ONNX Runtime"]) for row in modules] == [
        ("(the model)", "3 µs", ""),
        ("fc1", "12 µs", "6 µs"),
        ("relu", "5 µs", ""),
    ]
    assert modules[2]["note"] == "ONNX Runtime computes it with fc1."
    assert [(row["node"], row["became"], row["ONNX Runtime"]) for row in nodes] == [
        ("node_linear", "rewritten", "6 µs"),
        ("node_relu", "fused", ""),
        ("node_gone", "removed", ""),
    ]
    assert nodes[2]["module"] == "unknown"
    assert [(row["operator"], row["share"]) for row in operators] == [
        ("aten::linear", "60.0%"),
        ("aten::relu", "25.0%"),
        ("(Python)", "15.0%"),
    ]
    assert [(row["kernel"], row["stands for"]) for row in kernels] == [
        ("FusedGemm", "node_linear, node_relu"),
        ("", ""),
    ]
    (drawn,) = [element.proto.spec for element in visit.app.get("graphviz_chart")]
    assert 'label="Gemm\\nfc1\\nONNX Runtime 6 µs\\nPyTorch\'s module 12 µs"' in drawn
    assert 'label="Relu\\nrelu\\nfused with others' in drawn
    assert "n0 -> n1;" in drawn


def test_a_side_that_cannot_be_profiled_leaves_the_other(runner: Scripted) -> None:
    def half(plan: Plan) -> OperatorProfile:
        found = operators_answer(plan)
        caveats = ("ONNX Runtime could not be profiled: no luck.",)
        modules = tuple(replace(each, onnx=None, onnx_all=None) for each in found.modules)
        return replace(found, onnx=None, nodes=(), modules=modules, caveats=caveats, complete=False)

    visit = answered(runner, OPERATORS, half)
    assert "ONNX Runtime, profiled" not in visit.numbers()
    assert visit.numbers()["PyTorch, profiled"] == "20 µs"
    assert "ONNX Runtime could not be profiled: no luck." in visit.text()
