"""Jobs on a Dask cluster: each comparison on one machine, one at a time per machine, the visitors in turn.

Dask carries orders and outcomes, and tells which workers there are. What runs where and when is decided here,
because Dask knows neither machines nor visitors, and would not say that it ran something twice.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
from typing import Final

from core.benchmark.cluster.board import RETURN_SECONDS, Board
from core.benchmark.cluster.dispatcher import ABANDON_SECONDS, Dispatcher
from core.benchmark.jobs import JobRunner, JobStatus, Limits
from core.benchmark.machines import ANYWHERE, MachineInfo, Where
from core.benchmark.tasks import Plan

_LOG: Final = logging.getLogger(__name__)
NOT_INSTALLED: Final = (
    "UTH_DASK_SCHEDULER is set and the package distributed is not installed: install "
    "requirements-cluster.txt, or unset it."
)
_CLOSING: Final = "This app is about to end and takes no more measurements."


class ClusterRunner(JobRunner):
    """Runs jobs on the machines of a Dask cluster.

    A plan is spread: each of its comparisons is measured on one machine, with all of its engines and rounds.
    If a worker is lost in the middle, its comparison is measured once more, on another machine if there is
    one. If the scheduler is lost, what was being measured is begun again when it is back. Both are said.

    Args:
        scheduler: `tcp://host:port` or `tls://host:port`. It may be away; jobs wait for it.
        limits: how much is taken on.
        measured: `module:function`, a `station.Measured` that workers use; empty for the real measurement.
    """

    def __init__(self, scheduler: str, limits: Limits | None = None, measured: str = "") -> None:
        self._scheduler = scheduler
        self._measured = measured
        self._board = Board(
            limits or Limits(), f"The cluster at {scheduler} is being connected to.", RETURN_SECONDS
        )
        self._dispatcher: Dispatcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if importlib.util.find_spec("distributed") is None:
            self._board.close(NOT_INSTALLED)
            return
        self._thread = threading.Thread(target=self._work, daemon=True, name="benchmark cluster")
        self._thread.start()

    def submit(self, plan: Plan, visitor: str, on: Where = ANYWHERE) -> str:
        """See `JobRunner`."""
        job = self._board.submit(plan, visitor, on)
        self._wake()
        return job

    def status(self, job: str) -> JobStatus:
        """See `JobRunner`."""
        return self._board.status(job)

    def cancel(self, job: str) -> None:
        """See `JobRunner`."""
        self._board.cancel(job)
        self._wake()

    def machines(self) -> tuple[MachineInfo, ...]:
        """See `JobRunner`."""
        return self._board.machines()

    @property
    def problem(self) -> str:
        """See `JobRunner`."""
        return self._board.problem

    def close(self) -> None:
        """See `JobRunner`."""
        if self._thread is None:
            return
        self._board.close(_CLOSING)
        self._closed.set()
        self._call("close")
        self._thread.join(2 * ABANDON_SECONDS)

    def _wake(self) -> None:
        self._call("wake")

    def _call(self, act: str) -> None:
        """Has the dispatcher do something in its own thread; before it is there, it will see for itself."""
        loop, dispatcher = self._loop, self._dispatcher
        if loop is None or dispatcher is None:
            return
        try:
            loop.call_soon_threadsafe(getattr(dispatcher, act))
        except RuntimeError:
            _LOG.debug("the dispatcher has ended")

    def _work(self) -> None:
        try:
            asyncio.run(self._dispatch())
        except Exception:  # noqa: BLE001 - the log has it, and visitors are told
            _LOG.exception("the dispatcher failed")
            self._board.close(
                "Measurements on the cluster have stopped; the log has why. Start the app again."
            )

    async def _dispatch(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._dispatcher = Dispatcher(self._scheduler, self._board, self._measured, warm=not self._measured)
        if self._closed.is_set():
            return
        await self._dispatcher.run()
