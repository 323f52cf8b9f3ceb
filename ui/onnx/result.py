"""The stage's result: the opset that came out, how far the numbers are apart, the verdict, and the graph."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from core.export.child import Answer
from core.export.exporter import ExportedModel
from core.export.hazards import Hazard, Severity, detect
from core.export.parity import Case, Session
from ui.cards import card, show_cards, verdict
from ui.netron.frame import show
from ui.numbers import gap
from ui.prediction import Question

HINT: Final = "Which opset will come out? And does the file compute the same at every batch, yes or no?"


def file_name(answer: Answer) -> str:
    """What the exported file is called."""
    return f"{answer.plan.model}.onnx"


def show_numbers(answer: Answer) -> None:
    """The large numbers and the verdict."""
    exported = answer.exported
    if exported is None:
        show_cards(_verdict(answer))
        return
    kept = exported.opset == exported.opset_asked
    cards = [
        card(f"opset, {exported.opset_asked} asked for", str(exported.opset), "fired" if kept else "silent"),
        card("largest difference", _difference(answer), "forward" if _agrees(answer) else "silent"),
        card("nodes · bytes", f"{exported.graph.nodes} · {exported.graph.size:,}", "forward"),
        _verdict(answer),
    ]
    show_cards(*cards)


def show_verdict(answer: Answer) -> None:
    """The verdict alone, where the numbers are shown by the prediction."""
    show_cards(_verdict(answer))


def show_graph(data: bytes, name: str, exported: ExportedModel | None, *, projector: bool) -> None:
    """Netron with the file."""
    operators = (
        ""
        if exported is None
        else ", ".join(f"{count} {operator}" for operator, count in exported.graph.operators[:6])
    )
    show(
        data, name, key="onnx-graph", alt=f"The graph of {name} in Netron: {operators}",
        height=300 if projector else 330,
    )  # fmt: skip


def questions(answer: Answer) -> list[Question]:
    """What a visitor is asked before the answer is shown."""
    exported = answer.exported
    opset = "refused" if exported is None else str(exported.opset)
    return [
        Question("opset out", partial(_judge_opset, answer), opset),
        Question("same numbers", partial(_judge_same, answer), "yes" if _agrees(answer) else "no"),
    ]


def _judge_opset(answer: Answer, text: str) -> tuple[bool, str]:
    word = text.strip().lower()
    if not word.isdecimal() and word not in {"none", "refused"}:
        raise ValueError(f"“{_short(text)}” is no opset: type a number, or none if it will be refused.")
    exported = answer.exported
    if exported is None:
        return not word.isdecimal(), "The exporter refuses this model."
    right = word == str(exported.opset)
    if exported.opset == exported.opset_asked:
        return right, f"Opset {exported.opset} was asked for, and came out."
    return right, f"Opset {exported.opset_asked} was asked for; {exported.opset} came out."


def _judge_same(answer: Answer, text: str) -> tuple[bool, str]:
    word = text.strip().lower()
    if word not in {"yes", "y", "no", "n"}:
        raise ValueError(f"“{_short(text)}” is neither yes nor no: type one of them.")
    ran = _runs(answer)
    fail = sum(not case.parity.agree for case in ran)
    said = (
        f"{len(ran) - fail} of {len(ran)} runs gave the same numbers." if ran else "There is no file to run."
    )
    return (word[0] == "y") == _agrees(answer), said


def _runs(answer: Answer) -> list[Case]:
    return [case for case in answer.cases if case.runtime == Session.runtime]


def _agrees(answer: Answer) -> bool:
    return answer.exported is not None and all(case.parity.agree for case in _runs(answer))


def _difference(answer: Answer) -> str:
    ran = _runs(answer)
    failed = sum(bool(case.parity.problem) for case in ran)
    if failed:
        return f"{failed} of {len(ran)} fail"
    found = [case.parity.absolute for case in ran]
    return "nan" if any(map(math.isnan, found)) else gap(max(found, default=0.0))


def _verdict(answer: Answer) -> str:
    return verdict(*_headline(answer))


def _headline(answer: Answer) -> tuple[str, str, str]:
    """Sign, headline and the sentence below it."""
    if answer.exported is None:
        return "✗", "no file came out", answer.refusal
    hazards = detect(answer)
    wrong = [each for each in hazards if each.severity is not Severity.SURPRISING]
    if wrong:
        return "✗", wrong[0].title, _first_evidence(wrong[0])
    ran = _runs(answer)
    batches = ", ".join(str(batch) for batch in dict.fromkeys(case.batch for case in ran))
    if hazards:
        return "✓", f"the same numbers, and {_count(len(hazards))} to know", hazards[0].title
    return "✓", "the same numbers as PyTorch", f"{len(ran)} runs at batches {batches}."


def _first_evidence(hazard: Hazard) -> str:
    """What shows it in numbers, where there are any."""
    numbers = [line for line in hazard.evidence if line.startswith("At batch") and "apart" in line]
    return next(iter((*numbers, *hazard.evidence)), hazard.why)


def _short(text: str) -> str:
    return " ".join(text.split())[:20]


def _count(number: int) -> str:
    return "one thing" if number == 1 else f"{number} things"
