"""Figures: a text beside each, type that grows, margins and background from the product."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui.style import figure_font_px


def page(projector: bool) -> None:
    import plotly.graph_objects as go

    from ui.figures import follow_theme, show_figure

    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[2, 3], name="line")
    figure.update_xaxes(title="across")
    follow_theme()
    show_figure(figure, key="probe", alt="A line that rises", projector=projector, height=200)


def drawn(*, projector: bool) -> tuple[str, dict[str, Any]]:
    app = AppTest.from_function(page, args=(projector,)).run()
    assert not app.exception
    (chart,) = app.get("plotly_chart")
    spec: dict[str, Any] = json.loads(chart.proto.spec)
    return chart.proto.alt, spec


@pytest.mark.parametrize("projector", [False, True])
def test_a_figure_has_a_text_and_type_of_its_size(projector: bool) -> None:
    alt, spec = drawn(projector=projector)
    size = figure_font_px(projector=projector)
    assert alt == "A line that rises"
    layout = spec["layout"]
    assert layout["font"]["size"] == size
    for axis in ("xaxis", "yaxis"):
        assert layout[axis]["tickfont"]["size"] >= size - 1
        assert layout[axis]["title"]["font"]["size"] == size
    assert layout["xaxis"]["title"]["text"] == "across"
    assert layout["height"] >= 200
    # Room for the legend above the picture.
    assert layout["margin"]["t"] > size


def test_a_projected_figure_is_taller() -> None:
    assert drawn(projector=True)[1]["layout"]["height"] > drawn(projector=False)[1]["layout"]["height"]


def test_nothing_is_drawn_on_a_background_of_its_own() -> None:
    layout = drawn(projector=False)[1]["layout"]
    assert "paper_bgcolor" not in layout
    assert "plot_bgcolor" not in layout


def test_the_theme_watcher_knows_what_was_drawn() -> None:
    for scheme in ("light", "dark"):
        app = AppTest.from_function(page, args=(False,))
        app.context = {"theme": scheme}
        app.run()
        assert not app.exception
        (watch,) = [item for item in app.get("bidi_component") if item.proto.component_name == "theme_watch"]
        assert json.loads(watch.proto.json) == {"drawn": scheme}
