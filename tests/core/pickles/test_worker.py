"""Scans in a process of their own: the same report, and a killed process is a could-not-read."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.pickles.bounds import DEFAULT
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from core.pickles.worker import answer, scan_in_worker, start
from tests.core.pickles.samples import planted, saved, tensors, zipped

SECONDS = 60.0


def left_over() -> set[Path]:
    import tempfile

    return set(Path(tempfile.gettempdir()).glob("under-the-hood-scan-*"))


@pytest.mark.parametrize(
    "data", [planted(), saved(tensors()), zipped({"\x1bgröße": planted()}), b"", b"\xff\x00"]
)
def test_the_report_is_that_of_this_process(data: bytes) -> None:
    before = left_over()
    report = scan_in_worker(data, "model.pt")
    assert replace(report, seconds=0.0) == replace(scan(data, "model.pt"), seconds=0.0)
    assert left_over() == before


def test_a_file_is_named_by_its_path_and_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(planted())
    report = scan_in_worker(path)
    assert (report.name, report.verdict) == ("model.pkl", Verdict.DANGEROUS)
    assert path.exists()


def test_a_file_that_is_not_there_gets_a_report(tmp_path: Path) -> None:
    assert scan_in_worker(tmp_path / "missing").verdict is Verdict.COULD_NOT_READ


def test_too_little_memory_is_a_could_not_read() -> None:
    report = scan_in_worker(planted(), memory_bytes=1)
    assert report.verdict is Verdict.COULD_NOT_READ
    assert report.findings[0].reason


def test_a_killed_process_is_a_could_not_read_and_leaves_nothing() -> None:
    before = left_over()
    running = start(b"(" * 10**7, "many marks", bounds=replace(DEFAULT, seconds=SECONDS))
    deadline = time.monotonic() + SECONDS
    while not running.process.pid and time.monotonic() < deadline:
        time.sleep(0.01)
    assert answer(running) is None
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait_until_over(SECONDS)
    report = answer(running)
    assert report is not None
    assert report.verdict is Verdict.COULD_NOT_READ
    assert "killed" in report.findings[0].reason
    assert left_over() == before
