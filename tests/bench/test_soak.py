"""The soak notices what it is there to notice; how well the app does is not tested here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import onnx
import psutil
import pytest

from bench import soak
from bench.__main__ import render
from bench.registry import OptionError, Table
from bench.soak import Found, Sample, rise
from bench.soak_visitor import CANARY, Heard, Visitor, Widget, new_canary
from bench.soak_walk import OWN_FILE, choose, small_model
from tests.browser.server import serve

MIB = 2**20

# Pages that work, one that shows everybody what anybody wrote, one that fails, one that says what is wrong.
_APP = """
import time
import streamlit as st

@st.cache_resource
def board():
    return []

def fine():
    word = st.text_input("word", key="word")
    st.number_input("n", value=1.0, key="n")
    st.slider("s", 0, 10, key="s")
    st.pills("p", ["x", "y"], key="p")
    st.selectbox("c", ["u", "v"], key="c")
    st.checkbox("k", key="k")
    st.button("b", key="b", on_click=lambda: st.session_state.update(pressed=True))
    one, two = st.tabs(["one", "two"], key="tab", on_change="rerun")
    file = st.file_uploader("f", key="f")
    state = st.session_state
    st.text([state.word, state.n, state.s, state.p, state.c, state.k, state.get("pressed"), two.open,
             None if file is None else (file.name, len(file.getvalue()))])

def leaky():
    board().append(st.text_input("word", key="leak"))
    st.text(board())

def failing():
    raise RuntimeError("boom")

def troubled():
    st.html("<div role='alert'>The <b>input</b> is no number.</div>")
    st.error("This page failed here.")

@st.fragment(run_every=0.2)
def ticking():
    st.session_state.turns = st.session_state.get("turns", 0) + 1
    st.text(f"turn {st.session_state.turns}")

def clock():
    ticking()

pages = (fine, leaky, failing, troubled, clock)
page = st.navigation([st.Page(each, default=each is fine) for each in pages])
page.run()
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("soak")
    (folder / "script.py").write_text(_APP)
    with serve(folder, folder / "script.py") as server:
        yield server.url


def test_a_visitor_without_a_browser_does_what_one_with_a_browser_does(url: str) -> None:
    async def visit() -> tuple[Visitor, str]:
        async with Visitor(url) as visitor:
            assert visitor.text == "['', 1.0, 0, None, 'u', False, None, False, None]"
            values: dict[str, str | float] = {"word": "a b", "n": 2.5, "s": 4, "p": "y", "c": "v", "k": True}
            for key, value in values.items():
                assert await visitor.set(key, value)
            assert await visitor.press("b")
            assert visitor.widgets["tab"].choices == ("one", "two")
            assert await visitor.set("tab", "two")
            assert await visitor.upload("f", "x.bin", bytes(7))
            assert not await visitor.set("none", 1)
            assert not await visitor.press("none")
            return visitor, visitor.text

    visitor, said = asyncio.run(visit())
    assert said == "['a b', 2.5, 4, 'y', 'v', True, True, True, ('x.bin', 7)]"
    assert visitor.heard.errors == []
    assert visitor.heard.foreign == []
    assert len(visitor.heard.seconds) == 10
    assert all(0 < seconds < 60 for _, seconds in visitor.heard.seconds)


def test_a_word_of_another_visitor_is_noticed_and_one_s_own_is_not(url: str) -> None:
    async def visit(word: str) -> Heard:
        async with Visitor(url, word) as visitor:
            await visitor.go("leaky")
            await visitor.set("leak", word)
            return visitor.heard

    words = [new_canary(), new_canary()]
    first, second = (asyncio.run(visit(word)) for word in words)
    assert first.foreign == []
    assert set(second.foreign) == {f"/leaky: {words[0]}"}


def test_an_error_on_a_page_is_noticed_and_a_remark_on_an_input_is_none(url: str) -> None:
    async def visit() -> Heard:
        async with Visitor(url) as visitor:
            await visitor.go("failing")
            await visitor.go("troubled")
            await visitor.go("nowhere")
            return visitor.heard

    heard = asyncio.run(visit())
    assert len(heard.errors) == 3
    assert heard.errors[0].startswith("/failing: ")
    assert heard.errors[1:] == ["/troubled: This page failed here.", "there is no page /nowhere"]
    assert heard.troubles == ["The input is no number."]


def test_what_runs_by_the_clock_is_asked_for_by_the_clock(url: str) -> None:
    async def visit() -> str:
        async with Visitor(url) as visitor:
            await visitor.go("clock")
            await asyncio.sleep(1.2)
            await visitor.go("clock")
            return visitor.text

    assert int(asyncio.run(visit()).split()[-1]) >= 4


