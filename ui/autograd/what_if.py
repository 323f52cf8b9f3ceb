"""The What if? tab: the landscape with a descent on it, and programs whose graph depends on the data."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import streamlit as st

from core.gradients import Problem, ProblemError
from core.gradients.descent import MAX_STEPS, Descent, Outcome, descend
from core.gradients.dynamic import MAX_TURNS, PROGRAMS, run
from core.gradients.landscape import Curve, Landscape, curve, landscape
from ui.autograd.inputs import WHAT_IF_VIEWS
from ui.figures import follow_theme, show_figure
from ui.folding import fold
from ui.graph import graph
from ui.messages import trouble
from ui.number import number
from ui.numbers import fixed
from ui.style import theme_colour

FOLD_LIMIT = 24


def show_what_if(problem: Problem | None, *, hidden: bool, projector: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    view = st.segmented_control(
        "Show",
        WHAT_IF_VIEWS,
        default=WHAT_IF_VIEWS[0],
        key="explore",
        bind="query-params",
        label_visibility="collapsed",
    )
    if view == WHAT_IF_VIEWS[1]:
        _show_programs()
    elif problem is None:
        st.caption("Nothing to draw until the inputs above can be used.")
    elif hidden:
        st.caption("Hidden until you have made your guess above.")
    else:
        _show_landscape(problem, projector=projector)


def _show_landscape(problem: Problem, *, projector: bool) -> None:
    follow_theme()
    numbers = [name for name, value in problem.values.items() if isinstance(value, float)]
    moving = [name for name in problem.wrt if name in numbers]
    if not numbers:
        st.caption("Every variable is a list; a landscape needs a variable that is one number.")
        return
    controls, picture = st.columns([1, 3], gap="medium")
    with controls:
        rate, steps = _descent_inputs()
        across, up = _axes(numbers, moving)
        surface = _surface_switch() if up else False
    try:
        descent = descend(problem, rate, steps)
        path = [_along(descent, problem, name) for name in (across, up) if name]
        with picture:
            if up is None:
                _draw_curve(curve(problem, across, path=path[0]), descent, path[0], projector=projector)
            else:
                ground = landscape(problem, across, up, path=list(zip(*path, strict=True)))
                _draw_landscape(ground, path, descent.losses, surface=surface, projector=projector)
    except ProblemError as error:
        with picture:
            trouble(str(error))
        return
    with controls:
        sign = {Outcome.CONVERGED: "✓", Outcome.DIVERGED: "✗"}.get(descent.outcome, "→")
        st.markdown(f"{sign} {descent.explanation}")
    with picture:
        _draw_losses(descent, projector=projector)


def _descent_inputs() -> tuple[float, int]:
    rate = st.number_input(
        "Learning rate", value=0.02, min_value=0.0, step=0.01, format="%g", key="rate", bind="query-params"
    )
    steps = st.number_input(
        "Steps", value=40, min_value=1, max_value=MAX_STEPS, step=1, key="steps", bind="query-params"
    )
    return rate, steps


def _axes(numbers: list[str], moving: list[str]) -> tuple[str, str | None]:
    state = st.session_state
    if len(numbers) == 1:
        return numbers[0], None
    preferred = moving + [name for name in numbers if name not in moving]
    if state.across not in numbers:
        state.across = preferred[0]
    if state.up not in numbers or state.up == state.across:
        state.up = next(name for name in preferred if name != state.across)
    # No index: a link's value that equals a widget's own default would be taken for no value.
    across = st.selectbox("Across", numbers, index=None, key="across", bind="query-params") or preferred[0]
    others = [name for name in preferred if name != across]
    up = st.selectbox("Up", sorted(others, key=numbers.index), index=None, key="up", bind="query-params")
    return across, up or others[0]


def _surface_switch() -> bool:
    return st.toggle("As a surface in 3D", key="surface", bind="query-params")


def _along(descent: Descent, problem: Problem, name: str) -> tuple[float, ...]:
    """A variable's values on the path; one that is not differentiated by stays where it is."""
    if name in problem.wrt:
        return descent.along(name)
    value = problem.values[name]
    assert isinstance(value, float)
    return (value,) * len(descent.path)


