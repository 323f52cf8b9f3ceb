"""A job: started by a click, watched, stopped, and never mistaken for one of other inputs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.process import ProcessError
from ui.job import Job


@dataclass
class StandIn:
    """A process that says what it is told to say."""

    says: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    error: str = ""
    stopped: int = 0
    position: int = 0

    def lines(self) -> list[dict[str, Any]]:
        said, self.says = self.says, []
        return said

    def stop(self) -> None:
        self.stopped += 1
        self.finished = True


def page(start: object) -> None:
    import streamlit as st

    from ui import job

    assert callable(start)
    about = st.text_input("about", "one")
    current = job.current_job("probe", about)
    if current is None:
        job.start_button("Go", key="probe", about=about, start=start, note="It takes a while.")
    elif current.process.finished:
        current.listen()
        st.text(f"ended with {len(current.lines)} lines, {current.process.error or 'all well'}")
        job.start_button("Go again", key="probe", about=about, start=start, note="Once more.")
    else:
        job.wait_for("probe", "Working")


def opened(start: Callable[[], Any]) -> AppTest:
    app = AppTest.from_function(page, args=(start,)).run()
    assert not app.exception
    return app


def click(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_nothing_starts_before_a_click() -> None:
    started: list[int] = []
    app = opened(lambda: started.append(1))
    app.run()
    assert started == []
    assert app.button(key="probe:start").label == "Go"
    assert [caption.value for caption in app.caption] == ["It takes a while."]


def test_a_click_starts_one_job_and_says_what_goes_on() -> None:
    started: list[StandIn] = []

    def start() -> StandIn:
        started.append(StandIn())
        return started[-1]

    app = click(opened(start), "probe:start")
    app.run()
    assert len(started) == 1
    assert "Working …" in app.markdown[0].value
    assert [button.key for button in app.button] == ["probe:stop"]


def test_who_waits_for_another_measurement_is_told() -> None:
    app = click(opened(lambda: StandIn([{"queued": True}])), "probe:start")
    assert "Waiting for another measurement on this machine …" in app.markdown[0].value


def test_who_waits_for_a_place_is_told_the_position_and_may_stop_waiting() -> None:
    process = StandIn(position=2)
    app = click(opened(lambda: process), "probe:start")
    assert "Busy: position 2 in the queue, and it starts by itself …" in app.markdown[0].value
    process.position = 0
    assert "Working …" in app.run().markdown[0].value
    process.position = 1
    click(app.run(), "probe:stop")
    assert process.stopped == 1


def test_what_it_says_is_kept_in_order() -> None:
    process = StandIn([{"line": 1}, {"line": 2}])
    job = Job("x", process)  # type: ignore[arg-type]
    assert job.listen()
    process.says = [{"line": 3}]
    process.finished = True
    assert not job.listen()
    assert [line["line"] for line in job.lines] == [1, 2, 3]


def test_the_last_words_of_a_process_are_heard() -> None:
    """It may speak and end between two looks: what it said last is there when it is known to have ended."""

    class Hasty(StandIn):
        def lines(self) -> list[dict[str, Any]]:
            return [{"line": "last"}]

    job = Job("x", Hasty(finished=True))  # type: ignore[arg-type]
    assert not job.listen()
    assert job.lines == [{"line": "last"}]


def test_the_page_runs_again_when_it_has_ended() -> None:
    process = StandIn()
    app = click(opened(lambda: process), "probe:start")
    process.says = [{"line": 1}]
    process.finished = True
    app.run()
    assert not app.exception
    assert app.text[0].value == "ended with 1 lines, all well"


def test_stop_ends_it_and_forgets_it() -> None:
    process = StandIn()
    app = click(click(opened(lambda: process), "probe:start"), "probe:stop")
    assert process.stopped == 1
    assert app.button(key="probe:start").label == "Go"
    # It was stopped, not outdated.
    assert "changed" not in app.caption[0].value


def test_a_job_for_other_inputs_is_stopped_and_said_to_be_outdated() -> None:
    process = StandIn()
    starts = iter([process, StandIn()])
    app = click(opened(lambda: next(starts)), "probe:start")
    app.text_input[0].set_value("two").run()
    assert not app.exception
    assert process.stopped == 1
    assert app.caption[0].value == "The inputs have changed since the last result. It takes a while."
    # The old inputs do not bring it back.
    app.text_input[0].set_value("one").run()
    assert app.button(key="probe:start").label == "Go"
    click(app, "probe:start")
    assert "Working" in app.markdown[0].value


def test_a_new_start_is_no_longer_outdated() -> None:
    second = StandIn()
    starts = iter([StandIn(), second])
    app = click(opened(lambda: next(starts)), "probe:start")
    app.text_input[0].set_value("two").run()
    click(app, "probe:start")
    second.finished = True
    app.run()
    assert app.caption[0].value == "Once more."


@pytest.mark.parametrize(
    "reason", ["Busy: 50 runs wait for a place already; try again in a moment.", "<b>no</b>"]
)
def test_a_refusal_is_one_line_said_once(reason: str) -> None:
    def refuse() -> StandIn:
        raise ProcessError(reason)

    app = click(opened(refuse), "probe:start")
    (alert,) = [html.value for html in app.html]
    assert "role='alert'" in alert
    assert "<b>" not in alert
    app.run()
    assert not app.html
    assert not app.button(key="probe:start").disabled


def test_a_second_start_that_is_refused_leaves_the_first_result() -> None:
    process = StandIn(finished=True, says=[{"line": 1}])
    starts = iter([process])

    def start() -> StandIn:
        try:
            return next(starts)
        except StopIteration:
            raise ProcessError("busy") from None

    app = click(opened(start), "probe:start")
    assert "ended with 1 lines" in app.text[0].value
    click(app, "probe:start")
    assert "ended with 1 lines" in app.text[0].value
    assert [html.value.count("busy") for html in app.html] == [1]


def test_two_visits_have_two_jobs() -> None:
    processes = [StandIn(), StandIn()]
    starts = iter(processes)
    first, second = opened(lambda: next(starts)), opened(lambda: next(starts))
    click(first, "probe:start")
    assert second.run().button(key="probe:start").label == "Go"
    click(second, "probe:start")
    click(second, "probe:stop")
    assert [process.stopped for process in processes] == [0, 1]
    assert "Working" in first.run().markdown[0].value
