"""The trap detector: no false alarm, no failing comparison without a hazard, and each by its right name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core.export.child import Answer, answer
from core.export.exporter import ExportedModel
from core.export.graph import Value
from core.export.hazards import SYMPTOMS, Hazard, HazardKind, Severity, checked, detect
from core.export.parity import BATCHES, Case, Deviation, OutputParity, Parity
from core.export.plan import Exporter, ExportPlan
from core.export.remarks import Remark
from core.process import Child

HARMS = {Severity.WRONG, Severity.BREAKS}
RUNTIMES = ("ONNX Runtime", "reference")
BOOLEAN = "Converting a tensor to a Python boolean might cause the trace to be incorrect. We can't record"
NUMBER = "Converting a tensor to a Python number might cause the trace to be incorrect. We can't record"
LOOP = "Iterating over a tensor might cause the trace to be incorrect. Passing a tensor of different shape"


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: Mapping[str, Any]) -> None:
        assert "stage" in line


def export(plan: ExportPlan) -> Answer:
    return answer(plan, cast(Child, Silent()))


@pytest.fixture(scope="module")
def plain() -> Answer:
    """A real export without a trap: what the tests below change by hand."""
    return export(ExportPlan(exporter=Exporter.LEGACY))


def changed(found: Answer, **changes: object) -> Answer:
    """An answer whose exported model is another in these fields."""
    assert found.exported is not None
    return replace(found, exported=replace(found.exported, **cast(Any, changes)))


def exported(found: Answer) -> ExportedModel:
    assert found.exported is not None
    return found.exported


def parity(how: str, batch: int, runtime: str = RUNTIMES[0]) -> Parity:
    """A comparison of an output of shape (batch, 2) that went like this."""
    if how == "refuse":
        return Parity((), f"{runtime} does not take {batch}.")
    if how == "shape":
        shaped = OutputParity(
            "output", (batch, 2), "float32", None, f"The shape is (9, 2), not ({batch}, 2)."
        )
        return Parity((shaped,))
    agree = how == "agree"
    absolute = 1e-8 if agree else 0.25
    numbers = Deviation(absolute, absolute, 1, (batch - 1, 1), 0.5, 0.5 + absolute, agree)
    return Parity((OutputParity("output", (batch, 2), "float32", numbers),))


def case(how: str, batch: int, seed: int = 0, kind: str = "normal", runtime: str = RUNTIMES[0]) -> Case:
    return Case(batch, seed, kind, runtime, parity(how, batch, runtime))


def cases(*hows: str) -> st.SearchStrategy[tuple[Case, ...]]:
    """Any comparisons, each of other inputs or by another runtime."""
    one = st.builds(
        case,
        st.sampled_from(hows),
        st.sampled_from(BATCHES),
        st.sampled_from((0, 1)),
        st.sampled_from(("normal", "zeros", "ramp")),
        st.sampled_from(RUNTIMES),
    )
    key = st.lists(one, max_size=12, unique_by=lambda each: (each.batch, each.seed, each.kind, each.runtime))
    return key.map(tuple)


ANY = cases("agree", "agree", "differ", "refuse", "shape")
REMARKS = st.lists(st.sampled_from((BOOLEAN, NUMBER, LOOP)), unique=True).map(
    lambda texts: tuple(Remark(text, "") for text in texts)
)
BATCH = st.sampled_from((1, 2, 3, 4))


def with_cases(found: Answer, batch: int, tried: Sequence[Case], remarks: Sequence[Remark] = ()) -> Answer:
    return changed(
        replace(found, plan=replace(found.plan, batch=batch), cases=tuple(tried)), remarks=tuple(remarks)
    )


def by_kind(found: Answer) -> dict[HazardKind, Hazard]:
    hazards = detect(found)
    assert len({hazard.kind for hazard in hazards}) == len(hazards)
    return {hazard.kind: hazard for hazard in hazards}


def test_an_export_without_traps_is_looked_through_for_all_and_none_is_found(plain: Answer) -> None:
    assert not detect(plain)
    assert [check.kind for check in checked(plain)] == list(HazardKind)
    assert not any(check.found for check in checked(plain))
    assert all(0 < len(check.title) <= 32 for check in checked(plain))


@given(batch=BATCH, tried=cases("agree"), remarks=REMARKS)
def test_no_alarm_when_everything_agrees(
    plain: Answer, batch: int, tried: tuple[Case, ...], remarks: tuple[Remark, ...]
) -> None:
    found = by_kind(with_cases(plain, batch, tried, remarks))
    assert {hazard.severity for hazard in found.values()} <= {Severity.SURPRISING}
    assert len(found) == len(remarks)


@given(batch=BATCH, tried=ANY, remarks=REMARKS)
def test_whenever_onnx_runtime_fails_some_hazard_says_so(
    plain: Answer, batch: int, tried: tuple[Case, ...], remarks: tuple[Remark, ...]
) -> None:
    found = detect(with_cases(plain, batch, tried, remarks))
    failing = any(each.runtime == RUNTIMES[0] and not each.parity.agree for each in tried)
    other = HazardKind.RUNTIMES_DIFFER
    assert failing == any(hazard.severity in HARMS for hazard in found if hazard.kind is not other)


@given(batch=BATCH, tried=ANY, remarks=REMARKS)
def test_what_is_listed_as_found_is_found_the_worst_first_with_evidence(
    plain: Answer, batch: int, tried: tuple[Case, ...], remarks: tuple[Remark, ...]
) -> None:
    made = with_cases(plain, batch, tried, remarks)
    found = detect(made)
    listed, told = {check.kind for check in checked(made) if check.found}, {hazard.kind for hazard in found}
    assert told <= listed <= told | SYMPTOMS
    order = [list(Severity).index(hazard.severity) for hazard in found]
    assert order == sorted(order)
    for hazard in found:
        assert hazard.evidence
        assert all(line and "\n" not in line for line in hazard.evidence)
        assert hazard.title in {check.title for check in checked(made) if check.found}


@given(batch=BATCH, tried=ANY, remarks=REMARKS, data=st.data())
def test_the_order_of_the_comparisons_does_not_matter(
    plain: Answer, batch: int, tried: tuple[Case, ...], remarks: tuple[Remark, ...], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(tried))
    first, second = (detect(with_cases(plain, batch, each, remarks)) for each in (tried, shuffled))
    assert [(each.kind, each.severity) for each in first] == [(each.kind, each.severity) for each in second]


@given(batch=BATCH, tried=ANY)
def test_failing_at_whole_batches_never_seen_is_parity_unseen(
    plain: Answer, batch: int, tried: tuple[Case, ...]
) -> None:
    runs = [each for each in tried if each.runtime == RUNTIMES[0]]
    good = {each.batch for each in runs if each.parity.agree}
    own = [each for each in runs if each.batch == batch]
    lost = {each.batch for each in runs} - good - {batch}
    expected = bool(lost) and all(each.parity.agree for each in own)
    made = with_cases(plain, batch, tried)
    listed = {check.kind for check in checked(made) if check.found}
    assert (HazardKind.PARITY_UNSEEN in listed) == expected
    assert set(by_kind(made)) & {HazardKind.PARITY_UNSEEN, HazardKind.BATCH_ONE} or not expected


def test_a_failing_comparison_is_quoted_with_its_numbers(plain: Answer) -> None:
    tried = [case("agree", 2), case("differ", 3, seed=1), case("agree", 3), case("refuse", 8)]
    tried += [case("differ", 3, kind="zeros"), case("agree", 1)]
    tried += [case("differ", batch, runtime=RUNTIMES[1]) for batch in (8, 64)]
    found = by_kind(with_cases(plain, 2, tried))
    numbers = "output[2, 1] is 0.5 in PyTorch and 0.75 in ONNX Runtime: 0.25 apart."
    assert found[HazardKind.PARITY].evidence == (
        f"At batch 3, seed 1, random numbers, {numbers}",
        "3 of 6 comparisons in ONNX Runtime fail.",
    )
    assert found[HazardKind.PARITY].severity is Severity.WRONG
    assert found[HazardKind.PARITY_UNSEEN].evidence == (
        "At batch 2, which the exporter was shown, all agree.",
        "At batch 8, seed 0, random numbers, ONNX Runtime refuses: ONNX Runtime does not take 8.",
        "3 of 6 comparisons in ONNX Runtime fail.",
    )
    assert found[HazardKind.PARITY_UNSEEN].severity is Severity.BREAKS


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (BOOLEAN, HazardKind.DATA_DEPENDENT),
        (NUMBER, HazardKind.BAKED_CONSTANT),
        (LOOP, HazardKind.PARITY),
        ("", HazardKind.PARITY),
    ],
)
def test_numbers_that_fail_where_others_agree_are_explained_by_the_remark(
    plain: Answer, said: str, kind: HazardKind, batch: int
) -> None:
    tried = [case("agree", 2), case("agree", 3), case("differ", 3, kind="zeros"), case("agree", 8)]
    found = by_kind(with_cases(plain, batch, tried, [Remark(said, "")]))
    assert {key for key, hazard in found.items() if hazard.severity in HARMS} - {
        HazardKind.UNROLLED_LOOP
    } == {kind}
    assert found[kind].severity is Severity.WRONG
    assert any("zeros, output[2, 1] is 0.5 in PyTorch" in line for line in found[kind].evidence)


@pytest.mark.parametrize(
    ("how", "words"), [("agree", "All 2 comparisons in ONNX Runtime agree"), ("differ", "2 of 2 comparisons")]
)
def test_a_remark_alone_is_a_surprise(plain: Answer, how: str, words: str) -> None:
    hazard = by_kind(with_cases(plain, 2, [case(how, 2), case(how, 3)], [Remark(BOOLEAN, "")]))
    assert hazard[HazardKind.DATA_DEPENDENT].severity is Severity.SURPRISING
    assert hazard[HazardKind.DATA_DEPENDENT].evidence[-1].startswith(words)
    assert (HazardKind.PARITY in hazard) == (how == "differ")


@pytest.mark.parametrize("model", ["transformer", "lstm"])
def test_what_the_tracer_has_against_pytorchs_own_layers_is_no_trap(model: str) -> None:
    assert not detect(export(ExportPlan(model, exporter=Exporter.LEGACY)))


def test_batch_norm_in_training_mode_is_told_of_once_and_is_no_decision() -> None:
    found = export(ExportPlan("residual", exporter=Exporter.LEGACY, training=True))
    (hazard,) = detect(found)
    assert (hazard.kind, hazard.severity) == (HazardKind.TRAINING_MODE, Severity.WRONG)
    assert sum("apart" in line for line in hazard.evidence) == 3
    assert HazardKind.PARITY in {check.kind for check in checked(found) if check.found}


def test_a_decision_is_not_blamed_for_what_training_mode_explains(plain: Answer) -> None:
    tried = [case("agree", 2), case("differ", 2, kind="zeros")]
    for data, wrong in ((in_training(norm(1), flag=False), "TRAINING_MODE"), (None, "DATA_DEPENDENT")):
        made = with_cases(plain, 2, tried, [Remark(BOOLEAN, "")])
        found = by_kind(made if data is None else changed(made, data=data))
        assert [kind.name for kind, hazard in found.items() if hazard.severity in HARMS] == [wrong]


@pytest.mark.parametrize("declared", [(1, 2), ("batch", 2), (2, 1)])
def test_a_declared_batch_of_one_is_a_surprise_and_failing_at_others_breaks(
    plain: Answer, declared: tuple[int | str, ...]
) -> None:
    value = Value("output", "tensor", "float", declared)
    graph = replace(exported(plain).graph, outputs=(value,))
    agreeing = with_cases(changed(plain, graph=graph), 1, [case("agree", 1), case("agree", 3)])
    failing = replace(agreeing, cases=(case("agree", 1), case("refuse", 3)))
    pinned = f"The input `input` says (batch, 10), the output `output` says {value.shape_text}."
    assert (HazardKind.BATCH_ONE in by_kind(agreeing)) == (declared == (1, 2))
    hazard = by_kind(failing)[HazardKind.BATCH_ONE]
    assert hazard.severity is Severity.BREAKS
    assert (pinned in hazard.evidence) == (declared == (1, 2))
    assert any(line.startswith("At batch 3, seed 0") for line in hazard.evidence)
    assert hazard.title == "Made for a batch of one"
    if declared == (1, 2):
        surprise = by_kind(agreeing)[HazardKind.BATCH_ONE]
        assert surprise.severity is Severity.SURPRISING
        assert surprise.evidence == (pinned,)
        assert surprise.title == "An output declared as one row"
        assert surprise.title in {check.title for check in checked(agreeing)}
        assert "only the shape" in surprise.why
        untried = by_kind(replace(agreeing, cases=(case("agree", 1),)))[HazardKind.BATCH_ONE]
        assert untried.title == hazard.title


def test_an_lstm_shown_one_example_is_right_and_only_declared_wrong() -> None:
    (hazard,) = detect(export(ExportPlan("lstm", batch=1, opset=18)))
    assert (hazard.title, hazard.severity) == ("An output declared as one row", Severity.SURPRISING)


def test_a_symptom_is_left_out_only_where_causes_explain_all_of_it(plain: Answer) -> None:
    closed = replace(exported(plain).graph, inputs=(Value("input", "tensor", "float", (2, 10)),))
    tried = [case("agree", 2), case("refuse", 3), case("refuse", 8)]
    fixed = by_kind(with_cases(changed(plain, graph=closed), 2, tried))
    assert list(fixed) == [HazardKind.FIXED_BATCH]
    one = by_kind(with_cases(plain, 1, [case("agree", 1), *tried[1:]]))
    assert list(one) == [HazardKind.BATCH_ONE]
    both = by_kind(with_cases(plain, 1, [case("agree", 1), case("differ", 8), *tried[1:2]]))
    assert set(both) == {HazardKind.BATCH_ONE, HazardKind.PARITY_UNSEEN}
    no_cause = by_kind(with_cases(plain, 2, tried))
    assert list(no_cause) == [HazardKind.PARITY_UNSEEN]


def test_an_open_batch_is_not_a_batch_of_one_for_an_axis_that_is_always_one(plain: Answer) -> None:
    graph = replace(exported(plain).graph, outputs=(Value("output", "tensor", "float", ("batch", 1)),))
    only = Parity((OutputParity("output", (1, 1), "float32", Deviation(0, 0, 0, (0, 0), 1, 1, agree=True)),))
    made = with_cases(changed(plain, graph=graph), 1, [Case(1, 0, "normal", RUNTIMES[0], only)])
    assert not detect(made)


@pytest.mark.parametrize("how", ["refuse", "differ"])
def test_a_batch_of_one_is_not_blamed_for_what_fails_at_one_too_or_by_its_numbers(
    plain: Answer, how: str
) -> None:
    at_one = with_cases(plain, 1, [case("refuse", 1), case(how, 3)])
    numbers = with_cases(plain, 1, [case("agree", 1), case("differ", 3)])
    two = with_cases(plain, 2, [case("agree", 2), case("refuse", 3)])
    assert all(HazardKind.BATCH_ONE not in by_kind(each) for each in (at_one, numbers, two))


@given(asked=st.integers(7, 23) | st.none(), got=st.integers(7, 23))
def test_the_opset_is_a_trap_exactly_when_it_is_another(plain: Answer, asked: int | None, got: int) -> None:
    found = by_kind(changed(plain, opset_asked=asked, opset=got))
    assert (HazardKind.SILENT_OPSET in found) == (asked is not None and asked != got)
    if found:
        line = f"Opset {asked} was asked for, and the file has opset {got}."
        assert found[HazardKind.SILENT_OPSET].evidence == (line,)


@given(size=st.integers(0, 3000))
def test_a_second_file_is_empty_or_full(plain: Answer, size: int) -> None:
    found = by_kind(changed(plain, files=(("model.onnx", 1000), ("model.onnx.data", size))))
    assert list(found) == [HazardKind.SECOND_FILE if size else HazardKind.EMPTY_EXTERNAL_DATA]
    (line,) = next(iter(found.values())).evidence
    assert line.startswith(
        f"`model.onnx.data` holds {size:,} of {size + 1000:,} bytes: larger weights, which the model file"
        if size
        else "`model.onnx.data` has 0 bytes: all 22 numbers"
    )


def test_a_file_that_no_one_opens_is_invalid_and_nothing_else_is_claimed(plain: Answer) -> None:
    told = Parity((), "[ONNXRuntimeError] : 10 : INVALID_GRAPH : This is no graph.")
    tried = tuple(Case(batch, 0, "normal", RUNTIMES[0], told) for batch in BATCHES)
    made = replace(plain, checker="Bad node.", cases=tried)
    (hazard,) = detect(made)
    assert (hazard.kind, hazard.severity) == (HazardKind.INVALID, Severity.BREAKS)
    assert hazard.evidence == (
        "ONNX's checker says: Bad node.",
        "ONNX Runtime refuses in all 5 comparisons: This is no graph.",
    )
    assert not {HazardKind.PARITY, HazardKind.PARITY_UNSEEN} & {check.kind for check in checked(made)}


@pytest.mark.parametrize(
    ("refusal", "also"),
    [
        ("The dynamo exporter refuses this model: No ONNX function found.", set()),
        ("Could not guard on data-dependent expression Eq(u0, 1).", {HazardKind.DATA_DEPENDENT}),
    ],
)
def test_without_a_file_only_the_refusal_is_looked_at(
    plain: Answer, refusal: str, also: set[HazardKind]
) -> None:
    made = replace(plain, exported=None, refusal=refusal, cases=())
    assert set(by_kind(made)) == {HazardKind.REFUSED} | also
    assert {hazard.evidence for hazard in detect(made)} == {(refusal,)}
    assert [check.kind for check in checked(made)] == [HazardKind.REFUSED, HazardKind.DATA_DEPENDENT]


@pytest.mark.parametrize(
    ("exporter", "other"), [(Exporter.LEGACY, "dynamo=True"), (Exporter.DYNAMO, "dynamo=False")]
)
def test_the_way_out_of_a_refusal_is_the_other_exporter(
    plain: Answer, exporter: Exporter, other: str
) -> None:
    made = replace(plain, exported=None, refusal="No.", plan=replace(plain.plan, exporter=exporter))
    assert other in detect(made)[0].fix_code


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_runtimes_differ_only_if_the_one_agrees_and_the_other_gives_numbers(
    plain: Answer, runtime: str
) -> None:
    other = RUNTIMES[1 - RUNTIMES.index(runtime)]
    tried = [
        case("differ", 2, runtime=runtime),
        case("agree", 2, runtime=other),
        case("agree", 3),
        case("refuse", 3, runtime=RUNTIMES[1]),
    ]
    found = by_kind(with_cases(plain, 2, tried))
    assert (HazardKind.RUNTIMES_DIFFER in found) == (runtime == "reference")
    assert (HazardKind.PARITY in found) == (runtime == "ONNX Runtime")
    for hazard in found.values():
        (line,) = hazard.evidence[:1]
        assert ("0.75 in ONNX's reference evaluator" in line) == (runtime == "reference")


def in_training(node: onnx.NodeProto, *, flag: bool) -> bytes:
    """A file with one node whose third input, if it has one, is the flag."""
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("x", "y")]
    filled = [
        helper.make_tensor("share", TensorProto.FLOAT, [], [0.25]),
        helper.make_tensor("flag", TensorProto.BOOL, [], [flag]),
    ]
    graph = helper.make_graph([node], "one", shapes[:1], shapes[1:], filled)
    data: bytes = helper.make_model(graph).SerializeToString()
    return data


def dropout(*inputs: str) -> onnx.NodeProto:
    return helper.make_node("Dropout", inputs, ["y"], name="drop")


def norm(mode: int) -> onnx.NodeProto:
    inputs = ["x", "scale", "bias", "mean", "var"]
    return helper.make_node("BatchNormalization", inputs, ["y"], name="norm", training_mode=mode)


@pytest.mark.parametrize(
    ("node", "flag", "evidence"),
    [
        (
            dropout("x", "share", "flag"),
            True,
            "`drop` is a Dropout with its training flag set: it zeroes 25%.",
        ),
        (dropout("x", "", "flag"), True, "`drop` is a Dropout with its training flag set: it zeroes 50%."),
        (dropout("x", "share", "flag"), False, ""),
        (dropout("x", "share"), True, ""),
        (norm(1), False, "`norm` is a BatchNormalization that uses the mean of the batch it is given."),
        (norm(0), False, ""),
    ],
)
def test_training_mode_is_read_from_the_nodes(
    plain: Answer, node: onnx.NodeProto, flag: bool, evidence: str
) -> None:
    found = by_kind(changed(plain, data=in_training(node, flag=flag)))
    assert (HazardKind.TRAINING_MODE in found) == bool(evidence)
    if evidence:
        assert found[HazardKind.TRAINING_MODE].evidence == (evidence,)
        assert found[HazardKind.TRAINING_MODE].severity is Severity.WRONG


def test_training_mode_that_left_nothing_in_the_file_is_a_surprise(plain: Answer) -> None:
    (hazard,) = detect(replace(plain, plan=replace(plain.plan, training=True)))
    assert (hazard.kind, hazard.severity) == (HazardKind.TRAINING_MODE, Severity.SURPRISING)
    count = sum(each.runtime == RUNTIMES[0] for each in plain.cases)
    assert 0 < count < len(plain.cases)
    assert f"in ONNX Runtime {count} of {count} comparisons" in hazard.evidence[0]


@pytest.mark.parametrize(
    ("shape", "closed"), [((2, 10), True), (("batch", 10), False), (("batch", 2), False), (("n", 10), False)]
)
def test_a_fixed_batch_is_read_from_the_inputs(
    plain: Answer, shape: tuple[int | str, ...], closed: bool
) -> None:
    value = Value("input", "tensor", "float", shape)
    graph = replace(exported(plain).graph, inputs=(value,))
    tried = [case("agree", 2), case("agree" if not closed else "refuse", 3)]
    found = by_kind(with_cases(changed(plain, graph=graph), 2, tried))
    assert (HazardKind.FIXED_BATCH in found) == closed
    if closed:
        assert found[HazardKind.FIXED_BATCH].evidence[:2] == (
            "The input `input` says (2, 10), and stays so.",
            "At batch 3, seed 0, random numbers, ONNX Runtime refuses: ONNX Runtime does not take 3.",
        )
