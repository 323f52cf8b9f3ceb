"""This machine, as far as this process may use it: CPU, memory, GPUs and library versions.

`describe` imports torch (about a second and 200 MB), which tells the GPUs, and ONNX Runtime (a tenth of
that), which alone tells its execution providers. Versions come from package metadata and import nothing.
"""

import math
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from core import cgroup


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch can use; its memory in bytes."""

    name: str
    memory_bytes: int


@dataclass(frozen=True)
class Versions:
    """What runs here; None for a library that is not installed."""

    python: str
    torch: str | None
    onnx: str | None
    onnxruntime: str | None


@dataclass(frozen=True)
class Machine:
    """Facts to print beside every measurement.

    Cores and memory are those that this process may use, by its affinity and its control group.
    `no_gpu_because` is empty when there are GPUs.
    """

    cpu: str
    physical_cores: int
    logical_cores: int
    memory_total_bytes: int
    memory_available_bytes: int
    system: str
    gpus: tuple[Gpu, ...]
    no_gpu_because: str
    versions: Versions
    execution_providers: tuple[str, ...]


def describe() -> Machine:
    """This machine now."""
    logical = logical_cores()
    total, available = memory_bytes()
    gpus = find_gpus()
    return Machine(
        cpu=cpu_model(),
        physical_cores=min(physical_cores(), logical),
        logical_cores=logical,
        memory_total_bytes=total,
        memory_available_bytes=available,
        system=f"{platform.system()} {platform.release()} ({platform.machine()})",
        gpus=gpus,
        no_gpu_because="" if gpus else why_no_gpu(),
        versions=Versions(
            python=platform.python_version(),
            torch=_version("torch"),
            onnx=_version("onnx"),
            onnxruntime=_version("onnxruntime"),
        ),
        execution_providers=execution_providers(),
    )


def cpu_model() -> str:
    """The processor's marketing name, or its architecture where the system does not tell."""
    if platform.system() == "Linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a constant
        if found.returncode == 0:
            return found.stdout.strip()
    return platform.processor() or platform.machine()


def logical_cores() -> int:
    """The hardware threads that this process may keep busy: at least 1."""
    allowed = len(_affinity()) or psutil.cpu_count() or 1
    quota = cgroup.cores()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def physical_cores() -> int:
    """The cores behind the hardware threads that this process may run on."""
    try:
        cores = {
            Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
            for cpu in _affinity()
        }
    except OSError:
        cores = set()
    return len(cores) or psutil.cpu_count(logical=False) or logical_cores()


def memory_bytes() -> tuple[int, int]:
    """The memory that this process may use, and how much of it is free: total and available, in bytes."""
    machine = psutil.virtual_memory()
    group = cgroup.memory()
    if group is None:
        return machine.total, machine.available
    return min(machine.total, group.limit), min(machine.available, group.free)


def find_gpus() -> tuple[Gpu, ...]:
    """The GPUs that this torch can use."""
    import torch

    if torch.cuda.is_available():
        found = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
        return tuple(Gpu(properties.name, properties.total_memory) for properties in found)
    if torch.backends.mps.is_available():
        # Apple's GPUs share the machine's memory.
        return (Gpu(f"{cpu_model()} (MPS)", psutil.virtual_memory().total),)
    return ()


def why_no_gpu() -> str:
    """Why `find_gpus` finds none, in words for a reader."""
    import torch

    if platform.system() == "Darwin":
        built = torch.backends.mps.is_built()
        return "no Metal GPU is available" if built else "this PyTorch build has no Metal support"
    if torch.version.cuda is None and torch.version.hip is None:
        return "this PyTorch build is for the CPU only"
    return "PyTorch sees no GPU: no card, no driver, or none that this process may use"


def execution_providers() -> tuple[str, ...]:
    """What ONNX Runtime can run on here, in its order of preference."""
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def _affinity() -> frozenset[int]:
    """The hardware threads that this process may run on, by number; empty where that is unknown."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
