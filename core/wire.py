"""Frozen dataclasses as JSON and back: what a child process of ours answers with."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

_T = TypeVar("_T")


def write(kind: Any, value: object) -> Any:  # noqa: ANN401 - a type, or an alias of one, and JSON
    """A value of a dataclass type as JSON has it; it must hold no tensor."""
    return _adapter(kind).dump_python((value,), mode="json")[0]


def read(kind: type[_T], written: object) -> _T:
    """The value that `write` wrote.

    Raises:
        ValueError: if it is no such value.
    """
    key: Any = kind
    found: _T = _adapter(key).validate_python((written,))[0]
    return found


@functools.cache
def _adapter(kind: Any) -> Any:  # noqa: ANN401 - pydantic's adapter, imported only where it is needed
    from pydantic import ConfigDict, TypeAdapter

    # In a tuple, because pydantic takes no settings for a dataclass alone.
    return TypeAdapter(tuple[kind], config=ConfigDict(arbitrary_types_allowed=True))
