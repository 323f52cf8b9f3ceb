"""Traps of an ONNX export: looked for in what an export answered, each with this model's own numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from types import MappingProxyType
from typing import Final, NamedTuple

import onnx
from onnx import numpy_helper

from core.export.advice import ADVICE, HazardKind
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
from core.export.plan import Exporter, ExportPlan

__all__ = ["Check", "Hazard", "HazardKind", "Severity", "checked", "detect", "title"]


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
    """The traps that an export fell into, the worst first."""
    found = [_hazard(kind, seen, answer.plan) for kind, seen in _look(answer).items() if seen.evidence]
    return tuple(sorted(found, key=lambda hazard: list(Severity).index(hazard.severity)))


def checked(answer: Answer) -> tuple[Check, ...]:
    """All traps that could be looked for in an answer: without a file or without comparisons it is fewer."""
    return tuple(Check(kind, title(kind), bool(seen.evidence)) for kind, seen in _look(answer).items())


def title(kind: HazardKind) -> str:
    """What a row calls a trap."""
    return ADVICE[kind].title


def _hazard(kind: HazardKind, seen: Seen, plan: ExportPlan) -> Hazard:
    advice = ADVICE[kind]
    code = Template(advice.code).substitute(opset=plan.opset, other=plan.exporter is Exporter.LEGACY)
    return Hazard(kind, advice.title, seen.severity, seen.evidence, advice.why, advice.fix, code)


def _look(answer: Answer) -> dict[HazardKind, Seen]:
    """What was looked for, with what was seen, in the order of `HazardKind`."""
    if answer.exported is None:
        refused = Seen(Severity.BREAKS, (answer.refusal,))
        data = bool(re.search("data-dependent", answer.refusal, re.IGNORECASE))
        return {HazardKind.REFUSED: refused, HazardKind.DATA_DEPENDENT: refused if data else Seen()}
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
    return Seen(Severity.BREAKS, tuple(lines))


def _parity(file: File) -> Seen:
    own = {case.batch for case in file.at_own}
    cases = [case for case in file.failing if case.batch in own - file.agreeing_batches]
    if not file.said(_DECIDED) and not file.said(_TAKEN_OUT):
        cases += file.mixed
    return failed_ones(file, cases)


def _parity_unseen(file: File) -> Seen:
    if not all(case.parity.agree for case in file.at_own):
        return Seen()
    seen = failed_ones(file, [case for case in file.failing if case.batch not in file.agreeing_batches])
    if seen.evidence and file.at_own:
        agreed = f"At batch {file.answer.plan.batch}, which the exporter was shown, all agree."
        return Seen(seen.severity, (agreed, *seen.evidence))
    return seen


def _batch_one(file: File) -> Seen:
    if file.answer.plan.batch != 1 or file.closed:
        return Seen()
    shaped = [case for case in file.failing if case.batch != 1 and is_about_shapes(case)]
    if not file.at_own or not all(case.parity.agree for case in file.at_own):
        shaped = []
    failed = failed_ones(file, shaped)
    return Seen(failed.severity, (*file.pinned, *failed.evidence))


def _fixed_batch(file: File) -> Seen:
    lines = [f"The input `{each.name}` says {each.shape_text}, and stays so." for each in file.closed]
    others = [case for case in file.failing if case.batch != file.answer.plan.batch]
    return Seen(Severity.BREAKS, (*lines, *failed_ones(file, others).evidence)) if lines else Seen()


def _data_dependent(file: File) -> Seen:
    said = file.said(_DECIDED)
    if not said:
        return Seen()
    failing = {case.batch for case in file.mixed}
    right = next((case for case in file.runs if case.parity.agree and case.batch in failing), None)
    lines = [f"{inputs_text(right)}: at most {right.parity.absolute:.2g} apart."] if right else []
    return remarked(file, said, file.mixed, lines)


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
    others = [case for case in file.failing if case.batch != batch]
    return remarked(file, said, others, [*lines, *file.pinned])


def _training_mode(file: File) -> Seen:
    numbers = {name: numpy_helper.to_array(each).item() for name, each in file.constants.items()}
    left = []
    for node in file.model.graph.node:
        if node.op_type == "Dropout" and len(node.input) > 2 and numbers.get(node.input[2]):
            share = float(numbers.get(node.input[1], 0.5))
            left.append(f"`{node.name}` is a Dropout with its training flag set: it zeroes {share:.0%}.")
        flags = [each.i for each in node.attribute if each.name == "training_mode"]
        if node.op_type == "BatchNormalization" and (any(flags) or sum(map(bool, node.output)) > 1):
            left.append(f"`{node.name}` is a BatchNormalization that uses the mean of the batch it is given.")
    if left:
        failed = failed_ones(file, [*file.failing, *disagreeing(file)]).evidence
        return Seen(Severity.WRONG, (*some(left), *failed))
    if not file.answer.plan.training:
        return Seen()
    agreed = sum(case.parity.agree for case in file.answer.cases)
    line = (
        "The model was in training mode, and no Dropout or BatchNormalization of the file is: "
        f"{agreed} of {len(file.answer.cases)} comparisons with the model in evaluation mode agree."
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
            f"`{name}` holds {size:,} of {whole:,} bytes, and the model file only its name."
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
