"""Class statements that Python refuses, noted when it does: the program may go on without the class."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.contracts.guest.raised import told


@dataclass(frozen=True)
class Refused:
    """A class that was not made.

    Attributes:
        name: qualified.
        bases: what its statement named.
        reason: the exception, in a few words.
    """

    name: str
    bases: tuple[object, ...]
    reason: str


@contextmanager
def noted(module: str) -> Iterator[list[Refused]]:
    """Notes the class statements of a module that fail meanwhile."""
    found: list[Refused] = []
    original: Callable[..., Any] = builtins.__build_class__

    def build(function: Any, name: str, /, *bases: object, **keywords: object) -> Any:  # noqa: ANN401
        try:
            return original(function, name, *bases, **keywords)
        except BaseException as error:
            if function.__module__ == module:
                found.append(Refused(function.__qualname__[:200], bases, told(error)))
            raise

    builtins.__build_class__ = build
    try:
        yield found
    finally:
        builtins.__build_class__ = original
