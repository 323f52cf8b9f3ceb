"""The address bar: every input that changes what a page shows lives there, and a link is checked on arrival.

Streamlit binds a widget to the query parameter named by its key. What a link holds is read here before the
widgets are, so that a value which cannot be used is replaced by the default and *said*, not dropped.

A text that a visitor writes freely is not bound: the browser would put it into the address, and into its
history, before anybody has looked at it. It is put there here, unless something in it looks like a key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.secrets.leaks import Language, LeakError, find_leaks
from core.secrets.leaks.redact import redact

MAX_LISTED = 6
MAX_DIGITS = 100
SETTLING_RUNS = 3
UNTOLD = "links:untold"
"""Where a run keeps the keys of the numbers whose values it has told the browser again."""

FRAME = "frame"
"""The page around every page: its inputs stay when the visitor goes elsewhere."""

Value = str | float | bool | list[str]


@dataclass(frozen=True)
class Parameter:
    """One bound input of a page.

    Attributes:
        key: the widget's key and the name in the address.
        default: its value when the link does not hold it.
        complaint: what is wrong with a text from a link, or an empty string if it can be used.
        free: whether it is a text that the visitor writes. Its widget is not bound.
    """

    key: str
    default: Value
    complaint: Callable[[str], str]
    free: bool = False


def number_complaint(text: str) -> str:
    """What is wrong with a number in a link; empty if it is finite."""
    try:
        value = float(text)
    except ValueError:
        return "is not a number"
    return "" if math.isfinite(value) else "is not a finite number"


def whole_number(text: str) -> int | None:
    """The whole number in a text from a link; None if it is none, or has more than a hundred digits."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


def whole_number_complaint(least: int, most: int | None = None) -> Callable[[str], str]:
    """A check that a text is a whole number from `least` to `most`."""

    def complaint(text: str) -> str:
        number = whole_number(text)
        if number is None:
            return "is not a whole number"
        if number < least or (most is not None and number > most):
            return f"is not between {least} and {most}" if most is not None else f"is below {least}"
        return ""

    return complaint


def positive_complaint(text: str) -> str:
    """What is wrong with a number in a link that has to be above 0."""
    return number_complaint(text) or ("" if float(text) > 0 else "is not above 0")


def choice_complaint(options: tuple[str, ...]) -> Callable[[str], str]:
    """A check that a text is one of the options."""

    def complaint(text: str) -> str:
        listed = ", ".join(options) if len(options) <= MAX_LISTED else "the choices on the page"
        return "" if text in options else f"is not one of {listed}"

    return complaint


def switch_complaint(text: str) -> str:
    """What is wrong with an on/off value in a link."""
    return "" if text.lower() in {"true", "false"} else "is neither true nor false"


def open_page(page: str, parameters: tuple[Parameter, ...]) -> None:
    """Gives every bound input its default, and checks the link on a visit's first run of a page.

    Call it before the page's widgets. A value that cannot be used is remembered for `link_notices` and taken
    out of the address; then the run starts again, since a widget would still take its first value from the
    address as it was.
    """
    if f"{page}:notices" not in st.session_state:
        notices: list[str] = []
        for parameter in parameters:
            texts = st.query_params.get_all(parameter.key)
            complaints = {text: complaint for text in texts if (complaint := parameter.complaint(text))}
            notices += [
                f"`{parameter.key}={_short(text)}` {_plain(said)}" for text, said in complaints.items()
            ]
            if complaints:
                _keep(parameter, [text for text in texts if text not in complaints])
        st.session_state[f"{page}:notices"] = notices
        if notices:
            st.rerun()
    _tell_again(page, parameters)
    # Streamlit forgets an input that a run does not draw, such as one in a closed tab. An input of the
    # page that the visitor comes from may have the same name: what it holds is not this page's.
    kept: dict[str, Value] = st.session_state.setdefault(f"{page}:kept", {})
    entered = page != FRAME and st.session_state.get("frame:page") not in {None, page}
    if page != FRAME:
        st.session_state["frame:page"] = page
    for parameter in parameters:
        foreign = entered and parameter.key not in st.query_params
        # The page that the visitor comes from may be one without inputs.
        forgotten = parameter.key not in st.session_state
        if parameter.key in st.session_state and not foreign:
            kept[parameter.key] = st.session_state[parameter.key]
        else:
            kept.setdefault(parameter.key, _first_value(parameter))
            st.session_state[parameter.key] = kept[parameter.key]
        if parameter.free:
            _settle(page, parameter, entered=entered or forgotten)
            kept[parameter.key] = st.session_state[parameter.key]


def _tell_again(page: str, parameters: tuple[Parameter, ...]) -> None:
    """In a visit's first runs of a page, tells the browser what inputs hold that it may not have drawn yet.

    They would begin with their widgets' own defaults, whatever the link said. A number may be half typed by
    then, unless the browser has said nothing of it: so it has not drawn it.
    """
    state = st.session_state
    runs = state[f"{page}:runs"] = state.get(f"{page}:runs", 0) + 1
    untold = state[UNTOLD] = set[str]()
    if not 1 < runs <= SETTLING_RUNS:
        return
    told = _told_by_browser()
    for parameter in parameters:
        key = parameter.key
        value = state.get(key)
        if isinstance(value, float) and key not in told:
            untold.add(key)
            state[key] = value
        elif isinstance(value, str | bool | list) and value != parameter.default and key != "tab":
            state[key] = value


