"""The look that Streamlit's theme cannot give: the frame's layout, the projector's sizes, the key numbers.

Colours come in pairs for `light-dark()`, which follows the visitor's theme without a rerun. Each has at
least AA contrast on the page and on a panel (`tests/test_theme.py` and `tests/ui/test_style.py`).
"""

from __future__ import annotations

import streamlit as st

COLOURS = {
    "ink": ("#1a2331", "#e9edf3"),
    "muted": ("#556070", "#a9b3c1"),
    "panel": ("#f3f5f9", "#18202c"),
    "line": ("#d5dbe5", "#334052"),
    "forward": ("#2f5fd0", "#8fb2ff"),
    "gradient": ("#a85200", "#ffb25e"),
    "fired": ("#0b7a75", "#4fd1c5"),
    "silent": ("#b0216f", "#ff8cc6"),
}
"""Name -> (light theme, dark theme)."""

PROJECTOR_FONT_PX = 24
NORMAL_FONT_PX = 16

_VARIABLES = "".join(f"--uth-{name}: light-dark({light}, {dark});" for name, (light, dark) in COLOURS.items())

_CSS = """
.stApp { %(variables)s }
.stMainBlockContainer { padding: 3.4rem 2.5rem 3rem; max-width: 90rem; }
header.stAppHeader { height: 3rem; min-height: 3rem; }
.st-key-frame-tools { position: fixed; top: 0.55rem; right: 4.2rem; z-index: 1000000; width: auto; }
.uth-head { display: flex; align-items: baseline; gap: 1.4rem; flex-wrap: wrap; }
.uth-head h1 { font-size: 1.65rem; font-weight: 700; padding: 0; margin: 0; line-height: 1.2; }
.uth-head p { color: var(--uth-muted); margin: 0; font-size: 1rem; line-height: 1.3; }
.uth-numbers { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); }
.st-key-lab-stage .uth-numbers { margin-top: 0.3rem; }
.uth-number { border-left: 0.2rem solid var(--uth-gradient); padding: 0.1rem 0 0.1rem 0.8rem; min-width: 0; }
.uth-number .what { color: var(--uth-muted); font-size: 0.9rem; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.uth-number .value { font-size: 2.6rem; line-height: 1.15; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.uth-number .said { font-size: 0.95rem; line-height: 1.35; }
.uth-number .value.long { font-size: 1.7rem; line-height: 1.5; }
.uth-verdict { border-left: 0.2rem solid var(--uth-fired); padding: 0.1rem 0 0.1rem 0.8rem; }
.uth-verdict.trouble { border-left: 0.2rem dashed var(--uth-silent); }
.uth-verdict .what { font-weight: 700; font-size: 1.05rem; line-height: 1.3; }
.uth-verdict .why { color: var(--uth-muted); font-size: 0.9rem; line-height: 1.35; }
.uth-number.forward { border-left-color: var(--uth-forward); }
.uth-number.fired { border-left-color: var(--uth-fired); }
.uth-number.silent { border-left: 0.2rem dashed var(--uth-silent); }
/* Every hook in sight, in place of one line to scroll sideways. */
.st-key-hook [data-testid="stMultiSelectTagsContainer"] { flex-wrap: wrap; height: auto; max-height: 8.5rem;
  overflow: hidden auto; mask-image: none; padding-block: 0.2rem; }
.st-key-hook [data-tag] { background: var(--uth-panel); color: var(--uth-ink);
  border: 1px solid var(--uth-line); }
.st-key-hook :has(> [data-testid="stMultiSelectTagsContainer"]) { height: auto; max-height: none; }
.uth-route { display: grid; gap: 0.5rem; margin-top: 0.6rem; }
.uth-route .lane > code { font-size: 0.95rem; background: none; padding: 0; color: var(--uth-ink); }
.uth-route .way { display: flex; flex-wrap: wrap; align-items: center; gap: 0.3rem 0.35rem;
  font-size: 0.95rem; line-height: 1.3; }
.uth-route .arrow { color: var(--uth-muted); }
.uth-route .back { color: var(--uth-gradient); }
.uth-route .end { font-weight: 700; color: var(--uth-forward); }
.uth-route .layer { background: var(--uth-panel); border: 1px solid var(--uth-line); border-radius: 0.375rem;
  padding: 0.15rem 0.5rem; }
.uth-route .hook { border-radius: 1rem; padding: 0.1rem 0.6rem; }
.uth-route .hook.fired { border: 2px solid var(--uth-fired); color: var(--uth-fired); }
.uth-route .hook.silent { border: 2px dashed var(--uth-silent); color: var(--uth-silent); }
.uth-route .hook.hidden { border: 2px dotted var(--uth-muted); color: var(--uth-muted); }
.uth-reason { margin: 0.5rem 0 0; font-size: 0.95rem; line-height: 1.35; }
.uth-said { margin: 0.5rem 0 0.2rem; padding-left: 1.2rem; font-size: 0.95rem; line-height: 1.5; }
.uth-board { width: 100%%; border-collapse: collapse; margin-top: 0.6rem; font-size: 1rem; line-height: 1.3; }
.uth-board th { text-align: left; font-weight: 400; font-size: 0.9rem; color: var(--uth-muted);
  padding: 0.15rem 0.8rem 0.15rem 0; border: none; border-bottom: 1px solid var(--uth-line); }
.uth-board td { padding: 0.3rem 0.8rem 0.3rem 0; border: none; border-bottom: 1px solid var(--uth-line);
  vertical-align: top; }
.uth-board td:first-child { font-weight: 700; }
.uth-board td.said-fired { color: var(--uth-fired); border-left: 0.2rem solid var(--uth-fired);
  padding-left: 0.6rem; }
.uth-board td.said-silent { color: var(--uth-silent); border-left: 0.2rem dashed var(--uth-silent);
  padding-left: 0.6rem; font-weight: 700; }
.uth-board td.said-hidden { color: var(--uth-muted); padding-left: 0.8rem; }
.uth-keys { table-layout: fixed; line-height: 1.2; }
.uth-keys th:nth-child(1) { width: 29%%; }
.uth-keys th:nth-child(2) { width: 15%%; }
.uth-keys th:nth-child(3) { width: 10%%; }
.uth-keys th:nth-child(4) { width: 19%%; }
.uth-keys td:nth-child(1) { font-size: 0.85rem; }
.uth-keys td:nth-child(5) { font-size: 0.85rem; }
.uth-keys td { padding-block: 0.2rem; overflow-wrap: anywhere; }
.uth-keys code { background: none; padding: 0; color: inherit; font-size: 0.8rem; }
.uth-keys .line { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.uth-output { background: var(--uth-panel); padding: 0.6rem 0.8rem; border-radius: 0.375rem;
  font-size: 0.85rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 22rem;
  overflow-y: auto; }
.uth-output mark { background: none; color: var(--uth-silent); font-weight: 700; text-decoration: underline; }
.uth-error { border-left: 0.2rem solid var(--uth-silent); padding: 0.2rem 0 0.2rem 0.8rem; }
.uth-error pre { margin: 0.3rem 0 0; padding: 0; background: none; font-size: 0.95rem; line-height: 1.25;
  color: inherit; overflow-x: auto; }
.st-key-lab-stage .katex-display { margin: 0.5rem 0; padding-top: 0.25rem; }
[data-testid="stCaptionContainer"] { color: var(--uth-muted); opacity: 1; }
.uth-plain { color: var(--uth-muted); font-size: 0.9rem; }
"""

