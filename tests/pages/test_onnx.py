"""The ONNX lab's page: what comes out of an export, its inputs and links, its tabs, its limits, bad files."""

import dataclasses
import gc
import hashlib
import html
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import psutil
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from streamlit.runtime.memory_media_file_storage import _calculate_file_id

import ui.onnx.exports
import ui.onnx.upload
from core.export import child
from core.export.child import Answer, start_export, start_upload
from core.export.duel import duel
from core.export.graph import LISTED
from core.export.hazards import Severity, checked, detect
from core.export.layers import compare_layers
from core.export.plan import MAX_BATCH, Exporter, ExportPlan
from core.export.presets import PRESETS, Preset
from core.export.program import export_program
from core.export.providers import providers
from core.export.snippets import snippets
from core.export.specimens import titles
from core.export.upload import MAX_BYTES
from core.places import Place
from core.process import Child, Process, memory_error
from core.zoo import names
from tests.pages.visit import Visit, open_page
from ui.netron.shelf import the_shelf
from ui.onnx.exports import the_answers
from ui.onnx.inputs import BENCH_VIEWS, LANGUAGES, OWN_FILE, PLACES, TABS, WHY_VIEWS, parameters
from ui.places import the_places

PAGE = "pages/onnx.py"
LEGACY, DYNAMO = Exporter.LEGACY, Exporter.DYNAMO
PLAIN = ExportPlan(exporter=LEGACY)
CONV = ExportPlan("cnn", exporter=LEGACY)
VIEWS: list[dict[str, str]] = [
    *({"tab": TABS[0], "view": view} for view in WHY_VIEWS),
    {"tab": TABS[1]},
    {"tab": TABS[2]},
    *({"tab": TABS[3], "where": place} for place in PLACES),
    {"tab": TABS[4]},
    {"tab": TABS[5]},
]
PATIENCE_S = 120
BUSY = "Busy: position 1 in the queue, and it starts by itself"


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: Mapping[str, Any]) -> None:
        assert "stage" in line


def known(plan: ExportPlan) -> Answer:
    """The answer to a plan, made in this process and kept where the page looks first."""
    found = the_answers().get(plan)
    if found is None:
        found = child.answer(plan, cast(Child, Silent()))
        the_answers().put(found)
    return found


def link(plan: ExportPlan) -> dict[str, str]:
    """A link to a plan, written by hand."""
    axes = "batch" if plan.dynamic is None else ", ".join(plan.dynamic) or "none"
    return {
        "model": titles()[plan.model],
        "exporter": str(plan.exporter),
        "opset": str(plan.opset),
        "batch": str(plan.batch),
        "seed": str(plan.seed),
        "axes": axes,
        "optimize": str(plan.optimize).lower(),
        "training": str(plan.training).lower(),
        "external": str(plan.external_data).lower(),
        "inputs": ", ".join(plan.input_names),
        "outputs": ", ".join(plan.output_names),
    }


def lab(**query: str) -> Visit:
    visit = open_page(PAGE, query)
    if visit.app.query_params.pop("tab", None) and query["tab"] in TABS:
        # AppTest does not send the open tab with the next run, as a browser does.
        visit.app.session_state["tab"] = query["tab"]
    return visit


def lab_of(plan: ExportPlan, **query: str) -> Visit:
    """The page with an export that is there already."""
    known(plan)
    return lab(**(link(plan) | query))


def buttons(visit: Visit) -> set[str]:
    return {str(button.key) for button in visit.app.button}


def press(visit: Visit, key: str) -> Visit:
    visit.app.button(key=key).click()
    return visit.run()


def finished(visit: Visit, key: str) -> Visit:
    """Looks until a job has ended, as the fragment in the browser does."""
    end = time.monotonic() + PATIENCE_S
    while f"{key}:stop" in buttons(visit):
        assert time.monotonic() < end
        time.sleep(0.2)
        visit.run()
    return visit


def shown_plan(visit: Visit) -> str:
    """The program of the plan that the page is about."""
    visit.put({"tab": TABS[5]})
    return f"{visit.app.code[0].value}\n"


def reasons(visit: Visit) -> list[str]:
    """The sentences below the verdicts."""
    found = [re.findall(r"<div class='why'>(.*?)</div>", each.value) for each in visit.app.html]
    return [html.unescape(line) for lines in found for line in lines]


def is_one_line(text: str) -> bool:
    return bool(text) and "\n" not in text and len(text) < 500 and "Traceback" not in text


# First paint.


def test_the_first_visitor_of_all_sees_progress_and_then_the_worked_example() -> None:
    the_answers.clear()
    visit = lab()
    assert "onnx:export:stop" in buttons(visit)
    assert any(each.value.startswith(":material/hourglass_top:") for each in visit.app.markdown)
    for view in VIEWS:  # Every tab is there while it waits.
        visit.put(view)
        assert visit.troubles() == []
    finished(visit, "onnx:export")
    answer = the_answers().get(ExportPlan())
    assert answer is not None
    assert answer.exported is not None
    numbers = visit.numbers()
    assert numbers["opset, 15 asked for"] == "15"
    assert numbers["nodes · bytes"] == f"1 · {len(answer.exported.data)}"
    assert float(numbers["largest difference"]) < 1e-5
    assert visit.verdicts() == ["✓ the same numbers as PyTorch"]
    assert reasons(visit)[0] == "12 runs at batches 1, 2, 3, 8, 64."
    assert visit.troubles() == visit.notices() == []


def test_the_next_one_sees_it_at_once_without_a_click() -> None:
    answer = known(ExportPlan())
    assert answer.exported is not None
    visit = open_page(PAGE)
    assert visit.numbers()["opset, 15 asked for"] == "15"
    assert visit.verdicts() == ["✓ the same numbers as PyTorch"]
    assert "onnx:export" not in visit.app.session_state
    assert not {key for key in buttons(visit) if key.startswith("onnx:export")}
    # The graph is Netron's, and says in words what it shows.
    (frame,) = visit.app.get("iframe")
    assert "simple_mlp.onnx" in str(frame.proto)
    assert "1 Gemm" in str(frame.proto)


def test_the_projector_shows_the_same() -> None:
    known(ExportPlan())
    assert lab(projector="true").numbers() == lab().numbers()
    assert lab(projector="true").verdict() == lab().verdict()


def test_the_largest_difference_is_the_sweep_s() -> None:
    answer = known(CONV)
    visit = lab_of(CONV)
    worst = max(case.parity.absolute for case in answer.cases if case.runtime == "ONNX Runtime")
    assert float(visit.numbers()["largest difference"]) == pytest.approx(worst, rel=0.06)


def test_an_opset_that_is_not_the_one_asked_for_is_the_verdict() -> None:
    visit = lab_of(ExportPlan("cnn"))
    assert visit.numbers()["opset, 15 asked for"] == "18"
    assert visit.verdicts()[0] == "✗ Another opset than asked for"
    assert reasons(visit)[0] == "Opset 15 was asked for, and the file has opset 18."


# Inputs.

