"""How ONNX Runtime is asked, and what it is given."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from core import zoo
from core.builder import parse_chain
from core.engines import EngineError, EngineKind, EngineOptions, Optimization, Spin, create, export_onnx
from core.engines.ort import PROVIDERS, OnnxRuntimeEngine
from core.export import ExportPlan, export
from tests.core.engines.oracle import apart, expected, onnx_of, options

SPIN = "session.intra_op.spin_duration_us"
MAY_SPIN = "session.intra_op.allow_spinning"


def entry(asked: ort.SessionOptions, key: str) -> str | None:
    try:
        return str(asked.get_session_config_entry(key))
    except RuntimeError:  # there is none
        return None


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("optimization", "level"),
    [
        (Optimization.DISABLE, ort.GraphOptimizationLevel.ORT_DISABLE_ALL),
        (Optimization.BASIC, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC),
        (Optimization.EXTENDED, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
        (Optimization.ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
    ],
)
def test_threads_and_optimization_reach_the_session(
    threads: int, optimization: Optimization, level: ort.GraphOptimizationLevel
) -> None:
    asked = EngineOptions(threads=threads, optimization=optimization)
    engine = OnnxRuntimeEngine(EngineKind.ORT, zoo.build("simple_mlp"), asked, onnx_of("simple_mlp"))
    with engine:
        found = engine._session.get_session_options()
        assert found.intra_op_num_threads == threads
        assert found.inter_op_num_threads == 1
        assert found.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
        assert found.graph_optimization_level == level
        facts = engine.metadata()
    assert (facts["threads"], facts["optimization"]) == (threads, optimization.value)


@pytest.mark.parametrize(
    ("spin", "microseconds", "may"),
    [(Spin.DEFAULT, None, None), (Spin.SHORT, "1000", None), (Spin.OFF, None, "0")],
)
def test_spin_reaches_the_session(spin: Spin, microseconds: str | None, may: str | None) -> None:
    asked = EngineOptions(spin=spin)
    engine = OnnxRuntimeEngine(EngineKind.ORT, zoo.build("simple_mlp"), asked, onnx_of("simple_mlp"))
    with engine:
        found = engine._session.get_session_options()
        assert (entry(found, SPIN), entry(found, MAY_SPIN)) == (microseconds, may)
        assert engine.metadata()["spin"] == spin.value


def test_it_exports_the_model_if_no_file_is_given() -> None:
    made = zoo.build("dict_output")
    inputs = made.example_inputs(3)
    with create("ort", made, options()) as engine:
        assert apart(engine.predict(inputs), expected(made, inputs)) <= 1e-5
        assert engine.metadata()["file_bytes"] == len(export_onnx(made))
    assert made.module.training


def test_a_chain_of_layers_is_exported_with_an_open_batch() -> None:
    made = parse_chain("Input(8); Linear(8, 16); ReLU(); Linear(16, 4)").build()
    inputs = made.example_inputs(5)
    with create("ort", made, options()) as engine:
        assert apart(engine.predict(inputs), expected(made, inputs)) <= 1e-5


def test_a_file_that_is_given_is_what_runs() -> None:
    made, other = zoo.build("simple_mlp", seed=0), zoo.build("simple_mlp", seed=1)
    inputs = made.example_inputs(3)
    with create("ort", other, options(), onnx_data=onnx_of("simple_mlp")) as engine:
        outputs = engine.predict(inputs)
    assert apart(outputs, expected(made, inputs)) <= 1e-5 < apart(outputs, expected(other, inputs))


def test_inputs_with_other_names_go_by_their_order() -> None:
    made = zoo.build("keywords")
    data = export(ExportPlan(model="keywords", opset=20, input_names=("a", "b", "c"))).data
    inputs = made.example_inputs(3)
    with create("ort", made, options(), onnx_data=data) as engine:
        assert apart(engine.predict(inputs), expected(made, inputs)) <= 1e-5


def test_a_file_of_another_model_is_refused_in_one_line() -> None:
    made = zoo.build("keywords")
    with (
        create("ort", made, options(), onnx_data=onnx_of("simple_mlp")) as engine,
        pytest.raises(
            EngineError, match=r"^The file has 1 inputs \(input\) and keywords 3 \(x, scale, shift\)"
        ),
    ):
        engine.predict(made.example_inputs(2))


def test_what_is_no_file_is_refused_in_one_line() -> None:
    with pytest.raises(EngineError, match=r"^The engine ort cannot run simple_mlp: ") as caught:
        create("ort", zoo.build("simple_mlp"), options(), onnx_data=b"no such thing").load()
    assert "\n" not in str(caught.value)


def test_a_model_that_cannot_be_exported_is_refused_in_one_line() -> None:
    with pytest.raises(EngineError, match=r"^The dynamo exporter refuses this model: ") as caught:
        create("ort", zoo.build("early_exit"), options()).load()
    assert "\n" not in str(caught.value)


def test_a_provider_that_does_not_start_is_no_silent_processor(capfd: pytest.CaptureFixture[str]) -> None:
    kind = next(kind for kind, name in PROVIDERS.items() if name not in ort.get_available_providers())
    engine = OnnxRuntimeEngine(kind, zoo.build("simple_mlp"), options(), onnx_of("simple_mlp"))
    with (
        pytest.warns(UserWarning, match=r"not in available provider names"),
        pytest.raises(EngineError) as caught,
    ):
        engine.load()
    assert str(caught.value).startswith(f"ONNX Runtime could not start {PROVIDERS[kind]} and took CPU")
    assert "Falling back" not in capfd.readouterr().out


def test_bound_inputs_and_outputs_give_the_same_numbers() -> None:
    """What a device's engine does, in the processor's memory."""
    made = zoo.build("keywords")
    inputs = made.example_inputs(3)
    engine = OnnxRuntimeEngine(EngineKind.ORT, made, options(), onnx_of("keywords"))
    with engine:
        binding = engine._bind(engine._feeds(inputs), ["output"], "cpu")
        engine._session.run_with_iobinding(binding)
        (bound,) = binding.copy_outputs_to_cpu()
        assert np.array_equal(bound, engine.predict(inputs)[0])


def test_any_layout_of_the_inputs_will_do() -> None:
    made = zoo.build("simple_mlp")
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(0)).t().requires_grad_()
    with create("ort", made, options(), onnx_data=onnx_of("simple_mlp")) as engine:
        assert not x.is_contiguous()
        assert all(each.flags.c_contiguous for each in engine._feeds([x]).values())  # type: ignore[attr-defined]
        assert apart(engine.predict([x]), expected(made, [x])) <= 1e-5


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    made = zoo.build("simple_mlp")
    model = onnx.load_model_from_string(onnx_of("simple_mlp"))
    # A weight that nothing needs: ONNX Runtime warns of it.
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "idle"))
    with create("ort", made, options(), onnx_data=model.SerializeToString()) as engine:
        engine.predict(made.example_inputs(7))
    assert capfd.readouterr() == ("", "")
