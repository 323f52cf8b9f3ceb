"""Which declared keys are set, where each comes from, and what is odd about it, without showing one.

A value is looked at in `_rung` alone; what leaves this module is masked.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.secrets.declared import DeclaredKey, SecretKind
from core.secrets.env_text import has_reference
from core.secrets.mask import Masked, mask
from core.secrets.source import Source, SourceKind
from core.secrets.state import INVISIBLE, KeyState, classify

EXPANDS: Final = "python-dotenv expands the ${...} in it when it loads the file; here it stays as it is."
"""The one remark that says nothing against a value."""
_QUOTES: Final = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("\u2018", "\u2019"), ("„", "“"))
# Their values may go over several lines.
_MULTILINE: Final = frozenset({SecretKind.JSON, SecretKind.PEM})
# Only of these is it known that every character is ASCII.
_ASCII: Final = frozenset({SecretKind.TOKEN, SecretKind.IDENTIFIER})
_HIDING: Final = {
    KeyState.EMPTY: "An empty value",
    KeyState.BLANK: "A blank value",
    KeyState.PLACEHOLDER: "A placeholder",
}


@dataclass(frozen=True)
class Rung:
    """What one source has for a key.

    Attributes:
        source: the source.
        state: what its value is.
        masked: the value as it may be shown; None if it is not set or empty.
        same: whether it is the winner's value; None for the winner, and where there is no value.
        warnings: what is odd about the value, a line each.
    """

    source: SourceKind
    state: KeyState
    masked: Masked | None
    same: bool | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class KeyStatus:
    """What is known of a declared key.

    Attributes:
        key: the key.
        state: of the value that wins.
        winner: the source that wins: the first that has the name, even with an empty value.
        rungs: what each source has, in their order.
        warnings: what is odd about the sources together, a line each.
        masked: the value that wins as it may be shown; None if it is not set or empty.
    """

    key: DeclaredKey
    state: KeyState
    winner: SourceKind | None
    rungs: tuple[Rung, ...]
    warnings: tuple[str, ...]
    masked: Masked | None


def status(
    declared: Iterable[DeclaredKey], sources: Sequence[Source], *, owner: bool = False
) -> list[KeyStatus]:
    """The status of each declared key.

    Args:
        declared: the keys.
        sources: the first that has a key wins, even if its value is empty, as with python-dotenv's
            `override=False`.
        owner: whether the app runs for the owner of the keys alone; then the ends of long tokens show.
    """
    keys = tuple(declared)
    return [_status(key, keys, sources, owner=owner) for key in keys]


def winner_of(name: str, sources: Sequence[Source]) -> Source | None:
    """The first source that has a value for the name, even an empty one."""
    return next((source for source in sources if source.get(name) is not None), None)


def _status(
    key: DeclaredKey, keys: tuple[DeclaredKey, ...], sources: Sequence[Source], *, owner: bool
) -> KeyStatus:
    winner = winner_of(key.name, sources)
    # A key of this call alone: the digests compare two values and say nothing to anybody else.
    secret = secrets.token_bytes(32)
    expected = _digest(secret, winner, key.name)
    rungs = []
    for source in sources:
        digest = _digest(secret, source, key.name)
        same = None if source is winner or digest is None else hmac.compare_digest(digest, expected or b"")
        rungs.append(_rung(key, keys, source, same=same, owner=owner))
    won = next((rung for rung, source in zip(rungs, sources, strict=True) if source is winner), None)
    return KeyStatus(
        key=key,
        state=won.state if won else KeyState.NOT_SET,
        winner=won.source if won else None,
        rungs=tuple(rungs),
        warnings=tuple(_together(won, rungs)) if won else (),
        masked=won.masked if won else None,
    )


def _digest(secret: bytes, source: Source | None, name: str) -> bytes | None:
    value = source.get(name) if source else None
    return None if value is None else hmac.digest(secret, value.encode("utf-8", "surrogatepass"), "sha256")


def _rung(
    key: DeclaredKey, keys: tuple[DeclaredKey, ...], source: Source, *, same: bool | None, owner: bool
) -> Rung:
    value = source.get(key.name)
    state = classify(value)
    if state is KeyState.PLACEHOLDER and source.kind is SourceKind.DOTENV and has_reference(str(value)):
        # What it becomes is elsewhere.
        state = KeyState.SET
    warnings: tuple[str, ...] = ()
    masked = None
    if value is None:
        if key.name in source:
            warnings = ("The name stands there without =, so python-dotenv sets nothing.",)
    elif state is not KeyState.EMPTY:
        masked = mask(value, kind=key.kind, known=key.is_own(value), owner=owner)
        if state is KeyState.SET:
            warnings = tuple(_odd(key, keys, value, expands=source.kind is SourceKind.DOTENV))
    return Rung(source.kind, state, masked, same, warnings)


def _odd(key: DeclaredKey, keys: tuple[DeclaredKey, ...], value: str, *, expands: bool) -> Iterator[str]:
    """What is odd about a value, without a word of it."""
    inner = value.strip()
    if inner != value:
        yield "It has whitespace around it, which goes to the provider with it."
    if ("\n" in inner or "\r" in inner) and not (key.kind in _MULTILINE or inner.startswith("-----BEGIN")):
        yield "It has a line break inside."
    if _is_quoted(inner):
        yield "It is surrounded by quotes that are part of the value."
        inner = inner[1:-1].strip()
    if any(_is_odd(char, key.kind) for char in inner):
        yield "It has a character that does not print or is not ASCII, as copied from a web page."
        inner = inner.translate(dict.fromkeys(map(ord, INVISIBLE)))
    if expands and has_reference(value):
        yield EXPANDS
    elif key.expected:
        other = next((other for other in keys if other.is_own(inner)), key)
        if other != key:
            yield f"It looks like {other.title} ({other.name})."
        elif not key.is_well_formed(inner):
            yield f"It does not look like {key.title}: expected {key.expected}."


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and (text[0], text[-1]) in _QUOTES


def _is_odd(char: str, kind: SecretKind) -> bool:
    if char in "\r\n\t":
        return False
    return not char.isprintable() or (kind in _ASCII and not char.isascii())


def _together(won: Rung, rungs: list[Rung]) -> Iterator[str]:
    """What is odd about the winner beside the others."""
    others = [rung for rung in rungs if rung is not won and rung.state is KeyState.SET]
    if won.state is not KeyState.SET:
        for rung in others:
            yield f"{_HIDING[won.state]} in {won.source.phrase} hides the one in {rung.source.phrase}."
        return
    for rung in others:
        if not rung.same:
            yield f"Another value is in {rung.source.phrase}; the one in {won.source.phrase} counts."
