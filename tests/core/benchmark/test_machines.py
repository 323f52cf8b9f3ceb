import pytest

from core.benchmark.machines import EVERYWHERE, Where, in_words
from core.machine import Gpu, Machine, Versions

XEON = Machine(
    cpu="Xeon",
    physical_cores=1,
    logical_cores=2,
    memory_total_bytes=8 * 2**30,
    memory_available_bytes=2**30,
    system="Linux",
    gpus=(),
    no_gpu_because="no card",
    versions=Versions("3.11.7", "2.13.0", None, "1.32.0"),
    execution_providers=(),
)


def test_a_machine_is_told_in_words() -> None:
    assert in_words(XEON) == (
        "Xeon, 1 core with 2 threads, 8 GiB of memory, no GPU; "
        "Python 3.11.7, PyTorch 2.13.0, ONNX Runtime 1.32.0"
    )


def test_each_gpu_is_named() -> None:
    many = Machine(
        **{**vars(XEON), "physical_cores": 2, "gpus": (Gpu("H200", 139 * 2**30), Gpu("H200", 139 * 2**30))}
    )
    assert in_words(many).startswith("Xeon, 2 cores, 8 GiB of memory, H200 with 139 GiB, H200 with 139 GiB; ")


def test_a_job_cannot_be_pinned_and_everywhere() -> None:
    assert EVERYWHERE.everywhere
    with pytest.raises(ValueError, match=r"^A job runs on A or on every machine: choose one of the two\.$"):
        Where("A", everywhere=True)
