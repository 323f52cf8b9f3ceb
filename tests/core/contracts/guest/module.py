"""A module as a visitor may write it: the tests look at its classes."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import Protocol


class Asks(ABC):
    @abstractmethod
    def fit(self, x: int) -> int: ...

    @property
    @abstractmethod
    def name(self) -> str: ...

    @classmethod
    @abstractmethod
    def make(cls) -> Asks: ...


class Whole(Asks):
    name = "whole"

    def fit(self, x: int) -> int:
        return x

    @classmethod
    def make(cls) -> Whole:
        return cls()


class Part(Asks):
    def fit(self, x: int) -> int:
        return x


class Reads(Protocol):
    size: int

    def read(self) -> bytes:
        """Only words."""


class Alike:
    size = 1

    def read(self) -> bytes:
        return b""

    class Inner(Asks):
        """Lacks everything."""


class Reminds:
    def go(self) -> int:
        raise NotImplementedError("Subclasses must implement this method!")


class Forgets(Reminds):
    @functools.cache  # noqa: B019 - what is looked at
    def other(self) -> int:
        return 1

    @staticmethod
    def tool() -> int:
        return 1

    async def wait(self) -> int:
        return 1


class Virtual:
    """Registered below."""


Asks.register(Virtual)
