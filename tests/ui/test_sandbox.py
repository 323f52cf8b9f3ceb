"""What a visitor sees of the sandbox: how far it is, who is before them, and why a program was stopped."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import ui.sandbox
from core import sandbox
from core.sandbox import Limit, Readiness, ReadyState, SandboxResult
from ui.sandbox import limit_words, preparing

DONE = SandboxResult("42\n", "", 0, None, 1_234_567, 0.25)


@dataclass(eq=False)
class StandIn:
    """A run that says what it is told to say."""

    result: SandboxResult | None = None
    problem: str = ""
    position: int = 0
    stopped: int = 0

    def wait(self, _: float) -> SandboxResult | None:
        return self.result

    def stop(self) -> None:
        self.stopped += 1
        self.problem = "It was stopped."


def state_page() -> None:
    import streamlit as st

    from ui.sandbox import ready

    if ready():
        st.text("ready")


def run_page(runs: list) -> None:  # type: ignore[type-arg]  # names of typing are not there
    import streamlit as st

    from ui.sandbox import shown

    # As a lab does: the visit holds the run.
    run = st.session_state.setdefault("run", runs.pop() if runs else None)
    result = shown(run)
    if result is not None:
        st.text(result.stdout)


def opened(run: StandIn | None) -> AppTest:
    app = AppTest.from_function(run_page, args=([run] if run else [],)).run()
    assert not app.exception
    return app


def said(app: AppTest) -> list[str]:
    return [each.value for each in (*app.markdown, *app.text)]


def html(app: AppTest) -> str:
    return " ".join(each.proto.body for each in app.get("html"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often it was asked to prepare."""
    prepared: list[int] = []
    monkeypatch.setattr(sandbox, "prepare", lambda: prepared.append(1))
    return prepared


def is_now(
    monkeypatch: pytest.MonkeyPatch, state: ReadyState, seconds: float = 0.0, problem: str = ""
) -> None:
    monkeypatch.setattr(sandbox, "readiness", lambda: Readiness(state, seconds, problem=problem))


def test_when_it_is_ready_nothing_is_said(monkeypatch: pytest.MonkeyPatch, asked: list[int]) -> None:
    is_now(monkeypatch, ReadyState.READY)
    app = AppTest.from_function(state_page).run()
    assert said(app) == ["ready"]
    assert asked == []


def test_while_it_is_prepared_a_line_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    is_now(monkeypatch, ReadyState.PREPARING, 5.7)
    app = AppTest.from_function(state_page).run()
    assert not app.exception
    assert said(app) == [":material/hourglass_top: Preparing the sandbox, once: 5 s, usually 10 to 60 s …"]
    assert asked == [1]
    is_now(monkeypatch, ReadyState.READY)
    assert said(app.run()) == ["ready"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "Preparing the sandbox, once: 0 s, usually 10 to 60 s"),
        (35.9, "Preparing the sandbox, once: 35 s, usually 10 to 60 s"),
        (60.9, "Preparing the sandbox, once: 60 s, usually 10 to 60 s"),
        (61.2, "Preparing the sandbox, once: 61 s, which is longer than usual"),
    ],
)
def test_the_words_for_how_far_it_is(seconds: float, words: str) -> None:
    assert preparing(Readiness(ReadyState.PREPARING, seconds)) == words


def test_why_it_is_unavailable_is_one_line(monkeypatch: pytest.MonkeyPatch, asked: list[int]) -> None:
    is_now(monkeypatch, ReadyState.UNAVAILABLE, problem="The sandbox is not available: <b>no</b> package.")
    app = AppTest.from_function(state_page).run()
    assert not app.exception
    assert said(app) == []
    assert "The sandbox is not available: &lt;b&gt;no&lt;/b&gt; package." in html(app)
    # It may have passed: whoever comes asks again, and what bounds that is behind it.
    assert asked == [1]


def test_without_a_run_nothing_is_drawn() -> None:
    app = opened(None)
    assert said(app) == []
    assert list(app.button) == []


def test_a_result_is_given_and_nothing_else_drawn() -> None:
    app = opened(StandIn(DONE))
    assert said(app) == ["42"]
    assert list(app.button) == []


def test_why_there_is_no_result_is_said() -> None:
    app = opened(StandIn(problem="It was stopped."))
    assert said(app) == []
    assert "It was stopped." in html(app)


def test_who_waits_is_told_how_many_are_before_them_and_may_stop() -> None:
    run = StandIn(position=3)
    app = opened(run)
    assert said(app) == [":material/hourglass_top: Busy: 3 before you, and it starts by itself …"]
    (stop,) = app.button
    assert stop.label == "Stop"
    stop.click().run()
    assert not app.exception
    assert run.stopped == 1
    app.run()
    assert "It was stopped." in html(app)


def test_a_run_that_goes_on_is_said_until_it_has_ended() -> None:
    run = StandIn()
    app = opened(run)
    assert said(app) == [":material/hourglass_top: Running …"]
    run.result = DONE
    assert said(app.run()) == ["42"]


def test_the_end_of_the_visit_stops_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: dict[str, Any] = {}
    monkeypatch.setattr(ui.sandbox, "at_end", lambda name, callback: ends.update({name: callback}))
    run = StandIn()
    app = opened(run)
    app.run()
    assert list(ends) == ["sandbox:runs"]
    assert run.stopped == 0
    ends["sandbox:runs"]()
    assert run.stopped == 1


def test_what_is_told_at_the_end_keeps_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: dict[str, Any] = {}
    monkeypatch.setattr(ui.sandbox, "at_end", lambda name, callback: ends.update({name: callback}))
    run = StandIn(DONE)
    held = weakref.ref(run)
    app = opened(run)
    del run, app
    gc.collect()
    assert held() is None
    ends["sandbox:runs"]()


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (None, ""),
        (Limit.FUEL, "Stopped after 1,234,567 instructions: a program may execute no more here."),
        (Limit.TIME, "Stopped after 0.2 s: a program may take no longer here."),
        (Limit.MEMORY, "Stopped: it needed more memory than a program may have here."),
        (Limit.OUTPUT, "Stopped: it printed more than a program may here. What it printed first is kept."),
    ],
)
def test_the_limit_is_said_in_words(limit: Limit | None, words: str) -> None:
    assert limit_words(SandboxResult("", "", None if limit else 0, limit, 1_234_567, 0.25)) == words


def test_a_crash_is_said_in_words() -> None:
    crashed = SandboxResult(
        "", "", None, None, 1, 0.1, crash="It crashed (SIGABRT); the log has what it said."
    )
    assert limit_words(crashed) == (
        "The interpreter itself broke down. It crashed (SIGABRT); the log has what it said."
    )
