"""What all tests share: a clean environment, whatever the developer's shell and `.env` say."""

import os

import pytest
from hypothesis import HealthCheck, settings

from core import sandbox
from core.settings import PREFIX
from tests import native

# Before anything imports torch. Tests compute little, and on a busy machine threads that wait for each other
# take fifty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test measures time: the first torch call of a process alone takes longer than hypothesis allows, and on a
# busy machine to make up an example does.
settings.register_profile("no-deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-deadline")


@pytest.fixture(autouse=True, scope="session")
def _no_interpreter_in_the_apps_own_folder() -> None:
    sandbox.configure(folder=native.folder(), at_once=2)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith((PREFIX, "STREAMLIT_")):
            monkeypatch.delenv(name)
