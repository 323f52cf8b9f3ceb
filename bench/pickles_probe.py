"""One scanner on one file, in a process of its own: `python -m bench.pickles_probe SCANNER PATH` prints JSON.

Imports come before the clock starts; the memory is what the scan adds to what they took.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")


def ours() -> Callable[[str], str]:
    """`core.pickles`, the file read in place."""
    from core.pickles.scan import scan_file

    return lambda path: scan_file(path).verdict.value


def picklescan() -> Callable[[str], str]:
    """Picklescan's own function for a file."""
    scan_file_path = importlib.import_module("picklescan.scanner").scan_file_path

    def scan(path: str) -> str:
        found = scan_file_path(path)
        return f"{found.issues_count} issues" + (", error" if found.scan_err else "")

    return scan


def fickling() -> Callable[[str], str]:
    """Fickling's own functions for a file and for the pickles in a zip."""
    loader = importlib.import_module("fickling.loader")

    def scan(path: str) -> str:
        with Path(path).open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        found = list(loader.scan_zip_archive(path).values()) if zipped else [loader.scan_file(path)]
        worst = max((result.severity for result in found), key=lambda severity: severity.value)
        return str(worst.name)

    return scan


SCANNERS: Final[Mapping[str, Callable[[], Callable[[str], str]]]] = MappingProxyType(
    {"core.pickles": ours, "picklescan": picklescan, "fickling": fickling}
)
"""What makes each scanner ready: it imports it, and gives the function that is timed."""


def measure(scanner: str, path: str) -> dict[str, object]:
    """Seconds, bytes of memory (None where the system does not tell) and the verdict of one scan."""
    scan = SCANNERS[scanner]()
    # From here on the highest mark is the scan's own.
    with suppress(OSError):
        _RESET.write_text("5")
    before = memory("VmRSS")
    # Whether what the imports left is collected within the scan or not would be chance.
    gc.collect()
    start = time.perf_counter()
    verdict = scan(path)
    seconds = time.perf_counter() - start
    after = memory("VmHWM")
    peak = None if before is None or after is None else max(0, after - before)
    return {"seconds": seconds, "peak_bytes": peak, "verdict": verdict}


def memory(name: str) -> int | None:
    """A line of what Linux says about this process's memory, in bytes; None elsewhere."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


def main(scanner: str, path: str) -> None:
    """Prints the measurement, or what went wrong, as one line of JSON."""
    try:
        found = measure(scanner, path)
    except Exception as error:  # noqa: BLE001 - another's scanner: what it fails with is its result
        found = {"error": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
