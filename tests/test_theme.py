"""The theme: complete in light and dark, legible (WCAG 2.2 AA), ordered palettes, known to Streamlit."""

import os
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

ROOT = Path(__file__).parent.parent
CONFIG: dict[str, Any] = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
THEMES = ["light", "dark"]
SURFACES = ["backgroundColor", "secondaryBackgroundColor"]
HUES = ["red", "orange", "yellow", "green", "blue", "violet", "gray"]
TEXT = ["textColor", "linkColor", "codeTextColor", "dataframeHeaderTextColor", "primaryColor"]


def theme(name: str) -> dict[str, Any]:
    section: dict[str, Any] = CONFIG["theme"][name]
    return section


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def blend(color: str, page: str, opacity: float) -> str:
    """What `color` at an opacity looks like on a page."""
    mixed = (
        round(int(color[start : start + 2], 16) * opacity + int(page[start : start + 2], 16) * (1 - opacity))
        for start in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def test_contrast_agrees_with_published_values() -> None:
    # https://webaim.org/resources/contrastchecker/
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("key", [*TEXT, *(f"{hue}{kind}" for hue in HUES for kind in ("Color", "TextColor"))])
def test_text_is_legible_on_page_and_panel(name: str, surface: str, key: str) -> None:
    assert contrast(theme(name)[key], theme(name)[surface]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("hue", HUES)
def test_text_is_legible_on_its_own_tint(name: str, hue: str) -> None:
    tint = theme(name)[f"{hue}BackgroundColor"]
    assert contrast(theme(name)[f"{hue}TextColor"], tint) >= 4.5
    assert contrast(theme(name)["textColor"], tint) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_text_is_legible_in_code_and_table_heads(name: str) -> None:
    colors = theme(name)
    assert contrast(colors["codeTextColor"], colors["codeBackgroundColor"]) >= 4.5
    assert contrast(colors["dataframeHeaderTextColor"], colors["dataframeHeaderBackgroundColor"]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_a_chosen_segment_is_legible(name: str) -> None:
    colors = theme(name)
    # Streamlit fills a chosen segment or pill with a tenth of the primary colour that it writes in.
    chosen = blend(colors["primaryColor"], colors["backgroundColor"], 0.1)
    assert contrast(colors["primaryColor"], chosen) >= 4.5


def test_the_label_of_a_primary_button_is_legible() -> None:
    # Streamlit writes it in white in both themes.
    assert contrast("#ffffff", theme("light")["primaryColor"]) >= 4.5
    # On the dark page no colour reaches 4.5 both under white and as text. Text wins, it is everywhere (tabs,
    # sliders, segments); 3 is enough for the white mark in a checkbox; and there are no primary buttons.
    assert contrast("#ffffff", theme("dark")["primaryColor"]) >= 3


def test_there_are_no_primary_buttons() -> None:
    sources = [ROOT / "dashboard.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
    assert not [
        path for path in sources if path.is_file() and 'type="primary"' in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", THEMES)
def test_chart_colours_stand_out_from_the_page(name: str) -> None:
    # Fewer than ten, and Streamlit fills up with what Plotly refuses, and then refuses them all.
    assert len(theme(name)["chartCategoricalColors"]) == 10
    for color in theme(name)["chartCategoricalColors"]:
        assert contrast(color, theme(name)["backgroundColor"]) >= 3


@pytest.mark.parametrize("name", THEMES)
def test_sequential_colours_are_ordered_by_lightness_alone(name: str) -> None:
    levels = [luminance(color) for color in theme(name)["chartSequentialColors"]]
    assert len(levels) == 10
    steps = [after - before for before, after in pairwise(levels)]
    assert all(step < 0 for step in steps) or all(step > 0 for step in steps)


@pytest.mark.parametrize("name", THEMES)
def test_diverging_colours_mirror_around_the_middle(name: str) -> None:
    levels = [luminance(color) for color in theme(name)["chartDivergingColors"]]
    assert len(levels) == 10
    towards = 1 if name == "light" else -1  # the middle is nearest to the page
    assert levels[:5] == sorted(levels[:5], key=lambda level: level * towards)
    assert levels[5:] == sorted(levels[5:], key=lambda level: level * -towards)


def test_both_themes_set_the_same_options() -> None:
    assert set(theme("light")) == set(theme("dark"))


def test_every_option_exists() -> None:
    # Hidden options, such as client.allowedOrigins, are in the template too.
    known = set(config._config_options_template)
    for section, options in CONFIG.items():
        for option, value in options.items():
            if section == "theme" and isinstance(value, dict):
                assert {f"theme.{option}.{key}" for key in value} <= known
            else:
                assert f"{section}.{option}" in known


def test_streamlit_reads_the_file_without_a_warning(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    shown = subprocess.run(
        [sys.executable, "-m", "streamlit", "config", "show"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    assert 'showErrorDetails = "none"' in shown.stdout


def test_nothing_in_the_configuration_comes_from_outside() -> None:
    assert "://" not in str(CONFIG)
