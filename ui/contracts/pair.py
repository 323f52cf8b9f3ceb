"""The stage with the article's pair: the same forgotten method, found late and found at once."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core import contracts
from core.contracts import ContractError
from core.contracts.article import PAIR, Reached, timeline
from core.contracts.verdict import Check, Moment, Verdict
from ui.cards import show_cards, verdict
from ui.contracts.moments import Lane, Mark, failure, is_early, position, show_moments
from ui.contracts.outcome import show_ending
from ui.contracts.running import result_of_ours, stop
from ui.text import plain

RUNS: Final = ("late", "early")
_CODE: Final = {"late": PAIR.late, "early": PAIR.early}
_ABOUT: Final = {"late": "raise NotImplementedError", "early": "abc.ABC, @abstractmethod"}
_CLASS: Final = {"late": "IncompletePredictor", "early": "RobustPredictor"}
_CHECK: Final = {"late": Check.DUCK, "early": Check.ABC}


@dataclass(frozen=True)
class Told:
    """How one of the two programs went.

    Attributes:
        name: its class.
        about: what its base class does about a forgotten method.
        code: the program.
        fails: the moment at which it fails.
        message: the line that it printed then; without a run, what its class's examination says.
        reached: the moments that it came to; None if it was read, not run.
    """

    name: str
    about: str
    code: str
    fails: Moment
    message: str
    reached: tuple[Reached, ...] | None


def look_at_pair(*, ready: bool) -> tuple[Told, ...]:
    """Runs the two programs, or reads them where they cannot be run; the late one first."""
    told = []
    for which in RUNS:
        result = result_of_ours(which, _CODE[which]) if ready else None
        reached = () if result is None else timeline(result.stdout)
        failed = next((each for each in reached if each.failure), None)
        if result is not None and failed is None:
            show_ending(result)
        told.append(_read(which) if failed is None else _ran(which, reached, failed))
    return tuple(told)


def run_again() -> None:
    """Callback: forgets the two results, so that the page runs the programs again."""
    for which in RUNS:
        stop(which)


def _ran(which: str, reached: tuple[Reached, ...], failed: Reached) -> Told:
    return Told(_CLASS[which], _ABOUT[which], _CODE[which], failed.moment, failed.failure, reached)


def _read(which: str) -> Told:
    """What examining the program tells, without running it."""
    try:
        found = _examined(which)
    except ContractError:
        found = None
    fails = Moment.NEVER if found is None else found.moment
    return Told(
        _CLASS[which], _ABOUT[which], _CODE[which], fails, "" if found is None else found.reason, None
    )


@st.cache_resource(show_spinner=False)
def _examined(which: str) -> Verdict | None:
    """What reading one of the two programs says of its class: every visit asks for the same."""
    verdicts = contracts.examine(_CODE[which])
    return next(
        (each for each in verdicts if each.class_name == _CLASS[which] and each.check is _CHECK[which]), None
    )


def lanes(told: tuple[Told, ...]) -> tuple[Lane, ...]:
    """The two lines of moments."""
    return tuple(
        Lane(
            each.name,
            each.about,
            () if each.fails is Moment.NEVER else (_mark(each),),
            None if each.reached is None else tuple(step.moment for step in each.reached),
        )
        for each in told
    )


def _mark(told: Told) -> Mark:
    return failure(told.fails, "✗ fails here" if told.reached is not None else "✗ would fail here")


def show_pair(told: tuple[Told, ...], *, hidden: bool, guessed: bool, projector: bool) -> None:
    """Draws the two messages, the line of moments, and below it the two programs.

    Args:
        told: how the two programs went.
        hidden: while a prediction is open.
        guessed: whether the visitor is asked for a guess: then the answers are where the messages would be.
        projector: whether the stage is drawn for the projector, which has no room for the programs.
    """
    if not guessed:
        show_cards(*(_message(each) for each in told), _verdict(told))
    show_moments(lanes(told), hidden=hidden)
    if not projector:
        show_programs(told)


def show_pair_verdict(told: tuple[Told, ...]) -> None:
    """The verdict alone, where the rest is shown by the prediction."""
    show_cards(_verdict(told))


def show_programs(told: tuple[Told, ...], *, height: int = 190) -> None:
    """The two programs, side by side."""
    for column, each in zip(st.columns(2, gap="medium"), told, strict=True):
        column.code(each.code, language="python", height=height)


def _message(told: Told) -> str:
    colour = "fired" if is_early(told.fails) else "silent"
    when = "fails at" if told.reached is not None else "would fail at"
    return (
        f"<div class='uth-number {colour}'><div class='what'>{html.escape(told.name)} {when}</div>"
        f"<div class='value long'>{html.escape(str(told.fails))}</div>"
        f"<div class='said'>{plain(told.message)}</div></div>"
    )


def _verdict(told: tuple[Told, ...]) -> str:
    late, early = (position(each.fails) for each in told)
    if early < late:
        return verdict(
            "✓",
            "the contract is found broken before a user calls",
            f"The same forgotten method, at {told[1].fails} in place of {told[0].fails}: before anything "
            "is deployed.",
        )
    return verdict("✗", "both fail at the same moment", "")
