import os
import time
from dataclasses import dataclass

import psutil
import pytest
import torch

from core.benchmark.errand import run_errand
from core.benchmark.worker import WorkerError


@dataclass(frozen=True)
class Told:
    """What came, and where."""

    text: str
    pid: int
    threads: int


def tell(text: str) -> Told:
    os.write(1, b"nothing of this is seen")
    return Told(text, os.getpid(), torch.get_num_threads())


def refuse(text: str) -> Told:
    raise ValueError(f"{text} is\nnothing")


def break_off(text: str) -> Told:
    raise RuntimeError(f"{text} broke")


def die(_: str) -> Told:
    os._exit(7)


def sleep(_: str) -> Told:
    time.sleep(60)
    raise AssertionError


def eat(_: str) -> Told:
    return Told(str(bytearray(2**30)[0]), 0, 0)


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_function_is_run_in_a_process_of_its_own(threads: int) -> None:
    found = run_errand(tell, "so", Told, name="a function", threads=threads)
    assert found is not None
    assert (found.text, found.threads) == ("so", threads)
    assert found.pid != os.getpid()
    assert not psutil.pid_exists(found.pid)


def test_what_it_prints_is_not_seen(capfd: pytest.CaptureFixture[str]) -> None:
    run_errand(tell, "so", Told, name="a function")
    assert capfd.readouterr().out == ""


def test_a_refusal_is_one_line() -> None:
    with pytest.raises(WorkerError, match=r"^a function: that is nothing$"):
        run_errand(refuse, "that", Told, name="a function")


def test_any_other_failure_is_named() -> None:
    with pytest.raises(WorkerError, match=r"^a function: RuntimeError: it broke$"):
        run_errand(break_off, "it", Told, name="a function")


def test_a_process_that_ends_is_told() -> None:
    with pytest.raises(WorkerError, match=r"^a function ended unexpectedly, with code 7\.$"):
        run_errand(die, "", Told, name="a function")


def test_memory_is_bounded() -> None:
    with pytest.raises(WorkerError, match=r"a function: it needed more than 0\.5 GiB"):
        run_errand(eat, "", Told, name="a function", memory_bytes=2**29)


def test_one_that_takes_too_long_is_ended() -> None:
    before = children()
    with pytest.raises(WorkerError, match=r"^a function gave no answer for 0\.3 s and was ended\.$"):
        run_errand(sleep, "", Told, name="a function", seconds=0.3)
    assert len(children()) <= len(before)


def test_one_that_is_given_up_is_ended() -> None:
    before = children()
    start = time.monotonic()
    assert run_errand(sleep, "", Told, name="a function", stop=lambda: True) is None
    assert time.monotonic() - start < 30
    assert len(children()) <= len(before)
