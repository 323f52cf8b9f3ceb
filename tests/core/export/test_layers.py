"""A drift is found at the layer that has it: files are altered in one place, and no other may be blamed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from core import zoo
from core.export import layers
from core.export.exporter import export, to_onnx
from core.export.layers import SCOPE, VALUES, LayerParity, LayersReport, compare_layers
from core.export.plan import Exporter, ExportPlan
from core.export.specimens import build
from core.rng import seeded
from core.zoo import Input, InputKind, ZooModel


class Block(nn.Module):
    """Work of its own after a layer inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.relu(self.linear(x))  # type: ignore[no-any-return] # a module gives Any


class Nested(nn.Module):
    """Containers that are called twice, one of them right after itself."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.row = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)))
        self.head = nn.Sequential(nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.block(x))
        x = self.row(torch.sin(self.row(x)))
        return self.head(x)  # type: ignore[no-any-return] # a module gives Any


def nested() -> ZooModel:
    with seeded(0):
        return ZooModel("nested", "", "", Nested(), (Input("x", (4,)),))


def trained(made: ZooModel) -> ZooModel:
    """Gives every batch norm numbers to be folded: a new one changes next to nothing."""
    generator = torch.Generator().manual_seed(1)
    for module in made.module.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            with torch.no_grad():
                module.running_mean.normal_(generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)
                module.weight.uniform_(0.5, 2.0, generator=generator)
                module.bias.normal_(generator=generator)
    return made


@dataclass(frozen=True)
class Exported:
    made: ZooModel
    data: bytes


def exported(name: str, exporter: Exporter, *, optimize: bool = True) -> Exported:
    if name == "nested":
        made = nested()
        made.module.eval()
        found = to_onnx(
            made.module, made.example_inputs(), input_names=["x"], batch_axes={"x": 0}, exporter=exporter
        )
        return Exported(made, found.data)
    plan = ExportPlan(model=name, exporter=exporter, opset=18, optimize=optimize)
    made = trained(plan.build())
    return Exported(made, export(plan, made).data)


@pytest.fixture(scope="module")
def legacy() -> Mapping[str, Exported]:
    return {name: exported(name, Exporter.LEGACY) for name in [*zoo.names(), "nested"]}


@pytest.fixture(scope="module")
def dynamo() -> Mapping[str, Exported]:
    return {name: exported(name, Exporter.DYNAMO) for name in ("cnn", "transformer", "nested")}


@pytest.fixture(scope="module")
def files(
    legacy: Mapping[str, Exported], dynamo: Mapping[str, Exported]
) -> Mapping[tuple[str, str], Exported]:
    found = {("legacy", name): each for name, each in legacy.items()}
    return found | {("dynamo", name): each for name, each in dynamo.items()}


FILES = [("legacy", name) for name in [*zoo.names(), "nested"]]
FILES += [("dynamo", name) for name in ("cnn", "transformer", "nested")]
each_file = pytest.mark.parametrize("key", FILES, ids="-".join)
Files = Mapping[tuple[str, str], Exported]


def compare(each: Exported, data: bytes | None = None) -> LayersReport:
    return compare_layers(each.made, each.data if data is None else data)


def row(report: LayersReport, layer: str, call: int = 1) -> LayerParity:
    return next(each for each in report.rows if (each.layer, each.call) == (layer, call))


def altered(data: bytes, name: str, change: Callable[[NDArray[np.float32]], None]) -> bytes:
    """The file with one initializer changed."""
    model = onnx.load_model_from_string(data)
    tensor = next(each for each in model.graph.initializer if each.name == name)
    numbers = numpy_helper.to_array(tensor).copy()
    change(numbers)
    tensor.CopyFrom(numpy_helper.from_array(numbers, name))
    return model.SerializeToString()


def weight_of(data: bytes, node: str, place: int) -> str:
    """What an input of a node is called."""
    nodes = onnx.load_model_from_string(data).graph.node
    return str(next(each for each in nodes if each.name == node).input[place])


def shift(numbers: NDArray[np.float32]) -> None:
    numbers += 0.05


def leaves_called(made: ZooModel) -> list[tuple[str, int]]:
    """The calls of modules without modules, as hooks of this test's own see them."""
    seen: list[tuple[str, int]] = []

    def hook(name: str) -> Callable[..., None]:
        return lambda *_: seen.append((name, 1 + sum(each == name for each, _ in seen)))

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in made.module.named_modules()
        if not list(module.children())
    ]
    made.module.eval()
    with torch.no_grad():
        args, kwargs = made.arguments(made.example_inputs(2, InputKind.NORMAL))
        made.module(*args, **kwargs)
    for handle in handles:
        handle.remove()
    return seen