def _draw_landscape(
    ground: Landscape,
    path: list[tuple[float, ...]],
    losses: tuple[float, ...],
    *,
    surface: bool,
    projector: bool,
) -> None:
    figure = go.Figure()
    heights = [[loss if math.isfinite(loss) else None for loss in row] for row in ground.losses]
    if surface:
        figure.add_surface(
            x=ground.across,
            y=ground.up,
            z=heights,
            showscale=False,
            colorscale=[[0, theme_colour("line")], [1, theme_colour("forward")]],
        )
        _add_climb(figure, ground, path, losses)
        figure.update_scenes(xaxis_title=ground.horizontal, yaxis_title=ground.vertical, zaxis_title="L")
    else:
        figure.add_contour(
            x=ground.across, y=ground.up, z=heights, ncontours=24, showscale=True,
            colorbar={"title": "L", "thickness": 12}, contours={"coloring": "heatmap"}, line={"width": 0.5},
        )  # fmt: skip
        _add_path(figure, ground, path)
        _add_arrow(figure, ground)
        figure.update_xaxes(title=ground.horizontal, range=[ground.across[0], ground.across[-1]])
        figure.update_yaxes(title=ground.vertical, range=[ground.up[0], ground.up[-1]])
    alt = (
        f"The loss over {ground.horizontal} and {ground.vertical}; "
        f"at the current point it is {fixed(ground.loss)} "
        f"with gradient ({fixed(ground.gradient[0])}, {fixed(ground.gradient[1])})"
    )
    show_figure(figure, key="landscape-figure", alt=alt, projector=projector, height=420)
    missing = f" {ground.not_finite} points have no finite loss and stay empty." if ground.not_finite else ""
    st.caption(
        f"{alt}. The arrow points downhill, against the gradient; dots are the steps of the descent.{missing}"
    )


def _add_path(figure: go.Figure, ground: Landscape, path: list[tuple[float, ...]]) -> None:
    figure.add_scatter(
        x=path[0], y=path[1], mode="lines+markers", name="descent",
        marker={"size": 6, "color": theme_colour("ink")}, line={"width": 2, "color": theme_colour("ink")},
    )  # fmt: skip
    figure.add_scatter(
        x=[ground.at[0]], y=[ground.at[1]], mode="markers", name="here",
        marker={"size": 14, "symbol": "circle-open", "color": theme_colour("ink"), "line": {"width": 3}},
    )  # fmt: skip


def _add_climb(
    figure: go.Figure, ground: Landscape, path: list[tuple[float, ...]], losses: tuple[float, ...]
) -> None:
    """On a surface: the steps of the descent, and the arrow as a line in the tangent plane."""
    heights = [loss if math.isfinite(loss) else None for loss in losses]
    figure.add_scatter3d(
        x=path[0], y=path[1], z=heights, mode="lines+markers", name="descent",
        marker={"size": 3, "color": theme_colour("ink")}, line={"width": 4, "color": theme_colour("ink")},
    )  # fmt: skip
    share = _arrow_share(ground)
    right, upward = ground.gradient
    figure.add_scatter3d(
        x=[ground.at[0], ground.at[0] - share * right],
        y=[ground.at[1], ground.at[1] - share * upward],
        z=[ground.loss, ground.loss - share * (right**2 + upward**2)],
        mode="lines+markers",
        name="downhill from here",
        marker={"size": [6, 2], "color": theme_colour("gradient")},
        line={"width": 8, "color": theme_colour("gradient")},
    )


def _arrow_share(ground: Landscape) -> float:
    """What the gradient is multiplied by to make an arrow of a fixed share of the picture; 0 for none."""
    wide, high = ground.across[-1] - ground.across[0], ground.up[-1] - ground.up[0]
    length = math.hypot(ground.gradient[0] / wide, ground.gradient[1] / high)
    return 0.16 / length if math.isfinite(length) and length > 0 else 0.0


