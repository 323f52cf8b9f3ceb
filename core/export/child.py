"""Exports in a process of its own: `python -m core.export.child`, and its parent.

The parent starts it with `start_export`, `start_layers` or `start_upload`, and reads what comes with
`read_answer`, `read_layers`, `read_upload` and `read_trial`; `read_stage` says how far it is.
"""

from __future__ import annotations

import base64
import dataclasses
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core import wire
from core.export.exporter import ExportedModel, export
from core.export.graph import brief
from core.export.layers import LayersReport, compare_layers
from core.export.parity import BATCHES, Case, sweep
from core.export.plan import ExportError, ExportPlan
from core.export.trial import Trial, lacks_memory, try_out
from core.export.upload import Upload, examine
from core.places import Place
from core.process import Child, Process, memory_error
from core.zoo import InputKind, ZooError

EXPORT_SECONDS: Final = 90.0
EXPORT_BYTES: Final = 3 * 2**30
UPLOAD_SECONDS: Final = 30.0
UPLOAD_BYTES: Final = 2 * 2**30
"""How much time and memory an export and the run of an uploaded file may take."""

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
        peak_bytes: the most memory that the process held up to the end of the export; 0 if not known.
        import_seconds: what importing PyTorch's exporter took before the export.
    """

    plan: ExportPlan
    exported: ExportedModel | None
    refusal: str
    checker: str
    cases: tuple[Case, ...]
    peak_bytes: int
    import_seconds: float


def start_export(plan: ExportPlan, *, seconds: float = EXPORT_SECONDS, place: Place | None = None) -> Process:
    """Exports elsewhere, and compares: `read_answer` finds the answer in its lines.

    Args:
        plan: what and how.
        seconds: how long it may take.
        place: where it runs, and for whom; see `Process`.

    Raises:
        ProcessError: if too many wait already.
    """
    request = {"task": "export", "plan": wire.write(ExportPlan, plan)}
    return _start(request, seconds, EXPORT_BYTES, place)


def start_layers(
    plan: ExportPlan,
    *,
    batch: int,
    seed: int,
    kind: str,
    seconds: float = EXPORT_SECONDS,
    place: Place | None = None,
) -> Process:
    """Exports elsewhere, and compares layer by layer: `read_layers` finds the report.

    Args:
        plan: what and how.
        batch: of the input on which they are compared.
        seed: of it.
        kind: an `InputKind`.
        seconds: how long it may take.
        place: where it runs, and for whom; see `Process`.

    Raises:
        ProcessError: if too many wait already.
    """
    request = {"task": "layers", "plan": wire.write(ExportPlan, plan), "input": [batch, seed, kind]}
    return _start(request, seconds, EXPORT_BYTES, place)


def start_cases(
    plan: ExportPlan,
    data: bytes,
    *,
    batch: int,
    seed: int,
    kind: str,
    seconds: float = EXPORT_SECONDS,
    place: Place | None = None,
) -> Process:
    """Compares a file with its model on one chosen input elsewhere: `read_cases` finds the comparisons.

    Args:
        plan: what the file was exported by.
        data: the file.
        batch: 1 to `zoo.MAX_BATCH`.
        seed: for random numbers.
        kind: an `InputKind`.
        seconds: how long it may take.
        place: where it runs, and for whom; see `Process`.

    Raises:
        ProcessError: if too many wait already.
    """
    asked = {"task": "cases", "plan": wire.write(ExportPlan, plan), "input": [batch, seed, kind]}
    return _start(lambda: asked | _written(data), seconds, EXPORT_BYTES, place)


def start_upload(
    data: bytes, name: str, *, seconds: float = UPLOAD_SECONDS, place: Place | None = None
) -> Process:
    """Examines a visitor's file elsewhere, and runs it if it may be run: see `read_upload`, `read_trial`.

    Args:
        data: the file, of at most `upload.MAX_BYTES`; a larger one is not sent, see `upload.examine`.
        name: what it is called.
        seconds: how long it may take.
        place: where it runs, and for whom; see `Process`.

    Raises:
        ProcessError: if too many wait already.
    """
    return _start(lambda: {"task": "upload", "name": name} | _written(data), seconds, UPLOAD_BYTES, place)


def _written(data: bytes) -> dict[str, Any]:
    return {"data": base64.b64encode(data).decode()}


def _start(
    request: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    seconds: float,
    memory_bytes: int,
    place: Place | None,
) -> Process:
    return Process(
        _MODULE, request, seconds=seconds, memory_bytes=memory_bytes, environment=_ENVIRONMENT, place=place
    )


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


def read_layers(line: Mapping[str, Any]) -> LayersReport | None:
    """The comparison of layers in a line; None if it holds none."""
    return wire.read(LayersReport, line["layers"]) if "layers" in line else None


def read_cases(line: Mapping[str, Any]) -> tuple[Case, ...] | None:
    """The comparisons in a line; None if it holds none."""
    return wire.read(tuple[Case, ...], line["cases"]) if "cases" in line else None


def read_upload(line: Mapping[str, Any]) -> Upload | None:
    """What the examination of a file gave, in a line, its graph in `brief`; None if it holds none."""
    if "upload" not in line:
        return None
    return dataclasses.replace(wire.read(Upload, line["upload"]), data=base64.b64decode(line["data"]))


def read_trial(line: Mapping[str, Any]) -> tuple[str, Trial] | None:
    """What ONNX's checker has against a file, and the run of it, in a line; None if it holds none."""
    return (str(line["checker"]), wire.read(Trial, line["trial"])) if "trial" in line else None


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
    cases = sweep(made, exported.data, batches=sorted({*BATCHES, plan.batch}))
    return Answer(plan, exported, "", checker, cases, peak, imported)


