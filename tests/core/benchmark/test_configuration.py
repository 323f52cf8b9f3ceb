"""A configuration says all of itself in its name, and makes the contender that it names."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import machine, zoo
from core.benchmark.configuration import Configuration, Named, contenders, default_threads
from core.benchmark.exported import Exported
from core.benchmark.plan import Contender
from core.engines.engine import EngineError, EngineKind, EngineOptions, Optimization, Spin
from tests.core.benchmark.tuned import Tuned

options = st.builds(
    EngineOptions, st.integers(1, 4), st.sampled_from(list(Optimization)), st.sampled_from(list(Spin))
)
onnx = st.sampled_from([EngineKind.ORT, EngineKind.ORT_INT8_STATIC, EngineKind.ORT_FLOAT16])


@given(st.builds(Configuration, onnx, options, st.integers(1, 3)), st.builds(Configuration, onnx, options))
def test_configurations_that_differ_have_names_that_differ(one: Configuration, other: Configuration) -> None:
    assert (one.name == other.name) is (one == other)


@pytest.mark.parametrize(
    ("kind", "options", "batch", "name"),
    [
        (EngineKind.EAGER, EngineOptions(), 1, "eager, 1 thread, batch 1"),
        (EngineKind.EAGER, EngineOptions(threads=2), 8, "eager, 2 threads, batch 8"),
        (EngineKind.ORT, EngineOptions(threads=2), 1, "ort, 2 threads, batch 1"),
        (
            EngineKind.ORT,
            EngineOptions(2, Optimization.BASIC, Spin.OFF),
            1,
            "ort, 2 threads, optimization basic, spin off, batch 1",
        ),
        # PyTorch's engines have neither.
        (
            EngineKind.TORCHSCRIPT,
            EngineOptions(1, Optimization.BASIC, Spin.OFF),
            1,
            "torchscript, 1 thread, batch 1",
        ),
    ],
)
def test_a_name_has_what_is_not_as_usual(
    kind: EngineKind, options: EngineOptions, batch: int, name: str
) -> None:
    assert Configuration(kind, options, batch).name == name


@pytest.mark.parametrize("kind", EngineKind)
def test_onnx_runtimes_engines_alone_run_the_exported_model(kind: EngineKind) -> None:
    assert Configuration(kind, EngineOptions()).needs_export is kind.value.startswith("ort")


def test_contenders_have_the_settings_of_their_configurations_and_one_file() -> None:
    make = contenders("mlp", 3, Exported(b"the file"))
    settings = EngineOptions(2, Optimization.BASIC, Spin.OFF)
    kinds = (EngineKind.ORT, EngineKind.ORT_INT8_STATIC, EngineKind.EAGER)
    assert [make(Configuration(kind, settings, 5)) for kind in kinds] == [
        Contender(EngineKind.ORT, "mlp", 3, 5, settings, b"the file"),
        Contender(EngineKind.ORT_INT8_STATIC, "mlp", 3, 5, settings, b"the file"),
        Contender(EngineKind.EAGER, "mlp", 3, 5, settings),
    ]


def test_without_a_file_those_that_need_one_say_why() -> None:
    make = contenders("mlp", 0, Exported(refusal="The exporter refuses this model."))
    with pytest.raises(EngineError, match=r"^The exporter refuses this model\.$"):
        make(Configuration(EngineKind.ORT, EngineOptions())).open()
    eager = make(Configuration(EngineKind.EAGER, EngineOptions(torch.get_num_threads()), 2))
    with eager.open() as engine:
        (output,) = engine.predict(eager.inputs())
    made = zoo.build("mlp")
    with torch.no_grad():
        expected = made.module.eval()(*made.example_inputs(2, zoo.InputKind.NORMAL, 0))
    assert torch.equal(torch.as_tensor(output), expected)


def test_what_has_another_name_is_the_same_in_all_else() -> None:
    runs = Tuned("one", 0.0, threads=2, batch=3)
    named = Named("another", runs)
    assert (named.name, named.threads, runs.name) == ("another", 2, "one")
    assert torch.equal(named.inputs()[0], runs.inputs()[0])
    with named.open() as engine:
        assert torch.equal(torch.as_tensor(engine.predict(named.inputs())[0]), runs.inputs()[0])
    with pytest.raises(EngineError, match="No luck"):
        Named("another", Tuned("one", 0.0, problem="No luck.")).open()


@pytest.mark.parametrize(
    ("physical", "logical", "threads"),
    [(4, 8, 4), (1, 2, 1), (2, 2, 2), (8, 2, 2)],
    ids=["two per core", "one core", "one per core", "fewer may be used than there are"],
)
def test_libraries_take_a_thread_per_core_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, physical: int, logical: int, threads: int
) -> None:
    monkeypatch.setattr(machine, "physical_cores", lambda: physical)
    monkeypatch.setattr(machine, "logical_cores", lambda: logical)
    assert default_threads() == threads
