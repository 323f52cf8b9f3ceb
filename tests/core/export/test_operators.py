from onnx import helper
from onnxruntime.capi import onnxruntime_pybind11_state

from core.export.operators import BRANCHING, CONTRIB, RANDOM, is_contrib, is_standard, newest


def test_every_allowed_operator_of_onnx_runtime_exists() -> None:
    schemas = onnxruntime_pybind11_state.get_all_operator_schema()
    known = {schema.name for schema in schemas if schema.domain == "com.microsoft"}
    assert known >= CONTRIB
    assert not {"EPContext", "Snpe", "BeamSearch", "GreedySearch", "Sampling", "Tokenizer"} & CONTRIB


def test_the_operators_with_a_warning_exist() -> None:
    assert all(is_standard(helper.make_node(name, [], [])) for name in BRANCHING | RANDOM)


def test_a_domain_decides() -> None:
    assert is_standard(helper.make_node("Relu", [], [], domain="ai.onnx"))
    assert not is_standard(helper.make_node("Relu", [], [], domain="ai.onnx.ml"))
    assert is_standard(helper.make_node("Scaler", [], [], domain="ai.onnx.ml"))
    assert not is_contrib(helper.make_node("FusedMatMul", [], []))
    assert is_contrib(helper.make_node("SimplifiedLayerNormalization", [], []))
    assert newest("ai.onnx.preview.training") is None
