"""Per operator: where the time goes in PyTorch and in ONNX Runtime, module by module and on the graph."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
import streamlit as st

from core.benchmark import BenchmarkPlan
from core.benchmark.operators import GraphNode, NodeState, OperatorProfile, OperatorsPlan
from core.engines import EngineKind
from core.units import duration
from ui.benchmark.question import ask, draw_setup, read_setup
from ui.cards import card, show_cards, verdict
from ui.figures import show_figure
from ui.style import theme_colour
from ui.text import plain

KEY: Final = "onnx:operators"
_ROOT: Final = "(the model)"
_MAX_DRAWN: Final = 60
"""So many nodes can still be read."""


def show_operators(model: str, seed: int, *, projector: bool) -> None:
    """Draws the question."""
    draw_setup()

    def make() -> OperatorsPlan:
        setup = read_setup()
        BenchmarkPlan(
            models=(model,),
            engines=(EngineKind.EAGER,),
            batches=(setup.batch,),
            threads=(setup.threads,),
            seed=seed,
        ).check()
        return OperatorsPlan(model, seed, setup.batch, setup.threads)

    held = ask(
        make,
        OperatorsPlan,
        key=KEY,
        label="Profile both",
        about="PyTorch's own profiler and ONNX Runtime's, each in a process of its own.",
        seconds=lambda _: 8.0,
    )
    if held is not None and isinstance(held.status.result, OperatorProfile):
        _show(held.status.result, projector=projector)


def _show(profile: OperatorProfile, *, projector: bool) -> None:
    cards = []
    for name, side in (("PyTorch", profile.eager), ("ONNX Runtime", profile.onnx)):
        if side is not None:
            cards.append(
                card(
                    f"{name}, profiled",
                    duration(side.clock.total),
                    "forward",
                    f"{duration(side.clock.plain)} without",
                )
            )
    if profile.onnx is not None and profile.onnx.kernels:
        most = max(profile.onnx.kernels, key=lambda kernel: kernel.seconds)
        cards.append(
            verdict(
                "✓", f"{most.op_type}: {most.share:.0%}", f"of ONNX Runtime's time goes into {most.name}."
            )
        )
    show_cards(*cards)
    said = [f"⚠ {caveat}" for caveat in profile.caveats]
    st.html(f"<ul class='uth-said'>{''.join(f'<li>{plain(each)}</li>' for each in said)}</ul>")
    _modules(profile, projector=projector)
    _graph(profile)
    left, right = st.columns(2, gap="medium")
    with left:
        _eager(profile)
    with right:
        _onnx(profile)


def _modules(profile: OperatorProfile, *, projector: bool) -> None:
    modules = [each for each in profile.modules if each.eager is not None or each.onnx is not None]
    if not modules:
        return
    st.markdown("**Module by module**, each without the modules inside of it")
    figure = go.Figure()
    names = [each.module or _ROOT for each in modules]
    for name, values, colour, pattern in (
        ("PyTorch", [each.eager for each in modules], "gradient", ""),
        ("ONNX Runtime", [each.onnx for each in modules], "forward", "/"),
    ):
        figure.add_bar(
            y=names,
            x=[None if value is None else value * 1e6 for value in values],
            name=name,
            orientation="h",
            marker={"color": theme_colour(colour), "pattern": {"shape": pattern}},
        )
    figure.update_xaxes(title="µs of one call")
    figure.update_yaxes(autorange="reversed")
    show_figure(
        figure,
        key=f"{KEY}:modules",
        projector=projector,
        height=130 + 44 * len(modules),
        alt="; ".join(
            f"{name}: PyTorch {_time(each.eager)}, ONNX Runtime {_time(each.onnx)}"
            for name, each in zip(names, modules, strict=True)
        ),
        download="modules",
    )
    st.dataframe(
        [
            {
                "module": each.module or _ROOT,
                "class": each.type,
                "PyTorch": _time(each.eager),
                "ONNX Runtime": _time(each.onnx),
                "PyTorch, with what is inside": _time(each.eager_all),
                "ONNX Runtime, with what is inside": _time(each.onnx_all),
                "note": each.note,
            }
            for each in profile.modules
        ],
        hide_index=True,
        height="content",
        alt="Every module's time on both sides",
    )


def _graph(profile: OperatorProfile) -> None:
    if not profile.nodes:
        return
    st.markdown("**On the graph**: the exported nodes, and what ONNX Runtime made of them")
    if len(profile.nodes) <= _MAX_DRAWN:
        st.graphviz_chart(_dot(profile), width="content")
    st.dataframe(
        [
            {
                "node": each.name,
                "operator": each.op_type,
                "module": each.module if each.module else _ROOT if each.module == "" else "unknown",
                "became": each.state.value,
                "ONNX Runtime": _time(each.seconds),
                "PyTorch, its module": _time(_eager_of(profile, each.module)),
                "note": each.words.replace("`", ""),
            }
            for each in profile.nodes
        ],
        hide_index=True,
        alt="Every node of the exported graph with its time",
    )


def _eager_of(profile: OperatorProfile, module: str | None) -> float | None:
    return next((each.eager for each in profile.modules if each.module == module), None)


def _dot(profile: OperatorProfile) -> str:
    """The graph for Graphviz: darker is slower; dashed ran with others, dotted did not run."""
    styles = {NodeState.FUSED: "filled,dashed", NodeState.REMOVED: "dotted"}
    slowest = max((each.seconds or 0.0 for each in profile.nodes), default=0.0) or 1.0
    numbers = {each.name: f"n{number}" for number, each in enumerate(profile.nodes)}
    ink, muted = theme_colour("ink"), theme_colour("muted")
    look = f'shape=box, fontname="sans-serif", fontsize=11, color="{muted}", fontcolor="{ink}"'
    lines = [f'digraph {{ rankdir=LR; bgcolor="transparent"; node [{look}]; edge [color="{muted}"];']
    for each in profile.nodes:
        share = (each.seconds or 0.0) / slowest
        fill = f"{theme_colour('forward')}{int(12 + 90 * share):02x}"
        style = styles.get(each.state, "filled")
        lines.append(
            f'{numbers[each.name]} [label="{_label(each, profile)}", style="{style}", fillcolor="{fill}"];'
        )
    lines += [
        f"{numbers[source]} -> {numbers[each.name]};"
        for each in profile.nodes
        for source in each.inputs
        if source in numbers
    ]
    return " ".join([*lines, "}"])


def _label(node: GraphNode, profile: OperatorProfile) -> str:
    rows = [node.op_type, node.module or ""]
    if node.seconds is not None:
        rows.append(f"ONNX Runtime {duration(node.seconds)}")
    elif node.state is NodeState.FUSED:
        rows.append("fused with others")
    else:
        rows.append("removed")
    eager = _eager_of(profile, node.module) if node.module else None
    if eager is not None:
        rows.append(f"PyTorch's module {duration(eager)}")
    return "\\n".join(row.replace("\\", "").replace('"', "") for row in rows if row)


def _eager(profile: OperatorProfile) -> None:
    side = profile.eager
    if side is None:
        return
    st.markdown("**PyTorch's operators**")
    st.dataframe(
        [
            {
                "operator": each.operator,
                "module": each.module or _ROOT,
                "share": f"{each.share:.1%}",
                "per call": duration(each.seconds),
                "calls": each.calls,
                "made of": ", ".join(f"{part.operator} {duration(part.seconds)}" for part in each.parts[:4]),
            }
            for each in sorted(side.operators, key=lambda each: -each.seconds)
        ],
        hide_index=True,
        alt="PyTorch's operators, the longest first",
    )


def _onnx(profile: OperatorProfile) -> None:
    side = profile.onnx
    if side is None:
        return
    st.markdown("**ONNX Runtime's kernels**")
    st.dataframe(
        [
            {
                "kernel": each.op_type,
                "node": each.name,
                "share": f"{each.share:.1%}",
                "per call": duration(each.seconds),
                "stands for": ", ".join(each.sources),
            }
            for each in sorted(side.kernels, key=lambda each: -each.seconds)
        ],
        hide_index=True,
        alt="ONNX Runtime's kernels, the longest first",
    )


def _time(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)
