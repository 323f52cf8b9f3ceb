"""Fingerprints change with what decides a timing, and with nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from core.benchmark.fingerprint import (
    GIB,
    machine_fingerprint,
    memory_class,
    model_fingerprint,
    versions_fingerprint,
)
from core.machine import Gpu, Machine, Versions

VERSIONS = Versions(python="3.11.9", torch="2.13.0", onnx="1.23.0", onnxruntime=None)
MACHINE = Machine("A CPU", 2, 4, 16 * GIB, 8 * GIB, "Linux 6 (x86_64)", (), "no driver", VERSIONS, ())


@pytest.mark.parametrize(
    "change",
    [
        {"cpu": "B CPU"},
        {"physical_cores": 1},
        {"logical_cores": 8},
        {"memory_total_bytes": 32 * GIB},
        {"system": "Linux 7 (x86_64)"},
        {"gpus": (Gpu("A GPU", 8 * GIB),)},
    ],
)
def test_another_machine_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert machine_fingerprint(replace(MACHINE, **change)) != machine_fingerprint(MACHINE)


@pytest.mark.parametrize(
    "change",
    [
        {"memory_available_bytes": GIB},
        {"memory_total_bytes": 16 * GIB - 9_000_000},
        {"versions": replace(VERSIONS, torch="2.14.0")},
        {"no_gpu_because": "another reason"},
    ],
)
def test_what_is_not_the_machine_leaves_its_fingerprint(change: dict[str, Any]) -> None:
    assert machine_fingerprint(replace(MACHINE, **change)) == machine_fingerprint(MACHINE)


@pytest.mark.parametrize("library", ["python", "torch", "onnx", "onnxruntime"])
def test_every_version_counts(library: str) -> None:
    assert versions_fingerprint(replace(VERSIONS, **{library: "9"})) != versions_fingerprint(VERSIONS)


def test_name_seed_and_weights_of_a_model_count() -> None:
    models = [("a", 1, b"w"), ("b", 1, b"w"), ("a", 2, b"w"), ("a", 1, b"x"), ("a", 11, b"w")]
    assert len({model_fingerprint(*model) for model in models}) == len(models)


def test_a_model_fingerprint_stays_from_version_to_version() -> None:
    assert model_fingerprint("a", 1, b"w") == "2f04eeb544295c242c9d69666d81c31e"


@pytest.mark.parametrize(("size", "gib"), [(0, 1), (GIB, 1), (15 * GIB, 16), (17 * GIB, 16), (30 * GIB, 32)])
def test_memory_counts_by_its_class(size: int, gib: int) -> None:
    assert memory_class(size) == gib
