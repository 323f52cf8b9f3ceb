import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core import wire, zoo
from core.benchmark.method import Progress
from core.benchmark.operators import (
    Kernel,
    NodeState,
    OperatorProfile,
    OperatorsPlan,
    operators,
)
from core.benchmark.operators.eager import Event, side_of
from core.benchmark.operators.graph import exported_nodes, heaviest, module_of, sources
from core.benchmark.operators.measurement import graph_nodes, profile_of
from core.benchmark.operators.onnx import OnnxPlan, kernel_runs, profile_onnx
from core.benchmark.operators.profile import BETWEEN, BLOCKS, PYTHON, typical
from core.benchmark.rounds import BenchmarkError
from core.engines.engine import EngineError
from core.engines.ort import export_onnx
from core.zoo import ZooError

SECONDS = 0.03
MODELS = ("mlp", "cnn", "transformer", "lstm", "keywords")


@pytest.fixture(scope="module")
def profiles() -> Mapping[str, OperatorProfile]:
    return {name: operators(OperatorsPlan(name, batch=3, seconds=SECONDS)) for name in MODELS}


# Both sides of real models.


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_of_a_side_add_up_to_its_total(profiles: Mapping[str, OperatorProfile], name: str) -> None:
    found = profiles[name]
    assert found.complete
    assert found.eager is not None
    assert found.onnx is not None
    kernels, rows = found.onnx.kernels, found.eager.operators
    assert math.isclose(sum(each.seconds for each in kernels), found.onnx.clock.total)
    assert math.isclose(sum(each.seconds for each in rows), found.eager.clock.total)
    assert math.isclose(sum(each.share for each in kernels), 1)
    assert math.isclose(sum(each.share for each in rows), 1)
    assert all(each.seconds >= 0 for each in kernels)
    assert all(each.seconds >= 0 for each in rows)
    for row in rows:
        assert math.isclose(sum(part.seconds for part in row.parts), row.seconds, abs_tol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_modules_of_a_side_add_up_too(profiles: Mapping[str, OperatorProfile], name: str) -> None:
    found = profiles[name]
    assert found.eager is not None
    assert found.onnx is not None
    eager = sum(each.eager or 0 for each in found.modules)
    onnx_seconds = sum(each.onnx or 0 for each in found.modules) + found.unplaced
    assert math.isclose(eager, found.eager.clock.total)
    assert math.isclose(onnx_seconds, found.onnx.clock.total)
    root = next(each for each in found.modules if not each.module)
    assert root.eager_all is not None
    assert root.onnx_all is not None
    assert math.isclose(root.eager_all, eager)
    assert math.isclose(root.onnx_all, onnx_seconds - found.unplaced)


@pytest.mark.parametrize("name", MODELS)
def test_every_node_of_the_exported_graph_is_accounted_for(
    profiles: Mapping[str, OperatorProfile], name: str
) -> None:
    found = profiles[name]
    assert found.onnx is not None
    graph = onnx.load_model_from_string(export_onnx(zoo.build(name))).graph
    assert [(each.name, each.op_type) for each in found.nodes] == [
        (each.name, each.op_type) for each in graph.node
    ]
    kernels = {each.name for each in found.onnx.kernels}
    for node in found.nodes:
        assert set(node.kernels) <= kernels
        assert (node.state is NodeState.RAN) == (not node.words)
        assert (node.seconds is None) == (node.state in {NodeState.FUSED, NodeState.REMOVED})
        assert bool(node.kernels) == (node.state is not NodeState.REMOVED)
    named = dict(zoo.build(name).module.named_modules())
    assert {each.module for each in found.nodes} <= set(named)
    assert {each.module for each in found.modules} <= set(named)


def test_a_fused_activation_says_where_it_went(profiles: Mapping[str, OperatorProfile]) -> None:
    found = profiles["mlp"]
    states = [each.state for each in found.nodes]
    assert states == [NodeState.FUSED] * 4 + [NodeState.RAN]
    assert found.nodes[0].kernels == found.nodes[1].kernels
    assert "with its neighbors" in found.nodes[1].words
    assert "(FusedGemm)" in found.nodes[1].words
    modules = {each.module: each for each in found.modules}
    assert modules["fc1"].onnx is not None
    assert modules["relu"].onnx is None
    assert modules["relu"].eager is not None
    assert modules["relu"].note == "ONNX Runtime computes it with fc1."
    assert modules["fc1"].type == "Linear"


def test_a_layer_that_the_exporter_merged_says_with_which(profiles: Mapping[str, OperatorProfile]) -> None:
    modules = {each.module: each for each in profiles["cnn"].modules}
    assert modules["conv1"].onnx is None
    assert modules["conv1"].note == "The exporter merged it with bn1."
    assert modules["bn1"].onnx is not None
    assert not modules["bn1"].note


def test_operators_of_pytorch_are_those_of_their_modules(profiles: Mapping[str, OperatorProfile]) -> None:
    side = profiles["mlp"].eager
    assert side is not None
    found = {(each.module, each.operator): each.calls for each in side.operators if each.operator != PYTHON}
    linear, relu = "aten::linear", "aten::relu"
    assert found == {
        ("fc1", linear): 1, ("relu", relu): 1, ("fc2", linear): 1, ("relu2", relu): 1, ("fc3", linear): 1,
    }  # fmt: skip
    first = next(each for each in side.operators if each.operator == linear)
    assert "aten::addmm" in {each.operator for each in first.parts}
    assert {each.module for each in side.operators if each.operator == PYTHON} == set(side.modules)


def test_an_encoder_layer_stays_on_the_path_that_it_takes_unwatched(
    profiles: Mapping[str, OperatorProfile],
) -> None:
    found = profiles["transformer"]
    side = found.eager
    assert side is not None
    ran = {each.operator for each in side.operators if each.module == "encoder"}
    assert "aten::_transformer_encoder_layer_fwd" in ran
    modules = {each.module: each for each in found.modules}
    assert modules["encoder.self_attn"].eager is None
    inside = [each.onnx or 0 for name, each in modules.items() if name.startswith("encoder")]
    assert modules["encoder"].onnx_all is not None
    assert math.isclose(modules["encoder"].onnx_all, sum(inside))
    assert any(each.startswith("PyTorch ran encoder without calling") for each in found.caveats)
    assert not any("PyTorch ran lstm" in each for each in profiles["lstm"].caveats)


def test_what_the_model_computes_itself_is_its_own(profiles: Mapping[str, OperatorProfile]) -> None:
    nodes = {each.op_type: each.module for each in profiles["keywords"].nodes}
    assert (nodes["Mul"], nodes["Add"], nodes["Relu"]) == ("", "", "relu")


@pytest.mark.parametrize("name", MODELS)
def test_what_profiling_costs_is_said(profiles: Mapping[str, OperatorProfile], name: str) -> None:
    found = profiles[name]
    for side, title in ((found.eager, "PyTorch"), (found.onnx, "ONNX Runtime")):
        assert side is not None
        assert side.clock.plain > 0
        assert side.clock.runs >= 2 * BLOCKS
        assert math.isclose(side.clock.overhead, side.clock.total / side.clock.plain - 1)
        assert any(each.startswith(f"{title}: A call takes ") for each in found.caveats)


@pytest.mark.parametrize("name", MODELS)
def test_a_profile_is_json_and_back(profiles: Mapping[str, OperatorProfile], name: str) -> None:
    found = profiles[name]
    assert wire.read(OperatorProfile, wire.write(OperatorProfile, found)) == found


def test_what_cannot_be_exported_has_one_side(capfd: pytest.CaptureFixture[str]) -> None:
    found = operators(OperatorsPlan("early_exit", seconds=SECONDS))
    assert not found.complete
    assert found.onnx is None
    assert found.nodes == ()
    assert found.eager is not None
    assert all(each.onnx_all is None for each in found.modules)
    assert any("exporter refuses this model" in each for each in found.caveats)
    assert capfd.readouterr() == ("", "")


def test_one_that_is_stopped_has_what_there_is() -> None:
    told: list[Progress] = []

    def stop() -> bool:
        return told[-1].stage == "Exporting"

    found = operators(OperatorsPlan("mlp", seconds=SECONDS), tell=told.append, stop=stop)
    assert (found.complete, found.onnx) == (False, None)
    assert found.eager is not None
    assert found.caveats[0] == "It was stopped before its end."
    assert [each.stage for each in told] == ["Profiling PyTorch", "Exporting"]


def test_a_plan_that_cannot_be_profiled_is_refused() -> None:
    with pytest.raises(ZooError, match="There is no model"):
        operators(OperatorsPlan("nothing"))
    with pytest.raises(BenchmarkError, match="threads, expected 1 to"):
        operators(OperatorsPlan("mlp", threads=10_000))


def test_the_profile_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    data = export_onnx(zoo.build("simple_mlp"))
    side = profile_onnx(OnnxPlan(data, seconds=0.001))
    assert [each.name for each in side.kernels] == ["node_linear", BETWEEN]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EngineError, match="ONNX Runtime cannot profile simple_mlp"):
        profile_onnx(OnnxPlan(b"nothing", seconds=0.001))
    assert list(tmp_path.iterdir()) == []


