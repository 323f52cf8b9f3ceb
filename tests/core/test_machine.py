"""This machine's facts, against what the system says of itself."""

import multiprocessing
import os
import platform
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from core import cgroup, machine
from core.machine import Machine

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux's")


@pytest.fixture(scope="module")
def described() -> Machine:
    return machine.describe()


def test_versions_are_those_that_run(described: Machine) -> None:
    assert described.versions.python == sys.version.split()[0]
    assert described.versions.torch == torch.__version__
    assert described.versions.onnx == onnx.__version__
    assert described.versions.onnxruntime == onnxruntime.__version__


def test_a_package_that_is_not_installed_has_no_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert machine.describe().versions.onnx is None


def test_execution_providers_are_usable_names(described: Machine) -> None:
    assert "CPUExecutionProvider" in described.execution_providers
    assert set(described.execution_providers) <= set(onnxruntime.get_all_providers())


def test_cores_are_bounded_by_the_machine(described: Machine) -> None:
    assert 1 <= described.physical_cores <= described.logical_cores <= multiprocessing.cpu_count()


def test_the_system_is_named(described: Machine) -> None:
    assert platform.system() in described.system
    assert platform.machine() in described.system


@linux_only
def test_the_cpu_is_the_one_in_proc(described: Machine) -> None:
    models = [
        line.split(": ", 1)[1]
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    assert described.cpu in models or not models
    assert described.cpu


@linux_only
def test_logical_cores_follow_the_affinity() -> None:
    one = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, [{one}]); from core import machine; "
        "print(machine.logical_cores(), machine.physical_cores())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1", "1"]


@linux_only
def test_total_memory_is_the_systems(described: Machine) -> None:
    system = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < described.memory_available_bytes < described.memory_total_bytes <= system


def test_a_control_group_bounds_memory_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory", lambda: cgroup.Memory(limit=1000, free=10))
    monkeypatch.setattr(cgroup, "cores", lambda: 0.5)
    assert machine.memory_bytes() == (1000, 10)
    assert machine.logical_cores() == 1


def test_there_are_gpus_or_there_is_a_reason(described: Machine) -> None:
    assert bool(described.gpus) != bool(described.no_gpu_because)
    assert bool(described.gpus) == (torch.cuda.is_available() or torch.backends.mps.is_available())


@pytest.mark.parametrize(
    ("cuda", "hip", "reason"),
    [
        (None, None, "this PyTorch build is for the CPU only"),
        ("13.0", None, "PyTorch sees no GPU: no card, no driver, or none that this process may use"),
        (None, "7.0", "PyTorch sees no GPU: no card, no driver, or none that this process may use"),
    ],
)
def test_the_reason_for_no_gpu(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, hip: str | None, reason: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert machine.why_no_gpu() == reason
