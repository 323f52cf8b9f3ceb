"""Places: never more than there are, the queue is fair, and nobody can keep the others out."""

import gc
import threading
import weakref
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.places import Place, Places, PlacesError, Ticket


class Run:
    """Something that needs a place; `runs` once it has one."""

    def __init__(self, places: Places, visitor: str) -> None:
        self.begun = 0
        self.ticket = places.ask(visitor, self._begin)
        self.visitor = visitor
        if not self.ticket.waited:
            self.begun = 1

    def _begin(self, _: Ticket) -> None:
        self.begun += 1

    @property
    def runs(self) -> bool:
        return self.begun == 1


def test_who_comes_first_has_a_place_at_once_and_the_next_waits_for_it() -> None:
    places = Places(1)
    first, second = Run(places, "a"), Run(places, "b")
    assert (first.runs, second.runs) == (True, False)
    assert (first.ticket.position, second.ticket.position) == (0, 1)
    assert (places.at_work, places.waiting) == (1, 1)
    first.ticket.leave()
    assert second.runs
    assert second.ticket.position == 0
    assert (places.at_work, places.waiting) == (1, 0)


def test_leaving_twice_gives_back_one_place() -> None:
    places = Places(2)
    first, _ = Run(places, "a"), Run(places, "b")
    first.ticket.leave()
    first.ticket.leave()
    assert places.at_work == 1


def test_who_leaves_the_queue_is_passed_over() -> None:
    places = Places(1)
    first, second, third = (Run(places, name) for name in "abc")
    second.ticket.leave()
    assert third.ticket.position == 1
    first.ticket.leave()
    assert third.runs
    assert not second.begun


def test_a_visitor_with_a_place_leaves_the_last_one_to_others() -> None:
    places = Places(4)
    greedy = [Run(places, "greedy") for _ in range(6)]
    assert [run.runs for run in greedy] == [True] * 3 + [False] * 3
    # There is a place at once for someone new, although three have been waiting longer.
    new = Run(places, "new")
    assert new.runs
    assert [run.ticket.position for run in greedy[3:]] == [1, 2, 3]


def test_where_there_is_one_place_a_visitor_may_have_it() -> None:
    places = Places(1)
    assert Run(places, "a").runs


def test_the_next_place_is_for_who_has_the_fewest() -> None:
    places = Places(2)
    first, other = Run(places, "greedy"), Run(places, "other")
    waits = [Run(places, "greedy") for _ in range(3)]
    late = Run(places, "late")
    assert late.ticket.position == 1
    other.ticket.leave()
    assert late.runs
    first.ticket.leave()
    assert [run.runs for run in waits] == [True, False, False]


def test_visitors_with_as_many_take_turns() -> None:
    places = Places(1)
    current = Run(places, "server")
    everyone = [Run(places, name) for name in "aabb"]
    came: list[str] = []
    for _ in everyone:
        before = [run for run in everyone if run.begun]
        current.ticket.leave()
        (current,) = [run for run in everyone if run.begun and run not in before]
        came.append(current.visitor)
    assert came == ["a", "b", "a", "b"]


def test_the_server_itself_has_no_share_to_keep_to() -> None:
    places = Places(3, each=1)
    assert [Run(places, "").runs for _ in range(4)] == [True, True, True, False]


def test_one_visitor_may_ask_for_so_many_and_is_told_so_in_a_line() -> None:
    places = Places(2, each=3)
    mine = [Run(places, "a") for _ in range(3)]
    with pytest.raises(PlacesError) as caught:
        Run(places, "a")
    assert (
        str(caught.value) == "You have 3 runs going on or waiting, and may have 3: wait for one, or stop one."
    )
    assert Run(places, "b").runs
    mine[-1].ticket.leave()
    assert not Run(places, "a").runs


def test_so_many_wait_in_all() -> None:
    places = Places(1, waiting=2)
    for name in "abc":
        Run(places, name)
    with pytest.raises(PlacesError) as caught:
        Run(places, "d")
    assert str(caught.value) == "Busy: 2 runs wait for a place already; try again in a moment."
    assert places.waiting == 2


def test_what_cannot_begin_after_all_leaves_its_place_to_the_next() -> None:
    places = Places(1)
    first = Run(places, "a")
    places.ask("b", Ticket.leave)
    last = Run(places, "c")
    first.ticket.leave()
    assert last.runs


def test_what_is_collected_while_the_queue_is_busy_leaves_without_waiting_for_it() -> None:
    """A finalizer may run at any line, also of a thread that has the lock."""
    places = Places(1)
    Run(places, "a")

    class Held:
        pass

    held = Held()
    waits = Run(places, "b")
    weakref.finalize(held, waits.ticket.leave)
    with places._lock:
        del held
        gc.collect()
    assert places.waiting == 0


def test_threads_share_the_places() -> None:
    places = Places(3, waiting=1_000)
    most: list[int] = []
    lock = threading.Lock()
    running: Counter[str] = Counter()
    done = threading.Semaphore(0)

    def work(visitor: str) -> None:
        def begin(ticket: Ticket) -> None:
            with lock:
                running[visitor] += 1
                most.append(running.total())
            threading.Timer(0.001, end, (ticket,)).start()

        def end(ticket: Ticket) -> None:
            with lock:
                running[visitor] -= 1
            ticket.leave()
            done.release()

        for _ in range(20):
            ticket = places.ask(visitor, begin)
            if not ticket.waited:
                begin(ticket)

    threads = [threading.Thread(target=work, args=("",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(60):
        assert done.acquire(timeout=10)
    assert max(most) <= 3
    assert (places.at_work, places.waiting) == (0, 0)


@given(
    at_once=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 20)), max_size=40),
)
def test_whatever_happens_the_rules_hold(at_once: int, steps: list[tuple[str, int]]) -> None:
    places = Places(at_once, waiting=30, each=30)
    runs: list[Run] = []
    for visitor, leaves in steps:
        if leaves < len(runs) and leaves % 2:
            runs.pop(leaves).ticket.leave()
        elif places.waiting < 30:
            runs.append(Run(places, visitor))
        at_work = Counter(run.visitor for run in runs if run.begun)
        waiting = [run for run in runs if not run.begun]
        assert at_work.total() == places.at_work <= at_once
        assert sorted(run.ticket.position for run in waiting) == list(range(1, len(waiting) + 1))
        free = at_once - at_work.total()
        for run in waiting:
            # A place stays free only for someone who has none.
            assert free == 0 or (free == 1 and at_work[run.visitor])
        assert all(run.begun <= 1 for run in runs)


def test_a_place_is_asked_for_somebody() -> None:
    places = Places(2)
    assert Place(places, "a") == Place(places, "a")
    assert Place(places).visitor == ""
