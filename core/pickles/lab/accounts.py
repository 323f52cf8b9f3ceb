"""What CPython's unpicklers did in the sandbox, as a report tells it: read as a text of a fixed form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

MAX_REPORT_BYTES: Final = 2**20
_LONGEST: Final = 2_000
_MOST_CALLS: Final = 1_000
_MOST_COUNTED: Final = 10**9


class ReportError(ValueError):
    """A report that the rehearsal does not write."""


@dataclass(frozen=True)
class RecordedCall:
    """A call that an unpickler made, of a tripwire. Both texts come from the sandbox.

    Attributes:
        function: what was called: `os.system`.
        arguments: as one line.
    """

    function: str
    arguments: str


@dataclass(frozen=True)
class Account:
    """What one of CPython's two unpicklers did.

    Attributes:
        unpickler: `C` (the one that `pickle.load` is) or `Python`.
        calls: what it called, in order, at most 1,000.
        names: the globals that it asked for, in order.
        count: how many calls it made.
        ended: the exception that ended it; empty if it read the stream to its end.
        whole: how many pickles it read to their STOP.
    """

    unpickler: str
    calls: tuple[RecordedCall, ...]
    names: tuple[str, ...]
    count: int
    ended: str
    whole: int


@dataclass
class Report:
    """Reads the lines of a report, each strictly.

    Attributes:
        python: the version of the interpreter; empty if it was not said.
        accounts: of the unpicklers, as far as they came.
    """

    python: str = ""
    accounts: list[Account] = field(default_factory=list)
    _unpickler: str = ""
    _calls: list[RecordedCall] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def read(self, data: bytes) -> None:
        """Reads all that is there; of a run that was stopped the last account may be missing.

        Raises:
            ReportError: at the first line that does not belong there.
        """
        if len(data) > MAX_REPORT_BYTES:
            raise ReportError
        for line in data.split(b"\n")[:-1]:
            self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            raise ReportError from None
        if not isinstance(said, dict):
            raise ReportError
        match sorted(said):
            case ["python"] if not self.python:
                self.python = _text(said["python"], 40)
            case ["unpickler"] if not self._unpickler and len(self.accounts) < 2:
                expected = ("C", "Python")[len(self.accounts)]
                if said["unpickler"] != expected:
                    raise ReportError
                self._unpickler = expected
            case ["call"] if self._unpickler and len(self._calls) < _MOST_CALLS:
                self._calls.append(_call(said["call"]))
            case ["name"] if self._unpickler and len(self._names) < _MOST_CALLS:
                self._names.append(_text(said["name"]))
            case ["count", "ended", "whole"] if self._unpickler:
                self._end(said)
            case _:
                raise ReportError

    def _end(self, said: dict[str, Any]) -> None:
        count = _number(said["count"])
        if count < len(self._calls) or (count > len(self._calls) and len(self._calls) < _MOST_CALLS):
            raise ReportError
        ended, whole = _text(said["ended"]), _number(said["whole"])
        account = Account(self._unpickler, tuple(self._calls), tuple(self._names), count, ended, whole)
        self.accounts.append(account)
        self._unpickler = ""
        self._calls.clear()
        self._names.clear()


def _call(value: object) -> RecordedCall:
    if not isinstance(value, list) or len(value) != 2:
        raise ReportError
    return RecordedCall(_text(value[0]), _text(value[1]))


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_COUNTED:
        raise ReportError
    return value


def _text(value: object, longest: int = _LONGEST) -> str:
    """A text in one line; what does not show is spelled out."""
    if not isinstance(value, str) or len(value) > longest:
        raise ReportError
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in value
    )
