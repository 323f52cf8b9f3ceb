"""Plotly figures in the product's look: they follow the theme, and their type grows for the projector."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from ui.style import figure_font_px, theme_colour

# Streamlit redraws a figure for another theme only when the script runs again, and nothing runs it. This
# element has no looks; it tells the script that the theme has changed.
_THEME_WATCH = st.components.v2.component(
    "theme_watch",
    html="<span></span>",
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  const scheme = getComputedStyle(parentElement.host ?? parentElement).colorScheme
  if (scheme !== data.drawn) setTriggerValue("changed", scheme)
}
""",
)


def follow_theme() -> None:
    """Runs the script again when the visitor changes the theme; draw it once, beside figures."""
    drawn = "dark" if st.context.theme.type == "dark" else "light"
    _THEME_WATCH(key="theme-watch", data={"drawn": drawn}, on_changed_change=lambda: None, height=1)


def show_figure(
    figure: go.Figure, *, key: str, alt: str, projector: bool, height: int = 380, download: str = ""
) -> None:
    """Draws a figure.

    Args:
        figure: traces and axis titles; fonts, margins and background are set here.
        key: the element's key.
        alt: what the figure says, in a sentence.
        projector: whether type must be readable from the last row.
        height: in pixels at normal size.
        download: the name of the file under which it can be saved as a picture; empty for no such button.
    """
    size = figure_font_px(projector=projector)
    figure.update_layout(
        font={"size": size, "color": theme_colour("ink")},
        margin={"l": 10, "r": 10, "t": 2 * size + 10, "b": 10},
        height=int(height * (1.15 if projector else 1)),
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "bgcolor": "rgba(0,0,0,0)"},
        hoverlabel={"font": {"size": size}},
    )
    scene_axis = {"tickfont": {"size": size - 3}, "title": {"font": {"size": size}}, "nticks": 5}
    figure.update_scenes(xaxis=scene_axis, yaxis=scene_axis, zaxis=scene_axis)
    ticks = {"size": size - 1, "color": theme_colour("muted")}
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(title_font={"size": size, "color": theme_colour("muted")}, tickfont=ticks, automargin=True)
    config: dict[str, object] = {"displaylogo": False, "displayModeBar": bool(download)}
    if download:
        config["modeBarButtons"] = [["toImage"]]
        config["toImageButtonOptions"] = {"format": "png", "filename": download, "scale": 2}
    st.plotly_chart(figure, key=key, alt=alt, width="stretch", config=config)
