"""How much the app lets its visitors ask for: one by one, and all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """What bounds the visitors; `Settings.limits` gives the ones in force.

    A lab may be stricter with what it alone knows: how many layers a model has, how long an expression is.

    Attributes:
        max_jobs_per_visitor: benchmark jobs that wait or run, of one visitor.
        max_jobs: benchmark jobs that wait, of all visitors.
        max_processes: worker processes at once, of all visitors: exports, examinations, runs of hooks.
        max_exports_per_visitor: exports and examined uploads that one visit keeps or has going on.
        max_models_per_visitor: models that Netron shows, of one visit.
        max_models: models that Netron shows, of all visits.
        max_model_bytes: bytes of the models that Netron shows, of all visits.
        max_capture_bytes: bytes of the tensors that one run with hooks may copy.
        max_sandbox_runs: runs of a visitor's or a lesson's own program at once, of all visitors.
        max_upload_mb: MiB of one uploaded file.
        max_text_characters: characters of one text that a visitor gives.
    """

    max_jobs_per_visitor: int = 3
    max_jobs: int = 50
    max_processes: int = 4
    max_exports_per_visitor: int = 8
    max_models_per_visitor: int = 6
    max_models: int = 64
    max_model_bytes: int = 256 * 2**20
    max_capture_bytes: int = 64 * 2**20
    max_sandbox_runs: int = 4
    max_upload_mb: int = 20
    max_text_characters: int = 2**20

    @property
    def max_upload_bytes(self) -> int:
        """`max_upload_mb` in bytes."""
        return self.max_upload_mb * 2**20


LOCAL: Final = Limits()
"""For one person on their own machine."""
HOSTED: Final = Limits(
    max_jobs_per_visitor=2,
    max_jobs=20,
    max_exports_per_visitor=4,
    max_models_per_visitor=4,
    max_capture_bytes=32 * 2**20,
    max_sandbox_runs=2,
    max_text_characters=2**16,
)
"""For the public: the same labs, and less of each for one visitor."""
BOUNDS: Final = {
    "max_jobs_per_visitor": (1, 1_000),
    "max_jobs": (1, 1_000),
    "max_processes": (1, 100),
    "max_exports_per_visitor": (1, 1_000),
    "max_models_per_visitor": (1, 1_000),
    "max_models": (1, 10_000),
    "max_model_bytes": (2**20, 2**36),
    "max_capture_bytes": (2**20, 2**34),
    "max_sandbox_runs": (1, 100),
    "max_upload_mb": (1, 1_024),
    "max_text_characters": (1_000, 2**24),
}
"""The least and the most that each of them may be set to."""
