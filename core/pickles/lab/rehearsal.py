"""Runs a pickle in the sandbox: CPython's own unpicklers load it onto tripwires, beside the machine.

What comes back is whatever was written in the sandbox: it is read as a text of a fixed form, and no further.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core import sandbox
from core.pickles import machine
from core.pickles.bounds import Bounds
from core.pickles.lab.accounts import Account, RecordedCall, Report, ReportError
from core.pickles.lab.guest_files import PROGRAM, guest_files
from core.pickles.record import Call
from core.pickles.value import Global, render
from core.sandbox.result import Limit, SandboxResult

__all__ = [
    "MAX_BYTES", "Account", "RecordedCall", "Rehearsal", "RehearsalError", "read_rehearsal",
    "rehearsal_program", "rehearse",
]  # fmt: skip

MAX_BYTES: Final = 2**20
"""How long a pickle may be that is rehearsed."""
REPORT: Final = "/report"
_DATA_FILE: Final = "stranger.pkl"
_PROGRAM: Final = f"from {PROGRAM} import main\nmain({_DATA_FILE!r}, {REPORT!r})\n".encode()
# Nothing is too long to be kept: CPython keeps all of it too, and both show only its beginning.
_BOUNDS: Final = Bounds(seconds=10.0, text=MAX_BYTES, long_bytes=MAX_BYTES, calls_in_full=MAX_BYTES)
_MEMBERS: Final = re.compile(r"[{}()\[\]]|, ")
_SHOWN: Final = 300
_CUT: Final = "..."
_MOST_DIFFERENCES: Final = 20
_DAMAGED: Final = "The report of the run is not what the rehearsal writes, so nothing of it is shown."
_LIMITS: Final = {
    Limit.FUEL: "It executed more instructions than a run may, and was stopped.",
    Limit.MEMORY: "It asked for more memory than a run may have, and was stopped.",
    Limit.TIME: "It took longer than a run may, and was stopped.",
    Limit.OUTPUT: "It printed more than a run may, and was stopped.",
}


class RehearsalError(ValueError):
    """A pickle that cannot be rehearsed: one line for a visitor."""


@dataclass(frozen=True)
class Rehearsal:
    """CPython's calls beside those that the machine foretells.

    Attributes:
        accounts: one for each unpickler; empty if the run did not come so far.
        symbolic: the calls that the machine foretells.
        agree: whether each unpickler made these calls and no others, as far as it came.
        differences: where they do not agree, one line each.
        notes: where an unpickler stopped and the machine went on, as another loader may.
        python: the version of the interpreter in the sandbox.
        problem: why there is not all, in one line; empty if there is.
        result: of the sandbox.
    """

    accounts: tuple[Account, ...]
    symbolic: tuple[Call, ...]
    agree: bool
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    python: str
    problem: str
    result: SandboxResult

    @property
    def calls(self) -> tuple[RecordedCall, ...]:
        """The calls of the unpickler that `pickle.load` is."""
        return self.accounts[0].calls if self.accounts else ()


def rehearsal_program(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The program that rehearses a stream of pickles, and its files, for `core.sandbox.run`.

    Raises:
        RehearsalError: if the stream is too long.
    """
    if len(data) > MAX_BYTES:
        raise RehearsalError(
            f"The pickle has {len(data):,} bytes; at most {MAX_BYTES:,} are loaded in the sandbox."
        )
    return _PROGRAM, {**guest_files(), _DATA_FILE: data}


def read_rehearsal(data: bytes, result: SandboxResult) -> Rehearsal:
    """What the run of a rehearsal's program found, beside what the machine says of the same bytes.

    Args:
        data: the stream that was rehearsed.
        result: of `core.sandbox.run`; nothing in it is trusted.
    """
    report = Report()
    problem = ""
    try:
        report.read(result.report)
    except ReportError:
        report, problem = Report(), _DAMAGED
    accounts = tuple(report.accounts)
    problem = problem or _why_not_all(result, accounts)
    foretold = machine.run(data, bounds=_BOUNDS)
    symbolic = foretold.calls
    names = {_spelled(render(Global(use.module, use.name), _SHOWN)) for use in foretold.globals}
    differences: list[str] = []
    notes: list[str] = []
    for account in accounts:
        differences += _compare(account, symbolic)
        differences += _compare_names(account, names)
        if account.ended:
            notes.append(_stopped(account, len(symbolic)))
    agree = bool(accounts) and not differences and not problem
    return Rehearsal(
        accounts,
        symbolic,
        agree,
        tuple(differences[:_MOST_DIFFERENCES]),
        tuple(notes),
        report.python,
        problem,
        result,
    )


def rehearse(data: bytes, *, visitor: str = "") -> Rehearsal:
    """Rehearses a stream of pickles, and waits for it.

    Args:
        data: the stream.
        visitor: who asks.

    Raises:
        RehearsalError: if the stream is too long.
        SandboxError: if it cannot be run at all.
    """
    program, files = rehearsal_program(data)
    return read_rehearsal(data, sandbox.run(program, files=files, visitor=visitor))


def _why_not_all(result: SandboxResult, accounts: tuple[Account, ...]) -> str:
    if result.limit is not None:
        return _LIMITS[result.limit]
    if result.crash:
        return "The interpreter in the sandbox broke down over it."
    if len(accounts) < 2:
        return "The run ended before both unpicklers had told what they did."
    return ""


def _compare(account: Account, symbolic: tuple[Call, ...]) -> list[str]:
    """Where an unpickler's calls are not those of the machine."""
    who = f"CPython's unpickler in {account.unpickler}"
    found = []
    for number, (made, told) in enumerate(zip(account.calls, symbolic, strict=False), start=1):
        if _spelled(made.function) != _spelled(told.function):
            found.append(f"{who} called {made.function} as call {number}; the machine says {told.function}.")
        elif not _alike(made.arguments, told.arguments):
            found.append(
                f"{who} called {made.function} with {made.arguments} as call {number}; "
                f"the machine says {told.arguments}."
            )
    if account.count > len(symbolic):
        found.append(f"{who} made {account.count:,} calls; the machine foretells {len(symbolic):,}.")
    elif account.count < len(symbolic) and not account.ended:
        found.append(
            f"{who} came to the end with {account.count:,} calls; the machine foretells {len(symbolic):,}."
        )
    return found


def _alike(one: str, other: str) -> bool:
    """Whether two texts show the same arguments, as far as both were not cut.

    A set is shown in the order of its members' texts, which is another one where some are spelled out.
    """
    first, second = _spelled(one), _spelled(other)
    if first.endswith(_CUT) and second.endswith(_CUT):
        size = min(len(first), len(second)) - len(_CUT)
        return first[:size] == second[:size]
    return first == second or (
        "{" in first and sorted(_MEMBERS.split(first)) == sorted(_MEMBERS.split(second))
    )


def _spelled(text: str) -> str:
    """A text with all but ASCII spelled out: which signs can be shown, each version of Python says itself."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _compare_names(account: Account, foretold: set[str]) -> list[str]:
    """Globals that an unpickler asked for and the machine did not see."""
    return [
        f"CPython's unpickler in {account.unpickler} asked for {name}; the machine does not name it."
        for name in account.names
        if _spelled(name) not in foretold
    ]


def _stopped(account: Account, symbolic: int) -> str:
    after = f"after {account.count:,} of {symbolic:,} calls" if symbolic else "before any call"
    return f"CPython's unpickler in {account.unpickler} stopped {after}: {account.ended}"
