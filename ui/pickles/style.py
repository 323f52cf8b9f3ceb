"""The look of this lab's own: the tape with its head, the verdicts' shapes, the stack, and bytes in hex."""

from __future__ import annotations

from typing import Final

import streamlit as st

_CSS: Final = """
.uth-head { row-gap: 0.1rem; }
.uth-pk-verdict { border-left-width: 0.3rem; }
.uth-pk-verdict.data { border-left: 0.3rem solid var(--uth-fired); }
.uth-pk-verdict.trust { border-left: 0.3rem double var(--uth-gradient); }
.uth-pk-verdict.unread { border-left: 0.3rem dotted var(--uth-muted); }
.uth-pk-verdict.danger { border-left: 0.3rem dashed var(--uth-silent); }
.uth-pk-verdict .what { overflow-wrap: anywhere; }
.uth-pk-verdict.data .what { color: var(--uth-fired); }
.uth-pk-verdict.trust .what { color: var(--uth-gradient); }
.uth-pk-verdict.danger .what { color: var(--uth-silent); }
.uth-pk-chip { display: inline-block; white-space: nowrap; padding: 0 0.55rem; font-size: 0.9rem;
  line-height: 1.45; }
.uth-pk-chip.data { border: 2px solid var(--uth-fired); border-radius: 1rem; color: var(--uth-fired); }
.uth-pk-chip.trust { border: 3px double var(--uth-gradient); border-radius: 0.2rem;
  color: var(--uth-gradient); }
.uth-pk-chip.unread { border: 2px dotted var(--uth-muted); border-radius: 0.2rem; color: var(--uth-muted); }
.uth-pk-chip.danger { border: 2px dashed var(--uth-silent); border-radius: 0; color: var(--uth-silent);
  font-weight: 700; }
.uth-pk-numbers { display: flex; gap: 1.6rem; margin: 0.3rem 0 0.1rem; }
.uth-pk-numbers .what { color: var(--uth-muted); font-size: 0.9rem; }
.uth-pk-numbers .value { font-size: 2rem; line-height: 1.1; font-variant-numeric: tabular-nums; }
.uth-tape { margin-top: 0.4rem; padding: 0.1rem 1.15rem; background-color: var(--uth-panel);
  background-image: radial-gradient(circle, var(--uth-line) 0.16rem, transparent 0.19rem),
    radial-gradient(circle, var(--uth-line) 0.16rem, transparent 0.19rem);
  background-size: 1.1rem 0.8rem; background-repeat: repeat-y; background-position: left top, right top;
  font-family: "Source Code Pro", monospace; font-size: 0.84rem; line-height: 1.3; }
.uth-tape .cell { display: grid; gap: 0.5rem;
  grid-template-columns: max(2.7rem, var(--uth-at, 0ch)) 8.5rem minmax(0, 1fr);
  padding: 0.1rem 0.3rem; border-bottom: 1px solid var(--uth-line); border-left: 0.25rem solid transparent; }
.uth-tape .cell:last-child { border-bottom: none; }
.uth-tape .at { color: var(--uth-muted); text-align: right; }
.uth-tape .argument { color: var(--uth-forward); overflow-wrap: anywhere; }
.uth-tape .after .operation, .uth-tape .after .argument { color: var(--uth-muted); }
.uth-tape .after .operation { text-decoration: line-through dotted; }
.uth-tape .more { color: var(--uth-muted); padding: 0.1rem 0.3rem 0.1rem 3.75rem; font-size: 0.8rem; }
.uth-tape .head { font-weight: 700; background: light-dark(#ffffff, #0f141c); }
.uth-tape .head .at { font-weight: 400; }
.uth-tape .head.trust { border: 3px double var(--uth-gradient); }
.uth-tape .head.danger { border: 2px dashed var(--uth-silent); }
.uth-tape .head.unread { border: 2px dotted var(--uth-muted); }
.uth-tape .head.data { border: 2px solid var(--uth-fired); }
.uth-pk-call { margin: 0.15rem 0 0.15rem 1.4rem; padding: 0.15rem 0 0.15rem 0.7rem; white-space: normal; }
.uth-pk-call .what { font-family: "Source Sans", sans-serif; font-weight: 700; font-size: 0.95rem; }
.uth-pk-call .code { display: block; overflow-wrap: anywhere; font-family: "Source Code Pro", monospace;
  font-size: 0.9rem; }
.uth-pk-call.trust { border-left: 0.3rem double var(--uth-gradient); color: var(--uth-gradient); }
.uth-pk-call.danger { border-left: 0.3rem dashed var(--uth-silent); color: var(--uth-silent); }
.uth-pk-call.unread { border-left: 0.3rem dotted var(--uth-muted); color: var(--uth-muted); }
.uth-pk-call.data { border-left: 0.3rem solid var(--uth-fired); color: var(--uth-fired); }
.uth-pk-found { font-size: 0.92rem; table-layout: fixed; }
.uth-pk-found th:nth-child(1) { width: 9.5rem; }
.uth-pk-found.placed th:nth-child(2) { width: 30%; }
.uth-pk-found td { padding-block: 0.2rem; overflow-wrap: anywhere; }
.uth-pk-found td:first-child { font-weight: 400; }
.uth-pk-opcode .name { font-family: "Source Code Pro", monospace; font-size: 1.4rem; font-weight: 700;
  line-height: 1.3; overflow-wrap: anywhere; }
.uth-pk-opcode .argument { font-weight: 400; font-size: 1rem; color: var(--uth-forward); }
.uth-pk-opcode .says { line-height: 1.4; }
.uth-pk-stack { display: grid; gap: 0.2rem; font-family: "Source Code Pro", monospace; font-size: 0.85rem;
  line-height: 1.35; }
.uth-pk-stack .slot { border: 1px solid var(--uth-line); border-radius: 0.3rem; padding: 0.1rem 0.6rem;
  background: var(--uth-panel); overflow-wrap: anywhere; }
.uth-pk-stack .slot.mark { border-style: dashed; text-align: center; color: var(--uth-muted); }
.uth-pk-stack .slot.global { border: 3px double var(--uth-muted); }
.uth-pk-stack .slot.called { border: 2px dashed var(--uth-muted); }
.uth-pk-stack .slot.unknown { border: 2px dotted var(--uth-muted); }
.uth-pk-stack .slot small { color: var(--uth-muted); }
.uth-pk-hex { font-family: "Source Code Pro", monospace; font-size: 0.8rem; line-height: 1.5;
  overflow-x: auto; white-space: pre; margin: 0.3rem 0 0; }
.uth-pk-formats { font-size: 0.9rem; line-height: 1.3; }
.uth-pk-wide { overflow-x: auto; }
.uth-pk-formats td { padding-right: 0.7rem; overflow-wrap: break-word; }
.uth-pk-formats td.short { white-space: nowrap; }
.uth-pk-formats td .uth-plain { font-size: 0.82rem; font-weight: 400; }
.uth-pk-formats td code { font-size: 0.8rem; }
.uth-pk-judges { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); }
.uth-pk-judges h4 { font-size: 1.05rem; font-weight: 700; padding: 0; margin: 0 0 0.3rem; }
.uth-pk-judges .uth-plain { overflow-wrap: anywhere; }
.uth-pk-judges ul { margin: 0.4rem 0; padding-left: 1.1rem; font-size: 0.92rem; line-height: 1.4;
  overflow-wrap: anywhere; }
@media (max-width: 640px) {
  .uth-tape { padding-inline: 0.9rem; }
  .uth-tape .cell { gap: 0.3rem; font-size: 0.76rem;
    grid-template-columns: max(2.2rem, var(--uth-at, 0ch)) 7.4rem minmax(0, 1fr); }
  .uth-tape .more { padding-left: 2.8rem; }
  .uth-pk-call { margin-left: 0.4rem; }
  .uth-pk-formats { min-width: 56rem; }
  .uth-pk-found th:nth-child(1) { width: 8.4rem; }
}
.uth-pk-hex .at { color: var(--uth-muted); }
.uth-pk-hex mark { background: var(--uth-forward); color: light-dark(#ffffff, #0f141c); font-weight: 700; }
"""

_PROJECTOR_CSS: Final = """
.uth-pk-numbers .value { font-size: 1.7rem; }
.uth-pk-numbers .what, .uth-pk-call .what { font-size: 0.8rem; }
.uth-tape { font-size: 0.75rem; }
.uth-tape .cell { grid-template-columns: max(2.4rem, var(--uth-at, 0ch)) 7.5rem minmax(0, 1fr); }
.uth-tape .more { padding-left: 3.4rem; font-size: 0.72rem; }
"""


def show_style(*, projector: bool = False) -> None:
    """Adds the lab's style sheet to the page."""
    st.html(f"<style>{_CSS}{_PROJECTOR_CSS if projector else ''}</style>")
