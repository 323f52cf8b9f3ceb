import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.benchmark.plan import Contender
from core.benchmark.worker import Worker, WorkerError, warm_server
from core.engines.engine import EngineKind
from tests.core.benchmark.known import Known


def state(pid: int) -> str:
    return psutil.Process(pid).status()


def until(pid: int, wanted: str) -> None:
    end = time.monotonic() + 5
    while state(pid) != wanted:
        assert time.monotonic() < end, state(pid)
        time.sleep(0.01)


@pytest.mark.parametrize("does", ["sleep", "spin"])
def test_a_call_takes_what_it_is_known_to_take(does: str) -> None:
    with Worker(Known("known", does, 0.004, first=0.05)) as worker:
        loaded = worker.load()
        assert loaded.load_seconds >= 0.004
        assert loaded.first_seconds >= 0.05
        assert loaded.metadata["library"] == "none"
        # The fastest of several: this machine has others to run.
        fastest = min((worker.time(5) for _ in range(5)), key=lambda block: block.seconds)
    assert fastest.calls == 5
    assert 0.004 <= fastest.seconds < 0.04


def test_a_settling_call_is_not_counted() -> None:
    with Worker(Known("known", "sleep", 0.001, first=0.2)) as worker:
        worker.load()
        assert worker.time(2, settle=True).seconds < 0.1


@pytest.mark.parametrize("threads", [1, 2])
def test_the_process_computes_with_as_many_threads_as_asked_for(threads: int) -> None:
    with Worker(Known("known", threads=threads)) as worker:
        assert worker.load().metadata["threads"] == threads


def test_outputs_come_as_they_are() -> None:
    known = Known("known")
    with Worker(known) as worker:
        worker.load()
        found = worker.outputs()
    expected = [each.numpy() for each in known.inputs()]
    assert [(each.shape, each.dtype, each.tolist()) for each in found] == [
        (each.shape, each.dtype, each.tolist()) for each in expected
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_stopped_process_stands_still_and_goes_on() -> None:
    with Worker(Known("known")) as worker:
        worker.load()
        worker.stop()
        until(worker.pid, psutil.STATUS_STOPPED)
        assert worker.time(1).calls == 1
        assert state(worker.pid) != psutil.STATUS_STOPPED


def test_a_closed_worker_is_gone_even_if_it_was_stopped() -> None:
    worker = Worker(Known("known"))
    worker.load()
    worker.stop()
    worker.close()
    worker.close()
    assert not psutil.pid_exists(worker.pid)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("unavailable", "known: There is no such engine here."),
        ("fail", "known: ValueError: no numbers today"),
        ("die", "known crashed or was killed in the middle (SIGKILL)."),
        ("leave", "known ended unexpectedly, with code 3."),
        ("eat", "known: it needed more than 1 GiB of memory: take a smaller batch."),
        ("hang", "known gave no answer for 1 s and was ended."),
    ],
)
def test_what_goes_wrong_is_one_line(does: str, said: str) -> None:
    with (
        Worker(Known("known", does), seconds=1 if does == "hang" else 60, memory_bytes=2**30) as worker,
        pytest.raises(WorkerError) as caught,
    ):
        worker.load()
    assert str(caught.value) == said
    assert not psutil.pid_exists(worker.pid)


def test_a_worker_killed_from_outside_is_one_line_and_the_next_one_works() -> None:
    with Worker(Known("known")) as worker:
        worker.load()
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"^known crashed or was killed in the middle \(SIGKILL\)\.$"):
            worker.time(1)
    with Worker(Known("known")) as worker:
        assert worker.load().first_seconds > 0


def test_an_order_before_it_is_loaded_is_one_line() -> None:
    with Worker(Known("known")) as worker, pytest.raises(WorkerError, match=r"^known: It is not loaded"):
        worker.time(1)


def test_memory_counts_what_the_engine_holds() -> None:
    with Worker(Contender(EngineKind.EAGER, "transformer")) as worker:
        before = worker.memory()
        worker.load()
        after = worker.memory()
    assert before.before == after.before
    assert after.before < after.after <= after.peak


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from core.benchmark.worker import Worker\n"
        "from tests.core.benchmark.known import Known\n"
        "if __name__ == '__main__':\n"
        "    worker = Worker(Known('known'))\n"
        "    worker.load()\n"
        "    worker.stop()\n"
        "    print(worker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    root = str(Path(__file__).parents[3])
    with psutil.Popen(
        [sys.executable, str(script)], stdout=-1, env={**os.environ, "PYTHONPATH": root}, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    end = time.monotonic() + 10
    # Its parent is gone, and whether what took its place buries it at once is the system's business.
    while psutil.pid_exists(pid) and state(pid) != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_warm_server_has_imported_what_engines_need() -> None:
    warm_server()
    with Worker(Known("known")) as worker:
        assert worker.load().metadata["imported"] == "onnxruntime torch"


def test_single_calls_are_timed_one_by_one_until_the_time_is_up() -> None:
    with Worker(Known("slow", "sleep", 0.01)) as worker:
        worker.load()
        few = worker.samples(5, 60.0)
        assert len(few) == 5
        assert all(0.01 <= each < 0.5 for each in few)
        assert 1 <= len(worker.samples(10_000, 0.05)) <= 6
