"""Control-group limits, read from trees that look like the kernel's."""

from pathlib import Path

import pytest

from core import cgroup

GIB = 2**30


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_no_control_groups(tmp_path: Path) -> None:
    assert cgroup.memory(tmp_path) is None
    assert cgroup.cores(tmp_path) is None


def test_version_2(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/app",
            "sys/fs/cgroup/app/memory.max": str(4 * GIB),
            "sys/fs/cgroup/app/memory.current": str(3 * GIB),
            "sys/fs/cgroup/app/memory.stat": f"anon 5\ninactive_file {GIB}",
            "sys/fs/cgroup/app/cpu.max": "150000 100000",
        },
    )
    # Used: 3 GiB less the 1 GiB of page cache that can be reclaimed.
    assert cgroup.memory(root) == cgroup.Memory(limit=4 * GIB, free=2 * GIB)
    assert cgroup.cores(root) == 1.5


def test_version_2_inside_a_container_that_sees_its_group_as_the_top(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/memory.max": str(GIB),
            "sys/fs/cgroup/memory.current": "0",
            "sys/fs/cgroup/cpu.max": "max 100000",
        },
    )
    assert cgroup.memory(root) == cgroup.Memory(GIB, GIB)
    assert cgroup.cores(root) is None


def test_version_1(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/c\n4:memory:/c\n3:name=systemd:/c",
            "sys/fs/cgroup/memory/c/memory.limit_in_bytes": str(2 * GIB),
            "sys/fs/cgroup/memory/c/memory.usage_in_bytes": str(GIB),
            "sys/fs/cgroup/memory/c/memory.stat": f"total_inactive_file {GIB}",
            "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup.memory(root) == cgroup.Memory(2 * GIB, 2 * GIB)
    assert cgroup.cores(root) == 2


def test_version_1_without_a_limit(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "5:cpu:/", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1"}
    assert cgroup.cores(tree(tmp_path, files | {"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"})) is None


def test_the_tightest_of_a_group_and_its_parents_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/slice/app",
            "sys/fs/cgroup/slice/memory.max": str(4 * GIB),
            "sys/fs/cgroup/slice/memory.current": str(4 * GIB - 10),
            "sys/fs/cgroup/slice/cpu.max": "100000 100000",
            "sys/fs/cgroup/slice/app/memory.max": str(2 * GIB),
            "sys/fs/cgroup/slice/app/memory.current": str(GIB),
            "sys/fs/cgroup/slice/app/cpu.max": "300000 100000",
        },
    )
    assert cgroup.memory(root) == cgroup.Memory(limit=2 * GIB, free=10)
    assert cgroup.cores(root) == 1


@pytest.mark.parametrize("text", ["", "garbage", "max", "1 2 3"])
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, text: str) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/memory.max": text,
            "sys/fs/cgroup/memory.current": "1",
            "sys/fs/cgroup/cpu.max": text,
        },
    )
    assert cgroup.memory(root) is None
    assert cgroup.cores(root) is None