_PROJECTOR_CSS = """
html { font-size: %(font)dpx; }
.stMainBlockContainer { padding: 2.7rem 1.5rem 2rem; }
header.stAppHeader { height: 2.5rem; min-height: 2.5rem; }
.st-key-frame-tools { top: 0.3rem; right: 3.2rem; }
.st-key-lab-stage .katex-display { margin: 0.4rem 0; }
.uth-number .value { font-size: 2rem; }
/* Icons alone fit; their names stay for who listens. */
.st-key-lab-tools button p {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%%);
}
.uth-number .what, .uth-verdict .why { font-size: 0.8rem; }
.uth-number .what { white-space: normal; line-height: 1.2; }
/* Netron's type is in pixels. */
.stIFrame { zoom: 1.6; }
"""


def apply_style(*, projector: bool) -> None:
    """Adds the product's style sheet to the page; with `projector` on, in the sizes for the last row."""
    css = _CSS % {"variables": _VARIABLES}
    if projector:
        css += _PROJECTOR_CSS % {"font": PROJECTOR_FONT_PX}
    st.html(f"<style>{css}</style>")


def figure_font_px(*, projector: bool) -> int:
    """Type size of a Plotly figure: its text does not follow the page's root font by itself."""
    return PROJECTOR_FONT_PX - 2 if projector else NORMAL_FONT_PX - 2


def theme_colour(name: str) -> str:
    """A colour of the palette for the visitor's current theme, for figures that cannot read CSS."""
    light, dark = COLOURS[name]
    return dark if st.context.theme.type == "dark" else light
