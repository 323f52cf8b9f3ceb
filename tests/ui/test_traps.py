"""The traps of a lab: one click each, run as one looks, linked by title."""

import pytest
from streamlit.testing.v1 import AppTest

from core.traps import Line, Observation, Print, Trap


def harmless(show: Print) -> None:
    show("label", 1, "note")


def refused(show: Print) -> None:
    show("before", 2)
    raise RuntimeError("no")


TRAPS = (
    Trap("one", "First trap", "What is one?", "Because one.", "Write two.", harmless),
    Trap("two", "Second trap", "What is two?", "Because two.", "Write one.", refused),
)
ran: list[str] = []


def observe(trap: Trap) -> Observation:
    ran.append(trap.key)
    raised = "RuntimeError: no" if trap.key == "two" else None
    return Observation((Line(f"label of {trap.key}", "value", "note"),), raised)


def page() -> None:
    from tests.ui.test_traps import TRAPS, observe
    from ui.traps import show_traps

    show_traps(TRAPS, observe)


def opened(**query: str) -> AppTest:
    ran.clear()
    app = AppTest.from_function(page)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(markdown.value for markdown in app.markdown)


def test_the_first_is_shown_without_a_click_and_only_it_is_run() -> None:
    app = opened()
    assert ran == ["one"]
    assert "**What is one?**" in texts(app)
    assert app.code[0].value == TRAPS[0].code.strip()
    assert app.dataframe[0].value.to_dict("records") == [
        {"": "label of one", "value": "value", "note": "note"}
    ]
    assert "**Why** Because one." in texts(app)
    assert "**Instead** Write two." in texts(app)
    assert "refuses" not in texts(app)


def test_a_click_shows_another_and_what_pytorch_said() -> None:
    app = opened()
    app.button_group(key="trap").set_value("Second trap").run()
    assert not app.exception
    assert ran[-1] == "two"
    assert "PyTorch refuses: `RuntimeError: no`" in texts(app)
    assert "What is one" not in texts(app)


@pytest.mark.parametrize(("link", "shown"), [("Second trap", "two"), ("First trap", "one"), ("Nope", "one")])
def test_a_link_leads_to_a_trap(link: str, shown: str) -> None:
    app = opened(trap=link)
    assert ran == [shown]
    assert f"**What is {shown}?**" in texts(app)


def test_a_trap_that_is_unchosen_is_the_first() -> None:
    app = opened(trap="Second trap")
    app.button_group(key="trap").set_value(None).run()
    assert not app.exception
    assert "**What is one?**" in texts(app)


def test_the_table_says_what_it_is_to_who_listens() -> None:
    assert opened().dataframe[0].proto.alt == "What the code gives: First trap"
