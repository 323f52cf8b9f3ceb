"""What the page tests share: no run of a page may log trouble."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import ui.benchmark.desk
from core.benchmark.desk import Desk
from core.benchmark.history import History
from core.benchmark.jobs import JobRunner
from ui.benchmark.desk import the_desk

# Streamlit remarks that AppTest runs a page outside of its server.
_REMARKS = "streamlit.runtime.scriptrunner_utils.script_run_context"


@pytest.fixture(autouse=True)
def _runs_in_a_folder_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _no_settings_from_outside: None
) -> Iterator[None]:
    """What a test measures and records is its own; the process that measures ends with it."""
    monkeypatch.setenv("UTH_DATA_DIR", str(tmp_path / "data"))
    made: list[Desk] = []

    class Remembered(Desk):
        def __init__(self, runner: JobRunner, history: History) -> None:
            super().__init__(runner, history)
            made.append(self)

    monkeypatch.setattr(ui.benchmark.desk, "Desk", Remembered)
    the_desk.clear()
    yield
    the_desk.clear()
    for desk in made:
        desk.close()
        desk.history.close()


@pytest.fixture(autouse=True)
def _no_trouble_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR, logger=_REMARKS):
        yield
    said = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not [record.getMessage() for record in said]