def test_an_answer_that_does_not_come_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def visit() -> Heard:
        async with Visitor(url) as visitor:
            monkeypatch.setattr("bench.soak_visitor.PATIENCE_S", 0.0001)
            await visitor.go("leaky")
            return visitor.heard

    assert asyncio.run(visit()).errors == ["/leaky: no answer within 0.0001 s"]


def sample(seconds: float, mib: float, processes: int = 0) -> Sample:
    return Sample(seconds, int(mib * MIB), 0, processes, 10, 20)


def test_the_rise_is_that_of_the_second_half() -> None:
    rising = [sample(60 * minute, 500 + (100 if minute > 1 else 0) + 3 * minute) for minute in range(11)]
    assert rise(rising) == pytest.approx(15.0)
    assert rise([sample(0, 500), sample(30, 500), sample(60, 500)]) == 0
    assert rise([sample(0, 500)]) == 0


def found(**given: object) -> Found:
    fine = Found(heard=[Heard(seconds=[("autograd", 0.2), ("", 0.1)])], blank=Heard(seconds=[("", 0.05)]))
    for name, value in given.items():
        setattr(fine, name, value)
    return fine


def test_a_run_without_fault_meets_the_targets_and_its_answers_are_beside_the_blank_page_s() -> None:
    table = soak._answers(found(), 1, 1.0, 5.0, 0)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["autograd"][0] == 1
    assert list(rows["autograd"][1:]) == pytest.approx([200, 200, 4, 4])
    assert rows["all pages"][1] == pytest.approx(150)
    assert rows["home"][0] == rows["blank page"][0] == 1
    wrong = soak._wrong(found())
    assert all(target.met for target in (*table.targets, *wrong.targets))
    assert render(table)
    assert render(wrong)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"heard": [Heard(errors=["/x: boom"])]}, 0),
        ({"heard": [Heard(foreign=["/x: cnry0123456789ab"])]}, 1),
        ({"browser_errors": ["console: no"]}, 2),
        ({"log": "fine\nTraceback (most recent call last):\n"}, 3),
        ({"log": '{"level": "ERROR", "event": "no"}\n'}, 3),
        ({"log": "a line with cnry0123456789ab in it\n"}, 4),
    ],
)
def test_every_fault_misses_its_target_and_no_other(given: dict[str, object], place: int) -> None:
    targets = soak._wrong(found(**given)).targets
    assert [target.met for target in targets] == [number != place for number in range(5)]


def test_memory_that_grows_misses_the_target() -> None:
    flat = soak._over_time([sample(30 * turn, 500) for turn in range(6)])
    rising = soak._over_time([sample(30 * turn, 500 + 12 * turn) for turn in range(6)])
    assert [table.targets[0].met for table in (flat, rising)] == [True, False]


def test_visits_come_in_parts_that_add_up() -> None:
    assert [soak._shares(visits) for visits in (1, 4, 6, 100)] == [[1], [1] * 4, [2, 2, 1, 1], [25] * 4]


def test_this_process_can_be_looked_at() -> None:
    seen = soak.look(psutil.Process(), 0.0)
    assert seen.server > MIB
    assert seen.threads >= 1
    assert seen.files >= 1


def test_the_file_that_visitors_give_is_a_model_with_their_word() -> None:
    word = new_canary()
    data = small_model(word)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    assert CANARY.findall(data)
    assert set(CANARY.findall(data)) == {word.encode()}


def test_a_choice_is_one_of_the_choices_and_never_one_s_own_file() -> None:
    chance = random.Random(1)  # noqa: S311
    menu = Widget("$$ID-a-model", "model", "selectbox", "", None, ("a", "b", OWN_FILE))
    assert {choose(menu, chance) for _ in range(30)} == {"a", "b"}
    assert {choose(Widget("i", "k", "checkbox", ""), chance) for _ in range(30)} == {True, False}
    assert choose(Widget("i", "k", "selectbox", "", None, (OWN_FILE,)), chance) is None
    assert choose(Widget("i", "k", "file_uploader", ""), chance) is None


def test_the_arguments_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def run(**given: object) -> list[Table]:
        asked.append(given)
        return []

    monkeypatch.setattr(soak, "run", run)
    assert soak.run_with(["--visitors", "3", "--minutes", "0.5", "--browsers", "0"]) == []
    assert asked == [{"visitors": 3, "minutes": 0.5, "visits": 0, "think": 5.0, "browsers": 0, "seed": 0}]
    for wrong in (["--visitors", "0"], ["--minutes", "0"], ["--visits", "-1"]):
        with pytest.raises(OptionError, match="expected at least 1 visitor"):
            soak.run_with(wrong)


def test_the_path_of_the_server_is_its_port(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import streamlit as st\nst.text('x')\n")
    with serve(tmp_path, tmp_path / "script.py") as server:
        process = soak.server_process(server)
        assert server.url.rsplit(":", 1)[-1] in process.cmdline()
