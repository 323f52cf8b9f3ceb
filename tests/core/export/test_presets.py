"""Every preset falls into its trap when it is really exported, with true numbers, and its fix gets it out."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from core.export.child import Answer, answer
from core.export.hazards import SYMPTOMS, Hazard, HazardKind, Severity, detect
from core.export.plan import Exporter, ExportPlan
from core.export.presets import PRESETS, Preset
from core.process import Child

each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)


class Silent:
    """Stands where a child process would talk to its parent."""

    def emit(self, line: Mapping[str, Any]) -> None:
        assert "stage" in line


def other_way(preset: Preset) -> ExportPlan:
    """The same model by the other exporter."""
    assert preset.plan.exporter is Exporter.LEGACY
    return ExportPlan(preset.plan.model, opset=18)


@pytest.fixture(scope="module")
def answers() -> dict[ExportPlan, Answer]:
    """Every export of the presets and their fixes, made once."""
    plans = [preset.plan for preset in PRESETS]
    plans += [preset.fixed or other_way(preset) for preset in PRESETS]
    return {plan: answer(plan, cast(Child, Silent())) for plan in dict.fromkeys(plans)}


def hazard_of(preset: Preset, answers: Mapping[ExportPlan, Answer]) -> Hazard:
    (found,) = [hazard for hazard in detect(answers[preset.plan]) if hazard.kind is preset.kind]
    return found


def kinds(found: Answer) -> set[HazardKind]:
    return {hazard.kind for hazard in detect(found)}


@each_preset
def test_a_preset_falls_into_its_trap(preset: Preset, answers: dict[ExportPlan, Answer]) -> None:
    found = hazard_of(preset, answers)
    assert all(line and "\n" not in line for line in found.evidence)
    assert any(re.search(r"\d", line) for line in found.evidence)


@each_preset
def test_the_fix_gets_out_of_it_and_into_no_other(preset: Preset, answers: dict[ExportPlan, Answer]) -> None:
    if preset.fixed is None:
        assert preset.unfixed
        refused = answers[other_way(preset)]
        assert refused.exported is None
        assert HazardKind.REFUSED in kinds(refused)
        return
    assert not preset.unfixed
    fixed = answers[preset.fixed]
    assert fixed.exported is not None
    harms = [hazard for hazard in detect(fixed) if hazard.severity is not Severity.SURPRISING]
    assert preset.kind not in kinds(fixed)
    assert not harms


def test_every_kind_of_trap_that_is_a_cause_has_a_preset() -> None:
    assert {preset.kind for preset in PRESETS} == set(HazardKind) - SYMPTOMS
    assert len({preset.key for preset in PRESETS}) == len(PRESETS)
    assert all(re.fullmatch("[a-z-]+", preset.key) for preset in PRESETS)


def test_every_fix_is_python(answers: dict[ExportPlan, Answer]) -> None:
    for found in answers.values():
        for hazard in detect(found):
            assert ast.parse(hazard.fix_code).body
            assert "$" not in hazard.fix_code


def test_the_worked_example_is_in_no_trap(answers: dict[ExportPlan, Answer]) -> None:
    assert not detect(answers[ExportPlan()])


def module_of(found: Answer) -> nn.Module:
    return found.plan.build().module.eval()


def model_of(found: Answer) -> onnx.ModelProto:
    assert found.exported is not None
    return onnx.load_model_from_string(found.exported.data)


def both(found: Answer, batch: int, kind: str, index: tuple[int, ...]) -> tuple[str, str]:
    """A number of the output in PyTorch and in ONNX Runtime, computed here again."""
    made = found.plan.build()
    assert found.exported is not None
    (x,) = made.example_inputs(batch, kind, seed=0)
    session = onnxruntime.InferenceSession(found.exported.data, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        eager = made.module.eval()(x).numpy(force=True)
    given = session.run(None, {session.get_inputs()[0].name: x.numpy(force=True)})[0]
    return f"is {eager[index]:.4g} in PyTorch", f"and {given[index]:.4g} in ONNX Runtime"


def quoted(hazard: Hazard) -> tuple[int, str, tuple[int, ...]]:
    """The batch, the kind and the place of the first number that a hazard quotes."""
    text = " ".join(hazard.evidence)
    found = re.search(r"batch (\d+), seed 0, (random numbers|zeros), \w+\[([\d, ]+)\] is", text)
    assert found is not None
    words = {"random numbers": "normal", "zeros": "zeros"}
    return int(found[1]), words[found[2]], tuple(map(int, found[3].split(", ")))


def differing(found: Answer, hazard: Hazard) -> tuple[str, ...]:
    return both(found, *quoted(hazard))


def opened_and_pinned(found: Answer, _: Hazard) -> tuple[str, ...]:
    assert model_of(found).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    shape = [each.dim_value for each in model_of(found).graph.output[0].type.tensor_type.shape.dim]
    assert shape == [found.plan.batch, 4]
    return (f"({shape[0]}, {shape[1]})",)


def copies(found: Answer, hazard: Hazard) -> tuple[str, ...]:
    counts = Counter(node.op_type for node in model_of(found).graph.node)
    twice = {name for name, count in counts.items() if count == found.plan.batch}
    assert "MatMul" in twice < set(counts)
    (line,) = [line for line in hazard.evidence if line.endswith(": each is in the file 2 times.")]
    assert set(line.split(":")[0].split(", ")) == twice
    return opened_and_pinned(found, hazard)


def two_opsets(found: Answer, _: Hazard) -> tuple[str, ...]:
    return (
        f"Opset {found.plan.opset} was asked for",
        f"has opset {model_of(found).opset_import[0].version}.",
    )


def all_numbers(found: Answer, _: Hazard) -> tuple[str, ...]:
    weights = sum(each.numel() for each in module_of(found).parameters())
    return ("`model.onnx.data` has 0 bytes", f"all {weights} numbers")


def bytes_beside(found: Answer, _: Hazard) -> tuple[str, ...]:
    assert found.exported is not None
    sizes = dict(found.exported.files)
    assert found.exported.graph.numbers * 4 > sizes["model.onnx.data"] > 0
    return (f"{sizes['model.onnx.data']:,} of {sum(sizes.values()):,} bytes",)


def share_dropped(found: Answer, _: Hazard) -> tuple[str, ...]:
    (dropout,) = [each for each in module_of(found).modules() if isinstance(each, nn.Dropout)]
    return (f"{dropout.p:.0%}",)


def batch_means(found: Answer, hazard: Hazard) -> tuple[str, ...]:
    nodes = [node.name for node in model_of(found).graph.node if node.op_type == "BatchNormalization"]
    assert nodes
    return (*(f"`{name}` is a BatchNormalization" for name in nodes), *differing(found, hazard))


def by_the_reference(found: Answer, hazard: Hazard) -> tuple[str, ...]:
    batch, kind, index = quoted(hazard)
    eager, runtime = both(found, batch, kind, index)
    # ONNX Runtime agrees with PyTorch, and what the third gave, being random, is not PyTorch's number.
    assert eager.split()[1] == runtime.split()[1]
    assert f"and {eager.split()[1]} in ONNX's" not in " ".join(hazard.evidence)
    return (eager, "ONNX's reference evaluator")


def constant_taken_out(found: Answer, hazard: Hazard) -> tuple[str, ...]:
    (x,) = found.plan.build().example_inputs(found.plan.batch, seed=found.plan.seed)
    return (f"{float(x.abs().max()):.4g} for good: its Div", *differing(found, hazard))


def failing_ones(found: Answer, _: Hazard) -> tuple[str, ...]:
    failing = [case for case in found.cases if not case.parity.agree]
    assert {case.batch for case in failing} == {1, 3, 8, 64}
    runs, failed = (
        [case for case in cases if case.runtime == "ONNX Runtime"] for cases in (found.cases, failing)
    )
    return (
        f"{len(failed)} of {len(runs)} comparisons in ONNX Runtime fail.",
        "At batches 1, 3, 8, 64, ONNX Runtime refuses, at 1 with:",
        "`scale` says (2, 16)",
        "`shift` says (2, 16)",
    )


def fixed_shape(found: Answer, _: Hazard) -> tuple[str, ...]:
    shape = [each.dim_value for each in model_of(found).graph.input[0].type.tensor_type.shape.dim]
    return (f"({shape[0]}, {shape[1]})", "Got: 1 Expected: 2")


def checkers_words(found: Answer, _: Hazard) -> tuple[str, ...]:
    with pytest.raises(onnx.checker.ValidationError) as caught:
        onnx.checker.check_model(model_of(found), full_check=True)
    runs = sum(case.runtime == "ONNX Runtime" for case in found.cases)
    return (" ".join(str(caught.value).split())[:60], f"in all {runs} comparisons")


def names_of_weights(found: Answer, _: Hazard) -> tuple[str, ...]:
    names = [name for name, _ in module_of(found).named_parameters()]
    return (f"{len(names)} of the {len(names) + 1} inputs", *names)


def operator_refused(found: Answer, _: Hazard) -> tuple[str, ...]:
    return ({"pooled": "adaptive_avg_pool1d", "singular_values": "linalg_svdvals"}[found.plan.model],)


QUOTES: Mapping[str, Callable[[Answer, Hazard], tuple[str, ...]]] = {
    "batch-of-one": opened_and_pinned,
    "opset": two_opsets,
    "empty-file": all_numbers,
    "second-file": bytes_beside,
    "dropout": share_dropped,
    "runtimes": by_the_reference,
    "batch-norm": batch_means,
    "early-exit": differing,
    "item": constant_taken_out,
    "loop": copies,
    "unseen": failing_ones,
    "fixed": fixed_shape,
    "invalid": checkers_words,
    "old-opset": names_of_weights,
    "pooling": operator_refused,
    "svd": operator_refused,
}


@each_preset
def test_the_evidence_is_what_is_found_without_it(preset: Preset, answers: dict[ExportPlan, Answer]) -> None:
    found, hazard = answers[preset.plan], hazard_of(preset, answers)
    text = " ".join(hazard.evidence)
    for part in QUOTES[preset.key](found, hazard):
        assert part in text
