"""Sentences with code between backquotes, as HTML."""

from __future__ import annotations

import html


def with_code(sentence: str) -> str:
    """A sentence as HTML, with what is between backquotes as code."""
    parts = html.escape(sentence).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def plain(sentence: str) -> str:
    """A sentence as HTML, without its backquotes."""
    return html.escape(sentence.replace("`", ""))
