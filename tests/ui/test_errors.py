"""A failing script: one line for the visitor, all of it for the log."""

import logging
import re

import pytest
from streamlit.testing.v1 import AppTest

from ui.errors import on_script_error


def page_that_fails() -> None:
    from ui import errors

    try:
        raise ValueError("bait: /home/visitor")
    except ValueError as error:
        hidden = errors.on_script_error(error)
    if hidden is not True:
        raise AssertionError("Streamlit would show its own box")


def test_the_visitor_sees_one_line_with_the_id_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="ui.errors"):
        shown = AppTest.from_function(page_that_fails).run()
    assert not shown.exception
    (line,) = (error.value for error in shown.error)
    found = re.search(r"`([0-9a-f]{8})`", line)
    assert found is not None
    assert "bait" not in line
    assert "\n" not in line
    (record,) = caplog.records
    assert record.getMessage() == f"script error {found[1]}"
    assert "bait: /home/visitor" in caplog.text
    assert "Traceback" in caplog.text


def test_ids_differ(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.error", lambda _text: None)
    for _ in range(20):
        on_script_error(ValueError())
    assert len({record.getMessage() for record in caplog.records}) == 20


def test_the_id_is_a_field_of_the_log_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("streamlit.error", shown.append)
    on_script_error(ValueError())
    (record,) = caplog.records
    assert f"`{vars(record)['error_id']}`" in shown[0]


def test_the_log_has_it_even_if_it_cannot_be_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_text: str) -> None:
        raise RuntimeError

    monkeypatch.setattr("streamlit.error", broken)
    with pytest.raises(RuntimeError):
        on_script_error(ValueError("bait"))
    assert "ValueError: bait" in caplog.text
