"""Scans in a process of their own: `start` one and ask for its `answer`, or wait for it in `scan_in_worker`.

What ends the process, such as too much memory or time, is a could-not-read.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from core import wire
from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.member import writable
from core.pickles.report import ScanReport, failed
from core.places import Place
from core.process import Process, ProcessError, memory_error

MEMORY_BYTES: Final = 2 * 2**30
"""How much memory a scan may take."""
GRACE_SECONDS: Final = 10.0
"""How much longer than its own bound on time a scan may take, to start and to answer."""
WAIT_SECONDS: Final = 600.0
"""How long `scan_in_worker` waits for a place and the scan."""

_MODULE: Final = "core.pickles.child"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scan:
    """A scan that goes on in a process of its own.

    Attributes:
        process: the process.
        name: what the file is called.
        size: bytes, as far as known.
        memory_bytes: how much memory the process may take.
        discard: removes what was written for it; may be called again.
    """

    process: Process
    name: str
    size: int
    memory_bytes: int
    discard: Callable[[], None]


def start(
    source: Path | bytes,
    name: str = "",
    *,
    bounds: Bounds = DEFAULT,
    memory_bytes: int = MEMORY_BYTES,
    place: Place | None = None,
) -> Scan:
    """Starts a scan.

    Args:
        source: a file, which is mapped there; or its content, which is written to a folder of its own.
        name: what the file is called; by default as its path ends.
        bounds: what the scan may take.
        memory_bytes: how much memory its process may take.
        place: where it waits for its turn.

    Raises:
        ProcessError: if it can neither start nor wait.
    """
    folder: tempfile.TemporaryDirectory[str] | None = None
    if isinstance(source, Path):
        path, called = source, writable(name or source.name)
    else:
        folder = tempfile.TemporaryDirectory(prefix="under-the-hood-scan-")
        path, called = Path(folder.name) / "content", name
        path.write_bytes(source)
    discard = _nothing if folder is None else folder.cleanup
    try:
        process = Process(
            _MODULE,
            {"path": str(path.absolute()), "name": called, "bounds": asdict(bounds)},
            seconds=bounds.seconds + GRACE_SECONDS,
            memory_bytes=memory_bytes,
            place=place,
        )
    except BaseException:
        discard()
        raise
    return Scan(process, called, _size(path), memory_bytes, discard)


def answer(scan: Scan) -> ScanReport | None:
    """The report, once the process has ended; None before."""
    if not scan.process.finished:
        return None
    scan.discard()
    for line in scan.process.lines():
        if "report" in line:
            try:
                return wire.read(ScanReport, line["report"])
            except ValueError:
                _LOG.exception("a scan's report could not be read")
        if "error" in line:
            return failed(scan.name, scan.size, str(line["error"]))
    return failed(scan.name, scan.size, _why(scan))


def scan_in_worker(
    source: Path | bytes,
    name: str = "",
    *,
    bounds: Bounds = DEFAULT,
    memory_bytes: int = MEMORY_BYTES,
    place: Place | None = None,
) -> ScanReport:
    """The report on a file from a process of its own, which it waits for. Never raises for any bytes.

    Args:
        source: a file, or its content.
        name: what the file is called; by default as its path ends.
        bounds: what the scan may take.
        memory_bytes: how much memory its process may take.
        place: where it waits for its turn.
    """
    try:
        running = start(source, name, bounds=bounds, memory_bytes=memory_bytes, place=place)
    except (ProcessError, OSError) as error:
        return failed(writable(name), 0, f"no scan could be started: {error}")
    try:
        running.process.wait_until_over(WAIT_SECONDS + bounds.seconds)
        if (report := answer(running)) is not None:
            return report
        return failed(running.name, running.size, "the scan did not end in time")
    finally:
        running.process.stop()
        running.discard()


def _why(scan: Scan) -> str:
    """Why there is no report, in words about a file."""
    error = scan.process.error
    if error == memory_error(scan.memory_bytes):
        return f"reading it needed more than {scan.memory_bytes / 2**30:.3g} GiB of memory, and was ended"
    return f"it was not read to its end. {error}" if error else "the scan ended without a report"


def _nothing() -> None:
    """There is nothing to remove."""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0
