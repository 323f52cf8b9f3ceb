"""What an export's answer holds against it, as lines with its own numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

import onnx
from onnx import numpy_helper

from core.export.advice import Advice
from core.export.child import Answer
from core.export.exporter import ExportedModel
from core.export.graph import Value
from core.export.parity import Case, Session

QUOTED: Final = 3
"""How many comparisons, constants or nodes a hazard quotes."""
_TALK: Final = 200
_ALIKE: Final = 160
"""How much of two refusals is compared: a runtime's words are cut somewhere behind that."""
_RUNTIMES: Final = MappingProxyType({"reference": "ONNX's reference evaluator"})
_INPUTS: Final = MappingProxyType({"normal": "random numbers", "ramp": "a ramp of numbers"})


class Severity(StrEnum):
    """What a trap does: other numbers, a refusal somewhere, or only something that nobody expects."""

    WRONG = "wrong"
    BREAKS = "breaks"
    SURPRISING = "surprising"


@dataclass(frozen=True)
class Seen:
    """What a look for one trap gave: nothing found if there is no evidence.

    Attributes:
        severity: what it does.
        evidence: what shows it.
        failed: the comparisons that fail by it.
        advice: what to say of it, if that is not `ADVICE`.
    """

    severity: Severity = Severity.SURPRISING
    evidence: tuple[str, ...] = ()
    failed: frozenset[Case] = frozenset()
    advice: Advice | None = None


@dataclass(frozen=True)
class File:
    """An answer that has a file, and what several looks need to know of it."""

    answer: Answer
    exported: ExportedModel

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The file, parsed."""
        return onnx.load_model_from_string(self.exported.data)

    @cached_property
    def runs(self) -> tuple[Case, ...]:
        """The comparisons in ONNX Runtime."""
        return tuple(case for case in self.answer.cases if case.runtime == Session.runtime)

    @cached_property
    def failing(self) -> tuple[Case, ...]:
        """Those of them that fail."""
        return tuple(case for case in self.runs if not case.parity.agree)

    @cached_property
    def agreeing_batches(self) -> frozenset[int]:
        """Batches at which some comparison agrees."""
        return frozenset(case.batch for case in self.runs if case.parity.agree)

    @cached_property
    def mixed(self) -> tuple[Case, ...]:
        """Comparisons that fail where another of the same batch agrees: it cannot be the batch."""
        return tuple(case for case in self.failing if case.batch in self.agreeing_batches)

    @property
    def at_own(self) -> tuple[Case, ...]:
        """The comparisons at the batch that the exporter was shown."""
        return tuple(case for case in self.runs if case.batch == self.answer.plan.batch)

    @property
    def unopened(self) -> str:
        """Why the runtime takes the file for no input at all; empty if it does for some."""
        problems = {case.parity.problem for case in self.runs}
        told = len(problems) == 1 and bool(self.at_own or self.answer.checker)
        return problems.pop() if told else ""

    @property
    def closed(self) -> tuple[Value, ...]:
        """Inputs whose batch is a fixed number."""
        return tuple(
            each
            for each in self.exported.graph.inputs
            if each.shape and "batch" not in each.shape and self.answer.plan.batch in each.shape
        )

    @property
    def pinned(self) -> tuple[str, ...]:
        """Outputs that are declared with the example's batch although the inputs' is open."""
        opened = [each for each in self.exported.graph.inputs if each.shape and "batch" in each.shape]
        return tuple(
            f"The input `{opened[0].name}` says {opened[0].shape_text}, the output `{each.name}` says "
            f"{each.shape_text}."
            for each in self.exported.graph.outputs
            if opened and each.shape and "batch" not in each.shape
            for axes in (self._batch_axes(each),)
            if any(each.shape[axis] == self.answer.plan.batch for axis in axes)
        )

    @property
    def constants(self) -> Mapping[str, onnx.TensorProto]:
        """Every initializer and constant of the main graph that holds one number, by name."""
        tensors = {each.name: each for each in self.model.graph.initializer}
        for node in self.model.graph.node:
            for attribute in node.attribute if node.op_type == "Constant" else ():
                if attribute.name == "value":
                    tensors[node.output[0]] = attribute.t
        return {name: each for name, each in tensors.items() if math.prod(each.dims) == 1}

    @cached_property
    def left_in_training(self) -> list[str]:
        """What the file holds of training mode: a line per node."""
        numbers = {name: numpy_helper.to_array(each).item() for name, each in self.constants.items()}
        left = []
        for node in self.model.graph.node:
            if node.op_type == "Dropout" and len(node.input) > 2 and numbers.get(node.input[2]):
                share = float(numbers.get(node.input[1], 0.5))
                left.append(f"`{node.name}` is a Dropout with its training flag set: it zeroes {share:.0%}.")
            flags = [each.i for each in node.attribute if each.name == "training_mode"]
            if node.op_type == "BatchNormalization" and (any(flags) or sum(map(bool, node.output)) > 1):
                left.append(
                    f"`{node.name}` is a BatchNormalization that uses the mean of the batch it is given."
                )
        return left

    def said(self, pattern: str) -> str:
        """The first sentence of the exporter's remark that fits a pattern; empty if it made none."""
        for remark in self.exported.remarks:
            if re.search(pattern, remark.said):
                return f"The exporter said: “{re.split(r'(?<=[a-z)])[.] ', remark.said)[0].rstrip('.…')}.”"
        return ""

    def _batch_axes(self, output: Value) -> list[int]:
        """The axes of an output that were as long as the batch in every comparison that says so."""
        shapes = {
            (case.batch, each.shape)
            for case in self.runs
            for each in case.parity.outputs
            if each.name == output.name and len(each.shape) == len(output.shape or ())
        }
        axes = range(len(output.shape or ())) if shapes else range(0)
        return [axis for axis in axes if all(shape[axis] == batch for batch, shape in shapes)]


