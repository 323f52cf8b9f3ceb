"""A shard on its way: which worker has it, and what waits for its outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.benchmark.cluster.fleet import DaskWorker
from core.benchmark.cluster.job import Job
from core.benchmark.cluster.shard import Shard


@dataclass
class Flight:
    """A shard that a worker has now.

    Attributes:
        job, shard: what it measures.
        host, worker: where.
        ticket: the number of this try.
        task: waits for the outcome.
        told_at: when its worker was told to stop, by the monotonic clock.
    """

    job: Job
    shard: Shard
    host: str
    worker: DaskWorker
    ticket: str
    task: asyncio.Task[None] | None = None
    told_at: float | None = None

    def overdue(self, now: float, seconds: float) -> bool:
        """Whether its worker was told to stop and has not answered for so long."""
        return self.told_at is not None and now - self.told_at > seconds

    def land(self) -> None:
        """Nobody waits for its worker any more."""
        if self.task is not None:
            self.task.cancel()
