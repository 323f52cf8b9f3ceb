"""The limits that a Linux control group (a container, a systemd slice) puts on this process.

psutil reports the whole machine; in a container the process may have a fraction of it.
Formats: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """The memory that this process may use, and how much of it is left or can be reclaimed, in bytes."""

    limit: int
    free: int


def memory(root: Path = Path("/")) -> Memory | None:
    """The memory limits on this process taken together, or None when there is none."""
    found = [
        *_memories(root, "", "memory.max", "memory.current", "inactive_file"),
        *_memories(root, "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ]
    if not found:
        return None
    # Two minima: a parent group may have the larger limit and yet, shared with others, less that is free.
    return Memory(min(group.limit for group in found), min(group.free for group in found))


def cores(root: Path = Path("/")) -> float | None:
    """The tightest CPU limit on this process, in cores, or None when there is none."""
    version_2 = ((_text(group / "cpu.max") or "").partition(" ")[::2] for group in _groups(root, ""))
    version_1 = (
        (_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))
        for group in _groups(root, "cpu")
    )
    limits = (_ratio(quota, period) for quota, period in (*version_2, *version_1))
    return min((limit for limit in limits if limit is not None), default=None)


def _memories(root: Path, controller: str, limit: str, usage: str, cache: str) -> Iterator[Memory]:
    for group in _groups(root, controller):
        most, used = _number(_text(group / limit)), _number(_text(group / usage))
        if most is None or used is None:
            continue
        statistics = dict(line.split() for line in (_text(group / "memory.stat") or "").splitlines())
        # The page cache counts as used, but the kernel gives it back when asked.
        held = used - (_number(statistics.get(cache)) or 0)
        yield Memory(most, max(0, most - held))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's groups for a controller ("" is version 2), from its own up to the top.

    A container may see only its own group, mounted at the top: hence all the way up, whatever is missing.
    """
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / controller
            own = top / path.strip("/")
            yield own
            yield from (parent for parent in own.parents if parent.is_relative_to(top))


def _ratio(quota: str | None, period: str | None) -> float | None:
    """Cores as quota over period; the kernel writes `max` or -1 for "no limit"."""
    above, below = _number(quota), _number(period)
    return above / below if above is not None and above > 0 and below else None


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
