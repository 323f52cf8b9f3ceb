"""The scanners' benchmark: its files are what they say, and a measurement is one; not how fast it is."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from bench import pickles, pickles_probe
from bench.pickles import OURS, Scan, checkpoint, integers, measure, members, probe, run_with, targets
from bench.registry import BENCHMARKS


def test_it_can_be_run_by_name() -> None:
    assert BENCHMARKS["pickles"].module == "bench.pickles"


def test_the_files_are_what_they_are_called(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", 1, 20)
    assert (tmp_path / "a").stat().st_size == pytest.approx(1e6, rel=0.05)
    assert len(torch.load(tmp_path / "a", weights_only=True)) == 20
    integers(tmp_path / "b", 1000)
    numbers = pickle.loads((tmp_path / "b").read_bytes())  # noqa: S301 - written here
    assert len(set(numbers)) == 1000
    members(tmp_path / "c", 30)
    with zipfile.ZipFile(tmp_path / "c") as archive:
        assert len(archive.namelist()) == 30


def test_ours_finds_data_only_in_each_and_says_what_it_took() -> None:
    tables = run_with(["--megabytes", "1", "--integers", "1000", "--members", "20", "--rounds", "1"])
    assert len(tables) == 4
    for table in tables:
        row = next(row for row in table.rows if row[0] == OURS)
        assert row[4] == "data-only"
        assert isinstance(row[1], float)
        assert row[1] > 0
        assert table.targets


def test_memory_is_what_the_scan_adds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    kept = []

    def hungry() -> object:
        def scan(path: str) -> str:
            kept.append(os.urandom(64 * 2**20))
            kept.clear()
            return path

        return scan

    monkeypatch.setattr(pickles_probe, "SCANNERS", {"hungry": hungry})
    found = pickles_probe.measure("hungry", str(path))
    peak = found["peak_bytes"]
    assert isinstance(peak, int)
    assert peak >= 60 * 2**20
    assert found["verdict"] == str(path)


def test_a_scanner_that_fails_or_does_not_end_has_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"N.")
    assert "error" in probe("unheard", path, 60.0)
    assert "no end" in str(probe(OURS, path, 0.001)["error"])
    monkeypatch.setattr(pickles, "probe", lambda name, *_: {"error": "broken"})
    assert measure(path, [OURS], 2, 1.0) == {OURS: Scan((), None, "broken")}


def test_targets_compare_ours_with_every_other_that_ended() -> None:
    found = {
        OURS: Scan((1.0, 9.0, 1.0), 10, "ok"),
        "slow": Scan((2.0, 1.0, 2.0), 1, "ok"),
        "quick": Scan((0.5, 0.5, 0.5), 1, "ok"),
        "none": Scan((), None, ""),
    }
    reached = targets(found)
    assert [(target.text.split(":")[0], target.met) for target in reached] == [
        ("faster than slow", True),
        ("faster than quick", False),
        ("at most 256 MiB of memory", True),
    ]
    assert not targets({OURS: Scan((), 2**30, ""), "slow": Scan((2.0,), 1, "ok")})[0].met