# ONNX Runtime's file.


def event(name: str, microseconds: int, kind: str = "Node") -> dict[str, object]:
    return {"cat": kind, "name": name, "dur": microseconds, "ts": 0, "args": {}}


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=6), min_size=1))
def test_each_run_has_its_kernels_and_what_is_between(runs: list[list[tuple[str, int]]]) -> None:
    events: list[dict[str, object]] = [event("session_initialization", 5, "Session")]
    for run in runs:
        events += [event(f"{name}_kernel_time", took) for name, took in run]
        events += [
            event("a_fence_before", 99),
            event("model_run", sum(took for _, took in run) + 7, "Session"),
        ]
    found = kernel_runs(events)
    assert len(found) == len(runs)
    for kernels, run in zip(found, runs, strict=True):
        assert math.isclose(kernels[BETWEEN], 7e-6)
        assert math.isclose(sum(kernels.values()), (sum(took for _, took in run) + 7) * 1e-6)
        assert set(kernels) == {name for name, _ in run} | {BETWEEN}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.lists(st.fixed_dictionaries({}, optional={"cat": JSON, "name": JSON, "dur": JSON}) | JSON, max_size=5)
)
def test_a_file_that_is_none_is_refused(events: list[dict[str, object]]) -> None:
    with pytest.raises(ValueError, match=r"profile|could not convert"):
        kernel_runs(events)


