"""The stage's result: how many keys can be used, the verdict in words, and each key without its value."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.secrets import KeyState, KeyStatus, SourceKind
from core.secrets.status import EXPANDS
from ui.cards import card, show_cards, verdict

MOST_ROWS: Final = 6
"""How many keys a projector has room for."""
SIGNS: Final = {
    KeyState.SET: "✓ set",
    KeyState.EMPTY: "✗ empty",
    KeyState.BLANK: "✗ blank",
    KeyState.PLACEHOLDER: "✗ placeholder",
    KeyState.NOT_SET: "· not set",
}

_FROM: Final = {
    None: "",
    SourceKind.PROCESS: "process",
    SourceKind.DOTENV: ".env",
    SourceKind.STREAMLIT: "st.secrets",
}


def usable(status: KeyStatus) -> bool:
    """Whether an app could use the key as it is."""
    return status.state is KeyState.SET and set(_of_value(status)) <= {EXPANDS}


def broken(status: KeyStatus) -> bool:
    """Whether a key is there, and an app that uses it would fail or be surprised."""
    return status.winner is not None and not usable(status)


def show_numbers(found: Sequence[KeyStatus]) -> None:
    """The large numbers and the verdict."""
    good, bad = sum(map(usable, found)), sum(map(broken, found))
    show_cards(
        card("can be used as they are", f"{good} of {len(found)}", "fired"),
        card("are there, and wrong", str(bad), "silent" if bad else "forward"),
        card("hidden by another source", str(losers(found)), "gradient"),
        _verdict(found, good),
    )


def show_verdict(found: Sequence[KeyStatus]) -> None:
    """The verdict alone, where the numbers are shown by the prediction."""
    show_cards(_verdict(found, sum(map(usable, found))))


def losers(found: Sequence[KeyStatus]) -> int:
    """How many values another source hides."""
    return sum(
        rung.source is not status.winner and rung.state is not KeyState.NOT_SET
        for status in found
        for rung in status.rungs
    )


def show_board(found: Sequence[KeyStatus], *, hidden: bool, projector: bool) -> None:
    """Each key, its state, its source, and what may be shown of it."""
    # While it is hidden, the order would tell which are set.
    sort = projector and not hidden
    rows = sorted(found, key=lambda each: each.winner is None) if sort else list(found)
    shown = rows[:MOST_ROWS] if projector else rows
    head = "".join(f"<th>{word}</th>" for word in ("key", "state", "from", "value", "what is odd"))
    body = "".join(_row(each, hidden=hidden, projector=projector) for each in shown)
    st.html(
        f"<table class='uth-board uth-keys' aria-label='The declared keys, without their values'>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    rest = [each.key.name for each in rows[len(shown) :]]
    if rest:
        st.caption(f"And {len(rest)} more: {', '.join(rest)}.")


def _row(status: KeyStatus, *, hidden: bool, projector: bool) -> str:
    name = html.escape(status.key.name)
    if hidden:
        return f"<tr><td>{name}</td>" + "<td class='said-hidden'>?</td>" * 4 + "</tr>"
    told = (*_of_value(status), *status.warnings)
    mark = "fired" if usable(status) else "hidden" if status.winner is None else "silent"
    sign = "⚠ set" if status.state is KeyState.SET and broken(status) else SIGNS[status.state]
    masked = status.masked
    value = ""
    if masked is not None:
        value = _cell(
            f"<code>{html.escape(masked.text)}</code>", f"{masked.text}, {masked.length}", projector
        )
    more = f" (+{len(told) - 1})" if len(told) > 1 else ""
    line = _cell(html.escape(f"{told[0]}{more}"), " ".join(told), projector) if told else ""
    return (
        f"<tr><td>{name}</td><td class='said-{mark}'>{sign}</td>"
        f"<td>{_FROM[status.winner]}</td><td>{value}</td><td>{line}</td></tr>"
    )


def _cell(content: str, title: str, in_a_line: bool) -> str:
    """HTML with all of it under the mouse; in one line where there is no room for more."""
    kind = " class='line'" if in_a_line else ""
    return f"<div{kind} title='{html.escape(title)}'>{content}</div>"


def _of_value(status: KeyStatus) -> tuple[str, ...]:
    """What is odd about the value that wins."""
    won = next((rung for rung in status.rungs if rung.source is status.winner), None)
    return () if won is None else won.warnings


def _verdict(found: Sequence[KeyStatus], good: int) -> str:
    wrong = [each for each in found if broken(each)]
    refused = next((each for each in wrong if each.state is not KeyState.SET), None)
    if refused is not None:
        return verdict("✗", "would fail at its first use", f"{refused.key.name}: {_reason(refused)}")
    if wrong:
        return verdict("✗", "may well fail", f"{wrong[0].key.name}: {_reason(wrong[0])}")
    if good:
        return verdict("✓", "all that is set can be used", "And nothing of a value is on this screen.")
    return verdict("✗", "no declared key is set", "An app that needs one should say so when it starts.")


def _reason(status: KeyStatus) -> str:
    if status.state is KeyState.SET:
        return _of_value(status)[0]
    a = "a " if status.state is KeyState.PLACEHOLDER else ""
    return f"it is {a}{status.state}, which no provider takes."