def check(data: bytes) -> str:
    """What ONNX's checker has against a file, in one line; empty if nothing."""
    import onnx

    try:
        onnx.checker.check_model(data, full_check=True)
    except Exception as error:  # noqa: BLE001 - ValidationError, InferenceError, and what protobuf raises
        return " ".join(str(error).split())[:300] or type(error).__name__
    return ""


def main() -> None:
    """Does what the parent asks for."""
    child = Child()
    try:
        match child.request.get("task"):
            case "export":
                found = answer(wire.read(ExportPlan, child.request["plan"]), child)
                _send(child, found)
            case "layers":
                _compare_layers(child, wire.read(ExportPlan, child.request["plan"]), *child.request["input"])
            case "cases":
                plan = wire.read(ExportPlan, child.request["plan"])
                batch, seed, kind = child.request["input"]
                data = base64.b64decode(child.request["data"])
                cases = sweep(plan.build(), data, batches=[batch], seeds=[seed], kinds=[kind])
                child.emit({"cases": wire.write(tuple[Case, ...], cases)})
            case "upload":
                data = base64.b64decode(child.request["data"])
                _try_upload(child, examine(data, str(child.request["name"])))
            case task:
                child.fail(f"There is no task {str(task)[:40]!r}: ask for export, layers, cases or upload.")
    except (ExportError, ZooError) as error:
        child.fail(str(error))
    except MemoryError:
        child.fail(memory_error(child.memory_bytes))
    except Exception as error:  # noqa: BLE001 - a visitor gets a line whatever happens
        _LOG.error("The task failed.", exc_info=error)
        short = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        child.fail(memory_error(child.memory_bytes) if lacks_memory(short) else short)


def _send(child: Child, found: Answer) -> None:
    data = b"" if found.exported is None else found.exported.data
    bare = found.exported and dataclasses.replace(found.exported, data=b"")
    child.emit(
        {
            "answer": wire.write(Answer, dataclasses.replace(found, exported=bare)),
            "data": base64.b64encode(data).decode(),
        }
    )


def _compare_layers(child: Child, plan: ExportPlan, batch: int, seed: int, kind: str) -> None:
    made = plan.build()
    child.emit({"stage": "exporting"})
    exported = export(plan, made)
    child.emit({"stage": "comparing layer by layer"})
    report = compare_layers(made, exported.data, batch=batch, seed=seed, kind=InputKind(kind))
    child.emit({"layers": wire.write(LayersReport, report)})


def _try_upload(child: Child, upload: Upload) -> None:
    # The examination is said before anything runs: it is known even if the run does not survive.
    graph = upload.graph and brief(upload.graph)
    child.emit(
        {
            "upload": wire.write(Upload, dataclasses.replace(upload, graph=graph, data=b"")),
            "data": base64.b64encode(upload.data).decode(),
        }
    )
    if upload.refused or upload.graph is None:
        return
    with tempfile.TemporaryDirectory() as empty:
        # What a model could name beside it is not there.
        os.chdir(empty)
        child.emit({"stage": "checking"})
        checker = check(upload.data)
        if lacks_memory(checker):
            checker = memory_error(child.memory_bytes)
        child.emit({"stage": "running"})
        trial = try_out(upload.data, upload.graph)
        child.emit({"checker": checker, "trial": wire.write(Trial, trial)})
        os.chdir("/")


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
