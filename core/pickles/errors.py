"""Where reading a stream ends before its STOP."""

from __future__ import annotations


class UnreadableError(ValueError):
    """The unpickler itself would stop here, or the machine has to: the message says why."""


class TruncatedError(UnreadableError):
    """The stream ends inside an opcode, or without STOP."""

    def __init__(self) -> None:
        super().__init__("the stream ends here, before its STOP")
