"""Measurements of a visitor who has gone: what waits is given up, what runs goes on."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

import ui.benchmark.desk
from core.settings import Mode
from ui.benchmark.desk import asked
from ui.visit import Visit, Visits


class Told:
    """A desk that remembers who has left."""

    def __init__(self) -> None:
        self.left: list[str] = []

    def leave(self, visitor: str) -> None:
        self.left.append(visitor)


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> Visits:
    made = Visits()
    monkeypatch.setattr(ui.benchmark.desk, "the_visits", lambda: made)
    monkeypatch.setattr(ui.benchmark.desk, "LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(ui.benchmark.desk, "mode", lambda: Mode.HOSTED)
    return made


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(ui.benchmark.desk, "the_desk", lambda: told)
    return told


def asks(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ui.benchmark.desk, "at_end", visit.at_end)
        asked(visit.visitor)


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_who_has_gone_for_a_while_waits_no_longer(
    visits: Visits, desk: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = visits.begin("ada")
    asks(visit, monkeypatch)
    del visit
    gc.collect()
    assert eventually(lambda: desk.left == ["ada"])


def test_who_is_here_in_another_tab_or_comes_back_waits_on(
    visits: Visits, desk: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, other = visits.begin("ada"), visits.begin("eve")
    asks(visit, monkeypatch)
    asks(other, monkeypatch)
    del visit, other
    gc.collect()
    back = visits.begin("ada")
    assert eventually(lambda: desk.left == ["eve"])
    time.sleep(0.3)
    assert desk.left == ["eve"]
    assert visits.open(back.visitor) == 1


def test_on_one_s_own_machine_nothing_is_given_up(
    visits: Visits, desk: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.benchmark.desk, "mode", lambda: Mode.LOCAL)
    visit = visits.begin("ada")
    asks(visit, monkeypatch)
    assert not visit._rest.callbacks
    assert desk.left == []