@each_file
def test_a_good_export_drifts_nowhere(files: Files, key: tuple[str, str]) -> None:
    report = compare(files[key])
    assert report.problem == ""
    assert report.first_drift is None
    assert report.rows[-1].layer == ""
    assert report.rows[-1].deviation is not None


# Measured. A folded convolution has no value, and a dropout none of its own.
MATCHED = {("legacy", "cnn"): 0.8, ("dynamo", "cnn"): 0.8, ("legacy", "residual"): 7 / 9}
SCOPED = MATCHED | {
    ("legacy", "dropout"): 3 / 4,
    ("legacy", "transformer"): 4 / 7,
    ("dynamo", "transformer"): 4 / 7,
}


@each_file
def test_the_leaves_are_found(files: Files, key: tuple[str, str]) -> None:
    report = compare(files[key])
    leaves = leaves_called(files[key].made)
    found = [row(report, *leaf) for leaf in leaves]
    assert sum(bool(each.value) for each in found) / len(leaves) >= MATCHED.get(key, 1)
    assert sum(each.how == SCOPE for each in found) / len(leaves) >= SCOPED.get(key, 1)


@each_file
def test_rows_are_in_the_order_of_execution(files: Files, key: tuple[str, str]) -> None:
    leaves = leaves_called(files[key].made)
    rows = [(each.layer, each.call) for each in compare(files[key]).rows]
    assert [each for each in dict.fromkeys(rows) if each in set(leaves)] == leaves


@each_file
def test_values_are_what_the_reference_evaluator_finds(files: Files, key: tuple[str, str]) -> None:
    each = files[key]
    evaluator = ReferenceEvaluator(onnx.load_model_from_string(each.data))
    inputs = each.made.example_inputs(2, InputKind.NORMAL)
    feeds = {name: tensor.numpy() for name, tensor in zip(evaluator.input_names, inputs, strict=True)}
    values = evaluator.run(None, feeds, intermediate=True)
    assert isinstance(values, dict)
    compared = [found for found in compare(each).rows if found.deviation is not None]
    assert len(compared) >= 1
    for found in compared:
        assert found.deviation is not None
        expected = values[found.value]
        assert expected.shape == found.shape
        scale = max(1.0, float(np.abs(expected).max()))
        assert found.deviation.other == pytest.approx(
            float(expected[found.deviation.index]), abs=1e-5 * scale
        )


def test_numbers_of_a_perceptron_are_those_worked_out_by_hand(legacy: Mapping[str, Exported]) -> None:
    made = legacy["mlp"].made
    report = compare(legacy["mlp"])
    weights = {name: tensor.numpy().astype(float) for name, tensor in made.module.state_dict().items()}
    (x,) = made.example_inputs(2, InputKind.NORMAL)
    expected: dict[str, NDArray[np.float64]] = {}
    value = x.numpy().astype(float)
    for layer, activation in (("fc1", "relu"), ("fc2", "relu2"), ("fc3", "")):
        value = expected[layer] = value @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        if activation:
            value = expected[activation] = np.maximum(value, 0)
    expected[""] = value
    assert [each.layer for each in report.rows] == ["fc1", "relu", "fc2", "relu2", "fc3", ""]
    for each in report.rows:
        assert each.deviation is not None
        assert each.shape == expected[each.layer].shape
        assert each.deviation.eager == pytest.approx(expected[each.layer][each.deviation.index], abs=1e-5)
        assert each.deviation.absolute == abs(each.deviation.eager - each.deviation.other)


def test_a_row_says_what_computes_it(legacy: Mapping[str, Exported]) -> None:
    found = row(compare(legacy["mlp"]), "fc2")
    assert (found.value, found.node, found.op_type) == ("/fc2/Gemm_output_0", "/fc2/Gemm", "Gemm")
    assert (found.type, found.how, found.output, found.shape) == ("Linear", SCOPE, "output", (2, 16))


