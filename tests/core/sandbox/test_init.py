"""The public face: `run`, `start`, `prepare`, `readiness`."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core import sandbox
from core.sandbox import Limit, ReadyState, Run, SandboxError, SandboxResult
from core.sandbox.service import Shared

ROOT = Path(__file__).parent.parent.parent.parent
ABC = """
import abc
class Predictor(abc.ABC):
    @abc.abstractmethod
    def predict(self): ...
class Broken(Predictor): pass
Broken()
"""


@pytest.fixture(autouse=True)
def _this_test_s_sandbox(native: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shared = Shared()
    monkeypatch.setattr(sandbox, "_SHARED", shared)
    sandbox.configure(folder=native.parent, at_once=2)
    yield
    shared.get().close()


def test_a_program_s_output_and_its_end_are_told() -> None:
    result = sandbox.run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert isinstance(result, SandboxResult)
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 3)
    assert (result.limit, result.crash, result.ok) == (None, "", False)
    assert result.fuel_used > 0
    assert result.seconds > 0


def test_the_broken_class_is_refused_when_it_is_created() -> None:
    result = sandbox.run(ABC)
    assert result.error is not None
    assert (result.exit_code, result.error.kind, result.error.line) == (1, "TypeError", 7)
    assert result.error.message == (
        "Can't instantiate abstract class Broken without an implementation for abstract method 'predict'"
    )


def test_files_and_arguments_reach_the_program() -> None:
    code = "import sys; print(open('a.txt').read(), open('sub/b.bin', 'rb').read(), sys.argv[1:])"
    result = sandbox.run(code, files={"a.txt": "ä", "sub/b.bin": b"\xff"}, argv=["x"])
    assert result.stdout == "ä b'\\xff' ['x']\n", result.stderr


@pytest.mark.parametrize(
    ("code", "limits", "limit"),
    [
        ("while True: pass", {"fuel": 500_000_000}, Limit.FUEL),
        ("x = bytearray(2**30)", {"memory_bytes": 64 * 2**20}, Limit.MEMORY),
        ("while True: pass", {"fuel": 10**12, "wall_seconds": 0.5}, Limit.TIME),
        ("while True: print('x' * 1000)", {"output_bytes": 10_000}, Limit.OUTPUT),
    ],
)
def test_the_limit_that_stopped_it_is_named(code: str, limits: dict[str, int], limit: Limit) -> None:
    result = sandbox.run(code, **limits)  # type: ignore[arg-type]
    assert (result.limit, result.exit_code, result.ok, result.crash) == (limit, None, False, "")


def test_to_start_does_not_wait() -> None:
    run = sandbox.start("print(1)", visitor="a")
    assert isinstance(run, Run)
    assert run.problem == ""
    result = run.wait(60)
    assert result is not None
    assert result.stdout == "1\n"
    assert run.result is result
    assert run.position == 0


def test_what_is_wrong_is_said_before_anything_starts() -> None:
    for ask in (sandbox.run, sandbox.start):
        with pytest.raises(SandboxError, match=r"^Got -1 for fuel; expected"):
            ask("print(1)", fuel=-1)


def test_run_and_start_take_the_same() -> None:
    one, other = inspect.signature(sandbox.run), inspect.signature(sandbox.start)
    assert one.parameters == other.parameters
    assert one.parameters["visitor"].default == ""


def test_to_prepare_makes_it_ready() -> None:
    assert sandbox.readiness().state is ReadyState.PREPARING
    sandbox.prepare()
    end = time.monotonic() + 60
    while sandbox.readiness().state is ReadyState.PREPARING:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert sandbox.readiness().state is ReadyState.READY


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_a_process_that_is_over_leaves_no_workers(how: str, native: Path) -> None:
    program = f"""
import os, signal, sys, pathlib
from core import sandbox
sandbox.configure(folder=pathlib.Path({str(native.parent)!r}), at_once=2)
sandbox.run("print(1)")
held = sandbox.start("while True: pass", fuel=10**12, wall_seconds=60)
held.wait(0.3)
import psutil
print(*[child.pid for child in psutil.Process().children()], flush=True)
if {how == "is killed"}:
    os.kill(os.getpid(), signal.SIGKILL)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    pids = [int(word) for word in found.stdout.split()]
    assert pids, found.stderr
    end = time.monotonic() + 20
    while any(psutil.pid_exists(pid) and _works(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)


def _works(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
