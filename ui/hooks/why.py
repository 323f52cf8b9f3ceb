"""The Why? tab: why a hook stayed silent, the timeline, every layer's numbers, the story."""

from __future__ import annotations

import html
from typing import Final, TypeAlias

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from core.hooks import Event, Observed
from core.hooks.ablation import watch_all
from core.hooks.plan import Plan
from core.hooks.run import Firing, Report, run
from core.hooks.spec import ROOT_NAME, HookKind
from core.hooks.statistics import Histogram, Statistics
from core.hooks.story import AFTER, BEFORE, PAIRS, run_story, torch_call_source
from ui.figures import follow_theme, show_figure
from ui.hooks.cost import measured_effect
from ui.hooks.inputs import WHY_VIEWS
from ui.hooks.words import count_words, hook_words
from ui.messages import trouble
from ui.numbers import short
from ui.stepper import stepper
from ui.style import theme_colour
from ui.text import with_code

MAX_EVENTS: Final = 500
MAX_HISTOGRAMS: Final = 12

Durations: TypeAlias = dict[tuple[int, int], float]
"""Seconds by hook and firing."""


def show_why(plan: Plan | None, report: Report | None, *, hidden: bool, projector: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    view = st.segmented_control(
        "Show", WHY_VIEWS, default=WHY_VIEWS[0], key="view", bind="query-params", label_visibility="collapsed"
    )
    if view == WHY_VIEWS[3]:
        _show_story()
        return
    if plan is None:
        st.caption("Nothing to explain until the inputs above can be used.")
        return
    if report is None:
        st.caption("Nothing to explain until the run above has ended.")
        return
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    follow_theme()
    if view == WHY_VIEWS[1]:
        _show_timeline(report, projector=projector)
    elif view == WHY_VIEWS[2]:
        _show_layers(plan, report, projector=projector)
    else:
        _show_reasons(report)


def _show_reasons(report: Report) -> None:
    less = [firing for firing in report.firings if firing.reason is not None]
    if not report.firings:
        st.markdown("**No hook is registered**, so none stayed silent.")
    elif not less:
        st.markdown("**Every hook fired as often as expected** in this run. Choose another run above.")
    for firing in less:
        _show_reason(firing)
    more = [firing for firing in report.firings if firing.fired > firing.expected]
    for firing in more:
        st.markdown(
            f"✓ **`{firing.spec.where}`** {hook_words(firing.spec)}: fired {count_words(firing.fired)}, "
            f"and its layer computes {count_words(firing.expected)} in `model(x)`. "
            f"{_why_more(firing, report)}"
        )
    st.caption(
        "Found by examining this run: a wrapper around each layer's `forward` notes who called it; the "
        "graph says what the loss depends on. No hook is needed for that."
    )
    _show_calls(report)


def _show_reason(firing: Firing) -> None:
    assert firing.reason is not None
    state = "silent" if firing.silent else f"fired {count_words(firing.fired)} of {firing.expected}"
    st.html(
        f"<div class='uth-verdict trouble'><div class='what'>✗ {html.escape(firing.spec.where)} · "
        f"{html.escape(hook_words(firing.spec))}: {state} · {html.escape(firing.reason.value)}</div>"
        f"<div class='why'>{with_code(firing.sentence)}</div></div>"
    )


def _why_more(firing: Firing, report: Report) -> str:
    again = [call for call in report.calls if call.phase == "backward" and call.layer == firing.spec.layer]
    if again:
        return "The checkpoint threw its values away and computed the layer again during `backward()`."
    if firing.spec.the_kind is HookKind.OUTPUT_TENSOR:
        return "It fires once for each tensor of the output that gets a gradient."
    return ""


def _show_calls(report: Report) -> None:
    with st.expander("Every layer that computed, and who ran it", key="calls", on_change="rerun") as shown:
        if shown.open:
            st.dataframe(
                [
                    {
                        "layer": call.layer or ROOT_NAME,
                        "how": "called: layer(x)"
                        if call.through_call
                        else "✗ layer.forward(x): its hooks skipped",
                        "by": "your line" if call.caller is None else call.caller or ROOT_NAME,
                        "pass": call.phase,
                        "gave": ", ".join(str(output.shape) for output in call.outputs[:3]),
                        "autograd": "on" if call.grad_enabled else "off",
                        "raised": call.raised,
                    }
                    for call in report.calls[:MAX_EVENTS]
                ],
                hide_index=True,
                alt="Every layer that computed in this run, in the order in which they ended",
            )


def _show_timeline(report: Report, *, projector: bool) -> None:
    events = report.events
    if not events:
        st.caption("No hook fired in this run, so there is no event.")
        return
    effect = measured_effect(report.plan)
    durations = (
        {} if effect is None else {(item.hook, item.firing): item.seconds for item in effect.durations}
    )
    current = events[stepper(len(events), key="step", noun="event")]
    with st.container(border=True, gap="xsmall"):
        _show_event(current, report, durations, projector=projector)
    with st.expander(f"All {len(events)} events in firing order", key="every", on_change="rerun") as every:
        if every.open:
            st.dataframe(
                [_event_row(event, durations) for event in events[:MAX_EVENTS]],
                hide_index=True,
                alt="Every firing, in order",
            )
            if len(events) > MAX_EVENTS:
                st.caption(f"The first {MAX_EVENTS} of {len(events)}.")
    if report.stopped:
        st.caption(report.stopped)
    if not durations:
        st.caption(
            "How long each firing takes is measured in a process of its own: under *What if?*, *What "
            "watching costs*."
        )


def _show_event(event: Event, report: Report, durations: Durations, *, projector: bool) -> None:
    arrow = ":orange[← **backward**]" if event.kind.is_backward else ":blue[→ **forward**]"
    firing = report.firings[event.index]
    nth = f", firing {event.firing}" if event.firing > 1 or firing.fired > 1 else ""
    note = f" · {event.note}" if event.note else ""
    took = f" · {_took(event, durations)}" if durations else ""
    changed = " · **it gave another value back**" if event.changed else ""
    st.markdown(
        f"{arrow} &nbsp; **{event.position + 1}.** `{event.spec.where}` "
        f"{hook_words(firing.spec)}{nth}{changed}{note}{took}"
    )
    if event.observed:
        st.dataframe(
            [_observed_row(observed) for observed in event.observed],
            hide_index=True,
            alt="The tensors that the hook saw",
        )
        with_histogram = [item for item in event.observed if item.statistics and item.statistics.histogram]
        if with_histogram:
            _draw_histogram(with_histogram[0], backward=event.kind.is_backward, projector=projector)


def _took(event: Event, durations: Durations) -> str:
    seconds = durations.get((event.index, event.firing))
    return "" if seconds is None else f"{seconds * 1e6:.1f} µs"


def _event_row(event: Event, durations: Durations) -> dict[str, object]:
    first = event.observed[0] if event.observed else None
    row: dict[str, object] = {
        "event": event.position + 1,
        "pass": "backward" if event.kind.is_backward else "forward",
        "layer": event.spec.where,
        "kind": str(event.kind),
        "firing": event.firing,
        "changed": "yes" if event.changed else "",
        "note": event.note,
    }
    if durations:
        row["took"] = _took(event, durations)
    return row | ({} if first is None else _observed_row(first))


def _observed_row(observed: Observed) -> dict[str, object]:
    row: dict[str, object] = {
        "tensor": observed.role, "shape": str(observed.shape), "dtype": observed.dtype
    }  # fmt: skip
    found = observed.statistics
    if observed.value is not None:
        first = ", ".join(f"{number:.4g}" for number in observed.value.reshape(-1)[:8].tolist())
        row["captured"] = first + (", …" if observed.value.numel() > 8 else "")
    return row if found is None else row | statistics_row(found)


def statistics_row(found: Statistics) -> dict[str, object]:
    """Statistics for a table."""
    bad = found.nans + found.infinities
    return {
        "mean": short(found.mean),
        "std": short(found.std),
        "min": short(found.minimum),
        "max": short(found.maximum),
        "norm": short(found.norm),
        "zeros": "" if found.zeros is None or not found.count else f"{found.zeros / found.count:.0%}",
        "not finite": f"{found.nans} nan, {found.infinities} inf" if bad else "",
    }


def _draw_histogram(observed: Observed, *, backward: bool, projector: bool) -> None:
    assert observed.statistics is not None
    assert observed.statistics.histogram is not None
    histogram = observed.statistics.histogram
    figure = go.Figure()
    figure.add_trace(_bars(histogram, theme_colour("gradient" if backward else "forward")))
    figure.update_layout(bargap=0, showlegend=False)
    figure.update_xaxes(title=observed.role, nticks=7)
    figure.update_yaxes(title="numbers", nticks=4)
    alt = f"Histogram of {observed.role}: from {histogram.low:.4g} to {histogram.high:.4g}"
    show_figure(figure, key="event-figure", alt=alt, projector=projector, height=200)
    if histogram.of_every > 1:
        st.caption(f"The histogram counts every {histogram.of_every}th number.")


def _bars(histogram: Histogram, colour: str) -> go.Bar:
    width = (histogram.high - histogram.low) / len(histogram.counts)
    centres = [histogram.low + (place + 0.5) * width for place in range(len(histogram.counts))]
    return go.Bar(x=centres, y=list(histogram.counts), width=width, marker={"color": colour})


def _show_layers(plan: Plan, report: Report, *, projector: bool) -> None:
    watched = run(watch_all(plan, report.layers))
    if watched.error:
        trouble(f"{watched.error} {watched.advice}")
    rows: dict[str, dict[bool, Observed]] = {}
    for event in watched.events:
        if event.observed and event.observed[0].statistics is not None:
            rows.setdefault(event.layer, {})[event.kind.is_backward] = event.observed[0]
    names = list(rows)[:MAX_HISTOGRAMS]
    st.caption(
        "What each layer gives (blue, above) and the gradient of the loss by it (orange, below), watched "
        "by a hook and a tensor hook on every layer, in a run of its own with `loss.backward()`."
    )
    if names:
        _draw_layers(names, rows, projector=projector)
    st.dataframe(
        [
            {"layer": name or ROOT_NAME, "": "gradient" if backward else "output", **_observed_row(observed)}
            for name, found in rows.items()
            for backward, observed in sorted(found.items())
        ],
        hide_index=True,
        alt="Statistics of every layer's output and of its gradient",
    )


def _draw_layers(names: list[str], rows: dict[str, dict[bool, Observed]], *, projector: bool) -> None:
    figure = make_subplots(
        rows=2, cols=len(names), column_titles=[name or ROOT_NAME for name in names],
        vertical_spacing=0.18, horizontal_spacing=0.25 / len(names),
    )  # fmt: skip
    for column, name in enumerate(names, 1):
        for backward, observed in rows[name].items():
            assert observed.statistics is not None
            if observed.statistics.histogram is not None:
                colour = theme_colour("gradient" if backward else "forward")
                figure.add_trace(
                    _bars(observed.statistics.histogram, colour), row=2 if backward else 1, col=column
                )
    figure.update_layout(bargap=0, showlegend=False)
    figure.update_xaxes(nticks=3)
    figure.update_yaxes(showticklabels=False)
    alt = f"Histograms of the outputs and gradients of {len(names)} layers"
    show_figure(figure, key="layers-figure", alt=alt, projector=projector, height=300)


def _show_story() -> None:
    before, after = run_story()
    first, second = st.columns(2, gap="medium")
    with first:
        st.markdown("**A method with a name**: nothing stands between the caller and the sum.")
        st.code(BEFORE, language="python")
        st.code("\n".join(before), language=None)
    with second:
        st.markdown("**`__call__` with a list of hooks**: whoever calls the object passes by the hooks.")
        st.code(AFTER, language="python")
        st.code("\n".join(after), language=None)
    st.markdown("**Our lines beside PyTorch's**")
    st.dataframe(
        [{"ours": ours, "PyTorch's": theirs, "what it does": sentence} for ours, theirs, sentence in PAIRS],
        hide_index=True,
        alt="Our lines beside PyTorch's",
    )
    st.markdown("**`nn.Module.__call__`** in the PyTorch that is installed here, shortened:")
    st.code(torch_call_source(), language="python")
