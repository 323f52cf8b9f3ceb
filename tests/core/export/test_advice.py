"""What is said of a trap is true: its Python can be run, and its way out is one."""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from string import Template
from typing import Any, cast

import pytest

from core.export import advice
from core.export.advice import ADVICE, Advice, HazardKind
from core.export.child import Answer, answer
from core.export.hazards import Hazard, detect
from core.export.parity import ABSOLUTE, RELATIVE
from core.export.plan import Exporter, ExportPlan
from core.process import Child

INSTEAD = ("REFUSED_DECISION", "INVALID_NAME", "INVALID_OPSET", "BATCH_DECLARED")
ALL: dict[str, Advice] = {kind.name: ADVICE[kind] for kind in HazardKind} | {
    name: getattr(advice, name) for name in INSTEAD
}
LEGACY = Exporter.LEGACY


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: Mapping[str, Any]) -> None:
        assert "stage" in line


def export(plan: ExportPlan) -> Answer:
    return answer(plan, cast(Child, Silent()))


def hazard_of(kind: HazardKind, found: Answer) -> Hazard:
    (hazard,) = [each for each in detect(found) if each.kind is kind]
    return hazard


def test_all_advice_is_listed_here() -> None:
    assert [each for each in vars(advice).values() if isinstance(each, Advice)] == [
        ALL[name] for name in INSTEAD
    ]
    assert set(ADVICE) == set(HazardKind)


@pytest.mark.parametrize("name", ALL)
def test_each_advice_is_sentences_and_python(name: str) -> None:
    given = ALL[name]
    code = Template(given.code).substitute(opset=15, same=True, other=False, absolute=1e-5, relative=1e-4)
    assert ast.parse(code).body
    assert 0 < len(given.title) <= 32
    assert not given.title.endswith(".")
    assert all(re.fullmatch(r"[A-Z`].*[.]", text) for text in (given.why, given.fix))


def test_a_name_used_twice_is_mended_by_another_name() -> None:
    plan = ExportPlan("cnn", opset=18, output_names=("relu",))
    hazard = hazard_of(HazardKind.INVALID, export(plan))
    assert "SSA" in hazard.evidence[0]
    assert "A name that was asked for" in hazard.why
    assert "opset" not in hazard.why + hazard.fix + hazard.fix_code
    assert 'output_names=["result"]' in hazard.fix_code
    assert not detect(export(replace(plan, output_names=("result",))))


@pytest.mark.parametrize(
    ("plan", "same"),
    [(ExportPlan("lstm", exporter=LEGACY, opset=7), False), (ExportPlan("python_scale"), True)],
    ids=lambda value: getattr(value, "model", None),
)
def test_an_operator_that_its_opset_does_not_have_is_mended_by_another_opset(
    plan: ExportPlan, same: bool
) -> None:
    hazard = hazard_of(HazardKind.INVALID, export(plan))
    assert hazard.fix.startswith("Ask for opset 18 or newer")
    assert f"opset_version=18, dynamo={same})" in hazard.fix_code
    assert not detect(export(replace(plan, opset=18)))


@pytest.mark.parametrize(
    ("checker", "opset"),
    [("A loop in the graph.", 15), ("Unrecognized attribute: a for operator B", 18)],
)
def test_of_another_invalid_file_nothing_is_claimed_but_what_the_checker_says(
    checker: str, opset: int
) -> None:
    found = export(ExportPlan(exporter=LEGACY))
    assert found.exported is not None
    found = replace(found, checker=checker, exported=replace(found.exported, opset=opset))
    hazard = hazard_of(HazardKind.INVALID, found)
    assert hazard.evidence == (f"ONNX's checker says: {checker}",)
    assert "for the reason that is quoted here" in hazard.why
    assert "opset" not in hazard.why + hazard.fix + hazard.fix_code


def test_a_refusal_of_a_decision_does_not_send_into_the_trap_of_the_other_exporter() -> None:
    plan = ExportPlan("early_exit", opset=18)
    hazard = hazard_of(HazardKind.REFUSED, export(plan))
    assert "dynamo=" not in hazard.fix_code
    assert "`torch.where`" in hazard.fix
    assert "`torch.cond`" in hazard.fix
    assert "silently wrong" in hazard.why
    assert HazardKind.DATA_DEPENDENT in {each.kind for each in detect(export(replace(plan, exporter=LEGACY)))}


def test_any_other_refusal_asks_to_compare_what_the_other_exporter_makes_of_it() -> None:
    hazard = hazard_of(HazardKind.REFUSED, export(ExportPlan("loop_over_batch", opset=18)))
    assert "compare at several batches" in hazard.fix


def test_the_older_exporter_may_refuse_the_older_opset_and_the_advice_says_so() -> None:
    plan = ExportPlan("pooled")
    hazard = hazard_of(HazardKind.SILENT_OPSET, export(plan))
    assert "if it takes the model" in hazard.fix
    assert f"opset_version={plan.opset}, dynamo=False" in hazard.fix_code
    assert export(replace(plan, exporter=LEGACY)).exported is None


def test_the_tolerance_in_the_advice_is_the_one_that_is_used() -> None:
    found = export(ExportPlan(exporter=LEGACY))
    (wrong,) = (replace(each, parity=replace(each.parity, problem="No.")) for each in found.cases[:1])
    others = (each for each in found.cases if each.batch != wrong.batch)
    own = replace(found, plan=replace(found.plan, batch=wrong.batch), cases=(wrong, *others))
    code = hazard_of(HazardKind.PARITY, own).fix_code
    assert f"rtol={RELATIVE}, atol={ABSOLUTE})" in code
