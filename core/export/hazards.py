"""Traps of an ONNX export: looked for in what an export answered, each with this model's own numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from string import Template
from types import MappingProxyType
from typing import Final, NamedTuple

import onnx
from onnx import numpy_helper

from core.export.advice import (
    ADVICE,
    BATCH_DECLARED,
    INVALID_NAME,
    INVALID_OPSET,
    REFUSED_DECISION,
    HazardKind,
)
from core.export.child import Answer
from core.export.evidence import (
    QUOTED,
    File,
    Seen,
    Severity,
    disagreeing,
    failed_ones,
    inputs_of,
    inputs_text,
    is_about_shapes,
    line_of,
    number_text,
    reason,
    remarked,
    short,
    some,
)
from core.export.parity import ABSOLUTE, RELATIVE
from core.export.plan import Exporter, ExportPlan

__all__ = ["SYMPTOMS", "Check", "Hazard", "HazardKind", "Severity", "checked", "detect"]

SYMPTOMS: Final = frozenset({HazardKind.PARITY, HazardKind.PARITY_UNSEEN})
"""Traps that are told of only where none of the others explains what fails."""


@dataclass(frozen=True)
class Hazard:
    """A trap that an export fell into.

    Attributes:
        kind: which.
        title: a few words for a row.
        severity: what it does.
        evidence: lines with this export's own numbers.
        why: how it comes about, for a newcomer.
        fix: what to do, in one line.
        fix_code: the same as a line or two of Python; `model` is the module, `example` its input.
    """

    kind: HazardKind
    title: str
    severity: Severity
    evidence: tuple[str, ...]
    why: str
    fix: str
    fix_code: str


class Check(NamedTuple):
    """One trap that was looked for, and whether it was found."""

    kind: HazardKind
    title: str
    found: bool


def detect(answer: Answer) -> tuple[Hazard, ...]:
    """The traps that an export fell into, the worst first; no symptom of which the cause is among them."""
    look = _look(answer)
    explained = {case for kind, seen in look.items() if kind not in SYMPTOMS for case in seen.failed}
    found = [
        _hazard(kind, seen, answer.plan)
        for kind, seen in look.items()
        if seen.evidence and not (kind in SYMPTOMS and seen.failed <= explained)
    ]
    return tuple(sorted(found, key=lambda hazard: list(Severity).index(hazard.severity)))


def checked(answer: Answer) -> tuple[Check, ...]:
    """All traps that could be looked for in an answer: without a file or without comparisons it is fewer."""
    return tuple(
        Check(kind, (seen.advice or ADVICE[kind]).title, bool(seen.evidence))
        for kind, seen in _look(answer).items()
    )


def _hazard(kind: HazardKind, seen: Seen, plan: ExportPlan) -> Hazard:
    advice = seen.advice or ADVICE[kind]
    code = Template(advice.code).substitute(
        opset=plan.opset,
        same=plan.exporter is Exporter.DYNAMO,
        other=plan.exporter is Exporter.LEGACY,
        absolute=ABSOLUTE,
        relative=RELATIVE,
    )
    return Hazard(kind, advice.title, seen.severity, seen.evidence, advice.why, advice.fix, code)


def _look(answer: Answer) -> dict[HazardKind, Seen]:
    """What was looked for, with what was seen, in the order of `HazardKind`."""
    if answer.exported is None:
        refused = Seen(Severity.BREAKS, (answer.refusal,))
        if not re.search("data-dependent", answer.refusal, re.IGNORECASE):
            return {HazardKind.REFUSED: refused, HazardKind.DATA_DEPENDENT: Seen()}
        decision = replace(refused, advice=REFUSED_DECISION)
        return {HazardKind.REFUSED: decision, HazardKind.DATA_DEPENDENT: refused}
    file = File(answer, answer.exported)
    looks = dict(_LOOKS)
    if not file.runs or file.unopened:
        looks = {kind: look for kind, look in looks.items() if kind not in _COMPARING}
    elif {case.batch for case in file.runs} <= {answer.plan.batch}:
        del looks[HazardKind.PARITY_UNSEEN]
    seen = {kind: look(file) for kind, look in looks.items()} | {HazardKind.REFUSED: Seen()}
    return {kind: seen[kind] for kind in HazardKind if kind in seen}


def _invalid(file: File) -> Seen:
    lines = [f"ONNX's checker says: {short(file.answer.checker)}"] if file.answer.checker else []
    if file.unopened:
        lines.append(f"ONNX Runtime refuses in all {len(file.runs)} comparisons: {reason(file.unopened)}")
    said = f"{file.answer.checker} {file.unopened}"
    advice = None
    if re.search(_TWO_OF_A_NAME, said):
        advice = INVALID_NAME
    elif re.search(_NOT_IN_OPSET, said) and file.exported.opset < _NEWER_OPSET:
        advice = INVALID_OPSET
    return Seen(Severity.BREAKS, tuple(lines), advice=advice)


def _parity(file: File) -> Seen:
    own = {case.batch for case in file.at_own}
    cases = [case for case in file.failing if case.batch in own - file.agreeing_batches]
    if file.left_in_training or not (file.said(_DECIDED) or file.said(_TAKEN_OUT)):
        cases += file.mixed
    return failed_ones(file, cases)


def _parity_unseen(file: File) -> Seen:
    if not all(case.parity.agree for case in file.at_own):
        return Seen()
    seen = failed_ones(file, [case for case in file.failing if case.batch not in file.agreeing_batches])
    if seen.evidence and file.at_own:
        agreed = f"At batch {file.answer.plan.batch}, which the exporter was shown, all agree."
        return replace(seen, evidence=(agreed, *seen.evidence))
    return seen


def _batch_one(file: File) -> Seen:
    if file.answer.plan.batch != 1 or file.closed:
        return Seen()
    shaped = [case for case in file.failing if case.batch != 1 and is_about_shapes(case)]
    if not file.at_own or not all(case.parity.agree for case in file.at_own):
        shaped = []
    failed = failed_ones(file, shaped)
    runs_at_others = file.agreeing_batches - {1} and not file.failing
    return replace(
        failed,
        evidence=(*file.pinned, *failed.evidence),
        advice=BATCH_DECLARED if runs_at_others else None,
    )


def _fixed_batch(file: File) -> Seen:
    lines = [f"The input `{each.name}` says {each.shape_text}, and stays so." for each in file.closed]
    if not lines:
        return Seen()
    failed = failed_ones(file, [case for case in file.failing if case.batch != file.answer.plan.batch])
    return replace(failed, severity=Severity.BREAKS, evidence=(*lines, *failed.evidence))


def _data_dependent(file: File) -> Seen:
    said = file.said(_DECIDED)
    if not said:
        return Seen()
    # Dropout and batch norm in training mode explain what fails without any decision.
    mixed = () if file.left_in_training else file.mixed
    failing = {case.batch for case in mixed}
    right = next((case for case in file.runs if case.parity.agree and case.batch in failing), None)
    lines = [f"{inputs_text(right)}: at most {right.parity.absolute:.2g} apart."] if right else []
    return remarked(file, said, mixed, lines)


def _baked_constant(file: File) -> Seen:
    said = file.said(_TAKEN_OUT)
    if not said:
        return Seen()
    numbers = file.constants
    held = [
        f"The file holds {number_text(float(numpy_helper.to_array(numbers[name]).item()))} for good: its "
        f"{node.op_type} computes with it, whatever comes in."
        for node in file.model.graph.node
        for name in node.input
        if name in numbers and numbers[name].data_type in _FLOATS
    ]
    differing = [case for case in file.failing if case in file.mixed or not is_about_shapes(case)]
    return remarked(file, said, differing, held[:QUOTED])


def _unrolled_loop(file: File) -> Seen:
    said = file.said("Iterating over a tensor")
    if not said:
        return Seen()
    batch = file.answer.plan.batch
    copies = [name for name, count in file.exported.graph.operators if count == batch > 1]
    lines = [f"{', '.join(copies)}: each is in the file {batch} times."] if copies else []
    others = [case for case in file.failing if case.batch != batch and case not in file.mixed]
    return remarked(file, said, others, [*lines, *file.pinned])


def _training_mode(file: File) -> Seen:
    if file.left_in_training:
        failed = failed_ones(file, [*file.failing, *disagreeing(file)])
        lines = (*some(file.left_in_training), *failed.evidence)
        return replace(failed, severity=Severity.WRONG, evidence=lines)
    if not file.answer.plan.training:
        return Seen()
    agreed = len(file.runs) - len(file.failing)
    line = (
        "The model was in training mode, and no Dropout or BatchNormalization of the file is: in ONNX "
        f"Runtime {agreed} of {len(file.runs)} comparisons with the model in evaluation mode agree."
    )
    return Seen(Severity.SURPRISING, (line,))


def _runtimes_differ(file: File) -> Seen:
    lines = []
    for case in disagreeing(file):
        (own,) = [each for each in file.runs if inputs_of(each) == inputs_of(case)][:1]
        lines.append(f"{line_of(case)} ONNX Runtime agrees there, at most {own.parity.absolute:.2g} apart.")
    return Seen(Severity.WRONG, some(lines))


def _silent_opset(file: File) -> Seen:
    asked, got = file.exported.opset_asked, file.exported.opset
    if asked in {None, got}:
        return Seen()
    said = file.said("Failed to convert the model")
    line = f"Opset {asked} was asked for, and the file has opset {got}."
    return Seen(Severity.BREAKS, (line, said) if said else (line,))


def _empty_external_data(file: File) -> Seen:
    numbers = file.exported.graph.numbers
    return Seen(
        Severity.SURPRISING,
        tuple(
            f"`{name}` has 0 bytes: all {numbers:,} numbers are in the model file."
            for name, size in file.exported.files
            if not size
        ),
    )


def _second_file(file: File) -> Seen:
    whole = sum(size for _, size in file.exported.files)
    return Seen(
        Severity.BREAKS,
        tuple(
            f"`{name}` holds {size:,} of {whole:,} bytes: larger weights, which the model file only names."
            for name, size in file.exported.files
            if size and not name.endswith(".onnx")
        ),
    )


def _weights_as_inputs(file: File) -> Seen:
    filled = {tensor.name for tensor in file.model.graph.initializer}
    inputs = [each.name for each in file.model.graph.input]
    weights = [f"`{name}`" for name in inputs if name in filled]
    line = f"{len(weights)} of the {len(inputs)} inputs are weights: {', '.join(weights[:QUOTED])}."
    return Seen(Severity.SURPRISING, (line,) if weights else ())


_DECIDED: Final = "Converting a tensor to a Python boolean"
_TAKEN_OUT: Final = "Converting a tensor to a Python (?!boolean)"
_TWO_OF_A_NAME: Final = r"\(SSA\)|Duplicate definition of name"
_NOT_IN_OPSET: Final = (
    r"Unrecognized attribute|is not a registered function/op|No Op registered for|No opset import"
)
_NEWER_OPSET: Final = 18
"""The opset in which the newer exporter works, and that the older one writes as well."""
_FLOATS: Final = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16})
_COMPARING: Final = frozenset(
    {HazardKind.PARITY, HazardKind.PARITY_UNSEEN, HazardKind.RUNTIMES_DIFFER, HazardKind.BATCH_ONE}
)
_LOOKS: Final[Mapping[HazardKind, Callable[[File], Seen]]] = MappingProxyType({
    HazardKind.INVALID: _invalid,
    HazardKind.PARITY: _parity,
    HazardKind.PARITY_UNSEEN: _parity_unseen,
    HazardKind.BATCH_ONE: _batch_one,
    HazardKind.FIXED_BATCH: _fixed_batch,
    HazardKind.DATA_DEPENDENT: _data_dependent,
    HazardKind.BAKED_CONSTANT: _baked_constant,
    HazardKind.UNROLLED_LOOP: _unrolled_loop,
    HazardKind.TRAINING_MODE: _training_mode,
    HazardKind.RUNTIMES_DIFFER: _runtimes_differ,
    HazardKind.SILENT_OPSET: _silent_opset,
    HazardKind.EMPTY_EXTERNAL_DATA: _empty_external_data,
    HazardKind.SECOND_FILE: _second_file,
    HazardKind.WEIGHTS_AS_INPUTS: _weights_as_inputs,
})  # fmt: skip
