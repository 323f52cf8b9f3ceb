"""The server's places: as many as the settings say, and a visitor's share."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.places import PlacesError, Ticket
from ui.limits import limits
from ui.places import queued, the_measuring, the_places


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    for kept in (limits, the_places, the_measuring):
        kept.clear()
    yield
    for kept in (limits, the_places, the_measuring):
        kept.clear()


def nothing(_: Ticket) -> None:
    pass


def test_the_settings_say_how_many_places_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MAX_PROCESSES", "2")
    monkeypatch.setenv("UTH_MAX_EXPORTS_PER_VISITOR", "3")
    places = the_places()
    assert places.at_once == 2
    for _ in range(3):
        places.ask("a", nothing)
    with pytest.raises(PlacesError, match="may have 3"):
        places.ask("a", nothing)
    assert not places.ask("b", nothing).waited


def test_there_is_one_queue_for_the_server_and_one_for_measurements() -> None:
    assert the_places() is the_places()
    assert the_measuring() is not the_places()
    assert the_measuring().at_once == 1


def test_who_waits_is_told_the_position() -> None:
    assert queued(3) == "Busy: position 3 in the queue, and it starts by itself"


def asks() -> None:
    import streamlit as st

    from ui.places import my_measuring, my_place

    st.text(my_place().visitor == my_measuring().visitor)
    st.text(my_place().visitor)


def test_every_visitor_asks_for_themselves() -> None:
    first, second = AppTest.from_function(asks).run(), AppTest.from_function(asks).run()
    assert not first.exception
    assert first.text[0].value == "True"
    assert first.text[1].value == first.run().text[1].value
    assert first.text[1].value != second.text[1].value