# The node whose weight is altered, which of its inputs that is, and the layer to be found.
DRIFTS = {
    ("legacy", "scalar_linear"): ("/Gemm", 1, ""),
    ("legacy", "simple_mlp"): ("/linear/Gemm", 2, "linear"),
    ("legacy", "mlp"): ("/fc2/Gemm", 1, "fc2"),
    ("legacy", "cnn"): ("/conv2/Conv", 1, "bn2"),
    ("legacy", "residual"): ("/block/conv2/Conv", 2, "block.bn2"),
    ("legacy", "lstm"): ("/lstm/LSTM", 2, "lstm"),
    ("legacy", "transformer"): ("/encoder/linear1/Add", 0, "encoder.linear1"),
    ("legacy", "reused"): ("/twin/Gemm", 2, "twin"),
    ("legacy", "inplace_relu"): ("/fc2/Gemm", 2, "fc2"),
    ("legacy", "dict_output"): ("/class_head/Gemm", 1, "class_head"),
    ("legacy", "keywords"): ("/head/Gemm", 1, "head"),
    ("legacy", "dropout"): ("/fc2/Gemm", 1, "fc2"),
    ("legacy", "containers"): ("/layers.1/Gemm", 1, "layers.1"),
    ("legacy", "early_exit"): ("/block2/linear/Gemm", 1, "block2.linear"),
    ("legacy", "deep_tanh"): ("/linear5/Gemm", 1, "linear5"),
    ("legacy", "deep_relu"): ("/linear7/Gemm", 1, "linear7"),
    ("legacy", "nested"): ("/row/row.1/row.1.1/Gemm", 1, "row.1.1"),
    ("dynamo", "cnn"): ("node_Conv_23", 1, "bn2"),
    ("dynamo", "transformer"): ("node_linear_2", 1, "encoder.linear1"),
    ("dynamo", "nested"): ("node_linear_3", 1, "row.1.1"),
}


def test_every_file_is_altered_once() -> None:
    assert set(DRIFTS) == set(FILES)


@each_file
def test_a_drift_is_found_at_the_layer_that_has_it(files: Files, key: tuple[str, str]) -> None:
    node, place, layer = DRIFTS[key]
    data = files[key].data
    report = compare(files[key], altered(data, weight_of(data, node, place), shift))
    assert report.first_drift is not None
    assert (report.first_drift.layer, report.first_drift.call) == (layer, 1)
    assert report.first_drift.deviation is not None
    assert not report.first_drift.deviation.agree


@each_file
def test_a_change_within_the_tolerance_is_no_drift(files: Files, key: tuple[str, str]) -> None:
    def nudge(numbers: NDArray[np.float32]) -> None:
        numbers += np.float32(2e-7)

    node, place, layer = DRIFTS[key]
    data = files[key].data
    changed = altered(data, weight_of(data, node, place), nudge)
    assert changed != data
    report = compare(files[key], changed)
    assert report.first_drift is None
    assert row(report, layer).deviation != row(compare(files[key]), layer).deviation


@pytest.mark.parametrize(("by", "drifts"), [(2e-6, False), (1e-3, True)])
def test_one_weight_is_enough(legacy: Mapping[str, Exported], by: float, drifts: bool) -> None:
    def nudge(numbers: NDArray[np.float32]) -> None:
        numbers[3] += np.float32(by)

    report = compare(legacy["mlp"], altered(legacy["mlp"].data, "fc2.bias", nudge))
    found = row(report, "fc2").deviation
    assert found is not None
    assert found.index[1] == 3
    assert found.absolute == pytest.approx(by, rel=0.1)
    assert (report.first_drift == row(report, "fc2")) is drifts
    assert (report.first_drift is None) is not drifts