CHANGES: list[tuple[dict[str, str | float | bool], dict[str, Any]]] = [
    ({"model": titles()["keywords"]}, {"model": "keywords"}),
    ({"exporter": "dynamo"}, {"exporter": DYNAMO}),
    ({"opset": 17}, {"opset": 17}),
    ({"batch": 3}, {"batch": 3}),
    ({"seed": 4}, {"seed": 4}),
    ({"axes": "none"}, {"dynamic": ()}),
    ({"axes": ""}, {"dynamic": ()}),
    ({"axes": "all"}, {"dynamic": ("input:0", "input:1")}),
    ({"axes": "input:1"}, {"dynamic": ("input:1",)}),
    ({"axes": " input:0 , input:1 "}, {"dynamic": ("input:0", "input:1")}),
    ({"axes": " batch "}, {}),
    ({"optimize": False}, {"optimize": False}),
    ({"training": True}, {"training": True}),
    ({"external": True}, {}),  # Only dynamo has it.
    ({"external": True, "exporter": "dynamo"}, {"external_data": True, "exporter": DYNAMO}),
    ({"inputs": "features"}, {"input_names": ("features",)}),
    ({"outputs": "scores"}, {"output_names": ("scores",)}),
]


@pytest.mark.parametrize(("inputs", "changes"), CHANGES, ids=lambda each: "-".join(map(str, each.values())))
def test_every_input_changes_the_plan(inputs: dict[str, str | float | bool], changes: dict[str, Any]) -> None:
    plan = dataclasses.replace(PLAIN, **changes)
    answer = known(plan)
    visit = lab_of(PLAIN).put(inputs)
    assert visit.troubles() == []
    assert "onnx:export" not in visit.app.session_state
    assert answer.exported is not None
    graph = answer.exported.graph
    assert visit.numbers()["nodes · bytes"] == f"{graph.nodes} · {graph.size:,}"
    assert shown_plan(visit) == export_program(plan)


def test_names_are_in_the_graph() -> None:
    plan = ExportPlan("keywords", exporter=LEGACY, input_names=("a", "b", "c"), output_names=("z",))
    visit = lab_of(plan)
    rows = visit.tables()[0]
    assert [(row[""], row["name"]) for row in rows] == [
        ("input", "a"), ("input", "b"), ("input", "c"), ("output", "z"),
    ]  # fmt: skip


WRONG: list[tuple[dict[str, str | float | None], str]] = [
    ({"opset": 999}, "Opset 999 is none that the legacy exporter knows: choose 7 to 20."),
    ({"opset": 21}, "Opset 21 is none that the legacy exporter knows: choose 7 to 20."),
    ({"opset": 24, "exporter": "dynamo"}, "Opset 24 is none that the dynamo exporter knows: choose 7 to 23."),
    ({"opset": -1}, "Opset -1 is none"),
    ({"batch": 0}, f"The example's batch is 0: choose 1 to {MAX_BATCH}."),
    ({"batch": 10**6}, f"The example's batch is 1000000: choose 1 to {MAX_BATCH}."),
    ({"seed": -1}, "seed"),
    ({"seed": 2**40}, "The seed is 1099511627776: choose 0 to 2147483647."),
    ({"axes": "y:0"}, "`y:0` is no axis of simple_mlp: choose among input:0, input:1."),
    ({"axes": "x:0"}, "`x:0` is no axis of simple_mlp"),
    ({"axes": "batch, input:1"}, "`batch` is no axis of simple_mlp"),
    ({"axes": "input:9"}, "`input:9` is no axis of simple_mlp"),
    ({"axes": "<b>" * 100}, "is no axis of simple_mlp"),
    ({"inputs": "a, b"}, "2 input names came for a model with 1 inputs (input): give one each."),
    ({"inputs": "a b"}, "`a b` cannot be the name of an input"),
    ({"inputs": "a,"}, "cannot be the name of an input"),
    ({"outputs": "y, y"}, "Two outputs cannot have one name"),
    ({"outputs": "n" * 65}, "cannot be the name of an output"),
]


@pytest.mark.parametrize(("inputs", "line"), WRONG, ids=lambda each: str(each)[:40])
def test_what_cannot_be_is_one_line_and_the_tabs_keep_working(
    inputs: dict[str, str | float | None], line: str
) -> None:
    visit = lab_of(PLAIN).put(inputs)
    (said,) = visit.troubles()
    assert line in said
    assert is_one_line(said)
    assert visit.numbers() == {}
    assert "onnx:export" not in visit.app.session_state
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == [said]
    # What can be is there again at once.
    back: dict[str, str | float] = {"opset": 15, "batch": 2, "seed": 0, "axes": "batch", "inputs": "",
                                    "outputs": "", "exporter": "legacy"}  # fmt: skip
    visit.put(back)
    assert visit.troubles() == []
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"


@pytest.mark.parametrize("outputs", ["input", "linear.weight"])
def test_names_that_stand_in_each_other_s_way_are_one_line_in_every_tab(outputs: str) -> None:
    plan = dataclasses.replace(PLAIN, output_names=(outputs,))
    assert known(plan).exported is None
    visit = lab_of(plan)
    assert visit.verdicts() == ["✗ no file came out"]
    assert outputs in reasons(visit)[0]
    for view in VIEWS:
        visit.put(view)
        assert all(is_one_line(said) for said in visit.troubles())


@pytest.mark.parametrize("key", ["opset", "batch", "seed"])
def test_a_number_that_is_emptied_is_the_default_again(key: str) -> None:
    visit = lab_of(dataclasses.replace(PLAIN, opset=17, batch=3, seed=4))
    known(dataclasses.replace(PLAIN, **({"opset": 17, "batch": 3, "seed": 4} | {key: getattr(PLAIN, key)})))
    visit.app.number_input(key=key).set_value(None)
    visit.run()
    assert visit.get(key) == getattr(PLAIN, key)
    assert visit.troubles() == []
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"


def test_an_axis_of_a_model_is_used_and_of_another_is_a_line() -> None:
    plan = ExportPlan("keywords", exporter=LEGACY, dynamic=("x:0",))
    visit = lab_of(plan)
    assert visit.troubles() == []
    assert shown_plan(visit) == export_program(plan)
    visit.set(model=titles()["simple_mlp"])
    assert visit.troubles() == ["`x:0` is no axis of simple_mlp: choose among input:0, input:1."]


def test_the_options_say_what_they_are_without_being_opened() -> None:
    plan = dataclasses.replace(PLAIN, batch=3, seed=4, training=True)
    popovers = [each.proto.popover for each in lab_of(plan).app.get("popover")]
    assert "batch 3 · seed 4 · batch open · train" in [each.label for each in popovers]


# Links.

LINK = {
    "predict": "true",
    "model": titles()["keywords"],
    "exporter": "legacy",
    "opset": "17",
    "batch": "3",
    "seed": "7",
    "axes": "x:0, scale:0, shift:0",
    "optimize": "false",
    "training": "true",
    "external": "true",
    "inputs": "a, b, c",
    "outputs": "z",
    "tab": TABS[2],
    "view": WHY_VIEWS[1],
    "where": PLACES[1],
    "language": LANGUAGES[3],
    "preset": PRESETS[4].title,
    "bench": BENCH_VIEWS[3],
    "engines": "ONNX Runtime",
    "batches": "2",
    "threads": "2",
    "models": titles()["cnn"],
    "rounds": "50",
    "spin": "off",
    "graph": "basic",
    "examples": "4",
    "cores": "2",
    "first": "TorchScript",
    "second": "torch.compile",
    "error": "1%",
    "patience": "60",
    "sizes": "2",
    "under": "ONNX Runtime",
}
"""Another value than the default for every input."""
LINKED = ExportPlan(
    "keywords", seed=7, batch=3, exporter=LEGACY, opset=17, dynamic=("x:0", "scale:0", "shift:0"),
    optimize=False, training=True, input_names=("a", "b", "c"), output_names=("z",),
)  # fmt: skip


