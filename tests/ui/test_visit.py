"""Visits: what a visit holds goes when it is over, and only then; what is to be done then is done."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from streamlit.testing.v1 import AppTest

from bench.soak_visitor import Visitor
from tests.browser.server import serve
from ui import visit
from ui.visit import Visits


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_what_is_to_be_done_is_done_when_nobody_holds_the_visit() -> None:
    visits = Visits()
    done: list[str] = []
    mine = visits.begin("a")
    mine.at_end("one", lambda: done.append("one"))
    mine.at_end("two", lambda: done.append("two"))
    gc.collect()
    assert done == []
    del mine
    gc.collect()
    assert eventually(lambda: done == ["one", "two"])


def test_a_second_callback_of_a_name_takes_the_place_of_the_first() -> None:
    visits = Visits()
    done: list[int] = []
    mine = visits.begin("a")
    for number in range(3):
        mine.at_end("same", lambda number=number: done.append(number))  # type: ignore[misc]
    del mine
    gc.collect()
    assert eventually(lambda: done == [2])


def test_what_is_to_be_done_later_is() -> None:
    visits = Visits()
    done: list[str] = []
    mine = visits.begin("a")
    mine.at_end("late", lambda: done.append("late"), after=0.3)
    mine.at_end("never", lambda: done.append("never"), after=3600)
    mine.at_end("soon", lambda: done.append("soon"))
    del mine
    gc.collect()
    assert eventually(lambda: done == ["soon"], 0.25)
    assert eventually(lambda: done == ["soon", "late"])


def test_one_that_fails_is_logged_and_keeps_no_other_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    visits = Visits()
    done: list[str] = []

    def fails() -> None:
        raise RuntimeError("no")

    mine = visits.begin("a")
    mine.at_end("fails", fails)
    mine.at_end("works", lambda: done.append("works"))
    del mine
    gc.collect()
    assert eventually(lambda: done == ["works"])
    assert "something could not be done at the end of a visit" in caplog.text


def test_the_visits_of_a_visitor_are_counted() -> None:
    visits = Visits()
    first, second, other = visits.begin("a"), visits.begin("a"), visits.begin("b")
    assert (visits.open("a"), visits.open("b"), visits.open("c"), len(visits)) == (2, 1, 0, 3)
    del first
    assert eventually(lambda: visits.open("a") == 1)
    del second, other
    assert eventually(lambda: len(visits) == 0)


def test_when_a_callback_is_called_its_visit_no_longer_counts() -> None:
    visits = Visits()
    seen: list[int] = []
    mine = visits.begin("a")
    mine.at_end("look", lambda: seen.append(visits.open("a")))
    del mine
    assert eventually(lambda: seen == [0])


def test_an_end_in_the_middle_of_a_locked_line_waits_for_no_lock() -> None:
    visits = Visits()
    mine = visits.begin("a")
    with visits._lock:
        del mine
        gc.collect()
    assert eventually(lambda: len(visits) == 0)


def test_a_visitor_has_one_turn_in_all_tabs_and_it_goes_with_the_last() -> None:
    visits = Visits()
    mine, also, other = visits.turn("a"), visits.turn("a"), visits.turn("b")
    assert mine is also
    assert mine is not other
    gone = weakref.ref(mine)
    del mine, also
    assert gone() is None


def busy(seen: list[int], running: list[int]) -> None:
    import time

    from ui.visit import one_at_a_time

    with one_at_a_time():
        running.append(1)
        seen.append(len(running))
        time.sleep(0.1)
        running.clear()


def test_what_takes_long_is_done_once_at_a_time_for_a_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "visitor", lambda: "a")
    seen: list[int] = []
    running: list[int] = []
    tests = [AppTest.from_function(busy, args=(seen, running)) for _ in range(3)]
    runs = [threading.Thread(target=test.run) for test in tests]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert seen == [1, 1, 1]


def page() -> None:
    import streamlit as st

    from ui.visit import this_visit

    st.text(str(id(this_visit())))


def test_a_page_is_run_for_the_same_visit_again_and_another_tab_for_another() -> None:
    first, second = AppTest.from_function(page).run(), AppTest.from_function(page).run()
    assert not first.exception
    assert first.text[0].value == first.run().text[0].value
    assert first.text[0].value != second.text[0].value


def test_what_cannot_be_forgotten_early_is_said_once_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def changed() -> bool:
        raise AttributeError("another Streamlit")

    monkeypatch.setattr(visit, "_give_up_expired", changed)
    asyncio.run(asyncio.wait_for(visit.forget_visits(0.01), 5))
    assert "could not be forgotten" in caplog.text


def test_memory_is_tidied_where_the_system_can() -> None:
    class Loop:
        def __init__(self) -> None:
            self.me = self

    reference = weakref.ref(Loop())
    visit.tidy()
    assert reference() is None


_APP = """
import asyncio, gc, pathlib, sys, time
sys.path.insert(0, {root!r})
from contextlib import asynccontextmanager
import streamlit as st
from ui.netron.shelf import the_shelf
from ui.netron.site import routes
from ui.visit import forget_visits

@asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(forget_visits(0.5))
    yield
    task.cancel()

app = st.App(
    pathlib.Path(__file__).with_name("page.py"), lifespan=lifespan, routes=routes(the_shelf())
)
"""
_PAGE = """
import pathlib, sys
import streamlit as st
from core.process import Process
from ui.netron.shelf import the_shelf
from ui.visit import at_end, the_visits

here = pathlib.Path(__file__).parent

class Thing:
    def __init__(self):
        self.big = bytearray(2**20)
        self.me = self

    def __del__(self):
        with (here / "gone").open("a") as file:
            file.write("thing\\n")

def told():
    with (here / "gone").open("a") as file:
        file.write("told\\n")

if "thing" not in st.session_state:
    st.session_state.thing = Thing()
    st.session_state.shelved = the_shelf().put(b"model", "m", "owner")
    st.session_state.process = Process("sleeper", {{}}, seconds=300, environment={{"PYTHONPATH": str(here)}})
    at_end("mark", told)
st.text_input("word", key="word")
# Streamlit keeps the variables of the last run: nothing that is to go is in one.
def address():
    shelved = st.session_state.shelved
    return f"data/{{shelved.token}}/{{shelved.name}}"

st.text(f"visits {{len(the_visits())}} shelf {{len(the_shelf())}} {{address()}}")
st.text(f"pid {{st.session_state.process.pid}}")
"""


def status(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_on_a_real_server_all_that_a_visit_holds_goes_when_it_is_over_and_not_before(tmp_path: Path) -> None:
    root = str(Path(__file__).parent.parent.parent)
    (tmp_path / "app.py").write_text(_APP.format(root=root))
    (tmp_path / "page.py").write_text(_PAGE.format())
    (tmp_path / "sleeper.py").write_text(
        "import time\nfrom core.process import Child\nChild()\ntime.sleep(300)\n"
    )
    gone = tmp_path / "gone"
    model: list[str] = []

    async def visits(url: str) -> tuple[int, str]:
        async with Visitor(url) as first:
            pid = int(first.text.split()[-1])
            model.append(f"{url}/netron/{first.text.split()[4]}")
            session = first.session
        # It has gone, and comes back in time: nothing is lost.
        await asyncio.sleep(0.5)
        async with Visitor(url, session=session) as again:
            assert int(again.text.split()[-1]) == pid
            assert not gone.exists()
        return pid, session

    with serve(tmp_path, tmp_path / "app.py", {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "2"}) as server:
        pid, session = asyncio.run(visits(server.url))
        assert Path(f"/proc/{pid}").exists()
        assert status(model[0]) == 200
        assert eventually(lambda: gone.exists() and len(gone.read_text().split()) == 2, 15)
        assert sorted(gone.read_text().split()) == ["thing", "told"]
        assert eventually(lambda: not Path(f"/proc/{pid}").exists())
        assert status(model[0]) == 404

        async def late() -> str:
            async with Visitor(server.url, session=session) as new:
                return new.text

        # Whoever comes then is a new visit, with a process and a model of its own and no other.
        said = asyncio.run(late()).split()
        assert said[1:4:2] == ["1", "1"]
        assert int(said[-1]) != pid
