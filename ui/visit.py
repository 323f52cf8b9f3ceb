"""Visits: one is a browser's tab, from its first look at a page until the server forgets it.

What a visit holds is in its session state and goes with it: processes end, and models leave Netron's shelf,
when nobody holds them any more. What else is to be done then is told by `at_end`.

A browser that has gone may come back: it has lost its connection for a moment, or its computer slept. So
nothing is done when it goes (`st.cache_resource(scope="session", on_release=...)` would), but when Streamlit
gives the visit up, `server.disconnectedSessionTTL` seconds later. It does so only when the next browser goes;
`forget_visits` sees to it that it is on time, and that the memory goes back to the system.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import heapq
import itertools
import logging
import queue
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st
from streamlit import runtime

from ui.visitor import visitor

KEY: Final = "visit"
LOOK_SECONDS: Final = 15.0
"""How often it is looked for visits that are over."""
_LOG: Final = logging.getLogger(__name__)


class Visit:
    """One visit. Whoever holds it keeps it going: only the session state does.

    Attributes:
        visitor: whose it is.
    """

    def __init__(self, who: str, end: Callable[[_Rest], None]) -> None:
        self.visitor = who
        self._rest = _Rest(who)
        self._finalizer = weakref.finalize(self, end, self._rest)
        self._finalizer.atexit = False

    def at_end(self, name: str, callback: Callable[[], None], *, after: float = 0.0) -> None:
        """Has something done when the visit is over.

        Args:
            name: a second callback of the same name takes the place of the first.
            callback: called in a thread of its own kind; it must not hold this visit.
            after: how many seconds later.
        """
        self._rest.callbacks[name] = (after, callback)


class _Rest:
    """What is left of a visit when it is over."""

    def __init__(self, who: str) -> None:
        self.visitor = who
        self.callbacks: dict[str, tuple[float, Callable[[], None]]] = {}


class _Turn:
    """A lock that a weak reference can be had to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Visits:
    """The visits that go on, and what is done at their ends. For any thread."""

    def __init__(self) -> None:
        # A simple queue may be put into wherever garbage is collected: it takes no lock that others hold.
        self._over: queue.SimpleQueue[_Rest] = queue.SimpleQueue()
        self._open: Counter[str] = Counter()
        self._turns: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        threading.Thread(target=self._see_off, daemon=True, name="ends of visits").start()

    def begin(self, who: str) -> Visit:
        """A new visit of a visitor, who may have others."""
        with self._lock:
            self._open[who] += 1
        return Visit(who, self._over.put)

    def open(self, who: str) -> int:
        """How many visits of a visitor go on."""
        with self._lock:
            return self._open[who]

    def __len__(self) -> int:
        with self._lock:
            return self._open.total()

    def turn(self, who: str) -> _Turn:
        """What of a visitor's one run of a page has at a time; there for as long as somebody holds it."""
        with self._lock:
            return self._turns.setdefault(who, _Turn())

    def _see_off(self) -> None:
        """The thread: does what is to be done at the ends of visits, each when it is time."""
        due: list[tuple[float, int, Callable[[], None]]] = []
        number = itertools.count()
        while True:
            wait = None if not due else max(0.0, due[0][0] - time.monotonic())
            try:
                rest = self._over.get(timeout=wait)
            except queue.Empty:
                _call(heapq.heappop(due)[2])
                continue
            with self._lock:
                self._open[rest.visitor] -= 1
                if not self._open[rest.visitor]:
                    del self._open[rest.visitor]
            for after, callback in rest.callbacks.values():
                heapq.heappush(due, (time.monotonic() + after, next(number), callback))


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - the other visits' ends are seen to
        _LOG.exception("something could not be done at the end of a visit")


@st.cache_resource(show_spinner=False)
def the_visits() -> Visits:
    """The visits to this server."""
    return Visits()


def this_visit() -> Visit:
    """The visit that a page is run for."""
    found: Visit | None = st.session_state.get(KEY)
    if found is None:
        found = st.session_state[KEY] = the_visits().begin(visitor())
    return found


def at_end(name: str, callback: Callable[[], None], *, after: float = 0.0) -> None:
    """Has something done when this visit is over: see `Visit.at_end`."""
    this_visit().at_end(name, callback, after=after)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """What takes long in the server's own process: one of it at a time for each visitor.

    Whoever changes an input again and again, or has many tabs, so keeps one processor busy and not all.
    """
    turn = the_visits().turn(visitor())
    with turn.lock:
        # A run of the page that another one has taken the place of meanwhile ends at this line.
        st.session_state.get(KEY)
        yield


async def forget_visits(seconds: float = LOOK_SECONDS) -> None:
    """Has Streamlit give up the visits whose time is over, for as long as the server runs.

    To be awaited by the server's own loop, which alone may touch its sessions.
    """
    while True:
        await asyncio.sleep(seconds)
        try:
            if _give_up_expired():
                await asyncio.to_thread(tidy)
        except Exception:  # noqa: BLE001 - a server that forgets late is better than one that stops
            _LOG.exception("visits that are over could not be forgotten; they are when the next one ends")
            return


def tidy() -> None:
    """Collects what is left of visits, and gives the memory back to the system where it can be given."""
    gc.collect()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        # Tables are made in a pool of its own.
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        # glibc keeps what was freed; musl has no such function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _give_up_expired() -> bool:
    """Whether there were any. Streamlit has no public way to it; tests/ui/test_visit.py holds this one."""
    if not runtime.exists():
        return False
    kept = runtime.get_instance()._session_mgr._session_storage._cache  # type: ignore[attr-defined]
    over = kept.expire()
    for _, info in over:
        # Files that were uploaded or offered for download go with this.
        info.session.shutdown()
        # The server's loop may hold the last session that it has looked at for hours.
        info.session.session_state.clear()
    return bool(over)
