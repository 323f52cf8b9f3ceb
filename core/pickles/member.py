"""Members of a file: what lies in it under a name of its own, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.pickles.formats import Format
from core.pickles.globals import GlobalUse
from core.pickles.machine import Call
from core.pickles.verdict import Verdict

SEPARATOR: Final = "!"
"""Between the name of a container and that of what lies in it."""


@dataclass(slots=True)
class Member:
    """What lies in a file, with its place.

    Nothing changes it. It is not frozen, because that makes each of very many take three times as long.

    Attributes:
        name: its path through the containers, as in `inner.zip!data.pkl`; empty for the file itself.
        offset: where its bytes begin in the file; None if they were unpacked first.
        size: bytes, unpacked.
        format: what it is, by its content.
        verdict: the worst of what was found in it and in what it contains.
        pickles: how many pickles were read in it.
    """

    name: str
    offset: int | None
    size: int
    format: Format
    verdict: Verdict
    pickles: int


@dataclass(frozen=True, slots=True)
class MemberGlobal:
    """A global that a member names."""

    member: str
    use: GlobalUse


@dataclass(slots=True)
class MemberCall:
    """A call that loading a member would make. As the others, nothing changes it."""

    member: str
    call: Call


def inside(container: str, name: str) -> str:
    """The name of what lies in a container."""
    return f"{container}{SEPARATOR}{name}" if container else name


def writable(text: str) -> str:
    """A text that can be written as UTF-8: what cannot is spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(text: str, limit: int = 200) -> str:
    """A text that a file gave, fit for a terminal and a page: nothing in it acts, and it is not long."""
    cut = text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in cut
    )
