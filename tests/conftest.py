"""What all tests share: a clean environment, whatever the developer's shell and `.env` say."""

import os

import pytest

from core.settings import PREFIX


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith((PREFIX, "STREAMLIT_")):
            monkeypatch.delenv(name)
