"""Engines under the roof of their machine (Williams, Waterman and Patterson, Roofline, CACM 2009).

At an intensity of I operations per byte nothing can do more than min(peak, I * bandwidth) operations per
second. Where the two meet is the ridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.benchmark.report import CaseReport
from core.benchmark.roofline.peak import BEYOND, Peak
from core.benchmark.roofline.work import Work
from core.engines.engine import EngineKind

OVERHEAD_SHARE: Final = 0.05
"""Below this share of the roof neither peak nor bandwidth is what binds."""
_FEWER_BITS: Final = frozenset({
    EngineKind.BFLOAT16, EngineKind.FLOAT16, EngineKind.ORT_INT8_DYNAMIC, EngineKind.ORT_INT8_STATIC,
    EngineKind.ORT_FLOAT16,
})  # fmt: skip
_FEWEST: Final = (
    "The bytes are the fewest that any engine must move: what flows between layers is not counted, so the "
    "true intensity is lower."
)


class Bound(StrEnum):
    """What keeps an engine from being faster."""

    OVERHEAD = "overhead"
    MEMORY = "memory"
    COMPUTE = "compute"


@dataclass(frozen=True)
class Roof:
    """Two lines of a plot: the peak, and a bandwidth.

    Attributes:
        peak: operations per second.
        bandwidth: bytes per second.
        cached: whether the bandwidth is that of a cache.
    """

    peak: float
    bandwidth: float
    cached: bool

    @property
    def ridge(self) -> float:
        """The intensity, in operations per byte, from which on the peak binds."""
        return self.peak / self.bandwidth

    def at(self, intensity: float) -> float:
        """The most operations per second at so many operations per byte."""
        return min(self.peak, intensity * self.bandwidth)


@dataclass(frozen=True)
class Point:
    """One engine under the roof.

    Attributes:
        engine: its name.
        seconds: the median of one call.
        flops_per_second: the model's operations over that.
        share: of the roof at the model's intensity; above 1 if the roof is not this engine's.
        bound: what binds it.
        words: the same in a sentence.
        agrees: whether its numbers are the baseline's; without that its speed says little.
    """

    engine: str
    seconds: float
    flops_per_second: float
    share: float
    bound: Bound
    words: str
    agrees: bool = True


@dataclass(frozen=True)
class Roofline:
    """What a roofline plot needs, and what it says.

    Attributes:
        model, batch, threads: what was measured.
        peak: this machine's; None if the measurement was stopped before.
        work: the model's; None if the measurement was stopped before.
        points: the engines that were measured.
        case: the comparison that the times are from; None if it was stopped before.
        caveats: what to know before this is believed, a sentence each.
        complete: whether it was measured to the end.
    """

    model: str
    batch: int
    threads: int
    peak: Peak | None
    work: Work | None
    points: tuple[Point, ...]
    case: CaseReport | None
    caveats: tuple[str, ...]
    complete: bool

    @property
    def roofs(self) -> tuple[Roof, ...]:
        """The roof of the memory and that of a cache; () without a peak."""
        if self.peak is None:
            return ()
        return memory_roof(self.peak), cache_roof(self.peak)

    @property
    def roof(self) -> Roof | None:
        """The one that the points are measured by; None without a peak or work."""
        return None if self.peak is None or self.work is None else roof_for(self.peak, self.work)


def memory_roof(peak: Peak) -> Roof:
    """The roof of what comes from memory."""
    return Roof(peak.flops_per_second, peak.memory.bytes_per_second, cached=False)


def cache_roof(peak: Peak) -> Roof:
    """The roof of what stays in a cache."""
    return Roof(peak.flops_per_second, peak.cache.bytes_per_second, cached=True)


def roof_for(peak: Peak, work: Work) -> Roof:
    """The roof over a model: the cache's if warm calls find all its bytes there, else the memory's.

    They do if the bytes are no more than the small copy had. A cache that was measured slower than memory,
    as on a busy machine, is none.
    """
    fits = work.bytes <= 2 * peak.cache.array_bytes
    faster = peak.cache.bytes_per_second > peak.memory.bytes_per_second
    return cache_roof(peak) if fits and faster else memory_roof(peak)


def place(engine: str, seconds: float, work: Work, roof: Roof, *, agrees: bool = True) -> Point:
    """An engine under a roof, by the median of its calls in seconds."""
    achieved = work.flops / seconds
    share = achieved / roof.at(work.intensity) if work.flops else 0.0
    if share < OVERHEAD_SHARE:
        bound = Bound.OVERHEAD
    else:
        bound = Bound.MEMORY if work.intensity < roof.ridge else Bound.COMPUTE
    return Point(engine, seconds, achieved, share, bound, _words(share, bound, work, roof), agrees)


def roofline_of(peak: Peak, work: Work, case: CaseReport) -> Roofline:
    """A roofline from a comparison that was measured with as many threads as the peak."""
    roof = roof_for(peak, work)
    points = tuple(
        place(each.name, each.summary.median, work, roof, agrees=each.error is None or each.error.agree)
        for each in case.engines
        if each.summary is not None
    )
    return Roofline(
        case.model,
        case.batch,
        case.threads,
        peak,
        work,
        points,
        case,
        (*case.caveats, *_caveats(peak, work, roof, points)),
        case.complete,
    )


def _words(share: float, bound: Bound, work: Work, roof: Roof) -> str:
    if not work.flops:
        return "The model computes nothing: all of its time is calls."
    shown = f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    reach = f"It reaches {shown} of the roof"
    where = "cache" if roof.cached else "memory"
    per_byte = f"{work.intensity:.3g} operations per byte"
    if bound is Bound.OVERHEAD:
        return (
            f"{reach}: nearly all of its time is overhead, calling operators and starting them on few "
            "numbers, and not what they compute."
        )
    if share > 1:
        return f"{reach}, so this roof is not its own: its data come from nearer, or its numbers are smaller."
    if bound is Bound.MEMORY:
        return (
            f"{reach}, which is the {where}'s bandwidth: {per_byte} are fewer than the {roof.ridge:.3g} "
            "that would keep the processor busy."
        )
    return (
        f"{reach}, which is the processor's peak: {per_byte} are more than the {roof.ridge:.3g} up to "
        f"which the {where} is what binds."
    )


def _caveats(peak: Peak, work: Work, roof: Roof, points: tuple[Point, ...]) -> list[str]:
    found = [_FEWEST]
    last = peak.last_level_cache
    if not peak.beyond_cache and last is not None:
        found.append(
            f"The arrays copied had {peak.memory.array_bytes / 2**20:.0f} MiB each, not {BEYOND} times "
            f"the last cache's {last / 2**20:.0f} MiB: part of the memory's bandwidth may be the cache's."
        )
    if peak.disturbed and peak.foreign is not None:
        found.append(
            f"Others used {peak.foreign:.0%} of this machine while its peak was measured: it can do more, "
            "and the shares are lower than they seem."
        )
    if not roof.cached and last is not None and work.bytes < last:
        found.append(
            "All of the model's bytes fit into the last cache: the memory's roof may be lower than its own."
        )
    fewer = [each.engine for each in points if each.engine in _FEWER_BITS]
    if fewer:
        found.append(
            f"Peak and bytes are those of float32: {', '.join(fewer)} may be above this roof, and does the "
            "model's operations with fewer bits."
        )
    return found
