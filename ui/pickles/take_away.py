"""The Take it away tab: the report on the file, and programs that load, convert and scan."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.pickles.member import shown
from ui.pickles.allow import allowance_of, conversion_of
from ui.pickles.subject import Subject

_SCAN: Final = '''"""Says what loading each file would do, without loading it. Run it where this app lies."""

import sys

from core.pickles import scan_file

worst = 0
for path in sys.argv[1:]:
    report = scan_file(path)
    print(report.to_text())
    worst = max(worst, report.verdict.rank)
sys.exit(worst)
'''


def show_take_away(subject: Subject | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open: the report would tell the answer."""
    if subject is not None and not hidden:
        st.html(f"<b>The report</b> on {_name(subject)}")
        with st.container(horizontal=True):
            _button("report.json", subject.report.to_json(), "application/json")
            _button("report.md", subject.report.to_markdown(), "text/markdown")
            program = allowance_of(subject).program
            if program:
                _button("load_it.py", program, "text/x-python")
                convert = conversion_of(subject)
                if convert.safetensors:
                    _button("to_safetensors.py", convert.safetensors, "text/x-python")
                if convert.onnx:
                    _button("to_onnx.py", convert.onnx, "text/x-python")
    elif hidden:
        st.caption("The report is here once you have made your guess above.")
    st.markdown("**Scan your own files**, in this app's folder")
    st.code(
        "python -m core.pickles FILE...          # text; --json for programs; --help has the exit codes",
        language="sh",
    )
    with st.container(horizontal=True):
        _button("scan_files.py", _SCAN, "text/x-python")
    st.code(_SCAN, language="python")


def _name(subject: Subject) -> str:
    """The file's name as HTML."""
    return f"<code>{html.escape(shown(subject.name, 80)) or 'a file without a name'}</code>"


def _button(name: str, text: str, mime: str) -> None:
    st.download_button(
        name, text, name, mime, icon=":material/download:", on_click="ignore", key=f"pickles:file:{name}"
    )
