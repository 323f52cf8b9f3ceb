"""The cluster's machines: Dask's workers by the computer that they run on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.benchmark.cluster.station import RESOURCE, Description
from core.benchmark.machines import MachineInfo


@dataclass(frozen=True)
class DaskWorker:
    """One worker of the cluster.

    Attributes:
        address: Dask's.
        benchmarks: how many it says it can run at a time; Dask's resource for it.
        process: what another process at the same address would not have.
        running: whether it takes tasks now.
        description: what it said of itself; None if it has not.
        problem: why it could not say it, in one line.
    """

    address: str
    benchmarks: float
    process: str = ""
    running: bool = True
    description: Description | None = None
    problem: str = ""

    @property
    def reason(self) -> str:
        """Why it takes no benchmark, in one line; empty if it does."""
        if self.benchmarks < 1:
            return f'A worker was started without --resources "{RESOURCE}=1": start it again with it.'
        if self.problem:
            return self.problem
        if self.description is None:
            return "A worker has not yet said what it is."
        return "" if self.running else "A worker takes no tasks now: Dask paused it, or it is about to end."


@dataclass(frozen=True)
class Host:
    """One machine of the cluster.

    Attributes:
        name: what reports call it; no two have the same.
        workers: its workers, by their addresses.
    """

    name: str
    workers: tuple[DaskWorker, ...]

    @property
    def ready(self) -> tuple[DaskWorker, ...]:
        """The workers that take benchmarks now."""
        return tuple(each for each in self.workers if not each.reason)

    @property
    def cores(self) -> int:
        """How many threads a benchmark may ask for."""
        return max((each.description.cores for each in self.workers if each.description), default=0)

    def info(self) -> MachineInfo:
        """The machine as a page lists it."""
        about = {each.description.about: None for each in self.workers if each.description}
        reasons = {each.reason: None for each in self.workers if each.reason}
        facts = [each.description.facts for each in self.workers if each.description]
        return MachineInfo(
            name=self.name,
            about=" / ".join(about),
            workers=len(self.workers),
            usable=bool(self.ready),
            reason=" ".join(reasons),
            facts=next(iter(facts), None),
        )


def hosts_of(workers: Iterable[DaskWorker]) -> tuple[Host, ...]:
    """The machines that these workers run on, by name.

    A machine is what its workers say it is; one that has said nothing is known by its address.
    """
    found: dict[str, list[DaskWorker]] = defaultdict(list)
    for worker in sorted(workers, key=lambda each: each.address):
        told = worker.description
        found[f"at {_address(worker)}" if told is None else told.machine].append(worker)
    names = {machine: _name(mine) for machine, mine in found.items()}
    alike = Counter(names.values())
    return tuple(
        sorted(
            (
                Host(
                    names[machine] if alike[names[machine]] == 1 else f"{names[machine]} ({_place(mine[0])})",
                    tuple(mine),
                )
                for machine, mine in found.items()
            ),
            key=lambda host: host.name,
        )
    )


def _name(workers: Iterable[DaskWorker]) -> str:
    """The first name that they give; where there is none, the address."""
    return min(each.description.name if each.description else _address(each) for each in workers)


def _place(worker: DaskWorker) -> str:
    """The address and the port, which no two workers have in common."""
    return urlsplit(worker.address).netloc or worker.address


def _address(worker: DaskWorker) -> str:
    return urlsplit(worker.address).hostname or worker.address
