"""Traps of an ONNX export: looked for in what an export answered, each with this model's own numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from string import Template
from types import MappingProxyType
from typing import Final, NamedTuple

import onnx
from onnx import numpy_helper

from core.export.child import Answer
from core.export.exporter import ExportedModel
from core.export.graph import Value
from core.export.parity import Case, Session
from core.export.plan import Exporter, ExportPlan

_QUOTED: Final = 3
"""How many comparisons, constants or nodes a hazard quotes."""
_TALK: Final = 200


class HazardKind(StrEnum):
    """The traps that are looked for, causes before what they lead to."""

    REFUSED = "refused"
    INVALID = "invalid"
    BATCH_ONE = "batch_one"
    FIXED_BATCH = "fixed_batch"
    DATA_DEPENDENT = "data_dependent"
    BAKED_CONSTANT = "baked_constant"
    UNROLLED_LOOP = "unrolled_loop"
    TRAINING_MODE = "training_mode"
    PARITY = "parity"
    PARITY_UNSEEN = "parity_unseen"
    RUNTIMES_DIFFER = "runtimes_differ"
    SILENT_OPSET = "silent_opset"
    EMPTY_EXTERNAL_DATA = "empty_external_data"
    SECOND_FILE = "second_file"
    WEIGHTS_AS_INPUTS = "weights_as_inputs"


class Severity(StrEnum):
    """What a trap does: other numbers, a refusal somewhere, or only something that nobody expects."""

    WRONG = "wrong"
    BREAKS = "breaks"
    SURPRISING = "surprising"


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
    return _ADVICE[kind].title


@dataclass(frozen=True)
class _Seen:
    """What a look for one trap gave: nothing found if there is no evidence."""

    severity: Severity = Severity.SURPRISING
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """An answer that has a file, and what several looks need to know of it."""

    answer: Answer
    exported: ExportedModel

    @cached_property
    def model(self) -> onnx.ModelProto:
        return onnx.load_model_from_string(self.exported.data)

    @cached_property
    def runs(self) -> tuple[Case, ...]:
        return tuple(case for case in self.answer.cases if case.runtime == Session.runtime)

    @cached_property
    def failing(self) -> tuple[Case, ...]:
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


def _hazard(kind: HazardKind, seen: _Seen, plan: ExportPlan) -> Hazard:
    advice = _ADVICE[kind]
    code = Template(advice.code).substitute(opset=plan.opset, other=plan.exporter is Exporter.LEGACY)
    return Hazard(kind, advice.title, seen.severity, seen.evidence, advice.why, advice.fix, code)


def _look(answer: Answer) -> dict[HazardKind, _Seen]:
    """What was looked for, with what was seen, in the order of `HazardKind`."""
    if answer.exported is None:
        refused = _Seen(Severity.BREAKS, (answer.refusal,))
        data = bool(re.search("data-dependent", answer.refusal, re.IGNORECASE))
        return {HazardKind.REFUSED: refused, HazardKind.DATA_DEPENDENT: refused if data else _Seen()}
    file = _File(answer, answer.exported)
    looks = dict(_LOOKS)
    if not file.runs or file.unopened:
        looks = {kind: look for kind, look in looks.items() if kind not in _COMPARING}
    elif {case.batch for case in file.runs} <= {answer.plan.batch}:
        del looks[HazardKind.PARITY_UNSEEN]
    seen = {kind: look(file) for kind, look in looks.items()} | {HazardKind.REFUSED: _Seen()}
    return {kind: seen[kind] for kind in HazardKind if kind in seen}


def _invalid(file: _File) -> _Seen:
    lines = [f"ONNX's checker says: {_short(file.answer.checker)}"] if file.answer.checker else []
    if file.unopened:
        lines.append(f"ONNX Runtime refuses in all {len(file.runs)} comparisons: {_reason(file.unopened)}")
    return _Seen(Severity.BREAKS, tuple(lines))


def _parity(file: _File) -> _Seen:
    own = {case.batch for case in file.at_own}
    cases = [case for case in file.failing if case.batch in own - file.agreeing_batches]
    if not file.said(_DECIDED) and not file.said(_TAKEN_OUT):
        cases += file.mixed
    return _failed(file, cases)


def _parity_unseen(file: _File) -> _Seen:
    if not all(case.parity.agree for case in file.at_own):
        return _Seen()
    seen = _failed(file, [case for case in file.failing if case.batch not in file.agreeing_batches])
    if seen.evidence and file.at_own:
        agreed = f"At batch {file.answer.plan.batch}, which the exporter was shown, all agree."
        return _Seen(seen.severity, (agreed, *seen.evidence))
    return seen


def _batch_one(file: _File) -> _Seen:
    if file.answer.plan.batch != 1 or file.closed:
        return _Seen()
    shaped = [case for case in file.failing if case.batch != 1 and _is_about_shapes(case)]
    if not file.at_own or not all(case.parity.agree for case in file.at_own):
        shaped = []
    failed = _failed(file, shaped)
    return _Seen(failed.severity, (*file.pinned, *failed.evidence))


def _fixed_batch(file: _File) -> _Seen:
    lines = [f"The input `{each.name}` says {each.shape_text}, and stays so." for each in file.closed]
    others = [case for case in file.failing if case.batch != file.answer.plan.batch]
    return _Seen(Severity.BREAKS, (*lines, *_failed(file, others).evidence)) if lines else _Seen()


def _data_dependent(file: _File) -> _Seen:
    said = file.said(_DECIDED)
    if not said:
        return _Seen()
    failing = {case.batch for case in file.mixed}
    right = next((case for case in file.runs if case.parity.agree and case.batch in failing), None)
    lines = [f"{_where(right)}: at most {right.parity.absolute:.2g} apart."] if right else []
    return _remarked(file, said, file.mixed, lines)


def _baked_constant(file: _File) -> _Seen:
    said = file.said(_TAKEN_OUT)
    if not said:
        return _Seen()
    numbers = file.constants
    held = [
        f"The file holds {_number(float(numpy_helper.to_array(numbers[name]).item()))} for good: its "
        f"{node.op_type} computes with it, whatever comes in."
        for node in file.model.graph.node
        for name in node.input
        if name in numbers and numbers[name].data_type in _FLOATS
    ]
    differing = [case for case in file.failing if case in file.mixed or not _is_about_shapes(case)]
    return _remarked(file, said, differing, held[:_QUOTED])


def _unrolled_loop(file: _File) -> _Seen:
    said = file.said("Iterating over a tensor")
    if not said:
        return _Seen()
    batch = file.answer.plan.batch
    copies = [name for name, count in file.exported.graph.operators if count == batch > 1]
    lines = [f"{', '.join(copies)}: each is in the file {batch} times."] if copies else []
    others = [case for case in file.failing if case.batch != batch]
    return _remarked(file, said, others, [*lines, *file.pinned])


def _training_mode(file: _File) -> _Seen:
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
        failed = _failed(file, [*file.failing, *_disagreeing(file)]).evidence
        return _Seen(Severity.WRONG, (*_some(left), *failed))
    if not file.answer.plan.training:
        return _Seen()
    agreed = sum(case.parity.agree for case in file.answer.cases)
    line = (
        "The model was in training mode, and no Dropout or BatchNormalization of the file is: "
        f"{agreed} of {len(file.answer.cases)} comparisons with the model in evaluation mode agree."
    )
    return _Seen(Severity.SURPRISING, (line,))


def _runtimes_differ(file: _File) -> _Seen:
    lines = []
    for case in _disagreeing(file):
        (own,) = [each for each in file.runs if _inputs(each) == _inputs(case)][:1]
        lines.append(f"{_line(case)} ONNX Runtime agrees there, at most {own.parity.absolute:.2g} apart.")
    return _Seen(Severity.WRONG, _some(lines))


def _silent_opset(file: _File) -> _Seen:
    asked, got = file.exported.opset_asked, file.exported.opset
    if asked in {None, got}:
        return _Seen()
    said = file.said("Failed to convert the model")
    line = f"Opset {asked} was asked for, and the file has opset {got}."
    return _Seen(Severity.BREAKS, (line, said) if said else (line,))


def _empty_external_data(file: _File) -> _Seen:
    numbers = file.exported.graph.numbers
    return _Seen(
        Severity.SURPRISING,
        tuple(
            f"`{name}` has 0 bytes: all {numbers:,} numbers are in the model file."
            for name, size in file.exported.files
            if not size
        ),
    )


def _second_file(file: _File) -> _Seen:
    whole = sum(size for _, size in file.exported.files)
    return _Seen(
        Severity.BREAKS,
        tuple(
            f"`{name}` holds {size:,} of {whole:,} bytes, and the model file only its name."
            for name, size in file.exported.files
            if size and not name.endswith(".onnx")
        ),
    )


def _weights_as_inputs(file: _File) -> _Seen:
    filled = {tensor.name for tensor in file.model.graph.initializer}
    inputs = [each.name for each in file.model.graph.input]
    weights = [f"`{name}`" for name in inputs if name in filled]
    line = f"{len(weights)} of the {len(inputs)} inputs are weights: {', '.join(weights[:_QUOTED])}."
    return _Seen(Severity.SURPRISING, (line,) if weights else ())


def _remarked(file: _File, said: str, cases: Iterable[Case], lines: Iterable[str] = ()) -> _Seen:
    """What the exporter warned of, and whether it came true."""
    failed = _failed(file, cases)
    if failed.evidence:
        return _Seen(failed.severity, (said, *lines, *failed.evidence))
    if file.failing:
        failing = f"{len(file.failing)} of {len(file.runs)} comparisons in ONNX Runtime fail"
        tried = f"{failing}, and cannot tell whether this is why."
    elif file.runs:
        tried = f"All {len(file.runs)} comparisons in ONNX Runtime agree: it has not shown here."
    else:
        tried = "Nothing was compared with PyTorch."
    return _Seen(Severity.SURPRISING, (said, *lines, tried))


def _failed(file: _File, cases: Iterable[Case]) -> _Seen:
    """Comparisons that fail: one line per batch, and how many there are."""
    failed = list(cases)
    if not failed:
        return _Seen()
    per_batch = {case.batch: case for case in reversed(failed)}
    lines = [_line(per_batch[batch]) for batch in sorted(per_batch)]
    tried = len(file.answer.cases)
    count = sum(not case.parity.agree for case in file.answer.cases)
    refused = all(case.parity.problem for case in failed)
    return _Seen(
        Severity.BREAKS if refused else Severity.WRONG,
        (*_some(lines), f"{count} of {tried} comparisons of this file fail."),
    )


def _disagreeing(file: _File) -> list[Case]:
    """Comparisons in which the reference evaluator gives other numbers and ONNX Runtime does not."""
    agreed = {_inputs(case) for case in file.runs if case.parity.agree}
    return [
        case
        for case in file.answer.cases
        if case.runtime != Session.runtime
        and not case.parity.agree
        and not case.parity.problem
        and _inputs(case) in agreed
    ]


def _line(case: Case) -> str:
    """One comparison that fails, in words."""
    where, runtime = _where(case), _RUNTIMES.get(case.runtime, case.runtime)
    if case.parity.problem:
        return f"{where}, {runtime} refuses: {_reason(case.parity.problem)}"
    output = next(each for each in case.parity.outputs if not each.agree)
    found = output.deviation
    if found is None:
        return f"{where}, `{output.name}` of {runtime}: {output.problem}"
    place = f"{output.name}[{', '.join(map(str, found.index))}]"
    apart = f": {found.absolute:.2g} apart" if math.isfinite(found.absolute) else ""
    return (
        f"{where}, {place} is {_number(found.eager)} in PyTorch and {_number(found.other)} in "
        f"{runtime}{apart}."
    )


def _where(case: Case) -> str:
    return f"At batch {case.batch}, seed {case.seed}, {_INPUTS.get(case.kind, case.kind)}"


def _is_about_shapes(case: Case) -> bool:
    return bool(case.parity.problem) or any(output.problem for output in case.parity.outputs)


def _inputs(case: Case) -> tuple[int, int, str]:
    return case.batch, case.seed, case.kind


def _number(number: float) -> str:
    return f"{number:.4g}"


def _some(lines: list[str]) -> tuple[str, ...]:
    return tuple(lines[:_QUOTED])


def _short(text: str) -> str:
    return text if len(text) <= _TALK else f"{text[: _TALK - 1]}…"


def _reason(problem: str) -> str:
    """A runtime's own words without the places in its source."""
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", problem)
    return _short(re.sub(r" ?Status Message: /\S.*", "", text))


