"""The stage with a visitor's own class: the four checks on the line of moments, and in words."""

from __future__ import annotations

import html
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.contracts.verdict import Check, Moment, Verdict
from ui.cards import card, show_cards, verdict
from ui.contracts.moments import Lane, Mark, failure, is_early, show_moments
from ui.contracts.own_class import OwnClass
from ui.text import with_code

MOST_LANES: Final = 4
MOST_PROJECTED: Final = 2
"""Classes that the stage has room for, and the projector."""
_SHORT: Final = {Check.SIGNATURE: "signature", Check.DUCK: "duck"}
_SUPPOSES: Final = (
    "ABC: Python creates an object, as it stands. Protocol: `isinstance` looks for the names. The signature "
    "check and duck typing (and Protocol, where the interface is none) suppose that the class does not "
    "inherit from its interface: only what it has itself counts."
)
_HEAD: Final = ("check", "by reading it", "by running it", "why")


def show_classes(
    classes: Sequence[OwnClass],
    *,
    hidden: bool,
    guessed: bool,
    projector: bool,
    below: DeltaGenerator | None = None,
) -> None:
    """Draws the cards, the line of moments and the table.

    Args:
        classes: the visitor's, in order.
        hidden: while a prediction is open.
        guessed: whether the visitor is asked for a guess: then the answers are where the cards would be.
        projector: whether the stage is drawn for the projector.
        below: where the line of moments is drawn; below the cards if it is not given.
    """
    if not guessed:
        show_cards(*([] if projector else _numbers(classes)), _verdict(classes))
        if projector and len(classes) == 1 and not hidden:
            _show_reasons(classes[0])
    drawn = MOST_PROJECTED if projector else MOST_LANES
    with below or nullcontext():
        show_moments([_lane(each) for each in classes[:drawn]], hidden=hidden)
    if not projector and len(classes) == 1:
        show_board(classes, hidden=hidden)
    elif not projector:
        _show_matrix(classes[:drawn], hidden=hidden)
    more = len(classes) - drawn
    if more > 0:
        st.caption(f"And {more} more {'class' if more == 1 else 'classes'}: under Why?")


def show_stubs(classes: Sequence[OwnClass]) -> None:
    """Draws what the classes lack, ready to be copied; nothing if they lack nothing."""
    lacking = [each for each in classes if each.stub]
    if not lacking:
        return
    place = st.popover("A stub that fixes it", icon=":material/content_copy:", on_change="rerun")
    if place.open:
        for each in lacking:
            place.markdown(f"Paste it into the body of `{each.name}`:")
            place.code(each.stub, language="python")


def show_own_verdict(classes: Sequence[OwnClass]) -> None:
    """The verdict alone, where the rest is shown by the prediction."""
    show_cards(_verdict(classes))


def show_board(classes: Sequence[OwnClass], *, hidden: bool) -> None:
    """Draws the table: for each class the four checks, by reading and by running."""
    rows = "".join(_class_rows(each, hidden=hidden, named=len(classes) > 1) for each in classes)
    st.html(
        "<table class='uth-board uth-checks'><thead><tr>"
        f"{''.join(f'<th>{word}</th>' for word in _HEAD)}</tr></thead><tbody>{rows}</tbody></table>"
    )
    st.caption("What each check supposes", help=_SUPPOSES)


def _show_reasons(own: OwnClass) -> None:
    """Draws what the checks say besides the verdict, a line each, in place of the table."""
    first = own.refused or next((each for each in own.best if each.passes is False), None)
    lines = "".join(
        f"<div><b>{html.escape(_word(each))}</b> {with_code(each.reason)}</div>"
        for each in own.best
        if each is not first and each.reason
    )
    st.html(f"<div class='uth-plain uth-reasons'>{lines}</div>")


