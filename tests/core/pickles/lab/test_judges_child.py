import importlib
import io
import types

import pytest

from core.pickles.lab.judges import Judge
from core.pickles.lab.judges_child import judge
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import sample

# It has no types.
scanner = importlib.import_module("picklescan.scanner")


@pytest.mark.parametrize("payload", Payload)
@pytest.mark.parametrize("container", [Container.PROTOCOL_2, Container.TORCH_ZIP, Container.GZIP])
def test_picklescan_is_quoted_as_it_judges(payload: Payload, container: Container) -> None:
    built = build(payload, container)
    expected = scanner.scan_bytes(io.BytesIO(built.data), "file", f".{built.file_name.rpartition('.')[2]}")
    found = judge(Judge.PICKLESCAN, built.data, built.file_name)
    assert found.clean is (expected.infected_files == 0)
    assert found.findings == tuple(
        sorted(f"{each.safety.value}: {each.module}.{each.name}" for each in expected.globals)
    )


def test_picklescan_passes_what_is_on_none_of_its_lists() -> None:
    built = build(Payload.IMPORT, Container.PROTOCOL_2)
    found = judge(Judge.PICKLESCAN, built.data, built.file_name)
    assert (found.words, found.clean) == ("suspicious", True)


def test_torch_names_what_weights_only_refuses() -> None:
    found = judge(Judge.TORCH, sample("simple_mlp").data, "simple_mlp.pt")
    assert found.findings == (
        "refused: core.zoo_modules.SimpleMLP",
        "refused: torch.nn.modules.linear.Linear",
    )
    clean = judge(Judge.TORCH, sample("state_dict").data, "state.pt")
    assert (clean.words, clean.clean, clean.findings) == ("refuses no name", True, ())


def test_torch_says_nothing_of_what_is_no_checkpoint() -> None:
    found = judge(Judge.TORCH, sample("planted").data, "planted.pkl")
    assert (found.words, found.clean) == ("could not read", None)
    assert found.problem.startswith("ValueError: Expected input to be a checkpoint")


def test_a_scanner_that_raises_has_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("\x1b[2Jbroken\n" * 500)

    monkeypatch.setattr(scanner, "scan_bytes", fail)
    found = judge(Judge.PICKLESCAN, b".", "x.pkl")
    assert (found.words, found.clean, found.version) == ("could not read", None, "1.0.5")
    assert found.problem.startswith("RuntimeError: ")
    assert found.problem.isprintable()
    assert len(found.problem) <= 300


def test_a_scanner_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> types.ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    found = judge(Judge.PICKLESCAN, b".", "x.pkl")
    assert (found.clean, found.problem) == (None, "picklescan is not installed here.")


@pytest.mark.parametrize("which", [Judge.PICKLESCAN, Judge.TORCH])
@pytest.mark.parametrize(
    "name", ["planted", "truncated", "polyglot", "renamed", "joblib", "safetensors", "onnx"]
)
def test_every_sample_gets_a_judgement(which: Judge, name: str) -> None:
    found = judge(which, sample(name).data, sample(name).file_name)
    assert (found.clean is None) == bool(found.problem)
