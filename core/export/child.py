"""Exports in a process of its own: `python -m core.export.child`, and its parent.

The parent starts it with `start_export` and reads what comes with `read_answer`; `read_stage` says how far
it is.
"""

from __future__ import annotations

import base64
import dataclasses
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core import wire
from core.export.exporter import ExportedModel, export
from core.export.parity import Case, sweep
from core.export.plan import ExportError, ExportPlan
from core.process import Child, Process, memory_error
from core.zoo import ZooError

EXPORT_SECONDS: Final = 90.0
EXPORT_BYTES: Final = 3 * 2**30

# One thread: others are at work on this machine too.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_MODULE: Final = "core.export.child"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """An export and what was found out about it.

    Attributes:
        plan: what was asked for.
        exported: None if the exporter refused, and then `refusal` says why.
        checker: what ONNX's own checker has against the file; empty if nothing.
        cases: the comparisons with eager PyTorch.
        peak_bytes: the most memory that the process held at any time.
        import_seconds: what importing PyTorch's exporter took before the export.
    """

    plan: ExportPlan
    exported: ExportedModel | None
    refusal: str
    checker: str
    cases: tuple[Case, ...]
    peak_bytes: int
    import_seconds: float


def start_export(plan: ExportPlan, *, seconds: float = EXPORT_SECONDS) -> Process:
    """Exports elsewhere, and compares: `read_answer` finds the answer in its lines.

    Raises:
        ProcessError: if too many run already.
    """
    request = {"task": "export", "plan": wire.write(ExportPlan, plan)}
    return Process(_MODULE, request, seconds=seconds, memory_bytes=EXPORT_BYTES, environment=_ENVIRONMENT)


def read_stage(line: Mapping[str, Any]) -> str:
    """What the process is doing now; empty if the line does not say."""
    return str(line.get("stage", ""))


def read_answer(line: Mapping[str, Any]) -> Answer | None:
    """The answer in a line; None if it holds none."""
    if "answer" not in line:
        return None
    answer = wire.read(Answer, line["answer"])
    if answer.exported is None:
        return answer
    data = base64.b64decode(line["data"])
    return dataclasses.replace(answer, exported=dataclasses.replace(answer.exported, data=data))


def answer(plan: ExportPlan, child: Child) -> Answer:
    """Exports a plan and examines the file, saying how far it is."""
    start = time.perf_counter()
    child.emit({"stage": "loading PyTorch's exporter"})
    import onnxscript  # noqa: F401 - only so that its import is not counted as the export's

    imported = time.perf_counter() - start
    made = plan.build()
    child.emit({"stage": "exporting"})
    try:
        exported = export(plan, made)
    except ExportError as error:
        return Answer(plan, None, str(error), "", (), _peak_bytes(), imported)
    peak = _peak_bytes()
    child.emit({"stage": "checking"})
    checker = check(exported.data)
    child.emit({"stage": "comparing with PyTorch"})
    cases = sweep(made, exported.data)
    return Answer(plan, exported, "", checker, cases, peak, imported)


def check(data: bytes) -> str:
    """What ONNX's checker has against a file, in one line; empty if nothing."""
    import onnx

    try:
        onnx.checker.check_model(data, full_check=True)
    except Exception as error:  # noqa: BLE001 - ValidationError, InferenceError, and what protobuf raises
        return " ".join(str(error).split())[:300]
    return ""


def main() -> None:
    """Does what the parent asks for."""
    child = Child()
    try:
        match child.request.get("task"):
            case "export":
                found = answer(wire.read(ExportPlan, child.request["plan"]), child)
                _send(child, found)
            case task:
                child.fail(f"There is no task {str(task)[:40]!r}: ask for export.")
    except (ExportError, ZooError) as error:
        child.fail(str(error))
    except MemoryError:
        child.fail(memory_error(child.memory_bytes))
    except Exception as error:  # noqa: BLE001 - a visitor gets a line whatever happens
        _LOG.error("The task failed.", exc_info=error)
        short = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        child.fail(memory_error(child.memory_bytes) if "allocate memory" in short else short)


def _send(child: Child, found: Answer) -> None:
    data = b"" if found.exported is None else found.exported.data
    bare = found.exported and dataclasses.replace(found.exported, data=b"")
    child.emit(
        {
            "answer": wire.write(Answer, dataclasses.replace(found, exported=bare)),
            "data": base64.b64encode(data).decode(),
        }
    )


def _peak_bytes() -> int:
    """The most resident memory so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
