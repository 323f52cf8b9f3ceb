from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.cluster.fleet import DaskWorker, hosts_of
from core.benchmark.cluster.station import Description


def worker(address: str, name: str = "", machine: str = "", cores: int = 2, **more: object) -> DaskWorker:
    description = Description(address, name, machine or name, cores, f"about {name}") if name else None
    return DaskWorker(f"tcp://{address}", 1, description=description, **more)  # type: ignore[arg-type]


def test_workers_of_one_machine_are_one_machine() -> None:
    first, second = worker("10.0.0.1:1", "a", "boot 1", 2), worker("10.0.0.1:2", "a", "boot 1", 4)
    (host,) = hosts_of([second, first])
    assert host.workers == (first, second)
    assert (host.name, host.cores) == ("a", 4)
    info = host.info()
    assert (info.name, info.about, info.workers, info.usable, info.reason) == ("a", "about a", 2, True, "")


def test_machines_of_the_same_name_are_told_apart_by_their_addresses() -> None:
    hosts = hosts_of([worker("10.0.0.1:1", "a", "boot 1"), worker("10.0.0.2:1", "a", "boot 2")])
    assert [host.name for host in hosts] == ["a (10.0.0.1:1)", "a (10.0.0.2:1)"]


def test_containers_on_one_computer_are_one_machine() -> None:
    (host,) = hosts_of([worker("10.0.0.1:1", "b", "boot 1"), worker("10.0.0.2:1", "a", "boot 1")])
    assert host.name == "a"
    assert host.info().about == "about b / about a"


def test_a_worker_that_has_said_nothing_is_listed_by_its_address() -> None:
    (host,) = hosts_of([worker("10.0.0.1:1")])
    assert host.name == "10.0.0.1"
    assert host.info().reason == "A worker has not yet said what it is."
    assert not host.info().usable


def test_a_reason_is_given_also_where_another_worker_can() -> None:
    mine = [
        worker("h:1", "a"),
        worker("h:2", "a", running=False),
        worker("h:3", "a", problem="It is broken."),
    ]
    (host,) = hosts_of(mine)
    assert host.ready == (mine[0],)
    info = host.info()
    assert (info.workers, info.usable) == (3, True)
    assert info.reason == (
        "A worker takes no tasks now: Dask paused it, or it is about to end. It is broken."
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b"]), st.sampled_from(["boot 1", "boot 2"]), st.integers(1, 3)),
        max_size=8,
    )
)
def test_each_worker_is_on_one_machine_and_no_two_machines_have_the_same_name(
    described: list[tuple[str, str, int]],
) -> None:
    workers = [
        worker(f"10.0.0.{host}:{port}", name, machine)
        for port, (name, machine, host) in enumerate(described, start=1)
    ]
    hosts = hosts_of(workers)
    assert sorted(each.address for host in hosts for each in host.workers) == sorted(
        each.address for each in workers
    )
    names = [host.name for host in hosts]
    assert len(set(names)) == len(names)
    assert hosts_of(reversed(workers)) == hosts
