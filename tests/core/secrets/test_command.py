"""A program is run to its end, bounded, and nothing of it stays."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.secrets.command import MAX_BYTES, CommandError, Finished, run


def python(source: str, folder: Path, **options: object) -> Finished:
    settings = {"environment": {}, "seconds": 20.0} | options
    return run([sys.executable, "-I", "-c", source], folder=folder, **settings)  # type: ignore[arg-type]


def test_it_gives_what_a_program_wrote_and_its_code(tmp_path: Path) -> None:
    source = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    finished = python(source, tmp_path)
    assert (finished.code, finished.out.split(), finished.err.split()) == (3, [b"out"], [b"err"])


def test_it_runs_in_the_folder_with_these_variables_and_this_input(tmp_path: Path) -> None:
    source = "import os, sys; print(os.getcwd(), os.environ['ONLY'], 'HOME' in os.environ, sys.stdin.read())"
    finished = python(source, tmp_path, environment={"ONLY": "this"}, given=b"given")
    assert finished.out.decode().strip() == f"{tmp_path} this False given"


def test_stdin_is_at_its_end_if_nothing_is_given(tmp_path: Path) -> None:
    assert python("import sys; print(repr(sys.stdin.read()))", tmp_path).out.strip() == b"''"


def test_its_repr_shows_nothing_that_was_written(tmp_path: Path) -> None:
    assert "planted" not in repr(python("print('planted')", tmp_path))


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys, time, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(CommandError, match=r"took longer than 4 s and was ended"):
        python(source, tmp_path, seconds=4.0)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    end = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(alive, pids))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_it_leaves_running_is_ended_too(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)\n"
    )
    pid = int(python(source, tmp_path).out)
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def test_a_missing_program_and_a_missing_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^it could not be started \(FileNotFoundError\)$"):
        run([str(tmp_path / "none")], folder=tmp_path, environment={}, seconds=5)
    with pytest.raises(CommandError, match=r"^it could not be started \(FileNotFoundError\)$"):
        run([sys.executable], folder=tmp_path / "none", environment={}, seconds=5)


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
def test_memory_and_output_are_bounded(tmp_path: Path) -> None:
    # The limits come from outside, a moment after the start.
    wait = "import time; time.sleep(0.5)\n"
    greedy = python(f"{wait}print(len(bytearray(2 * 10**9)))", tmp_path)
    assert (greedy.code, b"MemoryError" in greedy.err) == (1, True)
    chatty = python(f"{wait}import sys\nwhile True: sys.stdout.write('x' * 10_000)", tmp_path)
    assert chatty.code != 0
    assert len(chatty.out) <= MAX_BYTES


def test_it_leaves_no_open_file(tmp_path: Path) -> None:
    before = psutil.Process().num_fds() if os.name == "posix" else 0
    for _ in range(3):
        python("pass", tmp_path)
    assert (psutil.Process().num_fds() if os.name == "posix" else 0) == before
