"""Exports that are kept: those asked for lately, within bounds, for all visitors and from any thread."""

import dataclasses
import gc
import threading
import time
from functools import partial

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export import child
from core.export.child import Answer, start_export
from core.export.exporter import ExportedModel
from core.export.graph import Graph
from core.export.plan import Exporter, ExportPlan
from core.process import Process, ProcessError
from ui.onnx import exports
from ui.onnx.exports import Answers, export_ahead, the_answers

GRAPH = Graph(0, 10, (), "", (), (), 0, 0, (), (), 0, 0, 0, (), ())


def answer(seed: int, size: int | None = 1) -> Answer:
    """An answer with a file of that many bytes; None for a refusal."""
    file = None if size is None else ExportedModel(bytes(size), Exporter.LEGACY, 15, 15, (), 0.0, (), GRAPH)
    return Answer(ExportPlan(seed=seed), file, "", "", (), 0, 0.0)


def kept(answers: Answers, most: int = 100) -> list[int]:
    """The seeds that are there, without the worked example's."""
    return [seed for seed in range(1, most) if answers.get(ExportPlan(seed=seed)) is not None]


def test_what_was_put_in_is_given_back() -> None:
    answers = Answers()
    assert answers.get(ExportPlan()) is None
    found = answer(0)
    answers.put(found)
    assert answers.get(ExportPlan()) is found
    assert answers.get(ExportPlan(batch=3)) is None


def test_those_that_nobody_asked_for_the_longest_go_first() -> None:
    answers = Answers(answers=3)
    for seed in (1, 2, 3):
        answers.put(answer(seed))
    assert answers.get(ExportPlan(seed=1)) is not None
    answers.put(answer(4))
    assert kept(answers) == [1, 3, 4]


def test_the_worked_example_stays() -> None:
    answers = Answers(answers=2, size=100)
    answers.put(answer(0, 60))
    for seed in range(1, 9):
        answers.put(answer(seed, 40))
    assert answers.get(ExportPlan()) is not None
    assert kept(answers) == [8]


def test_large_files_take_the_place_of_many() -> None:
    answers = Answers(answers=100, size=100)
    for seed in range(1, 10):
        answers.put(answer(seed, 10))
    answers.put(answer(10, 55))
    assert kept(answers) == [6, 7, 8, 9, 10]


def test_one_that_is_larger_than_all_may_be_is_not_kept() -> None:
    answers = Answers(size=100)
    answers.put(answer(1, 101))
    assert kept(answers) == []


def test_a_refusal_takes_no_bytes() -> None:
    answers = Answers(size=0)
    answers.put(answer(1, None))
    assert kept(answers) == [1]


def test_the_same_plan_again_takes_no_second_place() -> None:
    answers = Answers(answers=2)
    other = dataclasses.replace(answer(1), checker="again")
    for each in (answer(1), answer(2), other):
        answers.put(each)
    assert kept(answers) == [1, 2]
    assert answers.get(ExportPlan(seed=1)) is other


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 60)), max_size=40))
def test_it_never_holds_more_than_it_may(puts: list[tuple[int, int]]) -> None:
    answers = Answers(answers=4, size=100)
    sizes: dict[int, int] = {}
    for seed, size in puts:
        answers.put(answer(seed, size))
        sizes[seed] = size
        there = kept(answers, 10)
        assert len(there) <= 4
        assert sum(sizes[each] for each in there) <= 100
        assert seed in there


def test_threads_do_not_get_into_each_other_s_way() -> None:
    answers = Answers(answers=5)
    failed: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for number in range(300):
                answers.put(answer(1 + (start + number) % 20))
                answers.get(ExportPlan(seed=1 + number % 20))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test says it
            failed.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(kept(answers)) == 5


def test_there_is_one_for_the_server() -> None:
    assert the_answers() is the_answers()


def test_an_export_ahead_is_there_for_the_first_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Answers()
    monkeypatch.setattr(exports, "the_answers", lambda: own)
    plan = ExportPlan(exporter=Exporter.LEGACY, seed=5)
    export_ahead(plan)
    found = own.get(plan)
    assert found is not None
    assert found.exported is not None
    assert found.exported.opset == 15


def test_an_export_ahead_that_dies_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Answers()
    monkeypatch.setattr(exports, "the_answers", lambda: own)
    monkeypatch.setattr(exports, "start_export", partial(start_export, seconds=0.1))
    export_ahead(ExportPlan())
    assert own.get(ExportPlan()) is None


def test_an_export_ahead_on_a_busy_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: ExportPlan, **__: object) -> Process:
        raise ProcessError("busy")

    monkeypatch.setattr(exports, "start_export", refuse)
    with pytest.raises(ProcessError, match="busy"):
        export_ahead(ExportPlan())


def test_one_answer_is_never_more_than_the_server_keeps() -> None:
    assert exports.MAX_BYTES <= child.EXPORT_BYTES / 10
    assert exports.MAX_ANSWERS > 0


def test_all_who_ask_for_a_plan_share_its_export_and_it_ends_with_the_last() -> None:
    answers = Answers()
    plan = ExportPlan(exporter=Exporter.LEGACY, seed=6)
    one, other = answers.job(plan), answers.job(plan)
    assert one is other
    pid = one.process.pid
    del one
    gc.collect()
    assert psutil.pid_exists(pid)
    del other
    gc.collect()
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_export_that_failed_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    monkeypatch.setattr(exports, "start_export", partial(start_export, seconds=0.1))
    one = answers.job(ExportPlan())
    one.process.wait(20)
    assert one.process.error
    other = answers.job(ExportPlan())
    assert other is not one
    other.process.stop()
