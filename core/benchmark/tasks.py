"""What can be asked of the process that measures: each kind of plan with its result, and both as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from core import wire
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow, fairness
from core.benchmark.method import Stop, Tell, measure
from core.benchmark.operators import OperatorProfile, OperatorsPlan, operators
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, Report
from core.benchmark.roofline import Roofline, RooflinePlan, roofline
from core.benchmark.search import SearchPlan, SearchReport, Tried, search

Plan: TypeAlias = BenchmarkPlan | FairnessPlan | SearchPlan | RooflinePlan | OperatorsPlan
Result: TypeAlias = Report | FairnessReport | SearchReport | Roofline | OperatorProfile
Part: TypeAlias = CaseReport | FairnessRow | Tried
"""What a measurement has found so far, and will be in its result."""


@dataclass(frozen=True)
class Task:
    """A kind of plan.

    Attributes:
        plan, result: their types.
        run: measures; takes the plan and, as keywords, `tell`, `stop` and `done` (see `measure`).
        part: the type of what `done` is called with; None if the result comes as a whole.
    """

    plan: type[Plan]
    result: type[Result]
    run: Callable[..., Result]
    part: type[Part] | None = None


def _roofline(plan: RooflinePlan, *, tell: Tell, stop: Stop, done: object) -> Roofline:
    return roofline(plan, tell=tell, stop=stop)


def _operators(plan: OperatorsPlan, *, tell: Tell, stop: Stop, done: object) -> OperatorProfile:
    return operators(plan, tell=tell, stop=stop)


TASKS: Final[Mapping[str, Task]] = MappingProxyType({
    "compare": Task(BenchmarkPlan, Report, measure, CaseReport),
    "fairness": Task(FairnessPlan, FairnessReport, fairness, FairnessRow),
    "search": Task(SearchPlan, SearchReport, search, Tried),
    "roofline": Task(RooflinePlan, Roofline, _roofline),
    "operators": Task(OperatorsPlan, OperatorProfile, _operators),
})  # fmt: skip
"""By the name that a plan, a part and a result carry as JSON."""


def run(plan: Plan, *, tell: Tell, stop: Stop, done: Callable[[Part], object]) -> Result:
    """Measures what a plan says; see `measure`.

    Raises:
        BenchmarkError, ZooError, EngineError: if the plan cannot be measured.
    """
    return TASKS[_name(plan, "plan")].run(plan, tell=tell, stop=stop, done=done)


def write_plan(plan: Plan) -> dict[str, Any]:
    """A plan as JSON has it."""
    return _write(plan, "plan")


def read_plan(written: object) -> Plan:
    """The plan that `write_plan` wrote.

    Raises:
        ValueError: if it is none.
    """
    found: Plan = _read(written, "plan")
    return found


def write_part(part: Part) -> dict[str, Any]:
    """A part of a result as JSON has it."""
    return _write(part, "part")


def read_part(written: object) -> Part:
    """The part that `write_part` wrote.

    Raises:
        ValueError: if it is none.
    """
    found: Part = _read(written, "part")
    return found


def write_result(result: Result) -> dict[str, Any]:
    """A result as JSON has it."""
    return _write(result, "result")


def read_result(written: object) -> Result:
    """The result that `write_result` wrote.

    Raises:
        ValueError: if it is none.
    """
    found: Result = _read(written, "result")
    return found


def _name(value: object, side: str) -> str:
    return next(name for name, task in TASKS.items() if type(value) is getattr(task, side))


def _write(value: object, side: str) -> dict[str, Any]:
    name = _name(value, side)
    return {"task": name, side: wire.write(getattr(TASKS[name], side), value)}


def _read(written: object, side: str) -> Any:  # noqa: ANN401 - one of the types of TASKS
    if not isinstance(written, Mapping) or side not in written:
        raise ValueError(f"Expected a {side} of one of {', '.join(TASKS)}.")
    task = TASKS.get(str(written.get("task")))
    kind = None if task is None else getattr(task, side)
    if kind is None:
        raise ValueError(f"Expected a {side} of one of {', '.join(TASKS)}.")
    return wire.read(kind, written[side])
