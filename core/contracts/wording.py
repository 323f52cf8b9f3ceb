"""What Python says when it refuses to create an object of an abstract class."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

OLD: Final = "3.11"
NEW: Final = "3.12+"

_ABSTRACT: Final = "Can't instantiate abstract class"


def wordings(class_name: str, missing: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The texts of the TypeError, each with the versions that say it.

    As `object_new` of CPython's `Objects/typeobject.c` puts them: the class by its `__name__`, the methods
    sorted as texts, and a plural for more than one.

    Args:
        class_name: qualified or not.
        missing: the abstract methods without an implementation; if there are none, there is no error.
    """
    if not missing:
        return ()
    name = class_name.rpartition(".")[2]
    names = sorted(missing)
    plural = "s" if len(names) > 1 else ""
    quoted = ", ".join(f"'{each}'" for each in names)
    return (
        (OLD, f"{_ABSTRACT} {name} with abstract method{plural} {', '.join(names)}"),
        (NEW, f"{_ABSTRACT} {name} without an implementation for abstract method{plural} {quoted}"),
    )


def version_here() -> str:
    """Which of the two this interpreter says."""
    return NEW if sys.version_info >= (3, 12) else OLD
