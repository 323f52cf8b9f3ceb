"""Why there is no class to tell of: which of the four reasons it is, in a sentence."""

from __future__ import annotations

from typing import Final

from ui.contracts.own_class import Examined

_MOST_NAMED: Final = 3


def why_nothing(examined: Examined) -> str:
    """Why reading gave no class; empty if it gave one."""
    if examined.classes:
        return ""
    if not examined.source.strip():
        return "Nothing here yet: write an interface and a class that implements it, or take “As it was”."
    if examined.problem:
        return "The code cannot be read, so there is nothing to tell of its classes: the stage says why."
    if not examined.interfaces:
        return (
            "No interface here: a class is one if it has methods with @abstractmethod, if it is a Protocol, "
            "or if its methods only raise NotImplementedError."
        )
    names = [each.name for each in examined.interfaces]
    if len(names) == 1:
        return f"No implementation here: {names[0]} is an interface, and no class inherits from it."
    listed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"No implementation here: {listed} are interfaces, and no class inherits from one of them."
