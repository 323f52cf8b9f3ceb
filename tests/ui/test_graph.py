"""The autograd graph: what is sent to the browser, and what never is."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.gradients.tape import Tape, record
from ui.folding import Fold, fold
from ui.graph import graph_data, selected_id, superscript


def worked_example(**values: float) -> Tape:
    return record("(w*x + b - y)**2", {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0, **values}, ["w", "b"])


def by_label(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["label"]: node for node in data["nodes"]}


def test_worked_example() -> None:
    nodes = by_label(graph_data(worked_example(), alt="a graph"))
    shown = {label: (node["value"], node["gradient"]) for label, node in nodes.items()}
    assert shown == {
        "w": ("0.5", "−15.6"),
        "x": ("2", "no grad"),
        "b": ("0.1", "−7.8"),
        "y": ("5", "no grad"),
        "×": ("1", "−7.8"),
        "+": ("1.1", "−7.8"),
        "−": ("−3.9", "−7.8"),
        "( )²": ("15.21", "1"),
    }
    assert [label for label, node in nodes.items() if node["dashed"]] == ["x", "y"]
    assert [label for label, node in nodes.items() if node["loss"]] == ["( )²"]
    assert nodes["( )²"]["name"] == "L"
    assert nodes["w"]["aria"] == "w, value 0.5, gradient -15.6"
    assert nodes["×"]["hover"].splitlines()[-2:] == ["MulBackward0, turn 5 of backward", "saved other = 2"]


def test_grad_fn_and_turn_only_when_asked() -> None:
    plain = by_label(graph_data(worked_example(), alt=""))
    assert {(node["grad_fn"], node["turn"]) for node in plain.values()} == {("", None)}
    detailed = by_label(graph_data(worked_example(), alt="", show_grad_fn=True))
    assert (detailed["w"]["grad_fn"], detailed["w"]["turn"]) == ("AccumulateGrad", 6)
    assert (detailed["( )²"]["grad_fn"], detailed["( )²"]["turn"]) == ("PowBackward0", 1)
    assert (detailed["x"]["grad_fn"], detailed["x"]["turn"]) == ("", None)


def test_hidden_gradients_are_not_sent() -> None:
    tape = worked_example()
    data = graph_data(tape, alt="", hide_gradients=True, show_grad_fn=True)
    sent = json.dumps(data, ensure_ascii=False)
    assert {node["gradient"] for node in data["nodes"]} == {"?", "no grad"}
    for number in ("15.6", "7.8"):
        assert number not in sent
    assert "gradient hidden until you guess" in by_label(data)["w"]["aria"]


def test_names_and_highlight() -> None:
    tape = worked_example()
    data = graph_data(tape, alt="", names={4: "p", 7: "loss", 0: "w"}, highlight=4)
    nodes = {node["id"]: node for node in data["nodes"]}
    assert (nodes[4]["name"], nodes[7]["name"], nodes[0]["name"]) == ("p", "loss", "")
    assert data["highlight"] == 4


def test_a_fold_stands_for_its_members() -> None:
    loss = "x"
    for _ in range(40):
        loss = f"sin({loss})"
    tape = record(loss, {"x": 1.0}, ["x"])
    folded = fold(tape)
    (hidden,) = (node for node in folded.nodes if isinstance(node, Fold))
    data = graph_data(folded, alt="", highlight=hidden.members[-1])
    node = next(node for node in data["nodes"] if node["kind"] == "fold")
    assert data["highlight"] == hidden.id == node["id"]
    assert node["aria"] == f"{hidden.label}: {len(hidden.members)} sin"


def test_a_batch_shows_its_first_numbers_and_hovers_all() -> None:
    tape = record("(w*x)**2", {"w": 1.0, "x": [2.4, 2.9, -1.5]}, ["w"])
    node = by_label(graph_data(tape, alt=""))["x"]
    assert node["value"] == "2.4, 2.9 …"
    assert "value 2.4, 2.9, -1.5" in node["hover"]
    assert node["batch"]


def test_numbers_beyond_all_bounds_are_words() -> None:
    tape = record("exp(w)**2", {"w": 1000.0}, ["w"])
    data = graph_data(tape, alt="")
    json.dumps(data, allow_nan=False)
    assert by_label(data)["exp"]["value"] == "∞"


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("( )^2", "( )²"),
        ("( )^-12", "( )⁻¹²"),
        ("( )^0.5", "( )^0.5"),
        ("( )^1e+20", "( )^1e+20"),
        ("2^( )", "2^( )"),
    ],
)
def test_superscript(label: str, written: str) -> None:
    assert superscript(label) == written


@pytest.mark.parametrize("sent", [None, True, "3", -1, 8, 2.5, float("nan"), {}, []])
def test_what_is_no_node_is_no_selection(sent: object) -> None:
    assert selected_id(sent, worked_example()) is None


def test_selection() -> None:
    assert selected_id(7, worked_example()) == 7
    assert selected_id(7.0, fold(worked_example())) == 7


def test_mounts_on_a_page() -> None:
    def page() -> None:
        import streamlit as st

        from core.gradients.tape import record
        from ui.graph import graph

        tape = record("w**2", {"w": 3.0}, ["w"])
        st.write(f"picked {graph(tape, key='graph', alt='a graph')}")

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert shown.markdown[0].value == "picked None"