def shown(value: object) -> str:
    """A value as a link has it."""
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)).lower()


def test_the_link_is_of_every_input() -> None:
    assert LINK.keys() == {item.key for item in parameters()}
    defaults = {item.key: item.default for item in parameters()}
    assert all(str(defaults[key]).lower() != value.lower() for key, value in LINK.items())


@pytest.mark.parametrize("tab", TABS)
def test_a_link_restores_everything(tab: str) -> None:
    known(LINKED)
    visit = lab(**(LINK | {"tab": tab, "predict": "false"}))
    assert visit.notices() == visit.troubles() == []
    for key, value in LINK.items():
        if key not in {"tab", "predict"}:
            assert shown(visit.get(key)) == value.lower(), key
    assert visit.get("tab") == tab
    assert "onnx:export" not in visit.app.session_state
    assert shown_plan(visit) == export_program(LINKED)


def test_a_link_may_ask_for_the_guess() -> None:
    known(LINKED)
    visit = lab(**LINK)
    assert visit.get("predict") is True
    assert visit.numbers() == {}
    assert visit.troubles() == []


GARBAGE = {
    "predict": "maybe",
    "model": "Nope",
    "exporter": "tensorflow",
    "opset": "fifteen",
    "batch": "-1",
    "seed": "1.5",
    "axes": "x" * 501,
    "optimize": "yes",
    "training": "2",
    "external": "",
    "inputs": "<script>" * 100,
    "outputs": "y" * 5_000,
    "tab": "Nope",
    "view": "Nope",
    "where": "Nope",
    "language": "COBOL",
    "preset": "Nope",
    "bench": "Nope",
    "engines": "The fastest",
    "batches": "many",
    "threads": "1;2",
    "models": "Nope",
    "rounds": "0",
    "spin": "round",
    "graph": "Nope",
    "examples": "0",
    "cores": "two",
    "first": "Nope",
    "second": "Nope",
    "error": "none at all",
    "patience": "-1",
    "sizes": "y" * 5_000,
    "under": "Nope",
}


def test_the_garbage_is_for_every_parameter() -> None:
    assert GARBAGE.keys() == {item.key for item in parameters()}


@pytest.mark.parametrize("key", list(GARBAGE))
def test_garbage_in_a_link_is_one_line_and_the_rest_is_used(key: str) -> None:
    known(ExportPlan(exporter=DYNAMO if key == "exporter" else LEGACY))
    query = {key: GARBAGE[key]} | ({} if key == "exporter" else {"exporter": "legacy"})
    visit = lab(**query)
    (line,) = visit.notices()
    assert f"`{key}={GARBAGE[key]}"[:30] in line
    assert "\n" not in line
    assert len(line) < 700
    assert visit.troubles() == []
    assert visit.numbers()["opset, 15 asked for"] == "15"
    defaults = {item.key: item.default for item in parameters()}
    assert visit.get(key) == defaults[key]
    press(visit, "onnx:reset")
    assert visit.notices() == []


def test_much_garbage_is_one_short_line() -> None:
    known(ExportPlan())
    visit = lab(**GARBAGE)
    (line,) = visit.notices()
    assert len(line) < 700
    assert visit.numbers()["opset, 15 asked for"] == "15"


@pytest.mark.parametrize(
    "query", [{"opset": "9" * 5_000}, {"batch": "1e3"}, {"seed": "2147483648"}, {"opset": "1000001"}]
)
def test_a_number_beyond_its_bounds_is_a_line(query: dict[str, str]) -> None:
    known(PLAIN)
    (line,) = lab(**query, exporter="legacy").notices()
    assert len(line) < 500


def test_reset_restores_the_worked_example_and_stays_in_the_tab() -> None:
    known(ExportPlan())
    known(LINKED)
    visit = lab(**(LINK | {"tab": TABS[3]}))
    press(visit, "onnx:reset")
    defaults = {item.key: item.default for item in parameters()}
    assert {key: visit.get(key) for key in defaults if key != "tab"} == {
        key: value for key, value in defaults.items() if key != "tab"
    }
    assert visit.get("tab") == TABS[3]
    assert visit.numbers()["opset, 15 asked for"] == "15"
    assert visit.troubles() == []


def test_inputs_survive_a_visit_to_another_page() -> None:
    visit = lab_of(LINKED, tab=TABS[1])
    for elsewhere in ("pages/home.py", "pages/hooks.py"):
        visit.app.switch_page(elsewhere)
        visit.app.query_params.clear()
        visit.run()
        visit.app.switch_page(PAGE)
        visit.app.query_params.clear()
        visit.run()
        # As in `lab`.
        visit.app.query_params.pop("tab", None)
        assert visit.troubles() == visit.notices() == []
        assert shown_plan(visit) == export_program(LINKED)


# Predict first.


def another_truth(answer: Answer) -> list[Answer]:
    """Other answers to the same plan: other numbers, another opset, a refusal."""
    exported = answer.exported
    assert exported is not None
    graph = dataclasses.replace(exported.graph, nodes=77, operators=(("Magic", 77),), size=4_321)
    other = dataclasses.replace(
        exported, opset=13, data=exported.data + b"\x32\x00", files=(("model.onnx", 4_321),), graph=graph,
        remarks=(), seconds=9.87,
    )  # fmt: skip
    cases = tuple(
        dataclasses.replace(case, parity=dataclasses.replace(case.parity, problem="It fails here."))
        for case in answer.cases
    )
    changed = dataclasses.replace(
        answer, exported=other, cases=cases, checker="It objects.", peak_bytes=1, import_seconds=8.76
    )
    return [changed, dataclasses.replace(answer, exported=None, refusal="It refuses this.", cases=())]


@pytest.fixture
def put_back() -> Iterator[None]:
    """Takes what a test has made of answers out of the cache."""
    yield
    the_answers().put(child.answer(CONV, cast(Child, Silent())))


@pytest.mark.usefixtures("put_back")
@pytest.mark.parametrize("projector", ["false", "true"])
def test_before_the_guess_nothing_of_the_answer_is_sent(projector: str) -> None:
    def opened(answer: Answer, predict: str) -> list[bytes]:
        the_answers().put(answer)
        visit = lab(**link(CONV), predict=predict, projector=projector)
        return [visit.put(view).everything() for view in VIEWS]

    truth = known(CONV)
    others = another_truth(truth)
    hidden, shown = opened(truth, "true"), opened(truth, "false")
    for other in others:
        assert opened(other, "true") == hidden
        # The same search finds it where it is shown.
        assert opened(other, "false")[0] != shown[0]
    assert not any(b"uth-numbers" in each.split(b"<style>")[0] for each in hidden)


def test_before_the_guess_a_preset_does_not_tell_either() -> None:
    for preset in PRESETS[:2]:
        visit = lab_of(preset.plan, predict="true", tab=TABS[2], preset=preset.title)
        assert preset.words not in visit.text()
        assert preset.words in visit.set(predict=False).text()