def remarked(file: File, said: str, cases: Iterable[Case], lines: Iterable[str] = ()) -> Seen:
    """What the exporter warned of, and whether it came true."""
    failed = failed_ones(file, cases)
    if failed.evidence:
        return replace(failed, evidence=(said, *lines, *failed.evidence))
    if file.failing:
        failing = f"{len(file.failing)} of {len(file.runs)} comparisons in ONNX Runtime fail"
        tried = f"{failing}, and cannot tell whether this is why."
    elif file.runs:
        tried = f"All {len(file.runs)} comparisons in ONNX Runtime agree: it has not shown here."
    else:
        tried = "Nothing was compared with PyTorch."
    return Seen(Severity.SURPRISING, (said, *lines, tried))


def failed_ones(file: File, cases: Iterable[Case]) -> Seen:
    """Comparisons that fail: one line per batch, or per reason of a refusal, and how many there are."""
    failed = list(cases)
    if not failed:
        return Seen()
    per_batch = {case.batch: case for case in reversed(failed)}
    alike: dict[str, list[Case]] = {}
    for batch in sorted(per_batch):
        case = per_batch[batch]
        # The sizes in a refusal are another batch's, the reason is the same.
        why = re.sub(r"\d+", "0", reason(case.parity.problem))[:_ALIKE]
        alike.setdefault(f"{case.runtime} {why or batch}", []).append(case)
    lines = [line_of(*cases) for cases in alike.values()]
    refused = all(case.parity.problem for case in failed)
    counts = [_count(file, runtime) for runtime in dict.fromkeys(case.runtime for case in failed)]
    return Seen(
        Severity.BREAKS if refused else Severity.WRONG, (*some(lines), *counts), failed=frozenset(failed)
    )


def _count(file: File, runtime: str) -> str:
    """How many comparisons in one runtime fail."""
    agree = [case.parity.agree for case in file.answer.cases if case.runtime == runtime]
    return f"{agree.count(False)} of {len(agree)} comparisons in {_RUNTIMES.get(runtime, runtime)} fail."


def disagreeing(file: File) -> list[Case]:
    """Comparisons in which the reference evaluator gives other numbers and ONNX Runtime does not."""
    agreed = {inputs_of(case) for case in file.runs if case.parity.agree}
    return [
        case
        for case in file.answer.cases
        if case.runtime != Session.runtime
        and not case.parity.agree
        and not case.parity.problem
        and inputs_of(case) in agreed
    ]


def line_of(case: Case, *others: Case) -> str:
    """One comparison that fails, in words, and others that are refused for the same reason."""
    where, runtime = inputs_text(case), _RUNTIMES.get(case.runtime, case.runtime)
    if others:
        where = f"At batches {', '.join(str(each.batch) for each in (case, *others))}"
    if case.parity.problem:
        same = all(each.parity.problem == case.parity.problem for each in others)
        told = "" if same else f", at {case.batch} with"
        return f"{where}, {runtime} refuses{told}: {reason(case.parity.problem)}"
    output = next(each for each in case.parity.outputs if not each.agree)
    found = output.deviation
    if found is None:
        return f"{where}, `{output.name}` of {runtime}: {output.problem}"
    place = f"{output.name}[{', '.join(map(str, found.index))}]"
    apart = f": {found.absolute:.2g} apart" if math.isfinite(found.absolute) else ""
    return (
        f"{where}, {place} is {number_text(found.eager)} in PyTorch and {number_text(found.other)} in "
        f"{runtime}{apart}."
    )


def inputs_text(case: Case) -> str:
    """The inputs of one comparison, in words."""
    return f"At batch {case.batch}, seed {case.seed}, {_INPUTS.get(case.kind, case.kind)}"


def is_about_shapes(case: Case) -> bool:
    """Whether it was refused or gave other shapes, and not only other numbers."""
    return bool(case.parity.problem) or any(output.problem for output in case.parity.outputs)


def inputs_of(case: Case) -> tuple[int, int, str]:
    """What tells its inputs from others'."""
    return case.batch, case.seed, case.kind


def number_text(number: float) -> str:
    """A number as evidence quotes it."""
    return f"{number:.4g}"


def some(lines: list[str]) -> tuple[str, ...]:
    """The first `QUOTED` lines."""
    return tuple(lines[:QUOTED])


def short(text: str) -> str:
    """A text that may be long, cut."""
    return text if len(text) <= _TALK else f"{text[: _TALK - 1]}…"


def reason(problem: str) -> str:
    """A runtime's own words without the places in its source."""
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", problem)
    return short(re.sub(r" ?Status Message: /\S.*", "", text))
