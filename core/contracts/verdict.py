"""What a class's contract is checked by, when it fails, and what each check says of one class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_CHARACTERS: Final = 2**18
"""Of one program that is examined or tried."""
MAX_CLASSES: Final = 200
"""In one program; as often may a class be held to an interface."""
MAX_METHODS: Final = 200
"""That one interface asks for."""


class Moment(StrEnum):
    """When a broken contract comes to light, from the earliest to the latest."""

    DEFINITION = "definition"
    IMPORT = "import"
    INSTANTIATION = "instantiation"
    FIRST_CALL = "first call"
    PRODUCTION = "production"
    NEVER = "never"


class Check(StrEnum):
    """A way to hold a class to an interface."""

    ABC = "ABC"
    PROTOCOL = "Protocol"
    SIGNATURE = "signature check"
    DUCK = "duck typing"


@dataclass(frozen=True)
class Verdict:
    """What one check says of one class and one interface.

    Attributes:
        class_name: as Python qualifies it: `Outer.Inner`.
        interface: the name of what it implements, or looks as if it did.
        line: where the class stands, from 1.
        check: which check.
        passes: whether the check lets the class through; None if that cannot be said.
        moment: when it fails. If the check lets the class through, when the class fails all the same:
            NEVER is a class without a fault. It means nothing if `passes` is None.
        reason: why, in one sentence.
        missing: the methods that the class lacks, sorted; for ABC, all that stop its creation.
        wordings: what versions of Python say when ABC refuses the class: version and text.
    """

    class_name: str
    interface: str
    line: int
    check: Check
    passes: bool | None
    moment: Moment
    reason: str
    missing: tuple[str, ...] = ()
    wordings: tuple[tuple[str, str], ...] = ()


class ContractError(ValueError):
    """A program that cannot be examined: one line for a visitor.

    Attributes:
        line, column: where the trouble is, both from 1; None if that is nowhere in particular.
        text: that line of the program, for a caret to stand below; empty if it is not known.
    """

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, text: str = ""
    ) -> None:
        super().__init__(" ".join(message.split()))
        self.line = line
        self.column = column
        self.text = text
