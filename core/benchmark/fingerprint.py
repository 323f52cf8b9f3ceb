"""Short stable hashes that say whether two runs may be compared: of the machine, its libraries, a model."""

import hashlib
import json
import math
from dataclasses import asdict

from core.machine import Machine, Versions

GIB = 2**30


def machine_fingerprint(machine: Machine) -> str:
    """The same for every run on one machine, whatever its libraries and its free memory are.

    Memory counts by its class, because a kernel update changes the total by a few megabytes.
    """
    return _hash(
        "machine",
        machine.cpu,
        machine.physical_cores,
        machine.logical_cores,
        memory_class(machine.memory_total_bytes),
        machine.system,
        [[gpu.name, memory_class(gpu.memory_bytes)] for gpu in machine.gpus],
    )


def versions_fingerprint(versions: Versions) -> str:
    """The same for every run with these library versions."""
    return _hash("versions", asdict(versions))


def model_fingerprint(name: str, seed: int, state: bytes) -> str:
    """The same for every run of this model with these weights, given as bytes."""
    return _hash("model", name, seed, hashlib.sha256(state).hexdigest())


def memory_class(size: int) -> int:
    """The nearest power of two in GiB, at least 1."""
    return int(2 ** max(0, round(math.log2(max(size, 1) / GIB))))


def _hash(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
