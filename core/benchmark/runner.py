"""Which runner measures: this machine, or the cluster that the settings name."""

from __future__ import annotations

from core.benchmark.jobs import JobRunner, Limits
from core.settings import Settings


def runner(settings: Settings, limits: Limits | None = None) -> JobRunner:
    """The runner that the settings ask for. If there is no cluster where they say, its `problem` says so.

    Args:
        settings: the app's.
        limits: how much it takes on.
    """
    # Imported here: the process that measures is started from a module that these import.
    if settings.dask_scheduler is not None:
        from core.benchmark.cluster import ClusterRunner

        return ClusterRunner(settings.dask_scheduler, limits)
    from core.benchmark.local import LocalRunner

    return LocalRunner(limits)
