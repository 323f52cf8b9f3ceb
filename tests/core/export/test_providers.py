"""What ONNX Runtime could run on here: its own list, and why the rest is not there."""

import onnxruntime
import pytest

from core import machine
from core.export import providers as here
from core.export.providers import Provider, providers
from core.machine import Gpu

CPU, CUDA, TENSORRT, AZURE = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt", "Azure"))


def found(monkeypatch: pytest.MonkeyPatch, *there: str, gpus: int = 0) -> dict[str, Provider]:
    """What is told of a build with these providers, on a machine with so many GPUs."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(there))
    monkeypatch.setattr(here, "find_gpus", lambda: (Gpu("a card", 2**30),) * gpus)
    monkeypatch.setattr(here, "why_no_gpu", lambda: "no card")
    return {each.name: each for each in providers()}


def test_those_available_are_onnx_runtimes_own_and_come_first() -> None:
    told = providers()
    count = len(onnxruntime.get_available_providers())
    assert {each.name for each in told[:count]} == set(onnxruntime.get_available_providers())
    assert all(each.available for each in told[:count])
    assert not any(each.available for each in told[count:])


def test_the_processor_can_always_be_used() -> None:
    told = {each.name: each for each in providers()}
    assert told[CPU] == Provider(CPU, "processor", True, "")


def test_each_is_told_once_with_a_reason_unless_it_is_there() -> None:
    told = providers()
    assert len({each.name for each in told}) == len(told)
    for each in told:
        assert each.available or each.reason.endswith(".")
        assert "\n" not in each.reason


def test_every_provider_of_a_wide_use_is_one_of_onnx_runtime() -> None:
    assert here._WHAT.keys() <= set(onnxruntime.get_all_providers())


@pytest.mark.parametrize("name", [CUDA, TENSORRT])
def test_a_build_without_cuda_names_the_package_and_the_missing_card(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = "This build of ONNX Runtime does not have it; onnxruntime-gpu does."
    assert found(monkeypatch, CPU)[name].reason == f"{package} No GPU here: no card."
    assert found(monkeypatch, CPU, gpus=1)[name].reason == package


def test_a_build_with_cuda_needs_a_card_too(monkeypatch: pytest.MonkeyPatch) -> None:
    without = found(monkeypatch, CUDA, CPU)[CUDA]
    assert (without.available, without.reason) == (True, "No GPU here: no card.")
    assert found(monkeypatch, CUDA, CPU, gpus=1)[CUDA].reason == ""


def test_azure_is_there_and_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = found(monkeypatch, CPU, AZURE)[AZURE]
    assert azure.available
    assert azure.reason == "It sends the inputs to a service elsewhere, which this app never does."


def test_one_that_nobody_here_knows_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told = found(monkeypatch, CPU, "NewExecutionProvider")
    assert told["NewExecutionProvider"] == Provider("NewExecutionProvider", "", True, "")
    assert list(told)[:2] == [CPU, "NewExecutionProvider"]


def test_the_reason_for_no_gpu_is_the_machine_s() -> None:
    if not machine.find_gpus():
        told = {each.name: each for each in providers()}
        assert machine.why_no_gpu() in told[CUDA].reason