# The graph before and after.


def node(
    op_type: str, inputs: str, outputs: str, name: str, scopes: str = "", domain: str = ""
) -> onnx.NodeProto:
    made = helper.make_node(op_type, inputs.split(), outputs.split(), name=name, domain=domain)
    if scopes:
        made.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    return made


def graph(*nodes: onnx.NodeProto, weights: str = "") -> onnx.GraphProto:
    filled = [helper.make_tensor(name, TensorProto.FLOAT, [1], [1.0]) for name in weights.split()]
    return helper.make_graph(nodes, "g", [], [], filled)


BEFORE = graph(
    node("Conv", "x conv.weight", "a", "conv", "['', 'bn', 'norm']"),
    node("Relu", "a", "b", "relu", "['', 'act', 'relu']"),
    node("Transpose", "b", "c", "turn", "['', 'turn']"),
    node("Gemm", "c fc.weight fc.bias", "d", "fc", "['', 'head', 'head.fc', 'linear']"),
    node("Identity", "d", "e", "same"),
    weights="conv.weight fc.weight fc.bias",
)


def test_a_node_stands_for_what_leads_to_its_output() -> None:
    after = graph(node("Conv", "x w", "b", "any name"), node("Gemm", "b w2", "d", "another"))
    assert sources(BEFORE, after) == {"any name": ("conv", "relu"), "another": ("turn", "fc")}


def test_names_tell_where_values_have_new_ones() -> None:
    after = graph(
        node("Conv", "x w", "new0", "b_nchwc", domain="com.microsoft.nchwc"),
        node("Transpose", "new0", "new1", "turn"),
        node("Split", "new1", "new2", "fc/GatherSliceToSplitFusion"),
        node("FusedGemm", "new2", "new3", "fused fc"),
        node("Gather", "new3", "new4", "Gather"),
    )
    assert sources(BEFORE, after) == {
        "b_nchwc": ("relu",),
        "turn": ("turn",),
        "fc/GatherSliceToSplitFusion": ("fc",),
        "fused fc": ("fc",),
        "Gather": (),
    }


def test_a_new_order_of_channels_is_no_new_value() -> None:
    after = graph(
        node("ReorderInput", "x", "x8", "into", domain="com.microsoft.nchwc"),
        node("Conv", "x8 w", "b8", "b_nchwc", domain="com.microsoft.nchwc"),
        node("ReorderOutput", "b8", "b", "out of", domain="com.microsoft.nchwc"),
        node("Gemm", "b w2", "d", "fc"),
    )
    assert sources(BEFORE, after) == {
        "into": (), "b_nchwc": ("conv", "relu"), "out of": (), "fc": ("turn", "fc"),
    }  # fmt: skip


def test_modules_come_from_what_the_exporter_wrote_down() -> None:
    found = {each.name: (each.module, each.owners) for each in exported_nodes(BEFORE)}
    assert found == {
        "conv": ("bn", ("conv",)),
        "relu": ("act", ()),
        "turn": ("", ()),
        "fc": ("head.fc", ("fc",)),
        "same": (None, ()),
    }
    outside = "['_empty_nn_module_stack_from_metadata_hook', 'sym_size_int_2']"
    assert module_of(node("Shape", "x", "s", "shape", outside)) == ""