def test_before_the_guess_there_is_no_file_and_no_graph() -> None:
    visit = lab_of(CONV, predict="true", tab=TABS[5])
    assert visit.app.get("iframe") == []
    assert [each.proto.label for each in visit.app.get("download_button")] == ["export.py", "benchmark.py"]


def guess(visit: Visit, place: int, text: str) -> Visit:
    fields = [field for field in visit.app.text_input if field.label.startswith("Your guess for ")]
    fields[place].set_value(text)
    return visit.run()


@pytest.mark.parametrize(
    ("plan", "opset", "same", "signs"),
    [
        (CONV, "15", "yes", "✓✓"),
        (CONV, " 15 ", " Y ", "✓✓"),
        (CONV, "18", "no", "✗✗"),
        (CONV, "none", "yes", "✗✓"),
        (ExportPlan("cnn"), "18", "yes", "✓✓"),
        (ExportPlan("cnn"), "15", "YES", "✗✓"),
        (ExportPlan("early_exit"), "none", "no", "✓✓"),
        (ExportPlan("early_exit"), "Refused", "n", "✓✓"),
        (ExportPlan("early_exit"), "15", "yes", "✗✗"),
        (ExportPlan("early_exit", exporter=LEGACY), "15", "yes", "✓✗"),
        (ExportPlan("cnn", exporter=LEGACY, training=True), "15", "no", "✓✓"),
    ],
    ids=lambda each: f"{each.model}-{each.exporter}" if isinstance(each, ExportPlan) else str(each),
)
def test_a_guess_is_judged(plan: ExportPlan, opset: str, same: str, signs: str) -> None:
    visit = lab_of(plan, predict="true")
    guess(visit, 0, opset)
    assert [line[0] for line in visit.said()] == [signs[0]]
    # Half of the answers are no answer: what the rest would tell is not there yet.
    assert visit.verdicts() == []
    assert visit.app.get("iframe") == []
    guess(visit, 1, same)
    assert [line[0] for line in visit.said()] == list(signs)
    assert len(visit.verdicts()) == 1
    assert (visit.app.get("iframe") == []) is (known(plan).exported is None)
    assert visit.troubles() == []


@pytest.mark.parametrize(("place", "text"), [(0, "fifteen"), (0, "-15"), (0, "²"), (1, "maybe"), (1, "<b>")])
def test_a_guess_that_is_none_is_one_line_and_counts_as_none(place: int, text: str) -> None:
    visit = guess(lab_of(CONV, predict="true"), place, text)
    (line,) = visit.troubles()
    assert text in line
    assert is_one_line(line)
    assert visit.said() == visit.verdicts() == []


def test_a_guess_belongs_to_its_plan() -> None:
    known(dataclasses.replace(CONV, batch=3))
    visit = guess(guess(lab_of(CONV, predict="true"), 0, "15"), 1, "yes")
    assert len(visit.said()) == 2
    visit.set(batch=3)
    assert visit.said() == visit.verdicts() == []


# The tabs.


def test_every_tab_and_view_draws_without_trouble() -> None:
    visit = lab_of(PLAIN)
    for view in VIEWS:
        before = visit.everything()
        visit.put(view)
        assert visit.troubles() == []
        assert view == VIEWS[0] or visit.everything() != before


def test_what_is_in_the_file_is_what_onnx_says() -> None:
    answer = known(CONV)
    assert answer.exported is not None
    model = onnx.load_model_from_string(answer.exported.data)
    values, operators, facts, *_ = lab_of(CONV).tables()
    assert [row["name"] for row in values] == [
        each.name for each in (*model.graph.input, *model.graph.output)
    ]
    kinds = [node.op_type for node in model.graph.node]
    assert {row["operator"]: row["nodes"] for row in operators} == {kind: kinds.count(kind) for kind in kinds}
    told = {row[""]: row["value"] for row in facts}
    weights = sum(numpy_helper.to_array(each).size for each in model.graph.initializer)
    assert told["size"] == f"{len(answer.exported.data):,} bytes"
    assert told["weights"] == f"{weights:,} numbers, tensors: {len(model.graph.initializer)}"
    assert told["operator sets"] == f"ai.onnx {model.opset_import[0].version}"


def test_the_same_numbers_has_a_row_for_every_comparison() -> None:
    answer = known(CONV)
    visit = lab_of(CONV, view=WHY_VIEWS[1])
    (rows,) = visit.tables()
    assert len(rows) == len(answer.cases)
    assert {row[""] for row in rows} == {"✓ agrees"}
    # One of them by hand.
    row = next(each for each in rows if each["batch"] == 8 and each["runtime"] == "ONNX Runtime")
    made = CONV.build()
    made.module.eval()
    inputs = made.example_inputs(8, str(row["input"]), cast(int, row["seed"]))
    with torch.no_grad():
        expected = made.module(*inputs).numpy()
    assert answer.exported is not None
    import onnxruntime

    session = onnxruntime.InferenceSession(answer.exported.data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: inputs[0].numpy()})
    largest = float(np.abs(found.astype(np.float64) - expected).max())
    # Other threads may add up in another order.
    assert float(str(row["absolute"])) == pytest.approx(largest, abs=5e-7)


def test_what_does_not_run_is_said_where_the_numbers_would_be() -> None:
    plan = ExportPlan("loop_over_batch", exporter=LEGACY)
    answer = known(plan)
    (rows,) = lab_of(plan, view=WHY_VIEWS[1]).tables()
    failing = [case for case in answer.cases if not case.parity.agree]
    assert failing
    assert sum(str(row[""]).startswith("✗") for row in rows) == len(failing)
    assert all(row["where"] for row in rows if str(row[""]).startswith("✗"))


@pytest.mark.parametrize("plan", [PLAIN, ExportPlan("cnn", exporter=LEGACY, training=True)])
def test_layer_by_layer_runs_to_its_end(plan: ExportPlan) -> None:
    answer = known(plan)
    visit = lab_of(plan, view=WHY_VIEWS[2])
    assert visit.tables() == []
    press(visit, "onnx:layers:start")
    finished(visit, "onnx:layers")
    assert visit.troubles() == []
    (rows,) = visit.tables()
    assert answer.exported is not None
    report = compare_layers(plan.build(), answer.exported.data, batch=plan.batch, seed=plan.seed)
    assert [(row["layer"], row["type"], row["in the graph"]) for row in rows] == [
        (row.layer or "model", row.type, row.value) for row in report.rows
    ]
    text = "\n".join(each.value for each in visit.app.markdown)
    drift = report.first_drift
    assert ("No layer drifts" in text) is (drift is None)
    assert (f"The first to drift is `{drift.layer or 'model'}`" if drift else "No layer drifts") in text
    # Seen again without another run, and outdated by another plan.
    visit.put({"view": WHY_VIEWS[0]}).put({"view": WHY_VIEWS[2]})
    assert visit.tables() == [rows]
    known(CONV)
    visit.put({"model": titles()["cnn"], "training": False, "exporter": "legacy"})
    if plan.model == "cnn":
        assert "The inputs have changed since the last result." in visit.captions()


