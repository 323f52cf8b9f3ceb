"""A child process is bounded, ends with its parent, learns no secret, and says in a line what went wrong."""

import gc
import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core import process
from core.places import AT_ONCE, EACH, WAITING, Place, Places
from core.process import Process, ProcessError, alone, clean_environment

ROOT = Path(__file__).parent.parent.parent
Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a child that does what a source text says: `child` is its `Child`."""
    made: list[weakref.ref[Process]] = []

    def begin(source: str, request: Any = None, **settings: Any) -> Process:  # noqa: ANN401
        name = f"child_{len(made)}"
        lines = "import os, sys, time\nfrom core.process import Child\n"
        (tmp_path / f"{name}.py").write_text(lines + textwrap.dedent(source), encoding="utf-8")
        bounds: dict[str, Any] = {"seconds": 20, "environment": {"PYTHONPATH": str(tmp_path)}} | settings
        started = Process(name, request or {}, **bounds)
        made.append(weakref.ref(started))
        return started

    yield begin
    for reference in made:
        if (left := reference()) is not None:
            left.stop()


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def first_line(started: Process) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def spoke() -> bool:
        found.extend(started.lines())
        return bool(found)

    assert eventually(spoke), started.error
    return found[0]


SLEEP = "child = Child(); child.emit({'pid': os.getpid()}); time.sleep(60)"


def test_it_reads_the_request_and_commands_and_answers(start: Start) -> None:
    child = start(
        """
        child = Child()
        child.emit({"request": child.request, "none yet": child.command()})
        child.emit({"command": child.command(timeout=10)})
        """,
        {"task": "ünï", "number": float("inf")},
    )
    assert first_line(child) == {"request": {"task": "ünï", "number": float("inf")}, "none yet": None}
    child.send({"go": 1})
    assert child.wait(10) == [{"command": {"go": 1}}]
    assert child.finished
    assert child.error == ""
    assert child.lines() == []
    child.send({"too": "late"})


def test_a_long_request_costs_it_no_more_than_its_length(start: Start) -> None:
    source = "child = Child(); child.emit({'used': time.process_time(), 'got': len(child.request['data'])})"

    def used(length: int) -> float:
        found = first_line(start(source, {"data": "a" * length}))
        assert found["got"] == length
        return float(found["used"])

    bare = min(used(1) for _ in range(2))
    assert min(used(28 * 2**20) for _ in range(2)) - bare < 1.0


def test_commands_come_apart_wherever_they_are_cut(start: Start) -> None:
    source = "child = Child(); child.emit({'got': [len(child.command(10)['data']) for _ in range(4)]})"
    child = start(source)
    lengths = [1, 2**17, 2**16 - 13, 3]
    for length in lengths:
        child.send({"data": "a" * length})
    assert child.wait(10) == [{"got": lengths}]


def test_what_is_printed_is_no_message(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "core.process"):
        child = start(
            """
            print("too early", flush=True)
            child = Child()
            print("hello", flush=True)
            os.system("echo from a compiler")
            child.emit({"ok": True})
            """
        )
        assert child.wait(10) == [{"ok": True}]
    assert child.error == ""
    assert child.last_words == "from a compiler"
    assert "not a message: b'too early\\n'" in caplog.text
    assert "hello" in caplog.text


def test_no_secret_reaches_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UTH_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "DATABASE_URL", "CANARY"):
        monkeypatch.setenv(name, "canary-5150")
    monkeypatch.setenv("LC_TIME", "C")
    child = start("Child().emit(dict(os.environ))")
    (environment,) = child.wait(10)
    assert "canary" not in repr(environment).lower()
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["LC_TIME"] == "C"
    assert "CANARY" not in clean_environment()


def test_only_so_many_run_at_once_and_the_next_starts_by_itself(start: Start) -> None:
    running = [start(SLEEP) for _ in range(AT_ONCE)]
    later = start("Child().emit({'ready': os.getpid()})")
    assert (later.position, later.pid, later.finished) == (1, 0, False)
    assert later.next_lines(0.1) == []
    running[0].stop()
    assert first_line(later) == {"ready": later.pid}
    assert later.position == 0
    for child in running:
        child.stop()
    again = [start(SLEEP) for _ in range(AT_ONCE)]
    assert len({child.pid for child in again}) == AT_ONCE


def test_one_that_can_neither_start_nor_wait_is_refused_in_one_line(start: Start) -> None:
    places = Places(1, waiting=1)
    first = [start(SLEEP, place=Place(places, name)) for name in "ab"]
    with pytest.raises(ProcessError) as caught:
        start(SLEEP, place=Place(places, "c"))
    assert str(caught.value) == "Busy: 1 runs wait for a place already; try again in a moment."
    assert isinstance(caught.value, ValueError)
    assert [child.position for child in first] == [0, 1]


def test_a_visitor_who_runs_as_many_as_may_be_leaves_a_place_to_another(start: Start) -> None:
    places = Places(2)
    greedy = [start(SLEEP, place=Place(places, "greedy")) for _ in range(3)]
    assert [child.position for child in greedy] == [0, 1, 2]
    assert first_line(start(SLEEP, place=Place(places, "other")))["pid"]


def test_one_that_waits_and_is_not_wanted_any_more_never_starts(start: Start) -> None:
    places = Places(1)
    first = start(SLEEP, place=Place(places))
    stopped, dropped = start(SLEEP, place=Place(places)), start(SLEEP, place=Place(places))
    last = start(SLEEP, place=Place(places))
    stopped.stop()
    assert (stopped.finished, stopped.error, stopped.lines()) == (True, "", [])
    assert stopped.next_lines(3600) == []
    del dropped
    gc.collect()
    assert last.position == 1
    first.stop()
    assert first_line(last)["pid"] == last.pid
    assert (stopped.pid, places.at_work, places.waiting) == (0, 1, 0)


def test_what_is_said_to_one_that_waits_is_heard_when_it_runs(start: Start) -> None:
    places = Places(1)
    first = start(SLEEP, place=Place(places))
    made: list[int] = []

    def request() -> dict[str, Any]:
        made.append(1)
        return {"task": "late"}

    source = "child = Child(); child.emit(child.request | child.command(10))"
    later = start(source, request, place=Place(places))
    later.send({"command": "x"})
    assert made == []
    first.stop()
    assert first_line(later) == {"task": "late", "command": "x"}
    assert made == [1]


def test_waiting_takes_nothing_of_its_time(start: Start) -> None:
    places = Places(1)
    first = start(SLEEP, place=Place(places))
    later = start("Child().emit({'ready': True}); time.sleep(60)", seconds=1, place=Place(places))
    time.sleep(1.3)
    assert later.position == 1
    first.stop()
    assert later.wait(20) == [{"ready": True}]
    assert later.error == "It took longer than 1 s and was ended."


def test_one_that_cannot_be_started_after_all_says_so_and_takes_no_place(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    places = Places(1)
    first = start(SLEEP, place=Place(places))
    later, last = start(SLEEP, place=Place(places)), start(SLEEP, place=Place(places, "b"))
    executable = sys.executable
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    first.stop()
    assert eventually(lambda: later.finished and last.finished)
    assert later.error == last.error == "It could not be started; the log has why."
    assert "FileNotFoundError" in caplog.text
    monkeypatch.setattr(sys, "executable", executable)
    assert places.at_work == 0
    assert first_line(start(SLEEP, place=Place(places)))


def test_so_many_wait_at_most() -> None:
    assert (AT_ONCE, WAITING, EACH) == (4, 50, 8)


def test_one_that_is_not_counted_takes_nobody_s_place(start: Start) -> None:
    waiting = "child = Child()\nchild.emit({})\ntime.sleep(60)"
    serving = [start(waiting, counted=False) for _ in range(AT_ONCE)]
    assert first_line(start("Child().emit({'ready': True})")) == {"ready": True}
    assert [first_line(each) for each in serving] == [{}] * AT_ONCE


def test_without_a_time_it_has_none_to_keep_to(start: Start) -> None:
    source = (
        "import resource\nchild = Child()\nchild.emit({'cpu': resource.getrlimit(resource.RLIMIT_CPU)[0]})"
    )
    started = start(source, seconds=None)
    assert first_line(started) == {"cpu": resource.getrlimit(resource.RLIMIT_CPU)[0]}
    assert started.wait(10) == []
    assert started.error == ""


def test_the_next_lines_can_be_waited_for(start: Start) -> None:
    started = start(
        """
        child = Child()
        while command := child.command(10):
            child.emit(command)
        """
    )
    assert started.next_lines(0.01) == []
    for number in range(3):
        started.send({"number": number})
        assert started.next_lines(10) == [{"number": number}]
    started.stop()
    # Who waits for one that has ended waits for nothing.
    assert started.next_lines(3600) == []


def test_a_process_that_cannot_be_started_takes_no_slot(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nonexistent/python")
        for _ in range(AT_ONCE + 1):
            with pytest.raises(FileNotFoundError):
                start(SLEEP)
    assert first_line(start(SLEEP))


def test_a_process_that_cannot_be_watched_is_ended_and_takes_no_slot(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    others = set(psutil.Process().children())  # a browser's driver, for one; they may end meanwhile
    with monkeypatch.context() as patch:
        patch.setattr(threading, "Timer", fails)
        for _ in range(AT_ONCE + 1):
            with pytest.raises(RuntimeError, match="new thread"):
                start(SLEEP)
    assert set(psutil.Process().children()) <= others
    assert first_line(start(SLEEP))


def test_it_ends_when_its_time_is_up(start: Start) -> None:
    child = start(SLEEP, seconds=1)
    child.wait(10)
    assert child.finished
    assert child.error == "It took longer than 1 s and was ended."
    assert is_gone(child.pid)


@pytest.mark.skipif(not hasattr(signal, "SIGXCPU"), reason="this system limits no processor time")
def test_it_ends_when_its_processor_time_is_up(start: Start) -> None:
    child = start(
        """
        import resource
        child = Child()
        child.emit({"limit": resource.getrlimit(resource.RLIMIT_CPU)[0]})
        import signal
        os.kill(os.getpid(), signal.SIGXCPU)
        """,
        seconds=7,
    )
    assert child.wait(10) == [{"limit": 8}]
    assert child.error == "It took more than 7 s of processor time and was ended."


@pytest.mark.parametrize(
    ("source", "error", "last_words"),
    [
        ("Child(); os.abort()", "It crashed (SIGABRT); the log has what it said.", ""),
        ("Child(); sys.exit(3)", "It ended unexpectedly, with code 3; the log has why.", ""),
        (
            "Child(); raise ValueError('boom')",
            "It ended unexpectedly, with code 1; the log has why.",
            "ValueError: boom",
        ),
        (
            "Child(); os.kill(os.getpid(), 9)",
            "It was killed from outside, most likely because this machine ran out of memory.",
            "",
        ),
        ("Child().fail('One line\\n  for a visitor.')", "One line for a visitor.", ""),
    ],
)
def test_what_went_wrong_is_one_line(start: Start, source: str, error: str, last_words: str) -> None:
    child = start(source)
    child.wait(10)
    assert child.finished
    assert child.error == error
    assert child.last_words == last_words
    assert is_gone(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process allocates")
def test_its_memory_is_bounded(start: Start) -> None:
    child = start("Child(); bytearray(2**30)", memory_bytes=2**28)
    child.wait(10)
    assert child.error == "It needed more than 0.25 GiB of memory: choose a smaller model or batch."


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system has no priorities of this kind")
def test_it_gives_way(start: Start) -> None:
    child = start("Child().emit({'nice': os.nice(0)})", niceness=7)
    assert child.wait(10) == [{"nice": os.nice(0) + 7}]


def test_it_ends_with_the_object(start: Start) -> None:
    child = start(SLEEP)
    pid = first_line(child)["pid"]
    reference = weakref.ref(child)
    del child
    gc.collect()
    assert reference() is None
    assert eventually(lambda: is_gone(pid))
    assert eventually(lambda: process._PLACES.at_work == 0)


def test_it_is_killed_without_waiting(start: Start) -> None:
    child = start("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP)
    pid = first_line(child)["pid"]
    child.kill()
    child.wait_until_over(10)
    assert child.finished
    assert child.error == ""
    assert is_gone(pid)
    child.kill()


def test_it_ends_when_its_stdin_closes(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "import time\nfrom core.process import Child\nchild = Child()\nchild.emit({})\ntime.sleep(60)\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "child"],
        cwd=ROOT,
        env=clean_environment() | {"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        limits = b'{"seconds": 60, "memory_bytes": 1073741824, "niceness": 0}'
        child.stdin.write(b'{"request": {}, "limits": ' + limits + b"}\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"{}\n"
        child.stdin.close()
        assert child.wait(10) == 0


def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "import time\nfrom core.process import Child\nChild().emit({})\ntime.sleep(60)\n", encoding="utf-8"
    )
    parent = (
        "import time\nfrom core.process import Process\n"
        f"child = Process('child', {{}}, seconds=60, environment={{'PYTHONPATH': {str(tmp_path)!r}}})\n"
        "while not child.lines(): time.sleep(0.02)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        assert not is_gone(pid)
        running.kill()
    assert eventually(lambda: is_gone(pid))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
def test_stopping_ends_what_it_started_too(start: Start) -> None:
    child = start(
        """
        import subprocess
        child = Child()
        child.emit({"pid": subprocess.Popen(["sleep", "60"]).pid})
        time.sleep(60)
        """
    )
    grandchild = first_line(child)["pid"]
    child.stop()
    child.stop()
    assert child.finished
    assert child.error == ""
    assert is_gone(child.pid)
    assert eventually(lambda: is_gone(grandchild))


def test_stopping_needs_no_consent(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.3)
    child = start(
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Child().emit({})
        time.sleep(60)
        """
    )
    first_line(child)
    child.stop()
    assert eventually(lambda: child.finished)
    assert is_gone(child.pid)


def test_of_what_nobody_reads_the_newest_is_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_BYTES", 2_000)
    child = start(
        """
        child = Child()
        child.emit({"long": "x" * 10_000})
        for number in range(1_000):
            child.emit({"number": number})
        """
    )
    numbers = [line["number"] for line in child.wait(10)]
    assert numbers == list(range(1_000 - len(numbers), 1_000))
    assert 50 < len(numbers) < 200
    assert child.dropped == 1_001 - len(numbers)


def test_measurements_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    events: list[str] = []

    def second() -> None:
        with alone(lambda: events.append("queued")):
            events.append("second")

    with alone(lambda: events.append("never")):
        thread = threading.Thread(target=second)
        thread.start()
        assert eventually(lambda: events == ["queued"])
        time.sleep(0.15)
        events.append("first is done")
    thread.join(10)
    assert events == ["queued", "first is done", "second"]


def test_who_waits_too_long_for_a_measurement_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    events: list[str] = []
    with (
        alone(lambda: None),
        pytest.raises(ProcessError) as caught,
        alone(lambda: events.append("queued"), 0.2),
    ):
        events.append("never")
    assert str(caught.value) == "Busy: another measurement has been going on for 0.2 s. Try again later."
    assert events == ["queued"]
