"""The dial: a slim track under a number input, by which the number follows the hand."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

_HERE: Final = Path(__file__).parent
_COMPONENT: Final = st.components.v2.component(
    "dial",
    html=(_HERE / "dial.html").read_text(encoding="utf-8"),
    css=(_HERE / "dial.css").read_text(encoding="utf-8"),
    js=(_HERE / "dial.js").read_text(encoding="utf-8"),
)

# Beyond, a track's length would overflow.
_LARGEST: Final = 1e300


@dataclass(frozen=True)
class Move:
    """A dragged value. The browser gives each a `turn` of its own: the same value may be dragged to twice."""

    value: float
    turn: str


def dial(
    name: str,
    value: float | None,
    *,
    key: str,
    parameter: str,
    low: float,
    high: float,
    step: float = 0.01,
    on_change: Callable[[], None] | None = None,
) -> None:
    """Shows a track; dragging it writes `st.session_state[parameter]`, before the script runs again.

    At most one rerun is in flight and the last position always wins. The address gets the value without a new
    entry in the browser's history, provided that a number input with `key=parameter, bind="query-params"` and
    no default (`value=None`) shows the same number.

    Args:
        name: what it drags: its accessible name is `drag NAME`.
        value: where the thumb is; None (an empty input) or a number beyond all tracks hides it.
        key: identifies the dial on its page.
        parameter: key of the number input, and its name in the address.
        low: the track around the worked example; widens when the value is outside, never during a drag.
        high: its other end.
        step: one arrow key, and the grid of a drag.
        on_change: called after the write.
    """

    def changed() -> None:
        move = dragged(st.session_state.get(key))
        if move is None:
            return
        st.session_state[parameter] = move.value
        if on_change is not None:
            on_change()

    _COMPONENT(
        key=key,
        data=dial_data(
            name=name,
            value=value,
            seen=dragged(st.session_state.get(key)),
            parameter=parameter,
            low=low,
            high=high,
            step=step,
        ),
        on_move_change=changed,
    )


def dial_data(
    *, name: str, value: float | None, seen: Move | None, parameter: str, low: float, high: float, step: float
) -> dict[str, Any]:
    """What is sent to the browser; `seen` is the last move that the script has seen."""
    shown = value if value is not None and abs(value) <= _LARGEST else None
    widest = (low, high) if shown is None else widened(shown, low, high)
    return {
        "name": name,
        "value": shown,
        "seen": None if seen is None else seen.turn,
        "parameter": parameter,
        "low": widest[0],
        "high": widest[1],
        "step": step,
    }


def dragged(state: object) -> Move | None:
    """The last move in a dial's state, if the browser sent a finite number."""
    move = state.get("move") if isinstance(state, Mapping) else None
    if not isinstance(move, Mapping):
        return None
    value, turn = move.get("value"), move.get("turn")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(turn, str):
        return None
    return Move(float(value), turn) if math.isfinite(value) else None


def widened(value: float, low: float, high: float) -> tuple[float, float]:
    """A range around `low` to `high` that holds a finite value; a symmetric range stays symmetric."""
    if low <= value <= high:
        return low, high
    bound = nice(abs(value)) if value else 0.0
    if low == -high:
        return -bound, bound
    signed = math.copysign(bound, value)
    # Between zero and a range that starts beyond it, zero is the next nice bound.
    lower = min(signed, 0.0) if value < low else low
    upper = max(signed, 0.0) if value > high else high
    return lower, upper


def nice(size: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is not below a positive size."""
    power = math.floor(math.log10(size))
    for exponent in (power, power + 1):
        for digit in (1, 2, 5):
            candidate = float(f"{digit}e{exponent}")
            if size <= candidate:
                return candidate
    return size  # pragma: no cover - the next power of ten is never below
