"""A run as the bytes that a database and a waiting file keep: JSON, compressed."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from core import wire
from core.benchmark.history.run import HistoryError, Run

VERSION: Final = 1
MAX_BYTES: Final = 64 * 2**20
"""How much JSON one run may be."""


def pack(run: Run) -> bytes:
    """All of a run, its owner too.

    Raises:
        HistoryError: if it is larger than `MAX_BYTES`.
    """
    text = json.dumps({"version": VERSION, "run": wire.write(Run, run)}).encode()
    if len(text) > MAX_BYTES:
        raise HistoryError(
            f"The run has {len(text) / 2**20:.0f} MiB of rounds and at most {MAX_BYTES / 2**20:.0f} MiB are "
            "kept: measure fewer comparisons at once."
        )
    return zlib.compress(text, 6)


def unpack(data: bytes) -> Run:
    """The run that `pack` wrote.

    Raises:
        HistoryError: if it is none, or another version of this app wrote it.
    """
    problem = "What was kept of this run is damaged and cannot be read."
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(data, MAX_BYTES)
        kept: Any = json.loads(text) if unpacker.eof else None
        if isinstance(kept, dict) and kept.get("version") == VERSION:
            run = wire.read(Run, kept["run"])
            return replace(run, started=run.started.astimezone(UTC))
        if isinstance(kept, dict) and "version" in kept:
            problem = "Another version of this app kept this run: this one cannot read it."
    except (zlib.error, ValueError, KeyError, RecursionError):
        pass
    # Out of the block, so that nothing of what was read is in the error.
    raise HistoryError(problem)