def _add_arrow(figure: go.Figure, ground: Landscape) -> None:
    """An arrow against the gradient: its direction counts, not its length."""
    share = _arrow_share(ground)
    if share == 0:
        return
    figure.add_annotation(
        x=ground.at[0] - share * ground.gradient[0], y=ground.at[1] - share * ground.gradient[1],
        ax=ground.at[0], ay=ground.at[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=3, arrowwidth=4, arrowcolor=theme_colour("gradient"),
    )  # fmt: skip


def _draw_curve(line: Curve, descent: Descent, path: tuple[float, ...], *, projector: bool) -> None:
    figure = go.Figure()
    figure.add_scatter(x=line.positions, y=line.losses, mode="lines", name=f"L over {line.name}")
    figure.add_scatter(
        x=path,
        y=descent.losses,
        mode="markers",
        name="descent",
        marker={"size": 7, "color": theme_colour("ink")},
    )
    half = 0.12 * (line.positions[-1] - line.positions[0])
    figure.add_scatter(
        x=[line.at - half, line.at + half], y=[line.loss - half * line.slope, line.loss + half * line.slope],
        mode="lines", name=f"slope {fixed(line.slope)}", line={"width": 4, "color": theme_colour("gradient")},
    )  # fmt: skip
    figure.update_xaxes(title=line.name, range=[line.positions[0], line.positions[-1]])
    figure.update_yaxes(title="L")
    alt = f"The loss over {line.name}; at {line.at:g} it is {fixed(line.loss)} with slope {fixed(line.slope)}"
    show_figure(figure, key="curve-figure", alt=alt, projector=projector, height=420)
    st.caption(
        f"{alt}. The line through the current point has that slope; dots are the steps of the descent."
    )


def _draw_losses(descent: Descent, *, projector: bool) -> None:
    finite = [loss for loss in descent.losses if math.isfinite(loss)]
    figure = go.Figure()
    figure.add_scatter(y=finite, mode="lines+markers", name="L", marker={"size": 4})
    figure.update_xaxes(title="step")
    figure.update_yaxes(
        title="L", type="log" if finite and min(finite) > 0 else "linear", exponentformat="power"
    )
    alt = f"The loss against the step: from {fixed(descent.losses[0])} to {fixed(descent.losses[-1])}"
    show_figure(figure, key="losses-figure", alt=alt, projector=projector, height=240)
    st.caption(f"{alt} after {len(descent.losses) - 1} steps.")


def _show_programs() -> None:
    by_title = {program.title: program for program in PROGRAMS}
    controls, picture = st.columns([1, 2.6], gap="medium")
    with controls:
        title = st.segmented_control(
            "Program", list(by_title), default=PROGRAMS[0].title, key="program", bind="query-params"
        )
        program = by_title.get(str(title), PROGRAMS[0])
        w = number("w", key="pw", default=0.5)
        x = number("x", key="px", default=2.0)
        turns = 3
        if program.has_turns:
            turns = st.number_input(
                "Turns of the loop", 0, MAX_TURNS, 3, step=1, key="turns", bind="query-params"
            )
        st.code(program.code, language="python")
    with picture:
        if w is None or x is None:
            trouble("`w` and `x` need a number each: type a finite number such as 0.5.")
            return
        try:
            made = run(program, w, x, turns)
        except ProblemError as error:
            trouble(str(error))
            return
        st.markdown(f"**{made.decision[0].upper()}{made.decision[1:]}.** {program.lesson}")
        folded = fold(made.tape, FOLD_LIMIT)
        graph(folded, key="program-graph", show_grad_fn=True, alt=f"The graph of this run: {made.decision}")
        gradients = " &nbsp; ".join(
            f"∂L/∂{name} = **{fixed(node.gradient[0])}**"
            for name in ("w", "x")
            if (node := made.tape.leaf(name)).gradient is not None
        )
        st.markdown(f"L = **{fixed(made.tape.loss)}** &nbsp; {gradients}")
