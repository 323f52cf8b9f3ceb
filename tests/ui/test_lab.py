"""The head of every lab: its name, the sentence it proves, predict-first, share and reset."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui.lab import head
    from ui.links import Parameter, number_complaint, open_page

    open_page("probe", (Parameter("size", 1.0, number_complaint),))

    def start_again() -> None:
        st.session_state["size"] = 1.0

    projector = st.session_state.get("projector", False)
    place = head("probe", "Probing", "What is proved", hides="all", projector=projector, on_reset=start_again)
    place.number_input("size", value=None, key="size", bind="query-params")


def opened(*, projector: bool = False, **query: str) -> AppTest:
    app = AppTest.from_function(page)
    app.context = {"url": "http://here/probe"}
    app.session_state["projector"] = projector
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def test_the_head_names_the_lab_and_what_it_proves() -> None:
    html = opened().html[0].value
    assert "<h1>Probing</h1>" in html
    assert "What is proved" in html


def test_the_projector_has_room_for_the_name_only() -> None:
    html = opened(projector=True).html[0].value
    assert "<h1>Probing</h1>" in html
    assert "What is proved" not in html


@pytest.mark.parametrize("projector", [False, True])
def test_reset_is_one_button(projector: bool) -> None:
    app = opened(projector=projector, size="3")
    assert app.number_input(key="size").value == 3.0
    app.button(key="probe:reset").click().run()
    assert app.number_input(key="size").value == 1.0


def test_a_link_can_start_in_predict_first() -> None:
    assert opened(predict="true").toggle(key="predict").value is True
    assert opened().toggle(key="predict").value is False


def test_a_notice_is_one_warning() -> None:
    assert [warning.value.count("\n") for warning in opened(size="abc").warning] == [0]
    assert not opened(size="3").warning


def test_the_link_is_made_only_when_asked_for() -> None:
    app = opened(size="3")
    assert not app.code
    assert dict(parse_qsl(urlsplit("http://here/probe?size=3").query)) == {"size": "3"}
