"""Programs are examined in processes that stay warm, are bounded, and are replaced when they break."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from core.contracts import ContractError, examination, examine, stub_for
from core.contracts.examination import examine_here
from core.contracts.examine import EXAMINER, Examiners
from tests.core.contracts.test_examination import ARTICLE


@pytest.fixture
def examiners() -> Iterator[Examiners]:
    made = Examiners(1)
    yield made
    made.close()


@pytest.fixture(autouse=True, scope="module")
def _none_is_left() -> Iterator[None]:
    yield
    EXAMINER.close()


def pid_of(examiners: Examiners) -> int:
    process = examiners._free.get_nowait()
    examiners._free.put_nowait(process)
    assert process is not None
    return process.pid


def ask(examiners: Examiners, source: str = ARTICLE) -> object:
    return examiners.ask({"task": "examine", "source": source})["examination"]


def test_what_comes_from_the_process_is_what_is_found_here() -> None:
    assert examination(ARTICLE) == examine_here(ARTICLE)
    assert examine(ARTICLE) == list(examine_here(ARTICLE).verdicts)
    assert "def get_model_metadata(self) -> dict:" in stub_for(ARTICLE, "RobustPredictor")


OTHER = "" if sys.version_info[:2] == (3, 12) else r" The app reads Python 3\.\d+; Run tries 3\.12\."


@pytest.mark.parametrize(
    ("source", "why", "line", "text"),
    [
        ("a = 1\ndef f(:\n", rf"This is no Python 3\.\d+ in line 2: invalid syntax\.{OTHER}$", 2, "def f(:"),
        ("a = '\x00'", "null byte", 1, ""),
        ("'\udc80'", "surrogate", 1, ""),
        ("x" * 1_000_000, "1,000,000 characters", None, ""),
        ("-" * 100_000 + "1", "nested too deeply", None, ""),
    ],
    ids=["syntax", "null", "surrogate", "long", "deep"],
)
def test_what_cannot_be_examined_is_refused_in_one_line(
    source: str, why: str, line: int | None, text: str
) -> None:
    with pytest.raises(ContractError, match=why) as found:
        examine(source)
    assert "\n" not in str(found.value)
    assert (found.value.line, found.value.text) == (line, text)
    with pytest.raises(ContractError, match=why):
        stub_for(source, "A")


def test_one_process_serves_one_program_after_the_other(examiners: Examiners) -> None:
    first = ask(examiners)
    before = pid_of(examiners)
    with pytest.raises(ContractError):
        ask(examiners, "def f(:")
    assert ask(examiners) == first
    assert pid_of(examiners) == before


def test_a_process_that_was_killed_meanwhile_is_replaced(examiners: Examiners) -> None:
    first = ask(examiners)
    before = pid_of(examiners)
    os.kill(before, signal.SIGKILL)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        process = examiners._free.get_nowait()
        examiners._free.put_nowait(process)
        if process is None or process.finished:
            break
        time.sleep(0.01)
    assert ask(examiners) == first
    assert pid_of(examiners) != before


def test_an_examination_that_takes_too_long_is_ended_and_the_next_one_works() -> None:
    hasty = Examiners(1, seconds=0.0)
    with pytest.raises(ContractError, match="took longer than 0 s and was ended"):
        ask(hasty)
    hasty._seconds = 30.0
    assert ask(hasty)
    hasty.close()


def test_a_process_that_breaks_down_is_told_in_one_line(examiners: Examiners) -> None:
    ask(examiners)
    pid = pid_of(examiners)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(ContractError, match="the process that tried it crashed"):
        ask(examiners)
    assert ask(examiners)


def test_many_may_ask_at_once() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(examine(ARTICLE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [examine(ARTICLE)] * 8


def test_a_class_that_is_not_there_has_no_stub() -> None:
    with pytest.raises(ContractError, match="has no class Missing"):
        stub_for(ARTICLE, "Missing")
