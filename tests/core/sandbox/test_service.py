"""One sandbox for a process: configured or by the settings, and open to no wrong question."""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core import settings
from core.limits import HOSTED, LOCAL, Limits
from core.sandbox import runtime
from core.sandbox.orders import FUEL, MEMORY, OUTPUT, SECONDS, checked_order
from core.sandbox.readiness import Preparation, ReadyState
from core.sandbox.result import SandboxError
from core.sandbox.service import Sandbox, Shared

Make = Callable[..., Sandbox]
HELLO = checked_order(
    "print('hello')", fuel=FUEL, memory_bytes=MEMORY, wall_seconds=SECONDS, output_bytes=OUTPUT, files=None,
    argv=(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded = settings.load
    monkeypatch.setattr(settings, "load", lambda: loaded(tmp_path / "no.env"))


def test_without_words_it_is_as_the_settings_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UTH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("UTH_MAX_SANDBOX_RUNS", "7")
    made = Shared().get()
    assert made.pool.places.at_once == 7
    assert made._preparation.folder == tmp_path / "sandbox"


@pytest.mark.parametrize(("mode", "limits"), [("hosted", HOSTED), ("local", LOCAL), ("", LOCAL)])
def test_the_mode_says_how_many_run_at_once(
    mode: str, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UTH_MODE", mode)
    assert Shared().get().pool.places.at_once == limits.max_sandbox_runs


def test_wrong_settings_are_the_server_s_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MAX_SANDBOX_RUNS", "many")
    assert Shared().get().pool.places.at_once == LOCAL.max_sandbox_runs


def test_it_is_one_and_the_same_until_it_is_configured_otherwise(tmp_path: Path) -> None:
    shared = Shared()
    shared.configure(folder=tmp_path, at_once=3)
    first = shared.get()
    shared.configure(folder=tmp_path, at_once=3)
    assert shared.get() is first
    shared.configure(folder=tmp_path, at_once=4)
    second = shared.get()
    assert second is not first
    assert (first.pool.places.at_once, second.pool.places.at_once) == (3, 4)


def test_what_runs_goes_on_when_it_is_configured_otherwise(native: Path, tmp_path: Path) -> None:
    shared = Shared()
    shared.configure(folder=native.parent, at_once=1)
    runs = [shared.get().start(HELLO) for _ in range(3)]
    shared.configure(folder=tmp_path, at_once=1)
    gc.collect()
    assert [result.stdout if (result := run.wait(60)) else run.problem for run in runs] == ["hello\n"] * 3


def test_a_program_may_come_before_the_interpreter_is_ready(sandbox: Make) -> None:
    made = sandbox(1)
    assert made.readiness().state is ReadyState.PREPARING
    assert made.run(HELLO).stdout == "hello\n"
    assert made.readiness().state is ReadyState.READY


def test_without_an_interpreter_nothing_is_run_and_one_line_says_why(
    sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "missing", lambda: "The sandbox is not available: no package.")
    made = sandbox(1)
    made.prepare()
    for ask in (made.run, made.start):
        with pytest.raises(SandboxError, match=r"^The sandbox is not available: no package\.$"):
            ask(HELLO)
    assert made.readiness().state is ReadyState.UNAVAILABLE


def test_what_waits_for_an_interpreter_that_fails_is_told_so(
    sandbox: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = importlib.import_module("core.sandbox.readiness")._State
    waits = threading.Event()

    def fails(*_: object) -> dict[str, str]:
        waits.wait(30)
        return {"problem": "It cannot be compiled."}

    monkeypatch.setattr(state, "_ask", fails)
    made = sandbox(1, folder=tmp_path)
    run = made.start(HELLO)
    waits.set()
    assert run.wait(30) is None
    assert run.problem == "It cannot be compiled."
    with pytest.raises(SandboxError, match="cannot be compiled"):
        made.run(HELLO)


def test_to_prepare_never_fails_and_is_done_once(sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sandbox(1)
    warmed = []
    monkeypatch.setattr(made.pool, "warm", lambda: warmed.append(1))
    for _ in range(5):
        made.prepare()
    assert warmed == [1]
    assert isinstance(made._preparation, Preparation)
