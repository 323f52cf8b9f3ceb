"""The look of this lab's own: the line of moments, and code in an editor."""

from __future__ import annotations

from typing import Final

import streamlit as st

_CSS: Final = """
.uth-head { row-gap: 0.1rem; }
.uth-moments { display: grid; overflow-x: auto; margin-top: 0.4rem; font-size: 0.95rem; line-height: 1.25; }
.uth-moments .row { display: grid; align-items: stretch; min-width: 30rem; }
.uth-moments .moment { color: var(--uth-muted); font-size: 0.9rem; text-align: center;
  padding: 0 0.2rem 0.2rem; border-bottom: 1px solid var(--uth-line); }
.uth-moments .name { align-self: center; font-weight: 700; padding: 0.35rem 0.8rem 0.35rem 0;
  overflow-wrap: anywhere; }
.uth-moments .name small { display: block; font-weight: 400; font-size: 0.85rem; color: var(--uth-muted); }
.uth-moments .stop { position: relative; display: flex; flex-direction: column; align-items: center;
  justify-content: center; gap: 0.2rem; min-height: 2.2rem; align-self: stretch; padding: 0.25rem 0.15rem; }
.uth-moments .stop::before { content: ""; position: absolute; left: 0; right: 0; top: 50%;
  border-top: 0.15rem solid var(--uth-line); }
.uth-moments .stop.after::before { border-top: 0.15rem dotted var(--uth-line); }
.uth-moments .stop.ends::before { right: 50%; }
.uth-moments .stop.ends::after { content: ""; position: absolute; left: 50%; right: 0; top: 50%;
  border-top: 0.15rem dotted var(--uth-line); }
.uth-moments .stop > * { position: relative; z-index: 1; background: light-dark(#ffffff, #0f141c); }
.uth-moments .dot { width: 1.5rem; line-height: 1.3rem; text-align: center; font-size: 0.85rem;
  border-radius: 1rem; border: 2px solid var(--uth-fired); color: var(--uth-fired); }
.uth-moments .dot.unreached { border: 2px dotted var(--uth-muted); color: var(--uth-muted); }
.uth-moments .chip { white-space: nowrap; border-radius: 1rem; padding: 0.05rem 0.6rem; text-align: center; }
.uth-moments .chip.early { border: 2px solid var(--uth-fired); color: var(--uth-fired); }
.uth-moments .chip.late { border: 2px dashed var(--uth-silent); color: var(--uth-silent); font-weight: 700; }
.uth-moments .chip.passed { border: 2px solid var(--uth-forward); color: var(--uth-forward); }
[class*="st-key-uth-code-"] textarea { font-family: "Source Code Pro", monospace; font-size: 0.875rem;
  line-height: 1.4; white-space: pre; overflow-x: auto; tab-size: 4; }
.uth-checks { table-layout: fixed; font-size: 0.95rem; }
.uth-checks th:nth-child(1) { width: 18%; }
.uth-checks th:nth-child(2), .uth-checks th:nth-child(3) { width: 20%; }
.uth-checks td { padding-block: 0.2rem; overflow-wrap: anywhere; }
.uth-classes { font-size: 0.95rem; }
.uth-classes td { padding-block: 0.2rem; padding-right: 0.4rem; white-space: nowrap; }
.uth-classes td:first-child { max-width: 11rem; overflow: hidden; text-overflow: ellipsis; }
@media (max-width: 640px) {
.uth-moments .row { display: flex; flex-wrap: wrap; min-width: 0; margin-top: 0.2rem; }
.uth-moments .row > .moment:first-child { display: none; }
.uth-moments .name { flex: 0 0 100%; padding: 0.35rem 0 0; }
.uth-moments .moment, .uth-moments .stop { flex: 1 1 0; min-width: 0; }
.uth-moments .moment { font-size: 0.75rem; padding-inline: 0; align-self: end; border-bottom: none; }
.uth-moments .chip { white-space: normal; font-size: 0.7rem; padding: 0 0.15rem; border-radius: 0.5rem; }
.uth-checks thead, .uth-classes thead { display: none; }
.uth-checks, .uth-classes, .uth-board:is(.uth-checks, .uth-classes) :is(tbody, tr, td, th) { display: block;
  width: auto; max-width: none; white-space: normal; }
.uth-board:is(.uth-checks, .uth-classes) td { border-bottom: none; padding-block: 0.1rem;
  overflow-wrap: break-word; }
.uth-board:is(.uth-checks, .uth-classes) tr { padding-block: 0.3rem;
  border-bottom: 1px solid var(--uth-line); }
.uth-checks td:empty { display: none; }
.uth-board td[data-what]::before { content: attr(data-what) ": "; color: var(--uth-muted); font-weight: 400; }
}
.uth-checks td code { background: none; padding: 0; color: inherit; font-size: 0.85rem; }
"""
_PROJECTOR_CSS: Final = """
.uth-reasons > div { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.uth-reasons code { background: none; padding: 0; color: inherit; font-size: inherit; }
[class*="st-key-uth-code-"] textarea { font-size: 0.8rem; line-height: 1.3; }
.st-key-lab-stage .uth-number .said { font-size: 0.85rem; line-height: 1.25; }
"""


def show_style(*, projector: bool = False) -> None:
    """Adds the lab's style sheet to the page; with `projector` on, the messages smaller than the numbers."""
    st.html(f"<style>{_CSS}{_PROJECTOR_CSS if projector else ''}</style>")