@pytest.mark.parametrize(
    ("exporter", "name", "node", "layer"),
    [
        ("legacy", "reused", "/step_1/Gemm", "step"),
        ("legacy", "nested", "/block/linear_1/Gemm", "block.linear"),
        ("legacy", "nested", "/row/row.0_1/Gemm", "row.0"),
        ("dynamo", "nested", "node_linear_1", "block.linear"),
        ("dynamo", "nested", "node_linear_4", "row.0"),
    ],
)
def test_the_second_call_of_a_layer_is_told_from_the_first(
    files: Files, exporter: str, name: str, node: str, layer: str
) -> None:
    model = onnx.load_model_from_string(files[exporter, name].data)
    second = next(each for each in model.graph.node if each.name == node)
    bias = next(each for each in model.graph.initializer if each.name == second.input[2])
    second.input[2] = "another"
    model.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(bias) + 1, "another"))
    found = compare(files[exporter, name], model.SerializeToString()).first_drift
    assert found is not None
    assert (found.layer, found.call, found.how) == (layer, 2, SCOPE)


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_a_container_called_twice_is_found_both_times(files: Files, exporter: str) -> None:
    report = compare(files[exporter, "nested"])
    for layer in ("block", "row", "row.1"):
        for call in (1, 2):
            found = row(report, layer, call)
            assert found.how == SCOPE
            assert found.deviation is not None
            assert found.deviation.agree


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_a_folded_convolution_says_so_and_does_not_drift(files: Files, exporter: str) -> None:
    report = compare(files[exporter, "cnn"])
    folded, norm = row(report, "conv2"), row(report, "bn2")
    assert (folded.value, folded.how, folded.deviation, folded.drifts) == ("", "", None, False)
    assert "folded `bn2`" in folded.problem
    assert (norm.op_type, norm.how, norm.problem) == ("Conv", SCOPE, "")


def test_a_container_that_ends_in_a_folded_convolution_does_not_drift() -> None:
    module = nn.Sequential(nn.Sequential(nn.Conv2d(2, 3, 1)), nn.Sequential(nn.BatchNorm2d(3)), nn.Flatten())
    made = trained(ZooModel("folded", "", "", module, (Input("input", (2, 2, 2)),)))
    module.eval()
    data = to_onnx(
        module,
        made.example_inputs(),
        input_names=["input"],
        batch_axes={"input": 0},
        exporter=Exporter.LEGACY,
    ).data
    report = compare_layers(made, data)
    assert report.first_drift is None
    assert [each.layer for each in report.rows if each.value] == ["1.0", "1", "2", ""]


def test_without_optimization_the_convolution_has_its_value() -> None:
    each = exported("cnn", Exporter.LEGACY, optimize=False)
    found = row(compare(each), "conv1")
    assert (found.how, found.op_type, found.problem) == (SCOPE, "Conv", "")


def test_a_dropout_is_found_by_its_numbers(legacy: Mapping[str, Exported]) -> None:
    report = compare(legacy["dropout"])
    found = row(report, "dropout")
    assert (found.how, found.value) == (VALUES, row(report, "relu").value)


def test_an_output_that_the_graph_left_out_is_no_drift(legacy: Mapping[str, Exported]) -> None:
    model = onnx.load_model_from_string(legacy["lstm"].data)
    lstm = next(each for each in model.graph.node if each.op_type == "LSTM")
    del lstm.output[1:]
    report = compare(legacy["lstm"], model.SerializeToString())
    hidden = next(each for each in report.rows if each.output == "output[1][0]")
    assert (hidden.value, hidden.deviation) == ("", None)
    assert hidden.problem.startswith("No value in the graph has its numbers")
    assert report.first_drift is None


def without_record(data: bytes) -> onnx.ModelProto:
    model = onnx.load_model_from_string(data)
    for node in model.graph.node:
        node.ClearField("name")
        node.ClearField("metadata_props")
    return model


@pytest.mark.parametrize("key", [("legacy", "mlp"), ("dynamo", "nested")], ids="-".join)
def test_without_a_record_the_numbers_decide(files: Files, key: tuple[str, str]) -> None:
    report = compare(files[key], without_record(files[key].data).SerializeToString())
    recorded = compare(files[key])
    assert [each.value for each in report.rows] == [each.value for each in recorded.rows]
    assert {each.how for each in report.rows if each.layer} == {VALUES}


def test_without_a_record_the_only_value_of_a_shape_is_taken(legacy: Mapping[str, Exported]) -> None:
    data = without_record(legacy["mlp"].data).SerializeToString()
    found = compare(legacy["mlp"], altered(data, "fc3.weight", shift)).first_drift
    assert found is not None
    assert (found.layer, found.how) == ("fc3", VALUES)


def test_a_record_that_does_not_begin_at_the_root_is_none(legacy: Mapping[str, Exported]) -> None:
    model = without_record(legacy["mlp"].data)
    for node in model.graph.node:
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['elsewhere', 'fc3', 'linear']")
    found = compare(legacy["mlp"], altered(model.SerializeToString(), "fc3.weight", shift)).first_drift
    assert found is not None
    assert (found.layer, found.how) == ("fc3", VALUES)


