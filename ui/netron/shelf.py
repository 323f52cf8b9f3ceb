"""The models that visitors' pages show now: bounded, behind secrets, gone with the visit."""

from __future__ import annotations

import re
import secrets
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ui.limits import limits

MAX_MODELS: Final = 64
"""How many models are kept at a time."""
MAX_MODELS_EACH: Final = 6
"""How many of them may be one visit's."""
MAX_BYTES: Final = 256 * 2**20
"""How much they take in all."""
MAX_BYTES_EACH: Final = 64 * 2**20
"""How much one of them may take."""
IDLE_SECONDS: Final = 2 * 60 * 60
"""How long a model is kept that nobody asks for."""


class ShelfError(ValueError):
    """A model that cannot be shown: one line for a visitor."""


@dataclass(frozen=True)
class Model:
    """A model as it is served: its bytes and the name of its file."""

    data: bytes
    name: str


@dataclass
class _Kept:
    model: Model
    owner: str
    used: float


class Shelved:
    """A model's place on the shelf, for as long as someone holds this.

    Attributes:
        token: the secret in the model's address.
        name: of the file.
    """

    def __init__(self, token: str, name: str, release: Callable[[str], None]) -> None:
        self.token = token
        self.name = name
        self._finalizer = weakref.finalize(self, release, token)
        self._finalizer.atexit = False

    def close(self) -> None:
        """Takes the model from the shelf; it may have gone already."""
        self._finalizer()


class Shelf:
    """The models that visitors' pages show now. For any thread.

    When there is no room, what was asked for the longest ago goes.

    Args:
        models: how many are kept.
        models_each: how many of one owner.
        size: bytes in all.
        size_each: bytes of one model.
        idle_seconds: how long one is kept that nobody asks for.
        clock: gives seconds; never goes back.
    """

    def __init__(
        self,
        *,
        models: int = MAX_MODELS,
        models_each: int = MAX_MODELS_EACH,
        size: int = MAX_BYTES,
        size_each: int = MAX_BYTES_EACH,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._models_each = models_each
        self._size = size
        self._size_each = min(size, size_each)
        self._idle_seconds = idle_seconds
        self._clock = clock
        # The longest unused first.
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._released: deque[str] = deque()
        self._lock = threading.Lock()

    def put(self, data: bytes, name: str, owner: str) -> Shelved:
        """Keeps a model.

        Args:
            data: the file.
            name: what Netron calls it; only its letters and digits are kept.
            owner: whose it is: models of one owner make room for each other first.

        Raises:
            ShelfError: if it is too large.
        """
        if len(data) > self._size_each:
            most = f"{self._size_each / 2**20:.3g} MiB"
            raise ShelfError(
                f"The model has {len(data) / 2**20:.3g} MiB and Netron is given {most} at most: "
                "choose a smaller one, or open the file with Netron on your own machine."
            )
        shelved = Shelved(secrets.token_urlsafe(32), file_name(name), self._release)
        with self._open():
            mine = [token for token, kept in self._kept.items() if kept.owner == owner]
            for token in mine[: max(0, len(mine) + 1 - self._models_each)]:
                del self._kept[token]
            while self._kept and (len(self._kept) >= self._models or self._total() + len(data) > self._size):
                self._kept.popitem(last=False)
            self._kept[shelved.token] = _Kept(Model(data, shelved.name), owner, self._clock())
        return shelved

    def get(self, token: str) -> Model | None:
        """The model of that token; None if it is gone or never was."""
        with self._open():
            kept = self._kept.get(token)
            if kept is None:
                return None
            kept.used = self._clock()
            self._kept.move_to_end(token)
            return kept.model

    def __len__(self) -> int:
        with self._open():
            return len(self._kept)

    def _total(self) -> int:
        return sum(len(kept.model.data) for kept in self._kept.values())

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            oldest = self._clock() - self._idle_seconds
            while self._kept and next(iter(self._kept.values())).used < oldest:
                self._kept.popitem(last=False)
            yield
        self._clear()

    def _release(self, token: str) -> None:
        self._released.append(token)
        self._clear()

    def _clear(self) -> None:
        # Garbage may be collected at any line of this class, so nothing is waited for here: whoever has the
        # lock comes by here afterwards.
        while self._released and self._lock.acquire(blocking=False):
            try:
                while self._released:
                    self._kept.pop(self._released.popleft(), None)
            finally:
                self._lock.release()


@st.cache_resource(show_spinner=False)
def the_shelf() -> Shelf:
    """The server's shelf."""
    bounds = limits()
    return Shelf(
        models=bounds.max_models, models_each=bounds.max_models_per_visitor, size=bounds.max_model_bytes
    )


def file_name(name: str) -> str:
    """A name for a model's file that is safe in an address and in a header."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removesuffix(".onnx"))[:60].strip("-")
    return f"{stem or 'model'}.onnx"
