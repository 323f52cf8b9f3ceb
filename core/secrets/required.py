"""The keys that the app cannot start without: a clear error that names each one that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from core.secrets.declared import declared_keys
from core.secrets.source import Source, SourceKind
from core.secrets.state import KeyState, classify
from core.secrets.status import winner_of

_WORDS: Final = {
    KeyState.EMPTY: "is empty",
    KeyState.BLANK: "is blank",
    KeyState.PLACEHOLDER: "has a placeholder for its value",
}


class MissingKeyError(RuntimeError):
    """Required keys have no value. The message is one line: each key, why, and what to do."""


def require(name: str, sources: Sequence[Source]) -> None:
    """Checks that a key has a value.

    Raises:
        MissingKeyError: it has none: it is not set, empty, blank or a placeholder.
        DeclaredKeyError: no variable can have that name.
    """
    check_required([name], sources)


def check_required(names: Iterable[str], sources: Sequence[Source]) -> None:
    """Checks that keys have values; the message names every one that has none.

    Args:
        names: of the variables.
        sources: the first that has a name wins, even if its value is empty.

    Raises:
        MissingKeyError: some have none: they are not set, empty, blank or placeholders.
        DeclaredKeyError: no variable can have one of the names.
    """
    asked = tuple(dict.fromkeys(names))
    declared_keys(asked)
    missing: dict[str, str] = {}
    hidden = False
    for name in asked:
        winner = winner_of(name, sources)
        state = classify(winner.get(name) if winner else None)
        if winner is None:
            missing[name] = f"{name} is not set"
        elif state is not KeyState.SET:
            missing[name] = f"{name} {_WORDS[state]} in {winner.kind.phrase}"
            hidden |= winner.kind is SourceKind.PROCESS
    if missing:
        raise MissingKeyError(f"{'; '.join(missing.values())}: {_advice(list(missing), hidden=hidden)}")


def _advice(names: list[str], *, hidden: bool) -> str:
    what = f"{names[0]}=..." if len(names) == 1 else "each as NAME=..."
    wins = " (which wins over .env)" if hidden else ""
    return f"put {what} into .env or set it in the process environment{wins}, and start again."
