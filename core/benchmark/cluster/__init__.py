"""Measurements on other machines, through a Dask cluster."""

from core.benchmark.cluster.runner import ClusterRunner

__all__ = ["ClusterRunner"]
