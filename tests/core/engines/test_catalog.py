"""Every engine that can be had here against float64, and what all of them owe."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core import zoo
from core.engines import EngineError, EngineKind, available, create
from core.engines.engine import Array
from core.engines.ort import PROVIDERS
from core.process import ROOT
from tests.core.engines.oracle import (
    MODELS,
    ON_GPU,
    ORT_KINDS,
    QUICK,
    TOLERANCES,
    apart,
    expected,
    given,
    onnx_of,
    options,
)

MISSING = [each for each in available() if not each.available]


def listed(output: object) -> list[Array]:
    """The arrays of whatever a prepared call gives."""
    if isinstance(output, Tensor):
        return [output.detach().float().numpy()]
    if isinstance(output, Mapping):
        return [array for each in output.values() for array in listed(each)]
    if isinstance(output, list | tuple):
        return [array for each in output for array in listed(each)]
    assert isinstance(output, np.ndarray)
    return [output]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", QUICK)
def test_it_computes_what_the_model_does(kind: EngineKind, name: str) -> None:
    made = zoo.build(name)
    if kind is EngineKind.CHANNELS_LAST and name != "cnn":
        with pytest.raises(EngineError, match=f"No input of {name} is a batch of images"):
            create(kind, made, options()).load()
        return
    with create(kind, made, options(), onnx_data=given(kind, name)) as engine:
        facts = engine.metadata()
        tolerance = TOLERANCES[str(facts["dtype"])] if facts["device"] == "cpu" else ON_GPU
        for batch in (1, 2, 5):  # the files are exported with 2
            inputs = made.example_inputs(batch, "normal", seed=batch)
            outputs = engine.predict(inputs)
            assert all(each.dtype == np.float32 for each in outputs)
            assert apart(outputs, expected(made, inputs)) <= tolerance
            prepared = listed(engine.prepare(inputs)())
            assert all(np.array_equal(*pair) for pair in zip(prepared, outputs, strict=True))


@pytest.mark.parametrize("kind", QUICK)
def test_it_leaves_the_callers_module_and_inputs_as_they_are(kind: EngineKind) -> None:
    name = "cnn"
    made = zoo.build(name)
    made.module.get_parameter("head.bias").requires_grad_(False)
    inputs = made.example_inputs(3)
    copies = [each.clone() for each in inputs]

    def state() -> list[Any]:
        return [
            [
                (key, each.data_ptr(), each.dtype, each.stride())
                for key, each in made.module.state_dict().items()
            ],
            [module.training for module in made.module.modules()],
            [(each.requires_grad, each.grad) for each in made.module.parameters()],
            [len(module._forward_hooks) for module in made.module.modules()],
        ]

    before, numbers = state(), {key: each.clone() for key, each in made.module.state_dict().items()}
    with create(kind, made, options(), onnx_data=given(kind, name)) as engine:
        engine.predict(inputs)
        engine.prepare(inputs)()
    assert state() == before
    assert made.module.training
    assert all(torch.equal(each, numbers[key]) for key, each in made.module.state_dict().items())
    assert all(torch.equal(*pair) for pair in zip(inputs, copies, strict=True))


@pytest.mark.parametrize("kind", QUICK)
def test_it_predicts_only_between_load_and_close(kind: EngineKind) -> None:
    name = "cnn"
    made = zoo.build(name)
    inputs = made.example_inputs(2)
    engine = create(kind, made, options(), onnx_data=given(kind, name))
    for _ in range(2):  # it can be loaded once more
        for refused in (engine.predict, engine.prepare):
            with pytest.raises(EngineError, match=f"^The engine {kind} is not loaded: load it first.$"):
                refused(inputs)
        engine.load()
        assert len(engine.predict(inputs)) == 1
        engine.synchronize()
        engine.close()
        engine.close()


@pytest.mark.parametrize("kind", QUICK)
def test_an_input_that_does_not_fit_is_refused_in_one_line(kind: EngineKind) -> None:
    name = "cnn"
    made = zoo.build(name)
    wrong = torch.zeros(2, 4, 16, 16)  # 4 channels for 3
    with create(kind, made, options(), onnx_data=given(kind, name)) as engine:
        for inputs, words in (
            ([], "got 0 inputs and takes 1"),
            ([wrong] * 2, "got 2"),
            ([wrong], "cannot run cnn"),
        ):
            with pytest.raises(EngineError, match=words) as caught:
                engine.predict(inputs)
            assert "\n" not in str(caught.value)
            assert "Traceback" not in str(caught.value)
        with pytest.raises(EngineError, match="cannot run cnn"):
            engine.prepare([wrong])()


@pytest.mark.parametrize("kind", QUICK)
def test_a_prepared_call_takes_its_inputs_once(kind: EngineKind) -> None:
    made = zoo.build("cnn")
    inputs = made.example_inputs(3)
    with create(kind, made, options(), onnx_data=given(kind, "cnn")) as engine:
        first = engine.predict(inputs)
        call = engine.prepare(inputs)
        inputs[0].zero_()
        assert not np.array_equal(engine.predict(inputs)[0], first[0])
        assert np.array_equal(listed(call())[0], first[0])
        assert np.array_equal(listed(call())[0], first[0])


@pytest.mark.parametrize("kind", QUICK)
def test_its_facts_can_be_written_down(kind: EngineKind) -> None:
    made = zoo.build("cnn")
    with create(kind, made, options(), onnx_data=given(kind, "cnn")) as engine:
        facts = engine.metadata()
    assert json.loads(json.dumps(facts)) == facts
    assert engine.kind is kind
    assert facts["library"] == ("ONNX Runtime" if kind in ORT_KINDS else "PyTorch")
    assert facts["threads"] == torch.get_num_threads()
    provider = PROVIDERS.get(kind, "")
    on_processor = kind not in {EngineKind.CUDA, EngineKind.MPS} and provider in {"", "CPUExecutionProvider"}
    assert (facts["device"] == "cpu") is on_processor
    assert {"version", "dtype"} <= facts.keys()


@pytest.mark.parametrize("kind", [EngineKind.EAGER, EngineKind.TORCHSCRIPT, EngineKind.ORT])
def test_a_model_in_training_mode_is_evaluated(kind: EngineKind) -> None:
    made = zoo.build("dropout")
    assert made.module.training
    inputs = made.example_inputs(4)
    with create(kind, made, options(), onnx_data=given(kind, "dropout")) as engine:
        assert apart(engine.predict(inputs), expected(made, inputs)) <= TOLERANCES["float32"]


def test_every_kind_is_listed_once_those_that_can_be_had_first() -> None:
    infos = available()
    assert sorted(each.kind for each in infos) == sorted(EngineKind)
    flags = [each.available for each in infos]
    assert flags == sorted(flags, reverse=True)
    for flag in (True, False):
        kinds = [each.kind for each in infos if each.available is flag]
        assert kinds == [kind for kind in EngineKind if kind in kinds]
    assert len({each.title for each in infos}) == len({each.about for each in infos}) == len(infos)
    assert all(each.about.endswith(".") and "\n" not in each.about for each in infos)


def test_what_runs_anywhere_can_be_had() -> None:
    everywhere = {
        EngineKind.EAGER, EngineKind.EAGER_GRAD, EngineKind.CHANNELS_LAST, EngineKind.BFLOAT16,
        EngineKind.FLOAT16, EngineKind.TORCHSCRIPT, EngineKind.ORT, EngineKind.ORT_INT8_DYNAMIC,
        EngineKind.ORT_INT8_STATIC, EngineKind.ORT_FLOAT16,
    }  # fmt: skip
    assert everywhere <= set(QUICK)


@pytest.mark.parametrize("info", MISSING, ids=lambda each: str(each.kind))
def test_one_that_cannot_be_had_says_why_and_is_refused_with_that(info: Any) -> None:  # noqa: ANN401 - of a list
    assert info.reason.endswith(".")
    with pytest.raises(EngineError) as caught:
        create(info.kind, zoo.build("simple_mlp"))
    assert str(caught.value) == f"{info.title} cannot be had here. {info.reason}"


def test_no_machine_has_them_all() -> None:
    assert MISSING
    assert all(not each.reason for each in available() if each.available)


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        EngineError, match=r"^There is no engine 'fast': choose one of eager, .*, ort-directml.$"
    ):
        create("fast", zoo.build("simple_mlp"))


def test_a_kind_may_be_named() -> None:
    with create("ort", zoo.build("simple_mlp"), onnx_data=onnx_of("simple_mlp")) as engine:
        assert engine.kind is EngineKind.ORT


def test_the_list_imports_no_compiler_and_no_exporter() -> None:
    code = (
        "import sys; from core.engines import available; available();"
        "print([each for each in ('torch._inductor', 'onnxscript') if each in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
