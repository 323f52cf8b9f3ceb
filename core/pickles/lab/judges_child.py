"""The process in which another scanner judges a file: `python -m core.pickles.lab.judges_child`.

Its parent is `core.pickles.lab.judges`. No scanner loads the file; still, they read a stranger's bytes.
"""

from __future__ import annotations

import base64
import importlib
import io
import logging
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import PurePosixPath
from typing import Any, Final

from core import wire
from core.pickles.lab.judges import MOST_FINDINGS, Judge, Judgement, unheard
from core.pickles.member import shown
from core.process import Child, memory_error

_LOG: Final = logging.getLogger(__name__)


def judge(which: Judge, data: bytes, name: str) -> Judgement:
    """What another scanner says of a file. Never raises but for a want of memory."""
    version = ""
    try:
        version = metadata.version(which.value)
        return _JUDGES[which](data, name, version)
    except (ImportError, metadata.PackageNotFoundError):
        return unheard(which, f"{which.value} is not installed here.", version)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - what a scanner raises over a file is what it has to say
        return unheard(which, f"{type(error).__name__}: {shown(str(error), 200)}", version)


def _picklescan(data: bytes, name: str, version: str) -> Judgement:
    """As its command line scans a file: by content, and by the ending of the name."""
    scanner = importlib.import_module("picklescan.scanner")
    start = time.perf_counter()
    found = scanner.scan_bytes(io.BytesIO(data), "file", PurePosixPath(name).suffix.lower())
    seconds = time.perf_counter() - start
    names = sorted((str(each.safety.value), f"{each.module}.{each.name}") for each in found.globals)
    findings = tuple(shown(f"{safety}: {named}", 300) for safety, named in names)
    if found.infected_files:
        words = "dangerous"
    elif found.scan_err:
        return unheard(Judge.PICKLESCAN, "It could not parse all of the file.", version)
    elif not found.scanned_files:
        words = "nothing to scan"
    else:
        words = "suspicious" if any(safety == "suspicious" for safety, _ in names) else "clean"
    clean = not found.infected_files
    return Judgement(Judge.PICKLESCAN, version, words, clean, findings[:MOST_FINDINGS], seconds)


def _torch(data: bytes, name: str, version: str) -> Judgement:
    """The names in `data.pkl` that `torch.load(weights_only=True)` refuses. It unpickles nothing."""
    del name
    from torch.serialization import get_unsafe_globals_in_checkpoint

    start = time.perf_counter()
    refused = sorted(get_unsafe_globals_in_checkpoint(io.BytesIO(data)))
    seconds = time.perf_counter() - start
    findings = tuple(f"refused: {shown(each, 280)}" for each in refused)
    words = f"refuses {len(refused)} name{'s' * (len(refused) != 1)}" if refused else "refuses no name"
    return Judgement(Judge.TORCH, version, words, not refused, findings[:MOST_FINDINGS], seconds)


_JUDGES: Final[dict[Judge, Callable[[bytes, str, str], Judgement]]] = {
    Judge.PICKLESCAN: _picklescan,
    Judge.TORCH: _torch,
}


def main() -> None:
    """Judges the file that the parent sends."""
    child = Child()
    request: dict[str, Any] = child.request
    try:
        found = judge(Judge(request["judge"]), base64.b64decode(request["data"]), str(request["name"]))
        child.emit({"judgement": wire.write(Judgement, found)})
    except MemoryError:
        child.fail(memory_error(child.memory_bytes))
    except Exception as error:  # noqa: BLE001 - a visitor gets a line whatever happens
        _LOG.error("The task failed.", exc_info=error)
        child.fail(type(error).__name__)


if __name__ == "__main__":
    main()
