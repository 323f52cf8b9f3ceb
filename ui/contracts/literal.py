"""A text as it stands, in a place that reads Markdown."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#~|$:])")


def literal(text: str) -> str:
    """The text as Markdown that shows it as it stands: `__init__` is not bold, `:red[x]` has no colour."""
    return _MARKUP.sub(r"\\\1", text)
