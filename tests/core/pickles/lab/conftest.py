"""A sandbox for the lab's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.pickles.lab.rehearsal import Rehearsal, read_rehearsal, rehearsal_program
from core.sandbox.orders import FUEL, MEMORY, OUTPUT, SECONDS, checked_order
from core.sandbox.pool import PoolSettings
from core.sandbox.result import SandboxResult
from core.sandbox.service import Sandbox
from tests.native import native

Rehearse = Callable[[bytes], Rehearsal]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(native().parent, PoolSettings(1))
    yield made
    made.close()


@pytest.fixture(scope="session")
def run(sandbox: Sandbox) -> Callable[..., SandboxResult]:
    """Runs a program as `core.sandbox.run` does."""

    def run(program: bytes, *, files: dict[str, bytes], visitor: str = "", fuel: int = FUEL) -> SandboxResult:
        order = checked_order(
            program, fuel=fuel, memory_bytes=MEMORY, wall_seconds=6 * SECONDS, output_bytes=OUTPUT,
            files=files, argv=(),
        )  # fmt: skip
        return sandbox.run(order, visitor)

    return run


@pytest.fixture(scope="session")
def rehearsed(run: Callable[..., SandboxResult]) -> Rehearse:
    """Rehearses a stream in the sandbox."""

    def rehearse(data: bytes) -> Rehearsal:
        program, files = rehearsal_program(data)
        return read_rehearsal(data, run(program, files=files))

    return rehearse
