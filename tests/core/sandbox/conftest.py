"""What the tests of the sandbox share: the interpreter, compiled once (some seconds of processor time)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from core.sandbox import compiled
from core.sandbox.guest import Guest, engine
from core.sandbox.pool import PoolSettings
from core.sandbox.service import Sandbox
from tests.native import native as compiled_once

Make = Callable[..., Sandbox]


@pytest.fixture(scope="session")
def configured() -> wasmtime.Engine:
    return engine()


@pytest.fixture(scope="session")
def native() -> Path:
    """The file with the compiled interpreter; in a folder of its own, that no test changes."""
    return compiled_once()


@pytest.fixture(scope="session")
def module(configured: wasmtime.Engine, native: Path) -> wasmtime.Module:
    return compiled.load(configured, native)


@pytest.fixture(scope="session")
def guest(configured: wasmtime.Engine, module: wasmtime.Module) -> Guest:
    return Guest(configured, module)


@pytest.fixture
def folder(native: Path, tmp_path: Path) -> Path:
    """A folder with the compiled interpreter, for a test that may spoil it."""
    copied = tmp_path / "sandbox"
    copied.mkdir(mode=0o700)
    shutil.copy(native, copied)
    return copied


@pytest.fixture
def sandbox(native: Path) -> Iterator[Make]:
    """Makes a sandbox that has the compiled interpreter, and ends its processes afterwards."""
    made: list[Sandbox] = []

    def make(at_once: int = 2, folder: Path = native.parent, **pool: float) -> Sandbox:
        made.append(Sandbox(folder, PoolSettings(at_once, **pool)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()
