"""ONNX: a graph in protobuf. What it names outside of itself is looked for: other files, other operators."""

from __future__ import annotations

import re
from typing import Final

from core.pickles.containers.onnx_wire import (
    MAX_NESTING,
    MAX_PARTS,
    MESSAGES,
    TEXTS,
    Reader,
    WireError,
)
from core.pickles.formats import Format
from core.pickles.member import shown
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

STANDARD: Final = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "ai.onnx.preview"}
)
RUNTIME: Final = re.compile(r"com\.microsoft(\..+)?|org\.pytorch\.aten|pkg\..*|ai\.onnxruntime\..*")
"""Domains of ONNX Runtime's own operators, and of functions that exporters put into the file."""
_CODE: Final = frozenset({"PyOp", "PythonOp", "PythonOpGrad", "PyCustomOp"})
_OUTSIDE: Final = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\~]|^[A-Za-z]:|^[a-z]+://")
_LONGEST: Final = 4_096


def read(part: Part, walk: Walk) -> Format:
    """Reads the structure of a model, message by message."""
    try:
        _Model(part, walk).read()
    except WireError as error:
        walk.unread(part, 0, len(part.span), f"no ONNX model: {error}")
        return Format.ONNX
    walk.read(part, 0, len(part.span), "ONNX model, message by message")
    return Format.ONNX


class _Model:
    def __init__(self, part: Part, walk: Walk) -> None:
        self._part = part
        self._walk = walk
        self._reader = Reader(part.span)
        self._parts = 0
        self._own: set[str] = set()
        self._domains: dict[str, int] = {}

    def read(self) -> None:
        # (message, position, end, its texts), innermost last: a file cannot make this recursive.
        waiting: list[tuple[str, int, int, dict[str, str]]] = [("model", 0, len(self._part.span), {})]
        while waiting:
            message, position, end, texts = waiting.pop()
            if position >= end:
                self._done(message, texts, end)
                continue
            field, after = self._reader.field(position, end)
            name = TEXTS.get(message, {}).get(field.number)
            if name is not None and field.is_bytes:
                size = field.end - field.start
                if message == "external" and size > _LONGEST:
                    raise WireError(f"the place of its data has {size:,} bytes")
                size = min(size, _LONGEST)
                texts[name] = self._part.span.read(field.start, size).decode("utf-8", errors="replace")
            waiting.append((message, after, end, texts))
            inner = MESSAGES.get(message, {}).get(field.number)
            if inner is not None and inner != "_" and field.is_bytes:
                self._parts += 1
                if self._parts > MAX_PARTS or len(waiting) > MAX_NESTING:
                    raise WireError("it holds more than the bounds of this scan allow")
                if self._parts % 4096 == 0 and self._walk.late:
                    raise WireError(f"the {self._walk.bounds.seconds:g} s of this scan were over")
                waiting.append((inner, field.start, field.end, {}))
        self._judge_domains()

    def _done(self, message: str, texts: dict[str, str], end: int) -> None:
        if message == "function":
            self._own.add(texts.get("domain", ""))
        elif message == "node":
            self._domains.setdefault(texts.get("domain", ""), end)
            if texts.get("operator") in _CODE:
                self._walk.find(
                    self._part,
                    end,
                    f"the operator {shown(texts['operator'])} runs Python",
                    Verdict.NEEDS_TRUST,
                    subject=texts["operator"],
                )
        elif message == "external" and texts.get("key") == "location":
            self._external(texts.get("value", ""), end)

    def _external(self, location: str, end: int) -> None:
        if _OUTSIDE.search(location):
            self._walk.find(
                self._part,
                end,
                f"its data lie outside its own folder, in {shown(location)}: the loader would read that file",
                Verdict.DANGEROUS,
                subject=shown(location),
            )
        else:
            self._walk.note(f"Its data lie in another file, {shown(location)}, which was not read.")

    def _judge_domains(self) -> None:
        for domain, end in self._domains.items():
            if domain in STANDARD or domain in self._own:
                continue
            if RUNTIME.fullmatch(domain):
                self._walk.note(f"It uses operators of {shown(domain)}, which not every runtime has.")
                continue
            self._walk.find(
                self._part,
                end,
                f"its operators of the domain {shown(domain)} are code that comes from elsewhere",
                Verdict.NEEDS_TRUST,
                subject=shown(domain),
            )
