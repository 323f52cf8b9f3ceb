"""The stage's result: how many hooks fired, whether the output is the same, and a line per hook."""

from __future__ import annotations

import html

import streamlit as st

from core.hooks.doctor import Reason
from core.hooks.plan import Mode
from core.hooks.run import Firing, Output, Report
from ui.cards import card, show_cards, verdict
from ui.hooks.words import count_words, hook_words
from ui.numbers import full
from ui.text import with_code

_WITHOUT_A_WORD = frozenset(
    {Reason.OWN_FORWARD, Reason.AFTER_COMPILE, Reason.OTHER_INSTANCE, Reason.REGISTERED_LATE}
)
"""The layer computed, and its hooks were passed by."""

MAX_ROWS = 12


def show_numbers(report: Report) -> None:
    """The large numbers and the verdict."""
    total = len(report.firings)
    fired = total - len(report.skipped)
    cards = [
        card(
            "hooks that fired",
            f"{fired} of {total}" if total else "no hook",
            "fired" if total == fired else "silent",
        ),
        card("output of this run", _value(report.output), "forward"),
        card("model(x) without hooks", _value(report.bare), "forward"),
        _verdict(report),
    ]
    show_cards(*cards)


def show_verdict(report: Report) -> None:
    """The verdict alone, where the numbers are shown by the prediction."""
    st.html(f"<div class='uth-numbers'>{_verdict(report)}</div>")


def usual_code(report: Report) -> str:
    """What the usual run is: a backward pass, saving and loading are in it if a hook waits for them."""
    kinds = [firing.spec.the_kind for firing in report.firings]
    backward = ", loss.backward()" if any(kind.is_backward for kind in kinds) else ""
    state = ", saving, loading" if any(kind.is_on_state for kind in kinds) else ""
    return f"model(x){backward}{state}"


def show_reason(report: Report) -> None:
    """The sentence that says why, for the first hook that stayed silent."""
    reasons = {firing.sentence: firing for firing in report.skipped if firing.sentence}
    if reasons:
        sentence = next(iter(reasons))
        more = "" if len(reasons) == 1 else " <span class='uth-plain'>(other reasons are under Why?)</span>"
        st.html(f"<p class='uth-reason'><b>Why?</b> {with_code(sentence)}{more}</p>")


def show_board(report: Report, *, hidden: bool, projector: bool) -> None:
    """A line per hook: expected, fired, and why not; `hidden` while a prediction is open."""
    if not report.firings:
        st.caption("No hook is registered. Register one, or choose another run.")
        return
    rows = MAX_ROWS // 2 if projector else MAX_ROWS
    # The silent ones first where not all fit: they are what the page is about.
    shown = list(report.firings)
    if len(shown) > rows:
        shown = sorted(shown, key=lambda firing: (not firing.silent, firing.index))[:rows]
    order = {
        index: [event.position + 1 for event in report.events if event.index == index]
        for index in range(len(report.firings))
    }
    # In these runs the usual count is the answer.
    tells = report.plan.mode in {Mode.CALL, Mode.BACKWARD}
    lines = "".join(
        _row(firing, order[firing.index], hidden=hidden, usual=not (hidden and tells)) for firing in shown
    )
    more = len(report.firings) - len(shown)
    below = f"<div class='uth-plain'>… and {more} more; the silent ones are under Why?</div>" if more else ""
    st.html(
        "<table class='uth-board'><thead><tr><th>hook on</th><th>kind · what it does</th>"
        f"<th>in {usual_code(report)}</th><th>in this run</th></tr></thead>"
        f"<tbody>{lines}</tbody></table>{below}"
    )


def _row(firing: Firing, order: list[int], *, hidden: bool, usual: bool) -> str:
    if hidden:
        state, said = "hidden", "?"
    elif firing.silent:
        reason = "" if firing.reason is None else f" · {firing.reason.value}"
        state, said = "silent", f"✗ silent{reason}"
    else:
        places = ", ".join(map(str, order[:4])) + (", …" if len(order) > 4 else "")
        less = f" · {firing.reason.value}" if firing.reason is not None else ""
        state, said = (
            "fired",
            f"✓ fired {count_words(firing.fired)}{less}" + (f" · event {places}" if places else ""),
        )
    title = "" if hidden else html.escape(firing.sentence.replace("`", ""), quote=True)
    return (
        f"<tr><td>{html.escape(firing.spec.where)}</td><td>{html.escape(hook_words(firing.spec))}</td>"
        f"<td>{count_words(firing.usual) if usual else '?'}</td><td class='said-{state}' title='{title}'>"
        f"{html.escape(said)}</td></tr>"
    )


def _value(output: Output | None) -> str:
    if output is None or not output.tensors:
        return "none"
    first = output.tensors[0]
    if first.statistics.count == 1:
        return full(first.preview[0], "float32")
    numbers = [f"{number:.2g}" for number in first.preview[:2]]
    text = ", ".join(numbers[:1] if any("e" in number for number in numbers) else numbers)
    return f"{text} …".replace("-", "\N{MINUS SIGN}")


def _verdict(report: Report) -> str:
    return verdict(*_words(report))


def _words(report: Report) -> tuple[str, str, str]:
    """Sign, headline and the sentence below it."""
    if report.error and report.plan.mode is not Mode.EXCEPTION:
        return "✗", "the run ended with an error", f"{report.error.rstrip('.')}. {report.advice}".strip()
    output = "" if report.difference is None else report.difference.sentence
    skipped = report.skipped
    if not report.firings:
        return "✓", "no hook is registered", output
    if not skipped:
        return "✓", "every hook fired", output
    count = "1 hook was" if len(skipped) == 1 else f"{len(skipped)} hooks were"
    if report.error:
        return "✗", f"{count} not reached", report.error
    if all(firing.reason in _WITHOUT_A_WORD for firing in skipped):
        return "✗", f"{count} skipped, and nothing said so", output
    return "✗", f"{count} silent", output
