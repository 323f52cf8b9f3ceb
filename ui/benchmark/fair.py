"""Is it fair? The same pair of engines under settings that move the answer."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.benchmark.desk import Held
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow
from core.benchmark.fairness.setting import Setting
from core.benchmark.verdict import Judgement
from core.engines import EngineKind, title
from ui.benchmark.inputs import KINDS
from ui.benchmark.plots import factor_axis
from ui.benchmark.question import ask, draw_setup, read_setup
from ui.benchmark.words import SIGNS
from ui.cards import card, show_cards, verdict
from ui.figures import show_figure
from ui.links import Parameter, choice_complaint
from ui.numbers import times
from ui.style import theme_colour
from ui.text import plain

KEY = "onnx:fair"
FIRST, SECOND = title(EngineKind.EAGER), title(EngineKind.ORT)


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("first", FIRST, choice_complaint(tuple(KINDS))),
        Parameter("second", SECOND, choice_complaint(tuple(KINDS))),
    )


def show_fair(model: str, seed: int, *, projector: bool) -> None:
    """Draws the question."""
    one, two = st.columns(2, gap="small")
    one.selectbox("Compared with", list(KINDS), key="first", bind="query-params")
    two.selectbox("Engine", list(KINDS), index=list(KINDS).index(SECOND), key="second", bind="query-params")
    draw_setup()

    def make() -> FairnessPlan:
        setup = read_setup()
        first, second = KINDS[st.session_state.first], KINDS[st.session_state.second]
        return FairnessPlan(model, seed, setup.batch, setup.threads, first, second)

    held = ask(
        make,
        FairnessPlan,
        key=KEY,
        label="Measure it fairly and unfairly",
        about="The same pair under a dozen settings, each with all the care of the fair one.",
        seconds=lambda plan: len(Setting) * plan.method.seconds(2),
        on_news=lambda held: _rows(_found(held), key=f"{KEY}:live", projector=projector),
    )
    if held is None:
        return
    report = held.status.result
    if isinstance(report, FairnessReport):
        _cards(report)
        _rows(report.rows, key=KEY, projector=projector)
    else:
        _rows(_found(held), key=KEY, projector=projector)


def _found(held: Held) -> tuple[FairnessRow, ...]:
    return tuple(part for part in held.status.parts if isinstance(part, FairnessRow))


def _cards(report: FairnessReport) -> None:
    judged = [(row, row.judgement) for row in report.rows if row.judgement is not None]
    if not judged:
        show_cards(verdict("✗", "no comparison", report.conclusion))
        return
    cards = [
        _card(f"fair: {title(report.plan.second)}", judgement, "forward")
        for row, judgement in judged
        if row.setting is Setting.FAIR
    ]
    ordered = sorted(judged, key=lambda pair: pair[1].ratio.value)
    cards += [_card(row.title, judgement, "gradient") for row, judgement in (ordered[0], ordered[-1])]
    flips = sum(row.flips for row in report.rows)
    words = "the winner flips" if flips else "the winner stays"
    why = f"Under {flips} of {len(judged)} settings." if flips else "The size of its lead does not."
    cards.append(verdict("✗" if flips else "✓", words, why))
    show_cards(*cards)
    st.html(f"<p class='uth-reason'>{plain(report.conclusion)}</p>")


def _card(what: str, judgement: Judgement, colour: str) -> str:
    ratio = judgement.ratio
    return card(what, times(ratio.value), colour, f"{times(ratio.low)} to {times(ratio.high)}")


def _rows(rows: Sequence[FairnessRow], *, key: str, projector: bool) -> None:
    if not rows:
        return
    judged = [(row, row.judgement) for row in rows if row.judgement is not None]
    if judged:
        figure = go.Figure()
        figure.add_vline(x=1, line={"color": theme_colour("muted"), "dash": "dot"})
        values = [1.0]
        for row, judgement in reversed(judged):
            ratio = judgement.ratio
            values += [ratio.low, ratio.high]
            colour = "silent" if row.flips else "forward" if row.reference is None else "gradient"
            figure.add_scatter(
                x=[ratio.value],
                y=[row.title],
                mode="markers",
                marker={
                    "size": 12,
                    "color": theme_colour(colour),
                    "symbol": "x" if row.flips else "diamond" if row.reference is None else "circle",
                },
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [ratio.high - ratio.value],
                    "arrayminus": [ratio.value - ratio.low],
                },
                showlegend=False,
                hovertemplate=f"{row.words}<extra></extra>",
            )
        one = judged[0][1].ratio
        figure.update_xaxes(
            title=f"{title(one.engine.partition(',')[0])}: times as fast; ◆ fair, ✕ the winner flips",
            **factor_axis(values),
        )
        show_figure(
            figure,
            key=f"{key}:figure",
            projector=projector,
            height=120 + 34 * len(judged),
            alt="; ".join(f"{row.title}: {row.words}" for row, _ in judged),
            download="is-it-fair",
        )
    st.dataframe(
        [
            {
                "setting": row.title,
                "verdict": "none"
                if row.judgement is None
                else f"{SIGNS[row.judgement.verdict]} {row.judgement.verdict}",
                "times as fast": "" if row.judgement is None else times(row.judgement.ratio.value),
                "moved by": "" if row.moved is None else times(row.moved),
                "winner": "✗ flips" if row.flips else "",
                "favors": title(row.gains.partition(",")[0]) if row.gains else "",
                "what it is": f"No verdict: {row.problem} {row.about}" if row.problem else row.about,
            }
            for row in rows
        ],
        hide_index=True,
        height="content",
        alt="The pair under every setting",
    )
