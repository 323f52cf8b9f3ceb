"""The stage's picture: the way through the model, with every hook that it passes by or skips."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.hooks.run import Firing, Output, Report
from core.hooks.spec import ROOT_NAME, HookKind
from ui.hooks.result import usual_code
from ui.numbers import full

MAX_CHIPS: Final = 14

_ARROW: Final = "<span class='arrow' aria-hidden='true'>→</span>"
_BACK: Final = "<span class='arrow back' aria-hidden='true'>←</span>"


def show_route(report: Report, *, hidden: bool) -> bool:
    """Two lanes: how `model(x)` goes, with every hook on the way, and how this run went.

    Args:
        report: of the run.
        hidden: while a prediction is open: then the second lane does not say what fired.

    Returns:
        Whether it was drawn: not without hooks, nor with too many for a picture.
    """
    firings = report.firings
    if not firings or len(firings) > MAX_CHIPS or any(item.spec.the_kind.is_on_state for item in firings):
        return False
    usual = usual_code(report)
    lanes = []
    if report.plan.code != usual:
        lanes.append(_lane(usual, report, "expected", report.bare))
    lanes.append(
        _lane(report.plan.code, report, "hidden", None)
        if hidden
        else _lane(report.plan.code, report, "actual", report.output)
    )
    alt = _alt(report, hidden=hidden)
    st.html(f"<div class='uth-route' role='img' aria-label='{alt}'>{''.join(lanes)}</div>")
    return True


def _alt(report: Report, *, hidden: bool) -> str:
    if hidden:
        return "The way through the model; which hooks fire is hidden until you have guessed"
    fired = ", ".join(firing.spec.where for firing in report.firings if not firing.silent) or "none"
    silent = ", ".join(firing.spec.where for firing in report.skipped) or "none"
    return html.escape(f"The way through the model. Fired: {fired}. Silent: {silent}", quote=True)


def _lane(code: str, report: Report, state: str, output: Output | None) -> str:
    forward, backward = _chips(report, state)
    way = ["<span class='end'>x</span>", _ARROW, *forward]
    if output is not None and output.tensors:
        way += [_ARROW, f"<span class='end'>{_value(output)}</span>"]
    way += backward
    return f"<div class='lane'><code>{html.escape(code)}</code><div class='way'>{''.join(way)}</div></div>"


def _value(output: Output) -> str:
    first = output.tensors[0]
    if first.statistics.count == 1:
        return html.escape(full(first.preview[0], "float32"))
    return html.escape(str(first.shape))


def _chips(report: Report, state: str) -> tuple[list[str], list[str]]:
    """The chips of the forward pass, and those of the backward pass with their arrows."""
    names = [layer.name for layer in report.layers]
    forward = [firing for firing in report.firings if not firing.spec.the_kind.is_backward]
    backward = [firing for firing in report.firings if firing.spec.the_kind.is_backward]
    touched = [name for name in names if any(firing.spec.layer == name for firing in forward)]
    back = []
    for firing in sorted(backward, key=lambda item: -_place(names, item.spec.layer)):
        back += [_BACK, _chip(firing, state)]
    return _inside("", touched, forward, state), back


def _place(names: list[str], layer: str) -> int:
    """Where a layer is in the model; one with two names may be listed under the other."""
    return names.index(layer) if layer in names else len(names)


def _inside(name: str, touched: Sequence[str], firings: Sequence[Firing], state: str) -> list[str]:
    """The chips of a layer and of the touched layers inside it, in the order of the forward pass."""
    prefix = f"{name}." if name else ""
    inner = [other for other in touched if other != name and other.startswith(prefix)]
    direct = [
        other
        for other in inner
        if not any(other != above and other.startswith(f"{above}.") for above in inner)
    ]
    mine = [firing for firing in firings if firing.spec.layer == name]
    before = [_chip(item, state) for item in mine if item.spec.the_kind is HookKind.FORWARD_PRE]
    after = [_chip(item, state) for item in mine if item.spec.the_kind is HookKind.FORWARD]
    layer = f"<span class='layer'>{html.escape(name or ROOT_NAME)}.forward</span>"
    middle = [layer]
    for other in direct:
        middle += [_ARROW, *_inside(other, touched, firings, state)]
    parts = before + middle + after
    if not before and not after and direct and name == "":
        parts = middle[2:]
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1] != _ARROW and part != _ARROW:
            joined.append(_ARROW)
        joined.append(part)
    return joined


def _chip(firing: Firing, state: str) -> str:
    words = {
        HookKind.FORWARD_PRE: "pre hook",
        HookKind.FORWARD: "hook",
        HookKind.FULL_BACKWARD_PRE: "backward-pre",
        HookKind.FULL_BACKWARD: "backward",
    }.get(firing.spec.the_kind, str(firing.spec.the_kind).replace("_", " "))
    what = f"{firing.spec.where} {words}"
    if state == "hidden":
        return f"<span class='hook hidden'>? {html.escape(what)}</span>"
    count = firing.fired if state == "actual" else firing.usual
    if count == 0:
        return f"<span class='hook silent'>✗ {html.escape(what)}</span>"
    times = f" ×{count}" if count > 1 else ""
    return f"<span class='hook fired'>✓ {html.escape(what)}{times}</span>"
