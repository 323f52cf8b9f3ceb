"""Turns: who comes next, so that a visitor with many jobs does not keep the others waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Turns(Generic[_Item]):
    """Items that wait, each of a visitor; the visitors take turns. Not for several threads at once."""

    def __init__(self) -> None:
        # Per visitor in the order of their turns; a visitor without items is not in it.
        self._waiting: dict[str, list[_Item]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __contains__(self, item: _Item) -> bool:
        return any(item in mine for mine in self._waiting.values())

    def add(self, visitor: str, item: _Item) -> None:
        """Puts an item behind the visitor's others; a new visitor's turn is the last."""
        self._waiting.setdefault(visitor, []).append(item)

    def remove(self, item: _Item) -> None:
        """Takes an item out, if it is there."""
        for visitor, mine in list(self._waiting.items()):
            if item in mine:
                mine.remove(item)
            if not mine:
                del self._waiting[visitor]

    def clear(self) -> None:
        """Takes all out."""
        self._waiting.clear()

    def next(self, fits: Callable[[_Item], bool] = lambda _: True) -> _Item | None:
        """The first item that fits, of the first visitor who has one; None if there is none.

        It stays in, and its visitor's turn is now the last.
        """
        for visitor, mine in self._waiting.items():
            for item in mine:
                if fits(item):
                    self._waiting[visitor] = self._waiting.pop(visitor)
                    return item
        return None

    def order(self) -> tuple[_Item, ...]:
        """All of them as they would come if each fits and is then removed."""
        longest = max(map(len, self._waiting.values()), default=0)
        return tuple(
            mine[turn] for turn in range(longest) for mine in self._waiting.values() if turn < len(mine)
        )
