"""Any text as a string literal: it reads back as the same text, and nothing in it can end the literal.

What is seen is what is there: characters that print nothing, or that turn the direction of the text around
them, are escaped everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence


def python(text: str) -> str:
    """A literal of Python."""
    return _literal(text, _python_escape)


def javascript(text: str) -> str:
    """A literal of JavaScript that may also stand in a page: no `<` can end its script element."""
    return _literal(text, _utf16_escape, special="<")


def rust(text: str) -> str:
    """A literal of Rust."""
    return _literal(text, lambda character: f"\\u{{{ord(character):x}}}")


def java(text: str) -> str:
    r"""A literal of Java, in ASCII.

    Java reads `\u000a` as a line break before it reads the literal, so the first 256 characters are
    written in octal.
    """
    return _literal(
        text,
        lambda character: f"\\{ord(character):03o}" if ord(character) < 0x100 else _utf16_escape(character),
        ascii_only=True,
    )


def cpp(text: str) -> str:
    """A literal of C++ with the UTF-8 bytes of the text, in ASCII; no trigraph comes about."""
    return _literal(
        text,
        lambda character: "".join(f"\\{byte:03o}" for byte in character.encode()),
        special="?",
        ascii_only=True,
    )


def _literal(text: str, escape: Callable[[str], str], *, special: str = "", ascii_only: bool = False) -> str:
    """Text in double quotes.

    Args:
        text: any.
        escape: how a character is written that does not stand for itself.
        special: those that do not, besides the backslash, the quote and what prints nothing.
        ascii_only: whether all others outside ASCII are escaped too.
    """
    parts = []
    for character in text:
        if character in '\\"':
            parts.append(f"\\{character}")
        elif character in special or not character.isprintable() or (ascii_only and not character.isascii()):
            parts.append(escape(character))
        else:
            parts.append(character)
    return f'"{"".join(parts)}"'


def _python_escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _utf16_escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def listed(texts: Sequence[str], literal: Callable[[str], str]) -> str:
    """A list of literals in square brackets."""
    return f"[{', '.join(literal(text) for text in texts)}]"


def fill(program: str, parts: Mapping[str, str]) -> str:
    """A program with its blanks, `«NAME»`, filled; what is filled in is not looked at again.

    Args:
        program: with the blanks.
        parts: a text for the name of every blank.
    """
    return re.sub(r"«(\w+)»", lambda found: parts[found[1]], program)
