from collections.abc import Iterator
from pathlib import Path

import pytest

from core.benchmark.cluster.runner import ClusterRunner
from core.benchmark.jobs import Limits
from tests.core.benchmark.cluster.fakes import SLEEPS
from tests.core.benchmark.cluster.real import Cluster, NewRunner, usable, wait_for


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of machines A and B that tests leave as it was."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.start_scheduler()
        cluster.start_worker("A")
        cluster.start_worker("B")
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster to be broken; nothing is started yet."""
    with Cluster(tmp_path) as made:
        yield made


@pytest.fixture
def new_runner() -> Iterator[NewRunner]:
    """Makes runners for a cluster, and waits for the machines that are named."""
    made: list[ClusterRunner] = []

    def make(
        cluster: Cluster, *wanted: str, limits: Limits | None = None, measured: str = SLEEPS
    ) -> ClusterRunner:
        runner = ClusterRunner(cluster.address, limits, measured)
        made.append(runner)
        if wanted:
            wait_for(lambda: usable(runner) == list(wanted), runner)
        return runner

    yield make
    for each in made:
        each.close()
