"""PyTorch's two exporters against each other: what they cost, what they wrote, and where the graphs part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.export.child import Answer
from core.export.difference import GraphDiff, Side, diff
from core.export.exporter import ExportedModel
from core.export.parity import ABSOLUTE, RELATIVE, Session

_NEAR: Final = 0.1
"""Times and memory that differ by less than this share say nothing: each was measured once."""


@dataclass(frozen=True)
class DuelRow:
    """One thing by which two exports are compared.

    Attributes:
        what: it is.
        first, second: as a table says it.
        winner: which is better; empty where neither is, or the difference says nothing.
        note: how to read it; often empty.
    """

    what: str
    first: str
    second: str
    winner: Side
    note: str = ""


@dataclass(frozen=True)
class Duel:
    """Two exports beside each other.

    Attributes:
        rows: one per thing compared.
        diff: of the graphs; None if one of the two was refused.
    """

    rows: tuple[DuelRow, ...]
    diff: GraphDiff | None


def duel(first: Answer, second: Answer) -> Duel:
    """Compares what came out of two exports."""
    one, other = first.exported, second.exported
    refused = [
        (each.refusal, 1.0) if each.exported is None else ("exports it", 0.0) for each in (first, second)
    ]
    rows = [_row("the exporter", refused[0], refused[1])]
    rows += [_row(what, read(first), read(second), near, note) for what, read, near, note in _OF_RUNS]
    for what, look, near, note in _OF_FILES:
        found = [look(each, each.exported) if each.exported else _NOTHING for each in (first, second)]
        rows.append(_row(what, found[0], found[1], near, note))
    return Duel(tuple(rows), None if one is None or other is None else diff(one.data, other.data))


# What the rows are made of.

_Reading: TypeAlias = tuple[str, float | None]
"""What a table says, and a number of which less is better; None if there is nothing to compare."""
_NOTHING: Final[_Reading] = ("none", None)


def _row(what: str, first: _Reading, second: _Reading, near: float = 0.0, note: str = "") -> DuelRow:
    one, other = first[1], second[1]
    if one is None or other is None or one == other or abs(one - other) <= near * max(one, other):
        return DuelRow(what, first[0], second[0], "", note)
    return DuelRow(what, first[0], second[0], "first" if one < other else "second", note)


def _memory(answer: Answer) -> _Reading:
    # Where the system does not say, it is 0.
    return (f"{answer.peak_bytes / 2**20:.0f} MiB", answer.peak_bytes) if answer.peak_bytes else ("?", None)


def _open_axes(answer: Answer, exported: ExportedModel) -> _Reading:
    made = answer.plan.build()
    names = dict(zip(made.input_names, answer.plan.names_of_inputs(made), strict=True))
    asked = [(names[name], place) for name, axes in answer.plan.dynamic_axes(made).items() for place in axes]
    if not asked:
        return "none asked for", None
    shapes = {each.name: each.shape or () for each in exported.graph.inputs}
    # A size that is not known is open too.
    lost = [
        f"{name}:{place}"
        for name, place in asked
        if place >= len(shapes.get(name, ())) or isinstance(shapes[name][place], int)
    ]
    said = f"{len(asked) - len(lost)} of {len(asked)}"
    return said + (f", not {', '.join(lost)}" if lost else ""), len(lost)


def _worst(answer: Answer, _: ExportedModel) -> _Reading:
    # What the reference evaluator cannot run is no fault of the file.
    cases = [case for case in answer.cases if case.runtime == Session.runtime]
    for case in cases:
        problem = case.parity.problem or next(
            (each.problem for each in case.parity.outputs if each.problem), ""
        )
        if problem or math.isnan(case.parity.absolute):
            return f"batch {case.batch}: {problem or 'not a number'}", math.inf
    worst = max(cases, key=lambda case: case.parity.absolute)
    # Within the tolerance all are equally good.
    agree = all(case.parity.agree for case in cases)
    return f"{worst.parity.absolute:.3g} at batch {worst.batch}", 0.0 if agree else worst.parity.absolute


def _agreeing(answer: Answer, _: ExportedModel) -> _Reading:
    agree = sum(case.parity.agree for case in answer.cases)
    return f"{agree} of {len(answer.cases)}", 1 - agree / len(answer.cases)


_OF_RUNS: Final[tuple[tuple[str, Callable[[Answer], _Reading], float, str], ...]] = (
    (
        "import", lambda answer: (f"{answer.import_seconds:.2f} s", answer.import_seconds), _NEAR,
        "Of onnxscript, which is loaded before either export.",
    ),
    ("peak memory", _memory, _NEAR, "Of the whole process, with PyTorch in it."),
)  # fmt: skip
_OF_FILES: Final[tuple[tuple[str, Callable[[Answer, ExportedModel], _Reading], float, str], ...]] = (
    (
        "export", lambda _, exported: (f"{exported.seconds:.2f} s", exported.seconds), _NEAR,
        f"Measured once: a difference of up to {_NEAR:.0%} says nothing.",
    ),
    ("bytes", lambda _, exported: (f"{exported.graph.size:,}", exported.graph.size), 0, ""),
    (
        "nodes", lambda _, exported: (str(exported.graph.nodes), exported.graph.nodes), 0,
        "Fewer are easier to read; whether they run faster is for a measurement to say.",
    ),
    (
        "opset",
        lambda answer, exported: (
            f"{exported.opset}, asked for {answer.plan.opset}", exported.opset != answer.plan.opset
        ),
        0, "",
    ),
    ("open axes kept", _open_axes, 0, ""),
    (
        "ONNX's checker", lambda answer, _: (answer.checker or "finds nothing wrong", bool(answer.checker)),
        0, "",
    ),
    (
        "largest difference", _worst, 0,
        f"From eager PyTorch. Within {ABSOLUTE:g} + {RELATIVE:g} of the number neither is better.",
    ),
    ("cases that agree", _agreeing, 0, "Of all batches, seeds, kinds of input and runtimes tried."),
    (
        "remarks", lambda _, exported: (str(len(exported.remarks)), None), 0,
        "What the exporter warned of. Fewer are no sign of a better file.",
    ),
)  # fmt: skip


# What the difference of two graphs is made of.
