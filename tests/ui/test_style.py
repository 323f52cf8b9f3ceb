"""The product's colours and sizes: legible in both themes and from the last row, and nothing from outside."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.test_theme import contrast, theme
from ui.style import COLOURS, NORMAL_FONT_PX, PROJECTOR_FONT_PX, figure_font_px

INKS = ["ink", "muted", "forward", "gradient", "fired", "silent"]


@pytest.mark.parametrize(("scheme", "index"), [("light", 0), ("dark", 1)])
@pytest.mark.parametrize("name", INKS)
def test_text_is_legible_on_the_page_and_on_a_panel(scheme: str, index: int, name: str) -> None:
    ink = COLOURS[name][index]
    for surface in (
        theme(scheme)["backgroundColor"], theme(scheme)["secondaryBackgroundColor"], COLOURS["panel"][index]
    ):  # fmt: skip
        assert contrast(ink, surface) >= 4.5


def test_every_colour_is_an_ink_or_a_surface() -> None:
    assert set(COLOURS) == {*INKS, "panel", "line"}
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for pair in COLOURS.values() for colour in pair)


def page() -> None:
    import streamlit as st

    from ui.style import apply_style, theme_colour

    apply_style(projector=st.session_state.get("projector", False))
    st.text(theme_colour("forward"))


def css(*, projector: bool) -> str:
    app = AppTest.from_function(page)
    app.session_state["projector"] = projector
    app.run()
    assert not app.exception
    return str(app.html[0].value)


@pytest.mark.parametrize("projector", [False, True])
def test_the_style_sheet_is_whole_and_from_here(projector: bool) -> None:
    sheet = css(projector=projector)
    assert sheet.startswith("<style>")
    assert sheet.endswith("</style>")
    assert sheet.count("{") == sheet.count("}")
    assert not re.search(r"%[(a-z]|url\(|@import|//", sheet)
    for name in re.findall(r"var\((--uth-[a-z]+)\)", sheet):
        assert f"{name}: light-dark(" in sheet


def test_only_the_projector_sets_the_size_of_all_text() -> None:
    size = f"html {{ font-size: {PROJECTOR_FONT_PX}px; }}"
    assert size in css(projector=True)
    assert "html {" not in css(projector=False)
    assert PROJECTOR_FONT_PX >= 24


def test_key_numbers_are_forty_pixels_or_more() -> None:
    for projector, root in ((False, NORMAL_FONT_PX), (True, PROJECTOR_FONT_PX)):
        sizes = re.findall(r"\.uth-number \.value { font-size: ([\d.]+)rem", css(projector=projector))
        assert float(sizes[-1]) * root >= 40


def test_a_figure_s_type_grows_for_the_projector() -> None:
    assert figure_font_px(projector=True) >= 20
    assert 12 <= figure_font_px(projector=False) < figure_font_px(projector=True)


@pytest.mark.parametrize(("scheme", "index"), [("light", 0), ("dark", 1), (None, 0)])
def test_a_colour_follows_the_theme(scheme: str | None, index: int) -> None:
    app = AppTest.from_function(page)
    if scheme is not None:
        app.context = {"theme": scheme}
    app.run()
    assert app.text[0].value == COLOURS["forward"][index]
