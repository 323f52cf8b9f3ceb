"""Orders and results as lines of JSON: what a worker and its parent say to each other."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

from core import wire
from core.sandbox.guest import Order
from core.sandbox.result import SandboxResult


def write_order(order: Order) -> dict[str, Any]:
    """An order as JSON has it."""
    fields = {field.name: getattr(order, field.name) for field in dataclasses.fields(order)}
    files = {name: _text(data) for name, data in order.files.items()}
    return fields | {"code": _text(order.code), "files": files, "argv": list(order.argv)}


def read_order(written: Mapping[str, Any]) -> Order:
    """The order that `write_order` wrote."""
    files = {name: _bytes(text) for name, text in written["files"].items()}
    fields = dict(written) | {"code": _bytes(written["code"]), "files": files, "argv": tuple(written["argv"])}
    return Order(**fields)


def write_result(result: SandboxResult) -> dict[str, Any]:
    """A result as JSON has it."""
    return dataclasses.asdict(result) | {"report": _text(result.report)}


def read_result(written: Mapping[str, Any]) -> SandboxResult:
    """The result that `write_result` wrote.

    Raises:
        ValueError: if it is none.
    """
    report = base64.b64decode(str(written.get("report")), validate=True)
    return wire.read(SandboxResult, dict(written) | {"report": report})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
