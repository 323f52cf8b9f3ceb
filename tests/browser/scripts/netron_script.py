"""A page with nothing but Netron; the operators of its models come from the address."""

import numpy as np
import onnx
import streamlit as st
from onnx import helper

from ui.netron.frame import show
from ui.netron.shelf import the_shelf


def chain(operators: list[str], numbers: int) -> bytes:
    """A model of operators with one input each, and an initializer of so many numbers, added at the end."""
    weights = np.random.default_rng(0).standard_normal(numbers, np.float32)
    names = ["x", *(f"t{place}" for place in range(len(operators)))]
    nodes = [
        helper.make_node(kind, [source], [target])
        for kind, source, target in zip(operators, names, names[1:], strict=False)
    ]
    nodes.append(helper.make_node("Add", [names[-1], "w"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [numbers])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [numbers])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    return bytes(model.SerializeToString())


st.set_page_config(layout="wide")
asked = st.query_params
st.write(f"{len(the_shelf())} kept before")
extra = st.text_input("extra", key="extra")
for number, operators in enumerate(asked.get_all("ops") or ["Relu"]):
    data = chain(operators.split(",") + ([extra] if extra else []), int(asked.get("numbers", "4")))
    show(data, f"{operators} {number}", key=f"netron{number}", alt=f"the graph of {operators}", height=560)
st.write(f"{len(the_shelf())} kept now")