@given(
    names=st.lists(st.text(max_size=30), min_size=1, max_size=5),
    scopes=st.text(max_size=60),
    both=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_may_say_what_it_likes(
    legacy: Mapping[str, Exported], names: list[str], scopes: str, both: bool
) -> None:
    model = without_record(legacy["mlp"].data)
    for place, node in enumerate(model.graph.node):
        node.name = f"{names[place % len(names)]}{place}"
        if both:
            node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    report = compare(legacy["mlp"], model.SerializeToString())
    assert [each.layer for each in report.rows] == ["fc1", "relu", "fc2", "relu2", "fc3", ""]
    assert report.rows[-1].deviation is not None
    assert report.rows[-1].deviation.agree


def test_a_layer_that_works_in_place_does_not_change_what_came_before(
    legacy: Mapping[str, Exported],
) -> None:
    found = row(compare(legacy["inplace_relu"]), "fc1")
    (x,) = legacy["inplace_relu"].made.example_inputs(2, InputKind.NORMAL)
    assert legacy["inplace_relu"].made.module.get_submodule("fc1")(x).min() < 0
    assert found.deviation is not None
    assert found.deviation.agree


class Kept(nn.Module):
    """Shows the outside what it has on the way."""

    def forward(self, x: Tensor) -> Tensor:
        self.way = torch.sin(x)
        return torch.cos(self.way)


class Numbered(nn.Module):
    """A layer whose name is what the legacy exporter calls the second call of another."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.linear_1 = nn.Linear(4, 4)
        self.kept = Kept()

    def forward(self, x: Tensor) -> Tensor:
        y = self.kept(self.linear_1(torch.relu(self.linear(x))))
        return y - 2 * self.kept.way  # type: ignore[no-any-return] # a module gives Any


@pytest.fixture(scope="module")
def numbered() -> Exported:
    with seeded(0):
        made = ZooModel("numbered", "", "", Numbered().eval(), (Input("x", (4,)),))
    found = to_onnx(
        made.module, made.example_inputs(), input_names=["x"], batch_axes={"x": 0}, exporter=Exporter.LEGACY
    )
    return Exported(made, found.data)


def test_a_name_that_looks_like_a_second_call_is_a_name(numbered: Exported) -> None:
    bias = weight_of(numbered.data, "/linear_1/Gemm", 2)
    found = compare(numbered, altered(numbered.data, bias, shift)).first_drift
    assert found is not None
    assert (found.layer, found.call, found.how) == ("linear_1", 1, SCOPE)


def test_of_several_values_that_leave_a_layer_the_last_is_its_output(numbered: Exported) -> None:
    report = compare(numbered)
    assert report.first_drift is None
    assert (row(report, "kept").how, row(report, "kept").op_type) == (SCOPE, "Cos")


class Mixed(nn.Module):
    """Outputs of several dtypes."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x > 0, (x * 10).to(torch.int64), x.to(torch.float16)


class Around(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mixed = Mixed()

    def forward(self, x: Tensor) -> Tensor:
        mask, whole, half = self.mixed(x)
        return torch.where(mask, whole.float(), half.float())


def test_values_of_any_dtype_are_compared() -> None:
    made = ZooModel("mixed", "", "", Around().eval(), (Input("x", (4,)),))
    data = to_onnx(
        made.module, made.example_inputs(), input_names=["x"], batch_axes={"x": 0}, exporter=Exporter.LEGACY
    ).data
    report = compare_layers(made, data)
    assert [each.output for each in report.rows] == ["output[0]", "output[1]", "output[2]", "output"]
    assert [each.how for each in report.rows] == [SCOPE] * 4
    assert all(each.deviation is not None and each.deviation.agree for each in report.rows)


def test_a_number_that_nearly_cancels_is_no_drift() -> None:
    eager = np.array([1000.0, 1e-3], np.float32)
    found, _ = layers._compare(eager, eager + np.float32(1e-3))
    assert found is not None
    assert found.agree
    found, _ = layers._compare(eager, eager + np.float32(0.2))
    assert found is not None
    assert not found.agree
    found, _ = layers._compare(eager, np.array([1000.0, np.nan], np.float32))
    assert found is not None
    assert not found.agree


@pytest.mark.parametrize("optimize", [False, True])
def test_the_runtime_may_optimize(legacy: Mapping[str, Exported], optimize: bool) -> None:
    report = compare_layers(legacy["mlp"].made, legacy["mlp"].data, optimize=optimize)
    assert [bool(each.value) for each in report.rows] == [True] * 6
    assert report.first_drift is None


def test_a_branch_that_the_graph_has_lost_is_a_drift(legacy: Mapping[str, Exported]) -> None:
    each = legacy["early_exit"]
    report = compare_layers(each.made, each.data, kind=InputKind.ZEROS)
    assert "block2" not in {found.layer for found in report.rows}
    assert report.first_drift is not None
    assert report.first_drift.layer == "head"


def test_a_number_that_python_took_out_is_a_drift_for_other_inputs() -> None:
    each = exported("python_scale", Exporter.LEGACY)
    assert compare_layers(each.made, each.data, seed=0).first_drift is None
    found = compare_layers(each.made, each.data, seed=1).first_drift
    assert found is not None
    assert found.layer == "linear"


def test_an_output_of_another_shape_is_a_drift(legacy: Mapping[str, Exported]) -> None:
    model = onnx.load_model_from_string(legacy["mlp"].data)
    (output,) = model.graph.output
    model.graph.node.append(onnx.helper.make_node("Transpose", ["inner"], [output.name]))
    model.graph.node[-2].output[0] = "inner"
    output.type.tensor_type.shape.ClearField("dim")
    output.type.tensor_type.shape.dim.add(dim_value=4)
    output.type.tensor_type.shape.dim.add(dim_param="batch")
    found = compare(legacy["mlp"], model.SerializeToString()).first_drift
    assert found is not None
    assert (found.layer, found.deviation) == ("", None)
    assert found.problem == "The shape is (4, 2), and eager gives (2, 4)."


def test_a_runtime_that_refuses_is_one_line() -> None:
    each = exported("loop_over_batch", Exporter.LEGACY)
    report = compare_layers(each.made, each.data, batch=3)
    assert report.rows == ()
    assert report.first_drift is None
    assert "Split" in report.problem
    assert "\n" not in report.problem


def test_a_graph_with_other_inputs_is_refused(legacy: Mapping[str, Exported]) -> None:
    report = compare(legacy["keywords"], legacy["mlp"].data)
    assert report == LayersReport((), None, "The graph has 1 inputs, the model 3.")


def test_the_model_is_left_as_it_came() -> None:
    made = build("cnn")
    made.module.train()
    made.module.get_submodule("bn1").eval()
    data = exported("cnn", Exporter.LEGACY).data
    before = {name: tensor.clone() for name, tensor in made.module.state_dict().items()}
    flags = [module.training for module in made.module.modules()]
    compare_layers(made, data)
    assert [module.training for module in made.module.modules()] == flags
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.module.state_dict().items())
    for module in made.module.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_model_in_training_is_compared_as_in_evaluation(legacy: Mapping[str, Exported]) -> None:
    made = build("dropout")
    assert made.module.training
    assert compare_layers(made, legacy["dropout"].data).first_drift is None


def test_hooks_are_gone_when_the_model_raises(legacy: Mapping[str, Exported]) -> None:
    made = build("mlp")
    wrong = ZooModel("wrong", "", "", made.module, (Input("x", (7,)),))
    with pytest.raises(RuntimeError):
        compare_layers(wrong, legacy["mlp"].data)
    assert made.module.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in made.module.modules())


def test_what_has_no_room_is_left_out_and_said(
    legacy: Mapping[str, Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "MAX_BYTES", 300)
    report = compare(legacy["mlp"])
    assert row(report, "fc1").value
    assert row(report, "fc2").problem == "Its output is too large to be kept."
    assert "values were not looked at" in report.problem
    assert report.first_drift is None


def test_no_more_values_are_looked_at_than_allowed(
    legacy: Mapping[str, Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "MAX_VALUES", 1)
    report = compare(legacy["mlp"])
    assert {each.value for each in report.rows} == {"/fc1/Gemm_output_0", "", "output"}
    assert report.problem.startswith("3 of the graph's values")


def test_values_that_no_layer_can_have_are_not_looked_at(
    legacy: Mapping[str, Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "MAX_VALUES", 40)
    assert len(onnx.load_model_from_string(legacy["transformer"].data).graph.node) > 100
    report = compare(legacy["transformer"])
    assert report.problem == ""
    assert all(each.value for each in report.rows)
