"""What this machine can do at most, measured: float32 operations per second, and bytes per second.

Both are the best of repeated blocks: whatever disturbs a block makes it slower, never faster, so the best one
is nearest to what the machine can do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from core import machine
from core.benchmark.meter import Meter

GEMM_SIZES: Final = (256, 512, 1024, 2048)
"""Rows and columns of the square matrices that are multiplied."""
CACHED_BYTES: Final = 256 * 2**10
"""Of each array of the small copy: two of them fit into the second-level cache of today's processors."""
MOST_BYTES: Final = 512 * 2**20
BEYOND: Final = 4
"""How many times the last-level cache each array of the large copy should be: STREAM's rule,
https://www.cs.virginia.edu/stream/ref.html"""
_LEAST_BYTES: Final = 64 * 2**20
_LEAST_BLOCKS: Final = 3
_BLOCK_SECONDS: Final = 0.0005
"""Long for the clock, and short enough that some blocks have no neighbor in them."""
_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")

RULE: Final = (
    "The peak is the best of all blocks of float32 matrix products over the sizes named; the bandwidth the "
    "best of all blocks of copies, counting each byte once as read and once as written. Many processors "
    "also read what they are about to overwrite (write-allocate); that is not counted."
)
"""How both are found, in words."""


@dataclass(frozen=True)
class PeakPlan:
    """How the machine is measured.

    Attributes:
        threads: how many compute one operator.
        sizes: of the square matrices.
        seconds: how long each size, and each copy, is repeated.
        copy_bytes: of each array of the large copy; None for `BEYOND` times the last-level cache, as far as
            `MOST_BYTES` and a quarter of the free memory allow.
    """

    threads: int = 1
    sizes: tuple[int, ...] = GEMM_SIZES
    seconds: float = 0.4
    copy_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuses what cannot be measured."""
        if not self.sizes or min(self.sizes) < 1 or (self.copy_bytes is not None and self.copy_bytes < 4):
            raise ValueError(
                f"Got matrices of sizes {self.sizes} and copies of {self.copy_bytes} bytes: "
                "give at least one size of 1 or more, and 4 bytes or more."
            )


@dataclass(frozen=True)
class Gemm:
    """Products of square matrices of one size: the best block.

    Attributes:
        size: rows and columns.
        flops_per_second: at `2 * size**3` operations each.
    """

    size: int
    flops_per_second: float


@dataclass(frozen=True)
class Copy:
    """Copies of one array into another: the best block.

    Attributes:
        array_bytes: of each of the two.
        bytes_per_second: read and written, both counted.
    """

    array_bytes: int
    bytes_per_second: float


@dataclass(frozen=True)
class Peak:
    """What the machine can do at most with so many threads.

    Attributes:
        threads: how many computed.
        gemms: all sizes that were tried.
        memory: the copy that no cache can hold.
        cache: the copy that stays in a cache.
        last_level_cache: bytes; None where the system does not tell.
        foreign: the share of the machine that others used meanwhile; None where that cannot be known.
        disturbed: whether that was too much to believe the numbers: the machine can do more.
        rule: how these were found, in words.
    """

    threads: int
    gemms: tuple[Gemm, ...]
    memory: Copy
    cache: Copy
    last_level_cache: int | None
    foreign: float | None = None
    disturbed: bool = False
    rule: str = RULE

    @property
    def best(self) -> Gemm:
        """The size with the most operations per second."""
        return max(self.gemms, key=lambda each: each.flops_per_second)

    @property
    def flops_per_second(self) -> float:
        """The most operations per second."""
        return self.best.flops_per_second

    @property
    def beyond_cache(self) -> bool:
        """Whether the large copy was by `BEYOND` beyond the last-level cache, as far as that is known."""
        return self.last_level_cache is None or self.memory.array_bytes >= BEYOND * self.last_level_cache


def measure_peak(plan: PeakPlan) -> Peak:
    """Measures this machine; to be run in a process of its own that has the plan's threads."""
    last = last_level_cache()
    meter = Meter([os.getpid()])
    first = meter.mark()
    gemms = tuple(_gemm(size, plan.seconds) for size in plan.sizes)
    memory = _copy(plan.copy_bytes or _beyond(last), plan.seconds)
    cache = _copy(CACHED_BYTES, plan.seconds)
    others = meter.between(first, meter.mark())
    return Peak(
        threads=plan.threads,
        gemms=gemms,
        memory=memory,
        cache=cache,
        last_level_cache=last,
        foreign=None if others is None else others.share,
        disturbed=others is not None and others.too_much,
    )


def last_level_cache() -> int | None:
    """The largest cache of the first processor, in bytes; None where the system does not tell it."""
    sizes = [_size(path.read_text(encoding="ascii").strip()) for path in _CACHES.glob("index*/size")]
    return max(sizes, default=0) or None


def _size(text: str) -> int:
    """The bytes of `480K`, `32M` or `64`, as Linux writes a cache's size; 0 for anything else."""
    unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:].upper())
    number = text[:-1] if unit else text
    return int(number) * (unit or 1) if number.isdecimal() else 0


def _beyond(last_level: int | None) -> int:
    wanted = BEYOND * (last_level or 0)
    free = machine.memory_bytes()[1] // 8  # each of the two: together a quarter
    return max(min(max(wanted, _LEAST_BYTES), MOST_BYTES, free), CACHED_BYTES)


def _gemm(size: int, seconds: float) -> Gemm:
    generator = torch.Generator().manual_seed(0)
    one, two = (torch.rand(size, size, generator=generator) for _ in range(2))
    out = torch.empty(size, size)
    with torch.inference_mode():
        best = _best(lambda: torch.mm(one, two, out=out), seconds)
    return Gemm(size, 2 * size**3 / best)


def _copy(array_bytes: int, seconds: float) -> Copy:
    count = array_bytes // 4
    # Written once, so that the memory is there before it is timed.
    source, target = torch.ones(count), torch.zeros(count)
    with torch.inference_mode():
        best = _best(lambda: target.copy_(source), seconds)
    return Copy(4 * count, 2 * 4 * count / best)


def _best(call: Callable[[], object], seconds: float) -> float:
    """The seconds of one call in the best block, over blocks that take `seconds` together."""
    call()
    start = time.perf_counter()
    call()
    calls = max(1, round(_BLOCK_SECONDS / max(time.perf_counter() - start, 1e-7)))
    best, blocks, begun = float("inf"), 0, time.perf_counter()
    while blocks < _LEAST_BLOCKS or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - start) / calls)
        blocks += 1
    return best
