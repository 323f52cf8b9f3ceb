"""Streamlit's options: what a hosted app relies on cannot be turned off from outside."""

import logging
from collections.abc import Iterator

import pytest
from streamlit import config

from core.limits import HOSTED, Limits
from core.settings import Mode
from ui import options
from ui.options import hold_options

LOOSE = {
    "client.showErrorDetails": "full",
    "client.showErrorLinks": True,
    "client.toolbarMode": "developer",
    "global.developmentMode": True,
    "server.enableAgentApi": True,
    "server.enableXsrfProtection": False,
    "logger.enableRich": True,
}


@pytest.fixture(autouse=True)
def _loose() -> Iterator[None]:
    names = [*LOOSE, *(name for name, _ in options._HOSTED), "server.maxUploadSize"]
    before = {name: config.get_option(name) for name in names}
    for name, value in LOOSE.items():
        config.set_option(name, value)
    yield
    for name, value in before.items():
        config.set_option(name, value)


def test_hosted_shows_no_details_and_gives_no_tools(caplog: pytest.LogCaptureFixture) -> None:
    hold_options(Mode.HOSTED, HOSTED)
    assert config.get_option("client.showErrorDetails") == "none"
    assert config.get_option("client.toolbarMode") == "viewer"
    assert config.get_option("server.enableXsrfProtection") is True
    for name in (
        "client.showErrorLinks",
        "global.developmentMode",
        "server.enableAgentApi",
        "logger.enableRich",
    ):
        assert config.get_option(name) is False, name
    assert "client.showErrorDetails is set to none, as the app is hosted" in caplog.messages
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_what_is_as_it_must_be_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    hold_options(Mode.HOSTED, HOSTED)
    caplog.clear()
    hold_options(Mode.HOSTED, HOSTED)
    assert not caplog.records


def test_on_their_own_machine_people_choose_but_no_exception_goes_past_the_log() -> None:
    hold_options(Mode.LOCAL, Limits())
    assert config.get_option("client.showErrorDetails") == "full"
    assert config.get_option("logger.enableRich") is False


@pytest.mark.parametrize("mode", Mode)
def test_uploads_are_bounded_by_the_limit(mode: Mode) -> None:
    hold_options(mode, Limits(max_upload_mb=7))
    assert config.get_option("server.maxUploadSize") == 7
