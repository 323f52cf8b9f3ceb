"""The Why? tab: how Python refuses to create an object, in both wordings, and what reading alone tells."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.contracts.article import PAIR
from core.contracts.wording import version_here
from ui.contracts.board import show_board
from ui.contracts.inputs import WHY_VIEWS
from ui.contracts.literal import literal
from ui.contracts.nothing import why_nothing
from ui.contracts.own_class import Examined, OwnClass, read_own
from ui.messages import remarks

_STEPS: Final = """
1. `@abstractmethod` sets a mark on the function: `__isabstractmethod__ = True`. Nothing else.
2. At the **definition** of a class, its metaclass `ABCMeta` collects the names that still have the mark, its
   own and its bases', into `__abstractmethods__`. The class exists all the same: it may be a base.
3. At the **import** nothing is checked: a class statement that has run is all that an import needs.
4. At the **instantiation**, `object.__new__` looks at that set. If it is not empty it raises TypeError before
   `__init__` begins: no half-made object is left.
5. At the **first call** there is nothing to check any more. A base class that only raises
   NotImplementedError is noticed here, if somebody calls the method: maybe in **production**.
"""


def show_why(examined: Examined | None, classes: Sequence[OwnClass], *, hidden: bool) -> None:
    """Draws the tab.

    Args:
        examined: what reading the visitor's code gave; None where the article's pair is on the stage.
        classes: the visitor's own, with what running them gave.
        hidden: while a prediction is open.
    """
    view = st.segmented_control(
        "Show", WHY_VIEWS, default=WHY_VIEWS[0], key="view", bind="query-params",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    if examined is None:
        examined = read_own(PAIR.both)
        classes = examined.classes
    if view == WHY_VIEWS[1]:
        _show_reading(examined, classes)
    else:
        _show_refusal(examined, classes)


def _show_refusal(examined: Examined, classes: Sequence[OwnClass]) -> None:
    steps, words = st.columns([1.2, 1], gap="medium")
    with steps:
        st.markdown(_STEPS)
    with words:
        refused = next((each.refused for each in classes if each.refused is not None), None)
        if refused is None:
            st.markdown(
                "`abc` refuses none of the classes above." if classes else literal(why_nothing(examined))
            )
            return
        name = html.escape(refused.class_name)
        st.html(f"<b>What Python says</b> of <code>{name}</code>, in its two wordings")
        for version, text in refused.wordings:
            st.markdown(f"Python {version}{', which runs this app' if version == version_here() else ''}:")
            st.code(f"TypeError: {text}", language=None, wrap_lines=True)
        st.caption("The sandbox runs Python 3.12. Tests that compare the text should expect both.")


def _show_reading(examined: Examined, classes: Sequence[OwnClass]) -> None:
    st.caption(
        "Parsed, never run: which classes are interfaces, which implement them, and what each check says of "
        "each class. This works without the sandbox."
    )
    remarks(
        f"`{each.name}`{f', line {each.line},' if each.line else ''} is an interface by {each.style}: it "
        f"asks for {', '.join(f'`{name}`' for name in each.required) or 'nothing'}."
        for each in examined.interfaces
    )
    if not classes:
        st.markdown(literal(why_nothing(examined)))
        return
    show_board(classes, hidden=False)
    for own in classes:
        if own.stub:
            st.markdown(f"**What `{own.name}` lacks**, to be pasted into it")
            st.code(own.stub, language="python")
