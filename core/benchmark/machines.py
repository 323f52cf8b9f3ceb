"""Machines that measure, as a page lists them, and which of them a job asks for."""

from __future__ import annotations

from dataclasses import dataclass

from core.machine import Machine


@dataclass(frozen=True)
class MachineInfo:
    """A machine that jobs may run on.

    Attributes:
        name: what reports call it, and a job is pinned by.
        about: its processor, memory, GPUs and libraries, in words; empty while it has not told them.
        workers: how many processes take jobs on it. It measures one at a time, however many they are.
        usable: whether it takes jobs now.
        reason: why not, or why not all of its workers do, in one line; empty if all is well.
        facts: the machine itself; None while it has not told them.
    """

    name: str
    about: str
    workers: int
    usable: bool
    reason: str = ""
    facts: Machine | None = None


@dataclass(frozen=True)
class Where:
    """Where a job runs.

    Attributes:
        machine: the name of the only one that may run it; empty for any.
        everywhere: whether each machine runs all of it, for comparison.

    Raises:
        ValueError: if both are asked for.
    """

    machine: str = ""
    everywhere: bool = False

    def __post_init__(self) -> None:
        """Refuses what contradicts itself."""
        if self.machine and self.everywhere:
            raise ValueError(f"A job runs on {self.machine} or on every machine: choose one of the two.")


ANYWHERE = Where()
"""On whichever machine is free; the comparisons of one plan may be spread over several."""
EVERYWHERE = Where(everywhere=True)
"""On each machine."""


def in_words(machine: Machine) -> str:
    """A machine's devices and libraries, for a reader: `Xeon, 2 cores, 8 GiB of memory, no GPU; ...`."""
    cores = f"{machine.physical_cores} core{'s' * (machine.physical_cores != 1)}"
    if machine.logical_cores != machine.physical_cores:
        cores += f" with {machine.logical_cores} threads"
    gpus = [f"{gpu.name} with {_gib(gpu.memory_bytes)}" for gpu in machine.gpus] or ["no GPU"]
    versions = machine.versions
    libraries = [
        f"{name} {version}"
        for name, version in (
            ("Python", versions.python),
            ("PyTorch", versions.torch),
            ("ONNX", versions.onnx),
            ("ONNX Runtime", versions.onnxruntime),
        )
        if version is not None
    ]
    devices = [machine.cpu, cores, f"{_gib(machine.memory_total_bytes)} of memory", *gpus]
    return f"{', '.join(devices)}; {', '.join(libraries)}"


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
