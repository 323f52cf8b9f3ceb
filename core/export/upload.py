"""An uploaded ONNX file, examined before anything runs it.

Only protobuf reads it: no checker, no shape inference and no runtime. What is not refused goes on as bytes
that are written anew, without a reference to any other file. Even so, run it only in a limited process:
what a model does with its inputs is known when it has them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import onnx

from core.export import wire
from core.export.bounds import MAX_DEPTH, MAX_NODES, check_expansion, functions_of
from core.export.finding import Finding, Findings, Severity, mebibytes, shown
from core.export.graph import Graph, describe
from core.export.inspection import inspect
from core.export.sizes import MAX_DECLARED_BYTES, BoundError, check_sizes

__all__ = [
    "MAX_BYTES",
    "MAX_DECLARED_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Finding",
    "Severity",
    "Upload",
    "examine",
]

MAX_BYTES: Final = 20 * 2**20
"""How large a file may be."""


@dataclass(frozen=True)
class Upload:
    """What an examination gives.

    Attributes:
        name: of the file, as it may be shown.
        size: bytes of the file.
        sha256: of the file.
        graph: what it holds; None if it could not be read as a model.
        findings: the reasons to refuse it first, then the warnings.
        data: the model written anew, the same bytes for the same model; empty if it is refused.
    """

    name: str
    size: int
    sha256: str
    graph: Graph | None
    findings: tuple[Finding, ...]
    data: bytes

    @property
    def refused(self) -> bool:
        """Whether it must not be run."""
        return any(finding.severity is Severity.REFUSED for finding in self.findings)


def examine(data: bytes, name: str = "") -> Upload:
    """Examines a file. Never raises, whatever the bytes; its work is bounded by `MAX_BYTES` and the like.

    Args:
        data: the file.
        name: what the visitor's browser calls it; nothing is opened by it.
    """
    findings = Findings()
    graph, clean = None, b""
    model = _parse(data, findings)
    if model is not None:
        _drop_unknown(model, findings)
        if inspect(model, findings):
            graph = describe(model, len(data))
            _check_bounds(model, graph, findings)
        if not findings.refused:
            clean = model.SerializeToString(deterministic=True)
    return Upload(shown(name), len(data), hashlib.sha256(data).hexdigest(), graph, findings.all(), clean)


def _parse(data: bytes, findings: Findings) -> onnx.ModelProto | None:
    """The model; None if there is none, and why is among the findings."""
    if len(data) > MAX_BYTES:
        findings.refuse(
            f"The file has {mebibytes(len(data))}; at most {mebibytes(MAX_BYTES)} may be.",
            "Upload a smaller model, or run the lab on your own machine.",
        )
        return None
    try:
        return wire.parse(data)
    except wire.WireError as error:
        findings.refuse(str(error), error.advice)
        return None


def _drop_unknown(model: onnx.ModelProto, findings: Findings) -> None:
    before = model.ByteSize()
    model.DiscardUnknownFields()
    lost = before - model.ByteSize()
    if lost:
        findings.warn(
            f"It holds {mebibytes(lost)} that ONNX {onnx.__version__} has no name for; they are left out.",
            "Nothing to do, unless a newer ONNX wrote it.",
        )


def _check_bounds(model: onnx.ModelProto, graph: Graph, findings: Findings) -> None:
    """How deep it is, and then, if all else is in order, what its calls and shapes come to."""
    if graph.depth > MAX_DEPTH:
        findings.refuse(
            f"Its subgraphs lie {graph.depth} deep in one another; at most {MAX_DEPTH} may be.",
            "Flatten them: no exporter nests them like that.",
        )
    if findings.refused:
        return
    try:
        functions = functions_of(model)
        check_expansion(model, functions)
        check_sizes(model, functions)
    except BoundError as error:
        findings.refuse(str(error), error.advice, error.where)
