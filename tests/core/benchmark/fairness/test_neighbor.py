import multiprocessing
import time

import psutil

from core.benchmark.fairness.neighbor import Neighbor


def neighbors() -> list[psutil.Process]:
    found = multiprocessing.active_children()
    return [psutil.Process(each.pid) for each in found if each.name == "benchmark neighbor"]


def test_a_neighbor_works_while_it_is_there_and_leaves_nobody_behind() -> None:
    with Neighbor(2):
        burning = neighbors()
        assert len(burning) == 2
        before = sum(each.cpu_times().user for each in burning)
        time.sleep(0.5)
        # Half a second of two cores, if nobody else wanted them.
        assert sum(each.cpu_times().user for each in burning) > before
    assert neighbors() == []
    assert not any(each.is_running() for each in burning)