class _Advice(NamedTuple):
    title: str
    why: str
    fix: str
    code: str


_RUNTIMES: Final = MappingProxyType({"reference": "ONNX's reference evaluator"})
_INPUTS: Final = MappingProxyType({"normal": "random numbers", "ramp": "a ramp of numbers"})
_DECIDED: Final = "Converting a tensor to a Python boolean"
_TAKEN_OUT: Final = "Converting a tensor to a Python (?!boolean)"
_FLOATS: Final = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16})
_COMPARING: Final = frozenset(
    {HazardKind.PARITY, HazardKind.PARITY_UNSEEN, HazardKind.RUNTIMES_DIFFER, HazardKind.BATCH_ONE}
)
_LOOKS: Final[Mapping[HazardKind, Callable[[_File], _Seen]]] = MappingProxyType({
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
_ADVICE: Final[Mapping[HazardKind, _Advice]] = MappingProxyType({
    HazardKind.REFUSED: _Advice(
        "The exporter refuses",
        "An exporter can only write down what ONNX's operators can say. A refusal is the good case: "
        "nothing wrong gets into a file.",
        "Try the other exporter, or replace the part that it names by operators that ONNX has.",
        'torch.onnx.export(model, (example,), "model.onnx", dynamo=$other)',
    ),
    HazardKind.INVALID: _Advice(
        "The file is not valid",
        "The exporter wrote a file and said nothing, but its operators do not fit its opset. Runtimes that "
        "check refuse it; others may do anything.",
        "Ask for opset 18 or newer, in which the exporter works, and run the checker after each export.",
        'torch.onnx.export(model, (example,), "model.onnx", opset_version=18)\n'
        'onnx.checker.check_model("model.onnx", full_check=True)',
    ),
    HazardKind.PARITY: _Advice(
        "Other numbers than PyTorch",
        "The file loads and runs, and computes something else than the module does in evaluation mode. "
        "No checker finds that: they look at the graph, not at its numbers.",
        "Compare with PyTorch after every export, and look at the other traps here for the reason.",
        "expected = model.eval()(example).numpy(force=True)\n"
        'numpy.testing.assert_allclose(session.run(None, {"x": example.numpy()})[0], expected, 1e-4, 1e-5)',
    ),
    HazardKind.PARITY_UNSEEN: _Advice(
        "Fails at batches never seen",
        "The exporter saw one batch, and the file is right for that one. A test with the same example cannot "
        "notice that others fail.",
        "Keep the batch of every input open, and compare at batches that the exporter never saw.",
        'shapes = {name: {0: "batch"} for name in inspect.signature(model.forward).parameters}\n'
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=shapes)',
    ),
    HazardKind.BATCH_ONE: _Advice(
        "Made for a batch of one",
        "In an example with a batch of 1, an exporter cannot tell the batch from an axis that is always 1. "
        "It promises an open batch, and writes the 1 into the graph all the same.",
        "Export with a batch of 2 or more.",
        "example = example.repeat_interleave(2, dim=0)\n"
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=({0: "batch"},))',
    ),
    HazardKind.FIXED_BATCH: _Advice(
        "Only one batch fits",
        "Axes are fixed unless the export names them as open. The file takes the example's batch and no "
        "other.",
        "Name the batch of every input as an open axis.",
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=({0: "batch"},))',
    ),
    HazardKind.DATA_DEPENDENT: _Advice(
        "A decision by the numbers",
        "An `if` in Python looks at a number in a tensor. A graph has no Python: a tracer writes down the "
        "way that the example took, and the newer exporter refuses.",
        "Compute both ways and choose with `torch.where`, or say the choice with `torch.cond`.",
        "x = torch.where(x.mean() > self.threshold, self.block2(x), x)",
    ),
    HazardKind.BAKED_CONSTANT: _Advice(
        "A constant baked in",
        "`.item()`, `float()` and `int()` take a number out of a tensor, and from there on it is Python's. "
        "The tracer sees a constant, and writes down the one of this example.",
        "Keep the number a tensor: leave out `.item()`; or use the newer exporter, which follows it.",
        "largest = x.abs().max()",
    ),
    HazardKind.UNROLLED_LOOP: _Advice(
        "A loop written out",
        "A Python loop over a tensor runs as often as the example has rows. The file holds that many copies "
        "of its body, and knows nothing of a loop.",
        "Let the layer work on the whole batch at once.",
        "y = self.linear(x)",
    ),
    HazardKind.TRAINING_MODE: _Advice(
        "Training mode left on",
        "A new module is in training mode: dropout drops, batch norm uses the batch's own mean. What it was "
        "in while it was exported can get into the file.",
        "Call `model.eval()` before the export.",
        'model.eval()\ntorch.onnx.export(model, (example,), "model.onnx")',
    ),
    HazardKind.RUNTIMES_DIFFER: _Advice(
        "Two runtimes, two results",
        "ONNX Runtime and ONNX's own reference evaluator do not read this file alike. Whoever uses a third "
        "runtime cannot know which of them it follows.",
        "Call `model.eval()` before the export, and compare in more than one runtime.",
        "model.eval()\nonnx.reference.ReferenceEvaluator(\"model.onnx\").run(None, {\"x\": example.numpy()})",
    ),
    HazardKind.SILENT_OPSET: _Advice(
        "Another opset than asked for",
        "The newer exporter works in opset 18 and converts afterwards. When that fails the file keeps the "
        "newer opset, the export succeeds, and a runtime that knows only the older one refuses the file.",
        "Read the opset out of the file; if you need an older one, the older exporter writes it directly.",
        'torch.onnx.export(model, (example,), "model.onnx", opset_version=$opset, dynamo=False)\n'
        'print(onnx.load("model.onnx").opset_import)',
    ),
    HazardKind.EMPTY_EXTERNAL_DATA: _Advice(
        "An empty second file",
        "By default the exporter makes a file for weights beside the model. If none goes in there it stays, "
        "empty, and looks like weights that were lost.",
        "Ask for one file; models under 2 GB fit.",
        'torch.onnx.export(model, (example,), "model.onnx", external_data=False)',
    ),
    HazardKind.SECOND_FILE: _Advice(
        "Weights in a second file",
        "The model file names the other one by its path beside it. Who copies, uploads or renames one of the "
        "two has a model without weights.",
        "Ask for one file; models under 2 GB fit.",
        'torch.onnx.export(model, (example,), "model.onnx", external_data=False)',
    ),
    HazardKind.WEIGHTS_AS_INPUTS: _Advice(
        "Weights are inputs too",
        "Up to opset 8 the older exporter lists every weight among the inputs of the graph as well. Whoever "
        "calls the file can replace it, and a runtime may not count it as a constant.",
        "Ask for opset 9 or newer.",
        'torch.onnx.export(model, (example,), "model.onnx", opset_version=15, dynamo=False)',
    ),
})  # fmt: skip
