"""How far fewer bits are off, against arithmetic, and how much of a file has them."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn

from core import zoo
from core.engines import EngineError, EngineKind, create
from core.engines.ort import OnnxRuntimeEngine
from tests.core.engines.oracle import apart, custom, expected, onnx_of, options

INT8 = (EngineKind.ORT_INT8_DYNAMIC, EngineKind.ORT_INT8_STATIC)
KINDS = (*INT8, EngineKind.ORT_FLOAT16)


@pytest.mark.parametrize("seed", range(5))
def test_int8_dynamic_is_off_by_no_more_than_its_steps_allow(seed: int) -> None:
    made = zoo.build("simple_mlp")
    (x,) = made.example_inputs(8, "normal", seed)
    weight = made.module.get_parameter("linear.weight").detach().double().numpy()  # (2, 10)
    numbers = x.double().numpy()  # (8, 10)
    # A step each: of 254 from -max to max for weights, of 255 from the least to the most, or 0, for inputs.
    for_weight = 2 * np.abs(weight).max() / 254
    for_input = (max(numbers.max(), 0) - min(numbers.min(), 0)) / 255
    # Rounding is off by half a step; a rounded zero point can cost the input another half.
    bound = (np.abs(numbers) @ np.full_like(weight.T, for_weight / 2)) + for_input * (
        np.abs(weight) + for_weight / 2
    ).sum(axis=1)
    with create("ort-int8-dynamic", made, options(), onnx_data=onnx_of("simple_mlp")) as engine:
        (found,) = engine.predict([x])
    off = np.abs(found.astype(np.float64) - expected(made, [x])[0])
    assert (off <= bound + 1e-6).all()
    assert off.max() > 1e-5, "That is float32."


@pytest.mark.parametrize(
    ("kind", "name", "nodes"),
    [
        ("ort-int8-dynamic", "simple_mlp", 1),
        ("ort-int8-dynamic", "mlp", 3),
        ("ort-int8-dynamic", "cnn", 3),  # two convolutions and the head
        ("ort-int8-dynamic", "lstm", 2),  # the LSTM whole, and the head
        ("ort-int8-static", "mlp", 3),
        ("ort-int8-static", "deep_tanh", 10),  # ten linear layers; there is no tanh of int8
        ("ort-int8-static", "lstm", 1),  # the head alone: there is no LSTM of int8 that knows its ranges
        ("ort-float16", "mlp", 5),  # three linear layers and two ReLUs
    ],
)
def test_it_says_how_many_nodes_have_fewer_bits(kind: str, name: str, nodes: int) -> None:
    with create(kind, zoo.build(name), options(), onnx_data=onnx_of(name)) as engine:
        facts = engine.metadata()
    assert facts["quantized_nodes"] == nodes
    assert int(facts["nodes"]) > nodes


@pytest.mark.parametrize("kind", INT8)
def test_nothing_to_quantize_is_refused_because_it_would_be_onnx_runtime_under_another_name(
    kind: EngineKind, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineError) as caught:
        create(kind, custom(nn.Tanh(), (4,)), options()).load()
    assert str(caught.value) == (
        f"No operator of custom can compute in int8, so {kind} would be plain ONNX Runtime: choose that."
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused_in_one_line(kind: EngineKind, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(EngineError, match=r"^The file of simple_mlp cannot be rewritten to ") as caught:
        create(kind, zoo.build("simple_mlp"), options(), onnx_data=b"no such thing").load()
    assert "\n" not in str(caught.value)
    assert not caplog.records


@pytest.mark.parametrize("kind", KINDS)
def test_it_leaves_no_file_and_says_nothing(
    kind: EngineKind,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    with create(kind, zoo.build("lstm"), options(), onnx_data=onnx_of("lstm")):
        assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("kind", KINDS)
def test_it_leaves_both_logs_as_they_were(
    kind: EngineKind, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    disabled = logging.root.manager.disable
    with create(kind, zoo.build("lstm"), options(), onnx_data=onnx_of("lstm")):
        pass
    assert (logging.root.handlers, logging.root.manager.disable) == ([], disabled)
    model = onnx.load_model_from_string(onnx_of("simple_mlp"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "idle"))
    ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert "idle" in capfd.readouterr().err  # ONNX Runtime warns of it


@pytest.mark.parametrize(
    ("kind", "share"), [(EngineKind.ORT_INT8_DYNAMIC, 0.3), (EngineKind.ORT_FLOAT16, 0.55)]
)
def test_large_weights_take_less_room(kind: EngineKind, share: float) -> None:
    torch.manual_seed(0)
    made = custom(nn.Linear(256, 256), (256,))
    sizes = []
    for each in (EngineKind.ORT, kind):
        with create(each, made, options()) as engine:
            sizes.append(int(engine.metadata()["file_bytes"]))
    assert sizes[1] <= share * sizes[0]


def test_inputs_and_outputs_stay_in_float32() -> None:
    made = zoo.build("mlp")
    engine = create("ort-float16", made, options(), onnx_data=onnx_of("mlp"))
    assert isinstance(engine, OnnxRuntimeEngine)
    with engine:
        session = engine._session
        assert [each.type for each in (*session.get_inputs(), *session.get_outputs())] == [
            "tensor(float)"
        ] * 2


def test_the_given_file_stays_as_it_is() -> None:
    data = onnx_of("mlp")
    before = onnx.load_model_from_string(data)
    for kind in KINDS:
        with create(kind, zoo.build("mlp"), options(), onnx_data=data):
            pass
    assert onnx.load_model_from_string(data) == before


def test_more_bits_are_closer() -> None:
    made = zoo.build("transformer")
    inputs = made.example_inputs(4, "normal", seed=3)
    off = []
    for kind in (EngineKind.ORT_INT8_DYNAMIC, EngineKind.ORT_FLOAT16, EngineKind.ORT):
        with create(kind, made, options(), onnx_data=onnx_of("transformer")) as engine:
            off.append(apart(engine.predict(inputs), expected(made, inputs)))
    assert off == sorted(off, reverse=True)