def _settle(page: str, parameter: Parameter, *, entered: bool) -> None:
    """Brings a free text and the address together: whichever has changed since the last run is right."""
    key = parameter.key
    written: dict[str, str | None] = st.session_state.setdefault(f"{page}:written", {})
    withheld: set[str] = st.session_state.setdefault(f"{page}:withheld", set())
    there = st.query_params.get(key)
    if key not in written or (entered and there is None):
        written[key] = there
    elif there != written[key]:
        st.session_state[key] = parameter.default if there is None else there
    text = str(st.session_state[key] or "")
    withheld.discard(key)
    if is_secret(text):
        withheld.add(key)
    wanted = None if key in withheld or text == parameter.default else text
    if wanted is None:
        st.query_params.pop(key, None)
    elif wanted != there:
        st.query_params[key] = wanted
    written[key] = wanted


def free_text(page: str, key: str, default: str) -> str:
    """What a free text is in this run, before `open_page` has settled it with the address."""
    there = st.query_params.get(key)
    written: dict[str, str | None] = st.session_state.get(f"{page}:written", {})
    if key not in written or there != written[key]:
        if there is not None:
            return there
        return str(st.session_state.get(f"{page}:kept", {}).get(key, default))
    return str(st.session_state.get(key, st.session_state.get(f"{page}:kept", {}).get(key, default)) or "")


def is_secret(text: str) -> bool:
    """Whether a text holds something that looks like a key: by its form, its name, or its randomness."""
    if redact(text) != text or _UUID.search(text) or any(map(_looks_random, _RUN.findall(text))):
        return True
    try:
        return bool(find_leaks(text, Language.TEXT))
    except LeakError:
        return True


def _looks_random(run: str) -> bool:
    return all(any(map(is_one, run)) for is_one in (str.isupper, str.islower, str.isdecimal))


def withheld_notice(page: str) -> str:
    """One line on what the visitor wrote and is not put into the address; empty if nothing."""
    withheld = sorted(st.session_state.get(f"{page}:withheld", set()))
    if not withheld:
        return ""
    named = ", ".join(f"`{key}`" for key in withheld)
    return f"What you wrote looks like a key and is not put into the address ({named}): clear it, revoke it."


def _first_value(parameter: Parameter) -> Value:
    """What an input begins with: what the link says, at once, since its widget may be in a closed tab."""
    if parameter.key not in st.query_params:
        return parameter.default
    text = str(st.query_params[parameter.key])
    default = parameter.default
    if isinstance(default, list):
        return list(st.query_params.get_all(parameter.key))
    if isinstance(default, bool):
        return text.lower() == "true"
    if isinstance(default, int):
        number = whole_number(text)
        return default if number is None else number
    return float(text) if isinstance(default, float) else text


def _keep(parameter: Parameter, texts: list[str]) -> None:
    """Leaves in the address what of a parameter can be used: of a list, the entries that can."""
    if texts and isinstance(parameter.default, list):
        st.query_params[parameter.key] = texts
    else:
        st.query_params.pop(parameter.key, None)


def link_notices(*pages: str) -> str:
    """One line on what this visit's link held that could not be used; empty if nothing."""
    notices = [notice for page in pages for notice in st.session_state.get(f"{page}:notices", [])]
    if not notices:
        return ""
    return f"This link could not be used as it is: {'; '.join(notices[:3])}. The default is shown instead."


def forget_notices(*pages: str) -> None:
    """Drops the notices, as a reset does."""
    for page in pages:
        st.session_state[f"{page}:notices"] = []


def current_link() -> str:
    """The address of what this visitor sees now, to be copied."""
    base = (st.context.url or "").split("?")[0]
    # Whoever opens the link is not the one who projects.
    keys = [key for key in st.query_params if key != "projector"]
    query = [(key, value) for key in keys for value in st.query_params.get_all(key)]
    return f"{base}?{urlencode(query)}" if query else base


def _told_by_browser() -> frozenset[str]:
    """The keys of the inputs whose values came with this run's message."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return frozenset()
    # A widget's id ends with its key, behind a hash without hyphens.
    return frozenset(state.id.split("-", 2)[-1] for state in context.session_state.get_widget_states())


def went_back() -> bool:
    """Whether the browser's Back or Forward started this run: bound inputs become what the address says."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


def reset(values: Mapping[str, Value]) -> None:
    """Sets inputs to the given values; a callback, so it runs before the widgets are drawn.

    What an input holds already is not set again: Streamlit would write it to the address, default or not.
    """
    for key, value in values.items():
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value


def _plain(said: str) -> str:
    """A complaint that may quote the link, for Markdown: as code if anything in it could be markup."""
    text = _visible(" ".join(said.replace("`", "'").split()))
    return f"`{text}`" if _MARKUP.search(text) else text


# Longer than any name of a layer, an axis or a variable with capitals and digits in it.
_RUN: Final = re.compile(r"[A-Za-z0-9/+=_-]{24,}")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_MARKUP: Final = re.compile(r"[\[\]<>*_$~|#!@\\]|:\w|www\.")


def _visible(text: str) -> str:
    """A text in which nothing turns the direction of writing or hides: such signs are spelled out."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _short(text: str) -> str:
    text = _visible(redact(text).replace("`", "'").replace("\n", " "))
    return text if len(text) <= 40 else f"{text[:37]}…"
