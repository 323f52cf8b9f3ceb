"""What the page tests share: no run of a page may log trouble."""

import logging
from collections.abc import Iterator

import pytest

# Streamlit remarks that AppTest runs a page outside of its server.
_REMARKS = "streamlit.runtime.scriptrunner_utils.script_run_context"


@pytest.fixture(autouse=True)
def _no_trouble_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR, logger=_REMARKS):
        yield
    said = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not [record.getMessage() for record in said]