@given(st.text(max_size=40))
def test_whatever_was_written_down_is_a_module_or_none(text: str) -> None:
    assert isinstance(module_of(node("Relu", "a", "b", "n", f"{text} ")), str)


def test_a_product_outweighs_a_normalization_and_that_the_rest() -> None:
    made = [
        replace(exported_nodes(BEFORE)[0], op_type=each) for each in ("Add", "LayerNormalization", "MatMul")
    ]
    assert heaviest(made) == made[2]
    assert heaviest(made[:2]) == made[1]
    assert heaviest([made[0]]) == made[0]
    assert heaviest([]) is None


def test_what_became_of_a_node_is_said() -> None:
    kernels = [
        Kernel("k0", "Conv", ("conv", "relu"), "bn", 3e-6, 0.5),
        Kernel("k1", "Split", ("turn",), "", 1e-6, 0.2),
        Kernel("k2", "Squeeze", ("turn",), "", 1e-6, 0.2),
        Kernel("k3", "Gemm", ("fc",), "head.fc", 1e-6, 0.1),
    ]
    found = graph_nodes(exported_nodes(BEFORE), kernels)
    assert [(each.name, each.state, each.seconds) for each in found] == [
        ("conv", NodeState.FUSED, None),
        ("relu", NodeState.FUSED, None),
        ("turn", NodeState.REWRITTEN, 2e-6),
        ("fc", NodeState.RAN, 1e-6),
        ("same", NodeState.REMOVED, None),
    ]
    assert found[2].words == "ONNX Runtime runs `k1` (Split), `k2` (Squeeze) in its place."
    assert found[4].words == "ONNX Runtime removed it: its result is not needed."


# PyTorch's events.


RUN = Event(
    "(run)", 100e-6,
    (Event(
        "module:", 90e-6,
        (
            Event("module:fc", 40e-6, (Event("aten::linear", 30e-6, (Event("aten::mm", 20e-6),)),)),
            Event("aten::add", 5e-6),
            Event("module:fc", 20e-6, (Event("aten::linear", 10e-6, (Event("aten::mm", 10e-6),)),)),
        ),
    ),),
)  # fmt: skip


def test_rows_are_operators_by_module_and_the_rest_is_python() -> None:
    side = side_of([RUN] * 3, 50e-6, {"": "M", "fc": "Linear"})
    found = {(row.module, row.operator): (row.calls, round(row.seconds * 1e6, 6)) for row in side.operators}
    assert found == {
        ("", PYTHON): (1, 35),
        ("fc", PYTHON): (2, 20),
        ("fc", "aten::linear"): (2, 40),
        ("", "aten::add"): (1, 5),
    }
    linear = next(row for row in side.operators if row.operator == "aten::linear")
    assert [(part.operator, round(part.seconds * 1e6, 6)) for part in linear.parts] == [
        ("aten::mm", 30),
        ("aten::linear", 10),
    ]
    assert math.isclose(side.clock.total, 100e-6)
    assert math.isclose(side.clock.overhead, 1)
    assert "with the profiler and 50 µs without (+100%)" in str(side.clock)


# Many runs.


@given(st.integers(1, 40), st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1), min_size=1))
def test_runs_that_are_all_alike_are_typical(count: int, run: dict[str, float]) -> None:
    found = typical([run] * count)
    assert found.keys() == run.keys()
    assert all(math.isclose(found[key], run[key], abs_tol=1e-12) for key in run)


def test_a_block_that_was_disturbed_does_not_count() -> None:
    runs = [{"a": 1.0}] * 90
    runs[10:20] = [{"a": 50.0}] * 10
    assert typical(runs) == {"a": 1.0}
    # Whole microseconds come out finer: half the runs say 1, half 2.
    assert typical([{"a": float(1 + number % 2)} for number in range(180)]) == {"a": 1.5}
    with pytest.raises(ValueError, match="No run was profiled"):
        typical([])


def test_one_side_alone_is_a_profile() -> None:
    side = side_of([RUN], 50e-6, {"": "M", "fc": "Linear"})
    found = profile_of(OperatorsPlan("mlp"), side, None, b"", ["Why."])
    assert found.caveats[0] == "Why."
    assert [(each.module, each.onnx_all) for each in found.modules] == [("", None), ("fc", None)]
    assert found.modules[0].eager_all == pytest.approx(100e-6)
    assert wire.read(OperatorsPlan, wire.write(OperatorsPlan, OperatorsPlan())) == OperatorsPlan()
