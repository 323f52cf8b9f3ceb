"""One finished measurement with all that is kept of it: rounds, settings, machine, versions, weights."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from core import machine as machines
from core import zoo
from core.benchmark.fingerprint import machine_fingerprint, model_fingerprint, versions_fingerprint
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import Report
from core.machine import Machine

MAX_NOTE: Final = 200
"""How long a note may be, in characters."""
MAX_OWNER: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


class HistoryError(ValueError):
    """A run that cannot be kept, found or deleted: one line for a visitor."""


@dataclass(frozen=True)
class Run:
    """A finished measurement.

    Attributes:
        id: what a link names it by; nobody can guess it.
        owner: the token of the visitor whose it is; empty for the server's own.
        shared: whether every visitor may see it in the list.
        started: when, in UTC, by the clock of the machine that measured.
        plan: what was to be measured.
        report: what was found, with every round as it came.
        machine: where.
        machine_id, versions_id: its fingerprint, and that of its libraries (`core.benchmark.fingerprint`).
        model_ids: the fingerprint of each model of the plan with its weights (see `model_id`).
        imported: whether it came as a file: what it says of machine, models and numbers is then a claim.
        note: what its owner says of it, on one line.

    Raises:
        HistoryError: if it could not be kept as it is.
    """

    id: str
    owner: str = field(repr=False)
    shared: bool
    started: datetime
    plan: BenchmarkPlan
    report: Report
    machine: Machine
    machine_id: str
    versions_id: str
    model_ids: Mapping[str, str]
    imported: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        """Checks what names it, and what people wrote."""
        if _ID.fullmatch(self.id) is None:
            raise HistoryError("The number of a run is 16 to 64 letters, digits, - and _: take `new_id()`.")
        if self.started.utcoffset() != timedelta(0):
            raise HistoryError(f"A run started at {self.started}: give the time in UTC, with its zone.")
        for what, text, most in (("note", self.note, MAX_NOTE), ("owner", self.owner, MAX_OWNER)):
            if len(text) > most or not text.isprintable():
                raise HistoryError(
                    f"The {what} of a run has {len(text)} characters: expected at most {most}, "
                    "all printable and on one line."
                )


def new_id() -> str:
    """A number for a run that nobody can guess: 128 random bits."""
    return secrets.token_urlsafe(16)


def record(
    plan: BenchmarkPlan,
    report: Report,
    *,
    owner: str,
    shared: bool = False,
    note: str = "",
    machine: Machine | None = None,
    started: datetime | None = None,
) -> Run:
    """A run of a measurement that has just ended.

    Args:
        plan: what was to be measured.
        report: what was found.
        owner: the visitor's token; empty for the server's own.
        shared: whether all visitors may see it in the list.
        note: a line about it.
        machine: where it was measured; None for this machine.
        started: when, with a time zone; None for now less what the report took.

    Raises:
        HistoryError: if the note or the owner is too long.
        ZooError: if the plan has a model that there is not.
    """
    where = machine or machines.describe()
    when = started or datetime.now(UTC) - timedelta(seconds=report.seconds)
    return Run(
        id=new_id(),
        owner=owner,
        shared=shared,
        started=when.astimezone(UTC),
        plan=plan,
        report=report,
        machine=where,
        machine_id=machine_fingerprint(where),
        versions_id=versions_fingerprint(where.versions),
        model_ids={name: model_id(name, plan.seed) for name in dict.fromkeys(plan.models)},
        note=note,
    )


def model_id(name: str, seed: int) -> str:
    """The fingerprint of a model of the zoo with the weights that this seed gives.

    Raises:
        ZooError: if there is no such model or seed.
    """
    return model_fingerprint(name, seed, weight_bytes(zoo.build(name, seed)))


def weight_bytes(model: zoo.ZooModel) -> bytes:
    """All parameters and buffers of a model: name, dtype, shape and bits of each, in the order of the names.

    Tied weights are in it under each of their names.
    """
    import torch

    parts: list[bytes] = []
    for name, tensor in sorted(model.module.state_dict().items()):
        head = f"{name} {tensor.dtype} {tuple(tensor.shape)}\n"
        bits = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        parts += [head.encode(), bits.numpy().tobytes(), b"\n"]
    return b"".join(parts)
