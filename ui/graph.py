"""The autograd graph: every node of a run with its forward value and its gradient, drawn in the browser."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.gradients.tape import Edge, Tape, TapeNode
from ui import numbers
from ui.folding import Fold, Folded, loss_id
from ui.layout import Layout, place

_HERE: Final = Path(__file__).parent
_COMPONENT: Final = st.components.v2.component(
    "autograd_graph",
    html=(_HERE / "graph.html").read_text(encoding="utf-8"),
    css=(_HERE / "graph.css").read_text(encoding="utf-8"),
    js=(_HERE / "graph.js").read_text(encoding="utf-8"),
)
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# A hover names at most this many numbers of a batch.
_BATCH: Final = 64


def graph(
    tape: Tape | Folded,
    *,
    key: str,
    alt: str,
    highlight: int | None = None,
    hide_gradients: bool = False,
    names: Mapping[int, str] | None = None,
    show_grad_fn: bool = False,
    dtype: str = "float32",
    height: float | None = None,
    on_select: Callable[[], None] | None = None,
) -> int | None:
    """Shows the graph and says which node was chosen.

    Args:
        tape: a run, or one folded by `ui.folding.fold`.
        key: identifies the graph on its page.
        alt: says in words what the graph shows.
        highlight: id of the node that the stepper is at; a node inside a fold highlights the fold.
        hide_gradients: shows `?` for every gradient; the numbers are not sent to the browser.
        names: names of nodes by id, shown after their label as in `( )² = L`. The loss is `L` unless named.
        show_grad_fn: adds PyTorch's name of each node and its turn in the backward pass, from 1.
        dtype: of the run; decides how many digits a full value has.
        height: in rem; a taller graph scrolls inside. Without it the graph is as tall as it needs.
        on_select: called before the script runs again; `st.session_state[key].selected` is then the id.

    Returns:
        The id of the node that was clicked or entered just now (for a fold: its first member), else None.
    """
    result = _COMPONENT(
        key=key,
        data=graph_data(
            tape,
            alt=alt,
            highlight=highlight,
            hide_gradients=hide_gradients,
            names=names or {},
            show_grad_fn=show_grad_fn,
            dtype=dtype,
            height=height,
        ),
        on_selected_change=on_select or _nothing,
    )
    return selected_id(result.get("selected"), tape)


def selected_id(value: object, tape: Tape | Folded) -> int | None:
    """What the browser sent, if it is the id of a node of this tape."""
    nodes = (tape.tape if isinstance(tape, Folded) else tape).nodes
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value in range(len(nodes)) else None


def graph_data(
    tape: Tape | Folded,
    *,
    alt: str,
    highlight: int | None = None,
    hide_gradients: bool = False,
    names: Mapping[int, str] | None = None,
    show_grad_fn: bool = False,
    dtype: str = "float32",
    height: float | None = None,
) -> dict[str, Any]:
    """What is sent to the browser: texts, cells and routes, and nothing that is not shown or hovered."""
    folded = tape if isinstance(tape, Folded) else Folded(tape, tape.nodes, tape.edges)
    layout = _placed(
        tuple(node.id for node in folded.nodes), tuple((edge.source, edge.target) for edge in folded.edges)
    )
    cells = {cell.id: [cell.column, cell.row] for cell in layout.places}
    loss = loss_id(folded.tape)
    named = {**({} if loss is None else {loss: "L"}), **(names or {})}
    writer = _Writer(hide_gradients, show_grad_fn, dtype)
    nodes = []
    for node in folded.nodes:
        if isinstance(node, Fold):
            text = writer.fold(node)
        else:
            text = writer.node(node, named.get(node.id, ""), is_loss=node.id == loss)
        nodes.append({"id": node.id, "cell": cells[node.id], **text})
    return {
        "alt": alt,
        "highlight": None if highlight is None else folded.shown(highlight),
        "detailed": show_grad_fn,
        "dashed": any(node["dashed"] for node in nodes),
        "height": height,
        "columns": layout.columns,
        "rows": layout.rows,
        "nodes": nodes,
        "edges": _edges(folded.edges, layout),
    }


@lru_cache(maxsize=64)
def _placed(nodes: tuple[int, ...], edges: tuple[tuple[int, int], ...]) -> Layout:
    return place(nodes, edges)


def _edges(edges: tuple[Edge, ...], layout: Layout) -> list[dict[str, Any]]:
    flows = {(edge.source, edge.target): edge.carries_gradient for edge in edges}
    return [
        {
            "source": route.source,
            "target": route.target,
            "points": route.points,
            "entry": route.entry,
            "flows": flows[route.source, route.target],
        }
        for route in layout.routes
    ]


class _Writer:
    """Writes the texts of nodes."""

    def __init__(self, hide_gradients: bool, show_grad_fn: bool, dtype: str) -> None:
        self._hide = hide_gradients
        self._detailed = show_grad_fn
        self._dtype = dtype

    def node(self, node: TapeNode, name: str, *, is_loss: bool) -> dict[str, Any]:
        label = superscript(node.label)
        reached = node.turn is not None
        gradient = self._gradient(node)
        about = [
            f"{label} = {name}" if name and name != label else label,
            f"value {self._all(node.value)}",
            f"gradient {self._full_gradient(node)}",
        ]
        hover = list(about)
        if node.grad_fn is not None:
            turn = "" if node.turn is None else f", turn {node.turn + 1} of backward"
            hover.append(f"{node.grad_fn}{turn}")
        hover += [f"saved {saved.name} = {self._all(saved.values)}" for saved in node.saved]
        return {
            "kind": str(node.kind),
            "label": label,
            "name": "" if name == label else name,
            "loss": is_loss,
            "value": numbers.several(node.value),
            "gradient": gradient,
            "dashed": not reached,
            "grad_fn": (node.grad_fn or "") if self._detailed else "",
            "turn": node.turn + 1 if self._detailed and node.turn is not None else None,
            "batch": len(node.value) > 1,
            "aria": ", ".join(about),
            "hover": "\n".join(hover),
        }

    def fold(self, fold: Fold) -> dict[str, Any]:
        return {
            "kind": "fold",
            "label": f"… {len(fold.members)} more",
            "name": "",
            "loss": False,
            "value": fold.noun,
            "gradient": "",
            "dashed": False,
            "grad_fn": "",
            "turn": None,
            "batch": False,
            "aria": f"{fold.label}: {superscript(fold.summary)}",
            "hover": f"{fold.label}\n{superscript(fold.summary)}",
        }

    def _gradient(self, node: TapeNode) -> str:
        if node.turn is None:
            return "no grad"
        if self._hide:
            return "?"
        return "none" if node.gradient is None else numbers.several(node.gradient)

    def _full_gradient(self, node: TapeNode) -> str:
        if node.turn is None:
            return "none, it does not flow here"
        if self._hide:
            return "hidden until you guess"
        return "none" if node.gradient is None else self._all(node.gradient)

    def _all(self, values: tuple[float, ...]) -> str:
        text = ", ".join(numbers.full(value, self._dtype) for value in values[:_BATCH])
        return f"{text}, …" if len(values) > _BATCH else text


def superscript(label: str) -> str:
    """Writes whole exponents high: `( )^2` becomes `( )²`."""
    return re.sub(r"\^(-?\d+)(?![\d.e])", lambda found: found[1].translate(_SUPERSCRIPTS), label)


def _nothing() -> None:
    """A v2 component keeps a value only where a callback is named."""
