"""Which operators an uploaded model may use: those that compute, and no others."""

from __future__ import annotations

from typing import Final

import onnx
import onnx.defs

from core.export.graph import DEFAULT_DOMAIN

CONTRIB_DOMAIN: Final = "com.microsoft"
"""ONNX Runtime's own operators. Its optimiser and quantiser write them, so ordinary files have them."""
_ML_DOMAIN: Final = "ai.onnx.ml"

CONTRIB: Final = frozenset({
    "Attention", "BiasAdd", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "ConvTransposeWithDynamicPads",
    "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "EmbedLayerNormalization", "FastGelu",
    "FusedConv", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "GatherND", "Gelu", "GemmFastGelu",
    "GridSample", "GroupNorm", "GroupQueryAttention", "Inverse", "MatMulBnb4", "MatMulInteger16",
    "MatMulIntegerToFloat", "MatMulNBits", "MulInteger", "MultiHeadAttention", "NhwcConv", "NhwcFusedConv",
    "NhwcMaxPool", "Pad", "QAttention", "QEmbedLayerNormalization", "QGemm", "QLinearAdd",
    "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu",
    "QLinearMul", "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QuantizeLinear",
    "QuickGelu", "ReduceSumInteger", "RelativePositionBias", "RotaryEmbedding", "SkipGroupNorm",
    "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "TransposeMatMul", "Trilu", "Unique",
})  # fmt: skip
"""Of these, the ones that compute a tensor from tensors. Not those that open another file (`EPContext`), hold
a program for other hardware (`Snpe`), search in loops (`BeamSearch`) or change their own inputs."""
_ONNX_RUNTIME: Final = frozenset({"SimplifiedLayerNormalization"})
"""Operators that ONNX Runtime adds to the default domain."""
_RESERVED: Final = (DEFAULT_DOMAIN, CONTRIB_DOMAIN, "com.ms.", "org.pytorch.aten")

BRANCHING: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})
"""Operators that run subgraphs."""
RANDOM: Final = frozenset({
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
})  # fmt: skip
"""Operators that draw random numbers."""


def domain_of(domain: str) -> str:
    """A domain as it is shown: the default one has two spellings in files, and one here."""
    return domain or DEFAULT_DOMAIN


def is_reserved(domain: str) -> bool:
    """Whether operators of a domain come from ONNX or a runtime, so that no local function may be in it."""
    return domain_of(domain).startswith(_RESERVED)


def newest(domain: str) -> int | None:
    """The newest version of an operator set that can be read here; None for a set that is not allowed."""
    known = {DEFAULT_DOMAIN: onnx.defs.onnx_opset_version(), _ML_DOMAIN: onnx.defs.onnx_ml_opset_version()}
    return (known | {CONTRIB_DOMAIN: 1}).get(domain)


def is_contrib(node: onnx.NodeProto) -> bool:
    """Whether only ONNX Runtime computes a node, and it is on the list."""
    domain = domain_of(node.domain)
    if domain == CONTRIB_DOMAIN:
        return node.op_type in CONTRIB
    return domain == DEFAULT_DOMAIN and node.op_type in _ONNX_RUNTIME


def is_standard(node: onnx.NodeProto) -> bool:
    """Whether ONNX itself defines a node's operator, in a domain that is allowed."""
    domain = domain_of(node.domain)
    if domain not in {DEFAULT_DOMAIN, _ML_DOMAIN}:
        return False
    return bool(onnx.defs.has(node.op_type, "" if domain == DEFAULT_DOMAIN else domain))