def test_the_duel_runs_to_its_end_from_either_side() -> None:
    plan = dataclasses.replace(PLAIN, seed=31)
    visit = lab_of(plan, tab=TABS[1])
    assert visit.tables() == []
    assert visit.app.button(key="onnx:duel:start").label == "Export with dynamo"
    press(visit, "onnx:duel:start")
    finished(visit, "onnx:duel")
    assert visit.troubles() == []
    other = the_answers().get(dataclasses.replace(plan, exporter=DYNAMO))
    assert other is not None
    rows = visit.tables()[0]
    expected = duel(other, known(plan))
    assert [row[""] for row in rows] == [row.what for row in expected.rows]
    assert [str(row["dynamo"]).removesuffix(" ✓") for row in rows] == [row.first for row in expected.rows]
    assert [str(row["legacy"]).removesuffix(" ✓") for row in rows] == [row.second for row in expected.rows]
    won = {"first": ["dynamo"], "second": ["legacy"], "": []}
    for row, line in zip(rows, expected.rows, strict=True):
        assert [side for side in ("dynamo", "legacy") if str(row[side]).endswith("✓")] == won[line.winner]
    # From the other side it is the same table, without a click.
    visit.set(exporter="dynamo")
    assert visit.tables()[0] == rows


@pytest.mark.parametrize(
    ("plan", "other"),
    [
        (ExportPlan("early_exit"), ExportPlan("early_exit", exporter=LEGACY)),
        (ExportPlan("singular_values"), ExportPlan("singular_values", exporter=LEGACY)),
        (ExportPlan("simple_mlp", opset=23), ExportPlan("simple_mlp", exporter=LEGACY, opset=20)),
    ],
    ids=lambda plan: f"{plan.model}-{plan.exporter}",
)
def test_a_duel_with_a_refusal_is_a_table_too(plan: ExportPlan, other: ExportPlan) -> None:
    known(other)
    visit = lab_of(plan, tab=TABS[1])
    assert visit.troubles() == []
    rows = visit.tables()[0]
    refused = [known(each).refusal for each in (plan, other)]
    assert [str(rows[0]["dynamo"]).removesuffix(" ✓"), str(rows[0]["legacy"]).removesuffix(" ✓")] == [
        each or "exports it" for each in refused
    ]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_a_preset_sets_the_inputs_and_its_trap_is_there(preset: Preset) -> None:
    known(preset.plan)
    visit = lab_of(PLAIN, tab=TABS[2], preset=preset.title)
    assert preset.words in visit.captions()
    press(visit, "onnx:preset")
    assert visit.troubles() == []
    hazards = detect(known(preset.plan))
    assert preset.kind in {hazard.kind for hazard in hazards}
    text = "\n".join(each.value for each in visit.app.markdown)
    for hazard in hazards:
        assert hazard.title in text
        assert hazard.why in text
    evidence = re.findall(r"<li>(.*?)</li>", "".join(each.value for each in visit.app.html))
    assert [html.unescape(re.sub("</?code>", "`", line)) for line in evidence] == [
        line for each in hazards for line in each.evidence
    ]
    worst = [each for each in hazards if each.severity is not Severity.SURPRISING]
    if known(preset.plan).exported is None:
        assert visit.verdicts() == ["✗ no file came out"]
    elif worst:
        assert visit.verdicts() == [f"✗ {worst[0].title}"]
    else:
        assert visit.verdict().startswith("✓ the same numbers, and ")
    looked = visit.tables()[-1]
    assert [(row["trap"], row[""] == "found") for row in looked] == [
        (title, found) for _, title, found in checked(known(preset.plan))
    ]
    assert shown_plan(visit) == export_program(preset.plan)


@pytest.mark.parametrize("preset", [each for each in PRESETS if each.fixed], ids=lambda preset: preset.key)
def test_the_other_button_sets_the_way_out(preset: Preset) -> None:
    assert preset.fixed is not None
    known(preset.fixed)
    visit = press(lab_of(PLAIN, tab=TABS[2], preset=preset.title), "onnx:fixed")
    assert visit.troubles() == []
    assert preset.kind not in {hazard.kind for hazard in detect(known(preset.fixed))}
    assert shown_plan(visit) == export_program(preset.fixed)


def test_a_preset_that_nothing_fixes_has_no_such_button() -> None:
    for preset in PRESETS:
        visit = lab_of(PLAIN, tab=TABS[2], preset=preset.title)
        assert ("onnx:fixed" in buttons(visit)) is (preset.fixed is not None)


def test_the_providers_of_this_server() -> None:
    visit = lab_of(PLAIN, tab=TABS[3], where=PLACES[1])
    (rows,) = visit.tables()
    assert [row["execution provider"] for row in rows] == [each.name for each in providers()]
    usable = {row["execution provider"] for row in rows if row[""] == "✓ usable"}
    assert "CPUExecutionProvider" in usable
    assert "AzureExecutionProvider" not in usable


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_in_every_language(language: str) -> None:
    answer = known(CONV)
    assert answer.exported is not None
    visit = lab_of(CONV, tab=TABS[3], where=PLACES[2], language=language)
    assert visit.troubles() == visit.notices() == []
    expected = next(
        each
        for each in snippets(answer.exported.graph, "cnn.onnx", {"batch": 2}, model="cnn")
        if each.language == language
    )
    assert [code.value for code in visit.app.code] == [expected.code.strip()]
    assert (("Not run" in visit.captions()) is expected.tried) is False
    assert "cnn.onnx" in expected.code or language == "Core ML"


def test_every_language_of_a_link_has_a_program() -> None:
    answer = known(CONV)
    assert answer.exported is not None
    assert tuple(each.language for each in snippets(answer.exported.graph, "cnn.onnx")) == LANGUAGES


def test_the_browser_gets_the_file_and_the_example_only_when_asked() -> None:
    visit = lab_of(CONV, tab=TABS[3], where=PLACES[0])
    before = len(visit.app.get("bidi_component"))
    visit.put({"onnx:browser": True})
    assert visit.troubles() == []
    assert len(visit.app.get("bidi_component")) == before + 1


def test_what_is_taken_away_is_the_program_and_the_file() -> None:
    answer = known(CONV)
    assert answer.exported is not None
    visit = lab_of(CONV, tab=TABS[5])
    program, file, _ = (each.proto for each in visit.app.get("download_button"))
    assert (program.label, file.label) == ("export.py", "cnn.onnx")
    identity = _calculate_file_id(answer.exported.data, "application/octet-stream", "cnn.onnx")
    assert identity in file.url
    text = export_program(CONV)
    assert _calculate_file_id(text.encode(), "text/x-python", "export.py") in program.url
    assert f"{visit.app.code[0].value}\n" == text


# Refusals.


@pytest.mark.parametrize(
    "plan",
    [ExportPlan("early_exit"), ExportPlan("singular_values"), ExportPlan("singular_values", exporter=LEGACY)],
    ids=lambda plan: f"{plan.model}-{plan.exporter}",
)
def test_a_refusal_is_one_line_and_the_tabs_keep_working(plan: ExportPlan) -> None:
    refusal = known(plan).refusal
    visit = lab_of(plan)
    assert visit.verdicts() == ["✗ no file came out"]
    assert reasons(visit) == [refusal.replace("`", "")]
    assert is_one_line(refusal)
    assert visit.numbers() == {}
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []
        assert visit.verdicts() == ["✗ no file came out"]
    assert shown_plan(visit) == export_program(plan)
    # What is here for its export alone is not measured.
    programs = ["export.py", "benchmark.py"] if plan.model in names() else ["export.py"]
    assert [each.proto.label for each in visit.app.get("download_button")] == programs


