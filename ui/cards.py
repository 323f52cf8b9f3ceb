"""The row on a lab's stage: large numbers, and the verdict in words."""

from __future__ import annotations

import html

import streamlit as st

from ui.text import plain

_LONG = 8


def card(what: str, value: str, colour: str, said: str = "") -> str:
    """A number with what it is, as HTML.

    Args:
        what: what it is.
        value: as it is to be read.
        colour: `forward`, `gradient`, `fired` or `silent`.
        said: a few words below it.
    """
    below = f"<div class='said'>{html.escape(said)}</div>" if said else ""
    size = " long" if len(value) > _LONG else ""
    return (
        f"<div class='uth-number {colour}'><div class='what'>{html.escape(what)}</div>"
        f"<div class='value{size}'>{html.escape(value)}</div>{below}</div>"
    )


def verdict(sign: str, words: str, why: str) -> str:
    """A verdict as HTML.

    Args:
        sign: ✓, or ✗ for trouble.
        words: the headline.
        why: the sentence below it; its backquotes are left out.
    """
    trouble = " trouble" if sign == "✗" else ""
    return (
        f"<div class='uth-verdict{trouble}'><div class='what'>{sign} {html.escape(words)}</div>"
        f"<div class='why'>{plain(why)}</div></div>"
    )


def show_cards(*cards: str) -> None:
    """Draws the row; who listens hears when it changes."""
    st.html(f"<div class='uth-numbers' aria-live='polite'>{''.join(cards)}</div>")
