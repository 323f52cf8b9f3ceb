"""How fast pickles are scanned and what memory that takes, beside picklescan and fickling."""

from __future__ import annotations

import argparse
import importlib.util
import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.measure import ratio, shuffled
from bench.pickles_probe import SCANNERS
from bench.registry import Cell, Table, Target
from core.process import ROOT

OURS: Final = "core.pickles"
MEGABYTES: Final = 500
INTEGERS: Final = 1_000_000
MEMBERS: Final = 10_000
ROUNDS: Final = 5
OFTEN: Final = 5
"""How many times as many rounds a checkpoint gets: its scan is short, and all that is short varies."""
PATIENCE: Final = 300.0
"""How long one scan may take, seconds."""
MOST_MEMORY: Final = 256 * 2**20
"""What scanning a checkpoint may add to the memory, bytes: it does not grow with the file."""
TENSORS: Final = (148, 20)
"""In a checkpoint: as many as GPT-2 has in about 500 MB, and so few that a scan's own start counts."""
_MEGABYTE: Final = 10**6


@dataclass(frozen=True)
class Case:
    """A file that every scanner reads.

    Attributes:
        name: for the tables.
        write: writes it.
        often: how many times as many rounds it gets.
    """

    name: str
    write: Callable[[Path], None]
    often: int = 1


@dataclass(frozen=True)
class Scan:
    """One scanner on one file, over all rounds.

    Attributes:
        times: seconds of each round, in order; empty if one of them did not end well.
        peak_bytes: the most memory that it added; None if that is not known.
        verdict: what it said.
    """

    times: tuple[float, ...]
    peak_bytes: int | None
    verdict: str

    @property
    def seconds(self) -> float | None:
        """The median; None if it did not end well."""
        return statistics.median(self.times) if self.times else None


def run() -> list[Table]:
    """Measures every scanner that is installed on files of the usual sizes."""
    return run_with(())


def run_with(arguments: Sequence[str]) -> list[Table]:
    """The same with other sizes or rounds."""
    parser = argparse.ArgumentParser(prog="python -m bench pickles", allow_abbrev=False)
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="of the checkpoint (%(default)s)")
    parser.add_argument("--integers", type=int, default=INTEGERS, help="in the list (%(default)s)")
    parser.add_argument("--members", type=int, default=MEMBERS, help="of the zip (%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each scan (%(default)s)")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for a scan (%(default)g)")
    options = parser.parse_args(arguments)
    cases = (
        *(
            Case(
                f"torch checkpoint, {options.megabytes:,} MB in {count} tensors",
                partial(checkpoint, megabytes=options.megabytes, tensors=count),
                OFTEN,
            )
            for count in TENSORS
        ),
        Case(f"list of {options.integers:,} integers", lambda path: integers(path, options.integers)),
        Case(f"zip of {options.members:,} pickles", lambda path: members(path, options.members)),
    )
    return [table(case, options.rounds * case.often, options.patience) for case in cases]


def table(case: Case, rounds: int, patience: float) -> Table:
    """All scanners on one file, in interleaved rounds, and whether ours was the fastest."""
    with tempfile.TemporaryDirectory(prefix="under-the-hood-bench-") as folder:
        path = Path(folder) / "file.bin"
        case.write(path)
        size = path.stat().st_size
        installed = [name for name in SCANNERS if name == OURS or importlib.util.find_spec(name)]
        found = measure(path, installed, rounds, patience)
    rows: list[tuple[Cell, ...]] = []
    for name, scan in found.items():
        rate = size / _MEGABYTE / scan.seconds if scan.seconds else None
        peak = None if scan.peak_bytes is None else scan.peak_bytes / _MEGABYTE
        rows.append((name, scan.seconds, rate, peak, scan.verdict))
    missing = [name for name in SCANNERS if name not in found]
    notes = [f"{size / _MEGABYTE:,.1f} MB; each scan in a process of its own; {rounds} rounds, medians."]
    notes += [f"{', '.join(missing)}: not installed."] if missing else []
    return Table(
        f"Scanning: {case.name}",
        ("scanner", "seconds", "MB/s", "peak memory, MB", "said"),
        tuple(rows),
        tuple(notes),
        targets(found),
    )


def targets(found: dict[str, Scan]) -> tuple[Target, ...]:
    """Whether ours was faster than each other one, and kept its memory within bounds."""
    ours = found[OURS]
    reached = []
    for name, other in found.items():
        if name == OURS or not other.times:
            continue
        if ours.times:
            share = ratio(ours.times, other.times)
            reached.append(Target(f"faster than {name}: {share} times its time", share.value < 1))
        else:
            reached.append(Target(f"faster than {name}: did not end", met=False))
    if ours.peak_bytes is not None:
        text = f"at most {MOST_MEMORY / 2**20:,.0f} MiB of memory: {ours.peak_bytes / 2**20:,.1f} MiB"
        reached.append(Target(text, ours.peak_bytes <= MOST_MEMORY))
    return tuple(reached)


def measure(path: Path, scanners: Sequence[str], rounds: int, patience: float) -> dict[str, Scan]:
    """Each scanner's runs on a file; one that failed is not run again."""
    seconds: dict[str, list[float]] = {name: [] for name in scanners}
    peaks: dict[str, list[int]] = {name: [] for name in scanners}
    said: dict[str, str] = {}
    failed: set[str] = set()
    for order in shuffled(list(scanners), rounds):
        for name in order:
            if name in failed:
                continue
            found = probe(name, path, patience)
            if "error" in found:
                failed.add(name)
                said[name] = str(found["error"])
                continue
            said[name] = str(found["verdict"])
            seconds[name].append(float(str(found["seconds"])))
            if found["peak_bytes"] is not None:
                peaks[name].append(int(str(found["peak_bytes"])))
    return {
        name: Scan(
            () if name in failed else tuple(seconds[name]),
            max(peaks[name], default=None),
            said[name],
        )
        for name in scanners
    }


def probe(scanner: str, path: Path, patience: float) -> dict[str, object]:
    """One scan in a process of its own: its measurement, or an `error`."""
    command = [sys.executable, "-m", "bench.pickles_probe", scanner, str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - this Python and a module of ours
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no end within {patience:g} s"}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"error": f"it ended with status {done.returncode}"}
    found: dict[str, object] = json.loads(lines[-1])
    return found


def checkpoint(path: Path, megabytes: int, tensors: int) -> None:
    """A state dict of random numbers, as torch saves it."""
    import torch

    generator = torch.Generator().manual_seed(0)
    numbers = max(1, megabytes * _MEGABYTE // 4 // tensors)
    torch.save(
        {f"layer{index}.weight": torch.rand(numbers, generator=generator) for index in range(tensors)}, path
    )


def integers(path: Path, count: int) -> None:
    """A list of numbers of all usual sizes."""
    path.write_bytes(pickle.dumps([index * 7919 % 2**31 for index in range(count)], protocol=4))


def members(path: Path, count: int) -> None:
    """A zip of many small pickles."""
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(count):
            value = {"name": f"layer{index}", "shape": (index % 64, 3), "scale": index / 7}
            archive.writestr(f"layers/{index}.pkl", pickle.dumps(value, protocol=4))