# Processes.


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[Callable[[], list[Process]]]:
    """Starts as many processes as may run at once; all that they do is wait."""
    (tmp_path / "sleeper.py").write_text(
        "import time\nfrom core.process import Child\nChild()\ntime.sleep(60)\n"
    )
    started: list[Process] = []

    def begin() -> list[Process]:
        environment = {"PYTHONPATH": str(tmp_path)}
        places = the_places()
        started.extend(
            Process("sleeper", {}, seconds=90, environment=environment, place=Place(places))
            for _ in range(places.at_once)
        )
        return started

    yield begin
    for process in started:
        process.stop()


def test_a_busy_server_says_so_and_exports_as_soon_as_there_is_a_place(
    sleepers: Callable[[], list[Process]],
) -> None:
    plan = dataclasses.replace(PLAIN, seed=77)
    running = sleepers()
    visit = lab(**link(plan))
    for view in VIEWS:
        visit.put(view)
        assert visit.numbers() == {}
        assert visit.troubles() == []
        assert any(BUSY in each.value for each in visit.app.markdown)
    for process in running:
        process.stop()
    finished(visit.run(), "onnx:export")
    assert visit.troubles() == []
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"
    assert the_answers().get(plan) is not None


@pytest.mark.parametrize(
    ("key", "query"),
    [("onnx:layers", {"view": WHY_VIEWS[2]}), ("onnx:duel", {"tab": TABS[1]})],
)
def test_a_busy_server_says_so_in_the_tabs_too(
    key: str, query: dict[str, str], sleepers: Callable[[], list[Process]]
) -> None:
    visit = lab_of(dataclasses.replace(PLAIN, seed=78), **query)
    running = sleepers()
    press(visit, f"{key}:start")
    assert visit.troubles() == []
    assert any(BUSY in each.value for each in visit.app.markdown)
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"
    for process in running:
        process.stop()
    finished(visit.run(), key)
    assert visit.troubles() == []
    assert len(visit.tables()) > 0


def process_of(visit: Visit) -> int:
    """The number of the process that exports for a visit. Whoever holds the process itself keeps it going."""
    return int(visit.app.session_state["onnx:export"].process.pid)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, now or soon."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        gc.collect()
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_an_export_can_be_stopped_and_made_again() -> None:
    plan = dataclasses.replace(PLAIN, seed=79)
    visit = lab(**link(plan))
    pid = process_of(visit)
    press(visit, "onnx:export:stop")
    assert has_ended(pid)
    assert visit.troubles() == ["Stopped."]
    assert "onnx:export" not in visit.app.session_state
    # It stays so, whatever else the visitor does.
    visit.put(VIEWS[3])
    assert visit.troubles() == ["Stopped."]
    press(visit, "onnx:export:again")
    assert "onnx:export:stop" in buttons(visit)
    finished(visit, "onnx:export")
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"


def test_other_inputs_end_an_export_that_nobody_waits_for() -> None:
    known(PLAIN)
    visit = lab(**link(dataclasses.replace(PLAIN, seed=80)))
    pid = process_of(visit)
    visit.set(seed=0)
    assert has_ended(pid)
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"


def test_two_who_ask_for_the_same_share_an_export_and_one_may_stop() -> None:
    plan = dataclasses.replace(PLAIN, seed=81)
    one, other = lab(**link(plan)), lab(**link(plan))
    assert process_of(one) == process_of(other)
    press(one, "onnx:export:stop")
    finished(other.run(), "onnx:export")
    assert other.verdicts()[0] == "✓ the same numbers as PyTorch"
    assert other.troubles() == []


LIMITS: list[tuple[str, Callable[[pytest.MonkeyPatch], None], str]] = [
    (
        "time",
        lambda patch: patch.setattr(ui.onnx.exports, "start_export", partial(start_export, seconds=0.5)),
        "It took longer than 0.5 s and was ended.",
    ),
]


@pytest.mark.parametrize(("limit", "lower", "line"), LIMITS, ids=[limit for limit, *_ in LIMITS])
def test_an_export_that_dies_says_which_limit_and_can_be_tried_again(
    limit: str, lower: Callable[[pytest.MonkeyPatch], None], line: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    lab_of(PLAIN)  # which is kept, so that no limit is in its way
    lower(monkeypatch)
    visit = lab(**link(dataclasses.replace(PLAIN, model="transformer", seed=82)))
    finished(visit, "onnx:export")
    assert visit.troubles() == [line], limit
    assert "onnx:export:again" in buttons(visit)
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == [line]
    visit.put({"model": titles()["simple_mlp"], "seed": 0})
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"
    caplog.clear()  # The log has all of it.


def test_two_visitors_who_ask_for_different_things_see_their_own() -> None:
    one, other = lab_of(PLAIN), lab_of(CONV)
    assert one.run().numbers() != other.run().numbers()
    assert shown_plan(one) == export_program(PLAIN)
    assert shown_plan(other) == export_program(CONV)


# A visitor's own file.


def upload(visit: Visit, name: str, data: bytes) -> Visit:
    visit.app.file_uploader(key="onnx:file").set_value((name, data, "application/octet-stream"))
    visit.put({"tab": TABS[0]})
    return finished(visit, "onnx:upload")


@pytest.fixture(scope="module")
def desk() -> Visit:
    """One visit that looks at one file after the other."""
    return lab(model=OWN_FILE)


FLOAT = TensorProto.FLOAT


def value(name: str, shape: list[Any] | None, element: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def file_of(
    *nodes: onnx.NodeProto,
    name: str = "graph",
    inputs: tuple[onnx.ValueInfoProto, ...] = (value("x", ["batch", 4]),),
    outputs: tuple[onnx.ValueInfoProto, ...] = (value("y", ["batch", 4]),),
    initializers: tuple[onnx.TensorProto, ...] = (),
    opset: int = 20,
) -> bytes:
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def relu(source: str = "x", target: str = "y", name: str = "") -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target], name=name)


def elsewhere(location: str) -> bytes:
    """A weight whose numbers lie in another file."""
    tensor = helper.make_tensor("w", FLOAT, [4], [1.0] * 4)
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return file_of(helper.make_node("Add", ["x", "w"], ["y"]), initializers=(tensor,))


def constant_elsewhere() -> bytes:
    """The same, in a node's attribute."""
    model = onnx.load_model_from_string(elsewhere(".streamlit/secrets.toml"))
    tensor = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    return bytes(model.SerializeToString())


def loop_body(condition: list[onnx.NodeProto]) -> onnx.GraphProto:
    return helper.make_graph(
        [*condition, helper.make_node("Identity", ["state"], ["next"])],
        "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("state", ["batch", 4])],
        [value("on", [], TensorProto.BOOL), value("next", ["batch", 4])],
    )


def endless() -> bytes:
    """A Loop whose condition anyone can see is always true."""
    body = loop_body([helper.make_node("Identity", ["go"], ["on"])])
    return file_of(helper.make_node("Loop", ["", "", "x"], ["y"], body=body))


def secretly_endless() -> bytes:
    """One whose condition is computed."""
    body = loop_body(
        [helper.make_node("Less", ["i", "i"], ["never"]), helper.make_node("Not", ["never"], ["on"])]
    )
    return file_of(helper.make_node("Loop", ["", "", "x"], ["y"], body=body))