def _show_matrix(classes: Sequence[OwnClass], *, hidden: bool) -> None:
    """Draws the table of several classes: a column for each check, without the reasons."""
    head = "".join(f"<th>{_SHORT.get(check, str(check))}</th>" for check in Check)
    rows = []
    for own in classes:
        by_check = {best.check: (read, ran) for best, (read, ran) in zip(own.best, own.checks, strict=True)}
        cells = "".join(
            _two(*by_check.get(check, (None, None)), what=_SHORT.get(check, str(check)), hidden=hidden)
            for check in Check
        )
        rows.append(f"<tr><td>{html.escape(own.name)}</td>{cells}</tr>")
    st.html(
        f"<table class='uth-board uth-classes'><thead><tr><th>class</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    st.caption("What each check supposes", help=_SUPPOSES)


def _two(read: Verdict | None, ran: Verdict | None, *, what: str, hidden: bool) -> str:
    """What reading and running say, in one cell, as short as on the line; once where they agree."""
    if hidden:
        return f"<td class='said-hidden' data-what='{what}'>?</td>"
    told = [each for each in (ran, read) if each is not None]
    words = list(dict.fromkeys(_words(each).replace("lets it pass: ", "") for each in told))
    looks = [_look(each) for each in told]
    if len(words) == 2:
        words = [f"run: {words[0]}", f"read: {words[1]}"]
    lines = "<br>".join(html.escape(each) for each in words)
    return f"<td class='said-{looks[0] if looks else 'hidden'}' data-what='{what}'>{lines}</td>"


def _lane(own: OwnClass) -> Lane:
    best = own.best
    about = f"implements {own.interface}" if own.interface else ""
    untold = ", ".join(_word(each) for each in best if each.passes is None)
    if untold:
        about = f"{about}; cannot be told: {untold}".removeprefix("; ")
    return Lane(own.name, about, tuple(_mark(each) for each in best if each.passes is not None))


def _mark(each: Verdict) -> Mark:
    sign = "✓" if each.passes and each.moment is Moment.NEVER else "✗"
    return failure(each.moment, f"{sign} {_word(each)}")


def _word(each: Verdict) -> str:
    return _SHORT.get(each.check, str(each.check))


def _numbers(classes: Sequence[OwnClass]) -> list[str]:
    refused = [each for each in classes if each.refused is not None]
    missing = tuple(dict.fromkeys(name for each in classes for name in each.missing))
    named = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    return [
        card("refused by abc", f"{len(refused)} of {len(classes)}", "fired" if refused else "forward"),
        card("methods still missing", str(len(missing)), "silent" if missing else "forward", named),
    ]


def _verdict(classes: Sequence[OwnClass]) -> str:
    refused = next((each.refused for each in classes if each.refused is not None), None)
    if refused is not None:
        return verdict("✓", f"{refused.class_name} is refused at {refused.moment}", refused.reason)
    broken = next((each for own in classes for each in own.best if each.passes is False), None)
    if broken is not None:
        words = f"abc lets {broken.class_name} pass, and it is broken"
        return verdict("✗", words, f"{broken.check}: {broken.reason}")
    if any(each.passes is None for own in classes for each in own.best):
        return verdict("✓", "nothing wrong that reading can tell", "Some of it cannot be told: run it.")
    return verdict("✓", "every class keeps its contract", "All four checks pass.")


def _class_rows(own: OwnClass, *, hidden: bool, named: bool) -> str:
    head = ""
    if named:
        head = f"<tr><th colspan='4'><b>{html.escape(own.name)}</b>, line {own.line}</th></tr>"
    return head + "".join(
        _row(read, ran, best, hidden=hidden) for (read, ran), best in zip(own.checks, own.best, strict=True)
    )


def _row(read: Verdict | None, ran: Verdict | None, best: Verdict, *, hidden: bool) -> str:
    name = html.escape(str(best.check))
    if hidden:
        return f"<tr><td>{name}</td>" + "<td class='said-hidden'>?</td>" * 3 + "</tr>"
    cells = _cell(read, "by reading it") + _cell(ran, "by running it")
    return f"<tr><td>{name}</td>{cells}<td>{with_code(best.reason)}</td></tr>"


def _cell(each: Verdict | None, what: str) -> str:
    if each is None:
        return "<td></td>"
    return f"<td class='said-{_look(each)}' data-what='{what}'>{html.escape(_words(each))}</td>"


def _look(each: Verdict) -> str:
    if each.passes is None:
        return "hidden"
    kept = each.passes and each.moment is Moment.NEVER
    return "fired" if kept or is_early(each.moment) else "silent"


def _words(each: Verdict) -> str:
    if each.passes is None:
        return "? cannot be told"
    if each.passes:
        return "✓ passes" if each.moment is Moment.NEVER else f"✗ lets it pass: {each.moment}"
    return f"✗ {each.moment}"
