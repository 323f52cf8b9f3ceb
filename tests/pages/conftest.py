"""What the page tests share: no run of a page may log trouble."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_trouble_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    # Only AppTest runs a page in the main thread, which Streamlit remarks on.
    said = [record for record in caplog.get_records("call") if "ScriptRunContext" not in record.getMessage()]
    assert not [record.getMessage() for record in said if record.levelno >= logging.WARNING]
    assert not [record.getMessage() for record in said if record.exc_info]