def as_often_as_asked() -> bytes:
    """One whose trip count is an input, and a large number more."""
    many = helper.make_tensor("many", TensorProto.INT64, [], [2**50])
    body = loop_body([helper.make_node("Identity", ["go"], ["on"])])
    return file_of(
        helper.make_node("Add", ["n", "many"], ["trips"]),
        helper.make_node("Loop", ["trips", "", "x"], ["y"], body=body),
        inputs=(value("x", ["batch", 4]), value("n", [], TensorProto.INT64)),
        initializers=(many,),
    )


def bomb() -> bytes:
    """Its size depends on its input's: 2 rows become 2^32 numbers."""
    zero = numpy_helper.from_array(np.array([0]), "zero")
    names = ["n", "n2", "n4", "n8", "n16", "n32"]
    return file_of(
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        *(helper.make_node("Mul", [one, one], [two]) for one, two in pairwise(names)),
        helper.make_node("ConstantOfShape", ["n32"], ["z"]),
        helper.make_node("ReduceSum", ["z"], ["y"]),
        outputs=(value("y", [1]),),
        initializers=(zero,),
    )


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "picture.onnx": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "It is a PNG picture"),
    "cut.onnx": (lambda: file_of(relu())[:-20], "It ends in the middle of its content"),
    "empty.onnx": (lambda: b"", "It is an empty file"),
    "large.onnx": (lambda: bytes(MAX_BYTES + 2**20), "The file has 21.0 MiB; at most 20.0 MiB may be."),
    "new.onnx": (lambda: file_of(relu(), opset=999), "It uses ai.onnx in version 999"),
    "nothing.onnx": (lambda: file_of(relu(), outputs=()), "It has no outputs: there is nothing to compute."),
    "texts.onnx": (
        lambda: file_of(helper.make_node("Identity", ["x"], ["y"]),
                        inputs=(value("x", [1], TensorProto.STRING),)),
        "An input takes texts; the lab fills only numbers.",
    ),
    "sequence.onnx": (
        lambda: file_of(helper.make_node("SequenceLength", ["x"], ["y"]),
                        inputs=(helper.make_tensor_sequence_value_info("x", FLOAT, None),)),
        "An input is of the kind sequence; the lab fills only tensors.",
    ),
    "custom.onnx": (
        lambda: file_of(helper.make_node("Run", ["x"], ["y"], domain="evil.ops")),
        "It has the operator evil.ops::Run, which ONNX does not define or the lab does not allow.",
    ),
    "many.onnx": (
        lambda: file_of(*(relu("x", f"h{place}") for place in range(99_999)), relu()),
        "It has 100,000 nodes; at most 20,000 may be.",
    ),
    "endless.onnx": (endless, "A Loop never ends"),
    "up.onnx": (lambda: elsewhere("../../etc/passwd"), "A tensor's numbers lie in another file, ../../etc"),
    "root.onnx": (lambda: elsewhere("/etc/passwd"), "A tensor's numbers lie in another file, /etc/passwd"),
    "beside.onnx": (lambda: elsewhere("secrets.toml"), "A tensor's numbers lie in another file, secrets"),
    "memory.onnx": (lambda: elsewhere("*/_ORT_MEM_ADDR_/*"), "A tensor's numbers lie in another file, */_"),
    "constant.onnx": (constant_elsewhere, "A tensor's numbers lie in another file, .streamlit/secrets.toml"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_file_is_one_clear_line_and_nothing_of_it_runs(name: str, desk: Visit) -> None:
    make, line = BAD[name]
    visit = upload(desk, name, make())
    assert visit.troubles() == []
    assert visit.verdicts() == ["✗ refused, and nothing of it was run"]
    (said,) = reasons(visit)
    assert said.startswith(line.replace("`", ""))
    assert is_one_line(said)
    assert visit.app.get("iframe") == []
    assert any("✗ refused" in each.value and html.escape(line)[:30] in each.value for each in visit.app.html)
    for view in ({"tab": tab} for tab in TABS):
        visit.put(view)
        assert visit.troubles() == []
        assert visit.verdicts() == ["✗ refused, and nothing of it was run"]
    visit.put({"tab": TABS[0]})
    assert "A refused file is not run." in visit.captions()


def test_a_good_file_is_examined_run_once_and_shown(desk: Visit) -> None:
    answer = known(CONV)
    assert answer.exported is not None
    visit = upload(desk, "mine.onnx", answer.exported.data)
    assert visit.verdicts() == ["✓ examined, and it runs"]
    graph = answer.exported.graph
    assert visit.numbers() == {"opset": "15", "nodes · bytes": f"{graph.nodes} · {graph.size:,}"}
    (frame,) = visit.app.get("iframe")
    assert "The graph of mine.onnx in Netron" in str(frame.proto)
    visit.put({"tab": TABS[0]})
    given = visit.tables()[-1]
    assert [row["output"] for row in given] == ["output"]
    assert str(given[0]["reference evaluator"]).startswith("✓")
    (inputs,) = [each.value for each in visit.app.text if each.value.startswith("Inputs: ")]
    shape = tuple(CONV.build().example_inputs(2)[0].shape)
    assert inputs.startswith(f"Inputs: {graph.inputs[0].name} {shape}.")
    visit.put({"tab": TABS[3]})
    assert "mine.onnx" in visit.app.code[0].value
    # Nothing of a visitor's file is kept for others.
    assert all(plan.model in titles() for plan in the_answers()._kept)


def test_names_from_a_file_are_text_everywhere(desk: Visit) -> None:
    bait = "<script>alert(1)</script>"
    data = file_of(
        relu(bait, f"{bait}y", name=bait),
        name=bait,
        inputs=(value(bait, ["batch", 4]),),
        outputs=(value(f"{bait}y", ["batch", 4]),),
    )
    visit = upload(desk, f"{bait}.onnx", data)
    assert visit.verdicts() == ["✓ examined, and it runs"]
    for tab in TABS:
        visit.put({"tab": tab})
        assert visit.troubles() == []
        assert not any("<script" in each.value for each in visit.app.html)
        for place in (*visit.app.markdown, *visit.app.caption):
            assert "<script" not in re.sub("`[^`]*`", "", place.value)
            assert not getattr(place.proto, "allow_html", False)
    assert "A name has control characters or looks like HTML" in "".join(
        each.value for each in visit.app.html
    )


def test_a_file_that_does_not_run_is_one_line(desk: Visit) -> None:
    shape = numpy_helper.from_array(np.array([3, 5], np.int64), "s")
    data = file_of(helper.make_node("Reshape", ["x", "s"], ["y"]), outputs=(value("y", [3, 5]),),
                   initializers=(shape,))  # fmt: skip
    visit = upload(desk, "reshape.onnx", data)
    assert visit.verdicts() == ["✗ it does not run"]
    assert is_one_line(reasons(visit)[0])
    assert len(visit.troubles()) == 1
    visit.put({"tab": TABS[1]})
    assert visit.troubles() == []


def test_a_file_that_the_checker_objects_to_is_shown_with_what_it_says(desk: Visit) -> None:
    data = file_of(relu(), outputs=(helper.make_tensor_value_info("y", FLOAT, None),))
    visit = upload(desk, "shapeless.onnx", data)
    assert visit.verdicts() == ["✗ it runs, but ONNX's checker objects"]
    assert is_one_line(reasons(visit)[0])


@pytest.mark.parametrize(
    ("given", "reason", "said"),
    [
        (
            value("x", None),
            "Input `x` has no known rank, so no numbers can be made for it.",
            "✗ not run, and ONNX's checker objects",  # It wants a shape.
        ),
        (
            value("x", [5_000, 4_000]),
            "Its inputs would have more than 10,000,000 numbers: export it with smaller ones.",
            "✓ examined; the lab cannot make inputs for it",
        ),
        (
            value("x", ["batch", 4], TensorProto.BFLOAT16),
            "Input `x` is of type bfloat16, and no numbers can be made for that.",
            "✓ examined; the lab cannot make inputs for it",
        ),
    ],
    ids=["rank", "size", "type"],
)
def test_a_file_that_no_inputs_can_be_made_for_was_not_run_and_that_is_no_failure(
    given: onnx.ValueInfoProto, reason: str, said: str, desk: Visit
) -> None:
    outputs = (onnx.ValueInfoProto(name="y", type=given.type),)
    visit = upload(desk, "untried.onnx", file_of(relu(), inputs=(given,), outputs=outputs))
    assert visit.verdicts() == [said]
    assert said.startswith("✗") or reasons(visit) == [reason.replace("`", "")]
    visit.put({"tab": TABS[0]})
    assert visit.troubles() == []
    assert f"It was not run. {reason}" in visit.captions()


def test_of_a_file_with_much_in_it_the_page_shows_some_and_says_how_much_more(desk: Visit) -> None:
    count = 60_000
    model = onnx.load_model_from_string(file_of(relu()))
    model.graph.input.extend(onnx.ValueInfoProto(name=f"x{place}") for place in range(count))
    for place in range(300):
        model.metadata_props.add(key=f"k{place}", value="\x01" * 300)
    visit = upload(desk, "much.onnx", model.SerializeToString())
    assert visit.verdicts() == ["✗ refused, and nothing of it was run"]
    visit.put({"tab": TABS[0]})
    assert all(len(table) <= LISTED + 1 for table in visit.tables())
    assert f"And {count + 1 - LISTED:,} more inputs, 0 more outputs." in visit.captions()
    (metadata,) = [row["value"] for row in visit.tables()[-1] if row[""] == "metadata"]
    assert str(metadata).endswith(", and 294 more")
    assert len(str(metadata)) < 1_000


def test_a_file_that_is_taken_away_is_kept_nowhere() -> None:
    visit = upload(lab(model=OWN_FILE), "mine.onnx", file_of(relu()))
    token = visit.app.session_state["onnx-graph:netron"].token
    assert the_shelf().get(token) is not None
    visit.app.file_uploader(key="onnx:file").set_value(None)
    visit.run()
    assert visit.verdicts() == []
    assert the_shelf().get(token) is None
    assert "onnx:upload" not in visit.app.session_state
    assert "onnx-graph:netron" not in visit.app.session_state
    assert "A file is read by its format alone first" in "".join(visit.captions())


def test_a_file_is_known_by_its_upload_and_not_read_again_at_every_rerun() -> None:
    visit = upload(lab(model=OWN_FILE), "mine.onnx", file_of(relu()))
    job = visit.app.session_state["onnx:upload"]
    assert hashlib.sha256(file_of(relu())).hexdigest() not in job.about
    visit.put({"tab": TABS[1]})
    assert visit.app.session_state["onnx:upload"] is job
    upload(visit, "mine.onnx", file_of(relu("x", "y", name="other")))
    assert visit.app.session_state["onnx:upload"] is not job
    assert visit.verdicts() == ["✓ examined, and it runs"]


def test_the_examination_of_a_file_that_is_taken_away_ends() -> None:
    visit = lab(model=OWN_FILE)
    visit.app.file_uploader(key="onnx:file").set_value(("mine.onnx", file_of(relu()), ""))
    visit.run()
    process = visit.app.session_state["onnx:upload"].process
    visit.app.file_uploader(key="onnx:file").set_value(None)
    visit.run()
    assert process.finished
    assert "onnx:upload" not in visit.app.session_state


def test_a_memory_bomb_that_passes_the_examination_meets_the_limit(desk: Visit) -> None:
    visit = upload(desk, "bomb.onnx", bomb())
    assert visit.verdicts() == ["✗ examined, but its run was ended"]
    assert reasons(visit) == [memory_error(child.UPLOAD_BYTES)]
    for tab in TABS:
        assert len(visit.put({"tab": tab}).troubles()) <= 1


@pytest.mark.parametrize("make", [secretly_endless, as_often_as_asked])
def test_a_loop_that_nobody_can_bound_is_ended_and_the_line_says_by_what(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.onnx.upload, "start_upload", partial(start_upload, seconds=8))
    visit = upload(lab(model=OWN_FILE), "loop.onnx", make())
    assert visit.verdicts() == ["✗ examined, but its run was ended"]
    (said,) = reasons(visit)
    assert said in {
        "It took longer than 8 s and was ended.", "It took more than 8 s of processor time and was ended.",
    }  # fmt: skip
    assert visit.troubles() == []
    # What could be told without running it is there.
    assert visit.numbers()["opset"] == "20"
    assert any("It has Loop" in each.value for each in visit.app.html)
    assert len(visit.app.get("iframe")) == 1


def test_a_busy_server_examines_a_file_later(sleepers: Callable[[], list[Process]]) -> None:
    running = sleepers()
    visit = lab(model=OWN_FILE)
    visit.app.file_uploader(key="onnx:file").set_value(("mine.onnx", file_of(relu()), ""))
    visit.run()
    assert visit.troubles() == []
    assert any(BUSY in each.value for each in visit.app.markdown)
    assert visit.verdicts() == []
    for process in running:
        process.stop()
    finished(visit, "onnx:upload")
    assert visit.verdicts() == ["✓ examined, and it runs"]


def test_an_examination_can_be_stopped_and_begun_again() -> None:
    visit = lab(model=OWN_FILE)
    visit.app.file_uploader(key="onnx:file").set_value(("mine.onnx", file_of(relu()), ""))
    visit.run()
    process = visit.app.session_state["onnx:upload"].process
    press(visit, "onnx:upload:stop")
    assert process.finished
    assert visit.troubles() == ["Stopped."]
    assert visit.put({"tab": TABS[2]}).troubles() == ["Stopped."]
    press(visit, "onnx:upload:again")
    finished(visit, "onnx:upload")
    assert visit.verdicts() == ["✓ examined, and it runs"]


def test_an_examination_that_dies_says_which_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.onnx.upload, "start_upload", partial(start_upload, seconds=0.3))
    visit = upload(lab(model=OWN_FILE), "mine.onnx", file_of(relu()))
    assert visit.troubles() == ["It took longer than 0.3 s and was ended."]
    assert "onnx:upload:again" in buttons(visit)


def test_without_a_file_the_page_says_what_would_happen() -> None:
    visit = lab(model=OWN_FILE)
    assert "A file is read by its format alone first" in visit.captions()
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []
    known(PLAIN)
    visit.put({"model": titles()["simple_mlp"], "exporter": "legacy"})
    assert visit.verdicts()[0] == "✓ the same numbers as PyTorch"


def test_a_visitor_s_file_is_not_seen_by_another() -> None:
    one = upload(lab(model=OWN_FILE), "mine.onnx", file_of(relu()))
    other = lab(model=OWN_FILE)
    assert one.run().verdicts() == ["✓ examined, and it runs"]
    assert other.verdicts() == []
