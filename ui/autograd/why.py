"""The Why? tab: the derivation step by step, the graph, the witnesses, and the visitor's own derivative."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.gradients import Comparison, ExpressionError, Problem, Verdict, Witnesses
from core.gradients.derivation import Derivation, Phase, Step, derive
from core.gradients.formula import FormulaCheck, check_formula
from core.gradients.tape import Tape, TapeNode
from ui.autograd.inputs import WHY_VIEWS
from ui.folding import fold
from ui.graph import graph
from ui.messages import trouble
from ui.numbers import fixed, full, gap
from ui.stepper import stepper

FOLD_LIMIT = 24
FOLD_LIMIT_WHOLE = 200

_PHASES = {
    Phase.FORWARD: ":blue[→ **forward**]",
    Phase.BACKWARD: ":orange[← **backward**]",
    Phase.RESULT: "**result**",
}


def show_why(comparison: Comparison | None, tape: Tape | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    if comparison is None or tape is None:
        st.caption("Nothing to derive until the inputs above can be used.")
        return
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    view = st.segmented_control(
        "Show",
        WHY_VIEWS,
        default=WHY_VIEWS[0],
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    if view == WHY_VIEWS[1]:
        _show_graph(tape, comparison.problem.dtype)
    elif view == WHY_VIEWS[2]:
        _show_witnesses(comparison)
    elif view == WHY_VIEWS[3]:
        _show_own(comparison.problem)
    else:
        _show_steps(comparison.problem, tape)


def _show_steps(problem: Problem, tape: Tape) -> None:
    derivation = derive(problem)
    steps = derivation.steps
    nodes = {node.source: node.id for node in tape.nodes if node.source is not None}
    names = {nodes[index]: name for index, name in derivation.names.items() if index in nodes}
    current = steps[stepper(len(steps), key="step")]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{_PHASES[current.phase]} &nbsp; {current.words}")
        st.latex(_line(current))
    node = nodes.get(current.node)
    graph(
        fold(tape, FOLD_LIMIT, keep=() if node is None else (node,)),
        key="why-graph",
        highlight=node,
        names={index: _plain(name) for index, name in names.items()},
        dtype=problem.dtype,
        alt=f"The graph with the node of this step highlighted: {current.words}",
        on_select=partial(_go_to, nodes, derivation),
    )
    with st.expander("All steps on one page", key="all", on_change="rerun", bind="query-params") as every:
        if every.open:
            for number, step in enumerate(steps, 1):
                st.markdown(f"**{number}.** {_PHASES[step.phase]} &nbsp; {step.words}")
                st.latex(_line(step))


def _line(step: Step) -> str:
    return f"{step.symbolic} = {step.numeric}"


def _go_to(nodes: dict[int, int], derivation: Derivation) -> None:
    """Callback: the step of the node that was chosen, its backward line if it has one."""
    chosen = st.session_state["why-graph"].selected
    matching = [
        (step.phase is Phase.BACKWARD, -position)
        for position, step in enumerate(derivation.steps)
        if nodes.get(step.node) == chosen
    ]
    if matching:
        st.session_state["step"] = 1 - max(matching)[1]


def _plain(latex_name: str) -> str:
    return latex_name.replace("_{", "").replace("}", "")


def _show_graph(tape: Tape, dtype: str) -> None:
    whole = False
    if len(tape.nodes) > FOLD_LIMIT:
        whole = st.toggle(
            f"Show all {len(tape.nodes)} nodes (up to {FOLD_LIMIT_WHOLE})", key="whole", bind="query-params"
        )
    shown = fold(tape, FOLD_LIMIT_WHOLE if whole else FOLD_LIMIT)
    st.caption(
        "What PyTorch wrote down during this run: each operation's `grad_fn`, "
        "and `AccumulateGrad` at the leaves. "
        "The small number is the turn in which `backward()` visited the node."
    )
    graph(shown, key="torch-graph", show_grad_fn=True, dtype=dtype, alt="PyTorch's grad_fn graph of this run")
    st.dataframe(
        [_row(node) for node in tape.nodes[:FOLD_LIMIT_WHOLE]],
        hide_index=True,
        alt="The same graph as a table, one row per node",
    )
    if len(tape.nodes) > FOLD_LIMIT_WHOLE:
        st.caption(f"The table has the first {FOLD_LIMIT_WHOLE} of {len(tape.nodes)} nodes.")


def _row(node: TapeNode) -> dict[str, str | int | None]:
    saved = "; ".join(
        f"{item.name} = {_several(item.values)}"
        + (f" (version {item.version})" if item.version is not None else "")
        for item in node.saved
    )
    return {
        "backward turn": None if node.turn is None else node.turn + 1,
        "node": node.label,
        "grad_fn": node.grad_fn or "none: no gradient flows here",
        "forward value": _several(node.value),
        "gradient ∂L/∂node": "" if node.gradient is None else _several(node.gradient),
        "saved for backward": saved,
    }


def _several(values: tuple[float, ...]) -> str:
    text = ", ".join(f"{value:.7g}" for value in values[:4])
    return f"{text}, … ({len(values)} numbers)" if len(values) > 4 else text


def _show_witnesses(comparison: Comparison) -> None:
    problem = comparison.problem
    digits = st.toggle("Every digit", key="digits", bind="query-params")
    st.dataframe(
        [_witness_row(row, problem.dtype, digits=digits) for row in comparison.rows],
        hide_index=True,
        alt="The derivative by each variable, by four ways, with the tolerance and the verdict",
    )
    st.markdown(
        f"Three of them compute in {problem.dtype}: **by hand** (the chain rule with this page's rules), "
        "**autograd** (`loss.backward()`) and **forward mode** (`torch.autograd.forward_ad`). The **finite "
        "difference** knows no calculus: it moves the variable by a small step *h* to either side, "
        "in float64. Rounding grows with the numbers that were added on the way (the *scale*), "
        "so two right answers may differ by up to **4 · eps · scale**."
    )
    for row in comparison.rows[:8]:
        sign = "✓" if row.verdict is Verdict.AGREE else "!"
        st.markdown(f"{sign} **∂L/∂{row.name}**: {row.explanation}.")


def _witness_row(row: Witnesses, dtype: str, *, digits: bool) -> dict[str, str]:
    def show(value: float, kind: str = dtype) -> str:
        return full(value, kind) if digits else fixed(value)

    return {
        "derivative": f"∂L/∂{row.name}",
        "by hand": show(row.manual),
        "autograd": show(row.autograd),
        "forward mode": show(row.forward_mode),
        "finite difference": show(row.finite_difference, "float64"),
        "step h": gap(row.step),
        "largest gap": gap(row.difference),
        "ulps": "" if row.ulps != row.ulps else f"{row.ulps:.3g}",
        "scale": gap(row.scale),
        "allowed": gap(row.tolerance),
        "verdict": row.verdict.value,
    }


def _show_own(problem: Problem) -> None:
    if st.session_state.get("of") not in problem.wrt:
        st.session_state["of"] = problem.wrt[0]
    choice, formula = st.columns([1, 3], vertical_alignment="bottom")
    name = (
        choice.segmented_control("Derivative by", problem.wrt, key="of", bind="query-params")
        or problem.wrt[0]
    )
    text = formula.text_input(
        f"Your formula for ∂L/∂{name}",
        key="own",
        placeholder=f"a formula in {', '.join(problem.values)}",
    )
    if not text.strip():
        st.caption("Type a formula: it is checked here and at 64 random points.")
        return
    try:
        check = check_formula(problem, name, text)
    except ExpressionError as error:
        trouble(error.message, error.excerpt())
        return
    _show_check(check)


def _show_check(check: FormulaCheck) -> None:
    sign = "✓" if check.correct else "✗"
    st.markdown(f"{sign} **{check.explanation}**")
    skipped = f" ({check.skipped} more points were skipped: no finite slope there)" if check.skipped else ""
    st.caption(f"Checked against autograd, in float64, at {check.total} points{skipped}.")
    wrong = check.counterexample
    if wrong is not None:
        where = ", ".join(f"{name} = {_value(value)}" for name, value in wrong.values.items())
        st.markdown(
            f"First point where they differ: {where}. Your formula gives **{fixed(wrong.theirs)}**, "
            f"autograd **{fixed(wrong.autograd)}**."
        )


def _value(value: float | tuple[float, ...]) -> str:
    return f"{value:.5g}" if isinstance(value, float) else f"[{', '.join(f'{item:.5g}' for item in value)}]"
