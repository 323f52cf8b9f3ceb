"""Places: how many may be at work at once, who waits for one, and whose turn is next."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

AT_ONCE: Final = 4
WAITING: Final = 50
EACH: Final = 8
"""How many are at work at a time, how many wait at most, and how many of both may be one visitor's."""


class PlacesError(ValueError):
    """Someone who can neither have a place nor wait for one: one line for a visitor."""


class _State(Enum):
    WAITS = auto()
    WORKS = auto()
    LEFT = auto()


class Ticket:
    """A place, or a turn in the queue for one.

    Attributes:
        visitor: whose it is; empty for the server's own.
        waited: whether there was no place at once: then `begin` is called when there is.
    """

    def __init__(self, places: Places, visitor: str, begin: Callable[[Ticket], None]) -> None:
        self.visitor = visitor
        self.waited = False
        self._places = places
        self._begin = begin
        self._state = _State.WAITS

    @property
    def position(self) -> int:
        """Its number in the queue, from 1; 0 if it waits no longer."""
        return self._places._position(self)

    def leave(self) -> None:
        """Gives the place back, or the turn; it may have been given back before. Never waits for a lock."""
        self._places._leave(self)


class Places:
    """How many may be at work at once. For any thread.

    Who waits comes in turns: next is the visitor who has the fewest places, and among those the one whose
    turn was the longest ago. A visitor who has a place never takes the last free one, so that someone new
    can begin whatever the others do.

    Args:
        at_once: how many places there are.
        waiting: how many may wait.
        each: how many of one visitor may wait or be at work.
    """

    def __init__(self, at_once: int = AT_ONCE, *, waiting: int = WAITING, each: int = EACH) -> None:
        self.at_once: Final = at_once
        self._most_waiting = waiting
        self._each = each
        # Per visitor in the order of their turns; a visitor for whom nothing waits is not in it.
        self._queue: dict[str, deque[Ticket]] = {}
        self._at_work: Counter[str] = Counter()
        self._left: deque[Ticket] = deque()
        self._lock = threading.Lock()

    @property
    def at_work(self) -> int:
        """How many places are taken."""
        self._settle()
        with self._lock:
            return self._at_work.total()

    @property
    def waiting(self) -> int:
        """How many wait."""
        self._settle()
        with self._lock:
            return self._waiting()

    def ask(self, visitor: str, begin: Callable[[Ticket], None]) -> Ticket:
        """Takes a place, or a turn in the queue.

        Args:
            visitor: who asks; empty for the server itself, which has no share to keep to.
            begin: called once there is a place, in whichever thread gave it back, unless there is one now.

        Raises:
            PlacesError: if too many wait, or the visitor has too many.
        """
        self._settle()
        ticket = Ticket(self, visitor, begin)
        try:
            with self._lock:
                self._place_or_queue(ticket)
        finally:
            self._settle()
        return ticket

    def _place_or_queue(self, ticket: Ticket) -> None:
        visitor = ticket.visitor
        mine = self._at_work[visitor] + len(self._queue.get(visitor, ()))
        if visitor and mine >= self._each:
            raise PlacesError(
                f"You have {mine} runs going on or waiting, and may have {self._each}: "
                "wait for one, or stop one."
            )
        # Whoever waits has no place because there is none for them: one for the new one may yet be there.
        if self._fits(visitor) and visitor not in self._queue:
            self._take(ticket)
        elif self._waiting() >= self._most_waiting:
            raise PlacesError(
                f"Busy: {self._waiting()} runs wait for a place already; try again in a moment."
            )
        else:
            ticket.waited = True
            self._queue.setdefault(visitor, deque()).append(ticket)

    def _position(self, ticket: Ticket) -> int:
        with self._lock:
            order = self._order() if ticket._state is _State.WAITS else []
            found = order.index(ticket) + 1 if ticket in order else 0
        self._settle()
        return found

    def _leave(self, ticket: Ticket) -> None:
        # Garbage may be collected at any line of this class, and what is collected leaves: so nothing is
        # waited for here, and whoever has the lock comes by `_settle` afterwards.
        self._left.append(ticket)
        self._settle()

    def _settle(self) -> None:
        while self._left and self._lock.acquire(blocking=False):
            try:
                while self._left:
                    self._forget(self._left.popleft())
                come = self._admit()
            finally:
                self._lock.release()
            for ticket in come:
                ticket._begin(ticket)

    def _forget(self, ticket: Ticket) -> None:
        if ticket._state is _State.WORKS:
            self._at_work[ticket.visitor] -= 1
            if not self._at_work[ticket.visitor]:
                del self._at_work[ticket.visitor]
        elif ticket._state is _State.WAITS:
            self._unqueue(ticket)
        ticket._state = _State.LEFT

    def _unqueue(self, ticket: Ticket) -> None:
        mine = self._queue.get(ticket.visitor)
        if mine is not None and ticket in mine:
            mine.remove(ticket)
            if not mine:
                del self._queue[ticket.visitor]

    def _admit(self) -> list[Ticket]:
        """Gives the places that are free to whose turn it is."""
        come = []
        while (visitor := self._next(self._queue, self._at_work)) is not None and self._fits(visitor):
            ticket = self._queue[visitor].popleft()
            # Their next turn is the last.
            rest = self._queue.pop(visitor)
            if rest:
                self._queue[visitor] = rest
            self._take(ticket)
            come.append(ticket)
        return come

    def _take(self, ticket: Ticket) -> None:
        self._at_work[ticket.visitor] += 1
        ticket._state = _State.WORKS

    def _fits(self, visitor: str) -> bool:
        free = self.at_once - self._at_work.total()
        shares = bool(visitor) and self._at_work[visitor] > 0
        return free > (1 if shares else 0)

    def _waiting(self) -> int:
        return sum(map(len, self._queue.values()))

    def _order(self) -> list[Ticket]:
        """All who wait, as they would come if a place became free for each."""
        queue = {visitor: list(mine) for visitor, mine in self._queue.items()}
        at_work = Counter(self._at_work)
        order = []
        while (visitor := self._next(queue, at_work)) is not None:
            first, *rest = queue.pop(visitor)
            order.append(first)
            at_work[visitor] += 1
            if rest:
                queue[visitor] = rest
        return order

    @staticmethod
    def _next(queue: dict[str, deque[Ticket]] | dict[str, list[Ticket]], at_work: Counter[str]) -> str | None:
        """The visitor whose turn it is: of those with the fewest places the first."""
        return min(queue, key=lambda visitor: at_work[visitor] if visitor else 0, default=None)


@dataclass(frozen=True)
class Place:
    """Where a place is asked for, and for whom.

    Attributes:
        places: of which it is one.
        visitor: who asks; empty for the server itself.
    """

    places: Places
    visitor: str = ""
