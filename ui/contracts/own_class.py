"""A visitor's own classes: what reading them gives, at once, and what running them gives, when asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import streamlit as st

from core import contracts
from core.contracts import ContractError, InterfaceSummary, Trial
from core.contracts.examination import check_text
from core.contracts.verdict import Check, Verdict
from ui.contracts.excerpt import caret
from ui.contracts.running import begin, result_of
from ui.limits import limits
from ui.visit import one_at_a_time

RUN: Final = "own"
"""The name of the run in the sandbox."""
RETRY_SECONDS: Final = 10.0
"""How soon code is read again that could not be read."""
MOST_STUBS: Final = 4
"""For how many classes a stub is written: each takes a look at the whole program."""
_EXAMINED: Final = "contracts:examined"


@dataclass(frozen=True)
class OwnClass:
    """One class of a visitor's, with what is known of it.

    Attributes:
        name: of the class.
        interface: what it implements.
        line: where it is defined.
        read: what reading it gave, a verdict for each check.
        ran: what running it gave; empty if it was not run.
        stub: the methods that it lacks, to be pasted; empty if it lacks none.
    """

    name: str
    interface: str
    line: int
    read: tuple[Verdict, ...]
    ran: tuple[Verdict, ...]
    stub: str

    @property
    def checks(self) -> tuple[tuple[Verdict | None, Verdict | None], ...]:
        """What reading and running say, check by check."""
        pairs = [
            (
                next((each for each in self.read if each.check is check), None),
                next((each for each in self.ran if each.check is check), None),
            )
            for check in Check
        ]
        return tuple(pair for pair in pairs if pair != (None, None))

    @property
    def best(self) -> tuple[Verdict, ...]:
        """A verdict for each check: the run's, where it has one that says something."""
        told = [
            ran if ran is not None and (read is None or ran.passes is not None) else read
            for read, ran in self.checks
        ]
        return tuple(each for each in told if each is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The abstract methods that it still lacks."""
        return next((each.missing for each in self.best if each.missing), ())

    @property
    def refused(self) -> Verdict | None:
        """What `abc` has against it, if it has."""
        return next((each for each in self.best if each.check is Check.ABC and each.passes is False), None)


@dataclass(frozen=True)
class Examined:
    """What reading a visitor's code gave.

    Attributes:
        source: the code.
        classes: its implementations, in order.
        interfaces: what they implement.
        problem: why it cannot be read, in one line.
        excerpt: the place, with a caret below it.
        at: when, by `time.monotonic`.
    """

    source: str
    classes: tuple[OwnClass, ...] = ()
    interfaces: tuple[InterfaceSummary, ...] = ()
    problem: str = ""
    excerpt: str = ""
    at: float = field(default_factory=time.monotonic)

    @property
    def is_stale(self) -> bool:
        """Whether another look may give more: a problem without a place may be that too many ask at once."""
        failed = bool(self.problem) and not self.excerpt
        return failed and time.monotonic() - self.at > RETRY_SECONDS


def read_own(source: str) -> Examined:
    """Reads the code, without running it; the same code is read once."""
    kept: Examined | None = st.session_state.get(_EXAMINED)
    if kept is None or kept.source != source or kept.is_stale:
        with one_at_a_time():
            kept = st.session_state[_EXAMINED] = _read(source)
    return kept


def _read(source: str) -> Examined:
    most = limits().max_text_characters
    if len(source) > most:
        return Examined(
            source, problem=f"Got {len(source):,} characters, expected at most {most:,}: give a part of them."
        )
    try:
        found = contracts.examination(source)
    except ContractError as error:
        return Examined(source, problem=str(error), excerpt=caret(error.text, error.column))
    groups: dict[tuple[str, str, int], list[Verdict]] = {}
    for each in found.verdicts:
        groups.setdefault((each.class_name, each.interface, each.line), []).append(each)
    lacking = [key[0] for key, verdicts in groups.items() if any(each.missing for each in verdicts)]
    stubs = {name: _stub(source, name) for name in list(dict.fromkeys(lacking))[:MOST_STUBS]}
    classes = tuple(
        OwnClass(*key, read=tuple(verdicts), ran=(), stub=stubs.pop(key[0], ""))
        for key, verdicts in groups.items()
    )
    return Examined(source, classes, found.interfaces)


def _stub(source: str, name: str) -> str:
    try:
        return contracts.stub_for(source, name)
    except ContractError:
        # The verdicts are there all the same.
        return ""


def may_run(source: str) -> bool:
    """Whether a text can be a program at all: what cannot be read here may be newer Python, and is run."""
    if len(source) > limits().max_text_characters:
        return False
    try:
        check_text(source)
    except ContractError:
        return False
    return True


def start_trial(source: str) -> None:
    """Callback: runs the code in the sandbox and tries its classes there."""
    if not may_run(source):
        # The page says why not.
        return
    program, files = contracts.trial_program(source)
    begin(RUN, source, program, files)


def trial_of(source: str) -> Trial | None:
    """What running this code gave; None if nobody has, or it goes on."""
    result = result_of(RUN, source)
    return None if result is None else contracts.read_trial(result)


def with_trial(classes: Sequence[OwnClass], trial: Trial | None) -> tuple[OwnClass, ...]:
    """The classes, each with what running it gave; and those that only the run found."""
    if trial is None:
        return tuple(classes)
    ran: dict[tuple[str, str], list[Verdict]] = {}
    for tried in trial.classes:
        for each in tried.verdicts:
            ran.setdefault((each.class_name, each.interface), []).append(each)
    # Of two classes of one name, Python keeps the last.
    last = {(each.name, each.interface): each.line for each in classes}
    known = tuple(
        replace(each, ran=tuple(ran.get((each.name, each.interface), ())))
        if each.line == last[each.name, each.interface]
        else each
        for each in classes
    )
    found = tuple(
        OwnClass(*key, line=verdicts[0].line, read=(), ran=tuple(verdicts), stub="")
        for key, verdicts in ran.items()
        if key not in last
    )
    return known + found
